// What the next step does to the loss, as bars: each weight nudged alone, their interplay, and the same by direction.

import { nudgesOf } from "../arithmetic/nudges.js";
import { numberWords } from "../arithmetic/words.js";
import { drawn, labelOf, namesLabelOf } from "../ui/dom.js";
import { wordAt } from "./marks.js";

const MOST_NUDGES = 6; // parameters with a bar of their own
const MOST_WAYS = 4; // directions with one
const NAME_SHARE = 0.42; // of the width, for the names
const ROW_HEIGHT = 24; // pixels at most
const TOO_LITTLE = 1e-9; // of the largest bar: less is rounding

export const nudgesFigure = {
  id: "nudges",
  title: "Which nudge matters most",
  key: ({ settings }) => String(settings.target),
  marks(scene, { width, height }, palette) {
    const found = nudgesAt(scene);
    if (!found) return [wordAt(width / 2, height / 2, "beyond all numbers", palette, { "text-anchor": "middle" })];
    const rows = rowsOf(scene, found);
    const row = Math.min(ROW_HEIGHT, (height - 8) / rows.length);
    const room = width - 64; // the rest holds the numbers
    const most = Math.max(...rows.map(({ value = 0 }) => Math.abs(value))) || 1;
    const [middle, half] = [(NAME_SHARE * width + room) / 2, (room - NAME_SHARE * width) / 2 - 4];
    const soft = { fill: palette.soft, "font-size": 11 };
    const drawnRow = ({ name, value, isTotal }, i) => {
      const y = 4 + (i + 0.7) * row;
      if (value === undefined) return [wordAt(4, y, name, palette, { ...soft, "font-weight": 600 })];
      const long = (half * Math.abs(value)) / most;
      const bar = { x: value < 0 ? middle - long : middle, y: y - row * 0.6, width: long, height: row * 0.7 };
      const weight = isTotal ? { "font-weight": 600 } : {};
      return [
        drawn("rect", { ...bar, fill: value < 0 ? palette.accent : palette.warn }),
        wordAt(NAME_SHARE * width - 4, y, name, palette, { "text-anchor": "end", "font-size": 11, ...weight }),
        wordAt(width - 4, y, numberWords(Math.abs(value) < TOO_LITTLE * most ? 0 : value).replace("-", "−"), palette, { "text-anchor": "end", "font-size": 11, ...weight }),
      ];
    };
    const zero = { x1: middle, x2: middle, y1: 4, y2: 4 + rows.length * row, stroke: palette.soft };
    return [drawn("line", zero), ...rows.flatMap(drawnRow)];
  },
  say(scene) {
    const found = nudgesAt(scene);
    if (!found) return "The weights are beyond all numbers.";
    const { state, settings, names } = scene;
    const whose = state.targets.length > 1 ? `${labelOf(state.targets[settings.target], 16)}: the` : "The";
    if (found.total === 0) return "The next step changes nothing: the gradient is 0 here.";
    const sizes = found.alone.map(Math.abs);
    const first = sizes.indexOf(Math.max(...sizes));
    const change = (value) => `${value < 0 ? "lower" : "raise"} the loss by ${numberWords(Math.abs(value))}`;
    return `${whose} next step would ${change(found.total)}. Of all nudges ${nameOfParameter(scene, names, first)}'s matters most: alone it would ${change(found.alone[first])}.`;
  },
};

function nudgesAt({ problem, path, epoch, settings }) {
  return nudgesOf(problem, path, epoch, settings.target);
}

function rowsOf(scene, { alone, interplay, directions, total }) {
  const { names, problem } = scene;
  const [shown, others] = largestAtStart(scene);
  const ways = waysShown(directions.length);
  const between = directions.length - ways.length;
  const sum = (values, places) => places.reduce((all, k) => all + values[k], 0);
  return [
    { name: "Each weight nudged alone" },
    ...shown.map((k) => ({ name: labelOf(nameOfParameter(scene, names, k), 20), value: alone[k] })),
    ...(others.length ? [{ name: `${others.length} others`, value: sum(alone, others) }] : []),
    ...(alone.length > 1 ? [{ name: "their interplay", value: interplay }] : []),
    { name: "The same by direction, steepest first" },
    ...ways.map((i) => ({ name: namesLabelOf(problem.directions[i].columns, 22), value: directions[i] })),
    ...(between > 0 ? [{ name: `${between} between`, value: total - sum(directions, ways) }] : []),
    { name: "all together", value: total, isTotal: true },
  ];
}

// The parameters with the largest gradients where training begins, in their own order, so that no bar changes its place.
function largestAtStart({ problem, frame, names, settings, state }) {
  const { weight, bias } = problem.gradientOf(frame.begin);
  const gradient = [...(state.has_bias ? [bias[settings.target]] : []), ...weight[settings.target]].map(Math.abs);
  const order = names.map((_, k) => k).sort((a, b) => gradient[b] - gradient[a] || a - b);
  const first = new Set(names.length > MOST_NUDGES + 1 ? order.slice(0, MOST_NUDGES) : order);
  return [true, false].map((isFirst) => names.map((_, k) => k).filter((k) => first.has(k) === isFirst));
}

function waysShown(count) {
  const all = Array.from({ length: count }, (_, i) => i);
  return count > MOST_WAYS ? [...all.slice(0, MOST_WAYS - 1), count - 1] : all;
}

function nameOfParameter({ state }, names, k) {
  return state.has_bias && k === 0 ? "the bias" : names[k];
}
