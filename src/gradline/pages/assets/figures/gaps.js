// The gap by direction: which part of the loss above the optimum goes first, and which stays.

import { lastsWords, percentWords } from "../arithmetic/words.js";
import { labelOf } from "../ui/dom.js";
import { sampledEpochs } from "../ui/scene.js";
import { epochAxis, onEpochAxis, stillLayout } from "./layout.js";
import { curveOf, epochLine, lineThrough, STROKES, wordAt } from "./marks.js";
import { trailEpochs } from "./trail.js";

const MOST_DIRECTIONS = 6;
const SAMPLE = 34; // pixels of a line beside its name

const splits = new WeakMap();

export const gapsFigure = {
  id: "gaps",
  title: "What is above the optimum, by direction",
  key: ({ settings }) => JSON.stringify([settings.view, settings.mistake, settings.seed]),
  still(scene, palette) {
    const top = Math.max(...shownDirections(scene).map(({ gap }) => gap ?? 0), 1e-30);
    const range = [Math.log10(top) - 9, Math.log10(top) + 0.5];
    const yaxis = { name: "loss above the optimum", type: "log", range, dtick: 2 };
    return { data: [], layout: stillLayout(palette, epochAxis(), yaxis) };
  },
  marks(scene, axes, palette) {
    const split = splitOf(scene.path);
    const marks = shownDirections(scene).flatMap(({ index, columns }, i) => {
      const colour = i ? palette.soft : palette.accent;
      const look = { stroke: colour, "stroke-width": 2, "stroke-dasharray": STROKES[i] };
      const gaps = split.map((parts) => positiveOrNull(parts.get(index)));
      const y = axes.top + 10 + 15 * i;
      const sample = [axes.right - SAMPLE - 4, axes.right - 4].map((x) => [x, y]);
      const words = { "text-anchor": "end", fill: colour };
      return [
        curveOf(axes, trailEpochs(), gaps, look),
        lineThrough(sample, look),
        wordAt(axes.right - SAMPLE - 10, y + 4, labelOf(columns, 28), palette, words),
      ];
    });
    return [epochLine(axes, axes.x(onEpochAxis(scene.settings.epoch)), palette), ...marks];
  },
  say({ holding }) {
    if (!holding.length) return "Nothing is left above the optimum.";
    const [first] = holding;
    return `Most of what is left now: ${labelOf(first.columns, 60)}, ${percentWords(first.share)}, ${lastsWords(first.halfLife)}.`;
  },
};

// The gap of each direction by epoch of the trail.
function splitOf(path) {
  if (!splits.has(path)) {
    const split = sampledEpochs().map((epoch) => new Map(path.holding(epoch).map(({ index, gap }) => [index, gap])));
    splits.set(path, split);
  }
  return splits.get(path);
}

// The directions with the largest part of the gap at the start, in that order.
function shownDirections({ path }) {
  return path.holding(0).slice(0, MOST_DIRECTIONS);
}

function positiveOrNull(value) {
  return value > 0 ? Math.max(value, 1e-300) : null;
}
