// The mistakes of a training loop whose path has a closed form too: what the loop then does, and what it prints.

import { dotProduct } from "./coefficients.js";
import { heavyBall } from "./heavyBall.js";
import { heldError } from "./heldGradients.js";
import { followedPath, pathOf } from "./path.js";

/**
 * The mistakes that can be made on these data.
 * @param {object} state What playground_data.py wrote.
 * @returns {string[]} "forgotten_zero_grad", "stale_loss", and with one target "pairs".
 */
export function mistakesOf(state) {
  return ["forgotten_zero_grad", "stale_loss", ...(state.targets.length === 1 ? ["pairs"] : [])];
}

/**
 * The path that a loop with a mistake really follows. Its losses and gaps are those over all rows, as for a right loop;
 * `shown(epoch)` is the loss that the mistaken loop prints after the epoch (at 0: before the first).
 *
 * - "forgotten_zero_grad": backward() adds to what .grad holds. Without momentum that is momentum 1 exactly; with
 *   momentum it diverges at every rate. It prints the right loss.
 * - "pairs": predictions (n, 1) against targets (n,) compare every prediction with every target: the loss is
 *   mean((ŷ − ȳ)²) + var(y), so the loop heads for the mean of y in every row. It prints that loss.
 * - "stale_loss": the loop is right, and prints the loss of the predictions made before the update.
 * @param {object} problem Of `problemOf`.
 * @param {object} state What playground_data.py wrote.
 * @param {string} kind One of `mistakesOf(state)`.
 * @param {{lr: number, momentum: number, start: object}} options As for `pathOf`.
 * @returns {object} As of `followedPath`.
 */
export function mistakenPath(problem, state, kind, options) {
  const paths = { forgotten_zero_grad: forgottenReset, pairs: pairedTargets, stale_loss: stalePrint };
  return paths[kind](problem, options, state);
}

function forgottenReset(problem, options) {
  if (options.momentum === 0) return pathOf(problem, { ...options, momentum: 1 });
  return followedPath(problem, options, {
    error: (a, epoch) => heldError(a, options.momentum, epoch),
    bound: () => Infinity,
    logRate: (a) => (a > 0 ? Infinity : 0), // how fast it grows is not asked
  });
}

function pairedTargets(problem, options, state) {
  const p = state.features.length;
  const level = state.moments.mean[p];
  const rhs = constantAlong(problem, level, state);
  const variance = state.moments.factor.reduce((sum, row) => sum + row[p] ** 2, 0) / state.weight_sum;
  const beyond = level ** 2 - rhs.reduce((sum, [part]) => sum + part ** 2, 0) / state.weight_sum;
  const loss = variance + (problem.hasBias ? 0 : beyond);
  return followedPath(problem, options, heavyBall(options.momentum), { rhs, loss });
}

// Targets of one value in every row along the left singular directions, (r, 1). With a bias they lie in the span of the
// columns, as the coefficients (level, 0); without one they are projected on it: V·Σ·rhs = Xᵀ1·level.
function constantAlong({ hasBias, singular, vectors, view }, level, state) {
  if (hasBias) return vectors.map((vector, i) => [singular[i] * vector[0] * level]);
  const { scale } = state.views[view];
  const sums = scale.map((unit, i) => (state.weight_sum * state.moments.mean[i]) / unit);
  return vectors.map((vector, i) => [(dotProduct(vector, sums) * level) / singular[i]]);
}

function stalePrint(problem, options) {
  const path = pathOf(problem, options);
  return { ...path, shown: (epoch) => path.shown(Math.max(0, epoch - 1)) };
}
