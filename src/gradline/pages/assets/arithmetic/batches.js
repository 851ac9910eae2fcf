// Mini-batch descent from the rows of the page: one path, by the order in which a seed shuffles them.

import { meanSquare, stackedTargets, unstackedTargets } from "./coefficients.js";
import { seededRandom, shuffledOrder } from "./random.js";

const MOST_UPDATES = 600; // that are kept one by one, for a figure that shows each

/**
 * How many epochs of mini-batches can be computed between two frames.
 * @param {object} state What playground_data.py wrote, with rows.
 * @returns {number} A round number: at most 5 ms of work at 80 million operations a second, and at least 20 epochs.
 */
export function batchEpochs({ sample, features, targets }) {
  const work = sample.x.length * targets.length * (features.length + 9);
  const most = Math.max(20, Math.min(5000, 4e5 / work));
  const power = 10 ** Math.floor(Math.log10(most));
  return [5, 2, 1].map((times) => times * power).find((count) => count <= most); // a round end of the axis
}

/**
 * The path of mini-batch descent: one update per batch of rows in a new order each epoch, as `torch.optim.SGD` with a
 * shuffling DataLoader. The last short batch is kept and divides by its own size, or by its sum of row weights.
 * @param {object} state What playground_data.py wrote, with rows.
 * @param {object} problem Of `problemOf`; the loop runs on its scale.
 * @param {{lr: number, momentum: number, batch: number, epochs: number, seed: number,
 *   start: {weight: number[][], bias: number[]}}} settings batch above the rows is one batch; the start in raw units.
 * @returns {object} As of `followedPath`, without the counts of epochs, up to `last`, where `epochs` or float64 ends; and
 *   - `updates`: how many an epoch has; `steps`: the points after each of the first updates, the start first;
 *   - `nextAt(epoch)`: the point after one more update; `rowsAt(epoch)`: the rows of that update's batch.
 */
export function batchPath(state, problem, settings) {
  const rows = scaledSample(state, problem.view);
  const walk = walked(rows, problem, settings);
  const { last, at } = walk;
  const pointAt = (epoch) => judged(state, problem, at(epoch).thetas, Math.min(epoch, last));
  const stepAt = (epoch) => {
    const { thetas, velocity, batch } = at(epoch);
    const gradient = thetas.map((theta, j) => batchGradient(rows, batch, j, theta, new Array(theta.length)));
    return {
      gradient,
      velocity: gradient.map((part, j) => part.map((g, k) => settings.momentum * velocity[j][k] + g)),
    };
  };
  const begin = pointAt(0).loss;
  const computed = (epoch) => batchLoss(rows, at(epoch));
  return {
    lr: settings.lr,
    last,
    updates: Math.ceil(rows.length / settings.batch),
    diverges: walk.hasLeft || pointAt(last).loss > 10 * begin,
    steps: walk.steps.map((thetas) => rawPoint(problem, thetas)),
    at: pointAt,
    lossAt: pointAt,
    computed,
    shown: computed,
    holding: (epoch) => holdingOf(problem, pointAt(epoch)),
    gradientAt: (epoch) => unstackedTargets(stepAt(epoch).gradient, problem.hasBias),
    velocityAt: (epoch) => unstackedTargets(stepAt(epoch).velocity, problem.hasBias),
    rowsAt: (epoch) => at(epoch).batch,
    nextAt: (epoch) => {
      const { thetas } = at(epoch);
      const { velocity } = stepAt(epoch);
      return judged(
        state,
        problem,
        thetas.map((theta, j) => theta.map((v, k) => v - settings.lr * velocity[j][k])),
        epoch + 1,
      );
    },
  };
}

