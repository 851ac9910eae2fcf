// The answer for one new row: predictions, the interval around the optimum's, and what lies beyond the training data.

import { dotProduct } from "./coefficients.js";
import { encodedRow } from "./terms.js";

const DETERMINED = 1e-9; // as gradline's: a direction with less than this share in what no row told is determined
const ROUNDING = 2 ** -47; // 64 unit roundoffs

/**
 * The predictions for one row.
 * @param {object} state What playground_data.py wrote.
 * @param {{weight: number[][], bias: number[]}} point In raw units.
 * @param {(number | string)[]} values As `encodedRow` takes them.
 * @param {number} level Of the interval: one of `state.interval.quantiles`.
 * @returns {{answers: {target: string, value: number, optimal: number, low: ?number, high: ?number}[],
 *   outside: string[]} | null} `value` is that of these coefficients, `optimal` that of the optimum; low and high bound
 *   the y of a new row with probability `level`, around the optimum's prediction, null where no interval is known
 *   (`state.interval.reason`, or a row that breaks a combination which held in all rows). `outside` names the columns
 *   beyond their trained range. null where `encodedRow` is.
 */
export function predict(state, point, values, level) {
  const x = encodedRow(state, values);
  if (x === null) return null;
  const margins = marginsAt(state, x, level);
  const answers = state.targets.map((target, j) => {
    const [value, optimal] = [point, state.optimum].map(({ weight, bias }) => dotProduct(weight[j], x) + bias[j]);
    const margin = margins[j];
    const [low, high] = margin === null ? [null, null] : [optimal - margin, optimal + margin];
    return { target, value, optimal, low, high };
  });
  return { answers, outside: beyondRange(state, values) };
}

function beyondRange({ fields }, values) {
  const beyond = ({ levels, minimum, maximum }, x) => !levels && (x < minimum || x > maximum);
  return fields.filter((field, i) => beyond(field, values[i])).map(({ column }) => column);
}

// t·s·√(1 + g·g) for each target: the error of the row itself and that of the coefficients.
function marginsAt({ interval, targets }, x, level) {
  const quantile = interval.quantiles.find((known) => known.level === level);
  if (!quantile || isBeyondRank(interval, x)) return targets.map(() => null);
  const moved = x.map((part, i) => part - interval.center[i]);
  const coordinates = (interval.root[0] ?? []).map((_, k) => dotProduct(moved, interval.root.map((row) => row[k])));
  const spread = Math.sqrt(1 + (interval.level ?? 0) ** 2 + dotProduct(coordinates, coordinates));
  return interval.sigma.map((sigma) => (sigma === null ? null : quantile.t * sigma * spread));
}

// Whether the row breaks a combination that held in all training rows: nothing is known about those.
function isBeyondRank({ kept, center, norms }, x) {
  if (!kept) return false;
  const moved = x.map((part, i) => (part - center[i]) / norms[i]);
  const sizes = x.map((part, i) => Math.abs(part / norms[i]) + Math.abs(center[i] / norms[i]));
  const along = kept.map((row) => dotProduct(row, moved));
  const broken = moved.map((part, i) => part - kept.reduce((sum, row, k) => sum + along[k] * row[i], 0));
  return Math.hypot(...broken) > DETERMINED * Math.hypot(...moved) + ROUNDING * Math.hypot(...sizes);
}
