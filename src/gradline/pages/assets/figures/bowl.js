// The loss seen from above, as a map with lines of equal loss: the steps so far, and the next one at its true length.

import { heightIn } from "../arithmetic/plane.js";
import { bigWords, numberWords } from "../arithmetic/words.js";
import { drawn, namesLabelOf, setOrRemove } from "../ui/dom.js";
import { originText } from "../ui/store.js";
import { isInside } from "./grips.js";
import { stillLayout } from "./layout.js";
import { curveOf, dotAt, dotsAt, ghostTo, KEPT, lineThrough, within, wordAt } from "./marks.js";

const LEVELS = 11; // lines of equal loss
const TOLD = [4, 6, 8]; // of them, with their loss beside them
const BESIDE = 0.35; // of the half width
const CORNERS = 72; // of each
const DOTS = 80; // steps that are told apart by a dot each
const SINGLE = 240; // epochs of a long trail that are shown one by one
const APART = 1.06; // and how many times further the next one is beyond them
const LATEST = 150; // of them, the last epochs of mini-batches, which go to and fro
const UNEVEN = 10; // how unlike the scales of two axes may be to be made one
const KEY = 0.02; // of the window, for each press of an arrow

export const bowlFigure = {
  id: "surface",
  title: "The loss from above",
  key: ({ settings, frame }) => JSON.stringify([settings.view, settings.target, settings.points, frame.reach]),
  still(scene, palette, size) {
    const { plane } = scene;
    if (!plane) return null;
    const [across, up] = axisNames(scene);
    const layout = stillLayout({ name: across }, { name: up });
    const reach = evened(scene, layout, size);
    const [x, y] = plane.center.map((middle, side) => [middle - reach[side], middle + reach[side]]);
    Object.assign(layout.xaxis, { range: x });
    Object.assign(layout.yaxis, { range: y });
    return { data: [], layout, under: (axes) => [contours(scene, axes, palette), lossesTold(scene, axes, palette)] };
  },
  marks(scene, axes, palette) {
    const { plane, point, next } = scene;
    if (!plane) {
      const words = "one direction only: see the loss against one weight";
      return [wordAt(axes.width / 2, axes.height / 2, words, palette, { "text-anchor": "middle" })];
    }
    const [x, y] = placeOn(axes, plane.center);
    const marks = [...optimumAt(x, y, palette), ...keptTrail(scene, axes, palette), ...trailMarks(scene, axes, palette)];
    if (point.overflow) return marks;
    const now = placeOn(axes, plane.at(point));
    if (next && !next.overflow) marks.push(...ghostTo(axes, now, placeOn(axes, plane.at(next)), palette));
    return [...marks, dotAt(within(now[0], axes.left, axes.right), within(now[1], axes.top, axes.bottom), palette)];
  },
  say(scene) {
    const { plane, point, next } = scene;
    if (!plane) return "These data have one direction of descent.";
    const touch = "Click anywhere to start there.";
    if (point.overflow || !next) return `The weights have left every map. ${touch}`;
    const slope = plane.axes[0].curvature / plane.axes[1].curvature;
    return `${shapeWords(slope)}. The dot is here, the ring is where the next step lands. ${touch}`;
  },
  grip: gripBowl,
};

function shapeWords(slope) {
  if (slope === Infinity) return "A trough: along its floor the loss is the same everywhere";
  return slope < 1.5 ? "A round bowl" : `A valley, ${bigWords(slope)} times as steep across as along`;
}

// Both axes on one scale where that costs little room, so that a round bowl is round and steps cross its lines squarely.
function evened({ plane, frame }, { margin }, { width, height }) {
  const room = [width - margin.left - margin.right, height - margin.top - margin.bottom];
  const units = frame.reach.map((half, side) => half / room[side]);
  const larger = Math.max(...units);
  if (!plane.isWhole || larger > UNEVEN * Math.min(...units)) return frame.reach;
  return room.map((pixels) => larger * pixels);
}

