// A film of depth (chapter 05): how alike the vectors of the tokens are after each block of a GPT that is not trained.

import { controlsOf } from "../kit/bound.js";
import { legend, lineChart } from "../kit/chart.js";
import { THEMED } from "../kit/colors.js";
import { button, more } from "../kit/controls.js";
import { drawing, heatmap } from "../kit/draw.js";
import { createFrame } from "../kit/frame.js";
import { written } from "../kit/numbers.js";
import { player } from "../kit/player.js";
import { cosines, differs, film, newBlocks, newVectors, sizeOf } from "./blocks.js";

const PAUSE = 180; // milliseconds for each picture of the film
const WORDS = "the pilots near the window behind the old car are late".split(" ");
const IDS = WORDS.map((word) => WORDS.indexOf(word));
const LEAST = 1e-3; // of what is drawn on the logarithmic axis, and said
const NORMS = { pre: "pre-norm", post: "post-norm", none: "no norm" };

const FIRST =
  "Say after how many blocks the tokens are alike, if they ever are. Press Play. Then switch a part off, and play again.";
const ALIKE = 0.9; // cosine above which two vectors are nearly the same

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    const frame = createFrame(context, {
      title: "Do the tokens stay different?",
      first: FIRST,
      onChange: update,
    });
    const { state } = frame;
    const { values } = state;
    const { choice, slider, toggle } = controlsOf(frame);
    /** @type {Map<string, {variant: import("./blocks.js").Variant, states: Float64Array[], alike: number, seen: number}>}  by `nameOf` */
    let films = new Map();
    let drawnWith = "";

    choice("residual", {
      label: "Residual connections",
      options: [
        ["on", "on"],
        ["off", "off"],
      ],
    });
    choice("norm", { label: "Norm", options: Object.entries(NORMS) });
    // On a phone the map is below the button: the film waits until the reader sees it.
    let mapInSight = true;
    const movie = player(frame, {
      main: true,
      pause: () => PAUSE,
      ready: () => mapInSight,
      onPlay() {
        const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
        map.area.scrollIntoView({ block: "nearest", behavior: still ? "instant" : "smooth" });
        state.set({ block: block() === values.blocks ? 0 : block() });
      },
      advance() {
        state.set({ block: block() + 1 });
        return block() < values.blocks;
      },
      onStop: update,
    });
    const blockSlider = slider("block", {
      label: "After block",
      format: (block) => `${block} of ${values.blocks}`,
      onInput(block) {
        movie.halt();
        state.set({ block });
      },
    });
    const parent = more(frame, "More: one residual connection, small layers, 48 blocks, other weights");
    choice("residual", {
      parent,
      label: "No residual connection around",
      options: [
        ["attention", "attention only"],
        ["feed_forward", "feed-forward only"],
      ],
    });
    toggle("scaled", { parent, label: "layers divided by √(2 · blocks), as in GPT-2" });
    toggle("blocks", {
      parent,
      label: "48 blocks",
      show: (blocks) => blocks === 48,
      take: (isDeep) => (isDeep ? 48 : 24),
    });
    button(parent, { label: "Draw other weights", onClick: () => state.set({ seed: (values.seed + 1) % 1000 }) });

    const map = drawing(frame, {
      title: "Cosine of each two tokens",
      label: "Cosine of each pair of tokens",
      height: (width) => Math.min(width * 0.72, 290),
      draw(pen, width, height) {
        heatmap(pen, frame.colors, {
          values: cosines(shown().states[block()]),
          color: frame.colors.signed,
          rows: WORDS,
          text: (value) => written(value, 1),
          width,
          height,
        });
      },
    });
    const panel = { xTitle: "block", height: (/** @type {number} */ width) => Math.min(160, 105 + width / 8) };
    const share = lineChart(frame, {
      title: "Share that differs between tokens",
      label: "Share that differs against the block",
      height: panel.height,
      content: () => content((x) => Math.max(differs(x), LEAST), [LEAST, 1.5]),
    });
    const size = lineChart(frame, {
      title: "Root mean square of the features",
      label: "Root mean square of the features against the block",
      height: panel.height,
      content: () => content(sizeOf, rangeOfSizes()),
    });
    share.panel.append(size.heading, size.area);
    size.panel.remove();
    const key = legend(share.panel, () => [...films.values()].map((each) => lookOf(each.variant)));

    function shown() {
      const { seed, blocks, scaled: small } = values;
      if (drawnWith !== `${seed} ${blocks}`) {
        films = new Map();
        drawnWith = `${seed} ${blocks}`;
      }
      const variant = { residual: values.residual, norm: values.norm, scaled: small };
      const name = nameOf(variant);
      let found = films.get(name);
      if (!found) {
        const states = film(newBlocks(blocks, seed), newVectors(IDS, seed), variant);
        const alike = states.findIndex((x) => Math.min(...cosines(x).flat()) > ALIKE);
        found = { variant, states, alike, seen: 0 };
        films.set(name, found);
      }
      return found;
    }

    function block() {
      return Math.min(values.block, values.blocks);
    }

    /** Each film up to the last block that the reader has seen of it. */
    function content(
      /** @type {(state: Float64Array) => number} */ measure,
      /** @type {import("../kit/axes.js").Range} */ yRange,
    ) {
      return {
        curves: [...films.values()].map(({ variant, states, seen }) => ({
          x: states.slice(0, seen + 1).map((_, i) => i),
          y: states.slice(0, seen + 1).map(measure),
          width: variant === shown().variant ? 3 : 1.5,
          points: seen === 0,
          ...lookOf(variant),
        })),
        xRange: /** @type {import("../kit/axes.js").Range} */ ([0, values.blocks]),
        yRange,
        logY: true,
        xTitle: panel.xTitle,
        yTitle: "",
        cursor: block(),
      };
    }

    function rangeOfSizes() {
      const sizes = [...films.values()].flatMap(({ states, seen }) => states.slice(0, seen + 1).map(sizeOf));
      return /** @type {[number, number]} */ ([Math.min(0.1, ...sizes) / 1.5, Math.max(10, ...sizes) * 1.5]);
    }

    function lookOf(/** @type {import("./blocks.js").Variant} */ variant) {
      const index = variant.residual === "on" ? { pre: 0, post: 1, none: 2 }[variant.norm] : 3;
      const dashed = variant.scaled || variant.residual.length > 3;
      const dotted = variant.residual === "off" && variant.norm !== "pre";
      return { name: nameOf(variant), color: THEMED.series[index], dashed, dotted };
    }

    const sight = new IntersectionObserver(([{ isIntersecting }]) => (mapInSight = isIntersecting), { threshold: 0.9 });
    sight.observe(map.area);

    function update() {
      const now = shown();
      now.seen = Math.max(now.seen, block());
      frame.advise({ first: FIRST, then: outcomeOf(now) });
      frame.acted(); // which shows what one should see, once the film is there
      blockSlider.input.max = String(values.blocks);
      blockSlider.set(block());
      for (const each of [map, share, size]) each.redraw();
      key.update();
      if (movie.plays) return; // while the film plays, nothing is read aloud
      const x = now.states[block()];
      const all = cosines(x);
      const pairs = all.flatMap((row, i) => row.slice(0, i));
      const mean = pairs.reduce((sum, value) => sum + value, 0) / pairs.length;
      frame.describe(
        `${nameOf(now.variant)}, after block ${block()}: mean cosine of two tokens ${written(mean)}, share that differs ` +
          `${shortShare(differs(x))}, root mean square ${written(sizeOf(x))}.`,
      );
    }

    frame.onRemove(() => sight.disconnect());
    frame.onReset(() => {
      movie.halt();
      films = new Map();
    });
    update();
    return frame.remove;
  },
};

/** What a film shows, once the reader has seen enough of it; alike: the first block after which all words are. */
function outcomeOf(/** @type {{states: Float64Array[], alike: number, seen: number}} */ { states, alike, seen }) {
  const last = states.length - 1;
  if (alike >= 0 && seen >= alike)
    return `after block ${alike}, all words have nearly the same vector: each cosine is above ${ALIKE}.`;
  if (alike < 0 && seen === last) return `after ${last} blocks, the words still have vectors of their own.`;
  return "";
}

/** The name of a variant, as the chapter writes it. */
function nameOf(/** @type {import("./blocks.js").Variant} */ { residual, norm, scaled }) {
  const around = { on: "", off: "", attention: " around attention", feed_forward: " around feed-forward" }[residual];
  const name = residual === "on" ? NORMS[norm] : `no residual${around}, ${NORMS[norm]}`;
  return scaled ? `${name}, small layers` : name;
}

function shortShare(/** @type {number} */ value) {
  return value < LEAST ? `below ${LEAST}` : value.toFixed(3);
}
