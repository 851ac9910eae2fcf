// The scene: what the settings mean, computed once for each change and shown by every part of the page.

import { batchEpochs, batchPath } from "../arithmetic/batches.js";
import { meanSquare } from "../arithmetic/coefficients.js";
import { mistakenPath } from "../arithmetic/mistakes.js";
import { LAST_EPOCH, pathOf } from "../arithmetic/path.js";
import { planeIn, windowAround } from "../arithmetic/plane.js";
import { newStart } from "../arithmetic/random.js";
import { refitted, rowsOfText } from "../arithmetic/refit.js";
import { pointsOfShape, SHAPES } from "../arithmetic/shapes.js";
import { problemOf } from "../arithmetic/spectrum.js";
import { keptRun, originOf, originText } from "./store.js";
import { roundedUp, timeAxis } from "./time.js";

const GROWTH = 6; // powers of ten by which a diverging loss grows before its axis ends
const WIDE = 30; // a loss that falls by more is shown by its logarithm

/**
 * A maker of scenes, which keeps what did not change.
 * @param {object} original What playground_data.py wrote.
 * @returns {{of: (settings: object) => object, isAtRest: () => boolean, rest: () => void}} `of` gives the scene:
 *   - `state` (with the points as they were moved; `original` as they came), `settings`, `epoch`, `key` of the path; `names` of the parameters, the bias first;
 *   - `problem` on the chosen scale; `begin` the start; `right` the full-batch path of a right loop, `path` the followed;
 *   - `point` and `holding` at the epoch, `next` the point after one more update;
 *   - `limit` the largest stable rate; `plane` of `planeIn`; `heldLoss(point)` over the rows held out, null without;
 *   - `kept` {lr, path} a run kept to be compared, null without;
 *   - `ease` and `plain`: the same descent at the best rate of standardised and of raw columns;
 *   - `frame` {time, losses, isLog, reach, begin}: what the axes are made from, which stands still while something is dragged
 *     and is chosen anew by `rest`.
 */
export function sceneMaker(original) {
  let [base, from, walk, kept, frame] = [{}, {}, {}, {}, {}];
  const baseOf = ({ points }) => {
    if (base.points !== points) base = baseFor(original, points, base);
    return base;
  };
  const startOf = (settings) => {
    const key = JSON.stringify([settings.points, settings.seed, settings.origin]);
    if (from.key !== key) from = { key, ...startFor(baseOf(settings), settings) };
    return from;
  };
  const walkOf = (settings) => {
    const { view, lr, momentum, mistake, batch, target } = settings;
    const { state, problems } = baseOf(settings);
    const start = startOf(settings);
    const key = JSON.stringify([start.key, view, lr, momentum, mistake, batch, target]);
    if (walk.key !== key) walk = { key, ...walkFor(original, state, problems[view], start, settings) };
    return walk;
  };
  const keptOf = (settings) => {
    const start = startOf(settings);
    const key = JSON.stringify([start.key, settings.kept]);
    if (kept.key !== key) kept = { key, kept: keptFor(baseOf(settings).problems, start, settings.kept) };
    return { kept: kept.kept };
  };
  const of = (settings) => {
    const { view, mistake, target, seed } = settings;
    const made = { original, state: baseOf(settings).state, settings, ...startOf(settings), ...walkOf(settings), ...keptOf(settings) };
    const fixed = JSON.stringify([view, mistake, target, seed]);
    if (frame.fixed !== fixed) frame = frameFor(made, fixed);
    const epoch = Math.min(settings.epoch, made.path.last);
    return { ...made, frame, epoch, ...whereAt(made.path, epoch), names: made.problem.parameters };
  };
  const isAtRest = () => frame.key === walk.key;
  const rest = (scene) => (frame = frameFor(scene, frame.fixed));
  return { of, isAtRest, rest };
}

function baseFor(original, points, before) {
  const isShape = Object.hasOwn(SHAPES, points); // the rows held out are of another kind then
  const from = isShape ? { ...original, held: null } : original;
  const rows = isShape ? pointsOfShape(original, points) : points && original.t95 ? rowsOfText(points) : null;
  const state = (rows && refitted(from, rows)) ?? (points && before.state) ?? original;
  const problems = Object.fromEntries(Object.keys(state.views).map((view) => [view, problemOf(state, view)]));
  return { points, state, problems };
}

function startFor({ state, problems }, { seed, origin }) {
  const zeros = { weight: state.start.weight, bias: state.start.bias };
  const begin = origin ? originOf(state, origin) : seed ? newStart(state, seed) : zeros;
  const [ease, plain] = [problems.standardised, problems.raw].map((other) => atItsBest(other, begin));
  const { held } = state;
  const heldLoss = (point) => (held && !point.overflow ? meanSquare({ ...state, ...held }, point) : null);
  return { begin, zeros, ease, plain, heldLoss };
}

