// The loss by epoch: of the rows trained on and of those kept back, with the least possible as a floor.

import { numberWords, bigWords } from "../arithmetic/words.js";
import { lossesOver, pointsOver } from "../ui/scene.js";
import { epochAxis, stillLayout, stillLine } from "./layout.js";
import { curveOf, dotAt, epochLine, KEPT, spreadWords, STROKES, within, wordAt } from "./marks.js";

export const lossFigure = {
  id: "loss",
  title: "Loss by epoch",
  key: ({ settings, frame }) => JSON.stringify([frame.time.horizon, frame.losses, frame.isLog, settings.points]),
  still(scene, palette) {
    const { frame, problem } = scene;
    const floor = drawnLoss({ loss: problem.floor });
    const ends = [0, frame.time.horizon];
    const data = [stillLine(ends, [floor, floor], { stroke: palette.ink, "stroke-dasharray": "5 4" })];
    const yaxis = { name: frame.isLog ? "loss, log scale" : "loss", range: frame.losses, isLog: frame.isLog };
    return { data, layout: stillLayout(epochAxis(frame.time), yaxis) };
  },
  marks(scene, axes, palette) {
    const { point, epoch, path, settings } = scene;
    const x = within(axes.x(epoch), axes.left, axes.right);
    const y = (loss) => within(axes.y(drawnLoss(loss)), axes.top, axes.bottom);
    const marks = [...lossCurves(scene, axes, palette), epochLine(axes, x, palette)];
    const told = [{ loss: point, text: lossWords(point), look: {} }, ...besideLoss(scene, palette)];
    const isRight = x > (axes.left + axes.right) / 2;
    const beside = { "text-anchor": isRight ? "end" : "start", "font-weight": 600 };
    const words = told.map(({ loss, ...word }) => ({ ...word, y: y(loss) - 7 }));
    const placed = spreadWords(words, axes.top + 12, axes.bottom - 6).map(({ place, text, look }) =>
      wordAt(x + (isRight ? -11 : 11), place, text, palette, { ...beside, ...look }),
    );
    if (settings.mistake && path.shown(epoch) !== null) {
      const at = y({ loss: path.shown(epoch) }) + 5;
      marks.push(wordAt(x, at, "◇", palette, { "text-anchor": "middle", "font-size": 18 }));
    }
    return [...marks, dotAt(x, y(point), palette), ...placed];
  },
  say(scene) {
    const { problem, frame, state, kept, epoch } = scene;
    if (kept) {
      const there = lossWords(kept.path.at(epoch));
      return `Dotted: the run that was kept, with learning rate ${numberWords(kept.lr)}. At this epoch its loss is ${there}.`;
    }
    const solid = state.held ? "Solid: training rows; dashed: rows kept for validation." : "";
    const floor = `Below ${numberWords(problem.floor, 3)} no line can go.`;
    const ends = `The axis ends at epoch ${bigWords(frame.time.horizon)}, where little more happens.`;
    return scene.path.diverges ? `The loss grows for ever. ${solid}` : `${floor} ${solid || ends}`;
  },
};

// What is told beside the dot: the loss of the rows kept back, and what a mistaken loop prints.
function besideLoss({ point, epoch, path, settings, heldLoss }, palette) {
  const [held, shown] = [heldLoss(point), path.shown(epoch)];
  const isOther = settings.mistake && shown !== null && shown !== point.loss;
  return [
    ...(held === null ? [] : [{ loss: { loss: held }, text: numberWords(held, 3), look: { fill: palette.second } }]),
    ...(isOther ? [{ loss: { loss: shown }, text: `prints ${numberWords(shown, 4)}`, look: {} }] : []),
  ];
}

function lossCurves({ path, right, kept, settings, frame, state, heldLoss }, axes, palette) {
  const { time } = frame;
  const epochs = time.epochs.filter((epoch) => epoch <= path.last);
  const curve = (points, look) => curveOf(axes, epochs.slice(0, points.length), points.map(drawnLoss), look);
  const curves = [curve(lossesOver(path, time), { stroke: palette.accent, "stroke-width": 2.5 })];
  if (state.held) {
    const held = pointsOver(path, time).map((point) => ({ loss: heldLoss(point) ?? Infinity }));
    curves.unshift(curve(held, { stroke: palette.second, "stroke-width": 2, "stroke-dasharray": "7 4" }));
  }
  if (kept) curves.unshift(curve(lossesOver(kept.path, time), { ...KEPT, stroke: palette.ink }));
  if (settings.mistake || path.updates > 1) {
    const look = { stroke: palette.soft, "stroke-width": 1.5, "stroke-dasharray": STROKES[2] };
    curves.unshift(curve(lossesOver(right, time), look));
  }
  return curves;
}

/**
 * The loss in words, also where it is beyond float64.
 * @param {object} point Of a path.
 * @returns {string}
 */
export function lossWords({ loss, log10Loss }) {
  if (loss !== null && Number.isFinite(loss)) return numberWords(loss, 4);
  return log10Loss === null ? "no number" : `10^${bigWords(Math.round(log10Loss))}`;
}

// The loss as a figure can hold it: positive, and at most 10³⁰⁰.
function drawnLoss({ loss, log10Loss }) {
  if (loss === null || !Number.isFinite(loss)) return 10 ** Math.min(log10Loss ?? 300, 300);
  return Math.max(loss, 1e-30);
}
