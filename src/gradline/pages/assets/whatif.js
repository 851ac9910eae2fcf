// What if: the fields of one row, and what the model predicts of it, with its interval; one panel for each model.

import { predict } from "./arithmetic/predict.js";
import { joinedWords, numberWords } from "./arithmetic/words.js";
import { fieldFor } from "./panels/predictFields.js";
import { element, labelOf, sayNumber } from "./ui/dom.js";

const CERTAINTY = 0.95; // of the intervals, by custom
const DIGITS = 4; // of a prediction
const WAYS_BACK = {
  exp: Math.exp,
  exp2: (v) => 2 ** v,
  exp10: (v) => 10 ** v,
  expm1: Math.expm1,
  square: (v) => Math.max(v, 0) ** 2,
};

for (const [id, state] of Object.entries(JSON.parse(document.getElementById("whatif").textContent)))
  document.getElementById(id).append(...whatIf(id, state));

function whatIf(id, state) {
  const answers = element("div.predicted", { "aria-live": "polite" });
  const refresh = () => answers.replaceChildren(...answersOf(state, fields.map(({ read }) => read())));
  const fields = state.fields.map((field, i) => fieldFor(field, `${id}-${i}`, refresh));
  refresh();
  return [element("div.fields", {}, ...fields.map(({ root }) => root)), answers];
}

function answersOf(state, values) {
  const found = predict(state, state.optimum, values, CERTAINTY);
  if (found === null) return [element("p", {}, "Give every field a value for which the model has an answer.")];
  const lines = found.answers.map((answer, j) => answerLine(state, answer, j));
  const outside = found.outside.map((name) => labelOf(labelled(state, name)));
  const warning = `Outside the range of the rows: ${joinedWords(outside.length ? outside : [""])}. There it is a guess.`;
  return outside.length ? [...lines, element("p.warning", {}, warning)] : lines;
}

function labelled({ fields }, name) {
  const field = fields.find(({ column }) => column === name);
  return field.label ?? name;
}

function answerLine({ names, units, back }, { value, low, high }, j) {
  const way = WAYS_BACK[back[j]] ?? ((v) => v);
  const shown = (tag, v) => {
    const node = element(tag);
    sayNumber(node, way(v), numberWords(way(v), DIGITS).replace("-", "−"));
    return node;
  };
  const unit = units[j] ? ` ${units[j]}` : "";
  const interval = low === null ? [] : ["; 95 of 100 such rows: ", shown("span", low), " to ", shown("span", high)];
  return element("p.answer", {}, `${labelOf(names[j])}: `, shown("strong", value), unit, ...interval);
}
