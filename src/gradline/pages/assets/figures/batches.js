// Mini-batches: a cloud of paths around that of the full batch, computed on the page from the sampled rows.

import { cloudOf } from "../arithmetic/batches.js";
import { bigWords, numberWords } from "../arithmetic/words.js";
import { lossToDraw } from "./loss.js";
import { stillLayout, stillLine } from "./layout.js";
import { epochLine, wordAt } from "./marks.js";

const LIMITS = { epochs: 40, paths: 12, cells: 2e7 };

export const batchesFigure = {
  id: "batches",
  title: "Mini-batches around the full batch",
  key: () => "epochs and loss",
  later: ({ pathKey, settings }) => JSON.stringify([pathKey, settings.batch]),
  still(scene, palette) {
    const { state, problem, right } = scene;
    if (!state.sample) return null;
    const cloud = cloudAround(scene);
    const all = Array.from({ length: batchEpochs(scene) + 1 }, (_, i) => i);
    const losses = all.map((epoch) => lossToDraw(right.at(epoch)));
    const floor = Math.max(problem.floor, 1e-30);
    const ends = [0, all.length - 1];
    const data = [
      ...cloud.map((path) => stillLine(all.slice(0, path.length), path, { color: palette.soft, width: 1 })),
      stillLine(all, losses, { color: palette.accent, width: 2.5 }, "full batch"),
      stillLine(ends, [floor, floor], { color: palette.ink, width: 1, dash: "dash" }, "optimum"),
    ];
    const start = losses[0];
    const seen = [...losses, ...cloud.flat()].filter((loss) => loss < 1e4 * start);
    const least = Math.max(Math.min(floor, ...seen), 1e-12 * start);
    const range = [least / 2, Math.max(...seen, start) * 2].map(Math.log10);
    const xaxis = { name: "epoch", range: ends };
    return { data, layout: stillLayout(palette, xaxis, { name: "loss of all rows", type: "log", range, dtick: 1 }) };
  },
  marks(scene, axes, palette) {
    const middle = { "text-anchor": "middle" };
    if (!axes.x) return [wordAt(axes.width / 2, axes.height / 2, "the page holds no rows", palette, middle)];
    const { epoch } = scene.settings;
    return epoch <= batchEpochs(scene) ? [epochLine(axes, axes.x(epoch), palette)] : [];
  },
  say(scene) {
    const { state, settings } = scene;
    if (!state.sample) return "Mini-batches need rows, and the page holds none.";
    const rows = state.sample.x.length;
    const source = state.sample.all ? "" : ` Drawn from ${bigWords(rows)} sampled rows.`;
    if (settings.batch >= rows) {
      return state.sample.all
        ? `One batch of all ${bigWords(rows)} rows: every path is the full batch's. Make the batches smaller.`
        : `One batch of the ${bigWords(rows)} sampled rows: it goes where the full batch goes as far as the sample is like all rows.`;
    }
    const updates = bigWords(Math.ceil(rows / settings.batch));
    return `Batches of ${bigWords(settings.batch)}: ${updates} updates an epoch instead of one, faster at first, then noise around the optimum at lr ${numberWords(settings.lr)}.${source}`;
  },
};

function batchEpochs({ state, problem }) {
  const work = state.sample.x.length * problem.parameters.length * state.targets.length * LIMITS.paths;
  return Math.max(2, Math.min(LIMITS.epochs, Math.floor(LIMITS.cells / work)));
}

// The losses of each path by epoch.
function cloudAround(scene) {
  const { state, problem, settings, begin } = scene;
  const { lr, momentum, batch: batchSize } = settings;
  const { paths } = LIMITS;
  const options = { lr, momentum, batchSize, epochs: batchEpochs(scene), paths, seed: 1, start: begin };
  return cloudOf(state, problem, options).map((path) => path.map(({ loss }) => Math.max(loss, 1e-30)));
}
