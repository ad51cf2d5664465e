// The residual stream of one position as a table: what each part adds, the norm, and the prediction so far.

import { create } from "../kit/frame.js";
import { written } from "../kit/numbers.js";
import { STREAM_STYLE } from "../characters/style.js";

/**
 * @param {any} frame  of `createFrame`
 * @param {number} layers
 * @param {(part: string, inUse: boolean) => void} onSwitch  such as "0.attention"
 * @param {(step: number) => void} onChoose  a row, from 0 for the embedding
 */
export function streamTable(frame, layers, onSwitch, onChoose) {
  const steps = Array.from({ length: 2 * layers }, (_, i) => `${i >> 1}.${i % 2 ? "feed_forward" : "attention"}`);
  const kindOf = (part) => (part.endsWith("attention") ? "attention" : "feed-forward");
  const nameOf = (part) => `layer ${parseInt(part) + 1}, ${kindOf(part)}`;
  const names = ["embedding", ...steps.map(nameOf)];
  const shorter = ["embedding", ...steps.map((part) => `${parseInt(part) + 1} ${kindOf(part)}`)];
  const boxes = steps.map((part) => {
    const input = create("input", { type: "checkbox", checked: true, "aria-label": `Use ${nameOf(part)}` });
    input.addEventListener("change", () => onSwitch(part, input.checked));
    return input;
  });
  const titles = [
    "layer and part",
    "what it adds (filled: along the final vector)",
    "its norm",
    "its cosine",
    "norm of the stream",
    "prediction so far",
  ];
  const isExtra = (column) => column >= 2 && column <= 4; // hidden on a phone, where they are below the bar
  const small = { 1: "norm; cosine", 5: "norm of the stream" };
  const head = create(
    "tr",
    {},
    ...titles.map((title, i) => {
      const cell = create("th", { scope: "col", class: isExtra(i) ? "extra" : "" }, title);
      if (small[i]) cell.append(create("small", {}, small[i]));
      return cell;
    }),
  );
  const cells = shorter.map((name, step) => {
    const button = create("button", { type: "button" }, name);
    button.addEventListener("click", () => onChoose(step));
    const label = create("span", { class: "part" }, ...(step ? [boxes[step - 1]] : []), button);
    const bar = create("div", { class: "axis", "aria-hidden": "true" });
    const [small, after] = [create("small"), create("small")];
    const guess = create("span");
    const [norm, cosine, stream] = Array.from({ length: 3 }, () => create("td", { class: "extra" }));
    const best = create("td", { class: "best" }, guess, after);
    const place = create("td", { class: "bar" }, bar, small);
    const row = create("tr", {}, create("th", { scope: "row" }, label), place, norm, cosine, stream, best);
    return { row, button, bar, small, after, norm, cosine, stream, guess };
  });
  const body = create("tbody", {}, ...cells.map(({ row }) => row));
  const table = create("table", { class: "stream" }, create("thead", {}, head), body);
  const panel = create("div", { class: "panel stream-panel" }, create("div", { class: "scroll" }, table));
  frame.stage.append(create("style", {}, STREAM_STYLE), panel);
  return {
    panel,
    names,
    nameOf,
    /**
     * @param {{added: number, cosine: number, stream: number, best: string}[]} rows
     * @param {string[]} removed
     * @param {number} chosen  row
     */
    update(rows, removed, chosen) {
      table.style.setProperty("--minus", frame.colors.series[1]);
      const size = (sign) => Math.max(0, ...rows.map(({ added, cosine }) => (sign * cosine >= 0 ? added : 0)));
      const [left, right] = [size(-1), size(1)];
      const percent = (length) => `${(100 * length) / (left + right || 1)}%`;
      rows.forEach(({ added, cosine, stream, best }, step) => {
        const cell = cells[step];
        const gone = step > 0 && removed.includes(steps[step - 1]);
        cell.row.className = gone ? "gone" : "";
        cell.button.setAttribute("aria-pressed", String(step === chosen));
        if (step) boxes[step - 1].checked = !gone;
        const piece = (name, length) => {
          const node = create("span", { class: name });
          node.style.width = percent(length);
          if (cosine < 0) node.style.right = percent(right);
          else node.style.left = percent(left);
          return node;
        };
        const zero = create("span", { class: "zero" });
        zero.style.left = percent(left);
        const bars = [piece(cosine < 0 ? "minus" : "plus", added * Math.abs(cosine)), piece("long", added)];
        cell.bar.replaceChildren(...(gone ? [] : bars), zero);
        const [norm, direction] = gone ? ["removed", ""] : [written(added), written(cosine)];
        cell.norm.textContent = norm;
        cell.cosine.textContent = direction;
        cell.stream.textContent = written(stream);
        cell.small.textContent = gone ? "removed" : `${added.toFixed(1)}; ${direction}`;
        cell.after.textContent = stream.toFixed(1);
        cell.guess.textContent = best;
      });
    },
  };
}
