// Time: play, one step, back to the start, a new start, and the epoch from 0 to where nothing more happens.

import { LAST_EPOCH } from "../arithmetic/path.js";
import { bigWords } from "../arithmetic/words.js";
import { element, say } from "../ui/dom.js";
import { numberField } from "../ui/numberField.js";

const PLACES = 1000; // of the slider
const PLAY_SECONDS = 10; // from the first epoch to the last
const FEW = 4; // epochs a second where there are few, so that each step is seen

/**
 * The controls of the epoch.
 * @param {object} store Of `storeOf`.
 * @returns {{root: HTMLElement, show: (scene: object) => void, play: () => void, stop: () => void}}
 */
export function timeControls(store) {
  const shown = { scene: null };
  const player = playerOf(store, shown);
  const go = (epoch) => store.set({ epoch: wholeWithin(epoch) });
  const slider = element("input", {
    type: "range",
    id: "epoch-slider",
    min: 0,
    max: PLACES,
    step: 1,
    "aria-label": "Epoch",
    input: () => go(shown.scene.frame.time.epochAt(Number(slider.value) / PLACES)),
    keydown: (event) => onKey(event, shown.scene, go),
  });
  const field = numberField({
    id: "epoch",
    wants: `An epoch is a whole number from 0 to ${bigWords(LAST_EPOCH)}`,
    isRight: (value) => Number.isInteger(value) && value >= 0 && value <= LAST_EPOCH,
    take: go,
    room: 9,
  });
  const end = element("span.bound");
  const root = element(
    "div.dial",
    { id: "time", role: "group", "aria-label": "Time" },
    timeButtons(store, player, shown),
    element("div.words", {}, element("label", { for: "epoch" }, "epoch"), field.root, end),
    slider,
  );
  const show = (scene) => {
    shown.scene = scene;
    const { time } = scene.frame;
    const place = Math.min(PLACES, Math.round(PLACES * time.placeOf(scene.epoch)));
    if (document.activeElement !== slider || time.epochAt(Number(slider.value) / PLACES) !== scene.epoch)
      slider.value = place;
    slider.setAttribute("aria-valuetext", `epoch ${bigWords(scene.epoch)}`);
    field.show(scene.epoch);
    say(end, scene.epoch > time.horizon ? "beyond the axis" : `of ${bigWords(time.horizon)}`);
  };
  return { root, show, play: player.play, stop: player.stop };
}

function timeButtons(store, player, shown) {
  const button = (id, words, title, click) => element("button", { type: "button", id, title, click }, words);
  const stopped = (act) => () => {
    player.stop();
    act();
  };
  const step = stopped(() => store.set({ epoch: wholeWithin(shown.scene.epoch + 1) }));
  const reset = stopped(() => store.set({ epoch: 0, seed: 0, origin: null }));
  const restart = stopped(() => store.set({ epoch: 0, seed: store.settings().seed + 1, origin: null }));
  return element(
    "div.buttons",
    {},
    player.button,
    button("step", "Step", "One epoch more", step),
    button("reset", "Reset", "Epoch 0, weights of zero", reset),
    button("new-start", "New start", "Random weights, as nn.Linear draws them", restart),
  );
}

function wholeWithin(epoch) {
  return Math.min(LAST_EPOCH, Math.max(0, epoch));
}

// Arrows go by single epochs at first and by two per cent later; pages by powers of ten.
function onKey(event, { epoch, frame }, go) {
  const step = Math.max(1, Math.round(epoch / 50));
  const goals = {
    ArrowRight: epoch + step,
    ArrowUp: epoch + step,
    ArrowLeft: epoch - step,
    ArrowDown: epoch - step,
    PageUp: Math.max(1, epoch * 10),
    PageDown: Math.floor(epoch / 10),
    Home: 0,
    End: frame.time.horizon,
  };
  if (goals[event.key] === undefined) return;
  event.preventDefault();
  go(goals[event.key]);
}

// Evenly along the axis of time, slower where epochs are few, up to where nothing more happens.
function playerOf(store, shown) {
  let place = null;
  let last = 0;
  const button = element(
    "button.primary",
    { type: "button", id: "play", click: () => (place === null ? play() : stop()) },
    "Play",
  );
  const stop = () => {
    place = null;
    say(button, "Play");
  };
  const tick = (now) => {
    if (place === null) return;
    const { frame, path } = shown.scene;
    const { time } = frame;
    const pace = time.isLog ? 1 / PLAY_SECONDS : Math.min(1 / PLAY_SECONDS, paceOf(shown.scene) / time.horizon);
    place = Math.min(1, place + (pace * Math.max(0, now - last)) / 1000); // a frame may have begun before the click
    last = now;
    const epoch = Math.min(time.epochAt(place), path.last);
    if (epoch !== shown.scene.epoch) store.set({ epoch });
    if (place >= 1 || epoch >= path.last) stop();
    else requestAnimationFrame(tick);
  };
  const play = () => {
    const { frame, epoch } = shown.scene;
    const begin = epoch >= Math.min(frame.time.horizon, shown.scene.path.last) ? 0 : epoch;
    store.set({ epoch: begin });
    place = frame.time.placeOf(begin);
    last = performance.now();
    say(button, "Pause");
    requestAnimationFrame(tick);
  };
  return { button, play, stop };
}

function paceOf(scene) {
  return scene.path.diverges ? FEW : Math.max(FEW, scene.frame.time.horizon / PLAY_SECONDS);
}
