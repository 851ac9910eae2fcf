// The loss against one weight, the others held: the tutorials' figure of the gradient, its sign, and the way downhill.

import { numberWords } from "../arithmetic/words.js";
import { drawn, labelOf } from "../ui/dom.js";
import { parameterOf } from "../ui/scene.js";
import { dotAt, lineThrough, ownAxes, roundTicks, within, wordAt } from "./marks.js";

const SAMPLES = 60;

export const sliceFigure = {
  id: "slice",
  title: "Loss against one weight",
  key: ({ state, settings }) => JSON.stringify([state.title, settings.parameter, settings.target]),
  marks(scene, size, palette) {
    const slice = sliceAt(scene);
    if (slice === null)
      return [wordAt(size.width / 2, size.height / 2, "beyond all numbers", palette, { "text-anchor": "middle" })];
    const { now, best, reach, lossAt } = slice;
    const range = [best - reach, best + reach];
    const depth = lossAt(best + reach) - lossAt(best);
    const axes = ownAxes(size, range, [lossAt(best) - 0.08 * depth, lossAt(best) + 1.05 * depth]);
    const curve = Array.from({ length: SAMPLES + 1 }, (_, i) => range[0] + (i / SAMPLES) * 2 * reach);
    const [x, y] = [axes.x(now), axes.y(lossAt(now))];
    return [
      ...frameOf(scene, axes, range, [lossAt(best), lossAt(best) + depth], palette),
      lineThrough(
        curve.map((w) => [axes.x(w), axes.y(lossAt(w))]),
        { stroke: palette.soft, "stroke-width": 2 },
      ),
      lineThrough(
        [
          [axes.x(best), axes.top],
          [axes.x(best), axes.bottom],
        ],
        { stroke: palette.soft, "stroke-dasharray": "4 4" },
      ),
      wordAt(axes.x(best), axes.top + 12, "least, the others held", palette, {
        "text-anchor": "middle",
        fill: palette.soft,
      }),
      ...tangentAt(slice, axes, palette),
      ...downhill(slice, axes, palette),
      dotAt(x, y, palette),
    ];
  },
  say(scene) {
    const slice = sliceAt(scene);
    if (slice === null) return "The loss is beyond all numbers here.";
    const name = nameOf(scene);
    const [now, slope, best] = [slice.now, slice.slope, slice.optimal].map((value) => numberWords(value, 4));
    if (Math.abs(slice.now - slice.best) < 1e-9 * slice.reach) return `${name} is ${now}; here the loss has no slope.`;
    const sign = slice.slope > 0 ? "positive, so descent makes it smaller" : "negative, so descent makes it larger";
    return `${name} is ${now} (at the optimum ${best}). The slope of the loss is ${slope}: ${sign}.`;
  },
};

/**
 * What the loss is along one weight: a·(w − best)² + its least, in raw units.
 * @param {object} scene
 * @returns {?object} {now, best, slope, curvature, reach, optimal, lossAt}; null beyond float64.
 */
export function sliceAt(scene) {
  const { state, settings, point, problem } = scene;
  const { target, parameter } = settings;
  if (point.overflow) return null;
  const now = parameterOf(point, scene, target, parameter);
  const curvature = curvatureOf(state, parameter);
  const slope = rawSlope(scene, target, parameter);
  const best = curvature > 0 ? now - slope / curvature : now;
  const least = point.loss - (curvature / 2) * (now - best) ** 2;
  const lossAt = (w) => least + (curvature / 2) * (w - best) ** 2;
  // The window stands still while the weight moves in it, and shrinks by steps as it comes near.
  const wanted = Math.max(
    1.15 * Math.abs(now - best),
    0.2 * Math.sqrt(Math.max(least, 1e-12 * point.loss, 1e-300) / (curvature || 1)),
    1e-9 * Math.abs(best),
  );
  const reach = 2 ** Math.ceil(Math.log2(wanted || 1));
  return {
    now,
    best,
    slope,
    curvature,
    reach,
    lossAt,
    optimal: parameterOf(problem.optimum, scene, target, parameter),
  };
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
  return settings.parameter === 0 && state.has_bias
    ? "The bias"
    : `The weight of ${labelOf(names[settings.parameter])}`;
}

function frameOf(scene, axes, xRange, yRange, palette) {
  const ink = { fill: palette.soft, "text-anchor": "middle", "stroke-width": 0 };
  const grid = (ends) => lineThrough(ends, { stroke: palette.line });
  const name =
    scene.state.has_bias && scene.settings.parameter === 0
      ? "bias"
      : `weight of ${labelOf(scene.names[scene.settings.parameter])}`;
  return [
    ...roundTicks(xRange).flatMap((w) => [
      grid([
        [axes.x(w), axes.top],
        [axes.x(w), axes.bottom],
      ]),
      wordAt(axes.x(w), axes.bottom + 16, tickWords(w, xRange), palette, ink),
    ]),
    ...roundTicks(yRange).flatMap((loss) => [
      grid([
        [axes.left, axes.y(loss)],
        [axes.right, axes.y(loss)],
      ]),
      wordAt(axes.left - 6, axes.y(loss) + 4, tickWords(loss, yRange), palette, { ...ink, "text-anchor": "end" }),
    ]),
    wordAt((axes.left + axes.right) / 2, axes.bottom + 36, name, palette, ink),
    drawn(
      "g",
      { transform: `translate(14 ${(axes.top + axes.bottom) / 2}) rotate(-90)` },
      wordAt(0, 0, "loss", palette, ink),
    ),
  ];
}

// As many digits as tell one tick from the next.
function tickWords(value, [low, high]) {
  if (Math.abs(value) < (high - low) * 1e-9) return "0";
  const digits = 2 + Math.max(0, Math.floor(Math.log10(Math.max(Math.abs(low), Math.abs(high)) / (high - low))));
  return numberWords(value, within(digits, 2, 12));
}

// The tangent: a line of the gradient's slope, as long as a third of the window.
function tangentAt({ now, slope, reach, lossAt }, axes, palette) {
  const [dx, dy] = [axes.x(now + reach) - axes.x(now), axes.y(lossAt(now) + slope * reach) - axes.y(lossAt(now))];
  const length = Math.hypot(dx, dy) || 1;
  const half = (axes.right - axes.left) / 5;
  const [x, y] = [axes.x(now), axes.y(lossAt(now))];
  const ends = [-1, 1].map((side) => [x + (side * half * dx) / length, y + (side * half * dy) / length]);
  return [lineThrough(ends, { stroke: palette.ink, "stroke-width": 1.5 })];
}

// An arrow the way descent goes, and the sign of the gradient.
function downhill({ now, best, slope, reach, lossAt }, axes, palette) {
  if (Math.abs(now - best) < 1e-9 * reach) return [];
  const [x, y] = [axes.x(now), axes.y(lossAt(now))];
  const way = slope > 0 ? -1 : 1;
  const [from, to] = [x + 12 * way, x + 42 * way];
  const tip = `M${to} ${y}l${-8 * way} -5v10z`;
  return [
    lineThrough(
      [
        [from, y],
        [to, y],
      ],
      { stroke: palette.accent, "stroke-width": 2.5 },
    ),
    drawn("path", { d: tip, fill: palette.accent }),
    wordAt(x + 10 * way, y - 12, slope > 0 ? "gradient +" : "gradient −", palette, {
      "text-anchor": way > 0 ? "start" : "end",
      "font-weight": 600,
    }),
  ];
}
