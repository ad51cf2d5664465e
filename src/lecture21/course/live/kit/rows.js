// Rows of matrices that are stored row by row, and products with the weight of a linear layer, W x.

/** Return x · a[i]. @param {Float64Array} x @param {Float64Array} a @param {number} i @param {number} width */
export function dotRow(x, a, i, width) {
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

/** a[i] += factor x. @param {Float64Array} a @param {number} i @param {Float64Array} x @param {number} factor */
export function addTo(a, i, x, factor) {
  for (let c = 0, at = i * x.length; c < x.length; c++) a[at + c] += factor * x[c];
}

/** Return W x for each row x. @param {Float64Array} rows @param {Float64Array} weight @param {number} width */
export function project(rows, weight, width) {
  const found = new Float64Array((rows.length / width) * (weight.length / width));
  const outputs = weight.length / width;
  for (let r = 0, at = 0; r < rows.length / width; r++) {
    const x = rows.subarray(r * width, (r + 1) * width);
    for (let o = 0; o < outputs; o++) found[at++] = dotRow(x, weight, o, width);
  }
  return found;
}

/**
 * Add to the gradient of W, given those of W x and the rows x.
 * @param {Float64Array} gradient @param {Float64Array} dRows @param {Float64Array} rows @param {number} width
 */
export function outer(gradient, dRows, rows, width) {
  const outputs = gradient.length / width;
  for (let r = 0; r < rows.length / width; r++) {
    const x = rows.subarray(r * width, (r + 1) * width);
    for (let o = 0; o < outputs; o++) if (dRows[r * outputs + o]) addTo(gradient, o, x, dRows[r * outputs + o]);
  }
}

/**
 * Add to the gradients of the rows x, given those of W x.
 * @param {Float64Array} gradient @param {Float64Array} dRows @param {Float64Array} weight @param {number} width
 */
export function back(gradient, dRows, weight, width) {
  const outputs = weight.length / width;
  for (let r = 0; r < gradient.length / width; r++) {
    const into = gradient.subarray(r * width, (r + 1) * width);
    for (let o = 0; o < outputs; o++) add(into, weight, o, width, dRows[r * outputs + o]);
  }
}
