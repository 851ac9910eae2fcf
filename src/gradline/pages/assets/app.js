// The playground: reads the page's tables, builds the parts for one, and shows every change in all of them, once a frame.

import { bigWords, countWords } from "./arithmetic/words.js";
import { bowlFigure } from "./figures/bowl.js";
import { cardOf } from "./figures/card.js";
import { fitFigure } from "./figures/fit.js";
import { lossFigure } from "./figures/loss.js";
import { nudgesFigure } from "./figures/nudges.js";
import { planeFigure } from "./figures/plane.js";
import { predictionsFigure } from "./figures/predictions.js";
import { rateMapFigure } from "./figures/rateMap.js";
import { ratesFigure } from "./figures/rates.js";
import { samplesFigure } from "./figures/samples.js";
import { sliceFigure } from "./figures/slice.js";
import { slopesFigure } from "./figures/slopes.js";
import { weightsFigure } from "./figures/weights.js";
import { againPanel } from "./panels/againPanel.js";
import { choiceControls } from "./panels/choiceControls.js";
import { experimentsPanel } from "./panels/experiments.js";
import { handControls } from "./panels/handControls.js";
import { holdingPanel } from "./panels/holdingTable.js";
import { numbersPanel } from "./panels/numbers.js";
import { predictPanel } from "./panels/predictPanel.js";
import { batchDial, momentumDial, rateDial } from "./panels/rateControls.js";
import { stepsPanel } from "./panels/stepsPanel.js";
import { timeControls } from "./panels/timeControls.js";
import { weightsPanel } from "./panels/weightsTable.js";
import { element, say } from "./ui/dom.js";
import { themeButton } from "./ui/palette.js";
import { sceneMaker } from "./ui/scene.js";
import { whenSeen } from "./ui/seen.js";
import { dataOfLink, linkOf, storeOf } from "./ui/store.js";
import { tabsWith } from "./ui/tabs.js";

const BELOW_HEAD = "-60px"; // the five steps are brought up to date when more of them is in sight than their title
const REST = 200; // ms without a change: a drag is over, and the axes and what is out of sight may follow

const tables = JSON.parse(document.getElementById("tables").textContent);
const main = document.querySelector("main");
const playing = { store: null, cards: [], lazy: [], index: -1 };
const pressed = { isDown: false };
const MORE = [weightsFigure, nudgesFigure, predictionsFigure, ratesFigure, rateMapFigure];

playTable(dataOfLink(tables.length));
addEventListener("hashchange", () => {
  if (dataOfLink(tables.length) !== playing.index) playTable(dataOfLink(tables.length));
});
addEventListener("pointerdown", () => (pressed.isDown = true));
["pointerup", "pointercancel"].forEach((name) => addEventListener(name, () => (pressed.isDown = false)));
addEventListener("beforeprint", () => {
  playing.lazy.forEach((part) => part.drawNow());
  playing.cards.forEach((card) => card.onPaper());
});
addEventListener("afterprint", () => playing.cards.forEach((card) => card.redraw()));
document.getElementById("tools").append(
  ...(tables.length > 1 ? [tableChoice()] : []),
  linkButton(),
  themeButton(() => playing.cards.forEach((card) => card.redraw())),
);

function playTable(index) {
  const state = tables[index];
  playing.store?.close();
  const store = storeOf(state, index);
  const scenes = sceneMaker(state);
  const cards = mainFigures(state).map((figure) => cardOf(figure, store));
  const more = MORE.map((figure) => cardOf(figure, store));
  const again = state.t95 ? [samplesFigure, slopesFigure].map((figure) => cardOf(figure, store)) : [];
  const parts = partsOf(store, state);
  const lazy = [...Object.values(parts).filter((part) => part.drawNow), ...cards, ...more, ...again];
  Object.assign(playing, { store, cards: [...cards, ...more, ...again], lazy, index });
  if (tables.length > 1) say(document.querySelector("h1"), "Gradient descent playground");
  main.replaceChildren(...laidOut(parts, cards, more, again));
  document.getElementById("about").replaceChildren(...aboutData(state));
  const shown = [...Object.values(parts), ...playing.cards];
  const show = (scene) => shown.forEach((part) => part.show(scene));
  let rest = null;
  const settle = () => {
    if (pressed.isDown) return (rest = setTimeout(settle, REST));
    if (!scenes.isAtRest()) {
      scenes.rest(scenes.of(store.settings()));
      show(scenes.of(store.settings()));
    }
    main.classList.remove("moving");
    lazy.forEach((part) => part.drawNow());
  };
  store.follow((settings) => {
    const began = performance.now();
    const scene = scenes.of(settings);
    performance.measure("arithmetic", { start: began });
    show(scene);
    performance.measure("step", { start: began });
    clearTimeout(rest);
    main.classList.toggle("moving", !scenes.isAtRest());
    rest = setTimeout(settle, REST);
  });
  store.set({});
}