function axisNames({ plane, state, problem, settings }) {
  const names = problem.parameters.map((name, k) => (state.has_bias && k === 0 ? "bias" : `weight of ${name}`));
  const unit = settings.view === "standardised" ? ", per standard deviation" : "";
  if (plane.isWhole) {
    const [across, up] = plane.parameters.map((k) => names[k]);
    const short =
      names.length === 2 && state.has_bias ? `weight${unit || ` of ${state.features[0]}`}` : `${across}${unit}`;
    return [short, up];
  }
  const [steep, soft] = [problem.directions[0], problem.directions.at(-1)];
  return [`along the valley: ${namesLabelOf(soft.columns, 30)}`, `across: ${namesLabelOf(steep.columns, 20)}`];
}

function placeOn(axes, [u, v]) {
  return [axes.x(u), axes.y(v)];
}

// Lines of equal loss are ellipses; their losses lie evenly in the root, as distances do.
function contours({ plane }, axes, palette) {
  const reach = [axes.xAt(axes.right) - plane.center[0], axes.yAt(axes.top) - plane.center[1]];
  const paper = { x: axes.left, y: axes.top, width: axes.right - axes.left, height: axes.bottom - axes.top };
  const lines = Array.from({ length: LEVELS }, (_, i) => {
    const d = `${pathText(ellipse(plane, radiusOf(plane, axes, i), reach).map((place) => placeOn(axes, place)))}Z`;
    return drawn("path", { d, fill: palette.card, "fill-opacity": 0.14, stroke: palette.tint, "stroke-width": 1 });
  });
  const map = [drawn("rect", { ...paper, fill: palette.tint, "fill-opacity": 0.75 }), ...lines];
  return drawn("g", { "clip-path": axes.clip, class: "contours" }, ...map);
}

// The root of the loss above the floor on the i-th line from outside; the first nearly meets the farthest corner.
function radiusOf(plane, axes, i) {
  const [x, y] = [axes.xAt(axes.right), axes.yAt(axes.top)];
  const corners = [y, 2 * plane.center[1] - y].map((v) => heightIn(plane, [x, v]));
  return (Math.sqrt(Math.max(...corners)) * (LEVELS - i)) / (LEVELS + 0.5);
}

// The loss of some lines, where they cross an upright beside the best weights, off the usual path.
function lossesTold({ plane, problem }, axes, palette) {
  const [u, v] = plane.center;
  const aside = BESIDE * (axes.xAt(axes.right) - u);
  const [level, both, steep] = [
    [aside, 0],
    [aside, 1],
    [0, 1],
  ].map(([du, dv]) => heightIn(plane, [u + du, v + dv]));
  const slope = both - level - steep; // the height at (aside, dv) is level + slope·dv + steep·dv²
  const look = { fill: palette.soft, "font-size": 11, "text-anchor": "middle" };
  const words = TOLD.flatMap((i) => {
    const height = radiusOf(plane, axes, i) ** 2;
    const inner = slope ** 2 - 4 * steep * (level - height);
    const y = axes.y(v + (Math.sqrt(Math.max(inner, 0)) - slope) / (2 * steep));
    if (!(inner >= 0 && y > axes.top + 10 && y < axes.bottom - 4)) return [];
    return [wordAt(axes.x(u + aside), y + 4, numberWords(problem.floor + height, 2), palette, look)];
  });
  return drawn("g", {}, ...words);
}

// The places where the loss is radius² above the floor; a direction without slope is followed out of sight.
function ellipse({ axes, center }, radius, reach) {
  const far = 4 * Math.max(...reach);
  const sizes = axes.map(({ curvature }) =>
    curvature > 0 ? Math.min(radius * Math.sqrt(2 / curvature), 1e3 * far) : far,
  );
  return Array.from({ length: CORNERS }, (_, i) => {
    const angle = (2 * Math.PI * i) / CORNERS;
    const parts = [sizes[0] * Math.cos(angle), sizes[1] * Math.sin(angle)];
    return center.map((middle, side) => middle + axes.reduce((sum, { vector }, k) => sum + vector[side] * parts[k], 0));
  });
}

