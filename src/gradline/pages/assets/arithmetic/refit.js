// The state of a page whose points were moved by hand: one feature, one target and a bias, from the rows anew.

/**
 * The state that playground_data.py would write for other rows of the same columns.
 * @param {object} state What it wrote, with `t95`: Student's t for 95 % by degrees of freedom, from 1.
 * @param {number[][]} rows [x, y] of each.
 * @returns {?object} null where fewer than three rows are left, or all at one x: no line is determined there.
 */
export function refitted(state, rows) {
  const n = rows.length;
  const mean = [0, 1].map((side) => rows.reduce((sum, row) => sum + row[side], 0) / n);
  const [dx, dy] = [0, 1].map((side) => rows.map((row) => row[side] - mean[side]));
  const spread = Math.hypot(...dx);
  if (n < 3 || n - 2 > state.t95.length || !(spread > 1e-9 * Math.hypot(...rows.map(([x]) => x)))) return null;
  const across = dx.reduce((sum, value, i) => sum + value * dy[i], 0) / spread;
  const rest = Math.hypot(...dy.map((value, i) => value - (across * dx[i]) / spread));
  const weight = across / spread;
  const range = (pick) => [0, 1].map((side) => pick(...rows.map((row) => row[side])));
  const root = Math.sqrt(n);
  return {
    ...state,
    rows: n,
    weight_sum: n,
    moments: {
      mean,
      minimum: range(Math.min),
      maximum: range(Math.max),
      factor: [
        [spread, across],
        [0, rest],
      ],
    },
    views: {
      raw: viewOf(n, mean, spread, across, 0, 1),
      centred: viewOf(n, mean, spread, across, mean[0], 1),
      standardised: viewOf(n, mean, spread, across, mean[0], spread / root),
    },
    optimum: { weight: [[weight]], bias: [mean[1] - weight * mean[0]], loss: rest ** 2 / n },
    interval: {
      ...state.interval,
      reason: null,
      freedom: n - 2,
      sigma: [rest / Math.sqrt(n - 2)],
      quantiles: [{ level: 0.95, t: state.t95[n - 3] }],
      level: 1 / root,
      center: [mean[0]],
      root: [[1 / spread]],
      kept: null,
    },
    sample: { all: true, x: rows.map(([x]) => [x]), y: rows.map(([, y]) => [y]), w: null },
  };
}

// The spectrum of [1 x] on a scale, from its triangular factor: a rotation makes the columns orthogonal, which keeps the
// digits of the smaller one (one-sided Jacobi; Demmel, Veselić 1992).
function viewOf(n, mean, spread, across, center, scale) {
  const [one, column] = [
    [Math.sqrt(n), 0],
    [(Math.sqrt(n) * (mean[0] - center)) / scale, spread / scale],
  ];
  const goal = [Math.sqrt(n) * mean[1], across];
  const dot = (a, b) => a[0] * b[0] + a[1] * b[1];
  const overlap = dot(one, column);
  const zeta = overlap === 0 ? Infinity : (dot(column, column) - dot(one, one)) / (2 * overlap);
  const tangent = overlap === 0 ? 0 : (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
  const cos = 1 / Math.hypot(1, tangent);
  const sin = cos * tangent;
  const directions = [
    { vector: [cos, -sin], side: one.map((value, i) => cos * value - sin * column[i]) },
    { vector: [sin, cos], side: one.map((value, i) => sin * value + cos * column[i]) },
  ].map((found) => ({ ...found, size: Math.hypot(...found.side) }));
  directions.sort((a, b) => b.size - a.size);
  return {
    center: [center],
    scale: [scale],
    singular: directions.map(({ size }) => size),
    vectors: directions.map(({ vector }) => vector),
    rhs: directions.map(({ side, size }) => [dot(side, goal) / size]),
  };
}

/**
 * Rows as a link holds them: "x,y;x,y".
 * @param {number[][]} rows
 * @returns {string}
 */
export function rowsText(rows) {
  return rows.map((row) => row.map((value) => Number(value.toPrecision(12))).join(",")).join(";");
}

/**
 * The rows of such a text.
 * @param {string} text
 * @returns {?number[][]} null where it is none.
 */
export function rowsOfText(text) {
  const rows = text.split(";").map((row) => row.split(",").map((cell) => (cell.trim() === "" ? NaN : Number(cell))));
  return rows.every((row) => row.length === 2 && row.every((value) => Number.isFinite(value))) ? rows : null;
}
