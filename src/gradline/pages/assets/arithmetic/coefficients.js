// Coefficients {weight: (m, p), bias: (m,)}: stacked for each target, moved between scales, judged by the moments.

/**
 * The parameters of each target, the bias on top where there is one.
 * @param {{weight: number[][], bias: number[]}} point
 * @param {boolean} hasBias
 * @returns {number[][]} (m, q)
 */
export function stackedTargets({ weight, bias }, hasBias) {
  return weight.map((row, j) => (hasBias ? [bias[j], ...row] : [...row]));
}

/**
 * The coefficients that stacked parameters stand for; the bias is zero in a model without one.
 * @param {number[][]} thetas (m, q)
 * @param {boolean} hasBias
 * @returns {{weight: number[][], bias: number[]}}
 */
export function unstackedTargets(thetas, hasBias) {
  if (!hasBias) return { weight: thetas, bias: thetas.map(() => 0) };
  return { weight: thetas.map((theta) => theta.slice(1)), bias: thetas.map((theta) => theta[0]) };
}

/**
 * The coefficients that give the same predictions on (x − center)/scale.
 * @param {{weight: number[][], bias: number[]}} point In raw units.
 * @param {{center: number[], scale: number[]}} scaling
 * @returns {{weight: number[][], bias: number[]}}
 */
export function scaledCoefficients({ weight, bias }, { center, scale }) {
  return {
    weight: weight.map((row) => row.map((w, i) => w * scale[i])),
    bias: bias.map((b, j) => b + dotProduct(weight[j], center)),
  };
}

/**
 * The coefficients in raw units that give the same predictions as these do on (x − center)/scale.
 * @param {{weight: number[][], bias: number[]}} point On the scale.
 * @param {{center: number[], scale: number[]}} scaling
 * @returns {{weight: number[][], bias: number[]}}
 */
export function rawCoefficients({ weight, bias }, { center, scale }) {
  const raw = weight.map((row) => row.map((w, i) => w / scale[i]));
  return { weight: raw, bias: bias.map((b, j) => b - dotProduct(raw[j], center)) };
}

/**
 * The loss over all rows, from their moments: Σ w·(ŷ − y)²/(m·W), with RᵀR the centred cross-products of [X Y].
 * @param {object} state What playground_data.py wrote.
 * @param {{weight: number[][], bias: number[]}} point In raw units.
 * @returns {number} Infinite where float64 ends.
 */
export function meanSquare({ moments, features, targets, weight_sum }, { weight, bias }) {
  const p = features.length;
  let sum = 0;
  for (let j = 0; j < targets.length; j++) {
    for (const row of moments.factor) sum += (dotProduct(weight[j], row) - row[p + j]) ** 2;
    sum += weight_sum * (bias[j] + dotProduct(weight[j], moments.mean) - moments.mean[p + j]) ** 2;
  }
  return sum / (targets.length * weight_sum);
}

/**
 * Σ a·b over the length of the first.
 * @param {ArrayLike<number>} a
 * @param {ArrayLike<number>} b
 * @returns {number}
 */
export function dotProduct(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
