// The dials of the loop: the learning rate with its limit marked, the momentum, the batch size.

import { bestRateAt } from "../arithmetic/bestRate.js";
import { pathOf } from "../arithmetic/path.js";
import { bigWords, countWords, numberWords, percentWords, roundedDown } from "../arithmetic/words.js";
import { element, say } from "../ui/dom.js";
import { numberField } from "../ui/numberField.js";
import { keptText } from "../ui/store.js";

const BELOW = 3; // powers of ten of the rate's dial below the limit
const ABOVE = 0.5; // and above it
const PLACES_OF_RATE = 1000;
const TOO_LARGE = 1.2; // times the limit: the mistake that shows in a few epochs
const MOST_RATE = 1e100; // far beyond any use; the squares of what it makes still are numbers for some epochs
const UNLIMITED = 1; // the dial's limit where nothing limits the rate

/**
 * The rate that the mistake "lr too large" takes.
 * @param {object} scene
 * @returns {number}
 */
export function rateTooLarge({ limit }) {
  return Number((TOO_LARGE * limit).toPrecision(3));
}

/**
 * The dial of the learning rate.
 * @param {object} store Of `storeOf`.
 * @returns {{root: HTMLElement, show: (scene: object) => void}}
 */
export function rateDial(store) {
  let [limit, scene] = [UNLIMITED, null];
  const rateAt = (place) => Number((limit * 10 ** ((place / PLACES_OF_RATE) * (BELOW + ABOVE) - BELOW)).toPrecision(3));
  const slider = element("input", {
    type: "range",
    id: "lr-slider",
    min: 0,
    max: PLACES_OF_RATE,
    "aria-label": "Learning rate",
    input: () => store.set({ lr: rateAt(Number(slider.value)) }),
  });
  const field = numberField({
    id: "lr",
    wants: "A learning rate is above 0 and at most 1e100",
    isRight: (value) => value > 0 && value <= MOST_RATE,
    take: (lr) => store.set({ lr }),
    room: 10,
  });
  const bound = element("span.bound");
  const best = BEST_RATES.map(({ id, name, title, rateIn, why }) => {
    const click = () => (why(scene) ? field.complain(why(scene)) : store.set({ lr: rateIn(scene) }));
    return element("button", { type: "button", id, title, click }, name);
  });
  const tick = element("span.tick", { "aria-hidden": "true" });
  const keep = element(
    "button.toggle",
    {
      type: "button",
      id: "keep",
      title: "Keep this run as a dotted line in the figures, to compare others with it",
      click: () => store.set({ kept: scene.kept ? null : keptText(scene.settings) }),
    },
    "keep",
  );
  const words = element("div.words", {}, element("label", { for: "lr" }, "learning rate"), field.root, keep);
  const root = element(
    "div.dial",
    { id: "rate" },
    words,
    element("div.ranged", {}, slider, tick),
    bound,
    element("div.best", {}, ...best),
  );
  tick.style.left = `calc(8px + ${BELOW / (BELOW + ABOVE)} * (100% - 16px))`; // the thumb keeps half its width from the ends
  const show = (next) => {
    scene = next;
    BEST_RATES.forEach(({ name, after }, at) => after && say(best[at], nameWith(name, after(scene))));
    const { settings, limit: found } = scene;
    limit = Number.isFinite(found) ? found : UNLIMITED;
    const place = Math.round((PLACES_OF_RATE * (Math.log10(settings.lr / limit) + BELOW)) / (BELOW + ABOVE));
    if (rateAt(Number(slider.value)) !== settings.lr) slider.value = place;
    slider.setAttribute("aria-valuetext", `${numberWords(settings.lr)}, the limit is ${numberWords(found)}`);
    field.show(Number(settings.lr.toPrecision(6)));
    keep.setAttribute("aria-pressed", String(scene.kept !== null));
    say(
      bound,
      Number.isFinite(found) ? `${shareWords(settings.lr / found)} the limit, ${numberWords(found)} (red)` : "No limit",
    );
    root.classList.toggle("over", settings.lr > found);
  };
  return { root, show };
}

