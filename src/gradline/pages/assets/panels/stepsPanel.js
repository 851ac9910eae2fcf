// The five steps of the loop at this epoch, with their numbers and their shapes.

import { fiveSteps } from "../arithmetic/steps.js";
import { bigWords, countWords, numberWords } from "../arithmetic/words.js";
import { element, labelOf } from "../ui/dom.js";

const MOST_COLUMNS = 6;

/**
 * The five steps for the chosen target, on the scale that the loop runs on.
 * @returns {{root: HTMLElement, show: (scene: object) => void}}
 */
export function stepsPanel() {
  const list = element("ol.steps");
  const intro = element("p.says");
  const root = element(
    "section.card",
    { id: "steps", "aria-labelledby": "title-steps" },
    element("h2", { id: "title-steps" }, "The five steps from here"),
    intro,
    list,
  );
  const show = (scene) => {
    const { state, settings, problem, path, epoch } = scene;
    const steps = fiveSteps(state, problem, path, epoch, settings.target);
    const target = labelOf(state.targets[settings.target]);
    const scale = settings.view === "raw" ? "" : ` on ${settings.view} columns`;
    intro.textContent = `What the loop does next, in epoch ${bigWords(epoch + 1)}${scale}. The numbers are those of ${target}.`;
    list.replaceChildren(
      ...(steps
        ? stepsOf(scene, steps)
        : [element("li", {}, "The numbers have become too large for float64: every value is nan.")]),
    );
  };
  return { root, show };
}

function stepsOf(scene, steps) {
  const { state, settings } = scene;
  const step = (name, code, ...parts) =>
    element("li", {}, element("h3", {}, name, " ", element("code", {}, code)), ...parts);
  const reset = {
    forgotten_zero_grad: "Left out here, so the next gradient is added to this one.",
    null: "So that the next gradient starts from zero; PyTorch adds to what is there.",
  };
  return [
    step("1 Predict", "preds = model(x)", productShown(scene, steps)),
    step("2 Loss", "loss = loss_fn(preds, y)", lossLine(scene, steps)),
    step("3 Gradient", "loss.backward()", vectorTable(scene, [["gradient", steps.gradient]])),
    step("4 Update", "opt.step()", updateTable(scene, steps)),
    step(
      "5 Reset",
      "opt.zero_grad()",
      element(
        "p",
        {},
        reset[settings.mistake] ?? reset.null,
        state.weights ? " Row weights are those of a column." : "",
      ),
    ),
  ];
}

function lossLine({ settings, path, epoch }, { loss, rows }) {
  const [first] = rows;
  const squares = first
    ? ` The first row is off by ${numberWords(first.residual, 4)}, squared ${numberWords(first.residual ** 2, 4)}.`
    : "";
  const shown = path.shown(epoch);
  const stale = settings.mistake === "stale_loss" && shown !== null ? ` The loop prints ${numberWords(shown, 4)}.` : "";
  return element(
    "p",
    {},
    path.updates > 1 ? "The mean squared error over the batch and all targets: " : "The mean squared error over all rows and targets: ",
    element("b", { id: "step-loss", "data-value": loss }, numberWords(loss, 5)),
    `.${squares}${stale}`,
  );
}

// The first rows times the weights, with the shapes of the whole product.
function productShown({ state, settings, path, epoch }, { rows, update }) {
  const { features, targets } = state;
  const seen = path.rowsAt(epoch)?.length ?? state.rows;
  const shapes = `X (${bigWords(seen)}, ${features.length}) · weightᵀ (${features.length}, ${targets.length})${state.has_bias ? ` + bias (${targets.length})` : ""} = predictions (${bigWords(seen)}, ${targets.length})`;
  if (!rows.length) return element("p", {}, shapes);
  const shown = columnsShown(state, settings);
  const rest = features.length > shown.length ? ["…"] : [];
  const heads = [...shown.map((i) => features[i]), ...rest, "prediction", targets[settings.target], "off by"];
  const body = rows.map(({ x, y, prediction, residual }) =>
    element("tr", {}, ...[...shown.map((i) => x[i]), ...rest, prediction, y, residual].map(cellOf)),
  );
  const weights = [...shown.map((i) => update.before.weight[i]), ...rest, "← weights", "", ""];
  const foot = element("tr", {}, ...weights.map(cellOf));
  const of = rows.length < seen ? element("p.says", {}, `${rows.length} of the ${countWords(seen, "row")}:`) : "";
  return element(
    "div",
    {},
    element("p.shapes", {}, shapes),
    of,
    wideTable("First rows, prediction and target", heads, [...body], foot),
  );
}

// The chosen feature is always among the first that there is room for.
function columnsShown({ features, has_bias }, { parameter }) {
  const first = features.map((_, i) => i).slice(0, MOST_COLUMNS);
  const chosen = Math.max(0, parameter - (has_bias ? 1 : 0));
  return first.includes(chosen) ? first : [...first.slice(0, -1), chosen];
}

function cellOf(value) {
  return element(
    "td.number",
    { "data-value": typeof value === "number" ? value : null },
    typeof value === "number" ? numberWords(value, 4) : value,
  );
}

function wideTable(label, heads, body, foot = null) {
  const isOfNumbers = heads[0] !== null; // else the rows have names
  const head = element(
    "tr",
    {},
    ...heads.map((name) =>
      name === null ? element("td") : element("th", { class: isOfNumbers ? "number" : null, scope: "col", title: name }, labelOf(name, 16)),
    ),
  );
  const table = element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
  if (foot) table.append(element("tfoot", {}, foot));
  return element("div.wide", { tabindex: 0, role: "region", "aria-label": label }, table);
}

function vectorTable({ state, settings }, lines) {
  const shown = columnsShown(state, settings);
  const heads = [null, ...(state.has_bias ? ["bias"] : []), ...shown.map((i) => state.features[i])];
  const body = lines.map(([name, { weight, bias }]) =>
    element(
      "tr",
      { "data-line": name },
      element("th", { scope: "row" }, name),
      ...[...(state.has_bias ? [bias] : []), ...shown.map((i) => weight[i])].map(cellOf),
    ),
  );
  return wideTable(lines[0][0], heads, body);
}

function updateTable(scene, { gradient, update }) {
  const { before, velocity, after, lr } = update;
  const isPlain = velocity.weight.every((value, i) => value === gradient.weight[i]) && velocity.bias === gradient.bias;
  const lines = [
    ["before", before],
    ...(isPlain || scene.settings.momentum + (scene.settings.mistake ? 1 : 0) === 0 ? [] : [["velocity", velocity]]),
    ["after", after],
  ];
  const rule = `after = before − lr · ${lines.length === 3 ? "velocity" : "gradient"}, lr = ${numberWords(lr)}`;
  return element("div", {}, element("p.shapes", {}, rule), vectorTable(scene, lines));
}
