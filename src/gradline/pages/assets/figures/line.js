// The line taken by hand: its ends tilt it, its middle shifts it; by keys too.

import { numberWords } from "../arithmetic/words.js";
import { element, setOrRemove } from "../ui/dom.js";
import { startByHand } from "../ui/scene.js";
import { isNear } from "./grips.js";
import { within } from "./marks.js";

const ON_LINE = 8; // pixels from the line within which it is taken
const PRESS = 0.02; // of the frame's height, for each press of an arrow
const PAGE = 0.1; // and of a page key
const HANDLES = [
  { share: 0.06, label: "Left end of the line" },
  { share: 0.5, label: "Middle of the line" },
  { share: 0.94, label: "Right end of the line" },
];

/**
 * The line of a card's figure with three handles. A line that always goes through zero only tilts.
 * @param {object} card Of `cardOf`; its figure has even axes.
 * @param {object} store Of `storeOf`.
 * @param {(scene: object, point: object) => {weight: number, bias: number, parameter: number, isFree: boolean}} lineOf
 *   The line of a point, the index of its slope's parameter, and whether the bias is free to shift it.
 * @returns {{takeHandle: Function, takeLine: Function, follow: () => void}} The first two as for `gripParts`; `follow`
 *   puts the handles where the line now is.
 */
export function lineByHand(card, store, lineOf) {
  const line = () => lineOf(card.scene, card.scene.point.overflow ? card.scene.begin : card.scene.point);
  const across = (share) => card.axes.left + share * (card.axes.right - card.axes.left);
  const heightAt = (x) => {
    const { weight, bias } = line();
    return card.axes.y(weight * card.axes.xAt(x) + bias);
  };
  const handleAt = (share) => [across(share), within(heightAt(across(share)), card.axes.top, card.axes.bottom)];
  const isShown = ({ share }) => !card.scene.point.overflow && (share !== 0.5 || line().isFree);
  // Puts the line through a place in pixels, as the part of it that is held moves it.
  const holder = (x, share) => {
    const { axes } = card;
    const { weight, bias, isFree, parameter } = line();
    const at = axes.xAt(x);
    if (!isFree && Math.abs(at) < PRESS * (axes.xAt(axes.right) - axes.xAt(axes.left))) return null;
    const pivot = isFree ? axes.xAt(across(HANDLES[share < 0.5 ? 2 : 0].share)) : 0;
    const isMiddle = isFree && Math.abs(share - 0.5) < 1 / 6;
    return (y) => {
      const slope = isMiddle ? weight : (axes.yAt(y) - weight * pivot - bias) / (at - pivot);
      const shift = isMiddle ? axes.yAt(y) - weight * at : bias + (weight - slope) * pivot;
      store.set(startByHand(card.scene, { [parameter]: slope, ...(isFree ? { 0: shift } : {}) }));
    };
  };
  const dragFrom = (x, y, share, [, from]) => {
    const put = holder(x, share);
    return put && { move: (to) => put(y + to[1] - from) };
  };
  const takeHandle = (place) => {
    const found = HANDLES.find((handle) => isShown(handle) && isNear(handleAt(handle.share), place));
    return found ? dragFrom(...handleAt(found.share), found.share, place) : null;
  };
  const takeLine = (place) => {
    const [x, y] = place;
    const { left, right } = card.axes;
    const { weight } = line();
    const steepness = Math.abs((card.axes.y(weight) - card.axes.y(0)) / (card.axes.x(1) - card.axes.x(0)));
    const isOn = Math.abs(heightAt(x) - y) < ON_LINE * Math.hypot(1, steepness);
    if (card.scene.point.overflow || x < left || x > right || !isOn) return null;
    return dragFrom(x, heightAt(x), (x - left) / (right - left), place);
  };
  const onKey = (event, { share }) => {
    const way = { ArrowUp: -PRESS, ArrowDown: PRESS, PageUp: -PAGE, PageDown: PAGE }[event.key];
    if (!way) return;
    event.preventDefault();
    const [x, y] = handleAt(share);
    holder(x, share)?.(y + way * (card.axes.bottom - card.axes.top));
  };
  const handles = HANDLES.map((handle) =>
    element("div.handle", {
      role: "slider",
      tabindex: 0,
      "aria-label": handle.label,
      "aria-orientation": "vertical",
      keydown: (event) => onKey(event, handle),
    }),
  );
  card.plot.after(...handles);
  const follow = () =>
    handles.forEach((node, i) => {
      setOrRemove(node, "hidden", !isShown(HANDLES[i]));
      if (node.hidden) return;
      const [x, y] = handleAt(HANDLES[i].share);
      node.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`;
      const { yAt, top, bottom } = card.axes;
      const values = { valuenow: Math.round((100 * (bottom - y)) / (bottom - top)), valuetext: numberWords(yAt(y)) };
      Object.entries(values).forEach(([name, value]) => setOrRemove(node, `aria-${name}`, value));
    });
  return { takeHandle, takeLine, follow };
}
