// The settings of the page: one object, followed by all that shows them, kept in the address so that a link restores it.

import { mistakesOf } from "../arithmetic/mistakes.js";
import { problemOf, viewsOf } from "../arithmetic/spectrum.js";

const LAST_EPOCH = 1e9;
const LINK_DELAY = 300; // ms; browsers refuse addresses that change at every frame

/**
 * The store of the settings {epoch, lr, momentum, view, batch, mistake, target, parameter, seed}.
 *
 * `batch` rows an update, all sampled rows for the full batch; `mistake` null or one of `mistakesOf`; `parameter` the
 * index among the problem's; `seed` of a random start, 0 for the start at zero.
 * @param {object} state What state.py wrote.
 * @returns {{settings: () => object, defaults: object, set: (changes: object) => void, follow: (listener) => void}}
 *   `set` tells all followers once, in the next frame.
 */
export function storeOf(state) {
  const defaults = defaultsOf(state);
  const checks = checksOf(state, defaults);
  let settings = { ...defaults, ...fromLink(checks) };
  const followers = [];
  let isDue = false;
  let delay = null;
  const tell = () => {
    isDue = false;
    followers.forEach((follower) => follower(settings));
    clearTimeout(delay);
    delay = setTimeout(() => toLink(settings, defaults), LINK_DELAY);
  };
  const set = (changes) => {
    settings = { ...settings, ...changes };
    if (!isDue) requestAnimationFrame(tell);
    isDue = true;
  };
  addEventListener("hashchange", () => set({ ...defaults, ...fromLink(checks) }));
  return { settings: () => settings, defaults, set, follow: (follower) => followers.push(follower) };
}

function defaultsOf(state) {
  const { epochs, lr, momentum, view } = state.start;
  const batch = state.sample ? state.sample.x.length : state.rows;
  return {
    epoch: epochs,
    lr,
    momentum,
    view,
    batch,
    mistake: null,
    target: 0,
    parameter: state.has_bias ? 1 : 0,
    seed: 0,
  };
}

// What a link may say for each setting: a value, or undefined where it says nothing that can be.
function checksOf(state, defaults) {
  const whole = (least, most) => (text) => {
    const value = Number(text);
    return Number.isInteger(value) && value >= least && value <= most ? value : undefined;
  };
  const between = (most) => (text) => {
    const value = Number(text);
    return text !== "" && value >= 0 && value <= most ? value : undefined;
  };
  const among = (known) => (text) => (known.includes(text) ? text : undefined);
  return {
    view: among(viewsOf(state)),
    epoch: whole(0, LAST_EPOCH),
    lr: (text) => (Number(text) > 0 && Number(text) < Infinity ? Number(text) : undefined),
    momentum: between(1),
    batch: whole(1, defaults.batch),
    mistake: among(mistakesOf(state)),
    target: whole(0, state.targets.length - 1),
    parameter: whole(0, state.features.length - (state.has_bias ? 0 : 1)),
    seed: whole(0, 2 ** 31),
  };
}

function fromLink(checks) {
  const said = new URLSearchParams(location.hash.slice(1));
  const read = Object.entries(checks).map(([name, check]) => [
    name,
    said.has(name) ? check(said.get(name)) : undefined,
  ]);
  return Object.fromEntries(read.filter(([, value]) => value !== undefined));
}

/**
 * The settings that differ from where the page begins, as the end of a link.
 * @param {object} settings
 * @param {object} defaults
 * @returns {string} Such as "#epoch=100&lr=0.00001".
 */
export function linkOf(settings, defaults) {
  const said = Object.entries(settings).filter(([name, value]) => value !== defaults[name] && value !== null);
  return `#${new URLSearchParams(said)}`;
}

function toLink(settings, defaults) {
  if (location.protocol === "about:") return; // a frame without an address of its own
  history.replaceState(null, "", linkOf(settings, defaults));
}

/**
 * The rate to begin with on a scale: the start's where it is the start's scale, else the best.
 * @param {object} state
 * @param {string} view
 * @param {number} momentum
 * @returns {number}
 */
export function firstRate(state, view, momentum) {
  return view === state.start.view ? state.start.lr : problemOf(state, view).bestLr(momentum);
}
