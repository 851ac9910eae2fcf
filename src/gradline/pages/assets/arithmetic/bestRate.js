// The constant rate with the least loss after some epochs, found as solvers/best_rate.py finds that of lr="auto".

import { errorAfter, logRate } from "./heavyBall.js";
import { logSum } from "./path.js";
import { residualAlong } from "./spectrum.js";

const BELOW_LIMIT = 1 - 1e-6; // of the stable limit; at the limit itself an error never shrinks
const HALVINGS = 64;
const PER_SWING = 8; // places from one zero of the error to the next
const FEWEST = 64; // places on one direction's circle
const MOST_PLACES = 4096;
const CELLS = 2 ** 20; // places × directions that are looked at, some 0.2 s
const HEAVIEST = 8; // directions whose zeros are looked for
const INNER = 17; // places in a valley that is drawn nearer
const VALLEYS = [2 ** 13, 2 ** 10, 64, 64, 64, 64, 64]; // × directions, drawn nearer each time

/**
 * The rate below the stable limit that leaves the least loss of the full batch after `epochs` updates.
 *
 * That loss is the least possible one plus Σ sizeᵢ·e(lr·λᵢ)²/(m·W), size the squared residual of the start along a
 * direction and e the share of an error that is left. With nothing to lose, or for no epochs, every rate is as good:
 * then it is the one with which all weights settle first.
 * @param {object} problem Of `problemOf`.
 * @param {{weight: number[][], bias: number[]}} begin In raw units.
 * @param {number} epochs
 * @param {number} momentum From 0 to 1.
 * @returns {number}
 */
export function bestRateAt(problem, begin, epochs, momentum) {
  const residual = residualAlong(problem, problem.toView(begin));
  const live = problem.curvatures
    .map((curvature, i) => ({ curvature, size: residual[i].reduce((sum, part) => sum + part * part, 0) }))
    .filter(({ size }) => size > 0);
  if (epochs === 0 || live.length === 0) return problem.bestLr(momentum);
  const limit = problem.lrLimit(momentum) * BELOW_LIMIT;
  return momentum === 0 ? byHalving(live, epochs, limit) : byLooking(live, epochs, momentum, limit);
}

// Without momentum the loss is convex in the rate: where what has begun to rise outweighs what still falls, it is too large.
function byHalving(live, epochs, limit) {
  let [low, high] = [1 / live[0].curvature, limit];
  for (let i = 0; i < HALVINGS; i++) {
    const lr = (low + high) / 2;
    const slope = ({ curvature, size }) =>
      Math.log(size) + Math.log(curvature) + (2 * epochs - 1) * logRate(lr * curvature, 0);
    const [rising, falling] = [true, false].map((side) =>
      logSum(live.filter(({ curvature }) => lr * curvature > 1 === side).map(slope)),
    );
    [low, high] = rising > falling ? [low, lr] : [lr, high];
  }
  return low;
}

// With momentum it has many valleys: they are looked for where they must lie, and the deepest are drawn nearer.
function byLooking(live, epochs, momentum, limit) {
  const heightOf = (lr) =>
    live.reduce((sum, { curvature, size }) => sum + size * errorAfter(lr * curvature, momentum, epochs).left ** 2, 0);
  const places = placesOf(live, epochs, momentum, limit);
  const heights = places.map(heightOf);
  const arrived = places.filter((_, i) => heights[i] === 0);
  if (arrived.length) return arrived[Math.floor(arrived.length / 2)];
  let valleys = deepest(places, heights);
  for (const kept of VALLEYS) {
    const nearer = ({ low, high }) => {
      const inner = Array.from({ length: INNER }, (_, i) => low + (i / (INNER - 1)) * (high - low));
      return deepest(inner, inner.map(heightOf))[0];
    };
    valleys = valleys.slice(0, Math.max(HEAVIEST, Math.floor(kept / live.length))).map(nearer);
    valleys.sort((a, b) => a.depth - b.depth);
  }
  return valleys[0].lr;
}

// The places between two higher ones, the deepest first.
function deepest(places, heights) {
  const at = (i) => heights[i] ?? Infinity;
  const found = places.flatMap((lr, i) =>
    at(i) <= at(i - 1) && at(i) <= at(i + 1)
      ? [{ lr, depth: at(i), low: places[i - 1] ?? lr, high: places[i + 1] ?? lr }]
      : [],
  );
  return found.sort((a, b) => a.depth - b.depth);
}

// Even in the angle of the swing for the largest curvature and the heaviest directions, and towards the limit.
function placesOf(live, epochs, momentum, limit) {
  const heaviest = [...live].sort((a, b) => b.size - a.size).slice(0, HEAVIEST);
  const chosen = [...new Set([live[0], ...heaviest].map(({ curvature }) => curvature))];
  const most = Math.min(MOST_PLACES, Math.max(FEWEST, Math.floor(CELLS / (chosen.length * live.length))));
  const count = Math.min(Math.max(PER_SWING * epochs, FEWEST), most);
  const root = Math.sqrt(momentum);
  const circle = Array.from({ length: count }, (_, i) => {
    return (1 - root) ** 2 + 4 * root * Math.sin((Math.PI / 2) * (i / (count - 1))) ** 2;
  });
  const toward = Array.from({ length: FEWEST }, (_, i) => limit * (1 - 0.5 * (2e-6) ** (i / (FEWEST - 1))));
  const first = Math.min(circle[0] / live[0].curvature, limit);
  const places = [...chosen.flatMap((curvature) => circle.map((a) => a / curvature)), ...toward, limit];
  return [...new Set(places)].filter((lr) => lr >= first && lr <= limit && lr > 0).sort((a, b) => a - b);
}
