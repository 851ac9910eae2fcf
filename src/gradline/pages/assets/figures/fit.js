// The data with the fitted line, and each squared error as a square; with more features, an added-variable plot of one.

import { bigWords, countWords, numberWords } from "../arithmetic/words.js";
import { drawn, labelOf } from "../ui/dom.js";
import { addedVariable } from "./addedVariable.js";
import { gripParts } from "./grips.js";
import { stillLayout } from "./layout.js";
import { lineByHand } from "./line.js";
import { dotsAt, lineAcross, within, wordAt } from "./marks.js";
import { pointsByHand } from "./points.js";

const MOST_SQUARES = 60; // more cover each other
const MANY = 300; // points that are drawn small
const MOST_KEPT = 8;

const kept = new Map(); // the points of the features and targets that were asked for last

export const fitFigure = {
  id: "fit",
  title: "Data and line",
  key: keyOf,
  still(scene, palette) {
    const { state, settings } = scene;
    const feature = featureOf(state, settings);
    const { x, y } = frameOf(scene);
    const about = state.features.length > 1 ? ", its own part" : "";
    const xaxis = { name: labelOf(state.features[feature], 24) + about, range: x };
    const yaxis = { name: labelOf(state.targets[settings.target], 24) + about, range: y };
    const over = (axes) => [drawn("g", { "clip-path": axes.clip }, ...dotsOf(scene, axes, palette))];
    return { data: [], layout: stillLayout(xaxis, yaxis), over };
  },
  marks(scene, axes, palette) {
    const best = lineOf(scene, scene.state.optimum);
    const dashed = lineAcross(axes, best, { stroke: palette.ink, "stroke-width": 1.25, "stroke-dasharray": "5 4" });
    if (scene.point.overflow) return [drawn("g", { "clip-path": axes.clip }, dashed)];
    const now = lineOf(scene, scene.point);
    const line = lineAcross(axes, now, { stroke: palette.accent, "stroke-width": 2.5 });
    const errors = errorMarks(pointsOf(scene), now, axes, palette);
    return [drawn("g", { "clip-path": axes.clip }, errors, dashed, line), ...legend(scene, axes, palette)];
  },
  say(scene) {
    const { state, settings, point } = scene;
    if (point.overflow) return "The weights are beyond all numbers: the line has left the figure.";
    const [now, best] = [point, state.optimum].map((one) => numberWords(lineOf(scene, one).weight, 3));
    if (state.features.length > 1) {
      const name = labelOf(state.features[featureOf(state, settings)], 16);
      return `The slope is ${name}'s weight: ${now}, best ${best}. What other columns explain is taken out. Drag the line.`;
    }
    if (!state.sample) return `The line's slope is the weight: ${now}, best ${best}. The page holds no rows.`;
    const touch = state.t95 ? " Drag the line or a point, or click to add one." : ` Drag the line.${sampleWords(state)}`;
    const isSquared = state.sample.x.length <= MOST_SQUARES;
    const what = isSquared ? "mean area of the squares" : "mean of the squared errors, the sticks";
    return `The loss is the ${what}. Dashed: the best line.${touch}`;
  },
  grip: (card, store) => {
    const [line, points] = [lineByHand(card, store, heldLine), pointsByHand(card, store)];
    gripParts(card, [line.takeHandle, points.take, line.takeLine], points.add);
    return line.follow;
  },
};

// The feature that the figure shows: the chosen one, or the first where the bias is chosen.
function featureOf(state, { parameter }) {
  return Math.max(0, parameter - (state.has_bias ? 1 : 0));
}

function sampleWords({ sample, rows }) {
  return sample.all
    ? ""
    : ` Drawn: ${bigWords(sample.x.length)} of ${countWords(rows, "row")}.`;
}

function lineOf({ state, settings }, { weight, bias }) {
  const slope = weight[settings.target][featureOf(state, settings)];
  return { weight: slope, bias: state.features.length === 1 ? bias[settings.target] : 0 };
}

// The line as a hand moves it: with several features, or without a bias, it goes through zero.
function heldLine(scene, point) {
  const { features, has_bias } = scene.state;
  const parameter = featureOf(scene.state, scene.settings) + (has_bias ? 1 : 0);
  return { ...lineOf(scene, point), parameter, isFree: has_bias && features.length === 1 };
}

