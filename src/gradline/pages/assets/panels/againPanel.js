// Another sample: buttons that draw the rows again, as often as one likes.

import { bigWords } from "../arithmetic/words.js";
import { element, say } from "../ui/dom.js";
import { MOST_DRAWS } from "../ui/store.js";

/**
 * The buttons over the figures of the samples.
 * @param {object} store Of `storeOf`.
 * @returns {{root: HTMLElement, show: (scene: object) => void}}
 */
export function againPanel(store) {
  const draw = (count) => () => store.set({ draws: Math.min(MOST_DRAWS, store.settings().draws + count) });
  const button = (id, words, click) => element("button", { type: "button", id, click }, words);
  const count = element("b", { id: "draws" });
  const root = element(
    "section.card",
    { id: "again", "aria-labelledby": "title-again" },
    element("h2", { id: "title-again" }, "What if the rows were collected again?"),
    element(
      "p.says",
      {},
      "Other rows give another line. How far would the weight move? Draw samples and see. Each has the same x; its y are those of the best line plus random errors, as large as those that the best line leaves.",
    ),
    element(
      "div.acts",
      {},
      button("draw-1", "Draw one", draw(1)),
      button("draw-100", "Draw 100", draw(100)),
      button("draw-0", "Start over", () => store.set({ draws: 0 })),
      element("span.bound", {}, "samples drawn: ", count),
    ),
  );
  return { root, show: ({ settings }) => say(count, bigWords(settings.draws)) };
}
