// Light or dark: what the reader's system asks for, or what the button says; and the colours that follow for figures.

import { element } from "./dom.js";

const NAMES = ["ink", "soft", "line", "accent", "tint", "second", "warn", "paper", "card"];

/**
 * The colours of the style sheet as they are now, for figures that cannot read it.
 * @returns {object} A colour by name, and `theme`, "light" or "dark".
 */
export function paletteNow() {
  const probe = element("span", { hidden: true });
  document.body.append(probe);
  const colours = NAMES.map((name) => {
    probe.style.color = `var(--${name})`;
    return [name, getComputedStyle(probe).color];
  });
  probe.remove();
  return { ...Object.fromEntries(colours), theme: themeNow() };
}

/**
 * The button that turns light to dark and back.
 * @param {() => void} changed Called when figures should be drawn anew, also when the system changes its mind.
 * @returns {HTMLElement}
 */
export function themeButton(changed) {
  const name = () => (themeNow() === "dark" ? "Light" : "Dark");
  const button = element("button", { type: "button", id: "theme" }, name());
  const shown = () => {
    button.textContent = name();
    changed();
  };
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = themeNow() === "dark" ? "light" : "dark";
    shown();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", shown);
  return button;
}

function themeNow() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}
