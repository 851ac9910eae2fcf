// Answers requests about a page's state with the page's own arithmetic: a line of JSON in, a line of JSON out.

import { createInterface } from "node:readline";

const folder = new URL("../../src/gradline/pages/assets/arithmetic/", import.meta.url);
const page = {};
for (const name of ["again", "batches", "bestRate", "heavyBall", "mistakes", "nudges", "path", "plane", "predict", "random", "refit", "shapes", "spectrum", "steps", "terms", "words"]) {
  Object.assign(page, await import(new URL(`${name}.js`, folder)));
}
Object.assign(page, await import(new URL("../ui/time.js", folder))); // which touches no page
let state = null; // of the line that is being answered

function pathFor({ view, kind, ...settings }) {
  const problem = page.problemOf(state, view);
  return kind ? page.mistakenPath(problem, state, kind, settings) : page.pathOf(problem, settings);
}

const answer = {
  views: () => page.viewsOf(state),
  mistakes: () => page.mistakesOf(state),
  problem: ({ view, lr, momentum, points }) => {
    const problem = page.problemOf(state, view);
    return {
      lrLimit: problem.lrLimit(momentum),
      bestLr: problem.bestLr(momentum),
      growth: problem.growth(lr, momentum),
      shares: problem.limitShares(),
      columns: problem.directions.map(({ columns }) => columns),
      points: points.map((point) => ({
        loss: problem.lossOf(point),
        gradient: problem.gradientOf(point),
        coordinates: problem.coordinatesOf(point),
        view: problem.toView(point),
        raw: problem.toRaw(problem.toView(point)),
      })),
    };
  },
  path: ({ epochs, ...settings }) => {
    const path = pathFor(settings);
    return {
      points: epochs.map((epoch) => ({ ...path.at(epoch), shown: path.shown(epoch), holding: path.holding(epoch) })),
      toLoss: path.epochsToLoss(),
      toWeights: path.epochsToWeights(),
    };
  },
  steps: ({ epoch, target, ...settings }) =>
    page.fiveSteps(state, page.problemOf(state, settings.view), pathFor(settings), epoch, target),
  nudges: ({ epoch, target, ...settings }) =>
    page.nudgesOf(page.problemOf(state, settings.view), pathFor(settings), epoch, target),
  again: ({ count }) => page.drawnAgain(state, count),
  readings: ({ texts }) => texts.map(page.readingsOf),
  fieldTexts: ({ values, room }) => values.map((value) => page.fieldText(value, room)),
  batches: ({ view, paths, ...settings }) =>
    Array.from({ length: paths }, (_, i) => {
      const seed = settings.seed + i;
      const path = page.batchPath(state, page.problemOf(state, view), { ...settings, seed });
      const points = Array.from({ length: path.last + 1 }, (_, epoch) => path.at(epoch));
      const next = points.map((_, epoch) => path.nextAt(epoch));
      return { points, next, steps: path.steps, updates: path.updates, diverges: path.diverges };
    }),
  time: ({ horizon }) => {
    const { epochs, ticks, placeOf, epochAt } = page.timeAxis(horizon);
    return { epochs, ticks, places: epochs.map(placeOf), back: epochs.map(placeOf).map(epochAt) };
  },
  roundedDown: ({ rates }) => rates.map((rate) => page.roundedDown(rate)),
  rounded: ({ counts }) => counts.map(page.roundedUp),
  refit: ({ rows }) => page.refitted(state, rows),
  plane: ({ view, target, start, places }) => {
    const problem = page.problemOf(state, view);
    const plane = page.planeIn(problem, target);
    if (!plane) return null;
    const moved = places.map((place) => plane.moved(start, place));
    return {
      center: plane.center,
      window: page.windowAround(plane, plane.at(start), problem.floor),
      at: moved.map(plane.at),
      heights: places.map((place) => page.heightIn(plane, place)),
      losses: moved.map(problem.lossOf),
      start: plane.at(start),
    };
  },
  predict: ({ point, values, level }) => page.predict(state, point, values, level),
  bestRate: ({ view, start, epochs, momentum }) =>
    page.bestRateAt(page.problemOf(state, view), start, epochs, momentum),
  shapes: () => Object.keys(page.SHAPES).map((shape) => [shape, page.pointsOfShape(state, shape)]),
  start: ({ seed }) => page.newStart(state, seed),
  errors: ({ cases }) => cases.map(([a, momentum, epoch]) => page.errorAfter(a, momentum, epoch)),
  words: ({ values }) =>
    values.map((value) => [page.numberWords(value), page.bigWords(value), page.percentWords(value)]),
};

const spelled = (_, value) => (Object.is(value, Infinity) ? "Infinity" : Number.isNaN(value) ? "NaN" : value);
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  state = asked.state;
  const answers = asked.requests.map(({ what, ...request }) => answer[what](request));
  process.stdout.write(`${JSON.stringify(answers, spelled)}\n`);
}
