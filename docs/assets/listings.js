// Folds the first lines of a listing where earlier pages explained them; copying still takes the whole file, and paper
// shows everything, answers too. Numbers stay on one line.
"use strict";
for (const block of document.querySelectorAll("[data-known]")) {
  const code = block.querySelector("code");
  const lines = [...code.children];
  const known = block.dataset.known.split(" ").flatMap((run) => {
    const [first, last = first] = run.split("-").map(Number);
    return lines.slice(first - 1, last);
  });
  const button = document.createElement("button");
  button.type = "button";
  button.className = "known";
  const fold = (folded) => {
    known.forEach((line) => (line.hidden = folded));
    button.setAttribute("aria-expanded", String(!folded));
    button.textContent = `${folded ? "▸" : "▾"} ${known.length} lines from earlier pages`;
  };
  button.onclick = () => fold(!known[0].hidden);
  code.dataset.copy = code.textContent;
  known[0].before(button);
  fold(true);
}
addEventListener("beforeprint", () => {
  const opened = [...document.querySelectorAll("details:not([open])")];
  opened.forEach((one) => (one.open = true));
  addEventListener("afterprint", () => opened.forEach((one) => (one.open = false)), { once: true });
});
// A telephone's lines do not break inside a number such as 1e-3.
for (const block of document.querySelectorAll(".md-typeset :is(p, li, td, summary)")) {
  for (const text of [...block.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE)) {
    const parts = text.data.split(/([\d.]+e-\d+)/);
    const whole = (part) => Object.assign(document.createElement("span"), { className: "whole", textContent: part });
    if (parts.length > 1) text.replaceWith(...parts.map((part, i) => (i % 2 ? whole(part) : part)));
  }
}
