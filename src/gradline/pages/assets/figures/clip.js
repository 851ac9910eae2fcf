// Lines cut where a figure ends: what lies outside would cost time, dashes above all.

const ENDLESS = 1e300; // stands for an infinite distance
const FARTHEST = 1e5; // pixels from the middle that an end may lie; further out digits are lost

/**
 * The parts of a line that lie in a box.
 * @param {number[][]} points Pixels.
 * @param {{left: number, right: number, top: number, bottom: number}} box
 * @returns {number[][][]} Lines of two points and more.
 */
export function clippedLines(points, box) {
  const lines = [];
  const near = points.map((point) => nearPoint(point, box));
  near.slice(1).forEach((end, i) => {
    const inside = clippedSegment(near[i], end, box);
    if (!inside) return;
    const last = lines.at(-1)?.at(-1);
    if (last && last[0] === inside[0][0] && last[1] === inside[0][1]) lines.at(-1).push(inside[1]);
    else lines.push(inside);
  });
  return lines;
}

// A point far outside comes nearer on its line to the middle.
function nearPoint(point, { left, right, top, bottom }) {
  const middle = [(left + right) / 2, (top + bottom) / 2];
  const away = point.map((part, i) => Math.min(Math.max(part - middle[i], -ENDLESS), ENDLESS));
  const far = Math.max(...away.map(Math.abs)) / FARTHEST;
  return far > 1 ? away.map((part, i) => middle[i] + part / far) : point;
}

// Liang and Barsky (1984): the segment is from + t·way, and each side of the box bounds t.
function clippedSegment(from, to, { left, right, top, bottom }) {
  const way = [to[0] - from[0], to[1] - from[1]];
  let [first, last] = [0, 1];
  for (const [axis, low, high] of [
    [0, left, right],
    [1, top, bottom],
  ]) {
    if (way[axis] === 0 && (from[axis] < low || from[axis] > high)) return null;
    if (way[axis] === 0) continue;
    const bounds = [(low - from[axis]) / way[axis], (high - from[axis]) / way[axis]];
    first = Math.max(first, Math.min(...bounds));
    last = Math.min(last, Math.max(...bounds));
  }
  if (first >= last) return null;
  const at = (t) => [from[0] + t * way[0], from[1] + t * way[1]];
  return [first > 0 ? at(first) : from, last < 1 ? at(last) : to];
}
