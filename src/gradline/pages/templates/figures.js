// Draws the figures of a page from its data block: those near the window as they come, all before printing; on a
// sheet of paper they shrink.
const HEIGHT = 416; // pixels of a figure that has no height of its own
const figures = JSON.parse(document.getElementById("figures").textContent);
const waiting = new Set(Object.keys(figures));

// Plotly is large: it is run once the text can be read. The policy knows it by its hash.
function startPlotly() {
  if (globalThis.Plotly) return;
  const script = document.createElement("script");
  script.textContent = document.getElementById("plotly").textContent;
  document.head.append(script);
}

function drawOnce(name) {
  if (!waiting.delete(name)) return;
  startPlotly();
  const { data, layout } = figures[name];
  const place = document.getElementById(name);
  place.style.minHeight = "";
  Plotly.newPlot(place, data, { height: HEIGHT, ...layout }, { displayModeBar: false, responsive: true });
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

// One figure a task, so that the page answers in between.
const watcher = new IntersectionObserver(
  (entries) => {
    const near = entries.filter(({ isIntersecting }) => isIntersecting).map(({ target }) => target.id);
    near.forEach((name) => setTimeout(() => drawOnce(name)));
  },
  { rootMargin: "400px" },
);
for (const name of waiting) {
  const place = document.getElementById(name);
  place.style.minHeight = `${figures[name].layout.height ?? HEIGHT}px`; // the place is kept, so that nothing jumps
  watcher.observe(place);
}
if (waiting.size) requestIdleCallback(startPlotly);
addEventListener("beforeprint", () => waiting.forEach(drawOnce));
