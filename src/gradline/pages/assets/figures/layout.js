// What stands still in a figure: its margins, its axes with their words, and the lines that do not move.

import { numberWords } from "../arithmetic/words.js";
import { drawn, labelOf } from "../ui/dom.js";
import { tickOf } from "../ui/time.js";
import { curveOf, lineThrough, roundTicks, wordAt } from "./marks.js";

const MOST_POWERS = 6; // ticks of a logarithmic axis

/**
 * A layout: two axes, each with a plain `name`, a `range` and, where it is not even, `isLog` or a `place` of its own.
 * @param {object} xaxis
 * @param {object} yaxis
 * @returns {{margin: object, xaxis: object, yaxis: object}}
 */
export function stillLayout(xaxis, yaxis) {
  return { margin: { left: 62, right: 12, top: 8, bottom: 36 }, xaxis, yaxis };
}

/**
 * The axis of time, the same as the slider's.
 * @param {object} time Of `timeAxis`.
 * @returns {object}
 */
export function epochAxis(time) {
  return { name: "epoch", range: [0, 1], place: time.placeOf, ticks: time.ticks, words: tickOf };
}

/**
 * A line that stands still.
 * @param {number[]} x
 * @param {(?number)[]} y
 * @param {object} look Attributes.
 * @returns {object}
 */
export function stillLine(x, y, look) {
  return { x, y, look };
}

/**
 * The SVG elements of a layout and of what stands still in it.
 * @param {{layout: object, data: object[], under?: (axes: object) => SVGElement[], over?: (axes: object) => SVGElement[]}} drawing
 * @param {object} axes Of `axesOf`.
 * @param {object} palette
 * @returns {SVGElement[]}
 */
export function framed({ layout, data, under, over }, axes, palette) {
  const { left, right, top, bottom } = axes;
  const ink = { fill: palette.soft, "stroke-width": 0 };
  const across = ticksOf(layout.xaxis, right - left).flatMap(({ value, word }) => [
    gridLine([axes.x(value), top], [axes.x(value), bottom], palette),
    wordAt(axes.x(value), bottom + 15, word, palette, { ...ink, "text-anchor": anchorAt(axes.x(value), axes) }),
  ]);
  const up = ticksOf(layout.yaxis, bottom - top).flatMap(({ value, word }) => [
    gridLine([left, axes.y(value)], [right, axes.y(value)], palette),
    wordAt(left - 6, axes.y(value) + 4, word, palette, { ...ink, "text-anchor": "end" }),
  ]);
  const middle = { ...ink, "text-anchor": "middle" };
  const turned = drawn(
    "g",
    { transform: `translate(10 ${(top + bottom) / 2}) rotate(-90)` },
    wordAt(0, 0, labelOf(layout.yaxis.name, Math.floor((bottom - top + 30) / 7)), palette, middle),
  );
  const name = wordAt((left + right) / 2, bottom + 31, labelOf(layout.xaxis.name, 60), palette, middle);
  const lines = data.map(({ x, y, look }) => curveOf(axes, x, y, look));
  return [...(under?.(axes) ?? []), ...across, ...up, turned, name, ...lines, ...(over?.(axes) ?? [])];
}

// The last word of an axis keeps within the figure.
function anchorAt(x, { right }) {
  return x > right - 12 ? "end" : "middle";
}

function gridLine(from, to, palette) {
  return lineThrough([from, to], { stroke: palette.line });
}

function ticksOf({ range, isLog, ticks, words }, room) {
  if (ticks) return ticks.map((value) => ({ value, word: words(value) }));
  if (isLog) return powersIn(range).map((value) => ({ value, word: shortWords(value) }));
  return roundTicks(range, room < 150 ? 3 : 5).map((value) => ({ value, word: tickWords(value, range) }));
}

// Powers of ten, some of them where there are many, and 2 and 5 times them where there are few.
function powersIn([low, high]) {
  const [first, last] = [Math.ceil(Math.log10(low)), Math.floor(Math.log10(high))];
  const step = Math.ceil((last - first + 1) / MOST_POWERS);
  const powers = Array.from({ length: Math.max(0, Math.floor((last - first) / step) + 1) }, (_, i) => first + i * step);
  if (powers.length > 2) return powers.map((power) => 10 ** power);
  const fine = [first - 1, ...powers].flatMap((power) => [1, 2, 5].map((times) => times * 10 ** power));
  return fine.filter((value) => value >= low && value <= high);
}

// As many digits as tell one tick from the next.
function tickWords(value, [low, high]) {
  if (Math.abs(value) < (high - low) * 1e-9) return "0";
  const digits = 2 + Math.max(0, Math.floor(Math.log10(Math.max(Math.abs(low), Math.abs(high)) / (high - low))));
  return shortWords(value, Math.min(12, digits));
}

// A number as the margin has room for: 5,000 is 5k, and a million 1M.
function shortWords(value, digits = 3) {
  const size = Math.abs(value);
  if (size < 1000 || size >= 1e9) return numberWords(value, digits);
  return size < 1e6 ? `${numberWords(value / 1000, digits)}k` : `${numberWords(value / 1e6, digits)}M`;
}
