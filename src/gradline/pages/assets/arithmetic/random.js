// Random numbers that a seed repeats: the same in every browser, and on reload.

/**
 * A generator of uniform numbers in [0, 1).
 * @param {number} seed A whole number from 0.
 * @returns {() => number} 32 random bits a call (mulberry32, Ettinger 2017).
 */
export function seededRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * A generator of standard normal numbers (Box, Muller 1958).
 * @param {() => number} random Of `seededRandom`.
 * @returns {() => number}
 */
export function normalFrom(random) {
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/**
 * The numbers from 0 to n − 1 in random order (Fisher, Yates 1938).
 * @param {number} n
 * @param {() => number} random Of `seededRandom`.
 * @returns {Uint32Array}
 */
export function shuffledOrder(n, random) {
  const order = new Uint32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const moved = order[i];
    order[i] = order[j];
    order[j] = moved;
  }
  return order;
}

/**
 * A random start as nn.Linear draws it: weight and bias uniform on ±1/√p.
 * @param {object} state What playground_data.py wrote.
 * @param {number} seed A whole number from 0.
 * @returns {{weight: number[][], bias: number[]}} In raw units; the bias is zero in a model without one.
 */
export function newStart({ features, targets, has_bias }, seed) {
  const random = seededRandom(seed);
  const draw = () => (2 * random() - 1) / Math.sqrt(features.length);
  return {
    weight: targets.map(() => features.map(draw)),
    bias: targets.map(() => (has_bias ? draw() : 0)),
  };
}