// One weight alone has no map: the loss against it says all.
function mainFigures({ features, has_bias }) {
  const fit = features.length === 2 ? planeFigure : fitFigure;
  return features.length === 1 && !has_bias
    ? [fit, sliceFigure, lossFigure]
    : [fit, bowlFigure, lossFigure, sliceFigure];
}

function partsOf(store, state) {
  const time = timeControls(store);
  return {
    numbers: numbersPanel(state),
    time,
    rate: rateDial(store),
    momentum: momentumDial(store),
    ...(state.sample ? { batch: batchDial(store) } : {}),
    hand: handControls(store, state),
    choices: choiceControls(store, state),
    experiments: experimentsPanel(store, state, time),
    steps: whenSeen(stepsPanel(), BELOW_HEAD),
    predict: whenSeen(predictPanel(state)),
    weights: whenSeen(weightsPanel(state)),
    holding: whenSeen(holdingPanel()),
    ...(state.t95 ? { again: againPanel(store) } : {}),
  };
}

function laidOut(parts, cards, more, again) {
  const roots = (...names) => names.filter((name) => parts[name]).map((name) => parts[name].root);
  const dock = element("div", { id: "dock" }, ...roots("time", "rate"));
  const dials = element(
    "div",
    { id: "dials" },
    element("div.pair", {}, ...roots("momentum", "batch")),
    ...roots("hand", "choices"),
  );
  const side = element("aside", { id: "controls", "aria-label": "Controls" }, dock, dials, ...roots("experiments"));
  const figures = element("div", { id: "figures", tabindex: -1 }, ...cards.map(({ root }) => root));
  const stage = element("div", { id: "stage" }, ...roots("numbers"), figures);
  const below = tabsWith("More about this model", [
    { id: "steps", title: "The five steps", parts: roots("steps") },
    { id: "use", title: "Use the model", parts: roots("predict") },
    { id: "weights", title: "Weights, and what is left", parts: roots("weights", "holding") },
    ...(again.length ? [{ id: "again", title: "Another sample", parts: [...roots("again"), gridOf(again)] }] : []),
    { id: "more", title: "More figures", parts: [gridOf(more)] },
  ]);
  return [side, stage, below];
}

function gridOf(cards) {
  return element("div.grid", {}, ...cards.map(({ root }) => root));
}

function tableChoice() {
  const options = tables.map(({ title }, i) => element("option", { value: i }, title));
  const select = element("select", { id: "table", "aria-label": "Data" }, ...options);
  select.value = playing.index;
  select.addEventListener("change", () => (location.hash = `data=${select.value}`));
  addEventListener("hashchange", () => (select.value = dataOfLink(tables.length)));
  return select;
}

// Copies the address that restores this state; where there is no clipboard it shows it.
function linkButton() {
  const button = element("button", { type: "button", id: "link" }, "Copy link");
  button.addEventListener("click", async () => {
    const { store } = playing;
    const link = linkOf(store.settings(), store.defaults);
    try {
      await navigator.clipboard.writeText(location.href.split("#")[0] + link);
      button.textContent = "Copied";
    } catch {
      button.textContent = link;
    }
    setTimeout(() => (button.textContent = "Copy link"), 3000);
  });
  return button;
}

// What the page was made of, and how to make it again.
function aboutData({ rows, dropped, sample, held, weights, fields, command, notices }) {
  const said = [`${countWords(rows, "row")}${dropped ? ` (${bigWords(dropped)} more dropped for missing cells)` : ""}.`];
  if (held) said.push(`${bigWords(held.rows)} more kept for validation, which the loop never sees.`);
  if (!sample) said.push("The page holds none of them, only what they add up to.");
  else if (!sample.all)
    said.push(`Figures draw ${bigWords(sample.x.length)} of them, taken evenly; every other number is of all rows.`);
  if (weights) said.push(`Row weights: ${weights}.`);
  const bases = fields.filter(({ base }) => base).map(({ column, base }) => `${column} ${base}`);
  if (bases.length) said.push(`Base levels: ${bases.join(", ")}.`);
  const paragraphs = [said.join(" "), ...notices].map((words) => element("p", {}, words));
  return command ? [...paragraphs, element("p", {}, "Made by ", element("code", {}, command))] : paragraphs;
}
