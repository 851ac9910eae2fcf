// The learning rate against the epochs it needs: slow on the left, best near the limit, and nothing beyond it.

import { bigWords, numberWords } from "../arithmetic/words.js";
import { pathOf } from "../arithmetic/path.js";
import { isDiverging } from "../ui/scene.js";
import { stillLayout, stillLine } from "./layout.js";
import { dotAt, within, wordAt } from "./marks.js";

const RATES = 120;

export const ratesFigure = {
  id: "rates",
  title: "Learning rate and epochs needed",
  key: ({ settings }) => JSON.stringify([settings.view, settings.momentum]),
  still(scene, palette) {
    const { problem, limit, settings, begin } = scene;
    if (!Number.isFinite(limit)) return null;
    const rates = Array.from({ length: RATES }, (_, i) => limit * 10 ** (-5 * (1 - i / (RATES - 1))) * (1 - 1e-6));
    const needed = rates
      .map((lr) => pathOf(problem, { lr, momentum: settings.momentum, start: begin }).epochsToWeights())
      .map((count) => (Number.isFinite(count) ? count : null));
    const finite = needed.filter((count) => count !== null);
    const [low, high] = [Math.min(...finite, 1e12), Math.max(...finite, 1)].map(Math.log10);
    const xaxis = { name: "lr", type: "log", range: [Math.log10(limit) - 5, Math.log10(limit) + 0.7], dtick: 1 };
    const yaxis = { name: "epochs to a thousandth", type: "log", range: [low - 0.4, high + 0.4], nticks: 6 };
    const shapes = { shapes: beyondLimit(limit, palette) };
    const data = [stillLine(rates, needed, { color: palette.soft, width: 2 }, "epochs")];
    return { data, layout: stillLayout(palette, xaxis, yaxis, shapes) };
  },
  marks(scene, axes, palette) {
    if (!axes.x) return [];
    const { settings, limit, path } = scene;
    const needed = isDiverging(scene) ? Infinity : path.epochsToWeights();
    const x = within(axes.x(settings.lr), axes.left, axes.right);
    const y = Number.isFinite(needed) ? within(axes.y(needed), axes.top, axes.bottom) : axes.top + 8;
    const word = wordAt(axes.x(limit) - 6, axes.bottom - 8, `limit ${numberWords(limit)}`, palette, {
      "text-anchor": "end",
      fill: palette.warn,
    });
    return [word, dotAt(x, y, palette)];
  },
  say(scene) {
    const { settings, limit, path } = scene;
    const rate = `lr ${numberWords(settings.lr)}`;
    if (isDiverging(scene)) return `With ${rate} the loss grows for ever; the limit is ${numberWords(limit)}.`;
    const needed = path.epochsToWeights();
    return Number.isFinite(needed)
      ? `With ${rate} the slowest error is a thousandth after ${bigWords(needed)} epochs. Past the limit, ${numberWords(limit)}, no number of epochs is enough.`
      : `With ${rate} the slowest error never shrinks.`;
  },
};

// A red line at the limit, and shade where no rate is stable.
function beyondLimit(limit, palette) {
  const place = { xref: "x", yref: "paper", x0: limit, y0: 0, y1: 1 };
  return [
    { ...place, type: "rect", x1: limit * 10, fillcolor: palette.warn, opacity: 0.14, line: { width: 0 } },
    { ...place, type: "line", x1: limit, line: { color: palette.warn, width: 2 } },
  ];
}
