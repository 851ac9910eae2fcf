// The five steps of the loop at one epoch, with their numbers.

import { dotProduct } from "./coefficients.js";

const ROWS_SHOWN = 5; // as many as the tutorials' table has

/**
 * 1 predict, 2 loss, 3 gradient, 4 update, 5 reset, for one target, on the scale of the problem: x, weight and bias are
 * those that a loop on such columns sees.
 * @param {object} state What playground_data.py wrote.
 * @param {object} problem Of `problemOf`.
 * @param {object} path Of `pathOf` or `mistakenPath` on that problem.
 * @param {number} epoch The updates done before these steps.
 * @param {number} target Which target, from 0.
 * @returns {{rows: object[], loss: number, gradient: object, update: object} | null} null where float64 has ended.
 *   `rows` [{x (p,), y, prediction, residual}]: the first rows that the update sees, residual = prediction − y; [] without rows.
 *   `loss`: what the loop computes from all rows and targets.
 *   `gradient` {weight (p,), bias}: of that loss, by this target's parameters.
 *   `update` {before, velocity, lr, after}, each {weight (p,), bias}: after = before − lr·velocity. The velocity is the
 *   gradient in a right loop without momentum, else what momentum or a forgotten reset has added up.
 */
export function fiveSteps(state, problem, path, epoch, target) {
  const point = path.at(epoch);
  if (point.overflow) return null;
  const of = ({ weight, bias }) => ({ weight: weight[target], bias: bias[target] });
  const [before, velocity] = [of(problem.toView(point)), of(path.velocityAt(epoch))];
  return {
    rows: rowsPredicted(state, problem.view, before, target, path.rowsAt(epoch)),
    loss: path.computed(epoch),
    gradient: of(path.gradientAt(epoch)),
    update: { before, velocity, lr: path.lr, after: updatedBy(before, velocity, path.lr) },
  };
}

function rowsPredicted({ sample, views }, view, { weight, bias }, target, batch) {
  const { center, scale } = views[view];
  const shown = batch ?? (sample?.x ?? []).keys();
  return Array.from(shown).slice(0, ROWS_SHOWN).map((row) => {
    const x = sample.x[row].map((part, i) => (part - center[i]) / scale[i]);
    const prediction = dotProduct(weight, x) + bias;
    const y = sample.y[row][target];
    return { x, y, prediction, residual: prediction - y };
  });
}

function updatedBy(before, velocity, lr) {
  return {
    weight: before.weight.map((w, i) => w - lr * velocity.weight[i]),
    bias: before.bias - lr * velocity.bias,
  };
}
