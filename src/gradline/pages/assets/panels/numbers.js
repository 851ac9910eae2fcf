// Where we are: the epoch and the losses in figures that keep their places, and one sentence that says why.

import { bigWords, countWords, joinedWords, numberWords, percentWords } from "../arithmetic/words.js";
import { lossWords } from "../figures/loss.js";
import { element, labelOf, say, sayNumber } from "../ui/dom.js";

const QUIET = 900; // ms without a change before a screen reader is told
const NOTHING = 1e-12; // of the first loss: what rounding leaves

/**
 * The numbers.
 * @param {object} state What playground_data.py wrote.
 * @returns {{root: HTMLElement, show: (scene: object) => void}}
 */
export function numbersPanel(state) {
  const tile = (id, words) => ({ words, value: element("strong", { id }) });
  const tiles = {
    now: tile("now", "epoch"),
    loss: tile("loss", state.held ? "training loss" : "loss"),
    ...(state.held ? { held: tile("held-loss", "validation loss") } : {}),
    best: tile("best-loss", "best possible"),
    gap: tile("gap", "still to lose"),
  };
  const list = element(
    "dl.tiles",
    {},
    ...Object.values(tiles).map(({ words, value }) =>
      element("div", {}, element("dt", {}, words), element("dd", {}, value)),
    ),
  );
  const why = element("p.why");
  const told = element("p.unseen", { role: "status", "aria-live": "polite" });
  let delay = null;
  const show = (scene) => {
    const { point, problem, epoch, path, state: shown } = scene;
    const held = scene.heldLoss(point);
    sayNumber(tiles.now.value, epoch, bigWords(epoch));
    sayNumber(tiles.loss.value, point.loss, lossWords(point));
    if (tiles.held) sayNumber(tiles.held.value, held, held !== null ? shortLoss(held) : shown.held ? "∞" : "none");
    sayNumber(tiles.best.value, problem.floor, numberWords(problem.floor, 4));
    const isNothing = point.gap !== null && point.gap < NOTHING * path.at(0).loss;
    sayNumber(tiles.gap.value, point.gap, point.gap === null ? "∞" : isNothing ? "0" : shortLoss(point.gap));
    say(why, whyWords(scene));
    clearTimeout(delay);
    delay = setTimeout(
      () => say(told, `Epoch ${bigWords(epoch)}, loss ${lossWords(point)}. ${why.textContent}`),
      QUIET,
    );
  };
  return { root: element("section", { id: "numbers", "aria-label": "Where we are" }, list, why, told), show };
}

function shortLoss(loss) {
  return lossWords({ loss, log10Loss: Math.log10(loss) });
}

const MISTAKES = {
  forgotten_zero_grad:
    "Mistake: the gradients are never reset, so each update adds all the old ones: the loss swings and never settles.",
  pairs:
    "Mistake: predictions (n, 1) minus targets (n,) compare every prediction with every target: every row ends at the mean.",
  stale_loss: "Mistake: the printed loss is that of the predictions before the update, one epoch old.",
};

function whyWords(scene) {
  const { settings, path, epoch, point, problem, state } = scene;
  if (settings.mistake) {
    const shown = path.shown(epoch);
    return MISTAKES[settings.mistake] + (shown === null ? "" : ` It prints ${numberWords(shown, 4)}.`);
  }
  if (path.diverges) return explosionWords(scene);
  if (path.updates > 1) {
    const of = state.sample.all ? "" : ` of the ${countWords(state.sample.x.length, "row")} on this page`;
    return `${bigWords(path.updates)} updates an epoch, each from ${countWords(settings.batch, "row")}${of}: the path trembles, and near the best weights it does not come to rest at this rate.`;
  }
  const first = path.at(0);
  if (point.gap <= 1e-6 * Math.max(problem.floor, 1e-6 * first.gap)) {
    return "Nothing that matters is left to lose: these are the best weights for these rows.";
  }
  return `${holdWords(scene)} ${restWords(scene)}`;
}

function explosionWords({ problem, settings, limit, path }) {
  if (path.updates > 1 && settings.lr <= limit)
    return "With batches this small the rate is too large: the loss grows. Take a smaller rate.";
  const growth = problem.growth(settings.lr, settings.momentum);
  const shares = problem
    .limitShares()
    .filter(({ share }) => share >= 0.01)
    .slice(0, 4);
  const behind = joinedWords(shares.map(({ name, share }) => `${labelOf(name)} ${percentWords(share)}`));
  return `Diverging: above the limit ${numberWords(limit)} each step overshoots by more than the last, and the error grows ${growthWords(growth)}× per epoch. What sets this limit: ${behind}.`;
}

// Enough digits to tell it from 1.
function growthWords(growth) {
  return growth < 1.1 ? `${1 + Number((growth - 1).toPrecision(2))}` : numberWords(growth);
}

function holdWords({ holding, problem }) {
  const [first] = holding;
  if (!first) return "";
  const pace =
    first.halfLife < 1.5 ? "halves or better with each epoch" : `halves every ${countWords(first.halfLife, "epoch")}`;
  const [raised, lowered] = first.columns.split(" against ").map((names) => labelOf(names, 30));
  const share = first.share >= 0.995 ? "nearly all" : percentWords(first.share);
  const isRound = problem.curvatures[0] < 1.5 * problem.curvatures.at(-1);
  if (first.index > 0 && lowered) {
    return `Why it is slow: raising ${weightOf(raised)} while lowering ${ownOf(lowered)} hardly changes the predictions. That is ${share} of what is left to lose, and it ${pace}.`;
  }
  const way = isRound ? "in" : first.index === 0 ? "along the steep direction," : "along a gentle direction,";
  return `${capital(share)} of what is left to lose lies ${way} ${labelOf(first.columns, 40)}, and it ${pace}.`;
}

function weightOf(names) {
  return names.startsWith("the bias") ? names : `${names}'s weight`;
}

function ownOf(names) {
  return names.startsWith("the bias") ? names : `${names}'s`;
}

function capital(words) {
  return words[0].toUpperCase() + words.slice(1);
}

function restWords({ path, ease, settings }) {
  const needed = path.epochsToWeights();
  if (!Number.isFinite(needed)) return "With momentum 1 it never settles.";
  const easy = ease.path.epochsToWeights();
  const other =
    settings.view !== "standardised" && Number.isFinite(easy) && easy < needed / 3
      ? `; with standardised columns and the best rate, after ${countWords(easy, "epoch")}`
      : "";
  return `All weights settle after ${countWords(needed, "epoch")}${other}.`;
}
