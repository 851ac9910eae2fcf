// The card of a figure: a title, a sentence that says what it shows now, what stands still, and our marks over it.

import { drawn, element, say, setOrRemove } from "../ui/dom.js";
import { paletteNow } from "../ui/palette.js";
import { axesOf } from "./marks.js";
import { saveButtons } from "./save.js";

const HEIGHT = 300; // pixels

/**
 * The card of a figure. It draws only while it can be seen.
 * @param {object} figure `id`, `title`; `key(scene)`, a text that changes when what stands still does;
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
  const card = { figure, plot, still, marks, sentence, scene: null, drawnKey: null, isSeen: false, hasChanged: false };
  const root = element(
    "section.card",
    { id: `figure-${figure.id}`, "aria-labelledby": `title-${figure.id}` },
    element("header", {}, element("h2", { id: `title-${figure.id}` }, figure.title), saveButtons(card)),
    sentence,
    plot,
  );
  const redraw = () => {
    card.drawnKey = null;
    refresh(card);
  };
  new IntersectionObserver(
    ([entry]) => {
      card.isSeen = entry.isIntersecting;
      refresh(card);
    },
    { rootMargin: "100px" },
  ).observe(plot);
  new ResizeObserver(() => {
    if (card.drawnWidth !== plot.clientWidth) redraw();
  }).observe(plot);
  figure.grip?.(plot, () => draw(card));
  return { root, redraw, show: (scene) => show(card, scene) };
}

function show(card, scene) {
  card.scene = scene;
  card.hasChanged = true;
  refresh(card);
}

function refresh(card) {
  if (!card.isSeen || !card.scene || !card.plot.clientWidth || !globalThis.Plotly) return;
  if (!card.hasChanged && card.drawnKey !== null) return;
  draw(card);
}

function draw(card) {
  const { figure, scene, plot } = card;
  if (!scene) return;
  card.hasChanged = false;
  const key = figure.key(scene);
  if (card.drawnKey !== key) {
    card.palette = paletteNow();
    drawStill(card);
    card.drawnKey = key;
  }
  const size = { width: plot.clientWidth, height: HEIGHT };
  const axes = card.still._fullLayout ? axesOf(card.still) : size;
  card.marks.replaceChildren(...figure.marks(scene, { ...axes, ...size }, card.palette));
  const words = figure.say(scene);
  say(card.sentence, words);
  setOrRemove(plot, "aria-label", `${figure.title}. ${words}`);
}

function drawStill(card) {
  const { figure, scene, plot, still, marks, palette } = card;
  const width = plot.clientWidth;
  card.drawnWidth = width;
  setOrRemove(marks, "viewBox", `0 0 ${width} ${HEIGHT}`);
  setOrRemove(marks, "width", width);
  setOrRemove(marks, "height", HEIGHT);
  const drawing = figure.still?.(scene, palette);
  if (!drawing) return;
  const layout = { ...drawing.layout, width, height: HEIGHT };
  Plotly.react(still, drawing.data, layout, { displayModeBar: false, staticPlot: false, doubleClick: false });
}
