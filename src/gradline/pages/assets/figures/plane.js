// Two features: the rows as dots in space, the fitted plane through them and the sticks between; it turns.

import { numberWords } from "../arithmetic/words.js";
import { drawn, labelOf, setOrRemove } from "../ui/dom.js";
import { dotsAt, lineThrough, sticksOf, wordAt } from "./marks.js";

const MOST_DOTS = 400;
const LINES = 6; // of the plane's grid, each way
const TURN = Math.PI / 36; // for each press of an arrow key

const camera = { turn: 0.6, tilt: 0.45 };

export const planeFigure = {
  id: "fit",
  title: "Data and fitted plane",
  key: ({ settings }) => String(settings.target),
  marks(scene, size, palette) {
    if (scene.point.overflow) return [];
    const space = spaceOf(scene, size);
    const { dots, plane } = space;
    const [above, below] = [true, false].map((side) => dots.filter(({ y, prediction }) => y >= prediction === side));
    const sticks = (some) =>
      some.map(({ at, y, prediction }) => [...space.place(...at, y), ...space.place(...at, prediction)]);
    const points = (some) => some.map(({ at, y }) => space.place(...at, y));
    const dotted = { stroke: palette.soft, "stroke-opacity": 0.9 };
    const stick = { stroke: palette.accent, "stroke-width": 1, "stroke-opacity": 0.6 };
    const optimum = cornersOf(space, scene.state.optimum);
    return [
      ...boxOf(space, scene, palette),
      sticksOf(sticks(below), stick),
      dotsAt(points(below), 6, { ...dotted, "stroke-opacity": 0.45 }),
      lineThrough([...optimum, optimum[0]], { stroke: palette.ink, "stroke-dasharray": "5 4" }),
      drawn("path", { d: plane.fill, fill: palette.accent, "fill-opacity": 0.16 }),
      sticksOf(plane.grid, { stroke: palette.accent, "stroke-width": 1 }),
      sticksOf(sticks(above), stick),
      dotsAt(points(above), 6, dotted),
    ];
  },
  say({ state, settings, point }) {
    if (point.overflow) return "The weights are beyond all numbers.";
    const said = state.features.map((name, i) => {
      const [now, best] = [point, state.optimum].map(({ weight }) => numberWords(weight[settings.target][i], 4));
      return `${labelOf(name)} ${now} (best ${best})`;
    });
    return `The plane's slopes: ${said.join(", ")}. Dashed: the best plane. Drag or use the arrow keys to turn it.`;
  },
  grip: (card) => {
    const { plot } = card;
    setOrRemove(plot, "tabindex", 0);
    const turn = (across, up) => {
      camera.turn += across;
      camera.tilt = Math.min(1.5, Math.max(0.05, camera.tilt + up));
      card.redraw();
    };
    const ways = { ArrowLeft: [-TURN, 0], ArrowRight: [TURN, 0], ArrowUp: [0, TURN], ArrowDown: [0, -TURN] };
    plot.addEventListener("keydown", (event) => {
      if (!ways[event.key]) return;
      event.preventDefault();
      turn(...ways[event.key]);
    });
    plot.addEventListener("pointermove", (event) => {
      if (event.buttons) turn(event.movementX / 150, event.movementY / 150);
    });
  },
};

// The rows and the plane in a box that a camera looks at; `place(x1, x2, y)` says where a point of it stands.
function spaceOf({ state, settings, point }, { width, height }) {
  const { moments, features, sample } = state;
  const ends = [0, 1, features.length + settings.target].map((i) => [moments.minimum[i], moments.maximum[i]]);
  const unit = (value, [low, high]) => (value - low) / (high - low || 1) - 0.5;
  const [sin, cos, lift, lay] = [
    Math.sin(camera.turn),
    Math.cos(camera.turn),
    Math.sin(camera.tilt),
    Math.cos(camera.tilt),
  ];
  const scale = Math.min(width / 1.7, height / 1.6);
  const place = (x1, x2, y) => {
    const [u, v, up] = [unit(x1, ends[0]), unit(x2, ends[1]), Math.min(Math.max(unit(y, ends[2]), -2), 2)];
    const [across, deep] = [u * cos - v * sin, u * sin + v * cos];
    return [width / 2 + scale * across, height / 2 - scale * (up * lay + deep * lift)];
  };
  const predict = (weights, x1, x2) =>
    weights.weight[settings.target][0] * x1 + weights.weight[settings.target][1] * x2 + weights.bias[settings.target];
  const dots = (sample?.x ?? [])
    .slice(0, MOST_DOTS)
    .map((at, i) => ({ at, y: sample.y[i][settings.target], prediction: predict(point, ...at) }));
  const space = { ends, place, predict, dots };
  return { ...space, plane: planeOf(space, point) };
}

function planeOf(space, point) {
  const corners = cornersOf(space, point);
  const fill = `M${corners.map((corner) => corner.map((part) => part.toFixed(1)).join(" ")).join("L")}Z`;
  const { ends, place, predict } = space;
  const steps = Array.from({ length: LINES }, (_, i) => i / (LINES - 1));
  const along = ([low, high], share) => low + share * (high - low);
  const at = (x1, x2) => place(x1, x2, predict(point, x1, x2));
  const grid = steps.flatMap((share) => [
    [...at(along(ends[0], share), ends[1][0]), ...at(along(ends[0], share), ends[1][1])],
    [...at(ends[0][0], along(ends[1], share)), ...at(ends[0][1], along(ends[1], share))],
  ]);
  return { fill, grid };
}

function cornersOf({ ends, place, predict }, point) {
  const corners = [
    [0, 0],
    [1, 0],
    [1, 1],
    [0, 1],
  ].map(([i, j]) => [ends[0][i], ends[1][j]]);
  return corners.map((corner) => place(...corner, predict(point, ...corner)));
}

// The floor of the box and the names of its sides.
function boxOf({ ends, place }, { state, settings }, palette) {
  const [[a, b], [c, d], [low, high]] = ends;
  const floor = [place(a, c, low), place(b, c, low), place(b, d, low), place(a, d, low)];
  const middle = ([x1, y1], [x2, y2]) => [(x1 + x2) / 2, (y1 + y2) / 2];
  const word = ([x, y], text, dy) => wordAt(x, y + dy, text, palette, { "text-anchor": "middle", fill: palette.soft });
  const edges = sticksOf([[...place(a, c, low), ...place(a, c, high)]], { stroke: palette.line });
  return [
    lineThrough([...floor, floor[0]], { stroke: palette.line }),
    edges,
    word(middle(floor[0], floor[1]), labelOf(state.features[0]), 16),
    word(middle(floor[0], floor[3]), labelOf(state.features[1]), 16),
    word(place(a, c, high), labelOf(state.targets[settings.target]), -8),
  ];
}
