// The data with the fitted line and its residual sticks; with more than one feature, an added-variable plot of one.

import { numberWords } from "../arithmetic/words.js";
import { labelOf } from "../ui/dom.js";
import { addedVariable } from "./addedVariable.js";
import { stillLayout, stillLine, stillPoints } from "./layout.js";
import { curveOf, sticksOf, within } from "./marks.js";

let kept = { key: null, points: null }; // the points of the feature and target that were asked for last

export const fitFigure = {
  id: "fit",
  title: "Data and fit",
  key: ({ settings, state }) => JSON.stringify([featureOf(state, settings), settings.target]),
  still(scene, palette) {
    const { state, settings } = scene;
    const feature = featureOf(state, settings);
    const { x, y } = pointsOf(scene);
    const [xRange, yRange] = [rangeOf(x), rangeOf(y)];
    const { weight, bias } = lineOf(scene, state.optimum);
    const ends = xRange.map((value) => weight * value + bias);
    const data = [
      stillPoints(state.sample ? x : [], state.sample ? y : [], palette),
      stillLine(xRange, ends, { color: palette.ink, width: 1.25, dash: "dash" }, "at the optimum"),
    ];
    const about = state.features.length > 1 ? ", unexplained part" : "";
    const xaxis = { name: labelOf(state.features[feature], 16) + about, range: xRange };
    const yaxis = { name: labelOf(state.targets[settings.target], 16) + about, range: yRange };
    return { data, layout: stillLayout(palette, xaxis, yaxis) };
  },
  marks(scene, axes, palette) {
    if (scene.point.overflow) return [];
    const { weight, bias } = lineOf(scene, scene.point);
    const { x, y } = pointsOf(scene);
    const predicted = (value) => weight * value + bias;
    const held = (value) => within(axes.y(predicted(value)), axes.top, axes.bottom);
    const sticks = scene.state.sample
      ? x.map((value, i) => [axes.x(value), axes.y(y[i]), axes.x(value), held(value)])
      : [];
    const ends = rangeOf(x);
    return [
      sticksOf(sticks, { stroke: palette.accent, "stroke-width": 1, "stroke-opacity": x.length > 300 ? 0.25 : 0.6 }),
      curveOf(axes, ends, ends.map(predicted), { stroke: palette.accent, "stroke-width": 2.5 }),
    ];
  },
  say(scene) {
    const { state, settings } = scene;
    if (scene.point.overflow) return "The weights are beyond all numbers.";
    const name = labelOf(state.features[featureOf(state, settings)]);
    const [now, best] = [scene.point, state.optimum].map((point) => numberWords(lineOf(scene, point).weight, 4));
    const wrong = Math.sign(lineOf(scene, scene.point).weight) * Math.sign(lineOf(scene, state.optimum).weight) < 0;
    const sign = wrong ? " The sign is still wrong." : "";
    const rows = !state.sample
      ? " The page holds no rows."
      : state.sample.all
        ? ""
        : ` ${state.sample.x.length.toLocaleString("en-GB")} of ${state.rows.toLocaleString("en-GB")} rows are drawn.`;
    const beyond = state.features.length > 1 ? " Both axes show what the other columns do not explain." : "";
    return `The line's slope is the weight of ${name}: ${now}, at the optimum (dashed) ${best}.${sign}${beyond}${rows}`;
  },
};

// The chosen feature; the first one where the bias is chosen.
function featureOf(state, { parameter }) {
  return Math.max(0, parameter - (state.has_bias ? 1 : 0));
}

function lineOf({ state, settings }, { weight, bias }) {
  const slope = weight[settings.target][featureOf(state, settings)];
  return { weight: slope, bias: state.features.length === 1 ? bias[settings.target] : 0 };
}

function pointsOf({ state, settings }) {
  const feature = featureOf(state, settings);
  const key = `${feature} ${settings.target}`;
  if (kept.key === key) return kept.points;
  kept = {
    key,
    points: state.sample ? addedVariable(state, feature, settings.target) : boundsOf(state, feature, settings.target),
  };
  return kept.points;
}

// The corners of the data, for a page that holds no rows.
function boundsOf({ moments, features }, feature, target) {
  const places = [feature, features.length + target];
  const around = features.length > 1 ? places.map((i) => moments.mean[i]) : [0, 0];
  const [x, y] = places.map((i, side) => [moments.minimum[i] - around[side], moments.maximum[i] - around[side]]);
  return { x, y };
}

function rangeOf(values) {
  const [low, high] = values.reduce(
    ([least, most], value) => [Math.min(least, value), Math.max(most, value)],
    [Infinity, -Infinity],
  );
  const margin = 0.06 * (high - low) || 1;
  return [low - margin, high + margin];
}
