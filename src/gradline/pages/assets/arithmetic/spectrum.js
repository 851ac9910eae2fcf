// The least-squares problem on one scale of the columns: its curvature by direction, its limits, its optimum.

import { dotProduct, meanSquare, rawCoefficients, scaledCoefficients } from "./coefficients.js";
import { stackedTargets, unstackedTargets } from "./coefficients.js";
import { logRate } from "./heavyBall.js";
import { columnsBehind } from "./words.js";

/**
 * The scales that these data can be seen on.
 * @param {object} state What playground_data.py wrote.
 * @returns {string[]} "raw", "centred" (only with a bias, which takes up the shift) and "standardised".
 */
export function viewsOf(state) {
  return Object.keys(state.views);
}

/**
 * The problem of all rows on a scale: loss(θ) = floor + Σ(σ·vᵀθ − rhs)²/(m·W), θ the parameters of that scale.
 *
 * Coefficients {weight: (m, p), bias: (m,)} go in and come out in raw units; gradients are those of the scale's own
 * parameters, as a loop on such columns sees them. On "raw" the two are the same. Limits and counts may be Infinity.
 * @param {object} state What playground_data.py wrote.
 * @param {string} view One of `viewsOf(state)`.
 * @returns {object}
 *   - `view`, `targets`, `hasBias`, `parameters` (q names, the bias first), `curvatures` (r, the largest first);
 *   - `lrLimit(momentum)` the largest stable rate, `bestLr(momentum)` the rate with which all weights settle first,
 *     `growth(lr, momentum)` the factor by which the fastest growing error grows per epoch, below 1 where all shrink;
 *   - `limitShares()` [{name, share}]: what each parameter has of the direction behind the limit, largest first;
 *   - `directions` [{columns, curvature, vector (q)}], by curvature;
 *   - `optimum` {weight, bias, loss}; where data leave a direction open, the one of least weight;
 *   - `lossOf({weight, bias})` over all rows, `gradientOf({weight, bias})` → {weight: (m, p), bias: (m,)};
 *   - `coordinatesOf({weight, bias})` (r, m): how far along each direction from the optimum, on this scale;
 *   - `toView({weight, bias})`, `toRaw({weight, bias})`: between raw units and this scale;
 *   - for the modules beside this one: `cells` (m·W), `floor`, `singular` (r), `vectors` (r, q), `rhs` (r, m).
 */
export function problemOf(state, view) {
  const { singular, vectors, rhs, ...scaling } = state.views[view];
  const { targets, has_bias: hasBias } = state;
  const cells = targets.length * state.weight_sum;
  const parameters = [...(hasBias ? ["bias"] : []), ...state.features];
  const curvatures = singular.map((s) => (2 * s * s) / cells);
  const toView = (point) => scaledCoefficients(point, scaling);
  const spectrum = { targets, parameters, hasBias, cells, singular, vectors, rhs };
  const residual = (point) => residualAlong(spectrum, toView(point));
  return {
    ...spectrum,
    ...limitsOf(curvatures),
    view,
    curvatures,
    floor: state.optimum.loss,
    optimum: state.optimum,
    directions: vectors.map((vector, i) => {
      return { columns: columnsBehind(vector, parameters, hasBias), curvature: curvatures[i], vector };
    }),
    limitShares: () => sharesOf(vectors[0] ?? [], parameters),
    lossOf: (point) => meanSquare(state, point),
    gradientOf: (point) => gradientFrom(spectrum, residual(point)),
    coordinatesOf: (point) => residual(point).map((row, i) => row.map((part) => part / singular[i])),
    toView,
    toRaw: (point) => rawCoefficients(point, scaling),
  };
}

/**
 * The residual of coefficients along the left singular directions: σ·vᵀθ − rhs.
 * @param {object} problem
 * @param {{weight: number[][], bias: number[]}} point On the problem's scale.
 * @param {number[][]} [goal] (r, m) Of another right-hand side.
 * @returns {number[][]} (r, m)
 */
export function residualAlong({ singular, vectors, rhs, hasBias }, point, goal = rhs) {
  const thetas = stackedTargets(point, hasBias);
  return vectors.map((vector, i) => thetas.map((theta, j) => singular[i] * dotProduct(vector, theta) - goal[i][j]));
}

/**
 * The gradient 2/(m·W)·V·Σ·residual by the parameters of the problem's scale.
 * @param {object} problem
 * @param {number[][]} residual (r, m)
 * @returns {{weight: number[][], bias: number[]}}
 */
export function gradientFrom(problem, residual) {
  const { singular, cells } = problem;
  return combinedDirections(problem, residual.map((row, i) => row.map((part) => (2 * singular[i] * part) / cells)));
}

/**
 * The directions taken `amounts` (r, m) times and added up, as coefficients on the problem's scale.
 * @param {object} problem
 * @param {number[][]} amounts (r, m)
 * @returns {{weight: number[][], bias: number[]}}
 */
export function combinedDirections({ vectors, hasBias, targets, parameters }, amounts) {
  const thetas = targets.map(() => parameters.map(() => 0));
  vectors.forEach((vector, i) => {
    thetas.forEach((theta, j) => {
      for (let k = 0; k < theta.length; k++) theta[k] += amounts[i][j] * vector[k];
    });
  });
  return unstackedTargets(thetas, hasBias);
}

function limitsOf(curvatures) {
  const [largest, smallest] = [curvatures[0] ?? 0, curvatures.at(-1) ?? 0];
  return {
    lrLimit: (momentum) => (largest ? (2 * (1 + momentum)) / largest : Infinity),
    bestLr: (momentum) => (largest ? (2 * (1 + momentum)) / (largest + smallest) : 1),
    growth: (lr, momentum) => Math.exp(Math.max(...curvatures.map((curvature) => logRate(lr * curvature, momentum)))),
  };
}

function sharesOf(vector, parameters) {
  const shares = Array.from(vector, (part, i) => ({ name: parameters[i], share: part * part }));
  return shares.sort((a, b) => b.share - a.share);
}