function rowsHeld({ sample }) {
  return sample?.x.length ?? 0;
}

function walkFor(original, state, problem, { begin }, settings) {
  const { lr, momentum, mistake, batch, seed, target } = settings;
  const options = { lr, momentum, start: begin };
  const right = pathOf(problem, options);
  const isSmall = batch < rowsHeld(original) && batch < rowsHeld(state);
  const path = isSmall
    ? batchPath(state, problem, { ...options, batch, epochs: batchEpochs(state), seed: seed + 1 })
    : mistake
      ? mistakenPath(problem, state, mistake, options)
      : right;
  return { problem, right, path, limit: problem.lrLimit(momentum), plane: planeIn(problem, target) };
}

// The run that was kept, from the same start.
function keptFor(problems, { begin }, text) {
  if (!text) return null;
  const { view, ...options } = keptRun(text);
  return { lr: options.lr, path: pathOf(problems[view], { ...options, start: begin }) };
}

function whereAt(path, epoch) {
  const point = path.at(epoch);
  return { point, holding: path.holding(epoch), next: point.overflow ? null : path.nextAt(epoch) };
}

function atItsBest(problem, start) {
  return { problem, path: pathOf(problem, { lr: problem.bestLr(0), momentum: 0, start }) };
}

function frameFor(made, fixed) {
  const { problem, path, begin, zeros, key, plane, heldLoss } = made;
  const time = timeAxis(horizonOf(made));
  const [first, floor] = [path.at(0).loss, problem.floor];
  const isLog = path.diverges || first > WIDE * Math.max(floor, 1e-300);
  const top = path.diverges ? first * 10 ** GROWTH : 1.08 * Math.max(first, heldLoss(path.at(0)) ?? 0);
  const low = Math.max(floor, 1e-9 * first, 1e-30) / 2.5;
  const reach = plane && reachOf(plane, [begin, zeros], floor);
  return { fixed, key, begin, time, isLog, losses: isLog ? [low, 2 * top] : [0, top], reach };
}

// The window holds the start at zero, and twice or four times as much where another start lies outside.
function reachOf(plane, [begin, zeros], floor) {
  const usual = windowAround(plane, plane.at(zeros), floor);
  const away = Math.max(...plane.at(begin).map((part, side) => Math.abs(part - plane.center[side]) / usual[side]));
  const times = away > 1 ? 2 ** Math.ceil(Math.log2(1.05 * away)) : 1;
  return usual.map((half) => half * times);
}

// The epoch after which nothing more happens: every error is a thousandth, or the loss a million times what it was.
function horizonOf({ path, right }) {
  const settles = path.diverges ? growsBy(path) : right.epochsToWeights();
  const wanted = path.updates > 1 ? (3 * settles) / path.updates : settles;
  return Math.min(path.last, roundedUp(Math.min(LAST_EPOCH, Math.max(10, Number.isFinite(wanted) ? wanted : 200))));
}

function growsBy(path) {
  const start = path.at(0).log10Loss ?? -300;
  const isFar = (epoch) => (path.at(epoch).log10Loss ?? 0) > start + GROWTH;
  let epoch = 1;
  while (epoch < path.last && !isFar(epoch)) epoch = Math.ceil(1.05 * epoch);
  return epoch;
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
 * The settings of a start by hand: from where we are, with some parameters of the chosen target set.
 * @param {object} scene
 * @param {Object<number, number>} values By the index of a parameter among `scene.names`.
 * @returns {{origin: string, epoch: number}}
 */
export function startByHand({ state, settings, point, begin }, values) {
  const { weight, bias } = structuredClone(point.overflow ? begin : { weight: point.weight, bias: point.bias });
  Object.entries(values).forEach(([parameter, value]) => {
    const k = parameter - (state.has_bias ? 1 : 0);
    if (k < 0) bias[settings.target] = value;
    else weight[settings.target][k] = value;
  });
  return { origin: originText({ weight, bias }), epoch: 0 };
}

/**
 * The points of a path at the epochs of an axis, computed once for each path and axis.
 * @param {object} path
 * @param {object} time Of `timeAxis`.
 * @returns {object[]} As of `path.at`.
 */
export const pointsOver = oncePerAxis((path, epoch) => path.at(epoch));

/**
 * The losses of a path at the epochs of an axis, computed once for each path and axis.
 * @param {object} path
 * @param {object} time Of `timeAxis`.
 * @returns {object[]} As of `path.lossAt`.
 */
export const lossesOver = oncePerAxis((path, epoch) => path.lossAt(epoch));

function oncePerAxis(compute) {
  const curves = new WeakMap();
  return (path, time) => {
    const known = curves.get(path);
    if (known?.horizon === time.horizon) return known.found;
    const found = time.epochs.map((epoch) => compute(path, epoch));
    curves.set(path, { horizon: time.horizon, found });
    return found;
  };
}
