// The attention maps of all heads, small, as a choice of the one that is enlarged. Rows are queries, columns keys.

import { create } from "../kit/frame.js";

/**
 * @param {import("../kit/frame.js").Frame} frame
 * @param {Element} parent
 * @param {(head: number) => void} onChoose  gets layer * heads + head
 */
export function headMaps(frame, parent, onChoose) {
  const node = create("div", { class: "maps", role: "radiogroup", "aria-label": "Attention head to enlarge" });
  parent.append(node);
  let shape = "";
  /** @type {{input: HTMLInputElement, canvas: HTMLCanvasElement}[]} */
  let cells = [];

  function build(/** @type {number} */ layers, /** @type {number} */ heads) {
    node.style.gridTemplateColumns = `auto repeat(${heads}, minmax(0, 5.5rem))`;
    cells = [];
    const title = (/** @type {string} */ text) => create("span", { "aria-hidden": "true" }, text);
    const rows = [title(""), ...Array.from({ length: heads }, (_, head) => title(`head ${head + 1}`))];
    for (let layer = 0; layer < layers; layer++) {
      rows.push(title(`layer ${layer + 1}`));
      for (let head = 0; head < heads; head++) {
        const input = create("input", {
          type: "radio",
          name: "head",
          "aria-label": `layer ${layer + 1}, head ${head + 1}`,
        });
        const canvas = create("canvas", { "aria-hidden": "true" });
        const index = cells.length;
        input.addEventListener("change", () => onChoose(index));
        cells.push({ input, canvas });
        rows.push(create("label", { title: input.getAttribute("aria-label") }, input, canvas));
      }
    }
    node.replaceChildren(...rows);
  }

  return {
    node,
    /**
     * @param {Float32Array} attention  layers x heads x length x length
     * @param {{layers: number, heads: number, length: number, causal: boolean, chosen: number}} options
     */
    update(attention, { layers, heads, length, causal, chosen }) {
      if (shape !== `${layers} ${heads}`) build(layers, heads);
      shape = `${layers} ${heads}`;
      // A pixel is one integer: opacity, blue, green and red, from the highest byte to the lowest.
      const colors = Uint32Array.from({ length: 256 }, (_, i) => {
        const color = frame.colors.magnitude(i / 255);
        const [red, green, blue] = [1, 3, 5].map((start) => parseInt(color.slice(start, start + 2), 16));
        return (255 << 24) | (blue << 16) | (green << 8) | red;
      });
      cells.forEach(({ input, canvas }, index) => {
        input.checked = index === chosen;
        canvas.width = canvas.height = length;
        const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
        const image = pen.createImageData(length, length);
        const pixels = new Uint32Array(image.data.buffer);
        const from = index * length * length;
        for (let row = 0; row < length; row++) {
          // What is masked is left transparent.
          for (let column = 0; column < (causal ? row + 1 : length); column++) {
            const place = row * length + column;
            pixels[place] = colors[Math.round(255 * attention[from + place])];
          }
        }
        pen.putImageData(image, 0, 0);
      });
    },
  };
}
