// Marks: what moves with the epoch, drawn by us as SVG over a figure that stands still.

import { drawn } from "../ui/dom.js";
import { clippedLines } from "./clip.js";

const LINE = 14; // pixels from one word to the next below it

/** The dashes of up to six lines in one figure: what tells them apart without colour. */
export const STROKES = ["", "9 5", "2 4", "9 4 2 4", "16 5", "16 4 2 4 2 4"];

/** The look of a run that was kept. */
export const KEPT = { "stroke-width": 1.75, "stroke-dasharray": "1 3" };

/**
 * The axes of a layout as functions from data to pixels of the card, and back.
 * @param {object} layout Of `stillLayout`.
 * @param {{width: number, height: number}} size
 * @returns {{x: (value: number) => number, y: (value: number) => number, xAt: (pixel: number) => number,
 *   yAt: (pixel: number) => number, left: number, right: number, top: number, bottom: number, width: number,
 *   height: number}} `xAt` and `yAt` are those of even axes.
 */
export function axesOf({ margin, xaxis, yaxis }, { width, height }) {
  const [left, right, top, bottom] = [margin.left, width - margin.right, margin.top, height - margin.bottom];
  const along =
    ([low, high], from, to) =>
    (pixel) =>
      low + ((pixel - from) / (to - from)) * (high - low);
  return {
    x: alongAxis(xaxis, left, right),
    y: alongAxis(yaxis, bottom, top),
    xAt: along(xaxis.range, left, right),
    yAt: along(yaxis.range, bottom, top),
    left,
    right,
    top,
    bottom,
    width,
    height,
  };
}

function alongAxis({ isLog, place = isLog ? Math.log10 : Number, range }, from, to) {
  const [low, high] = isLog ? range.map(Math.log10) : range;
  return (value) => from + ((place(value) - low) / (high - low)) * (to - from);
}

/**
 * Some round numbers within a range.
 * @param {number[]} range
 * @param {number} count About how many.
 * @returns {number[]}
 */
export function roundTicks([low, high], count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= 0.8 * rough);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.max(0, Math.floor(high / step) - first + 1) }, (_, i) => (first + i) * step);
}

/**
 * A dot that says where we are: filled, with a ring in the colour of the paper.
 * @param {number} x Pixels.
 * @param {number} y
 * @param {object} palette
 * @returns {SVGElement}
 */
export function dotAt(x, y, palette) {
  return drawn("circle", { cx: x, cy: y, r: 6, fill: palette.accent, stroke: palette.card, "stroke-width": 2 });
}

// A ring: where the next update would go.
function ringAt(x, y, palette) {
  return drawn("circle", { cx: x, cy: y, r: 6, fill: palette.card, stroke: palette.accent, "stroke-width": 2 });
}

/**
 * A dashed arrow at its true length, cut where the figure ends, with its head where it still can be seen.
 * @param {object} axes
 * @param {number[]} from Pixels.
 * @param {number[]} to
 * @param {object} palette
 * @returns {SVGElement[]}
 */
export function ghostTo(axes, from, to, palette) {
  const [line] = clippedLines([from, to], axes);
  if (!line || Math.hypot(to[0] - from[0], to[1] - from[1]) < 3) return [];
  const look = { stroke: palette.accent, "stroke-width": 1.75, "stroke-dasharray": "5 4" };
  const [x, y] = line.at(-1);
  const isInside = Math.hypot(x - to[0], y - to[1]) < 1;
  if (isInside) return [lineThrough(line, look), ringAt(x, y, palette)];
  const way = Math.atan2(to[1] - from[1], to[0] - from[0]);
  const wing = (side) => [x - 11 * Math.cos(way + side * 0.5), y - 11 * Math.sin(way + side * 0.5)];
  return [
    lineThrough(line, look),
    lineThrough([wing(1), [x, y], wing(-1)], { stroke: palette.accent, "stroke-width": 2 }),
  ];
}

/**
 * A line through points.
 * @param {number[][]} points Pixels.
 * @param {object} [look] Attributes.
 * @returns {SVGElement}
 */
