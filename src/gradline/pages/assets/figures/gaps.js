// The gap by direction: which part of the loss above the optimum goes first, and which stays.

import { bigWords, percentWords } from "../arithmetic/words.js";
import { labelOf } from "../ui/dom.js";
import { sampledEpochs } from "../ui/scene.js";
import { epochAxis, onEpochAxis, stillLayout, stillLine } from "./layout.js";
import { epochLine, wordAt } from "./marks.js";

const MOST_DIRECTIONS = 6;
const STROKES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];

export const gapsFigure = {
  id: "gaps",
  title: "What is above the optimum, by direction",
  key: ({ pathKey }) => pathKey,
  still(scene, palette) {
    const epochs = sampledEpochs();
    const split = epochs.map((epoch) => new Map(scene.path.holding(epoch).map(({ index, gap }) => [index, gap])));
    const directions = shownDirections(scene);
    const data = directions.map(({ index, columns }, i) => {
      const gaps = split.map((parts) => positiveOrNull(parts.get(index)));
      return stillLine(
        epochs.map(onEpochAxis),
        gaps,
        { color: i ? palette.soft : palette.accent, width: 2, dash: STROKES[i] },
        columns,
      );
    });
    const top = Math.max(...directions.map(({ gap }) => gap ?? 0), 1e-30);
    const range = [Math.log10(top) - 9, Math.log10(top) + 0.5];
    return {
      data,
      layout: stillLayout(palette, epochAxis(), { name: "loss above the optimum", type: "log", range, dtick: 2 }),
    };
  },
  marks(scene, axes, palette) {
    const marks = shownDirections(scene).map(({ columns }, i) => {
      const look = { "text-anchor": "end", fill: i ? palette.soft : palette.accent };
      return wordAt(axes.right - 6, axes.top + 14 + 15 * i, `${SIGNS[i]} ${labelOf(columns, 28)}`, palette, look);
    });
    return [epochLine(axes, axes.x(onEpochAxis(scene.settings.epoch)), palette), ...marks];
  },
  say({ holding }) {
    if (!holding.length) return "Nothing is left above the optimum.";
    const [first] = holding;
    return `Most of what is left now: ${labelOf(first.columns, 60)}, ${percentWords(first.share)}, half of it gone every ${bigWords(first.halfLife)} epochs.`;
  },
};

const SIGNS = ["━━", "╍╍", "┅┅", "━·", "━ ━", "━··"];

// The directions with the largest part of the gap at the start, in that order.
function shownDirections({ path }) {
  return path.holding(0).slice(0, MOST_DIRECTIONS);
}

function positiveOrNull(value) {
  return value > 0 ? Math.max(value, 1e-300) : null;
}
