// The lines of other samples: each as faint as the others, the latest with its points, and the best line among them.

import { drawnAgain } from "../arithmetic/again.js";
import { labelOf } from "../ui/dom.js";
import { stillLayout } from "./layout.js";
import { dotsAt, lineAcross, sticksOf } from "./marks.js";

const ROOM = 3.2; // residual standard errors above and below the line that the frame shows

export const samplesFigure = {
  id: "samples",
  title: "The lines of other samples",
  key: ({ state, settings }) => JSON.stringify([state.title, settings.points, settings.draws]),
  still({ state, settings }, palette) {
    const { x, y } = windowOfSamples(state);
    const { lines } = drawnAgain(state, settings.draws);
    const layout = stillLayout(
      { name: labelOf(state.features[0], 24), range: x },
      { name: labelOf(state.targets[0], 24), range: y },
    );
    const look = { stroke: palette.accent, "stroke-width": 1, "stroke-opacity": 0.25 };
    const stickOf = (axes, { weight, bias }) => [
      axes.left,
      axes.y(weight * x[0] + bias),
      axes.right,
      axes.y(weight * x[1] + bias),
    ];
    const over = (axes) => [
      sticksOf(
        lines.map((line) => stickOf(axes, line)),
        { ...look, "clip-path": axes.clip },
      ),
    ];
    return { data: [], layout, over };
  },
  marks({ state, settings }, axes, palette) {
    const { lines, latest } = drawnAgain(state, settings.draws);
    const [best] = state.optimum.weight[0];
    const marks = [
      lineAcross(axes, { weight: best, bias: state.optimum.bias[0] }, { stroke: palette.ink, "stroke-width": 1.5, "stroke-dasharray": "5 4" }),
    ];
    if (!lines.length) return [...marks, pointsOfSample(state, state.sample.y.flat(), axes, palette.ink)];
    marks.unshift(lineAcross(axes, lines.at(-1), { stroke: palette.accent, "stroke-width": 2.5 }));
    return [...marks, pointsOfSample(state, latest, axes, palette.accent)];
  },
  say({ settings }) {
    return settings.draws
      ? "Each thin line is the best line of one sample; the thick one is that of the latest, whose points are shown. Dashed: the best line of the rows that you have."
      : "The rows that you have and their best line (dashed). Draw another sample.";
  },
};

function windowOfSamples({ moments, optimum, interval }) {
  const [low, high] = [moments.minimum[0], moments.maximum[0]];
  const x = [low - 0.06 * (high - low), high + 0.06 * (high - low)];
  const heights = x.map((value) => optimum.weight[0][0] * value + optimum.bias[0]);
  const room = ROOM * interval.sigma[0] || 0.1 * Math.abs(heights[1] - heights[0]) || 1;
  return { x, y: [Math.min(...heights) - room, Math.max(...heights) + room] };
}

function pointsOfSample({ sample }, y, axes, stroke) {
  const places = sample.x.map(([value], i) => [axes.x(value), axes.y(y[i])]);
  return dotsAt(places, 7, { stroke, "clip-path": axes.clip });
}
