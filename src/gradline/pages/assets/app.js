// The playground: reads the page's data, builds its parts, and shows every change in all of them, once a frame.

import { batchesFigure } from "./figures/batches.js";
import { cardOf } from "./figures/card.js";
import { fitFigure } from "./figures/fit.js";
import { gapsFigure } from "./figures/gaps.js";
import { lossFigure } from "./figures/loss.js";
import { planeFigure } from "./figures/plane.js";
import { predictionsFigure } from "./figures/predictions.js";
import { ratesFigure } from "./figures/rates.js";
import { sliceFigure } from "./figures/slice.js";
import { surfaceFigure } from "./figures/surface.js";
import { weightsFigure } from "./figures/weights.js";
import { choiceControls } from "./panels/choiceControls.js";
import { headlinePanel } from "./panels/headline.js";
import { holdingPanel } from "./panels/holdingTable.js";
import { predictPanel } from "./panels/predictPanel.js";
import { rateControls } from "./panels/rateControls.js";
import { stepsPanel } from "./panels/stepsPanel.js";
import { timeControls } from "./panels/timeControls.js";
import { weightsPanel } from "./panels/weightsTable.js";
import { element } from "./ui/dom.js";
import { themeButton } from "./ui/palette.js";
import { sceneMaker } from "./ui/scene.js";
import { linkOf, storeOf } from "./ui/store.js";

const state = JSON.parse(document.getElementById("state").textContent);
const store = storeOf(state);
const sceneOf = sceneMaker(state);
const byId = (id) => document.getElementById(id);

const first = [state.features.length === 2 ? planeFigure : fitFigure, lossFigure, sliceFigure, surfaceFigure].map(
  cardOf,
);
const more = [weightsFigure, predictionsFigure, gapsFigure, ratesFigure, batchesFigure].map(cardOf);
const headline = headlinePanel();
const time = timeControls(store);
const loopDials = rateControls(store, state);
const choices = choiceControls(store, state);
const panels = [holdingPanel(), weightsPanel(state), stepsPanel(), predictPanel(state)];
const parts = [headline, time, loopDials, choices, ...first, ...panels, ...more];

byId("lead").append(headline.root);
byId("controls").prepend(time.root);
byId("settings").append(loopDials.root, choices.root);
byId("figures").append(...first.map(({ root }) => root));
byId("panels").append(...panels.map(({ root }) => root));
byId("more").append(...more.map(({ root }) => root));
byId("tools").append(
  linkButton(),
  themeButton(() => [...first, ...more].forEach((card) => card.redraw())),
);
byId("about").append(...aboutData());

store.follow((settings) => {
  const began = performance.now();
  const scene = sceneOf(settings);
  performance.measure("arithmetic", { start: began });
  parts.forEach((part) => part.show(scene));
  performance.measure("step", { start: began });
});
store.set({});
// The words and the controls are there after one frame, the marks after the next.
requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(drawWithPlotly)));

// Plotly is large: it is run once the page can be read. The policy knows it by its hash.
async function drawWithPlotly() {
  document.head.append(element("script", {}, byId("plotly").textContent));
  for (const card of [...first, ...more]) {
    card.redraw();
    await new Promise((done) => setTimeout(done)); // the page answers between two figures
  }
}

// Copies the address that restores this state; where there is no clipboard it shows it.
function linkButton() {
  const button = element("button", { type: "button", id: "link" }, "Copy link");
  button.addEventListener("click", async () => {
    const link = location.href.split("#")[0] + linkOf(store.settings(), store.defaults);
    try {
      await navigator.clipboard.writeText(link);
      button.textContent = "Copied";
    } catch {
      button.textContent = linkOf(store.settings(), store.defaults);
    }
    setTimeout(() => (button.textContent = "Copy link"), 3000);
  });
  return button;
}

// What the page was made of, and how to make it again.
function aboutData() {
  const { rows, dropped, sample, weights, terms, command, notices } = state;
  const count = (n) => n.toLocaleString("en-GB");
  const said = [`${count(rows)} rows${dropped ? ` (${count(dropped)} more dropped for missing cells)` : ""}.`];
  if (!sample) said.push("The page holds none of them, only what they add up to.");
  else if (!sample.all)
    said.push(`Figures draw ${count(sample.x.length)} of them, taken evenly; every other number is of all rows.`);
  if (weights) said.push(`Row weights: ${weights}.`);
  const bases = terms.filter(({ levels }) => levels).map(({ column, levels }) => `${column} ${levels[0]}`);
  if (bases.length) said.push(`Base levels: ${bases.join(", ")}.`);
  const paragraphs = [said.join(" "), ...notices].map((words) => element("p", {}, words));
  return command ? [...paragraphs, element("p", {}, "Made by ", element("code", {}, command))] : paragraphs;
}
