// By hand: the weight and the bias set with a dial, and the points put back as they were.

import { numberWords } from "../arithmetic/words.js";
import { element, labelOf, say } from "../ui/dom.js";
import { parameterOf } from "../ui/scene.js";
import { originText } from "../ui/store.js";

const HAND_PLACES = 400; // of a dial

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
  const back = element(
    "button",
    { type: "button", id: "points-back", click: () => store.set({ points: null }) },
    "Points as they were",
  );
  const root = element(
    "div.hand",
    { role: "group", "aria-label": "Set by hand" },
    ...dials.map((dial) => dial.root),
    ...(state.t95 ? [back] : []),
  );
  const show = (scene) => {
    dials.forEach((dial) => dial.show(scene));
    back.disabled = scene.settings.points === null;
  };
  return { root, show };
}

function handDial(store, id, parameterIn) {
  let scene = null;
  const name = element("span");
  const field = element("input", {
    type: "number",
    id: `hand-${id}`,
    step: "any",
    change: () => start(Number(field.value)),
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
  const start = (value) => {
    if (!Number.isFinite(value)) return;
    const { state, settings, point, begin } = scene;
    const { weight, bias } = structuredClone(point.overflow ? begin : { weight: point.weight, bias: point.bias });
    const parameter = parameterIn(scene);
    if (state.has_bias && parameter === 0) bias[settings.target] = value;
    else weight[settings.target][parameter - (state.has_bias ? 1 : 0)] = value;
    store.set({ origin: originText({ weight, bias }), epoch: 0 });
  };
  const show = (next) => {
    scene = next;
    const parameter = parameterIn(scene);
    const isBias = scene.state.has_bias && parameter === 0;
    say(
      name,
      isBias ? "bias " : scene.state.features.length > 1 ? `${labelOf(scene.names[parameter], 7)} ` : "weight ",
    );
    const value = parameterOf(scene.point, scene, scene.settings.target, parameter);
    if (document.activeElement !== field) field.value = value === null ? "" : Number(value.toPrecision(3));
    const { best, reach } = around();
    if (document.activeElement !== slider) slider.value = Math.round(((value - best) / reach + 1) * (HAND_PLACES / 2));
    slider.setAttribute("aria-valuetext", value === null ? "beyond all numbers" : numberWords(value, 4));
  };
  const root = element("div.dial", {}, element("div.words", {}, element("label", {}, name, field)), slider);
  return { root, show };
}
