// Full-batch gradient descent, any epoch at once: weights, loss, and what is left by direction.

import { heavyBall } from "./heavyBall.js";
import { combinedDirections, gradientFrom, residualAlong } from "./spectrum.js";

/** The last epoch that the page can be asked for. */
export const LAST_EPOCH = 1e9;

/**
 * The path of a right loop: θ(k) = θ(0) − V·((1 − e(k))/σ)·c with c = σ·Vᵀθ(0) − rhs and e(k) of `errorAfter`.
 *
 * With directions that the data leave open it ends in the optimum nearest to its start.
 * @param {object} problem Of `problemOf`.
 * @param {{lr: number, momentum: number, start: {weight: number[][], bias: number[]}}} settings lr above 0, on the
 *   problem's scale; momentum from 0 to 1; the start in raw units.
 * @returns {object} See `followedPath`.
 */
export function pathOf(problem, { lr, momentum, start }) {
  return followedPath(problem, { lr, start }, heavyBall(momentum));
}

/**
 * The path of a loop whose error follows a law in each direction, towards a goal of its own.
 * @param {object} problem Of `problemOf`.
 * @param {{lr: number, start: {weight: number[][], bias: number[]}}} settings
 * @param {{error: Function, bound: Function, logRate: Function}} law For a = lr·λ: as in heavyBall.js.
 * @param {{rhs: number[][], loss: number}} [goal] Where the loop's own loss is least: its right-hand side (r, m), and
 *   the loss there. By default those of the problem.
 * @returns {object} `lr`; `diverges`, whether an error grows; `last`, the last epoch, and `updates` of an epoch; and
 *   - `at(epoch)` → {epoch, weight (m, p), bias (m,), loss, gap, log10Loss, overflow}, weight and bias in raw units.
 *     `gap` is the loss above the optimum. Beyond float64 `overflow` is true and what has no number is null, but for
 *     log10Loss, the decimal logarithm of the loss; `lossAt(epoch)` → {loss, gap, log10Loss} of it, in less time;
 *   - `computed(epoch)`: the loss that the loop's step 2 computes after so many updates, and `shown(epoch)`: the loss
 *     that it prints then; null beyond float64;
 *   - `holding(epoch)` → [{index, share, gap, halfLife, columns}]: the gap by direction, largest share first; shares
 *     sum to one, `halfLife` in epochs is Infinity where it does not shrink, `index` is that of `problem.directions`;
 *   - `epochsToLoss(excess)`: epochs until the gap is at most `excess` (0.01) of the optimal loss, of the steadily
 *     falling envelope where momentum swings; `epochsToWeights(shrink)`: until the slowest error is 1/`shrink` (1/1000)
 *     of what it was; Infinity where never;
 *   - `gradientAt(epoch)` and `velocityAt(epoch)` → {weight, bias} on the problem's scale: the gradient of the loss
 *     that the loop computes at that epoch, and what lr multiplies in the update that follows;
 *   - `nextAt(epoch)`: the point after that update; `rowsAt(epoch)`: the rows that it sees, null for all.
 */
export function followedPath(problem, { lr, start }, law, goal = { rhs: problem.rhs, loss: problem.floor }) {
  const begin = problem.toView(start);
  const steps = problem.curvatures.map((curvature) => lr * curvature);
  const run = {
    problem,
    law,
    lr,
    begin,
    steps,
    errors: remembering((epoch) => steps.map((a) => law.error(a, epoch))),
    distance: residualAlong(problem, begin, goal.rhs),
    offset: goal.rhs.map((row, i) => row.map((part, j) => part - problem.rhs[i][j])),
  };
  const computed = (epoch) => finiteOrNull(goal.loss + sumOfSquares(leftAfter(run, epoch)) / problem.cells);
  return {
    lr,
    last: LAST_EPOCH,
    updates: 1,
    diverges: Math.max(...steps.map(law.logRate)) > 0,
    at: (epoch) => pointAfter(run, epoch),
    lossAt: (epoch) => gapAfter(run, epoch),
    nextAt: (epoch) => pointAfter(run, epoch + 1),
    rowsAt: () => null,
    computed,
    shown: computed,
    holding: (epoch) => holdingBack(run, epoch),
    epochsToLoss: (excess = 0.01) => epochsToGap(run, excess * problem.floor),
    epochsToWeights: (shrink = 1000) =>
      Math.max(1, epochsUntil(Math.log(shrink), Math.max(...run.steps.map(law.logRate)))),
    gradientAt: (epoch) => gradientFrom(problem, leftAfter(run, epoch)),
    velocityAt: (epoch) => velocityAfter(run, epoch),
  };
}

/**
 * Epochs until an error whose logarithm changes by `rate` per epoch has fallen by `logarithm`.
 * @param {number} logarithm
 * @param {number} rate
 * @returns {number} Infinity where it never falls.
 */
export function epochsUntil(logarithm, rate) {
  return rate < 0 ? logarithm / -rate : Infinity;
}

// Whoever asks for one number of an epoch asks for the others next.
function remembering(compute) {
  let last = { epoch: null, value: null };
  return (epoch) => {
    if (last.epoch !== epoch) last = { epoch, value: compute(epoch) };
    return last.value;
  };
}

