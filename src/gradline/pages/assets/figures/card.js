// The card of a figure: a title, a sentence that says what it shows now, what stands still, and the marks that move.

import { drawn, element, say, setOrRemove } from "../ui/dom.js";
import { paletteNow } from "../ui/palette.js";
import { whenSeen } from "../ui/seen.js";
import { framed } from "./layout.js";
import { axesOf } from "./marks.js";
import { saveButtons } from "./save.js";

const PAPER = { width: 350, height: 240 }; // pixels on a page of two columns; a printer tells no sizes beforehand

/**
 * The card of a figure. It draws only while it can be seen, or for paper.
 * @param {object} figure `id`, `title`; `key(scene)`, a text that changes when what stands still does;
 *   `still(scene, palette, size)` → {data, layout}, or null where all moves; `marks(scene, axes, palette)` → the SVG elements
 *   over it, `axes` those of `axesOf`, or {width, height} where all moves; `say(scene)` → one sentence; and, where the
 *   reader can touch it, `grip(card, store)`, called once, which may return what is to follow each drawing.
 * @param {object} store Of `storeOf`.
 * @returns {object} As of `whenSeen`; `plot`, `svg`, `size`; `scene`, `axes` as last drawn; `redraw()`, for new
 *   colours, and `onPaper()`, whether it can be seen or not.
 */
export function cardOf(figure, store) {
  const [still, marks] = [drawn("g"), drawn("g", { class: "marks" })];
  const inside = drawn("rect");
  const clip = drawn("clipPath", { id: `inside-${figure.id}` }, inside);
  // Two layers: what stands still is not painted anew with what moves.
  const ground = drawn("svg", { class: "ground", "aria-hidden": "true" }, still);
  const svg = drawn("svg", { "aria-hidden": "true" }, clip, marks);
  const plot = element("div.plot", { role: "img", "aria-label": figure.title }, ground, svg);
  const sentence = element("p.says");
  const card = { figure, plot, ground, svg, still, marks, inside, sentence, scene: null, key: null, size: null };
  const title = element("h2", { id: `title-${figure.id}` }, figure.title);
  const root = element(
    "section.card",
    { id: `figure-${figure.id}`, "aria-labelledby": `title-${figure.id}` },
    element("header", {}, title, saveButtons(card)),
    sentence,
    element("div.frame", {}, plot),
  );
  card.redraw = (size = card.size) => {
    card.key = null;
    if (card.scene && size?.width) drawCard(card, size);
  };
  card.onPaper = () => {
    card.scene = card.latest;
    card.redraw(PAPER);
  };
  // The size is told, not asked for: to ask between two changes would have everything laid out anew.
  new ResizeObserver(([{ contentRect }]) => {
    const [width, height] = [contentRect.width, contentRect.height];
    if (card.size?.width === width && card.size.height === height) return;
    card.size = { width, height };
    card.redraw();
  }).observe(plot);
  card.follow = figure.grip?.(card, store);
  const draw = (scene) => {
    card.scene = scene;
    if (card.size?.width) drawCard(card, card.size);
  };
  const seen = whenSeen({ root, show: draw }, "200px");
  const show = (scene) => {
    card.latest = scene;
    seen.show(scene);
  };
  return Object.assign(card, seen, { show });
}

function drawCard(card, size) {
  const { figure, scene, plot } = card;
  const key = `${figure.key(scene)} ${size.width} ${size.height}`;
  if (card.key !== key) drawStill(card, size);
  card.key = key;
  card.marks.replaceChildren(...figure.marks(scene, card.axes, card.palette));
  card.follow?.();
  const words = figure.say(scene);
  say(card.sentence, words);
  setOrRemove(plot, "aria-label", `${figure.title}. ${words}`);
}

function drawStill(card, { width, height }) {
  const { figure, scene, ground, svg, still, inside } = card;
  const palette = paletteNow();
  Object.entries({ viewBox: `0 0 ${width} ${height}`, width, height }).forEach(([name, value]) =>
    [ground, svg].forEach((layer) => setOrRemove(layer, name, value)),
  );
  const drawing = figure.still?.(scene, palette, { width, height });
  const clip = { clip: `url(#inside-${figure.id})` };
  const axes = drawing ? { ...axesOf(drawing.layout, { width, height }), ...clip } : { width, height };
  Object.assign(card, { palette, axes });
  still.replaceChildren(...(drawing ? framed(drawing, axes, palette) : []));
  const { left = 0, right = width, top = 0, bottom = height } = axes;
  Object.entries({ x: left, y: top, width: right - left, height: bottom - top }).forEach(([name, value]) =>
    setOrRemove(inside, name, value),
  );
}
