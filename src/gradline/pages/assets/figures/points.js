// Points that are taken by hand: dragged, added by a click, taken away over the edge; by keys too.

import { rowsText } from "../arithmetic/refit.js";
import { bigWords, numberWords } from "../arithmetic/words.js";
import { drawn, setOrRemove } from "../ui/dom.js";
import { isInside, isNear } from "./grips.js";

const MOST = 120; // points
const NUDGE = 0.02; // of the frame, for each press of an arrow

/**
 * The points of a card's figure, where the page's state says that they may be moved.
 *
 * Keys: page up and page down choose a point, arrows move it, + adds one, Delete takes it away.
 * @param {object} card Of `cardOf`; its figure has even axes.
 * @param {object} store Of `storeOf`.
 * @returns {{take: Function, add: (place: number[]) => void}} `take` as for `gripParts`.
 */
export function pointsByHand(card, store) {
  const rows = () => card.scene.state.sample.x.map(([x], i) => [x, card.scene.state.sample.y[i][0]]);
  const keep = (next) => next.length >= 3 && next.length <= MOST && store.set({ points: rowsText(next) });
  const canMove = () => card.scene?.state.t95 && card.axes.xAt;
  const valueAt = ([x, y]) => [card.axes.xAt(x), card.axes.yAt(y)];
  const take = (place) => {
    if (!canMove()) return null;
    const places = rows().map(([x, y]) => [card.axes.x(x), card.axes.y(y)]);
    const away = places.map(([x, y]) => Math.hypot(x - place[0], y - place[1]));
    const index = away.indexOf(Math.min(...away));
    if (!isNear(places[index], place)) return null;
    const others = () => rows().filter((_, i) => i !== index);
    return {
      move: (to) => keep(rows().map((row, i) => (i === index ? valueAt(to) : row))),
      drop: (to) => isInside(card.axes, to) || keep(others()),
    };
  };
  const add = (place) => canMove() && keep([...rows(), valueAt(place)]);
  movableByKeys(card, { rows, keep, canMove });
  return { take, add };
}

function movableByKeys(card, { rows, keep, canMove }) {
  const { plot } = card;
  const hand = { chosen: 0 };
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
