// Folds the first lines of a listing where earlier pages explained them; copying still takes the whole file.
"use strict";
for (const block of document.querySelectorAll("[data-known]")) {
  const code = block.querySelector("code");
  const known = [...code.children].slice(1, 1 + Number(block.dataset.known));
  const button = document.createElement("button");
  button.type = "button";
  button.className = "known";
  const fold = (folded) => {
    known.forEach((line) => (line.hidden = folded));
    button.setAttribute("aria-expanded", String(!folded));
    button.textContent = `${folded ? "▸" : "▾"} ${known.length} lines from earlier pages`;
  };
  button.onclick = () => fold(!known[0].hidden);
  block.dataset.copy = code.textContent;
  code.dataset.copy = code.textContent;
  known[0].before(button);
  fold(true);
}
