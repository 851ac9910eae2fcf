// Use the model: a slider for each column, the answer of these weights and of the best ones, with its interval.

import { predict } from "../arithmetic/predict.js";
import { joinedWords, numberWords } from "../arithmetic/words.js";
import { element, labelOf, sayNumber } from "../ui/dom.js";
import { fieldFor } from "./predictFields.js";

const LEVEL = 0.95; // as `gradline predict --interval` is used most

/**
 * The panel that predicts one row.
 * @param {object} state What playground_data.py wrote.
 * @returns {{root: HTMLElement, show: (scene: object) => void}}
 */
export function predictPanel(state) {
  let scene = null;
  const answers = element("div.answers", { "aria-live": "polite" });
  const refresh = () =>
    scene &&
    answers.replaceChildren(
      ...answersFor(
        scene,
        fields.map(({ read }) => read()),
      ),
    );
  const fields = state.fields.map((field, i) => fieldFor(field, `field-${i}`, refresh));
  const root = element(
    "section.card",
    { id: "predict", "aria-labelledby": "title-predict" },
    element("h2", { id: "title-predict" }, "Use the model"),
    element("div.fields", {}, ...fields.map(({ root: field }) => field)),
    answers,
  );
  return { root, show: (next) => ((scene = next), refresh()) };
}

function answersFor({ state, point, settings }, values) {
  if (point.overflow) return [element("p", {}, "These weights are beyond all numbers.")];
  const found = predict(state, point, values, LEVEL);
  if (found === null) return [element("p", {}, "Give every field a value for which its terms have one.")];
  const lines = found.answers.map((answer, target) => answerFor(state, answer, point, target));
  const outside = [...new Set(found.outside)].map((name) => labelOf(name));
  const warning = outside.length
    ? [element("p.warning", {}, `Outside the trained range: ${joinedWords(outside)}. The line is only a guess there.`)]
    : [];
  const reason = state.interval.reason ? [element("p", {}, `No interval: ${state.interval.reason}.`)] : [];
  const [chosen] = lines.splice(settings.target, 1);
  return [chosen, ...lines, ...warning, ...reason];
}

function answerFor(state, { target, value, optimal, low, high }, point, position) {
  const interval =
    low === null
      ? []
      : [
          element("dt", {}, "95 of 100 new rows"),
          element("dd", {}, sayNumberIn("span", low), " to ", sayNumberIn("span", high)),
        ];
  return element(
    "div.answer",
    {},
    element("h3.target", { title: target }, labelOf(target)),
    element(
      "dl",
      {},
      element("dt", {}, "with the weights now"),
      sayNumberIn("dd", value),
      element("dt", {}, "with the best ones"),
      sayNumberIn("dd", optimal),
      ...interval,
    ),
    element("p.equation", {}, equationOf(state, point, position)),
  );
}

function sayNumberIn(tag, value) {
  const node = element(tag);
  sayNumber(node, value, numberWords(value, 5));
  return node;
}

function equationOf({ features, targets, has_bias }, { weight, bias }, target) {
  const sign = (value) => (value < 0 ? " − " : " + ");
  const parts = weight[target].map((w, i) => `${sign(w)}${numberWords(Math.abs(w))} · ${labelOf(features[i], 20)}`);
  const first = has_bias ? numberWords(bias[target]) : "0";
  const shown = parts.slice(0, 12).join("") + (parts.length > 12 ? ` + ${parts.length - 12} more` : "");
  return `${labelOf(targets[target], 20)} = ${first}${shown}`;
}
