// By hand: the weight and the bias set with a dial, and other points chosen.

import { SHAPES } from "../arithmetic/shapes.js";
import { numberWords } from "../arithmetic/words.js";
import { element, labelOf, say } from "../ui/dom.js";
import { numberField } from "../ui/numberField.js";
import { parameterOf, startByHand } from "../ui/scene.js";

const HAND_PLACES = 400; // of a dial
const MOST_BY_HAND = 1e100; // beyond it squares soon are no numbers

/**
 * A dial for the weight that is watched and one for the bias; each starts anew from there.
 * @param {object} store Of `storeOf`.
 * @param {object} state What playground_data.py wrote.
 * @returns {{root: HTMLElement, show: (scene: object) => void}}
 */
export function handControls(store, state) {
  const weight = handDial(store, "weight", ({ settings }) => settings.parameter);
  const bias = handDial(store, "bias", () => 0);
  const dials = state.has_bias ? [weight, bias] : [weight];
  const points = state.t95 ? [pointsChoice(store)] : [];
  const root = element(
    "div.hand",
    { role: "group", "aria-label": "Set by hand" },
    ...dials.map((dial) => dial.root),
    ...points.map((choice) => choice.root),
  );
  return { root, show: (scene) => [...dials, ...points].forEach((part) => part.show(scene)) };
}

// The points as they were, or others to learn from; "moved by hand" stands where none of them is.
function pointsChoice(store) {
  const option = (value, name, attributes = {}) => element("option", { value, ...attributes }, name);
  const select = element(
    "select",
    { id: "points", "aria-label": "Points", change: () => store.set({ points: select.value || null }) },
    option("", "points as they were"),
    ...Object.entries(SHAPES).map(([shape, name]) => option(shape, `points ${name}`)),
    option("by hand", "points moved by hand", { disabled: true }),
  );
  const shown = (points) => (points === null ? "" : Object.hasOwn(SHAPES, points) ? points : "by hand");
  return { root: select, show: ({ settings }) => (select.value = shown(settings.points)) };
}

function handDial(store, id, parameterIn) {
  let scene = null;
  const name = element("span", { title: "Another is chosen below, under weight to set" });
  const start = (value) => store.set(startByHand(scene, { [parameterIn(scene)]: value }));
  const field = numberField({
    id: `hand-${id}`,
    wants: `A ${id} is a number up to 1e100`,
    isRight: (value) => Math.abs(value) <= MOST_BY_HAND,
    take: start,
    room: 9,
  });
  const slider = element("input", {
    type: "range",
    id: `hand-${id}-slider`,
    min: 0,
    max: HAND_PLACES,
    "aria-label": `Set the ${id}`,
    input: () => start(valueAt(Number(slider.value))),
  });
  const around = () => {
    const { problem, settings, frame } = scene;
    const best = parameterOf(problem.optimum, scene, settings.target, parameterIn(scene));
    const way = Math.abs(parameterOf(frame.begin, scene, settings.target, parameterIn(scene)) - best);
    return { best, reach: 1.5 * Math.max(way, 0.5 * Math.abs(best), 1e-9) };
  };
  const valueAt = (place) => {
    const { best, reach } = around();
    return Number((best + reach * ((2 * place) / HAND_PLACES - 1)).toPrecision(4));
  };
  const show = (next) => {
    scene = next;
    const parameter = parameterIn(scene);
    const isBias = scene.state.has_bias && parameter === 0;
    say(
      name,
      isBias ? "bias" : scene.state.features.length > 1 ? labelOf(scene.names[parameter], 10) : "weight",
    );
    const value = parameterOf(scene.point, scene, scene.settings.target, parameter);
    field.show(value === null ? "∞" : Number(value.toPrecision(3)));
    const { best, reach } = around();
    if (document.activeElement !== slider) slider.value = Math.round(((value - best) / reach + 1) * (HAND_PLACES / 2));
    slider.setAttribute("aria-valuetext", value === null ? "beyond all numbers" : numberWords(value, 4));
  };
  const root = element("div.dial", {}, element("div.words", {}, element("label", { for: `hand-${id}` }, name), field.root), slider);
  return { root, show };
}
