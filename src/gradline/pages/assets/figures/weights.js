// The weights by epoch, each times the standard deviation of its column, so that they can share one axis.

import { numberWords } from "../arithmetic/words.js";
import { labelOf } from "../ui/dom.js";
import { parameterOf, pointsOver } from "../ui/scene.js";
import { epochAxis, stillLayout, stillLine } from "./layout.js";
import { curveOf, dotAt, epochLine, spreadWords, STROKES, within, wordAt } from "./marks.js";

const MOST_LINES = 6;

export const weightsFigure = {
  id: "weights",
  title: "Weights by epoch",
  key: (scene) => JSON.stringify([weightRange(scene), scene.frame.time.horizon, scene.settings.target]),
  still(scene, palette) {
    const { horizon } = scene.frame.time;
    const data = shownParameters(scene).map((parameter) => {
      const best = scaledWeight(scene, scene.problem.optimum, parameter);
      return stillLine([0, horizon], [best, best], {
        stroke: palette.line,
        "stroke-width": 2,
        "stroke-dasharray": "4 4",
      });
    });
    const name = `weight × deviation, ${labelOf(scene.state.targets[scene.settings.target], 16)}`;
    return { data, layout: stillLayout(epochAxis(scene.frame.time), { name, range: weightRange(scene) }) };
  },
  marks(scene, axes, palette) {
    const x = within(axes.x(scene.epoch), axes.left, axes.right);
    const marks = [...weightCurves(scene, axes, palette), epochLine(axes, x, palette)];
    if (scene.point.overflow) return marks;
    const isRight = x > (axes.left + axes.right) / 2;
    const look = { "text-anchor": isRight ? "end" : "start" };
    const named = shownParameters(scene).map((parameter) => {
      return { parameter, y: within(axes.y(scaledWeight(scene, scene.point, parameter)), axes.top + 4, axes.bottom) };
    });
    spreadWords(named, axes.top, axes.bottom).forEach(({ parameter, y, place }) => {
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
    return `${labelOf(names[settings.parameter])} is ${now} now and ${best} at the best possible loss (dashed). Each weight is drawn times its column's standard deviation, so that all share one axis.`;
  },
};

function colourOf({ settings }, parameter, palette) {
  return parameter === settings.parameter ? palette.accent : palette.soft;
}

function weightCurves(scene, axes, palette) {
  const { time } = scene.frame;
  const trail = pointsOver(scene.path, time);
  return shownParameters(scene).map((parameter, i) => {
    const values = trail.map((point) => (point.overflow ? null : scaledWeight(scene, point, parameter)));
    const look = { stroke: colourOf(scene, parameter, palette), "stroke-width": 2, "stroke-dasharray": STROKES[i] };
    return curveOf(axes, time.epochs, values, look);
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

// From the optimum and the start, and half of that way on either side for what overshoots.
function weightRange(scene) {
  const of = (point) => shownParameters(scene).map((parameter) => scaledWeight(scene, point, parameter));
  const known = [...of(scene.problem.optimum), ...of(scene.begin), 0];
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const room = (high - low || 1) / 2;
  return [low - room, high + room];
}
