// The sample drawn again: other y at the same x, as the best line and its errors would give them, with a line for each.

import { normalFrom, seededRandom } from "./random.js";

const FIRST = 7; // seed of the draws
const ROUNDED = 1e-12; // of the weight: a standard error below it is that of rounding

let lastDraws = { state: null, count: 0, found: null }; // those that were asked for last

/**
 * Samples whose y are the best line plus normal errors of the residual standard error's size, each with its
 * least-squares line (the parametric bootstrap; Efron, Tibshirani 1993, chapter 6).
 *
 * With errors e its slope is w + Σ(x − x̄)·e/Σ(x − x̄)², and its bias b + ē − (slope − w)·x̄. The first draws are the same
 * however many are asked for.
 * @param {object} state One feature, one target and a bias, all rows in the sample.
 * @param {number} count
 * @returns {{lines: {weight: number, bias: number}[], latest: number[], stderr: number}} `latest` the y of the last
 *   sample, [] without any; `stderr` the standard error of the weight, as the one sample tells it, 0 where only rounding
 *   is left of the errors.
 */
export function drawnAgain(state, count) {
  if (lastDraws.state === state && lastDraws.count === count) return lastDraws.found;
  const { sample, optimum, moments, interval } = state;
  const [weight, bias, mean, sigma] = [optimum.weight[0][0], optimum.bias[0], moments.mean[0], interval.sigma[0]];
  const squares = moments.factor.reduce((sum, row) => sum + row[0] ** 2, 0);
  const normal = normalFrom(seededRandom(FIRST));
  const lines = [];
  let errors = [];
  for (let i = 0; i < count; i++) {
    errors = sample.x.map(() => sigma * normal());
    const tilt = errors.reduce((sum, error, row) => sum + (sample.x[row][0] - mean) * error, 0) / squares;
    const shift = errors.reduce((sum, error) => sum + error, 0) / errors.length;
    lines.push({ weight: weight + tilt, bias: bias + shift - tilt * mean });
  }
  const latest = errors.map((error, row) => weight * sample.x[row][0] + bias + error);
  const stderr = sigma / Math.sqrt(squares);
  lastDraws = { state, count, found: { lines, latest, stderr: stderr > ROUNDED * Math.abs(weight) ? stderr : 0 } };
  return lastDraws.found;
}
