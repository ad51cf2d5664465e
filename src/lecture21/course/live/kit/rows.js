// Rows of matrices that are stored row by row, and products with the weight of a linear layer, W x.

/** Return x · a[i]. */
export function dotRow(
  /** @type {Float64Array} */ x,
  /** @type {Float64Array} */ a,
  /** @type {number} */ i,
  /** @type {number} */ width,
) {
  let sum = 0;
  for (let c = 0, at = i * width; c < width; c++) sum += x[c] * a[at + c];
  return sum;
}

/** x += factor a[i]. */
export function add(
  /** @type {Float64Array} */ x,
  /** @type {Float64Array} */ a,
  /** @type {number} */ i,
  /** @type {number} */ width,
  factor = 1,
) {
  for (let c = 0, at = i * width; c < width; c++) x[c] += factor * a[at + c];
}

/** a[i] += factor x. */
export function addTo(
  /** @type {Float64Array} */ a,
  /** @type {number} */ i,
  /** @type {Float64Array} */ x,
  /** @type {number} */ factor,
) {
  for (let c = 0, at = i * x.length; c < x.length; c++) a[at + c] += factor * x[c];
}

/** Return W x for each row x. */
export function project(
  /** @type {Float64Array} */ rows,
  /** @type {Float64Array} */ weight,
  /** @type {number} */ width,
) {
  const found = new Float64Array((rows.length / width) * (weight.length / width));
  const outputs = weight.length / width;
  for (let r = 0, at = 0; r < rows.length / width; r++) {
    const x = rows.subarray(r * width, (r + 1) * width);
    for (let o = 0; o < outputs; o++) found[at++] = dotRow(x, weight, o, width);
  }
  return found;
}

/** Add to the gradient of W, given those of W x and the rows x. */
export function outer(
  /** @type {Float64Array} */ gradient,
  /** @type {Float64Array} */ dRows,
  /** @type {Float64Array} */ rows,
  /** @type {number} */ width,
) {
  const outputs = gradient.length / width;
  for (let r = 0; r < rows.length / width; r++) {
    const x = rows.subarray(r * width, (r + 1) * width);
    for (let o = 0; o < outputs; o++) if (dRows[r * outputs + o]) addTo(gradient, o, x, dRows[r * outputs + o]);
  }
}

/** Add to the gradients of the rows x, given those of W x. */
export function back(
  /** @type {Float64Array} */ gradient,
  /** @type {Float64Array} */ dRows,
  /** @type {Float64Array} */ weight,
  /** @type {number} */ width,
) {
  const outputs = weight.length / width;
  for (let r = 0; r < gradient.length / width; r++) {
    const into = gradient.subarray(r * width, (r + 1) * width);
    for (let o = 0; o < outputs; o++) add(into, weight, o, width, dRows[r * outputs + o]);
  }
}
