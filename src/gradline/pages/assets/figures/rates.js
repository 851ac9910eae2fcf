// The learning rate against the epochs it needs: slow on the left, best near the limit, and nothing beyond it.

import { countWords, numberWords } from "../arithmetic/words.js";
import { pathOf } from "../arithmetic/path.js";
import { drawn } from "../ui/dom.js";
import { stillLayout } from "./layout.js";
import { curveOf, dotAt, within, wordAt } from "./marks.js";

const RATES = 90; // points of the curve
const DECADES_BELOW = 4; // of the limit
const DECADES_ABOVE = 0.6;

let lastCurve = { problem: null, momentum: null, rates: [], needed: [] }; // the curve that was drawn last

export const ratesFigure = {
  id: "rates",
  title: "Learning rate and epochs needed",
  key: ({ settings }) => JSON.stringify([settings.view, settings.points]),
  still({ problem, begin }) {
    const limit = problem.lrLimit(0);
    if (!Number.isFinite(limit)) return null;
    const slowest = pathOf(problem, { lr: limit * 10 ** -DECADES_BELOW, momentum: 0, start: begin }).epochsToWeights();
    const range = [limit * 10 ** -DECADES_BELOW, limit * 10 ** DECADES_ABOVE];
    const top = 2.5 * (Number.isFinite(slowest) ? slowest : 1e12);
    const yaxis = { name: "epochs needed", range: [1, top], isLog: true };
    return { data: [], layout: stillLayout({ name: "learning rate", range, isLog: true }, yaxis) };
  },
  marks(scene, axes, palette) {
    if (!axes.x) return [];
    const { settings, limit, right } = scene;
    const { rates, needed } = neededBy(scene);
    const atLimit = axes.x(limit);
    const epochs = settings.lr > limit ? Infinity : right.epochsToWeights();
    const x = within(axes.x(settings.lr), axes.left, axes.right);
    const y = Number.isFinite(epochs) ? within(axes.y(epochs), axes.top, axes.bottom) : axes.top + 8;
    const red = { "text-anchor": "end", fill: palette.warn };
    return [
      ...beyondLimit(axes, atLimit, palette),
      curveOf(axes, rates, needed, { stroke: palette.soft, "stroke-width": 2 }),
      wordAt(atLimit - 6, axes.bottom - 8, `limit ${numberWords(limit)}`, palette, red),
      dotAt(x, y, palette),
    ];
  },
  say(scene) {
    const { settings, limit, right } = scene;
    const rate = `With a learning rate of ${numberWords(settings.lr)}`;
    if (settings.lr > limit) return `${rate} the loss grows for ever; the limit is ${numberWords(limit)}.`;
    const needed = right.epochsToWeights();
    return Number.isFinite(needed)
      ? `${rate} the slowest error is a thousandth after ${countWords(needed, "epoch")}. Past the limit, ${numberWords(limit)}, no number of epochs is enough.`
      : `${rate} the slowest error never shrinks.`;
  },
};

// The epochs that each rate needs, with the scene's momentum; null where no number is enough.
function neededBy({ problem, limit, settings, begin }) {
  const { momentum } = settings;
  if (lastCurve.problem === problem && lastCurve.momentum === momentum) return lastCurve;
  const share = (i) => 10 ** ((DECADES_BELOW + 0.5) * (i / (RATES - 1) - 1)) * (1 - 1e-6);
  const rates = Array.from({ length: RATES }, (_, i) => limit * share(i));
  const needed = rates
    .map((lr) => pathOf(problem, { lr, momentum, start: begin }).epochsToWeights())
    .map((count) => (Number.isFinite(count) ? count : null));
  lastCurve = { problem, momentum, rates, needed };
  return lastCurve;
}

// A red line at the limit, and shade where no rate is stable.
function beyondLimit({ top, bottom, right }, x, palette) {
  const shade = { x, y: top, width: right - x, height: bottom - top, fill: palette.warn, "fill-opacity": 0.14 };
  return [
    drawn("rect", shade),
    drawn("line", { x1: x, x2: x, y1: top, y2: bottom, stroke: palette.warn, "stroke-width": 2 }),
  ];
}
