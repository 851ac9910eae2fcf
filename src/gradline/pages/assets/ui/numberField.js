// A field for a number, which says in place what it cannot take and what stays instead.

import { fieldText, readingsOf } from "../arithmetic/words.js";
import { element, labelOf, say, setOrRemove } from "./dom.js";

const PAUSE = 700; // ms without a key: what stands there is meant

/**
 * The field and its complaint, which lies over what is below it, so that nothing moves. It reads when it is left, at
 * Enter, and when the keys rest; Escape puts the number back.
 * @param {object} options `id`; `wants`, what the number is, as the start of a sentence: "A learning rate is above 0";
 *   `isRight(value)`, whether it can be taken; `take(value)`, which takes it; `room`, how many characters it shows.
 * @returns {{root: HTMLElement, input: HTMLElement, show: (value: number | string) => void, complain: (words: string) => void}}
 */
export function numberField({ id, wants, isRight, take, room }) {
  let kept = "";
  let rest = null; // of the keys
  const complaint = element("span.complaint", { id: `${id}-complaint`, role: "alert" });
  const complain = (words, isInvalid = false) => {
    say(complaint, words);
    setOrRemove(input, "aria-invalid", isInvalid ? "true" : null);
  };
  const read = () => {
    if (rest === null) return; // it was read when the keys rested
    clearTimeout(rest);
    rest = null;
    const readings = readingsOf(input.value).filter(isRight);
    complain(readings.length === 1 ? "" : complaintOf(input.value.trim(), readings), readings.length !== 1);
    if (readings.length === 1) take(readings[0]);
  };
  const complaintOf = (text, [one, other]) => {
    if (one !== undefined) return `${labelOf(text, 14)} can be ${one} or ${other}. Leave out the comma.`;
    return `${wants}${text && `, not ${labelOf(text, 14)}`}. ${kept} is kept.`;
  };
  const typed = () => {
    complain("");
    clearTimeout(rest);
    rest = setTimeout(read, PAUSE);
  };
  const restore = () => {
    complain("");
    clearTimeout(rest);
    rest = null;
    input.value = kept;
  };
  const input = element("input", {
    type: "text",
    inputmode: "decimal",
    autocomplete: "off",
    id,
    "aria-describedby": complaint.id,
    input: typed,
    change: read,
    keydown: ({ key }) => key === "Escape" && restore(),
  });
  const show = (value) => {
    const text = typeof value === "number" ? fieldText(value, room) : value;
    if (text !== kept) complain(""); // it was changed elsewhere
    kept = text;
    if (document.activeElement !== input && !input.hasAttribute("aria-invalid") && input.value !== kept) input.value = kept;
  };
  return { root: element("span.numeric", {}, input, complaint), input, show, complain };
}
