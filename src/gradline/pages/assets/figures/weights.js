// The weights by epoch, each times the standard deviation of its column, so that they can share one axis.

import { numberWords } from "../arithmetic/words.js";
import { labelOf } from "../ui/dom.js";
import { parameterOf } from "../ui/scene.js";
import { epochAxis, onEpochAxis, stillLayout, stillLine } from "./layout.js";
import { curveOf, dotAt, epochLine, STROKES, within, wordAt } from "./marks.js";
import { trailEpochs, trailOf } from "./trail.js";

const MOST_LINES = 6;

export const weightsFigure = {
  id: "weights",
  title: "Weights by epoch",
  key: ({ settings }) => JSON.stringify([settings.target, settings.parameter, settings.seed]),
  later: (scene) => JSON.stringify(weightRange(scene)),
  still(scene, palette) {
    const data = shownParameters(scene).map((parameter) => {
      const best = scaledWeight(scene, scene.problem.optimum, parameter);
      const marker = { symbol: "diamond", color: colourOf(scene, parameter, palette), size: 7 };
      return { ...stillLine([1.1e9], [best], {}), mode: "markers", marker, cliponaxis: false };
    });
    const name = `weight × deviation, ${labelOf(scene.state.targets[scene.settings.target], 16)}`;
    return { data, layout: stillLayout(palette, epochAxis(), { name, range: weightRange(scene), nticks: 6 }) };
  },
  marks(scene, axes, palette) {
    const x = axes.x(onEpochAxis(scene.settings.epoch));
    const marks = [...weightCurves(scene, axes, palette), epochLine(axes, x, palette)];
    if (scene.point.overflow) return marks;
    const isRight = x > (axes.left + axes.right) / 2;
    const look = { "text-anchor": isRight ? "end" : "start" };
    const named = shownParameters(scene).map((parameter) => {
      return { parameter, y: within(axes.y(scaledWeight(scene, scene.point, parameter)), axes.top + 4, axes.bottom) };
    });
    spread(named, axes).forEach(({ parameter, y, place }) => {
      marks.push(dotAt(x, y, { ...palette, accent: colourOf(scene, parameter, palette) }));
      marks.push(wordAt(x + (isRight ? -10 : 10), place + 4, labelOf(scene.names[parameter], 18), palette, look));
    });
    return marks;
  },
  say(scene) {
    if (scene.point.overflow) return "The weights are beyond all numbers.";
    const { settings, names } = scene;
    const [now, best] = [scene.point, scene.problem.optimum].map((point) =>
      numberWords(parameterOf(point, scene, settings.target, settings.parameter), 4),
    );
    return `${labelOf(names[settings.parameter])} is ${now} now and ${best} at the optimum (diamonds). Each weight is drawn times its column's standard deviation.`;
  },
};

function colourOf({ settings }, parameter, palette) {
  return parameter === settings.parameter ? palette.accent : palette.soft;
}

function weightCurves(scene, axes, palette) {
  const trail = trailOf(scene.path);
  return shownParameters(scene).map((parameter, i) => {
    const values = trail.map((point) => (point.overflow ? null : scaledWeight(scene, point, parameter)));
    const look = { stroke: colourOf(scene, parameter, palette), "stroke-width": 2, "stroke-dasharray": STROKES[i] };
    return curveOf(axes, trailEpochs(), values, look);
  });
}

// The parameters that weigh most at the optimum or now, and the chosen one.
function shownParameters(scene) {
  const { names, settings, problem } = scene;
  const size = names.map((_, k) => Math.abs(scaledWeight(scene, problem.optimum, k)));
  const first = scene.state.has_bias ? 1 : 0; // the bias is on a scale of its own
  const order = names
    .map((_, k) => k)
    .slice(first)
    .sort((a, b) => size[b] - size[a])
    .slice(0, MOST_LINES);
  return order.includes(settings.parameter) ? order : [...order.slice(0, -1), settings.parameter];
}

function scaledWeight(scene, point, parameter) {
  const { state, settings } = scene;
  const value = parameterOf(point, scene, settings.target, parameter);
  const i = parameter - (state.has_bias ? 1 : 0);
  return i < 0
    ? value
    : value * Math.sqrt(state.moments.factor.reduce((sum, row) => sum + row[i] ** 2, 0) / state.weight_sum);
}

// From the optimum and the start, widened by halves for what the path does, but at most twice as wide.
function weightRange(scene) {
  const shown = shownParameters(scene);
  const of = (point) => shown.map((parameter) => scaledWeight(scene, point, parameter));
  const known = [...of(scene.problem.optimum), ...of(scene.begin), 0];
  const seen = trailOf(scene.path)
    .filter(({ overflow }) => !overflow)
    .flatMap(of);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const room = high - low || 1;
  const halves = (beyond) => within(Math.ceil((2 * beyond) / room - 1e-3), 0, 2) * (room / 2);
  const [least, most] = [low - halves(low - Math.min(...seen)), high + halves(Math.max(...seen) - high)];
  return [least - 0.08 * (most - least), most + 0.08 * (most - least)];
}

// Words that would lie on each other move apart.
function spread(named, axes) {
  const sorted = [...named].sort((a, b) => a.y - b.y);
  sorted.reduce((above, word) => (word.place = Math.max(word.y, above + 14)), axes.top - 14);
  sorted.reduceRight((below, word) => (word.place = Math.min(word.place, below - 14)), axes.bottom + 14);
  return sorted;
}
