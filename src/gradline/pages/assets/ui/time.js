// The axis of time, the same for the slider and for every figure: from epoch 0 to where nothing more happens.

const LINEAR = 2000; // epochs up to which they are evenly spaced; further ones by their logarithm
const POINTS = 160; // of a curve over time

/**
 * The axis up to a horizon.
 * @param {number} horizon The last epoch, from 1.
 * @returns {{horizon: number, isLog: boolean, placeOf: (epoch: number) => number, epochAt: (place: number) => number,
 *   epochs: number[], ticks: number[]}} Places run from 0 to 1; `epochs` are those where curves are sampled.
 */
export function timeAxis(horizon) {
  const isLog = horizon > LINEAR;
  const placeOf = isLog ? (epoch) => Math.log1p(epoch) / Math.log1p(horizon) : (epoch) => epoch / horizon;
  const epochAt = isLog
    ? (place) => Math.round(Math.expm1(place * Math.log1p(horizon)))
    : (place) => Math.round(place * horizon);
  const sampled = Array.from({ length: POINTS + 1 }, (_, i) => epochAt(i / POINTS));
  const epochs = [...new Set([0, 1, 2, 3, ...sampled])].filter((epoch) => epoch <= horizon).sort((a, b) => a - b);
  return { horizon, isLog, placeOf, epochAt, epochs, ticks: isLog ? powersUpTo(horizon) : evenUpTo(horizon) };
}

/**
 * The next of 1, 2 and 5 times a power of ten, so that an axis changes seldom.
 * @param {number} count
 * @returns {number}
 */
export function roundedUp(count) {
  const power = 10 ** Math.floor(Math.log10(count));
  return [1, 2, 5, 10].map((times) => times * power).find((size) => size >= count * (1 - 1e-9));
}

/**
 * An epoch as an axis has room for: 0, 500, 2k, 10M, 1G.
 * @param {number} epoch
 * @returns {string}
 */
export function tickOf(epoch) {
  const [size, letter] = [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ].find(([least]) => epoch >= least) ?? [1, ""];
  return `${epoch / size}${letter}`;
}

function evenUpTo(horizon) {
  const step = Math.max(1, roundedUp(horizon / 5));
  return Array.from({ length: Math.floor(horizon / step) + 1 }, (_, i) => i * step);
}

function powersUpTo(horizon) {
  const decades = Math.log10(horizon);
  const step = decades > 6 ? 2 : 1;
  return [0, ...Array.from({ length: Math.floor(decades / step) }, (_, i) => 10 ** ((i + 1) * step))];
}
