// The loss against one weight, the others held: the tutorials' figure of the gradient, its sign, and the way downhill.

import { numberWords } from "../arithmetic/words.js";
import { labelOf } from "../ui/dom.js";
import { parameterOf } from "../ui/scene.js";
import { stillLayout } from "./layout.js";
import { curveOf, dotAt, ghostTo, lineThrough, within, wordAt } from "./marks.js";

const SAMPLES = 60;

export const sliceFigure = {
  id: "slice",
  title: "Loss against one weight",
  key: (scene) => JSON.stringify([scene.settings.parameter, scene.settings.target, windowOf(scene)]),
  still(scene) {
    const { x, y } = windowOf(scene);
    return { data: [], layout: stillLayout({ name: nameOf(scene), range: x }, { name: "loss", range: y }) };
  },
  marks(scene, axes, palette) {
    const slice = sliceAt(scene);
    const middle = { "text-anchor": "middle" };
    if (slice === null)
      return [wordAt((axes.left + axes.right) / 2, axes.height / 2, "beyond all numbers", palette, middle)];
    const { now, lossAt } = slice;
    const range = [axes.xAt(axes.left), axes.xAt(axes.right)];
    const weights = Array.from({ length: SAMPLES + 1 }, (_, i) => range[0] + (i / SAMPLES) * (range[1] - range[0]));
    const [x, y] = [axes.x(now), axes.y(lossAt(now))];
    const held = [within(x, axes.left, axes.right), within(y, axes.top, axes.bottom)];
    const isOutside = held[0] !== x || held[1] !== y;
    const place = `outside the figure: at ${numberWords(now)} the loss is ${numberWords(lossAt(now))}`;
    const curve = curveOf(axes, weights, weights.map(lossAt), { stroke: palette.soft, "stroke-width": 2 });
    return [
      curve,
      ...tangentAt(slice, axes, palette),
      ...ghostOf(scene, slice, axes, palette),
      dotAt(...held, palette),
      ...(isOutside ? [wordAt((axes.left + axes.right) / 2, axes.top + 16, place, palette, middle)] : []),
    ];
  },
  say(scene) {
    const slice = sliceAt(scene);
    if (slice === null) return "The loss is beyond all numbers here.";
    const { parameter } = scene.settings;
    const name = scene.state.has_bias && parameter === 0 ? "the bias" : "this weight";
    const slope = numberWords(slice.slope, 3);
    if (Math.abs(slice.now - slice.best) < 1e-9 * Math.abs(slice.best)) return "The gradient is 0 here: the floor.";
    const sign = slice.slope > 0 ? "positive: descent makes it smaller" : "negative: descent makes it larger";
    return `With the others held, ${name}'s gradient (the slope here) is ${slope}, ${sign}.`;
  },
};

// A window that stands still: as wide as the map of the loss where that shows this weight, else as the way that the
// weight has to go; as high as the loss of the start.
function windowOf(scene) {
  const { settings, problem, plane, frame, state } = scene;
  const { begin } = frame;
  const best = parameterOf(problem.optimum, scene, settings.target, settings.parameter);
  const side = plane?.parameters && settings.view === "raw" ? plane.parameters.indexOf(settings.parameter) : -1;
  const [loss, first] = [problem.lossOf(begin), parameterOf(begin, scene, settings.target, settings.parameter)];
  const lowest = sliceAt({ ...scene, point: { ...begin, loss } }).best; // with the others as they begin
  const unit = Math.sqrt(Math.max(problem.floor, 1e-300) / (curvatureOf(state, settings.parameter) || 1));
  const way = Math.max(...[first, lowest].map((w) => Math.abs(w - best)));
  const reach = side >= 0 ? frame.reach[side] : 1.3 * Math.max(way, unit, 1e-9 * Math.abs(best));
  return { x: [best - reach, best + reach], y: [-0.06 * loss, 1.15 * loss] };
}

// What the loss is along one weight: a·(w − best)² + its least, in raw units; null beyond float64.
function sliceAt(scene) {
  const { state, settings, point } = scene;
  const { target, parameter } = settings;
  if (point.overflow) return null;
  const now = parameterOf(point, scene, target, parameter);
  const curvature = curvatureOf(state, parameter);
  const slope = rawSlope(scene, target, parameter);
  const best = curvature > 0 ? now - slope / curvature : now;
  const least = point.loss - (curvature / 2) * (now - best) ** 2;
  const lossAt = (w) => least + (curvature / 2) * (w - best) ** 2;
  return { now, best, slope, curvature, lossAt };
}

// ∂²loss/∂w² in raw units: 2/(m·W)·Σ w·x².
function curvatureOf({ moments, has_bias, targets, weight_sum }, parameter) {
  if (has_bias && parameter === 0) return 2 / targets.length;
  const i = parameter - (has_bias ? 1 : 0);
  const squares = moments.factor.reduce((sum, row) => sum + row[i] ** 2, 0);
  return (2 / targets.length) * (squares / weight_sum + moments.mean[i] ** 2);
}

// ∂loss/∂w in raw units, from the residual's products with the columns.
function rawSlope({ state, point }, target, parameter) {
  const { moments, has_bias, features, targets, weight_sum } = state;
  const p = features.length;
  const weight = point.weight[target];
  const level = weight.reduce((sum, w, i) => sum + w * moments.mean[i], point.bias[target] - moments.mean[p + target]);
  if (has_bias && parameter === 0) return (2 / targets.length) * level;
  const k = parameter - (has_bias ? 1 : 0);
  const products = moments.factor.reduce(
    (sum, row) => sum + row[k] * (weight.reduce((inner, w, i) => inner + w * row[i], 0) - row[p + target]),
    0,
  );
  return (2 / targets.length) * (products / weight_sum + level * moments.mean[k]);
}

function nameOf({ state, settings, names }) {
  if (settings.parameter === 0 && state.has_bias) return "bias";
  return `weight of ${labelOf(names[settings.parameter])}`;
}

// The tangent: a line of the gradient's slope.
function tangentAt({ now, slope, lossAt }, axes, palette) {
  const reach = (axes.xAt(axes.right) - axes.xAt(axes.left)) / 7;
  const ends = [now - reach, now + reach];
  const rise = ends.map((w) => lossAt(now) + slope * (w - now));
  return [curveOf(axes, ends, rise, { stroke: palette.ink, "stroke-width": 1.5 })];
}

// Where the next update would put this weight, at the true length of its step, and the loss there with the others held.
function ghostOf({ next, settings, ...scene }, { now, lossAt }, axes, palette) {
  if (!next || next.overflow) return [];
  const after = parameterOf(next, scene, settings.target, settings.parameter);
  const [from, to] = [now, after].map((w) => [axes.x(w), axes.y(lossAt(w))]);
  const step = ghostTo(axes, from, [to[0], from[1]], palette);
  const isInside = to[0] > axes.left && to[0] < axes.right && from[1] > axes.top && to[1] > axes.top;
  if (!isInside) return step;
  return [...step, lineThrough([[to[0], from[1]], to], { stroke: palette.accent, "stroke-dasharray": "2 3" })];
}
