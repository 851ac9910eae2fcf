// What is left of an error when gradients are never reset and the optimiser has momentum as well.

/**
 * The share of an error left after `epoch` updates of G ← G + λ·e, v ← μ·v + G, e ← e − lr·v: every old gradient is
 * pushed anew, by .grad and by the velocity.
 *
 * The roots of (z − 1)²·(z − μ) + a·z² lie beyond the unit circle for every a > 0 and μ > 0 (Jury's criterion), so
 * no rate makes it converge. The step's matrix is taken to the power by squaring, its size kept as a logarithm.
 * @param {number} a lr·λ.
 * @param {number} momentum Above 0, up to 1.
 * @param {number} epoch A whole number from 0.
 * @returns {{left: number, covered: number, log: number}} As of `errorAfter`.
 */
export function heldError(a, momentum, epoch) {
  const step = [1 - a, -a * momentum, -a, 1, momentum, 1, 1, 0, 1]; // of (e, v/λ, G/λ)
  let [power, base] = [{ matrix: [1, 0, 0, 0, 1, 0, 0, 0, 1], log: 0 }, { matrix: step, log: 0 }];
  for (let rest = epoch; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) power = productOf(power, base);
    base = productOf(base, base);
  }
  const left = power.matrix[0] * Math.exp(power.log);
  return { left, covered: 1 - left, log: power.log + Math.log(Math.abs(power.matrix[0])) };
}

// Plain loops: this runs sixty times for each direction of a step at epoch 10⁹.
function productOf(one, other) {
  const [x, y] = [one.matrix, other.matrix];
  const matrix = new Array(9);
  let largest = 0;
  for (let at = 0; at < 9; at++) {
    const column = at % 3;
    const row = at - column;
    matrix[at] = x[row] * y[column] + x[row + 1] * y[3 + column] + x[row + 2] * y[6 + column];
    largest = Math.max(largest, Math.abs(matrix[at]));
  }
  if (largest <= 1e100) return { matrix, log: one.log + other.log };
  for (let at = 0; at < 9; at++) matrix[at] /= largest;
  return { matrix, log: one.log + other.log + Math.log(largest) };
}
