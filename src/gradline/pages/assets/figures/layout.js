// How the figures that stand still look: the same margins, type and lines for all.

import { plotlyText } from "../ui/dom.js";

const EPOCH_TICKS = [0.5, 10, 1e3, 1e5, 1e7, 1e9]; // as many as a narrow card has room for
const EPOCH_WORDS = ["0", "10", "1k", "100k", "10M", "1G"];

/**
 * A Plotly layout.
 * @param {object} palette
 * @param {object} xaxis Plotly's, with a plain `name`.
 * @param {object} yaxis The same.
 * @param {object} [more] Further keys of the layout.
 * @returns {object}
 */
export function stillLayout(palette, xaxis, yaxis, more = {}) {
  const axis = ({ name, ...rest }) => ({
    title: { text: plotlyText(name), standoff: 8 },
    gridcolor: palette.line,
    linecolor: palette.line,
    zeroline: false,
    fixedrange: true,
    automargin: false,
    exponentformat: "power",
    ...rest,
  });
  return {
    font: { family: "system-ui, sans-serif", size: 12, color: palette.soft },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 58, r: 14, t: 10, b: 44 },
    showlegend: false,
    hovermode: "closest",
    dragmode: false,
    hoverlabel: { bgcolor: palette.card, bordercolor: palette.line, font: { color: palette.ink } },
    xaxis: axis(xaxis),
    yaxis: axis(yaxis),
    ...more,
  };
}

/**
 * The axis of epochs from 0 to 10⁹, the same as the slider's.
 * @returns {object}
 */
export function epochAxis() {
  const [first, last] = [Math.log10(0.4), 9.05];
  return {
    name: "epoch",
    type: "log",
    range: [first, last],
    tickvals: EPOCH_TICKS,
    ticktext: EPOCH_WORDS,
    tickangle: 0,
  };
}

/**
 * Where an epoch stands on `epochAxis`, which has no place for 0.
 * @param {number} epoch
 * @returns {number}
 */
export function onEpochAxis(epoch) {
  return Math.max(epoch, 0.5);
}

/**
 * A line that stands still.
 * @param {number[]} x
 * @param {(?number)[]} y
 * @param {object} line Plotly's: colour, width, dash.
 * @param {string} [name] Said when the pointer is over it.
 * @returns {object} A Plotly trace.
 */
export function stillLine(x, y, line, name = "") {
  return { x, y, mode: "lines", type: "scatter", line, name: plotlyText(name), hoverinfo: name ? "x+y+name" : "skip" };
}

/**
 * Points that stand still.
 * @param {number[]} x
 * @param {number[]} y
 * @param {object} palette
 * @returns {object} A Plotly trace.
 */
export function stillPoints(x, y, palette) {
  const marker = { color: palette.soft, size: x.length > 300 ? 4 : 7, opacity: x.length > 300 ? 0.5 : 0.85 };
  return { x, y, mode: "markers", type: "scatter", marker, hoverinfo: "x+y" };
}
