// The fields of one row that is to be predicted: a slider for a number, a day for a date, a choice for a category.

import { DAY } from "../arithmetic/terms.js";
import { numberWords, readingsOf } from "../arithmetic/words.js";
import { element, labelOf } from "../ui/dom.js";

const SLIDER_PLACES = 200; // of a slider

/**
 * A number or a date with the range of the training rows, or the levels of a category, which begin with the first.
 * @param {object} field What prediction.py wrote; `label` and `texts` stand for the column and its levels where told.
 * @param {string} id Of the input.
 * @param {() => void} refresh Called when the value changes.
 * @returns {{root: HTMLElement, read: () => number | string}}
 */
export function fieldFor(field, id, refresh) {
  const { column, levels, base, is_number, is_date, minimum, maximum, start, texts = levels } = field;
  const name = field.label ?? column;
  const label = element("label", { for: id, title: column }, labelOf(name));
  if (levels) {
    const options = levels.map((level, i) => element("option", { value: level }, labelOf(texts[i])));
    const choice = element("select", { id, change: refresh }, ...options);
    return {
      root: element("div.field", {}, label, choice, ...(base ? [element("small", {}, `base: ${labelOf(texts[levels.indexOf(base)] ?? base)}`)] : [])),
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
    "aria-label": name,
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
