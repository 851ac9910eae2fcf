// The time machine: the epoch from 0 to 10⁹, play, step, reset and a new start.

import { bigWords } from "../arithmetic/words.js";
import { element } from "../ui/dom.js";

const LAST = 1e9;
const PLACES = 9000; // of the slider; a thousand for each power of ten
const PLAY_SECONDS = 24; // from 0 to 10⁹

/**
 * The controls of the epoch.
 * @param {object} store Of `storeOf`.
 * @returns {{root: HTMLElement, show: (scene: object) => void}}
 */
export function timeControls(store) {
  const go = (epoch) => store.set({ epoch });
  const slider = element("input", {
    type: "range",
    id: "epoch-slider",
    min: 0,
    max: PLACES,
    step: 1,
    "aria-label": "Epoch",
    input: () => go(epochAt(Number(slider.value))),
    keydown: (event) => onKey(event, store),
  });
  const field = element("input", {
    type: "number",
    id: "epoch",
    min: 0,
    max: LAST,
    step: 1,
    change: () => go((field.value = wholeWithin(Number(field.value)))),
  });
  const root = element(
    "div",
    { id: "time", role: "group", "aria-label": "Time" },
    timeButtons(store),
    element("div.sliding", {}, slider, scaleBelow()),
    element("label.inline", {}, "epoch ", field),
  );
  const show = ({ settings: { epoch } }) => {
    if (document.activeElement !== slider || epochAt(Number(slider.value)) !== epoch) slider.value = placeOf(epoch);
    slider.setAttribute("aria-valuetext", `epoch ${bigWords(epoch)}`);
    if (document.activeElement !== field) field.value = epoch;
  };
  return { root, show };
}

function timeButtons(store) {
  const player = playerOf(store);
  const button = (id, words, title, click) => element("button", { type: "button", id, title, click }, words);
  const step = () => store.set({ epoch: wholeWithin(store.settings().epoch + 1) });
  const reset = () => {
    player.stop();
    store.set({ epoch: 0, seed: 0 });
  };
  const restart = () => store.set({ seed: store.settings().seed + 1 });
  return element(
    "div.buttons",
    {},
    player.button,
    button("step", "Step", "One epoch more", step),
    button("reset", "Reset", "Epoch 0, weights of zero", reset),
    button("new-start", "New start", "Random weights, as nn.Linear draws them", restart),
  );
}

// The slider runs evenly in the logarithm of the epoch + 1.
function epochAt(place) {
  return wholeWithin((LAST + 1) ** (place / PLACES) - 1);
}

// Words below the slider, where the thumb is at that epoch.
function scaleBelow() {
  const words = { 0: "0", 10: "10", 1000: "1k", 100000: "100k", 10000000: "10M", 1000000000: "1G" };
  const marks = Object.entries(words).map(([epoch, word]) => {
    const mark = element("span", {}, word);
    const share = placeOf(Number(epoch)) / PLACES;
    mark.style.left = `calc(8px + ${share} * (100% - 16px))`; // the thumb's middle keeps half its width from the ends
    return mark;
  });
  return element("div.scale", { "aria-hidden": "true" }, ...marks);
}

function placeOf(epoch) {
  return (PLACES * Math.log1p(epoch)) / Math.log1p(LAST);
}

function wholeWithin(epoch) {
  return Number.isFinite(epoch) ? Math.min(LAST, Math.max(0, Math.round(epoch))) : 0;
}

// Arrows go by single epochs at first and by two per cent later; pages by powers of ten.
function onKey(event, store) {
  const { epoch } = store.settings();
  const step = Math.max(1, Math.round(epoch / 50));
  const goals = {
    ArrowRight: epoch + step,
    ArrowUp: epoch + step,
    ArrowLeft: epoch - step,
    ArrowDown: epoch - step,
    PageUp: Math.max(1, epoch * 10),
    PageDown: Math.floor(epoch / 10),
    Home: 0,
    End: LAST,
  };
  if (goals[event.key] === undefined) return;
  event.preventDefault();
  store.set({ epoch: wholeWithin(goals[event.key]) });
}

function playerOf(store) {
  let last = null;
  const button = element("button.primary", { type: "button", id: "play" }, "Play");
  const stop = () => {
    last = null;
    button.textContent = "Play";
  };
  const tick = (now) => {
    if (last === null) return;
    const { epoch } = store.settings();
    const place = placeOf(epoch) + ((now - last) / 1000) * (PLACES / PLAY_SECONDS);
    const next = epochAt(Math.min(PLACES, place));
    if (next > epoch) {
      last = now;
      store.set({ epoch: next });
    }
    if (next >= LAST) stop();
    else requestAnimationFrame(tick);
  };
  button.addEventListener("click", () => {
    if (last !== null) return stop();
    if (store.settings().epoch >= LAST) store.set({ epoch: 0 });
    last = performance.now();
    button.textContent = "Pause";
    requestAnimationFrame(tick);
  });
  return { button, stop };
}
