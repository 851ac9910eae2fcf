// The loss around the optimum, seen along the stiffest and the softest direction, with the path on it.

import { cloudOf } from "../arithmetic/batches.js";
import { bigWords } from "../arithmetic/words.js";
import { labelOf } from "../ui/dom.js";
import { stillLayout, stillLine } from "./layout.js";
import { curveOf, dotAt, within, wordAt } from "./marks.js";
import { trailOf } from "./trail.js";

const GRID = 41; // points along each side
const CLOUD = { epochs: 40, paths: 5, cells: 4e6 };
const WINDOWS = [1, 1.5, 2, 3]; // times the distance of the start

let lastTrail = { path: null, target: null, around: [] }; // the path that was drawn last, seen along the two directions

export const surfaceFigure = {
  id: "surface",
  title: "Loss around the optimum",
  key: ({ settings }) => JSON.stringify([settings.view, settings.target, settings.seed]),
  later: (scene) => JSON.stringify([reachOf(scene), scene.settings.batch, hasCloud(scene) && scene.pathKey]),
  still(scene, palette) {
    const { problem } = scene;
    if (problem.directions.length < 2) return null;
    const [xReach, yReach] = reachOf(scene);
    const marker = { symbol: "x", size: 10, color: palette.ink };
    const data = [
      contours(problem, xReach, yReach, palette),
      ...cloudLines(scene, palette),
      { x: [0], y: [0], mode: "markers", type: "scatter", marker, hoverinfo: "skip" },
    ];
    const xaxis = { name: "along the valley", range: [-xReach, xReach], nticks: 5 };
    const yaxis = { name: "across the valley", range: [-yReach, yReach], nticks: 5 };
    return { data, layout: stillLayout(palette, xaxis, yaxis) };
  },
  marks(scene, axes, palette) {
    if (scene.problem.directions.length < 2) {
      return [
        wordAt(axes.width / 2, axes.height / 2, "one direction only: see the loss against one weight", palette, {
          "text-anchor": "middle",
        }),
      ];
    }
    const [softs, stiffs] = [1, 0].map((side) => trailAround(scene).map((point) => point[side]));
    const marks = [
      curveOf(axes, softs, stiffs, { stroke: palette.accent, "stroke-width": 2 }),
      wordAt(axes.x(0) + 9, axes.y(0) + 18, "optimum", palette, { fill: palette.soft }),
    ];
    if (scene.point.overflow) return marks;
    const [stiff, soft] = alongBoth(scene, scene.point);
    const [x, y] = [within(axes.x(soft), axes.left, axes.right), within(axes.y(stiff), axes.top, axes.bottom)];
    return [...marks, dotAt(x, y, palette)];
  },
  say(scene) {
    const { problem, settings } = scene;
    if (problem.directions.length < 2) return "These data have one direction of descent.";
    const [stiffest, softest] = [problem.directions[0], problem.directions.at(-1)];
    const ratio = bigWords(stiffest.curvature / softest.curvature);
    const cloud = hasCloud(scene) ? ` Thin lines: mini-batches of ${bigWords(settings.batch)}.` : "";
    return `The valley is ${ratio} times as steep across (${labelOf(stiffest.columns, 60)}) as along (${labelOf(softest.columns, 60)}): what lies along it comes last.${cloud}`;
  },
};

function rowsOf({ state }) {
  return state.sample ? state.sample.x.length : 0;
}

function hasCloud(scene) {
  return scene.settings.batch < rowsOf(scene);
}

// How far a point is from the optimum along the stiffest and along the softest direction, for the chosen target.
function alongBoth({ problem, settings }, point) {
  const along = problem.coordinatesOf(point);
  return [along[0][settings.target], along.at(-1)[settings.target]];
}

// The path as far as float64 sees it.
function trailAround(scene) {
  const { path, settings } = scene;
  if (lastTrail.path !== path || lastTrail.target !== settings.target) {
    const points = trailOf(path).filter(({ overflow }) => !overflow);
    lastTrail = { path, target: settings.target, around: points.map((point) => alongBoth(scene, point)) };
  }
  return lastTrail.around;
}

// Half the window, across and up: it holds the start and, by steps, what the path sees of it.
function reachOf(scene) {
  const { problem } = scene;
  if (problem.directions.length < 2) return [];
  const start = alongBoth(scene, scene.begin);
  return [1, 0].map((side) => {
    const unit = Math.sqrt(Math.max(problem.floor, 1e-12) / (side ? problem.curvatures.at(-1) : problem.curvatures[0]));
    const first = Math.max(Math.abs(start[side]), 1e-3 * unit);
    const most = Math.max(...trailAround(scene).map((point) => Math.abs(point[side])));
    return 1.15 * first * (WINDOWS.find((times) => most <= times * first * 1.001) ?? WINDOWS.at(-1));
  });
}

function contours(problem, xReach, yReach, palette) {
  const [stiff, soft] = [problem.curvatures[0], problem.curvatures.at(-1)];
  const side = (reach) => Array.from({ length: GRID }, (_, i) => reach * ((2 * i) / (GRID - 1) - 1));
  const [x, y] = [side(xReach), side(yReach)];
  const gap = (u, v) => (stiff * u * u + soft * v * v) / 2;
  const z = y.map((u) => x.map((v) => Math.sqrt(gap(u, v))));
  return {
    type: "contour",
    x,
    y,
    z,
    showscale: false,
    ncontours: 14,
    hoverinfo: "skip",
    colorscale: [
      [0, palette.card],
      [1, palette.tint],
    ],
    contours: { coloring: "fill" },
    line: { width: 0.75, color: palette.line },
  };
}

function cloudLines(scene, palette) {
  const { state, problem, settings, begin } = scene;
  const rows = rowsOf(scene);
  if (!hasCloud(scene)) return [];
  const updates = rows * problem.parameters.length * state.targets.length * CLOUD.paths;
  const epochs = Math.max(2, Math.min(CLOUD.epochs, Math.floor(CLOUD.cells / updates)));
  const { lr, momentum, batch: batchSize } = settings;
  const cloud = cloudOf(state, problem, { lr, momentum, batchSize, epochs, paths: CLOUD.paths, seed: 1, start: begin });
  return cloud.map((path) => {
    const along = path.map((point) => alongBoth(scene, point));
    return stillLine(
      along.map(([, soft]) => soft),
      along.map(([stiff]) => stiff),
      { color: palette.soft, width: 0.75 },
    );
  });
}
