// A film of depth (chapter 05): how alike the vectors of words become in a GPT that is not trained, with the residual
// connections and, beside it, without.

import { controlsOf } from "../kit/bound.js";
import { legend, lineChart } from "../kit/chart.js";
import { THEMED } from "../kit/colors.js";
import { button, more } from "../kit/controls.js";
import { drawing, heatmap } from "../kit/draw.js";
import { createFrame } from "../kit/frame.js";
import { player } from "../kit/player.js";
import { cosines, differs, film, newBlocks, newVectors } from "./blocks.js";

const PAUSE = 180; // milliseconds for each picture of the film
const WORDS = "the pilots near the window behind the old car are late".split(" ");
const IDS = WORDS.map((word) => WORDS.indexOf(word));
const LEAST = 1e-3; // of what is drawn on the logarithmic axis, and said
const ALIKE = 0.9; // cosine above which two vectors are nearly the same
const [TITLE, GAP, NAMED] = [24, 16, 560]; // height of a map's title, pixels between maps, least width with words
const NORMS = { pre: "pre-norm", post: "post-norm", none: "no norm" };
const PLACES = { off: "both layers", attention: "attention only", feed_forward: "feed-forward only" };

const FIRST =
  "Each square compares two words: the redder, the more alike are their vectors. Say what the two films will look " +
  "like at their end, and press Play.";

/**
 * @typedef {object} Film
 * @property {Float64Array[]} states  the vectors before the first block and after each
 * @property {number} alike  after which block all words are nearly the same, -1 if they never are
 */

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    const frame = createFrame(context, {
      title: "Do the words stay different?",
      first: FIRST,
      onChange: update,
    });
    const { state } = frame;
    const { values } = state;
    const { choice, slider, toggle } = controlsOf(frame);
    /** @type {{name: string, films: Film[]}} */
    let made = { name: "", films: [] };

    // On a phone the maps are below the button: the film waits until the reader sees them.
    let mapsInSight = true;
    const movie = player(frame, {
      main: true,
      pause: () => PAUSE,
      ready: () => mapsInSight,
      onPlay() {
        const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
        maps.area.scrollIntoView({ block: "nearest", behavior: still ? "instant" : "smooth" });
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
    const parent = more(frame, "More: where the plus is missing, the norm, 48 blocks, other weights");
    choice("residual", { parent, label: "No plus in the right film at", options: Object.entries(PLACES) });
    choice("norm", { parent, label: "In both films", options: Object.entries(NORMS) });
    toggle("blocks", {
      parent,
      label: "48 blocks",
      show: (blocks) => blocks === 48,
      take: (isDeep) => (isDeep ? 48 : 24),
    });
    button(parent, { label: "Draw other weights", onClick: () => state.set({ seed: (values.seed + 1) % 1000 }) });

    const maps = drawing(frame, {
      title: "",
      label: "Cosine of each pair of words: left with the residual connections, right without",
      full: true,
      height: (width) => Math.min((width - GAP) / 2, 290) + TITLE,
      draw(pen, width, height) {
        const half = (width - GAP) / 2;
        films().forEach(({ states }, n) => {
          pen.save();
          pen.translate(n * (half + GAP), 0);
          pen.textAlign = "left";
          pen.fillStyle = frame.colors.ink;
          pen.fillText(n ? "without the plus" : "with the plus", 0, TITLE / 2);
          pen.textAlign = "right";
          if (width > NAMED) pen.fillText(`differ: ${shortShare(differs(states[block()]))}`, half, TITLE / 2);
          pen.translate(0, TITLE);
          heatmap(pen, frame.colors, {
            values: cosines(states[block()]),
            color: frame.colors.signed,
            rows: width > NAMED ? WORDS : [],
            width: half,
            height: height - TITLE,
          });
          pen.restore();
        });
      },
    });
    const share = lineChart(frame, {
      title: "Share of the vectors that differs between the words",
      label: "Share that differs against the block",
      full: true,
      height: (width) => Math.min(160, 105 + width / 8),
      content: () => ({
        curves: films().map(({ states }, n) => ({
          x: states.slice(0, block() + 1).map((_, i) => i),
          y: states.slice(0, block() + 1).map((x) => Math.max(differs(x), LEAST)),
          width: 3,
          points: block() === 0,
          ...LOOKS[n],
        })),
        xRange: /** @type {import("../kit/axes.js").Range} */ ([0, values.blocks]),
        yRange: /** @type {import("../kit/axes.js").Range} */ ([LEAST, 1.5]),
        logY: true,
        xTitle: "block",
        yTitle: "",
        cursor: block(),
      }),
    });
    legend(share.panel, () => LOOKS);

    /** The film with residual connections, and the one without. */
    function films() {
      const { seed, blocks, norm, residual } = values;
      const name = [seed, blocks, norm, residual].join(" ");
      if (made.name !== name) {
        const weights = newBlocks(blocks, seed);
        made = {
          name,
          films: /** @type {import("./blocks.js").Residual[]} */ (["on", residual]).map((each) => {
            const states = film(weights, newVectors(IDS, seed), { residual: each, norm });
            return { states, alike: states.findIndex((x) => Math.min(...cosines(x).flat()) > ALIKE) };
          }),
        };
      }
      return made.films;
    }

    function block() {
      return Math.min(values.block, values.blocks);
    }

    const sight = new IntersectionObserver(([{ isIntersecting }]) => (mapsInSight = isIntersecting), {
      threshold: 0.9,
    });
    sight.observe(maps.area);

    function update() {
      frame.advise({ first: FIRST, then: outcomeOf(films(), block()) });
      frame.acted(); // which shows what one should see, once the films are there
      blockSlider.input.max = String(values.blocks);
      blockSlider.set(block());
      maps.redraw();
      share.redraw();
      if (movie.plays) return; // while the films play, nothing is read aloud
      const [kept, lost] = films().map(({ states }) => shortShare(differs(states[block()])));
      frame.describe(
        `After block ${block()}, ${NORMS[/** @type {keyof typeof NORMS} */ (values.norm)]}: with the plus, the share ` +
          `that differs between the words is ${kept}; without it (${PLACES[/** @type {keyof typeof PLACES} */ (values.residual)]}), ${lost}.`,
      );
    }

    frame.onRemove(() => sight.disconnect());
    frame.onReset(() => movie.halt());
    update();
    return frame.remove;
  },
};

const LOOKS = [
  { name: "with the plus", color: THEMED.series[0] },
  { name: "without the plus", color: THEMED.series[3], dashed: true },
];

/** What both films show after a block. */
function outcomeOf(/** @type {Film[]} */ [kept, lost], /** @type {number} */ block) {
  const last = kept.states.length - 1;
  const said = [];
  if (lost.alike >= 0 && block >= lost.alike)
    said.push(
      `without the plus, all words have nearly the same vector after block ${lost.alike}: each cosine is above ${ALIKE}`,
    );
  if (block === last && lost.alike < 0)
    said.push(`even without this plus, the words still differ after ${last} blocks`);
  if (block === last)
    said.push(
      kept.alike < 0
        ? `with it, the words still have vectors of their own after ${last} blocks`
        : `with it, they are alike after block ${kept.alike}`,
    );
  return said.length ? `${said.join("; ")}.` : "";
}

function shortShare(/** @type {number} */ value) {
  return value < LEAST ? `below ${LEAST}` : value.toFixed(3);
}
