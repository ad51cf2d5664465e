// The collapse of a router (chapter 14): six trainings as films beside one another.

import { controlsOf } from "../kit/bound.js";
import { THEMED } from "../kit/colors.js";
import { more } from "../kit/controls.js";
import { create, createFrame } from "../kit/frame.js";
import { percent } from "../kit/numbers.js";
import { player } from "../kit/player.js";
import { fill, shape } from "../kit/svg.js";
import { BEFORE, bandsOf, isFilm, loadsAt, textOf } from "./film.js";

const PAUSE = 160; // milliseconds for each picture of the films
const NOTE =
  "Each band is an expert of layer 2: its height is its share of the characters, over ten batches. What alternates between " +
  "batches does not show in this mean.";
const FIRST =
  "A router sends each character to one of eight experts. Its illness: one expert takes everything. Alive means that none " +
  "takes more than a third. Tick those that will be alive at the end, and press Play.";

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    const { model } = context;
    /** @type {import("./film.js").Film} */
    const film = model.get("film"); // if it is one
    const usable = isFilm(film);
    const last = usable ? film.steps.length - 1 : 0;
    const frame = createFrame(context, {
      title: "Six trainings of one router",
      first: FIRST,
      onChange: update,
    });
    if (!usable) {
      frame.stop("This figure was given no complete film of a training.");
      return frame.remove;
    }
    const { values } = frame.state;
    const { choice, slider } = controlsOf(frame);
    const movie = player(frame, {
      main: true,
      pause: () => PAUSE,
      onPlay: () => frame.state.set({ step: values.step === last ? 0 : values.step }),
      advance() {
        frame.state.set({ step: values.step + 1 });
        return values.step < last;
      },
      onStop: update,
    });
    slider("step", {
      label: "Training step",
      max: last,
      format: (index) => `${film.steps[index]} of ${film.steps[last]}`,
      onInput: (step) => restart({ step }),
    });
    const parent = more(frame, "More: learning rate, seed");
    choice("rate", {
      parent,
      label: "Learning rate",
      options: [
        ["high", String(film.high)],
        ["tuned", "tuned for each"],
      ],
      onInput: (rate) => restart({ rate }),
    });
    slider("seed", {
      parent,
      label: "Seed of weights and batches",
      onInput: (seed) => restart({ seed }),
    });

    frame.root.append(create("style", {}, STYLE));
    const films = film.settings.map((setting) => {
      const { name, what } = textOf(setting);
      const bands = shape("svg", {
        class: "bands",
        viewBox: `${BEFORE} 0 ${film.steps[last] - BEFORE} 1`,
        preserveAspectRatio: "none",
        role: "img",
        "aria-label": `Shares of the experts: ${name}`,
      });
      const guess = create("input", { type: "checkbox" });
      guess.addEventListener("change", update);
      const alive = create("label", { class: "check" }, guess, create("span", {}, "alive at the end"));
      const busiest = create("p", { class: "busiest" });
      const fullness = create("span", {});
      const meter = create("p", { class: "meter", "aria-hidden": "true" }, fullness);
      const head = create("p", { class: "panel-title" }, name);
      const node = create(
        "div",
        { class: "film" },
        head,
        create("p", { class: "what" }, what),
        bands,
        busiest,
        meter,
        alive,
      );
      return { name, bands, guess, busiest, fullness, node };
    });
    const grid = create("div", { class: "panel full films" }, ...films.map(({ node }) => node));
    frame.stage.append(grid, create("p", { class: "note" }, NOTE));

    const loadsOf = (/** @type {number} */ setting, /** @type {number} */ step) =>
      loadsAt(film, { rate: values.rate, seed: values.seed, setting, step });

    /** Show another step, or another run from its first step on. */
    function restart(/** @type {import("../kit/state.js").Values} */ changes) {
      movie.halt();
      frame.state.set({ step: 0, ...changes });
    }

    function update() {
      const steps = film.steps.slice(0, values.step + 1);
      const ends = films.map(({ bands, busiest, guess, fullness }, setting) => {
        const shares = steps.map((_, step) => loadsOf(setting, step));
        const colors = [...THEMED.series, THEMED.masked];
        fill(
          bands,
          bandsOf(steps, shares).map((points, i) => ["polygon", { points, fill: colors[i % 8] }]),
        );
        const most = Math.max(...shares[values.step]);
        const isAlive = most < ALIVE;
        const verdict = create("b", { class: isAlive ? "right" : "wrong" }, isAlive ? " ✓ alive" : " ✗ dead");
        const isRight = guess.checked === isAlive;
        const guessed = films.some((each) => each.guess.checked)
          ? [isRight ? ", as you said" : ", not as you said"]
          : [];
        busiest.replaceChildren(`busiest: ${percent(most)}`, ...(values.step === last ? [verdict, ...guessed] : []));
        fullness.style.width = `${100 * most}%`;
        fullness.classList.toggle("over", !isAlive);
        return most;
      });
      if (movie.plays) return; // while the films play, nothing is read aloud
      const where = values.rate === "high" ? `Learning rate ${film.high}` : "The learning rate tuned for each";
      const said = films.map(({ name }, i) => `${name} ${percent(ends[i])}`).join(", ");
      const right = films.filter(({ guess }, i) => guess.checked === ends[i] < ALIVE).length;
      const score =
        films.some(({ guess }) => guess.checked) && values.step === last
          ? `You were right about ${right} of ${films.length}. `
          : "";
      const all =
        `${where}, seed ${values.seed}, step ${film.steps[values.step]}. Share of the busiest expert: ${said}. ` +
        `Shared equally, it would be ${percent(1 / film.experts)}. `;
      frame.describe(create("span", { class: "hidden" }, all), score);
    }

    frame.onReset(() => {
      movie.halt();
      for (const { guess } of films) guess.checked = false;
    });
    update();
    return frame.remove;
  },
};

const ALIVE = 1 / 3; // share of the busiest expert

const STYLE = `
.films { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 0.9rem; }
.film { display: flex; flex-direction: column; } .film p { margin: 0; } .film .what { flex: 1; font-size: 0.85rem; line-height: 1.25; color: var(--note); }
.bands { width: 100%; height: 4rem; margin: 0.3rem 0; background: var(--panel); border: 1px solid var(--line); }
.meter { position: relative; height: 0.5rem; border: 1px solid var(--line); } .meter span { display: block; height: 100%; background: var(--right); }
.meter .over { background: var(--error); } .meter::after { content: ""; position: absolute; left: 33.3%; top: -0.25rem; bottom: -0.25rem; border-left: 2px solid var(--ink); }
.busiest b { white-space: nowrap; } .busiest { font-variant-numeric: tabular-nums; font-size: 0.9rem; }
@container (max-width: 36rem) { .films { grid-template-columns: repeat(2, minmax(0, 1fr)); } .bands { height: 4rem; } }
`;
