// A figure as a file: what Plotly drew and our marks over it, as SVG or as PNG.

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
    button("svg", async () =>
      download(new Blob([await vectorOf(card)], { type: "image/svg+xml" }), `${card.figure.id}.svg`),
    ),
  );
}

// The text of one SVG: the paper, Plotly's figure, the marks. Texts are joined, for parsing would meet the policy.
async function vectorOf({ still, marks, plot, palette }) {
  const [width, height] = [plot.clientWidth, plot.clientHeight];
  const layers = [];
  if (still._fullLayout) {
    const image = await Plotly.toImage(still, { format: "svg", width, height });
    layers.push(decodeURIComponent(image.slice(image.indexOf(",") + 1)));
  }
  layers.push(new XMLSerializer().serializeToString(marks));
  return (
    `<svg xmlns="${marks.namespaceURI}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">` +
    `<rect width="${width}" height="${height}" fill="${palette.card}"/>${layers.join("")}</svg>`
  );
}

async function pictureOf(card) {
  const address = URL.createObjectURL(new Blob([await vectorOf(card)], { type: "image/svg+xml" }));
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = element("canvas", { width: PIXELS * image.width, height: PIXELS * image.height });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(address);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

function download(blob, name) {
  const address = URL.createObjectURL(blob);
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