function pointAfter(run, epoch) {
  const { problem, begin, distance } = run;
  const errors = run.errors(epoch);
  const way = combinedDirections(problem, scaledRows(distance, (i) => errors[i].covered / problem.singular[i]));
  const { weight, bias } = problem.toRaw({
    weight: begin.weight.map((row, j) => row.map((w, i) => w - way.weight[j][i])),
    bias: begin.bias.map((b, j) => b - way.bias[j]),
  });
  const overflow = !(bias.every(Number.isFinite) && weight.flat().every(Number.isFinite));
  const { loss, gap, log10Loss } = gapAfter(run, epoch);
  return {
    epoch,
    weight: weight.map((row) => row.map(finiteOrNull)),
    bias: bias.map(finiteOrNull),
    loss,
    gap,
    log10Loss,
    overflow: overflow || loss === null,
  };
}

// The residual against the loop's own goal, (r, m).
function leftAfter({ errors, distance }, epoch) {
  const now = errors(epoch);
  return scaledRows(distance, (i) => now[i].left);
}

function gapAfter(run, epoch) {
  const { problem, distance, offset } = run;
  const now = run.errors(epoch);
  let sum = 0;
  for (let i = 0; i < distance.length; i++) {
    for (let j = 0; j < distance[i].length; j++) sum += (scaledPart(now[i].left, distance[i][j]) + offset[i][j]) ** 2;
  }
  const gap = sum / problem.cells;
  const loss = problem.floor + gap;
  if (Number.isFinite(loss)) return { loss, gap, log10Loss: loss > 0 ? Math.log10(loss) : null };
  return { loss: null, gap: null, log10Loss: logGap(run, epoch).total / Math.LN10 };
}

// The logarithms of the gap and of its parts by direction, which stay finite where the parts do not.
function logGap({ problem, errors, distance, offset }, epoch) {
  const now = errors(epoch);
  const parts = distance.map((row, i) => {
    const { left, log } = now[i];
    const size = (part, j) => {
      const value = scaledPart(left, part) + offset[i][j];
      return Number.isFinite(value) ? Math.log(Math.abs(value)) : log + Math.log(Math.abs(part));
    };
    return logSum(row.map((part, j) => 2 * size(part, j))) - Math.log(problem.cells);
  });
  return { parts, total: logSum(parts) };
}

function holdingBack(run, epoch) {
  const { problem, law, steps, offset } = run;
  const { parts, total } = logGap(run, epoch);
  if (total === -Infinity) return [];
  const found = parts.map((part, index) => ({
    index,
    share: Math.exp(part - total),
    gap: finiteOrNull(Math.exp(part)),
    halfLife: offset[index].some((shift) => shift !== 0) ? Infinity : epochsUntil(Math.LN2, law.logRate(steps[index])),
    columns: problem.directions[index].columns,
  }));
  return found.filter(({ share }) => share > 0).sort((a, b) => b.share - a.share || a.index - b.index);
}

function epochsToGap(run, target) {
  const { problem, law, steps, distance, offset } = run;
  const bound = (epoch) =>
    sumOfSquares(distance.map((row, i) => {
      const left = law.bound(steps[i], epoch);
      return row.map((part, j) => Math.abs(scaledPart(left, part)) + Math.abs(offset[i][j]));
    })) / problem.cells;
  if (bound(0) <= target) return 0;
  if (target <= 0 || Math.max(...steps.map(law.logRate)) >= 0) return Infinity;
  let [low, high] = [0, 1];
  while (bound(high) > target) {
    if (high > Number.MAX_SAFE_INTEGER) return Infinity; // the goal itself lies above the target
    [low, high] = [high, 2 * high];
  }
  while (high - low > 1 && (low + high) / 2 > low) {
    const middle = Math.floor((low + high) / 2);
    [low, high] = bound(middle) > target ? [middle, high] : [low, middle];
  }
  return high;
}

// (θ(k) − θ(k + 1))/lr: the difference is taken of whichever share keeps its digits.
function velocityAfter({ problem, errors, distance, lr }, epoch) {
  const [before, after] = [errors(epoch), errors(epoch + 1)];
  return combinedDirections(problem, scaledRows(distance, (i) => {
    const [now, next] = [before[i], after[i]];
    const moved = Math.abs(now.left) < 0.5 ? now.left - next.left : next.covered - now.covered;
    return moved / problem.singular[i] / lr;
  }));
}

function scaledRows(rows, factor) {
  return rows.map((row, i) => {
    const times = factor(i);
    return row.map((part) => scaledPart(times, part));
  });
}

// An error of zero stays zero, however far its direction runs away.
function scaledPart(times, part) {
  return part === 0 ? 0 : times * part;
}

function sumOfSquares(rows) {
  return rows.reduce((sum, row) => row.reduce((inner, part) => inner + part * part, sum), 0);
}

/**
 * log Σ exp, −∞ of nothing.
 * @param {number[]} logs
 * @returns {number}
 */
export function logSum(logs) {
  const largest = Math.max(...logs);
  if (!Number.isFinite(largest)) return largest;
  return largest + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - largest), 0));
}

function finiteOrNull(value) {
  return Number.isFinite(value) ? value : null;
}