function pathText(points) {
  return points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

function optimumAt(x, y, palette) {
  const cross = [-1, 1].map((side) =>
    lineThrough(
      [
        [x - 5, y - 5 * side],
        [x + 5, y + 5 * side],
      ],
      { stroke: palette.ink, "stroke-width": 2 },
    ),
  );
  return [...cross, wordAt(x + 9, y + 16, "best possible", palette, { fill: palette.soft })];
}

function trailMarks(scene, axes, palette) {
  const places = trailPlaces(scene, scene.plane);
  const line = trailOf(places, axes, { stroke: palette.accent, "stroke-width": 2 });
  const dots = places.length > DOTS ? [] : places.map((place) => placeOn(axes, place));
  return [line, dotsAt(dots.filter((place) => isInside(axes, place)), 6, { stroke: palette.accent })];
}

function keptTrail({ kept, plane, epoch }, axes, palette) {
  if (!kept) return [];
  const places = trailPlaces({ ...kept, epoch, point: kept.path.at(epoch) }, plane);
  return [trailOf(places, axes, { ...KEPT, stroke: palette.ink })];
}

function trailOf(places, axes, look) {
  const [across, up] = [0, 1].map((side) => places.map((place) => place[side]));
  return curveOf(axes, across, up, look);
}

// Every update where they are few, else epochs one by one and then ever further apart: the same for each epoch that is
// looked at, so that their places are found once.
function trailPlaces({ path, epoch, point }, plane) {
  const counted = epoch * path.updates;
  if (path.steps && counted < path.steps.length) {
    const placeOf = placesOnce(path.steps, plane, (k) => path.steps[k]);
    return Array.from({ length: counted + 1 }, (_, k) => placeOf(k));
  }
  const latest = path.updates > 1 ? Math.max(0, epoch - LATEST) : epoch;
  const placeOf = placesOnce(path, plane, (k) => path.at(k));
  const places = [];
  let k = 0;
  while (k < epoch) {
    places.push(placeOf(k));
    k = k < SINGLE || k >= latest ? k + 1 : Math.min(latest, Math.ceil(APART * k));
  }
  return [...places, point.overflow ? null : plane.at(point)].filter((place) => place !== null);
}

const knownPlaces = new WeakMap(); // of a path, in the plane that was looked at last

// Where the k-th point of a path lies in a plane, null beyond float64.
function placesOnce(path, plane, pointAt) {
  if (knownPlaces.get(path)?.plane !== plane) knownPlaces.set(path, { plane, places: [] });
  const { places } = knownPlaces.get(path);
  return (k) => {
    if (places[k] === undefined) {
      const point = pointAt(k);
      places[k] = point.overflow ? null : plane.at(point);
    }
    return places[k];
  };
}

// A click or a drag chooses the start; so do the arrow keys.
function gripBowl(card, store) {
  const { plot } = card;
  setOrRemove(plot, "tabindex", 0);
  plot.classList.add("touch");
  const startAt = (place) => {
    const { plane, begin } = card.scene;
    store.set({ origin: originText(plane.moved(begin, place)), epoch: 0 });
  };
  const placeUnder = (event) => {
    const box = plot.getBoundingClientRect();
    const { axes } = card;
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    return isInside(axes, [x, y]) ? [axes.xAt(x), axes.yAt(y)] : null;
  };
  const follow = (event) => {
    const place = card.scene?.plane && placeUnder(event);
    if (place) startAt(place);
  };
  plot.addEventListener("click", follow);
  plot.addEventListener(
    "pointermove",
    (event) => event.buttons === 1 && event.pointerType === "mouse" && follow(event),
  );
  plot.addEventListener("keydown", (event) => {
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const way = ways[event.key];
    if (!way || !card.scene.plane) return;
    event.preventDefault();
    const { plane, begin, frame } = card.scene;
    startAt(plane.at(begin).map((part, side) => part + 2 * KEY * way[side] * frame.reach[side]));
  });
}
