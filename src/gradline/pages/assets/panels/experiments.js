// Five guided experiments: each a question, buttons that set it up, and the answer that then stands in the figures.

import { rowsText } from "../arithmetic/refit.js";
import { bigWords, countWords, numberWords, percentWords, roundedDown } from "../arithmetic/words.js";
import { element, say } from "../ui/dom.js";
import { firstRate } from "../ui/store.js";

/**
 * The experiments. `doing` makes changes of the settings from a scene; `plays` lets the time run afterwards.
 * @param {object} state What playground_data.py wrote.
 * @returns {{question: string, acts: {name: string, doing: (scene: object) => object, plays?: boolean}[],
 *   answer: (scene: object) => string}[]}
 */
function experimentsOf(state) {
  return [
    oneStep,
    rateTooFar,
    narrowValley,
    ...(state.sample ? [smallBatches(state)] : []),
    state.t95 ? wildPoint : otherStart,
  ];
}

const plain = { epoch: 0, mistake: null, momentum: 0, seed: 0, origin: null };
const all = ({ state }) => state.sample?.x.length ?? state.rows;
const atShare = (share) => (scene) => ({
  ...plain,
  batch: all(scene),
  lr: roundedDown(share * scene.problem.lrLimit(0)),
});

const oneStep = {
  question: "What does one step do?",
  acts: [
    {
      name: "Start",
      doing: (scene) => ({ ...plain, batch: all(scene), view: "raw", lr: firstRate(scene.state, "raw", 0) }),
    },
    { name: "One step", doing: ({ epoch }) => ({ epoch: epoch + 1 }) },
  ],
  answer: ({ epoch, path, point }) => {
    if (epoch === 0)
      return "The dashed arrow is the next step: the gradient times the learning rate, downhill. Take it.";
    const [before, after] = [path.at(epoch - 1).loss, point.loss];
    const change = `from ${numberWords(before)} to ${numberWords(after ?? Infinity)}`;
    return after !== null && after < before
      ? `The dot moved to where the arrow pointed, and the loss fell ${change}. It is less steep here, so the next arrow is shorter.`
      : `The step went too far: the loss rose ${change}. The learning rate is too large. Press Start.`;
  },
};

const rateTooFar = {
  question: "What if the rate nears its limit?",
  acts: [
    { name: "A tenth", doing: atShare(0.1), plays: true },
    { name: "Just below", doing: atShare(0.95), plays: true },
    { name: "Just above", doing: atShare(1.05), plays: true },
  ],
  answer: ({ settings, limit, problem }) => {
    const share = settings.lr / limit;
    if (share <= 0.5) return "Each step goes part of the way down: the dot slides into the valley and then along it.";
    if (share <= 1)
      return "Each step jumps across the valley and lands a little lower on the other side. It zigzags, and arrives.";
    return `Each jump lands higher than it began: the error grows ${numberWords(problem.growth(settings.lr, 0), 3)}-fold each epoch. The line swings away: that is diverging.`;
  },
};

const narrowValley = {
  question: "Why fast at first, then slow?",
  acts: [
    { name: "Columns as given", doing: atBest("raw"), plays: true },
    { name: "Standardised", doing: atBest("standardised"), plays: true },
  ],
  answer: ({ settings, problem, right }) => {
    const ratio = bigWords(problem.curvatures[0] / problem.curvatures.at(-1));
    const needed = countWords(right.epochsToWeights(), "epoch");
    return settings.view === "standardised"
      ? `Standardised, the bowl is ${ratio === "1" ? "round" : `${ratio} times as steep one way as the other`}, so each step heads for the best weights: ${needed}.`
      : `The bowl is a valley, ${ratio} times as steep across as along. The rate must suit the steep way, so even the best one needs ${needed} for the way along.`;
  },
};

function atBest(view) {
  return (scene) => {
    const { problem } = view === "raw" ? scene.plain : scene.ease;
    return { ...plain, view, batch: all(scene), lr: roundedDown(problem.bestLr(0)) };
  };
}

// A few rows are eight, or half where there are few.
const smallBatches = ({ sample }) => {
  const few = Math.min(8, Math.ceil(sample.x.length / 2));
  return {
    question: "What do mini-batches change?",
    acts: [
      { name: "All rows", doing: (scene) => atBatch(scene, all(scene)), plays: true },
      { name: countWords(few, "row"), doing: (scene) => atBatch(scene, few), plays: true },
      { name: "One row", doing: (scene) => atBatch(scene, 1), plays: true },
    ],
    answer: ({ path, settings }) =>
      path.updates > 1
        ? `Each of the ${bigWords(path.updates)} updates of an epoch sees ${countWords(settings.batch, "row")}, so it points only roughly downhill. It arrives in fewer epochs than the full batch (dotted), and then it never rests: it shakes around the best weights.`
        : "One update an epoch, from all rows: a smooth path, always straight downhill.",
  };
};

