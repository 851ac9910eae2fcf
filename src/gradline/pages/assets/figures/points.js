// Points that are taken by hand: dragged, added by a click, taken away over the edge; by keys too.

import { rowsText } from "../arithmetic/refit.js";
import { bigWords, numberWords } from "../arithmetic/words.js";
import { drawn, setOrRemove } from "../ui/dom.js";

const NEAR = 14; // pixels within which a point is taken
const MOST = 120; // points
const NUDGE = 0.02; // of the frame, for each press of an arrow

/**
 * Makes the points of a card's figure movable, where the page's state says that they may be.
 *
 * Keys: page up and page down choose a point, arrows move it, + adds one, Delete takes it away.
 * @param {object} card Of `cardOf`; its figure has even axes.
 * @param {object} store Of `storeOf`.
 */
export function gripPoints(card, store) {
  const { plot } = card;
  const hand = { index: null, hasMoved: false, chosen: 0 };
  const rows = () => card.scene.state.sample.x.map(([x], i) => [x, card.scene.state.sample.y[i][0]]);
  const keep = (next) => next.length >= 3 && next.length <= MOST && store.set({ points: rowsText(next) });
  const canMove = () => card.scene?.state.t95 && card.axes.xAt;
  const under = (event) => {
    const box = plot.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const valueAt = ([x, y]) => [card.axes.xAt(x), card.axes.yAt(y)];
  const nearest = ([x, y]) => {
    const away = rows().map(([u, v]) => Math.hypot(card.axes.x(u) - x, card.axes.y(v) - y));
    const index = away.indexOf(Math.min(...away));
    return away[index] < NEAR ? index : null;
  };
  const isInside = ([x, y]) =>
    x >= card.axes.left && x <= card.axes.right && y >= card.axes.top && y <= card.axes.bottom;

  plot.addEventListener("pointerdown", (event) => {
    if (!canMove() || event.button) return;
    Object.assign(hand, { index: nearest(under(event)), hasMoved: false });
    if (hand.index !== null) plot.setPointerCapture(event.pointerId);
  });
  // A finger on a point moves it; elsewhere it scrolls.
  plot.addEventListener(
    "touchstart",
    (event) => canMove() && nearest(under(event.touches[0])) !== null && event.preventDefault(),
    { passive: false },
  );
  plot.addEventListener("pointermove", (event) => {
    if (!canMove()) return;
    const at = under(event);
    if (hand.index === null) {
      plot.classList.toggle("over-point", event.pointerType === "mouse" && nearest(at) !== null);
      return;
    }
    hand.hasMoved = true;
    keep(rows().map((row, i) => (i === hand.index ? valueAt(at) : row)));
  });
  plot.addEventListener("pointerup", (event) => {
    if (hand.index !== null && !isInside(under(event))) keep(rows().filter((_, i) => i !== hand.index));
    const wasPoint = hand.index !== null;
    hand.index = null;
    hand.wasPoint = wasPoint;
  });
  plot.addEventListener("pointercancel", () => (hand.index = null));
  plot.addEventListener("click", (event) => {
    const at = under(event);
    if (!canMove() || hand.wasPoint || !isInside(at)) return;
    keep([...rows(), valueAt(at)]);
  });
  const ring = drawn("circle", { r: 9, fill: "none", stroke: "currentColor", "stroke-width": 2, visibility: "hidden" });
  card.svg.append(ring);
  plot.addEventListener("keydown", (event) => canMove() && onPointKey(event, card, { rows, keep, hand, ring }));
  plot.addEventListener("blur", () => ring.setAttribute("visibility", "hidden"));
  setOrRemove(plot, "tabindex", 0);
  setOrRemove(plot, "title", "Page Up and Page Down choose a point, arrows move it, + adds one, Delete takes it away");
}

function onPointKey(event, { axes, plot }, { rows, keep, hand, ring }) {
  const known = rows();
  const index = Math.min(hand.chosen, known.length - 1);
  const [width, height] = [axes.xAt(axes.right) - axes.xAt(axes.left), axes.yAt(axes.top) - axes.yAt(axes.bottom)];
  const point = (chosen, [x, y] = known[chosen]) => {
    hand.chosen = chosen;
    Object.entries({ cx: axes.x(x), cy: axes.y(y), visibility: "visible" }).forEach(([name, value]) =>
      ring.setAttribute(name, value),
    );
    setOrRemove(plot, "aria-label", `Point ${bigWords(chosen + 1)}: ${numberWords(x)}, ${numberWords(y)}`);
  };
  const moved = (right, up) => {
    const next = [known[index][0] + NUDGE * right * width, known[index][1] + NUDGE * up * height];
    keep(known.map((row, i) => (i === index ? next : row)));
    point(index, next);
  };
  const acts = {
    ArrowLeft: () => moved(-1, 0),
    ArrowRight: () => moved(1, 0),
    ArrowUp: () => moved(0, 1),
    ArrowDown: () => moved(0, -1),
    PageUp: () => point((index + 1) % known.length),
    PageDown: () => point((index + known.length - 1) % known.length),
    "+": () => {
      keep([...known, known[index]]);
      point(known.length, known[index]);
    },
    Delete: () => {
      keep(known.filter((_, i) => i !== index));
      ring.setAttribute("visibility", "hidden");
    },
  };
  if (!acts[event.key]) return;
  event.preventDefault();
  acts[event.key]();
}
