// Ensemble error curves (chapter 13): average error, ambiguity and ensemble error in closed form.

import { best, ensembleErrors } from "./sollich_krogh.js";
import { N, fitStudents, value } from "./students.js";
import { legend, lineChart } from "../kit/chart.js";
import { button, choice, more, slider } from "../kit/controls.js";
import { drawing } from "../kit/draw.js";
import { create, createFrame } from "../kit/frame.js";

const MEMBERS = [1, 2, 3, 5, 10, 20, 30, 50, 100, 1000];
const AXES = {
  penalty: { log: true, title: "penalty λ (weight decay)" },
  subset: { log: false, title: "fraction of the examples that each member is trained on" },
};
const SHOWN = 10; // students
const NAMES = { ensemble: "ensemble's error", average: "members' average error", ambiguity: "ambiguity" };

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    const frame = createFrame(context, {
      title: "Does overfitting help an ensemble?",
      first: "With 30 members and a fraction of 65 %, move the penalty from 0.2 to 0.014.",
      then: "each student gets wilder and, on average over such draws, their mean gets better: they disagree more.",
      onChange: update,
    });
    const { state } = frame;
    const { fields } = context;
    const rest = more(frame, "More: number of examples, noise, axis");
    const controls = {
      penalty: slider(frame.controls, {
        label: "Penalty λ",
        min: Math.log10(fields.penalty.min),
        max: Math.log10(fields.penalty.max),
        step: 0.05,
        value: 0,
        format: () => number(state.values.penalty),
        onInput: (power) => state.set({ penalty: Number((10 ** power).toPrecision(6)) }),
      }),
      subset: slider(frame.controls, {
        label: "Fraction of the examples",
        min: fields.subset.min,
        max: fields.subset.max,
        step: 0.05,
        value: 0,
        format: () => percent(state.values.subset),
        onInput: (subset) => state.set({ subset }),
      }),
      members: slider(frame.controls, {
        label: "Members",
        min: 0,
        max: MEMBERS.length - 1,
        step: 1,
        value: 0,
        format: () => state.values.members.toLocaleString("en-US"),
        onInput: (index) => state.set({ members: MEMBERS[index] }),
      }),
      alpha: slider(rest, {
        label: "Examples for each weight, α",
        min: Math.log10(fields.alpha.min),
        max: Math.log10(fields.alpha.max),
        step: 0.05,
        value: 0,
        format: () => number(state.values.alpha),
        onInput: (power) => state.set({ alpha: Number((10 ** power).toPrecision(3)) }),
      }),
      noise: slider(rest, {
        label: "Variance of the noise, σ²",
        min: fields.noise.min,
        max: fields.noise.max,
        step: 0.05,
        value: 0,
        format: () => number(state.values.noise),
        onInput: (noise) => state.set({ noise }),
      }),
      along: choice(rest, {
        label: "Horizontal axis",
        options: [
          ["penalty", "penalty"],
          ["subset", "fraction"],
        ],
        value: state.values.along,
        onInput: (along) => state.set({ along }),
      }),
    };
    button(rest, { label: "Draw other examples", onClick: () => state.set({ seed: (state.values.seed + 1) % 1000 }) });
    let now = null;
    let fitted = null;
    const GRID = Array.from({ length: 241 }, (_, i) => i / 240);
    const seen = drawing(frame, {
      title: "Students that were fitted to drawn examples, and their mean",
      label: "The teacher, the examples, the fitted students and their mean as curves",
      height: (width) => Math.min(240, 170 + width / 12),
      full: true,
      draw(pen, width, height) {
        const { series, ink, note } = frame.colors;
        const curve = (w) => ({ x: GRID, y: GRID.map((x) => value(w, x)) });
        const { px, py } = lineChart(pen, frame.colors, {
          curves: [
            ...fitted.students.slice(0, SHOWN).map((w) => ({ ...curve(w), color: series[1], width: 0.9 })),
            { ...curve(fitted.teacher), color: ink, dashed: true, width: 2 },
            { ...curve(fitted.mean), color: series[0], width: 3.5 },
          ],
          xRange: [0, 1],
          yRange: [-4, 4],
          xTitle: "input",
          yTitle: "output",
          width,
          height,
        });
        pen.strokeStyle = note;
        pen.lineWidth = 1.5;
        for (const { x, y } of fitted.examples) {
          pen.beginPath();
          pen.arc(px(x), py(Math.max(-4, Math.min(4, y))), 3.5, 0, 7);
          pen.stroke();
        }
      },
    });
    legend(frame, seen.panel, () => [
      { name: "students (at most 10 are shown)", color: frame.colors.series[1] },
      { name: "their mean", color: frame.colors.series[0] },
      { name: "teacher", color: frame.colors.ink, dashed: true },
    ]);
    const measured = create("p", { class: "note" });
    seen.panel.append(measured);
    const chart = drawing(frame, {
      title: "On average over all draws: the ensemble's error is the average error minus the ambiguity",
      label: "Ensemble's error, members' average error and ambiguity as curves; the best values are marked",
      height: (width) => Math.min(380, 220 + width / 5),
      full: true,
      draw,
    });
    legend(frame, chart.panel, () => [
      ...Object.keys(NAMES).map((name, i) => ({ name: NAMES[name], ...look(name, i) })),
      { name: "best single student on all examples", color: frame.colors.note, dashed: true },
    ]);

    function look(name, i) {
      return { color: frame.colors.series[i], dashed: name === "ambiguity" };
    }

    function draw(pen, width, height) {
      const { along } = state.values;
      const { log, title } = AXES[along];
      /** @type {[number, number]} */
      const range = [fields[along].min, fields[along].max];
      const x = Array.from({ length: 161 }, (_, i) =>
        log ? range[0] * (range[1] / range[0]) ** (i / 160) : range[0] + ((range[1] - range[0]) * i) / 160,
      );
      const points = x.map((value) => ensembleErrors({ ...state.values, [along]: value }));
      const curves = Object.keys(NAMES).map((name, i) => ({
        x,
        y: points.map((each) => each[name]),
        ...look(name, i),
      }));
      const { px, py, area } = lineChart(pen, frame.colors, {
        curves: curves.map((curve, i) => ({ ...curve, width: i ? 2 : 3 })).reverse(),
        levels: [{ y: now.single, name: "" }],
        xRange: range,
        yRange: [0, 1.2],
        logX: log,
        xTicks: log ? [1e-4, 1e-3, 0.01, 0.1, 1, 10] : undefined,
        xTitle: title,
        yTitle: "error against the teacher",
        cursor: state.values[along],
        width,
        height,
      });
      for (const [name, i] of [
        ["average", 1],
        ["ensemble", 0],
      ]) {
        const { place, error } = now.best[name];
        if (error > 1.2) continue;
        pen.beginPath();
        pen.arc(Math.max(px(Math.max(place, range[0])), area.left), py(error), 6, 0, 7);
        pen.fillStyle = frame.colors.paper;
        pen.strokeStyle = frame.colors.series[i];
        pen.lineWidth = 3;
        pen.fill();
        pen.stroke();
        pen.fillStyle = frame.colors.ink;
        const x = Math.max(px(Math.max(place, range[0])), area.left);
        const right = x < area.right - 44;
        pen.textAlign = right ? "left" : "right";
        if (name === "ensemble" && Math.abs(error - now.best.average.error) < 1e-6) continue; // one ring, one label
        const y = py(error) + (name === "ensemble" ? 13 : -13);
        pen.lineJoin = "round";
        pen.lineWidth = 4;
        pen.strokeStyle = frame.colors.paper; // the word is readable where a curve passes behind it
        pen.strokeText("best", x + (right ? 10 : -10), y);
        pen.fillText("best", x + (right ? 10 : -10), y);
      }
    }

    function update() {
      const { values } = state;
      const { alpha, noise, along } = values;
      const setting = { ...values };
      fitted = fitStudents(setting, values.seed);
      const { examples, students } = fitted;
      measured.textContent =
        `${N} weights, ${examples.length} examples (rings), of which each student sees ${fitted.seen}. In this draw, ` +
        `${students.length === 1 ? "the student's" : `the ${students.length} students' average`} error is ` +
        `${error(fitted.average)} and that of their mean ${error(fitted.ensemble)}; below are the averages over all draws of ` +
        "large systems.";
      now = { ...ensembleErrors(setting), single: single(alpha, noise), best: {} };
      for (const name of ["ensemble", "average"]) {
        const place = best(setting, along, name);
        now.best[name] = { place, error: ensembleErrors({ ...setting, [along]: place })[name] };
      }
      controls.penalty.set(Math.log10(values.penalty));
      controls.subset.set(values.subset);
      controls.members.set(nearest(values.members));
      controls.alpha.set(Math.log10(alpha));
      controls.noise.set(noise);
      controls.along.set(along);
      seen.redraw();
      chart.redraw();
      frame.describe(description(values, now));
    }

    update();
    return frame.remove;
  },
};

