// The headline: where we are and why, in a few sentences that always hold.

import { bigWords, joinedWords, lastsWords, numberWords, percentWords } from "../arithmetic/words.js";
import { lossWords } from "../figures/loss.js";
import { element, labelOf, say, sayNumber } from "../ui/dom.js";
import { isDiverging } from "../ui/scene.js";

const QUIET = 900; // ms without a change before a screen reader is told

/**
 * The headline.
 * @returns {{root: HTMLElement, show: (scene: object) => void}}
 */
export function headlinePanel() {
  const [loss, gap] = [element("strong", { id: "loss" }), element("strong", { id: "gap" })];
  const where = element("span", { id: "where" });
  const first = element(
    "p.where",
    {},
    where,
    loss,
    element("span", { id: "between" }),
    gap,
    element("span", { id: "above" }),
  );
  const why = element("ul.why");
  const told = element("p.unseen", { role: "status", "aria-live": "polite" });
  let delay = null;
  const show = (scene) => {
    const { settings, point, problem } = scene;
    say(where, `After ${bigWords(settings.epoch)} epoch${settings.epoch === 1 ? "" : "s"} the loss is `);
    sayNumber(loss, point.loss, lossWords(point));
    say(first.querySelector("#between"), point.gap === null ? "" : ": ");
    sayNumber(gap, point.gap, point.gap === null ? "" : numberWords(point.gap));
    say(
      first.querySelector("#above"),
      point.gap === null ? ", beyond all numbers." : ` above the optimum, ${numberWords(problem.floor, 4)}.`,
    );
    const sentences = sentencesOf(scene);
    why.replaceChildren(...sentences.map((sentence) => element("li", {}, sentence)));
    clearTimeout(delay);
    delay = setTimeout(() => say(told, `${first.textContent} ${sentences[0]}`), QUIET);
  };
  return { root: element("section", { id: "headline", "aria-label": "Where we are" }, first, why, told), show };
}

function sentencesOf(scene) {
  const sentences = isDiverging(scene) ? explosion(scene) : [...hold(scene), ...rate(scene)];
  return [...mistaken(scene), ...sentences, ...views(scene)];
}

function explosion({ problem, settings, limit }) {
  if (settings.mistake === "forgotten_zero_grad") return [];
  const growth = problem.growth(settings.lr, settings.momentum);
  const shares = problem
    .limitShares()
    .filter(({ share }) => share >= 0.01)
    .slice(0, 4);
  const behind = shares.map(({ name, share }) => `${labelOf(name)} ${percentWords(share)}`);
  return [
    `lr ${numberWords(settings.lr)} is above ${numberWords(limit)}, the largest stable rate: the error grows ${numberWords(growth)}× per epoch.`,
    `The columns behind the limit: ${behind.join(", ")}.`,
  ];
}

function hold({ holding, path, point, problem }) {
  if (point.gap !== null && point.gap <= 1e-12 * Math.max(problem.floor, 1e-12 * (path.at(0).loss ?? 1))) {
    return ["Nothing measurable is left above the optimum: this is the least-squares answer."];
  }
  const parts = holding.filter(({ share }) => share >= 0.005).slice(0, 3);
  if (!parts.length) return [];
  const words = parts.map(
    ({ share, halfLife, columns }) => `${labelOf(columns, 60)} (${percentWords(share)} of it, ${lastsWords(halfLife)})`,
  );
  return [`What holds it back: ${joinedWords(words)}.`];
}

function rate({ path, settings, limit, problem }) {
  const [toLoss, toWeights] = [path.epochsToLoss(), path.epochsToWeights()];
  const slowest = problem.directions.at(-1);
  const said = [];
  if (Number.isFinite(toWeights) && slowest) {
    const isNear = Number.isFinite(toLoss) && problem.floor > 0;
    const close = isNear ? `The loss is within 1 % of the optimum after ${bigWords(toLoss)} epochs; the` : "The";
    const count = `${bigWords(toWeights)}${isNear ? "" : " epochs"}`;
    said.push(`${close} slowest error, ${labelOf(slowest.columns, 60)}, is a thousandth after ${count}.`);
  }
  if (Number.isFinite(limit) && settings.mistake !== "forgotten_zero_grad") {
    said.push(
      `lr ${numberWords(settings.lr)} is ${percentWords(settings.lr / limit)} of the largest stable rate, ${numberWords(limit)}.`,
    );
  }
  return said;
}

// What the other scales of the columns would cost or save.
function views({ settings, ease, plain, state }) {
  if (!Number.isFinite(ease.path.epochsToWeights())) return [];
  const [easy, hard] = [ease, plain].map(({ path }) => bigWords(path.epochsToWeights()));
  if (settings.view === "standardised")
    return [`On the columns as they are (raw) the best rate would need ${hard} epochs, not ${easy}.`];
  const scale = settings.view === "raw" ? "as they are" : "centred only";
  return [
    `The columns are ${scale}. Standardised${state.has_bias ? " (mean 0, deviation 1)" : ""}, at their best rate, ${easy} epochs bring every error to a thousandth.`,
  ];
}

const MISTAKES = {
  forgotten_zero_grad:
    "Mistake: the gradients are never reset, so each update adds all old gradients, as momentum 1 would: it swings and never settles.",
  pairs:
    "Mistake: predictions (n, 1) against targets (n,) compare every prediction with every target: the loop heads for the mean of the target in every row.",
  stale_loss: "Mistake: the loss that is printed is that of the predictions made before the update, one epoch old.",
};

function mistaken({ settings, path }) {
  if (!settings.mistake) return [];
  const shown = path.shown(settings.epoch);
  const prints = shown === null ? "" : ` It prints ${numberWords(shown, 4)}.`;
  return [MISTAKES[settings.mistake] + prints];
}
