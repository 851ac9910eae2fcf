// What the next update does to the loss: how much of it each parameter's nudge brings, and each direction of the bowl.

import { dotProduct, stackedTargets } from "./coefficients.js";
import { residualAlong } from "./spectrum.js";

/**
 * The change of the loss by the next update of one target's parameters, split in two ways that each add up to it.
 *
 * With nudges d of the parameters, gradient g and Hessian H it is Σₖ dₖ·(gₖ + ½·Hₖₖ·dₖ), each parameter alone, plus
 * Σⱼ≠ₖ ½·Hⱼₖ·dⱼ·dₖ, their interplay; or Σᵢ cᵢ·(2·rᵢ + cᵢ)/(m·W) along the directions, which have none: r is the residual
 * along them and c what the nudges do to it.
 * @param {object} problem Of `problemOf`.
 * @param {object} path On that problem.
 * @param {number} epoch The updates done before.
 * @param {number} target Which target, from 0.
 * @returns {?{total: number, alone: number[], interplay: number, directions: number[]}} By parameter, the bias first where
 *   there is one, and by direction, the steepest first; null where float64 has ended.
 */
export function nudgesOf(problem, path, epoch, target) {
  const point = path.at(epoch);
  if (point.overflow) return null;
  const { singular, vectors, cells, hasBias } = problem;
  const residual = residualAlong(problem, problem.toView(point)).map((row) => row[target]);
  const nudges = stackedTargets(path.velocityAt(epoch), hasBias)[target].map((part) => -path.lr * part);
  const sums = (term) => vectors.reduce((sum, vector, i) => sum + (2 / cells) * term(vector, i), 0);
  const directions = vectors.map((vector, i) => {
    const change = singular[i] * dotProduct(vector, nudges);
    return (change * (2 * residual[i] + change)) / cells;
  });
  const alone = nudges.map((nudge, k) => {
    const slope = sums((vector, i) => singular[i] * vector[k] * residual[i]);
    const curvature = sums((vector, i) => (singular[i] * vector[k]) ** 2);
    return nudge * (slope + (curvature / 2) * nudge);
  });
  const total = added(directions);
  const found = { total, alone, interplay: total - added(alone), directions };
  return [total, ...alone, ...directions].every(Number.isFinite) ? found : null;
}

function added(values) {
  return values.reduce((sum, value) => sum + value, 0);
}
