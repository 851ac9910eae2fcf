// Use the model: a slider for each column, the answer of these weights and of the best ones, with its interval.

import { predict } from "../arithmetic/predict.js";
import { DAY } from "../arithmetic/terms.js";
import { joinedWords, numberWords, readingsOf } from "../arithmetic/words.js";
import { element, labelOf, sayNumber } from "../ui/dom.js";

const LEVEL = 0.95; // as `gradline predict --interval` is used most
const SLIDER_PLACES = 200; // of a slider

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
  const fields = state.fields.map((field, i) => fieldFor(field, i, refresh));
  const root = element(
    "section.card",
    { id: "predict", "aria-labelledby": "title-predict" },
    element("h2", { id: "title-predict" }, "Use the model"),
    element("div.fields", {}, ...fields.map(({ root: field }) => field)),
    answers,
  );
  return { root, show: (next) => ((scene = next), refresh()) };
}

// A number or a date with the range of the training rows, or the levels of a category, which begin with the first.
function fieldFor({ column, levels, base, is_number, is_date, minimum, maximum, start }, position, refresh) {
  const id = `field-${position}`;
  const label = element("label", { for: id, title: column }, labelOf(column));
  if (levels) {
    const options = levels.map((level) => element("option", { value: level }, labelOf(level)));
    const choice = element("select", { id, change: refresh }, ...options);
    return {
      root: element("div.field", {}, label, choice, ...(base ? [element("small", {}, `base: ${labelOf(base)}`)] : [])),
      read: () => (is_number ? Number(choice.value) : choice.value),
    };
  }
  if (is_date) return dateField(id, label, { minimum, maximum, start }, refresh);
  const range = `${numberWords(minimum, 4)} to ${numberWords(maximum, 4)}`;
  const [low, high] = beyond(minimum, maximum);
  const read = () => {
    const [value = NaN, ...others] = readingsOf(input.value);
    return others.length ? NaN : value;
  };
  const input = element("input", {
    id,
    type: "text",
    inputmode: "decimal",
    autocomplete: "off",
    value: start,
    input: () => ((slider.value = read()), refresh()),
    "aria-describedby": `${id}-range`,
  });
  const slider = element("input", {
    type: "range",
    id: `${id}-slider`,
    min: low,
    max: high,
    step: (high - low) / SLIDER_PLACES,
    value: start,
    "aria-label": column,
    input: () => ((input.value = Number(Number(slider.value).toPrecision(4))), refresh()),
  });
  return {
    root: element(
      "div.field",
      {},
      label,
      input,
      slider,
      element("small", { id: `${id}-range` }, `trained on ${range}`),
    ),
    read,
  };
}

function dateField(id, label, { minimum, maximum, start }, refresh) {
  const input = element("input", { id, type: "date", value: dateOf(start), input: refresh });
  const range = element("small", {}, `trained on ${dateOf(minimum)} to ${dateOf(maximum)}`);
  return { root: element("div.field", {}, label, input, range), read: () => Date.parse(input.value) / DAY };
}

const dateOf = (days) => new Date(Math.floor(days) * DAY).toISOString().slice(0, 10);

// A slider goes a quarter of the trained range past either end, so that leaving it is felt.
function beyond(low, high) {
  const margin = 0.25 * (high - low) || 1;
  return [low - margin, high + margin];
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
