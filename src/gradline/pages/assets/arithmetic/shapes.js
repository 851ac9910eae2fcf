// Other points to learn from, made of those that are given: less noise and more, a curve, no relation, one that decides.

import { seededRandom, shuffledOrder } from "./random.js";

/** The kinds of points, and what a chooser calls them. */
export const SHAPES = {
  exact: "all on the line",
  noisy: "twice the noise",
  curve: "on a curve",
  unrelated: "without a relation",
  lever: "all but one at one x",
};

/**
 * As many points as are given, of another kind; the range of x stays.
 * @param {object} state With one feature and one target, all its rows in the sample.
 * @param {string} shape One of `SHAPES`.
 * @returns {number[][]} [x, y] of each.
 */
export function pointsOfShape({ sample, optimum, moments }, shape) {
  const [x, y] = [sample.x.map(([value]) => value), sample.y.map(([value]) => value)];
  const line = (value) => optimum.weight[0][0] * value + optimum.bias[0];
  const [low, high] = [moments.minimum[0], moments.maximum[0]];
  const [middle, half] = [(low + high) / 2, (high - low) / 2];
  const height = moments.maximum[1] - moments.minimum[1];
  const order = shuffledOrder(y.length, seededRandom(1));
  const last = x.indexOf(high);
  const made = {
    exact: (value) => [value, line(value)],
    noisy: (value, i) => [value, line(value) + 2 * (y[i] - line(value))],
    curve: (value) => [value, line(middle) + height * (((value - middle) / half) ** 2 - 0.5)],
    unrelated: (value, i) => [value, y[order[i]]],
    lever: (value, i) => (i === last ? [high, y[last]] : [middle, line(middle) + y[i] - line(value)]),
  };
  return x.map(made[shape]);
}