// The rows, which stand still: those kept back are open.
function dotsOf(scene, axes, palette) {
  const { x, y, heldX, heldY } = pointsOf(scene);
  const many = x.length > MANY;
  const place = (xs, ys) => xs.map((value, i) => [axes.x(value), axes.y(ys[i])]);
  return [
    dotsAt(place(heldX, heldY), 8, { stroke: palette.second }),
    dotsAt(place(heldX, heldY), 4, { stroke: palette.card }),
    dotsAt(place(x, y), many ? 4 : 8, { stroke: palette.ink, "stroke-opacity": many ? 0.5 : 0.9 }),
  ];
}

function errorMarks(points, { weight, bias }, axes, palette) {
  const { x, y } = points;
  const far = axes.bottom - axes.top;
  const end = (i) => within(axes.y(weight * x[i] + bias), -far, 3 * far);
  if (x.length > MOST_SQUARES) return sticksFrom(startsOf(points, axes), end, palette);
  const isRight = weight > 0;
  const squares = x.map((value, i) => {
    const [at, from, to] = [axes.x(value), axes.y(y[i]), end(i)];
    const side = to - from;
    const left = side > 0 === isRight ? at : at - Math.abs(side); // away from the line
    return drawn("rect", { x: left, y: Math.min(from, to), width: Math.abs(side), height: Math.abs(side) });
  });
  const look = { fill: palette.accent, "fill-opacity": 0.045, stroke: palette.accent, "stroke-opacity": 0.5 };
  return drawn("g", { class: "squares", ...look }, ...squares);
}

// A stick from each point to the line, to whole pixels: thousands are drawn between two frames.
function sticksFrom(starts, end, palette) {
  const look = { stroke: palette.accent, "stroke-opacity": starts.length > MANY ? 0.25 : 0.6 };
  const d = starts.map((start, i) => start + Math.round(end(i))).join("");
  return drawn("path", { d, fill: "none", "shape-rendering": "crispEdges", ...look });
}

// The ends of the sticks that stand still, as text.
function startsOf(points, axes) {
  if (points.axes !== axes) {
    const start = (value, i) => `M${axes.x(value).toFixed(1)} ${axes.y(points.y[i]).toFixed(1)}V`;
    Object.assign(points, { axes, starts: points.x.map(start) });
  }
  return points.starts;
}

function legend({ state }, axes, palette) {
  if (!state.held?.sample || state.features.length > 1) return [];
  return [wordAt(axes.left + 6, axes.top + 12, "○ kept for validation", palette, { fill: palette.second })];
}

// What says which points are shown, and so the axes too.
function keyOf({ state, settings }) {
  return `${state.title} ${featureOf(state, settings)} ${settings.target} ${settings.points}`;
}

function pointsOf({ state, settings }) {
  const feature = featureOf(state, settings);
  const key = keyOf({ state, settings });
  if (kept.has(key)) return kept.get(key);
  if (kept.size > MOST_KEPT) kept.clear();
  const found = state.sample
    ? addedVariable(state, feature, settings.target)
    : boundsOf(state, feature, settings.target);
  const isShown = state.held?.sample && state.features.length === 1;
  const held = isShown ? state.held.sample : { x: [], y: [] };
  const points = {
    ...(state.sample ? found : { x: [], y: [] }),
    heldX: held.x.map(([value]) => value),
    heldY: held.y.map((row) => row[settings.target]),
    range: found,
  };
  kept.set(key, points);
  return points;
}

// All rows as they came, and the line of zeros, so that the line begins in the frame.
function frameOf({ original, settings }) {
  const { range, heldX, heldY } = pointsOf({ state: original, settings: { ...settings, points: null } });
  return { x: rangeOf([...range.x, ...heldX], 0.06), y: rangeOf([...range.y, ...heldY, 0], 0.08) };
}

// The corners of the data, for a page that holds no rows.
function boundsOf({ moments, features }, feature, target) {
  const places = [feature, features.length + target];
  const around = features.length > 1 ? places.map((i) => moments.mean[i]) : [0, 0];
  const [x, y] = places.map((i, side) => [moments.minimum[i] - around[side], moments.maximum[i] - around[side]]);
  return { x, y };
}

function rangeOf(values, share) {
  const [low, high] = values.reduce(
    ([least, most], value) => [Math.min(least, value), Math.max(most, value)],
    [Infinity, -Infinity],
  );
  const margin = share * (high - low) || 1;
  return [low - margin, high + margin];
}
