// Predictions against targets: on the diagonal a prediction is right.

import { dotProduct } from "../arithmetic/coefficients.js";
import { numberWords } from "../arithmetic/words.js";
import { labelOf } from "../ui/dom.js";
import { stillLayout, stillLine } from "./layout.js";
import { dotsAt, within } from "./marks.js";

export const predictionsFigure = {
  id: "predictions",
  title: "Predictions against targets",
  key: ({ settings, state }) => JSON.stringify([settings.target, state.moments.minimum, state.moments.maximum]),
  still({ state, settings }, palette) {
    const [low, high] = targetRange(state, settings.target);
    const name = labelOf(state.targets[settings.target], 16);
    const data = [
      stillLine([low, high], [low, high], { stroke: palette.ink, "stroke-width": 1.25, "stroke-dasharray": "5 4" }),
    ];
    return {
      data,
      layout: stillLayout(
        { name: `${name}, as it is`, range: [low, high] },
        { name: `${name}, predicted`, range: [low, high] },
      ),
    };
  },
  marks({ state, settings, point }, axes, palette) {
    if (point.overflow || !state.sample) return [];
    const { x, y } = state.sample;
    const dots = x.map((row, i) => {
      const prediction = dotProduct(point.weight[settings.target], row) + point.bias[settings.target];
      return [axes.x(y[i][settings.target]), within(axes.y(prediction), axes.top, axes.bottom)];
    });
    const many = x.length > 300;
    return [dotsAt(dots, many ? 4 : 8, { stroke: palette.accent, "stroke-opacity": many ? 0.5 : 0.85 })];
  },
  say({ state, settings, point, problem }) {
    if (!state.sample) return "The page holds no rows.";
    if (point.overflow) return "The predictions are beyond all numbers.";
    const typical = numberWords(Math.sqrt(point.loss), 3);
    return `A typical error is ${typical} now, ${numberWords(Math.sqrt(problem.floor), 3)} at the best possible loss. On the dashed line a prediction of ${labelOf(state.targets[settings.target])} is right.`;
  },
};

function targetRange({ moments, features }, target) {
  const i = features.length + target;
  const margin = 0.1 * (moments.maximum[i] - moments.minimum[i]) || 1;
  return [moments.minimum[i] - margin, moments.maximum[i] + margin];
}
