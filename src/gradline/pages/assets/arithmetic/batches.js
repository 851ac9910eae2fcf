// Mini-batch descent from the sampled rows: paths that differ by the order in which rows come.

import { stackedTargets, unstackedTargets } from "./coefficients.js";
import { seededRandom, shuffledOrder } from "./random.js";

/**
 * Paths of mini-batch descent, one update per batch of rows in a new order each epoch, as `torch.optim.SGD` with a
 * shuffling DataLoader. The last short batch is kept and divides by its own size, or by its sum of row weights.
 * @param {object} state What state.py wrote, with sampled rows.
 * @param {object} problem Of `problemOf`; the loop runs on its scale.
 * @param {{lr: number, momentum: number, batchSize: number, epochs: number, paths: number, seed: number,
 *   start: {weight: number[][], bias: number[]}}} settings batchSize above the sampled rows is one batch; the start in
 *   raw units.
 * @returns {{updates: number, weight: number[][], bias: number[], loss: number}[][]} For each path its epochs from 0,
 *   in raw units, the loss over all rows. A path that leaves float64 ends before it does. [] without rows.
 */
export function cloudOf(state, problem, { paths, seed, ...settings }) {
  if (state.sample === null) return [];
  const rows = scaledSample(state, problem.view);
  return Array.from({ length: paths }, (_, i) => batchPath(rows, problem, settings, seededRandom(seed + i)));
}

function batchPath(rows, problem, { lr, momentum, batchSize, epochs, start }, random) {
  const thetas = stackedTargets(problem.toView(start), problem.hasBias);
  const velocity = thetas.map((theta) => new Float64Array(theta.length));
  const path = [{ updates: 0, ...start, loss: problem.lossOf(start) }];
  for (let epoch = 0, updates = 0; epoch < epochs; epoch++) {
    const order = shuffledOrder(rows.length, random);
    for (let first = 0; first < rows.length; first += batchSize, updates++) {
      const batch = order.subarray(first, first + batchSize);
      thetas.forEach((theta, j) => updateTheta(rows, batch, j, { theta, velocity: velocity[j], lr, momentum }));
    }
    const point = problem.toRaw(unstackedTargets(thetas.map((theta) => [...theta]), problem.hasBias));
    const loss = problem.lossOf(point);
    if (!Number.isFinite(loss)) break;
    path.push({ updates, ...point, loss });
  }
  return path;
}

// One update of one target's parameters: their gradient does not touch those of the others.
function updateTheta({ A, Y, w, targets, width }, batch, j, { theta, velocity, lr, momentum }) {
  const gradient = new Float64Array(width);
  let size = 0;
  for (const row of batch) {
    let prediction = 0;
    for (let k = 0; k < width; k++) prediction += A[row * width + k] * theta[k];
    const residual = w[row] * (prediction - Y[row * targets + j]);
    for (let k = 0; k < width; k++) gradient[k] += residual * A[row * width + k];
    size += w[row];
  }
  for (let k = 0; k < width; k++) {
    velocity[k] = momentum * velocity[k] + (2 * gradient[k]) / (targets * size);
    theta[k] -= lr * velocity[k];
  }
}

// The sampled rows on the problem's scale, flat, with a column of ones for the bias.
function scaledSample({ sample, views, has_bias, targets, features }, view) {
  const { center, scale } = views[view];
  const width = features.length + (has_bias ? 1 : 0);
  const scaled = sample.x.map((row) => row.map((x, i) => (x - center[i]) / scale[i]));
  return {
    length: scaled.length,
    targets: targets.length,
    width,
    A: Float64Array.from(scaled.flatMap((row) => (has_bias ? [1, ...row] : row))),
    Y: Float64Array.from(sample.y.flat()),
    w: Float64Array.from(sample.w ?? scaled.map(() => 1)),
  };
}
