// The weights and the bias now and at the optimum, with all their digits.

import { numberWords } from "../arithmetic/words.js";
import { element, labelOf } from "../ui/dom.js";
import { parameterOf } from "../ui/scene.js";

/**
 * The table of coefficients of all targets.
 * @param {object} state What playground_data.py wrote.
 * @returns {{root: HTMLElement, show: (scene: object) => void}}
 */
export function weightsPanel(state) {
  const names = [...(state.has_bias ? ["bias"] : []), ...state.features];
  const cells = names.map(() => state.targets.map(() => [element("td.number"), element("td.number")]));
  const table = element(
    "table",
    {},
    headsFor(state),
    element("tbody", {}, ...names.map((name, k) => rowFor(name, cells[k]))),
  );
  const root = element(
    "section.card",
    { id: "coefficients", "aria-labelledby": "title-coefficients" },
    element("h2", { id: "title-coefficients" }, "Weights now and the best ones"),
    element("p.says", {}, "In the units of the columns as they are, whatever scale the loop runs on."),
    element("div.wide", { tabindex: 0, role: "region", "aria-labelledby": "title-coefficients" }, table),
  );
  const show = (scene) => {
    cells.forEach((row, k) => {
      row.forEach(([now, best], target) => {
        [
          [now, scene.point],
          [best, state.optimum],
        ].forEach(([cell, point]) => {
          const value = parameterOf(point, scene, target, k);
          const words = value === null ? "∞" : numberWords(value, 5);
          if (cell.textContent !== words) cell.textContent = words;
          cell.dataset.value = value ?? "";
        });
      });
    });
  };
  return { root, show };
}

function headsFor(state) {
  const targets = state.targets.map((name) =>
    element("th", { scope: "colgroup", colspan: 2, title: name }, labelOf(name)),
  );
  const pairs = state.targets.flatMap(() => ["now", "best"].map((word) => element("th", { scope: "col" }, word)));
  return element("thead", {}, element("tr", {}, element("td"), ...targets), element("tr", {}, element("td"), ...pairs));
}

function rowFor(name, cells) {
  return element("tr", {}, element("th", { scope: "row", title: name }, labelOf(name)), ...cells.flat());
}
