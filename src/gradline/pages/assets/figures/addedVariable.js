// What each sampled row says about one feature: x and y with what the bias and the other columns explain taken out.

/**
 * The added-variable view of a feature: its slope at the optimum is the feature's weight (Frisch, Waugh 1933).
 * @param {object} state What playground_data.py wrote, with sampled rows.
 * @param {number} feature
 * @param {number} target
 * @returns {{x: number[], y: number[]}} A point for each sampled row; with one feature the row itself.
 */
export function addedVariable({ sample, features, has_bias }, feature, target) {
  const column = (i) => Float64Array.from(sample.x, (row) => row[i]);
  const [x, y] = [column(feature), Float64Array.from(sample.y, (row) => row[target])];
  if (features.length === 1) return { x: [...x], y: [...y] };
  const root = Float64Array.from(sample.w ?? sample.x.map(() => 1), Math.sqrt);
  const others = features
    .map((_, i) => i)
    .filter((i) => i !== feature)
    .map(column);
  const basis = [];
  for (const other of has_bias ? [root.map(() => 1), ...others] : others) {
    const vector = other.map((value, i) => value * root[i]);
    const size = norm(vector);
    basis.forEach((unit) => takeOut(vector, unit));
    basis.forEach((unit) => takeOut(vector, unit)); // once more, for the digits of near-collinear columns
    const left = norm(vector);
    if (left > 1e-9 * size) basis.push(vector.map((value) => value / left));
  }
  return { x: residualOf(x, basis, root), y: residualOf(y, basis, root) };
}

function residualOf(values, basis, root) {
  const vector = values.map((value, i) => value * root[i]);
  basis.forEach((unit) => takeOut(vector, unit));
  return Array.from(vector, (value, i) => (root[i] ? value / root[i] : 0));
}

function takeOut(vector, unit) {
  let along = 0;
  for (let i = 0; i < vector.length; i++) along += vector[i] * unit[i];
  for (let i = 0; i < vector.length; i++) vector[i] -= along * unit[i];
}

function norm(vector) {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
}
