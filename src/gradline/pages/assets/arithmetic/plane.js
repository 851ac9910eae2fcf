// The loss over a plane of two coordinates: weight and bias where there are two parameters, else two directions.

/**
 * The plane in which a target's loss is looked at, and the bowl over it: loss = floor + ½·(c − center)ᵀ·H·(c − center).
 * @param {object} problem Of `problemOf`.
 * @param {number} target
 * @returns {?object} null where the data have one direction only.
 *   - `isWhole`: whether the two coordinates are all parameters; `parameters` [i, j], theirs, where they are;
 *   - `center` [u, v] the optimum; `curvature` [[a, b], [b, c]] the matrix H;
 *   - `axes` [{size, curvature, vector (2,)}]: the bowl's own axes, the steepest first;
 *   - `at(point)` → [u, v] of a point in raw units; `moved(point, [u, v])` → the point there, in raw units.
 */
export function planeIn(problem, target) {
  const { parameters, directions, curvatures, hasBias } = problem;
  if (directions.length < 2 && parameters.length !== 2) return null;
  if (parameters.length === 2) return ofParameters(problem, target, hasBias ? [1, 0] : [0, 1]);
  const [stiff, soft] = [directions[0], directions.at(-1)];
  const along = (point) => {
    const coordinates = problem.coordinatesOf(point);
    return [coordinates.at(-1)[target], coordinates[0][target]];
  };
  return {
    isWhole: false,
    parameters: null,
    center: [0, 0],
    axes: [
      { curvature: curvatures[0], vector: [0, 1] },
      { curvature: curvatures.at(-1), vector: [1, 0] },
    ],
    at: along,
    moved: (point, [u, v]) => {
      const [soFar, soSteep] = along(point);
      const way = problem.parameters.map((_, k) => (u - soFar) * soft.vector[k] + (v - soSteep) * stiff.vector[k]);
      return shifted(problem, point, target, way);
    },
  };
}

function ofParameters(problem, target, order) {
  const { directions, hasBias } = problem;
  const read = (point) => {
    const { weight, bias } = problem.toView(point);
    const theta = hasBias ? [bias[target], ...weight[target]] : weight[target];
    return order.map((k) => theta[k]);
  };
  const axes = directions.map(({ curvature, vector }) => ({ curvature, vector: order.map((k) => vector[k]) }));
  if (axes.length === 1) axes.push({ curvature: 0, vector: [-axes[0].vector[1], axes[0].vector[0]] });
  return {
    isWhole: true,
    parameters: order,
    center: read(problem.optimum),
    axes,
    at: read,
    moved: (point, place) => {
      const now = read(point);
      const way = [0, 0];
      order.forEach((k, side) => (way[k] = place[side] - now[side]));
      return shifted(problem, point, target, way);
    },
  };
}

// One target's parameters on the problem's scale moved by `way`, the bias first where there is one.
function shifted(problem, point, target, way) {
  const { weight, bias } = problem.toView(point);
  const first = problem.hasBias ? 1 : 0;
  return problem.toRaw({
    weight: weight.map((row, j) => (j === target ? row.map((w, i) => w + way[i + first]) : row)),
    bias: bias.map((b, j) => (j === target && first ? b + way[0] : b)),
  });
}

/**
 * The height of the bowl over its floor.
 * @param {object} plane Of `planeIn`.
 * @param {number[]} place [u, v]
 * @returns {number}
 */
export function heightIn({ axes, center }, [u, v]) {
  return axes.reduce((sum, { curvature, vector }) => {
    const along = vector[0] * (u - center[0]) + vector[1] * (v - center[1]);
    return sum + (curvature / 2) * along * along;
  }, 0);
}

/**
 * The window of a plane that holds every path which does not diverge: along each axis of the bowl an error is at most
 * what it was, as |1 − lr·λ| ≤ 1, so the window is the box around that box, a third wider for what overshoots.
 * @param {object} plane
 * @param {number[]} start [u, v]
 * @param {number} floor The least loss, which says how wide the valley is where the start is the optimum.
 * @returns {number[]} [half the width, half the height] around `plane.center`.
 */
export function windowAround({ axes, center }, start, floor) {
  const sizes = axes.map(({ curvature, vector }) => {
    const along = vector[0] * (start[0] - center[0]) + vector[1] * (start[1] - center[1]);
    return Math.max(Math.abs(along), curvature > 0 ? Math.sqrt(floor / curvature) : 0, 1e-12);
  });
  return [0, 1].map((side) => 1.33 * axes.reduce((sum, { vector }, i) => sum + Math.abs(vector[side]) * sizes[i], 0));
}