// Every epoch's parameters, velocity and first batch, and the parameters after each of the first updates. What is kept
// lies in three arrays, and a gradient always in the same place: making thousands of small ones took most of the time.
function walked(rows, problem, { lr, momentum, batch, epochs: most, seed, start }) {
  const { length, targets, width } = rows;
  const [random, size, block] = [seededRandom(seed), Math.min(batch, length), targets * width];
  const parts = (flat, first = 0) =>
    Array.from({ length: targets }, (_, j) => flat.subarray(first + j * width, first + (j + 1) * width));
  const copied = (vectors) => vectors.map((vector) => Array.from(vector));
  const [whole, moving] = [Float64Array.from(stackedTargets(problem.toView(start), problem.hasBias).flat()), new Float64Array(block)];
  const [thetas, velocity, gradient] = [parts(whole), parts(moving), new Float64Array(width)];
  const kept = [new Float64Array((most + 1) * block), new Float64Array((most + 1) * block)];
  const batches = new Uint32Array((most + 1) * size);
  const at = (epoch) => {
    const known = Math.min(epoch, walk.last);
    const [then, pace] = kept.map((flat) => copied(parts(flat, known * block)));
    return { thetas: then, velocity: pace, batch: batches.subarray(known * size, (known + 1) * size) };
  };
  const walk = { last: 0, hasLeft: false, steps: [copied(thetas)], at };
  for (let epoch = 0; ; epoch++) {
    const order = shuffledOrder(length, random);
    walk.last = epoch;
    kept[0].set(whole, epoch * block);
    kept[1].set(moving, epoch * block);
    batches.set(order.subarray(0, size), epoch * size);
    if (epoch === most) return walk;
    for (let first = 0; first < length; first += size) {
      const seen = order.subarray(first, first + size);
      for (let j = 0; j < targets; j++) {
        batchGradient(rows, seen, j, thetas[j], gradient);
        for (let k = 0; k < width; k++) {
          velocity[j][k] = momentum * velocity[j][k] + gradient[k];
          thetas[j][k] -= lr * velocity[j][k];
        }
      }
      if (walk.steps.length <= MOST_UPDATES) walk.steps.push(copied(thetas));
    }
    if (!whole.every((value) => Math.abs(value) < 1e100)) return Object.assign(walk, { hasLeft: true });
  }
}

// By one target's parameters: those of the others do not touch it. Written into `gradient`.
function batchGradient({ A, Y, w, targets, width }, batch, j, theta, gradient) {
  gradient.fill(0);
  let size = 0;
  for (let i = 0; i < batch.length; i++) {
    const row = batch[i];
    let prediction = 0;
    for (let k = 0; k < width; k++) prediction += A[row * width + k] * theta[k];
    const residual = w[row] * (prediction - Y[row * targets + j]);
    for (let k = 0; k < width; k++) gradient[k] += residual * A[row * width + k];
    size += w[row];
  }
  for (let k = 0; k < width; k++) gradient[k] *= 2 / (targets * size);
  return gradient;
}

// What the loop's step 2 computes: the mean over the batch that comes next.
function batchLoss({ A, Y, w, targets, width }, { thetas, batch }) {
  let [sum, size] = [0, 0];
  for (const row of batch) {
    size += w[row];
    thetas.forEach((theta, j) => {
      let residual = -Y[row * targets + j];
      for (let k = 0; k < width; k++) residual += A[row * width + k] * theta[k];
      sum += w[row] * residual ** 2;
    });
  }
  return sum / (targets * size);
}

function rawPoint(problem, thetas) {
  return problem.toRaw(unstackedTargets(thetas, problem.hasBias));
}

function judged(state, problem, thetas, epoch) {
  const point = rawPoint(problem, thetas);
  const loss = meanSquare(state, point);
  return {
    epoch,
    ...point,
    loss,
    gap: Math.max(0, loss - problem.floor),
    log10Loss: Math.log10(loss),
    overflow: false,
  };
}

function holdingOf(problem, point) {
  const gaps = problem.coordinatesOf(point).map((row, i) => {
    return (row.reduce((sum, part) => sum + part * part, 0) * problem.singular[i] ** 2) / problem.cells;
  });
  const total = gaps.reduce((sum, gap) => sum + gap, 0);
  if (!(total > 0)) return [];
  const found = gaps.map((gap, index) => {
    return { index, share: gap / total, gap, halfLife: Infinity, columns: problem.directions[index].columns };
  });
  return found.filter(({ share }) => share > 0).sort((a, b) => b.share - a.share || a.index - b.index);
}

// The rows on the problem's scale, flat, with a column of ones for the bias.
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
