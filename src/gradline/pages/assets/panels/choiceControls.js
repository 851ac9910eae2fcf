// What is chosen rather than dialled: the scale of the columns, a mistake, the target, the weight that figures look at.

import { mistakesOf } from "../arithmetic/mistakes.js";
import { viewsOf } from "../arithmetic/spectrum.js";
import { element, labelOf } from "../ui/dom.js";
import { firstRate } from "../ui/store.js";
import { rateTooLarge } from "./rateControls.js";

const MISTAKE_NAMES = {
  forgotten_zero_grad: "forgotten zero_grad",
  pairs: "shapes (n, 1) and (n,)",
  stale_loss: "stale loss",
};
const VIEW_NAMES = { raw: "as given", centred: "centred", standardised: "standardised" };

/**
 * The choices.
 * @param {object} store Of `storeOf`.
 * @param {object} state What playground_data.py wrote.
 * @returns {{root: HTMLElement, show: (scene: object) => void}}
 */
export function choiceControls(store, state) {
  const groups = [
    scaleChoice(store, state),
    ...(state.targets.length > 1 ? [targetTabs(store, state)] : []),
    ...(state.features.length > 1 ? [weightChoice(store, state)] : []),
    mistakeChoice(store, state),
  ];
  const root = element("div.choices", {}, ...groups.map((group) => group.root));
  return { root, show: (scene) => groups.forEach((group) => group.show(scene)) };
}

// One of several, as radio buttons that look like tabs.
function tabsOf(name, legend, values, labels, chosen) {
  const inputs = values.map((value, i) =>
    element("input", { type: "radio", name, id: `${name}-${i}`, value, change: () => chosen(values[i]) }),
  );
  const tabs = inputs.map((input, i) =>
    element("label", { for: input.id, title: labels[i] }, input, element("span", {}, labelOf(labels[i], 20))),
  );
  const root = element("fieldset.tabs", {}, element("legend", {}, legend), ...tabs);
  return { root, show: (value) => inputs.forEach((input, i) => (input.checked = values[i] === value)) };
}

function scaleChoice(store, state) {
  const rates = {}; // the rate that was last used on each scale
  const views = viewsOf(state);
  const tabs = tabsOf(
    "view",
    "columns",
    views,
    views.map((view) => VIEW_NAMES[view]),
    (view) => {
      const { view: before, lr, momentum } = store.settings();
      rates[before] = lr;
      store.set({ view, lr: rates[view] ?? firstRate(state, view, momentum) });
    },
  );
  return { root: tabs.root, show: ({ settings }) => tabs.show(settings.view) };
}

function targetTabs(store, state) {
  const positions = state.targets.map((_, i) => i);
  const tabs = tabsOf("target", "target", positions, state.targets, (target) => store.set({ target }));
  return { root: tabs.root, show: ({ settings }) => tabs.show(settings.target) };
}

function mistakeChoice(store, state) {
  let scene = null;
  const toggle = (id, words, click) => element("button.toggle", { type: "button", id, click }, words);
  const buttons = mistakesOf(state).map((kind) => [
    kind,
    toggle(`mistake-${kind}`, MISTAKE_NAMES[kind], () =>
      store.set({ mistake: store.settings().mistake === kind ? null : kind, batch: store.defaults.batch }),
    ),
  ]);
  const tooLarge = toggle("mistake-lr", "lr too large", () => {
    const { view, momentum, lr } = store.settings();
    store.set({ lr: lr > scene.limit ? firstRate(state, view, momentum) : rateTooLarge(scene) });
  });
  const root = element(
    "fieldset.tabs.mistakes",
    {},
    element("legend", {}, "make a mistake"),
    ...buttons.map(([, button]) => button),
    tooLarge,
  );
  const show = (next) => {
    scene = next;
    buttons.forEach(([kind, button]) => button.setAttribute("aria-pressed", String(scene.settings.mistake === kind)));
    tooLarge.setAttribute("aria-pressed", String(scene.settings.lr > scene.limit));
  };
  return { root, show };
}

function weightChoice(store, state) {
  const names = [...(state.has_bias ? ["bias"] : []), ...state.features];
  const options = names.map((name, k) => element("option", { value: k }, labelOf(name)));
  const select = element(
    "select",
    { id: "parameter", change: () => store.set({ parameter: Number(select.value) }) },
    ...options,
  );
  const root = element("label.weight", { title: "The weight that is set by hand, and shown in the figures" }, element("span", {}, "weight to set"), select);
  return { root, show: ({ settings }) => (select.value = settings.parameter) };
}
