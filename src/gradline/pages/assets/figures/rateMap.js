// Learning rate and momentum together: a map of the epochs that each pair needs, on which the pair is chosen.

import { logRate } from "../arithmetic/heavyBall.js";
import { epochsUntil } from "../arithmetic/path.js";
import { countWords, numberWords } from "../arithmetic/words.js";
import { drawn } from "../ui/dom.js";
import { gripParts, isInside } from "./grips.js";
import { stillLayout } from "./layout.js";
import { dotAt, within } from "./marks.js";

const [ACROSS, UP] = [48, 25]; // cells
const SHADES = 8;
const FROM = -3; // powers of ten of the rate, from the limit without momentum
const TO = 0.4; // with momentum 1 the limit is twice that
const SHRUNK = Math.log(1000); // of the slowest error

export const rateMapFigure = {
  id: "map",
  title: "Learning rate and momentum",
  key: ({ settings }) => JSON.stringify([settings.view, settings.points]),
  still({ problem }, palette) {
    const limit = Math.log10(problem.lrLimit(0));
    if (!Number.isFinite(limit)) return null;
    const range = [limit + FROM, limit + TO];
    const ticks = [-3, -2, -1, 0].map((power) => Math.floor(limit + TO) + power).filter((log) => log >= range[0]);
    const xaxis = { name: "learning rate", range, ticks, words: (log) => numberWords(10 ** log, 2) };
    const layout = stillLayout(xaxis, { name: "momentum", range: [0, 1] });
    return { data: [], layout, under: (axes) => [mapOf(problem, axes, palette)] };
  },
  marks({ settings: { lr, momentum } }, axes, palette) {
    if (!axes.x) return [];
    return [dotAt(within(axes.x(Math.log10(lr)), axes.left, axes.right), axes.y(momentum), palette)];
  },
  say({ settings, problem }) {
    const needed = epochsNeeded(problem, settings.lr, settings.momentum);
    const here = Number.isFinite(needed) ? countWords(needed, "epoch") : "no number is enough";
    return `Epochs until the slowest error is a thousandth, fewer where it is darker: ${here} here. Red: never. Click or drag to choose both.`;
  },
  grip: (card, store) => {
    const choose = ([x, y]) => {
      const [log, momentum] = [card.axes.xAt(x), card.axes.yAt(y)];
      store.set({ lr: Number((10 ** log).toPrecision(3)), momentum: Number(within(momentum, 0, 1).toFixed(2)) });
    };
    gripParts(card, [(place) => (isInside(card.axes, place) ? { move: choose, drop: choose } : null)], choose);
  },
};

function epochsNeeded({ curvatures }, lr, momentum) {
  return epochsUntil(SHRUNK, Math.max(...curvatures.map((curvature) => logRate(lr * curvature, momentum))));
}

// Cells of one shade are one path. From the fewest epochs each shade takes up as large a factor.
function mapOf(problem, axes, palette) {
  const [width, height] = [(axes.right - axes.left) / ACROSS, (axes.bottom - axes.top) / UP];
  const cells = Array.from({ length: ACROSS * UP }, (_, k) => {
    const [x, y] = [axes.left + (k % ACROSS) * width, axes.top + Math.floor(k / ACROSS) * height];
    const needed = epochsNeeded(problem, 10 ** axes.xAt(x + width / 2), axes.yAt(y + height / 2));
    return { d: `M${x.toFixed(1)} ${y.toFixed(1)}h${width.toFixed(1)}v${height.toFixed(1)}h${-width.toFixed(1)}z`, needed };
  });
  const logs = cells.map(({ needed }) => Math.log(needed)).filter(Number.isFinite);
  const [least, most] = [Math.min(...logs), Math.max(...logs)];
  const shadeOf = ({ needed }) =>
    Number.isFinite(needed) ? SHADES - 1 - Math.floor((0.999 * SHADES * (Math.log(needed) - least)) / (most - least || 1)) : null;
  const shades = cells.map(shadeOf);
  const pathFor = (shade, look) =>
    drawn("path", { d: cells.map(({ d }, k) => (shades[k] === shade ? d : "")).join(""), ...look });
  const blues = Array.from({ length: SHADES }, (_, shade) =>
    pathFor(shade, { fill: palette.accent, "fill-opacity": (shade + 1) / (SHADES + 1) }),
  );
  return drawn("g", {}, ...blues, pathFor(null, { fill: palette.warn, "fill-opacity": 0.25 }));
}
