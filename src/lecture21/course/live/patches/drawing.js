// A drawing becomes an image as the training digits did: it fills the height, is centered, and gets as much ink.
// They were normalized to 32 x 32 points of ink or paper, and the ink in each 4 x 4 was counted (Alpaydin and Kaynak).

import { SIDE } from "./reader.js";

export const PAPER = 200; // steps along each side of what one draws on
const POINTS = 32; // along each side of the image
const BLOCK = POINTS / SIDE;
const TALL = 28; // points from the top to the bottom of the middle of the line
const BROAD = 16;
const USUAL = 310; // points of ink; the mean over the images of each digit is from 303 to 330
const [THIN, THICK] = [1.5, 4.5]; // half the thickness of a line, in points
const SMALL = PAPER / 8; // no line is enlarged as if it were smaller

/** A line of the pen: x and y of each place in turn, whole steps from 0 to `PAPER`. @typedef {number[]} Stroke */

/** Accept drawings: lists of strokes. @type {import("../kit/state.js").Check} */
export const isDrawing = (value) =>
  Array.isArray(value) &&
  value.every((stroke) => Array.isArray(stroke) && stroke.length >= 2 && stroke.length % 2 === 0) &&
  value.flat().length <= 4000 &&
  value.flat().every((each) => Number.isInteger(each) && each >= 0 && each <= PAPER);

/**
 * Return the part of the paper that becomes the image.
 * @param {Stroke[]} strokes
 */
export function frameOf(strokes) {
  const [across, down] = [0, 1].map((axis) => {
    const places = strokes.flat().filter((_, i) => i % 2 === axis);
    const [low, high] = [Math.min(...places), Math.max(...places)];
    return { middle: (low + high) / 2, length: high - low };
  });
  const tall = Math.max(down.length, across.length / 2, SMALL);
  const height = (tall * POINTS) / TALL;
  const width = Math.max(height, (across.length * POINTS) / BROAD);
  return { x: across.middle - width / 2, y: down.middle - height / 2, width, height };
}

/**
 * Return the counts of ink of the image, 0 to 16 in reading order.
 * @param {Stroke[]} strokes
 * @returns {number[]}
 */
export function imageOf(strokes) {
  const counts = new Array(SIDE ** 2).fill(0);
  if (!strokes.length) return counts;
  const frame = frameOf(strokes);
  const squares = new Float64Array(POINTS ** 2).fill(Infinity); // of the distance from each point to the line
  for (const stroke of strokes) {
    const line = stroke.map((place, i) =>
      i % 2 ? ((place - frame.y) / frame.height) * POINTS : ((place - frame.x) / frame.width) * POINTS,
    );
    for (let i = 0; i < Math.max(line.length - 2, 1); i += 2) {
      const [x, y, toX = x, toY = y] = line.slice(i, i + 4);
      const [dx, dy] = [toX - x, toY - y];
      const length = dx * dx + dy * dy || 1;
      for (let point = 0; point < squares.length; point++) {
        const [right, below] = [(point % POINTS) + 0.5 - x, Math.floor(point / POINTS) + 0.5 - y];
        const along = Math.min(Math.max((right * dx + below * dy) / length, 0), 1);
        const square = (right - along * dx) ** 2 + (below - along * dy) ** 2;
        if (square < squares[point]) squares[point] = square;
      }
    }
  }
  const reach = Math.min(Math.max(squares.slice().sort()[USUAL], THIN ** 2), THICK ** 2);
  squares.forEach((square, point) => {
    const pixel = Math.floor(point / POINTS / BLOCK) * SIDE + Math.floor((point % POINTS) / BLOCK);
    if (square < reach) counts[pixel]++;
  });
  return counts;
}
