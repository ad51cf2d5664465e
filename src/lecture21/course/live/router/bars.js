// The router's probabilities as vertical bars, one for each expert.

/**
 * Draw a bar for each expert.
 * @param {CanvasRenderingContext2D} pen
 * @param {import("../kit/colors.js").Colors} colors
 * @param {{shares: ArrayLike<number>, chosen?: number[], color: (expert: number) => string, most: number,
 *   width: number, height: number}} options
 *   chosen: experts whose bar has an outline; most: the highest share of the axis
 */
export function drawExperts(pen, colors, { shares, chosen = [], color, most, width, height }) {
  const area = { left: 46, right: width - 4, top: 22, bottom: height - 34 };
  const y = (/** @type {number} */ share) => area.bottom - (share / most) * (area.bottom - area.top);
  const slot = (area.right - area.left) / shares.length;
  pen.lineWidth = 1;
  pen.strokeStyle = colors.line;
  pen.textAlign = "right";
  for (const part of [0, 0.5, 1]) {
    pen.fillStyle = colors.note;
    pen.fillText(`${Math.round(100 * most * part)} %`, area.left - 5, y(most * part));
    pen.beginPath();
    pen.moveTo(area.left, y(most * part));
    pen.lineTo(area.right, y(most * part));
    pen.stroke();
  }
  pen.textAlign = "center";
  const every = Math.ceil(18 / slot); // of the numbers below the bars
  Array.from(shares).forEach((share, i) => {
    const left = area.left + (i + 0.15) * slot;
    pen.fillStyle = color(i);
    pen.fillRect(left, y(share), 0.7 * slot, area.bottom - y(share));
    if (chosen.includes(i)) {
      pen.strokeStyle = colors.ink;
      pen.lineWidth = 3;
      pen.strokeRect(left, y(share), 0.7 * slot, area.bottom - y(share));
    }
    pen.fillStyle = colors.ink;
    if (i % every === 0) pen.fillText(String(i + 1), area.left + (i + 0.5) * slot, area.bottom + 11);
  });
  pen.fillStyle = colors.note;
  pen.fillText("expert", (area.left + area.right) / 2, height - 8);
}
