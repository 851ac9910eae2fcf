// The card of a figure: a title, a sentence that says what it shows now, what stands still, and our marks over it.

import { drawn, element, say, setOrRemove } from "../ui/dom.js";
import { paletteNow } from "../ui/palette.js";
import { axesOf } from "./marks.js";
import { saveButtons } from "./save.js";

const HEIGHT = 300; // pixels
const REST = 200; // ms without a change: a drag is over

/**
 * The card of a figure. It draws only while it can be seen, and its marks also before Plotly is there.
 * @param {object} figure `id`, `title`; `key(scene)`, a text that changes when the axes mean something else;
 *   `later(scene)`, where there is one, a text that changes when what stands still may wait for the end of a drag;
 *   `still(scene, palette)` → {data, layout} of Plotly, or null where all is ours; `marks(scene, axes, palette)` → the
 *   SVG elements over it, `axes` those of `axesOf`, or {width, height} where all is ours; `say(scene)` → one sentence;
 *   and, where the reader can turn it, `grip(plot, redraw)`.
 * @returns {{root: HTMLElement, show: (scene: object) => void, redraw: () => void}}
 */
export function cardOf(figure) {
  const still = element("div.still");
  const marks = drawn("svg", { class: "marks", "aria-hidden": "true" });
  const plot = element("div.plot", { role: "img", "aria-label": figure.title }, still, marks);
  const sentence = element("p.says");
  const card = { figure, plot, still, marks, sentence, scene: null, key: null, isSeen: false, hasChanged: false };
  const root = element(
    "section.card",
    { id: `figure-${figure.id}`, "aria-labelledby": `title-${figure.id}` },
    element("header", {}, element("h2", { id: `title-${figure.id}` }, figure.title), saveButtons(card)),
    sentence,
    plot,
  );
  const redraw = () => {
    card.key = null;
    refresh(card);
  };
  new IntersectionObserver(
    (entries) => {
      card.isSeen = entries.at(-1).isIntersecting; // the newest
      refresh(card);
    },
    { rootMargin: "100px" },
  ).observe(plot);
  new ResizeObserver(() => {
    if (card.width !== plot.clientWidth) redraw();
  }).observe(plot);
  figure.grip?.(plot, () => drawMarks(card));
  return { root, redraw, show: (scene) => show(card, scene) };
}

function show(card, scene) {
  card.scene = scene;
  card.hasChanged = true;
  refresh(card);
}

function refresh(card) {
  if (!card.isSeen || !card.scene || !card.plot.clientWidth) return;
  if (!card.hasChanged && card.key !== null) return;
  const { figure, scene } = card;
  card.hasChanged = false;
  clearTimeout(card.rest);
  const isLate = card.key === figure.key(scene) && card.later !== figure.later?.(scene);
  card.plot.classList.toggle("waiting", isLate);
  if (isLate) card.rest = setTimeout(() => drawAll(card), REST);
  else if (card.key !== figure.key(scene)) drawStill(card);
  drawMarks(card);
}

function drawAll(card) {
  card.plot.classList.remove("waiting");
  drawStill(card);
  drawMarks(card);
}

function drawStill(card) {
  const { figure, scene, plot, still, marks } = card;
  const width = plot.clientWidth;
  const palette = paletteNow();
  Object.assign(card, { palette, width, key: figure.key(scene), later: figure.later?.(scene) });
  setOrRemove(marks, "viewBox", `0 0 ${width} ${HEIGHT}`);
  setOrRemove(marks, "width", width);
  setOrRemove(marks, "height", HEIGHT);
  const size = { width, height: HEIGHT };
  const drawing = figure.still?.(scene, palette);
  card.axes = drawing ? axesOf(drawing.layout, size) : size;
  if (!drawing || !globalThis.Plotly) return;
  Plotly.react(still, drawing.data, { ...drawing.layout, ...size }, { displayModeBar: false, doubleClick: false });
}

function drawMarks(card) {
  const { figure, scene, axes, palette } = card;
  card.marks.replaceChildren(...figure.marks(scene, axes, palette));
  const words = figure.say(scene);
  say(card.sentence, words);
  setOrRemove(card.plot, "aria-label", `${figure.title}. ${words}`);
}