// Two rates that are best, each for a purpose of its own: the second may be far from the first.
const BEST_RATES = [
  {
    id: "lr-here",
    name: "best at this epoch",
    title: "The rate with the least loss at the epoch that is shown",
    rateIn: ({ problem, begin, epoch, settings }) =>
      roundedDown(bestRateAt(problem, begin, epoch, settings.momentum), 6),
    why: (scene) => notRight(scene) || (scene.epoch === 0 && "No step is taken at epoch 0, so no rate is best yet. Choose a later epoch."),
  },
  {
    id: "lr-first",
    name: "settles first",
    after: ({ problem, begin: start, settings: { momentum } }) =>
      pathOf(problem, { lr: problem.bestLr(momentum), momentum, start }).epochsToWeights(),
    title: "The rate with which all weights settle in the fewest epochs: every error is then a thousandth of what it was. For fewer epochs the loss may be far higher with it",
    rateIn: ({ problem, settings }) => roundedDown(problem.bestLr(settings.momentum)),
    why: notRight,
  },
];

// A rate is best only after some epochs: its button says how many.
function nameWith(name, epochs) {
  return Number.isFinite(epochs) ? `${name}, in ${countWords(epochs, "epoch")}` : name;
}

// Why there is no best rate that is known: the closed form is that of a right loop over all rows.
function notRight({ path, settings }) {
  if (path.updates > 1) return "The best rate is known for all rows at once. Set the batch size to all.";
  const isRight = [null, "stale_loss"].includes(settings.mistake);
  return isRight ? "" : "The best rate is known for a loop without a mistake. Undo the mistake.";
}

function shareWords(share) {
  if (share > 0.995 && share < 1) return "just below";
  return share > 1 ? `${numberWords(share, 3)} times` : `${percentWords(share)} of`;
}

/**
 * The dial of the momentum.
 * @param {object} store Of `storeOf`.
 * @returns {{root: HTMLElement, show: (scene: object) => void}}
 */
export function momentumDial(store) {
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
  const root = element("div.dial", {}, element("div.words", {}, element("span", {}, "momentum ", value)), slider);
  const show = ({ settings: { momentum } }) => {
    slider.value = momentum;
    say(value, String(momentum));
  };
  return { root, show };
}

/**
 * The dial of the batch size, evenly in its logarithm, from single rows to all that the page holds. A mistake is that of
 * a full-batch loop, so smaller batches put it right.
 * @param {object} store Of `storeOf`.
 * @returns {{root: HTMLElement, show: (scene: object) => void}}
 */
export function batchDial(store) {
  const { batch: rows } = store.defaults;
  const places = 200;
  const sizeAt = (place) => Math.round(rows ** (place / places));
  const take = (batch) => store.set({ batch, mistake: batch < rows ? null : store.settings().mistake });
  const slider = element("input", {
    type: "range",
    id: "batch",
    min: 0,
    max: places,
    "aria-label": "Batch size",
    input: () => take(sizeAt(Number(slider.value))),
    keydown: (event) => {
      const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (!way) return;
      event.preventDefault();
      take(Math.min(rows, Math.max(1, Math.min(rows, store.settings().batch) + way)));
    },
  });
  const value = element("b");
  const root = element("div.dial", {}, element("div.words", {}, element("span", {}, "batch size ", value)), slider);
  const show = ({ settings: { batch }, path }) => {
    if (sizeAt(Number(slider.value)) !== batch) slider.value = (places * Math.log(batch)) / Math.log(Math.max(rows, 2));
    slider.setAttribute("aria-valuetext", countWords(batch, "row"));
    say(value, path.updates > 1 ? bigWords(batch) : "all");
  };
  return { root, show };
}
