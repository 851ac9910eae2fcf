// The settings of the page: one object, followed by all that shows them, kept in the address so that a link restores it.

import { mistakesOf } from "../arithmetic/mistakes.js";
import { LAST_EPOCH } from "../arithmetic/path.js";
import { rowsOfText } from "../arithmetic/refit.js";
import { SHAPES } from "../arithmetic/shapes.js";
import { problemOf, viewsOf } from "../arithmetic/spectrum.js";

/** How many samples can be drawn again. */
export const MOST_DRAWS = 1000;

const LINK_DELAY = 300; // ms; browsers refuse addresses that change at every frame

/**
 * The store of the settings {data, epoch, lr, momentum, view, batch, mistake, target, parameter, seed, origin, points,
 * draws, kept}.
 *
 * `data` which of the page's tables; `batch` rows an update, all sampled rows for the full batch; `mistake` null or one
 * of `mistakesOf`; `parameter` the index among the problem's; `seed` of a random start, 0 for the start at zero;
 * `origin` a start chosen by hand, `points` rows moved by hand or one of `SHAPES`, `kept` a run to compare with: as text,
 * null where none is; `draws` how many samples were drawn again.
 * @param {object} state What playground_data.py wrote.
 * @param {number} data
 * @returns {{settings: () => object, defaults: object, set: (changes: object) => void, follow: (listener) => void,
 *   close: () => void}} `set` tells all followers once, in the next frame; `close` ends it.
 */
export function storeOf(state, data) {
  const defaults = { data, ...defaultsOf(state) };
  const checks = checksOf(state, defaults);
  let settings = { ...defaults, ...fromLink(checks) };
  const followers = [];
  let [isDue, isClosed] = [false, false];
  let delay = null;
  let address = location.hash;
  const tell = () => {
    isDue = false;
    if (isClosed) return;
    followers.forEach((follower) => follower(settings));
    clearTimeout(delay);
    delay = setTimeout(write, LINK_DELAY);
  };
  const set = (changes) => {
    settings = { ...settings, ...changes };
    if (!isDue) requestAnimationFrame(tell);
    isDue = true;
  };
  const write = () => {
    if (location.hash !== address) return; // a new link is on its way to `heard`, and it wins
    toLink(settings, defaults);
    address = location.hash;
  };
  const heard = () => {
    address = location.hash;
    set({ ...defaults, ...fromLink(checks) });
  };
  addEventListener("hashchange", heard);
  const close = () => {
    isClosed = true;
    clearTimeout(delay);
    removeEventListener("hashchange", heard);
  };
  return { settings: () => settings, defaults, set, follow: (follower) => followers.push(follower), close };
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
    origin: null,
    points: null,
    draws: 0,
    kept: null,
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
    lr: (text) => (Number(text) > 0 && Number(text) <= 1e100 ? Number(text) : undefined),
    momentum: between(1),
    batch: whole(1, defaults.batch),
    mistake: among(mistakesOf(state)),
    target: whole(0, state.targets.length - 1),
    parameter: whole(0, state.features.length - (state.has_bias ? 0 : 1)),
    seed: whole(0, 2 ** 31),
    origin: (text) => (originOf(state, text) ? text : undefined),
    points: (text) => (state.t95 && (Object.hasOwn(SHAPES, text) || rowsOfText(text)) ? text : undefined),
    draws: whole(0, state.t95 ? MOST_DRAWS : 0),
    kept: (text) => (keptRun(text, viewsOf(state)) ? text : undefined),
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
  const said = Object.entries(settings).filter(
    ([name, value]) => value !== null && (value !== defaults[name] || (name === "data" && value > 0)),
  );
  return `#${new URLSearchParams(said)}`;
}

function toLink(settings, defaults) {
  if (location.protocol === "about:") return; // a frame without an address of its own
  history.replaceState(null, "", linkOf(settings, defaults));
}

/**
 * A start as a link holds it: for each target its bias and its weights, in raw units.
 * @param {{weight: number[][], bias: number[]}} point
 * @returns {string}
 */
export function originText({ weight, bias }) {
  return weight.flatMap((row, j) => [bias[j], ...row].map((value) => Number(value.toPrecision(8)))).join(",");
}

/**
 * The start of such a text.
 * @param {object} state
 * @param {string} text
 * @returns {?{weight: number[][], bias: number[]}} null where it is none; without a bias that part is left aside.
 */
export function originOf({ features, targets, has_bias }, text) {
  const values = text.split(",").map((cell) => (cell.trim() === "" ? NaN : Number(cell)));
  const width = features.length + 1;
  if (values.length !== width * targets.length || !values.every(Number.isFinite)) return null;
  return {
    weight: targets.map((_, j) => values.slice(j * width + 1, (j + 1) * width)),
    bias: targets.map((_, j) => (has_bias ? values[j * width] : 0)),
  };
}

/**
 * A run over all rows as a link holds it.
 * @param {{lr: number, momentum: number, view: string}} settings
 * @returns {string}
 */
export function keptText({ lr, momentum, view }) {
  return [lr, momentum, view].join(",");
}

/**
 * The run of such a text.
 * @param {string} text
 * @param {string[]} [views] Those that there are.
 * @returns {?{lr: number, momentum: number, view: string}} null where it is none.
 */
export function keptRun(text, views = null) {
  const [lr, momentum, view] = text.split(",");
  const isRun = Number(lr) > 0 && Number(lr) <= 1e100 && Number(momentum) >= 0 && Number(momentum) <= 1;
  return isRun && (!views || views.includes(view)) ? { lr: Number(lr), momentum: Number(momentum), view } : null;
}

/**
 * Which of the page's tables a link names.
 * @param {number} count
 * @returns {number}
 */
export function dataOfLink(count) {
  const said = Number(new URLSearchParams(location.hash.slice(1)).get("data") ?? 0);
  return Number.isInteger(said) && said >= 0 && said < count ? said : 0;
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
