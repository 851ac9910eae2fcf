// Draws the figures of the report from its data block, and lets them shrink to a sheet of paper.
const HEIGHT = 416; // pixels of a figure that has no height of its own
const figures = JSON.parse(document.getElementById("figures").textContent);

for (const [name, { data, layout }] of Object.entries(figures)) {
  const place = document.getElementById(name);
  await Plotly.newPlot(place, data, { height: HEIGHT, ...layout }, { displayModeBar: false, responsive: true });
  place.on("plotly_afterplot", () => fitToPaper(place));
  fitToPaper(place);
}

// An SVG with a view box keeps its proportions when the print style sets another width.
function fitToPaper(place) {
  for (const drawing of place.querySelectorAll(".main-svg")) {
    const [width, height] = ["width", "height"].map((side) => Number(drawing.getAttribute(side)));
    drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    drawing.setAttribute("preserveAspectRatio", "xMinYMin");
    place.classList.toggle("tall", height > width);
  }
}
