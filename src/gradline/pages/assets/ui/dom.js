// Elements: made from names, attributes and text. Text is never read as HTML, so names of columns stay text.

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

/**
 * An HTML element.
 * @param {string} tag Such as "p" or "td.number": a name and classes.
 * @param {object} [attributes] Those that are null or false are left out; functions listen to the event of their name.
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function element(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const made = document.createElement(name);
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else setOrRemove(made, key, value);
  }
  made.append(...children);
  return made;
}

/**
 * An SVG element.
 * @param {string} tag
 * @param {object} [attributes]
 * @param {...(Node | string)} children
 * @returns {SVGElement}
 */
export function drawn(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG_NAMESPACE, tag);
  for (const [key, value] of Object.entries(attributes)) setOrRemove(made, key, value);
  made.append(...children);
  return made;
}

/**
 * An attribute set where its value is text, a number or true, taken away where it is null or false.
 * @param {Element} node
 * @param {string} key
 * @param {*} value
 */
export function setOrRemove(node, key, value) {
  if (value === null || value === undefined || value === false) node.removeAttribute(key);
  else node.setAttribute(key, value === true ? "" : value);
}

/**
 * Text in an element, replaced only where it differs, so that nothing is laid out anew for nothing.
 * @param {Element} node
 * @param {string} text
 */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * An element that shows a number in words and holds all its digits in `data-value`.
 * @param {Element} node
 * @param {?number} value
 * @param {string} text
 */
export function sayNumber(node, value, text) {
  say(node, text);
  setOrRemove(node, "data-value", value === null || !Number.isFinite(value) ? null : String(value));
}

/**
 * A name on one line, cut in the middle where it is longer than a label can be.
 * @param {string} name
 * @param {number} [most]
 * @returns {string}
 */
export function labelOf(name, most = 28) {
  const line = Array.from(name.replace(/\s+/g, " ").trim() || "(no name)");
  if (line.length <= most) return line.join("");
  const half = Math.floor((most - 1) / 2);
  return `${line.slice(0, half).join("")}…${line.slice(-half).join("")}`;
}

/**
 * Names in a row on one line, the last of them left out where there is no room: "temp, rainfall …".
 * @param {string} names Such as "temp, rainfall and humidity", the weightiest first.
 * @param {number} most
 * @returns {string}
 */
export function namesLabelOf(names, most) {
  if (labelOf(names, most) === labelOf(names, Infinity)) return labelOf(names, most);
  const whole = names.slice(0, most - 1).replace(/\s+\S*$/, "").replace(/(,| and)+$/, "");
  return names[whole.length] === " " || names[whole.length] === "," ? `${whole} …` : labelOf(names, most);
}