function atBatch(scene, batch) {
  return { ...plain, batch, lr: roundedDown(0.1 * scene.problem.lrLimit(0)) };
}

const wildPoint = {
  question: "What can one wild point do?",
  acts: [
    { name: "Add a wild point", doing: ({ state, frame }) => ({ points: withWild(state), epoch: frame.time.horizon }) },
    { name: "Take it away", doing: ({ frame }) => ({ points: null, epoch: frame.time.horizon }) },
  ],
  answer: ({ state, point, settings }) => {
    if (settings.points === null || point.overflow)
      return "Squared errors weigh far points most. Add one and look at its square, then drag it.";
    const errors = state.sample.x.map(([x], i) => (point.weight[0][0] * x + point.bias[0] - state.sample.y[i][0]) ** 2);
    const share = Math.max(...errors) / errors.reduce((sum, error) => sum + error, 0);
    return `One point of ${errors.length} has ${percentWords(share)} of the whole loss, because its error is squared, and pulls the line towards itself: the best weight is ${numberWords(state.optimum.weight[0][0])} now. Drag it and see.`;
  },
};

// A point at the right end, as far below the lowest as the targets are wide.
function withWild({ sample, moments }) {
  const rows = sample.x.map(([x], i) => [x, sample.y[i][0]]);
  return rowsText([...rows, [moments.maximum[0], moments.minimum[1]]]);
}

const otherStart = {
  question: "Does it matter where you start?",
  acts: [
    { name: "From zero", doing: atBest("standardised"), plays: true },
    {
      name: "A new start",
      doing: (scene) => ({ ...atBest("standardised")(scene), seed: scene.settings.seed + 1 }),
      plays: true,
    },
  ],
  answer: ({ problem }) =>
    `It ends at the same weights, with a loss of ${numberWords(problem.floor, 4)}: a squared loss of a linear model is one bowl, with one lowest point. The start decides only how long it takes.`,
};

/**
 * The panel of the experiments: a number for each, and the question of the chosen one.
 * @param {object} store Of `storeOf`.
 * @param {object} state What playground_data.py wrote.
 * @param {object} time Of `timeControls`, which plays.
 * @returns {{root: HTMLElement, show: (scene: object) => void}}
 */
export function experimentsPanel(store, state, time) {
  const experiments = experimentsOf(state);
  const chosen = { index: 0, hasActed: false, scene: null };
  const question = element("p.question");
  const buttons = element("div.acts");
  const answer = element("p.answer-text", { "aria-live": "polite" });
  const numbers = experiments.map((_, i) =>
    element(
      "button.toggle",
      {
        type: "button",
        id: `experiment-${i + 1}`,
        "aria-label": `Experiment ${i + 1}: ${experiments[i].question}`,
        click: () => choose(i),
      },
      String(i + 1),
    ),
  );
  const act = ({ doing, plays }) => {
    time.stop();
    chosen.hasActed = true;
    store.set(doing(chosen.scene));
    if (plays) setTimeout(time.play, 300); // once the axes suit it
  };
  const choose = (index) => {
    Object.assign(chosen, { index, hasActed: false });
    say(question, experiments[index].question);
    buttons.replaceChildren(
      ...experiments[index].acts.map((one, i) =>
        element("button", { type: "button", id: `act-${i + 1}`, click: () => act(one) }, one.name),
      ),
    );
    numbers.forEach((number, i) => number.setAttribute("aria-pressed", String(i === index)));
    tell();
  };
  const tell = () => {
    const invites = "Guess first. Then press a button and watch the figures.";
    if (chosen.scene) say(answer, chosen.hasActed ? experiments[chosen.index].answer(chosen.scene) : invites);
  };
  const head = element("div.words", {}, element("h2", { id: "title-experiments" }, "Try"), ...numbers);
  const root = element(
    "section",
    { id: "experiments", "aria-labelledby": "title-experiments" },
    head,
    question,
    buttons,
    answer,
  );
  choose(0);
  return { root, show: (scene) => ((chosen.scene = scene), tell()) };
}
