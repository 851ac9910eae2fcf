// The loss by epoch: where the path is, the optimum as a floor, and what standardised columns would do.

import { bigWords, numberWords } from "../arithmetic/words.js";
import { isDiverging } from "../ui/scene.js";
import { epochAxis, onEpochAxis, stillLayout, stillLine } from "./layout.js";
import { curveOf, dotAt, epochLine, STROKES, within, wordAt } from "./marks.js";
import { trailEpochs, trailOf } from "./trail.js";

export const lossFigure = {
  id: "loss",
  title: "Loss by epoch",
  key: ({ settings }) => String(settings.seed),
  later: (scene) => String(isDiverging(scene)),
  still(scene, palette) {
    const floor = positive(scene.problem.floor);
    const data = [stillLine([0.4, 2e9], [floor, floor], { color: palette.ink, width: 1, dash: "dash" }, "optimum")];
    const range = lossRange(scene).map(Math.log10);
    const dtick = range[1] - range[0] > 6 ? 3 : 1;
    return { data, layout: stillLayout(palette, epochAxis(), { name: "loss", type: "log", range, dtick }) };
  },
  marks(scene, axes, palette) {
    const { settings, point, path, problem } = scene;
    const [x, y] = [axes.x(onEpochAxis(settings.epoch)), axes.y(lossToDraw(point))];
    const held = within(y, axes.top, axes.bottom);
    const isRight = x > (axes.left + axes.right) / 2;
    const beside = { "text-anchor": isRight ? "end" : "start", "font-weight": 600 };
    const floor = axes.y(positive(problem.floor));
    const marks = [
      ...lossCurves(scene, axes, palette),
      wordAt(axes.right - 4, floor + (floor + 18 < axes.bottom ? 15 : -6), "optimum", palette, {
        "text-anchor": "end",
        fill: palette.soft,
      }),
      epochLine(axes, x, palette),
      dotAt(x, held, palette),
    ];
    const word = (at, text) =>
      wordAt(x + (isRight ? -11 : 11), within(at, axes.top + 14, axes.bottom - 6), text, palette, beside);
    const shown = path.shown(settings.epoch);
    if (!settings.mistake || shown === null || shown === point.loss)
      return [...marks, word(held - 8, lossWords(point))];
    const at = within(axes.y(shown), axes.top, axes.bottom);
    const apart = at < held ? -8 : 18; // the words go away from each other
    return [
      ...marks,
      word(held + 10 - apart, lossWords(point)),
      wordAt(x, at + 5, "◇", palette, { "text-anchor": "middle", "font-size": 18 }),
      word(at + apart, `prints ${numberWords(shown, 4)}`),
    ];
  },
  say(scene) {
    const { point, settings, ease, problem } = scene;
    const far =
      point.gap === null
        ? "beyond all numbers"
        : `${numberWords(point.gap)} above the optimum, ${numberWords(problem.floor, 4)}`;
    const grows = isDiverging(scene) ? ", and grows" : "";
    const dots =
      settings.view === "standardised"
        ? ""
        : ` Dotted: standardised columns at their best rate, ${bigWords(ease.path.epochsToWeights())} epochs to a thousandth of the error.`;
    return `Epoch ${bigWords(settings.epoch)}: ${lossWords(point)}, ${far}${grows}.${dots}`;
  },
};

function lossCurves({ path, right, ease, settings }, axes, palette) {
  const curve = (followed, look) => curveOf(axes, trailEpochs(), trailOf(followed).map(lossToDraw), look);
  const thin = { stroke: palette.soft, "stroke-width": 1.5 };
  const curves = [curve(path, { stroke: palette.accent, "stroke-width": 2.5 })];
  if (settings.view !== "standardised") curves.unshift(curve(ease.path, { ...thin, "stroke-dasharray": STROKES[2] }));
  if (settings.mistake) curves.unshift(curve(right, { ...thin, "stroke-dasharray": STROKES[1] }));
  return curves;
}

/**
 * The loss in words, also where it is beyond float64.
 * @param {object} point Of a path.
 * @returns {string}
 */
export function lossWords({ loss, log10Loss }) {
  if (loss !== null) return numberWords(loss, 4);
  return log10Loss === null ? "no number" : `10^${bigWords(Math.round(log10Loss))}`;
}

/**
 * The loss as a figure can hold it: positive, and at most 10³⁰⁰.
 * @param {object} point Of a path.
 * @returns {number}
 */
export function lossToDraw({ loss, log10Loss }) {
  return loss === null ? 10 ** Math.min(log10Loss ?? 300, 300) : positive(loss);
}

function positive(value) {
  return Math.max(value, 1e-30);
}

// From a little below the optimum, or a billionth of the start where it is zero, to a little above the start.
function lossRange(scene) {
  const start = lossToDraw(scene.path.at(0));
  const floor = Math.max(scene.problem.floor, 1e-12 * start, 1e-30);
  return [floor / 2.5, isDiverging(scene) ? start * 1e6 : 2.5 * start];
}
