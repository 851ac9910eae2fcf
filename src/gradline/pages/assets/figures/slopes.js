// How the slopes of other samples scatter: a pile of them, and the bell that the standard error of one sample foretells.

import { drawnAgain } from "../arithmetic/again.js";
import { bigWords, countWords, numberWords } from "../arithmetic/words.js";
import { drawn } from "../ui/dom.js";
import { stillLayout } from "./layout.js";
import { curveOf, lineThrough, within, wordAt } from "./marks.js";

const REACH = 4; // standard errors to either side
const BARS = 24;
const LEAST_BELL = 20; // samples for which the bell is drawn where there are fewer
const PEAK = (2 * REACH) / BARS / Math.sqrt(2 * Math.PI); // of the bell: the share of all samples in the middle bar
const BELL = 80; // points of the curve

export const slopesFigure = {
  id: "slopes",
  title: "How their slopes scatter",
  key: ({ state, settings }) => JSON.stringify([state.title, settings.points, settings.draws]),
  still({ state, settings }, palette) {
    const { stderr } = drawnAgain(state, settings.draws);
    const best = state.optimum.weight[0][0];
    const reach = REACH * stderr || 1e-9 * Math.abs(best) || 1;
    const top = 1.5 * PEAK * Math.max(LEAST_BELL, settings.draws);
    const layout = stillLayout({ name: "slope", range: [best - reach, best + reach] }, { name: "samples", range: [0, top] });
    const under = (axes) => (stderr > 0 ? twoErrors(axes, best, stderr, palette) : []);
    return { data: [], layout, under };
  },
  marks({ state, settings }, axes, palette) {
    const { lines, stderr } = drawnAgain(state, settings.draws);
    const best = state.optimum.weight[0][0];
    if (!(stderr > 0)) return [wordAt(axes.left + 8, axes.top + 20, "all slopes are the same", palette)];
    const bars = barsOf(lines, best, stderr).map((count, i) => {
      const [from, to] = [i, i + 1].map((edge) => axes.left + (edge / BARS) * (axes.right - axes.left));
      const y = Math.max(axes.top, axes.y(count));
      return drawn("rect", { x: from + 0.5, y, width: to - from - 1, height: axes.bottom - y });
    });
    const places = Array.from({ length: BELL + 1 }, (_, i) => REACH * ((2 * i) / BELL - 1));
    const heights = places.map((z) => PEAK * Math.max(LEAST_BELL, lines.length) * Math.exp((-z * z) / 2));
    const bell = curveOf(
      axes,
      places.map((z) => best + z * stderr),
      heights,
      { stroke: palette.ink, "stroke-width": 2 },
    );
    return [drawn("g", { fill: palette.tint }, ...bars), bell];
  },
  say({ state, settings }) {
    const { lines, stderr } = drawnAgain(state, settings.draws);
    if (!(stderr > 0)) return "The points lie on the line, so every sample gives the same one.";
    const error = numberWords(stderr, 3);
    if (lines.length < 2)
      return `The standard error, which is computed from your rows alone, foretells the bell: slopes that scatter by ${error} around ${numberWords(state.optimum.weight[0][0])}.`;
    const near = lines.filter(({ weight }) => Math.abs(weight - state.optimum.weight[0][0]) < 2 * stderr).length;
    return `The slopes of ${countWords(lines.length, "sample")} scatter by ${numberWords(spreadOf(lines), 3)}. The standard error, computed from your rows alone, is ${error}: ${bigWords(near)} of them lie within two of it.`;
  },
};

// How many slopes fall into each bar; those beyond the ends count at the ends.
function barsOf(lines, best, stderr) {
  const counts = new Array(BARS).fill(0);
  lines.forEach(({ weight }) => {
    const place = Math.floor(((weight - best) / stderr / REACH + 1) * (BARS / 2));
    counts[within(place, 0, BARS - 1)]++;
  });
  return counts;
}

function spreadOf(lines) {
  const mean = lines.reduce((sum, { weight }) => sum + weight, 0) / lines.length;
  return Math.sqrt(lines.reduce((sum, { weight }) => sum + (weight - mean) ** 2, 0) / (lines.length - 1));
}

// Shade over two standard errors to either side.
function twoErrors(axes, best, stderr, palette) {
  const [from, to] = [-2, 2].map((times) => axes.x(best + times * stderr));
  const { top, bottom } = axes;
  const middle = axes.x(best);
  return [
    drawn("rect", { x: from, y: top, width: to - from, height: bottom - top, fill: palette.tint, "fill-opacity": 0.25 }),
    lineThrough([[middle, top], [middle, bottom]], { stroke: palette.soft, "stroke-dasharray": "5 4" }),
    wordAt((from + to) / 2, top + 12, "two standard errors to either side", palette, {
      "text-anchor": "middle",
      fill: palette.soft,
      "font-size": 11,
    }),
  ];
}