export function lineThrough(points, look = {}) {
  const d = points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(2)} ${y.toFixed(2)}`).join("");
  return drawn("path", { d, fill: "none", "stroke-linejoin": "round", ...look });
}

/**
 * A curve in a figure: a line through points of the data, cut where the axes end.
 * @param {object} axes
 * @param {(?number)[]} x
 * @param {(?number)[]} y Null where the curve is broken.
 * @param {object} look Attributes.
 * @returns {SVGElement}
 */
export function curveOf(axes, x, y, look) {
  const pieces = [[]];
  x.forEach((value, i) => {
    if (value === null || y[i] === null) pieces.push([]);
    else pieces.at(-1).push([axes.x(value), axes.y(y[i])]);
  });
  const lines = pieces.flatMap((piece) => clippedLines(piece, axes));
  return drawn("g", { class: "curve" }, ...lines.map((line) => lineThrough(line, look)));
}

/**
 * A line of one feature from one side of the figure to the other.
 * @param {object} axes
 * @param {{weight: number, bias: number}} line
 * @param {object} look Attributes of the path.
 * @returns {SVGElement}
 */
export function lineAcross(axes, { weight, bias }, look) {
  const ends = [axes.xAt(axes.left), axes.xAt(axes.right)];
  return curveOf(
    axes,
    ends,
    ends.map((value) => weight * value + bias),
    look,
  );
}

/**
 * Many sticks as one path, from one point to another each.
 * @param {number[][]} sticks [x1, y1, x2, y2] in pixels.
 * @param {object} look Attributes.
 * @returns {SVGElement}
 */
export function sticksOf(sticks, look) {
  const d = sticks.map((ends) => {
    const [x1, y1, x2, y2] = ends.map((part) => part.toFixed(1));
    return `M${x1} ${y1}L${x2} ${y2}`;
  });
  return drawn("path", { d: d.join(""), fill: "none", ...look });
}

/**
 * Many round dots as one path.
 * @param {number[][]} points Pixels.
 * @param {number} width Their diameter.
 * @param {object} look Attributes.
 * @returns {SVGElement}
 */
export function dotsAt(points, width, look) {
  const d = points.map(([x, y]) => `M${x.toFixed(1)} ${y.toFixed(1)}h0`).join("");
  return drawn("path", { d, fill: "none", "stroke-width": width, "stroke-linecap": "round", ...look });
}

/**
 * A word beside a mark, with the colour of the paper behind it; it keeps within the figure.
 * @param {number} x Pixels.
 * @param {number} y
 * @param {string} text
 * @param {object} palette
 * @param {object} [look] Attributes.
 * @returns {SVGElement}
 */
export function wordAt(x, y, text, palette, look = {}) {
  const shape = {
    x,
    y,
    fill: palette.ink,
    "font-size": 12,
    "font-family": "system-ui, sans-serif",
    stroke: palette.card,
    "stroke-width": 4,
    "paint-order": "stroke",
    "stroke-linejoin": "round",
  };
  return drawn("text", { ...shape, ...look }, text);
}

/**
 * Words one above the other, moved apart where they would lie on each other.
 * @param {{y: number}[]} words Where each would stand, in pixels.
 * @param {number} top
 * @param {number} bottom
 * @returns {object[]} From the top down, each with the `place` where it stands.
 */
export function spreadWords(words, top, bottom) {
  const sorted = [...words].sort((a, b) => a.y - b.y);
  sorted.reduce((above, word) => (word.place = Math.max(word.y, above + LINE)), top - LINE);
  sorted.reduceRight((below, word) => (word.place = Math.min(word.place, below - LINE)), bottom + LINE);
  return sorted;
}

/**
 * A vertical line at the epoch, through figures over epochs.
 * @param {object} axes
 * @param {number} x Pixels.
 * @param {object} palette
 * @returns {SVGElement}
 */
export function epochLine(axes, x, palette) {
  return drawn("line", { x1: x, x2: x, y1: axes.top, y2: axes.bottom, stroke: palette.accent, "stroke-width": 1.5 });
}

/**
 * A value held between two bounds.
 * @param {number} value
 * @param {number} low
 * @param {number} high
 * @returns {number}
 */
export function within(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
