// X of one new row: each term a product of factors, each of them a number, the row of a level, or polynomials by piece.

/** A day in milliseconds. */
export const DAY = 86_400_000;

const FUNCTIONS = {
  log: Math.log,
  log2: Math.log2,
  log10: Math.log10,
  log1p: Math.log1p,
  exp: Math.exp,
  sqrt: Math.sqrt,
  abs: Math.abs,
  I: (x) => x,
  days: (days) => days,
  month: (days) => new Date(days * DAY).getUTCMonth() + 1,
  year: (days) => new Date(days * DAY).getUTCFullYear(),
};
const OPERATIONS = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "^": (a, b) => a ** b,
};

/**
 * The columns of X of one row.
 * @param {object} state What playground_data.py wrote.
 * @param {(number | string)[]} values One for each of `state.fields`: a number, a level, or of a date its days since 1970.
 * @returns {number[] | null} null while a value is missing or no known level, or gives some term no value.
 */
export function encodedRow({ fields, terms }, values) {
  const cells = Object.fromEntries(fields.map(({ column }, i) => [column, values[i]]));
  const parts = terms.map((factors) => {
    const columns = factors.map((factor) => columnsOf(factor, cells));
    if (columns.includes(null)) return null;
    return columns.reduce((left, right) => right.flatMap((a) => left.map((b) => a * b)));
  });
  const row = parts.includes(null) ? [NaN] : parts.flat();
  return row.every(Number.isFinite) ? row : null;
}

function columnsOf({ over, levels, rows, breaks, frames, coefficients }, cells) {
  const x = valueOf(over, cells);
  if (levels) return rows[levels.indexOf(x)] ?? null;
  if (!frames) return [x];
  const piece = breaks.filter((end) => x >= end).length;
  const [center, scale] = frames[piece];
  const t = (x - center) / scale;
  return coefficients[piece].map((powers) => powers.reduceRight((sum, c) => c + t * sum, 0));
}

function valueOf(expression, cells) {
  if (typeof expression === "number") return expression;
  const { column, call, of, mark, left, right } = expression;
  if (column !== undefined) return cells[column];
  if (call) return FUNCTIONS[call](valueOf(of, cells));
  return OPERATIONS[mark](left === null ? 0 : valueOf(left, cells), valueOf(right, cells));
}
