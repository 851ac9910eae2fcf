// A figure as a file, as SVG or as PNG.

import { element } from "../ui/dom.js";

const PIXELS = 2; // PNG pixels for each pixel of the card

/**
 * The buttons that save a card's figure.
 * @param {object} card Of `cardOf`.
 * @returns {HTMLElement}
 */
export function saveButtons(card) {
  const button = (kind, save) =>
    element(
      "button",
      {
        type: "button",
        "data-save": kind,
        "aria-label": `Save “${card.figure.title}” as ${kind.toUpperCase()}`,
        click: save,
      },
      kind.toUpperCase(),
    );
  return element(
    "span.tools",
    {},
    button("png", async () => download(await pictureOf(card), `${card.figure.id}.png`)),
    button("svg", () => download(vectorOf(card), `${card.figure.id}.svg`)),
  );
}

// The figure on its paper. Texts are joined, for parsing would meet the policy.
function vectorOf({ svg, still, palette, size: { width, height } }) {
  const paper = `<rect width="${width}" height="${height}" fill="${palette.card}"/>`;
  const whole = svg.cloneNode(true);
  whole.prepend(still.cloneNode(true));
  const text = new XMLSerializer().serializeToString(whole);
  const start = text.indexOf(">") + 1;
  return new Blob([text.slice(0, start), paper, text.slice(start)], { type: "image/svg+xml" });
}

async function pictureOf(card) {
  const address = URL.createObjectURL(vectorOf(card));
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = element("canvas", { width: PIXELS * card.size.width, height: PIXELS * card.size.height });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(address);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

function download(blob, name) {
  const address = URL.createObjectURL(blob);
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
