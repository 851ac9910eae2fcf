// Tabs: one of several panels at a time, on paper all of them.

import { element } from "./dom.js";

/**
 * A list of tabs and their panels (ARIA authoring practices: arrows move, the tab in focus is shown).
 * @param {string} label
 * @param {{id: string, title: string, parts: HTMLElement[]}[]} panels
 * @returns {HTMLElement}
 */
export function tabsWith(label, panels) {
  const tabs = panels.map(({ id, title }, i) =>
    element(
      "button",
      { type: "button", role: "tab", id: `tab-${id}`, "aria-controls": `panel-${id}`, click: () => choose(i) },
      title,
    ),
  );
  const boxes = panels.map(({ id, parts }) =>
    element("div.tab-panel", { role: "tabpanel", id: `panel-${id}`, "aria-labelledby": `tab-${id}` }, ...parts),
  );
  const choose = (chosen) => {
    tabs.forEach((tab, i) => {
      tab.setAttribute("aria-selected", String(i === chosen));
      tab.tabIndex = i === chosen ? 0 : -1;
      boxes[i].classList.toggle("off", i !== chosen);
    });
  };
  const list = element("div.tab-list", { role: "tablist", "aria-label": label, keydown: onKey }, ...tabs);
  function onKey(event) {
    const way = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    const next = (tabs.indexOf(document.activeElement) + way + tabs.length) % tabs.length;
    tabs[next].focus();
    choose(next);
  }
  choose(0);
  return element("section", { class: "tabs-below", "aria-label": label }, list, ...boxes);
}
