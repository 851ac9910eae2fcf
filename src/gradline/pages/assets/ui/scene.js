// The scene: what the settings mean, computed once for each change and shown by every part of the page.

import { mistakenPath } from "../arithmetic/mistakes.js";
import { pathOf } from "../arithmetic/path.js";
import { newStart } from "../arithmetic/random.js";
import { problemOf } from "../arithmetic/spectrum.js";

/**
 * A function from settings to scenes, which keeps what did not change.
 * @param {object} state What state.py wrote.
 * @returns {(settings: object) => object} The scene:
 *   - `state`, `settings`; `names` of the parameters, the bias first where there is one;
 *   - `problem` on the chosen scale; `begin` the start; `right` the path of a right loop, `path` the one followed;
 *   - `point` and `holding` at the epoch; `limit` the largest stable rate at this momentum;
 *   - `ease` and `plain` {problem, path}: the same descent at the best rate of standardised and of raw columns;
 *   - `pathKey`: a text that changes when a path does.
 */
export function sceneMaker(state) {
  const problems = Object.fromEntries(Object.keys(state.views).map((view) => [view, problemOf(state, view)]));
  let walk = { pathKey: null };
  let from = { seed: null };
  const startOf = (seed) => {
    if (from.seed !== seed) {
      const begin = seed ? newStart(state, seed) : { weight: state.start.weight, bias: state.start.bias };
      const [ease, plain] = [problems.standardised, problems.raw].map((other) => atItsBest(other, begin));
      from = { seed, begin, ease, plain };
    }
    return from;
  };
  return (settings) => {
    const { view, lr, momentum, mistake, seed, epoch } = settings;
    const pathKey = JSON.stringify([view, lr, momentum, mistake, seed]);
    if (walk.pathKey !== pathKey) {
      const { begin, ease, plain } = startOf(seed);
      const problem = problems[view];
      const options = { lr, momentum, start: begin };
      const right = pathOf(problem, options);
      const path = mistake ? mistakenPath(problem, state, mistake, options) : right;
      walk = { pathKey, begin, problem, right, path, ease, plain, limit: problem.lrLimit(momentum) };
    }
    const [point, holding] = [walk.path.at(epoch), walk.path.holding(epoch)];
    return { state, settings, names: walk.problem.parameters, ...walk, point, holding };
  };
}

function atItsBest(problem, start) {
  return { problem, path: pathOf(problem, { lr: problem.bestLr(0), momentum: 0, start }) };
}

/**
 * Whether the followed path diverges: its rate is past the limit, or a mistake makes every rate too large.
 * @param {object} scene
 * @returns {boolean}
 */
export function isDiverging({ settings, limit, path, problem }) {
  if (settings.mistake === "forgotten_zero_grad") {
    return settings.momentum > 0 || settings.lr > problem.lrLimit(1);
  }
  return settings.lr > limit && path.epochsToWeights() === Infinity;
}

/**
 * The weight of a parameter in raw units: the bias, or that of a feature.
 * @param {{weight: number[][], bias: number[]}} point
 * @param {object} scene
 * @param {number} target
 * @param {number} parameter Its index among `scene.names`.
 * @returns {?number}
 */
export function parameterOf({ weight, bias }, { state }, target, parameter) {
  if (state.has_bias) return parameter === 0 ? bias[target] : weight[target][parameter - 1];
  return weight[target][parameter];
}

/**
 * Epochs from 0 to 10⁹, every one at first and then evenly in the logarithm: where curves over epochs are sampled.
 * @returns {number[]}
 */
export function sampledEpochs() {
  const dense = Array.from({ length: 13 }, (_, i) => i);
  const sparse = Array.from({ length: 160 }, (_, i) => Math.round(10 ** (1.12 + (i * 7.88) / 159)));
  return [...dense, ...sparse];
}
