// What is holding it back: each direction's share of the gap, its half-life and its columns.

import { bigWords, numberWords, percentWords } from "../arithmetic/words.js";
import { element, namesLabelOf } from "../ui/dom.js";

const MOST_ROWS_SHOWN = 8;
const LEAST_SHARE = 1e-9; // of what is left: less is rounding, and nobody waits for it

/**
 * The table of what is left above the optimum.
 * @returns {{root: HTMLElement, show: (scene: object) => void}}
 */
export function holdingPanel() {
  const body = element("tbody");
  const heads = ["what is wrong", "share", "loss", "epochs to halve it"].map((name) =>
    element("th", { scope: "col" }, name),
  );
  const table = element("table", {}, element("thead", {}, element("tr", {}, ...heads)), body);
  const root = element(
    "section.card",
    { id: "holding", "aria-labelledby": "title-holding" },
    element("h2", { id: "title-holding" }, "What is holding it back"),
    element(
      "p.says",
      {},
      "What is still to lose, split into directions. Each shrinks at a pace of its own: the steep ones first.",
    ),
    element("div.wide", { tabindex: 0, role: "region", "aria-labelledby": "title-holding" }, table),
  );
  return { root, show: ({ holding }) => body.replaceChildren(...rowsFor(holding)) };
}

function rowsFor(holding) {
  if (!holding.length) return [element("tr", {}, element("td", { colspan: 4 }, "Nothing is left."))];
  return holding.slice(0, MOST_ROWS_SHOWN).map(({ share, gap, halfLife, columns }) => {
    const bar = element("meter", { min: 0, max: 1, value: share, "aria-hidden": "true" });
    const isNothing = gap !== null && share < LEAST_SHARE;
    const number = (value, words) => element("td.number", { "data-value": value }, words);
    return element(
      "tr",
      {},
      element("th", { scope: "row", title: columns }, namesLabelOf(columns, 70)),
      element("td.number", { "data-value": share }, isNothing ? "0 %" : percentWords(share), bar),
      number(gap, gap === null ? "∞" : isNothing ? "0" : numberWords(gap)),
      number(Number.isFinite(halfLife) ? halfLife : null, Number.isFinite(halfLife) ? bigWords(halfLife) : "never"),
    );
  });
}
