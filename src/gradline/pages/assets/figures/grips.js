// What a hand takes in a figure: a pointer drags the first part that answers to it, and clicks where none does.

const NEAR = 14; // pixels within which a part is taken

/**
 * Whether two places are near enough for one to be taken by the other.
 * @param {number[]} a Pixels.
 * @param {number[]} b
 * @returns {boolean}
 */
export function isNear(a, b) {
  return Math.hypot(a[0] - b[0], a[1] - b[1]) < NEAR;
}

/**
 * Lets a pointer take the parts of a card's figure.
 * @param {object} card Of `cardOf`; its figure has even axes.
 * @param {((place: number[]) => ?{move: (place: number[]) => void, drop?: (place: number[]) => void})[]} takes What
 *   answers to a place in pixels, the first before the others.
 * @param {(place: number[]) => void} clicked A click inside the axes that took nothing.
 */
export function gripParts(card, takes, clicked) {
  const { plot } = card;
  const hand = { part: null, hasTaken: false };
  const under = ({ clientX, clientY }) => {
    const box = plot.getBoundingClientRect();
    return [clientX - box.left, clientY - box.top];
  };
  const partAt = (place) => {
    if (!card.scene || !card.axes?.xAt) return null;
    for (const take of takes) {
      const part = take(place);
      if (part) return part;
    }
    return null;
  };
  plot.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    hand.part = partAt(under(event));
    hand.hasTaken = hand.part !== null;
    if (hand.part) plot.setPointerCapture(event.pointerId);
  });
  // A finger on a part moves it; elsewhere it scrolls.
  plot.addEventListener("touchstart", (event) => partAt(under(event.touches[0])) && event.preventDefault(), {
    passive: false,
  });
  plot.addEventListener("pointermove", (event) => {
    if (hand.part) hand.part.move(under(event));
    else plot.classList.toggle("over-part", event.pointerType === "mouse" && partAt(under(event)) !== null);
  });
  plot.addEventListener("pointerup", (event) => {
    hand.part?.drop?.(under(event));
    hand.part = null;
  });
  plot.addEventListener("pointercancel", () => (hand.part = null));
  plot.addEventListener("click", (event) => {
    const place = under(event);
    if (!hand.hasTaken && card.axes?.xAt && isInside(card.axes, place)) clicked(place);
  });
}

/**
 * Whether a place lies between the axes.
 * @param {object} axes
 * @param {number[]} place Pixels.
 * @returns {boolean}
 */
export function isInside({ left, right, top, bottom }, [x, y]) {
  return x >= left && x <= right && y >= top && y <= bottom;
}
