// A field for a number, which says in place what it cannot take and what stays instead.

import { element, labelOf, say, setOrRemove } from "./dom.js";

/**
 * The field and its complaint, which lies over what is below it, so that nothing moves. Escape puts the number back.
 * @param {object} options `id`; `wants`, what the number is, as the start of a sentence: "A learning rate is above 0";
 *   `isRight(value)`, whether it can be taken; `take(value)`, which takes it.
 * @returns {{root: HTMLElement, input: HTMLElement, show: (value: number | "") => void, complain: (words: string) => void}}
 */
export function numberField({ id, wants, isRight, take }) {
  let kept = "";
  const complaint = element("span.complaint", { id: `${id}-complaint`, role: "alert" });
  const complain = (words, isInvalid = false) => {
    say(complaint, words);
    setOrRemove(input, "aria-invalid", isInvalid ? "true" : null);
  };
  const read = () => {
    const text = input.value.trim().replace("−", "-");
    const value = text === "" ? NaN : Number(text);
    if (!isRight(value)) return complain(`${wants}${text && `, not ${labelOf(text, 14)}`}. ${kept} is kept.`, true);
    complain("");
    take(value);
  };
  const restore = () => {
    complain("");
    input.value = kept;
  };
  const input = element("input", {
    type: "text",
    inputmode: "decimal",
    autocomplete: "off",
    id,
    "aria-describedby": complaint.id,
    change: read,
    keydown: ({ key }) => key === "Escape" && restore(),
  });
  const show = (value) => {
    if (String(value) !== kept) complain(""); // it was changed elsewhere
    kept = String(value);
    if (document.activeElement !== input && !input.hasAttribute("aria-invalid")) input.value = kept;
  };
  return { root: element("span.numeric", {}, input, complaint), input, show, complain };
}