/** The error of the best single student on all examples, whose penalty is the noise. */
function single(alpha, noise) {
  return ensembleErrors({ alpha, subset: 1, noise, members: 1, penalty: noise }).ensemble;
}

function nearest(members) {
  const distances = MEMBERS.map((each) => Math.abs(Math.log(each / members)));
  return distances.indexOf(Math.min(...distances));
}

function description({ members, subset, penalty, along }, now) {
  const who = members === 1 ? "One member trained on" : `${members.toLocaleString("en-US")} members, each trained on`;
  const { ensemble, average } = now.best;
  const where = along === "penalty" ? "penalty" : "fraction";
  const place = (value) => (along === "penalty" ? number(value) : percent(value));
  return [
    `${who} ${percent(subset)} of the examples, with a penalty of ${number(penalty)}: average error`,
    `${error(now.average)} − ambiguity ${error(now.ambiguity)} = ensemble's error ${error(now.ensemble)}.`,
    `The best ${where} for the ensemble is ${place(ensemble.place)} (error ${error(ensemble.error)}),`,
    `for a member ${place(average.place)} (error ${error(average.error)}).`,
    `The best single student on all examples has ${error(now.single)}.`,
  ].join(" ");
}

function number(value) {
  if (value < 5e-5) return "0";
  return value < 0.1 ? String(Number(value.toPrecision(3))) : String(Number(value.toFixed(3)));
}

function error(value) {
  return value < 1e6 ? value.toFixed(3) : "above a million";
}

function percent(share) {
  return `${Number((100 * share).toPrecision(3))}\u00a0%`;
}
