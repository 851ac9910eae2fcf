// The dials of the loop: the learning rate with its limit marked, the momentum, the batch size.

import { bigWords, numberWords } from "../arithmetic/words.js";
import { element, say } from "../ui/dom.js";

const DECADES = 5; // of the rate's dial below the limit; one above it
const PLACES_OF_RATE = 1000;
const TOO_LARGE = 1.2; // times the limit: the mistake that shows in a few epochs
const NARROW = { limit: 1 }; // where nothing limits the rate

/**
 * The dials.
 * @param {object} store Of `storeOf`.
 * @param {object} state What state.py wrote.
 * @returns {{root: HTMLElement, show: (scene: object) => void}}
 */
export function rateControls(store, state) {
  const dials = [rateDial(store), momentumDial(store), ...(state.sample ? [batchDial(store)] : [])];
  const root = element("div.dials", { role: "group", "aria-label": "The loop" }, ...dials.map((dial) => dial.root));
  return { root, show: (scene) => dials.forEach((dial) => dial.show(scene)) };
}

/**
 * The rate that the mistake "lr too large" takes.
 * @param {object} scene
 * @returns {number}
 */
export function rateTooLarge({ limit }) {
  return Number((TOO_LARGE * limit).toPrecision(3));
}

function rateDial(store) {
  let limit = NARROW.limit;
  let best = 1;
  const rateAt = (place) => Number((limit * 10 ** ((place / PLACES_OF_RATE) * (DECADES + 1) - DECADES)).toPrecision(3));
  const slider = element("input", {
    type: "range",
    id: "lr-slider",
    min: 0,
    max: PLACES_OF_RATE,
    "aria-label": "Learning rate",
    input: () => store.set({ lr: rateAt(Number(slider.value)) }),
  });
  const field = element("input", {
    type: "number",
    id: "lr",
    step: "any",
    min: 0,
    change: () => Number(field.value) > 0 && store.set({ lr: Number(field.value) }),
  });
  const bound = element("span.bound");
  const button = element(
    "button",
    { type: "button", id: "best-lr", title: "The rate that finishes first", click: () => store.set({ lr: best }) },
    "best",
  );
  const tick = element("span.tick", { "aria-hidden": "true" });
  const words = element("div.words", {}, element("label", {}, "lr ", field), bound, button);
  const root = element("div.dial", {}, words, element("div.ranged", {}, slider, tick));
  tick.style.left = `${(100 * DECADES) / (DECADES + 1)}%`;
  const show = ({ settings, limit: found, problem }) => {
    limit = Number.isFinite(found) ? found : NARROW.limit;
    best = Number(problem.bestLr(settings.momentum).toPrecision(3));
    slider.value = (PLACES_OF_RATE * (Math.log10(settings.lr / limit) + DECADES)) / (DECADES + 1);
    slider.setAttribute("aria-valuetext", `${numberWords(settings.lr)}, the limit is ${numberWords(found)}`);
    if (document.activeElement !== field) field.value = Number(settings.lr.toPrecision(6));
    say(bound, `limit ${numberWords(found)} `);
    root.classList.toggle("over", settings.lr > found);
  };
  return { root, show };
}

function momentumDial(store) {
  const slider = element("input", {
    type: "range",
    id: "momentum",
    min: 0,
    max: 1,
    step: 0.01,
    "aria-label": "Momentum",
    input: () => store.set({ momentum: Number(slider.value) }),
  });
  const value = element("b");
  const root = element(
    "div.dial",
    {},
    element("div.words", {}, element("span", {}, "momentum ", value)),
    element("div.ranged", {}, slider),
  );
  const show = ({ settings: { momentum } }) => {
    slider.value = momentum;
    say(value, String(momentum));
  };
  return { root, show };
}

// The batch size runs evenly in its logarithm, from single rows to all that the page holds.
function batchDial(store) {
  const { batch: rows } = store.defaults;
  const places = 200;
  const sizeAt = (place) => Math.round(rows ** (place / places));
  const slider = element("input", {
    type: "range",
    id: "batch",
    min: 0,
    max: places,
    "aria-label": "Batch size",
    input: () => store.set({ batch: sizeAt(Number(slider.value)) }),
    keydown: (event) => {
      const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (!way) return;
      event.preventDefault();
      store.set({ batch: Math.min(rows, Math.max(1, store.settings().batch + way)) });
    },
  });
  const value = element("b");
  const root = element(
    "div.dial",
    {},
    element("div.words", {}, element("span", {}, "batch size ", value)),
    element("div.ranged", {}, slider),
  );
  const show = ({ settings: { batch } }) => {
    if (sizeAt(Number(slider.value)) !== batch) slider.value = (places * Math.log(batch)) / Math.log(Math.max(rows, 2));
    slider.setAttribute("aria-valuetext", `${bigWords(batch)} rows`);
    say(value, batch >= rows ? `${bigWords(rows)}, full` : bigWords(batch));
  };
  return { root, show };
}
