// Numbers and lists in words, the same way as gradline says them elsewhere.

const grouped = new Intl.NumberFormat("en-GB"); // made once: to make it is what takes the time

/**
 * The words as in a sentence: a, b and c.
 * @param {string[]} words At least one.
 * @returns {string}
 */
export function joinedWords(words) {
  return words.length === 1 ? words[0] : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/**
 * The columns behind a direction: those that carry it, one sign against the other.
 * @param {ArrayLike<number>} vector (q,), of length one.
 * @param {string[]} parameters (q,), the bias first where there is one.
 * @param {boolean} hasBias Whether the first is the bias, and no feature of that name.
 * @returns {string} Such as "temp against rainfall".
 */
export function columnsBehind(vector, parameters, hasBias) {
  const squares = Array.from(vector, (part) => part * part);
  const order = squares.map((_, i) => i).sort((i, j) => squares[j] - squares[i] || i - j);
  let sum = 0;
  const needed = order.findIndex((i) => (sum += squares[i]) >= 0.97) + 1 || order.length;
  const carried = order.slice(0, needed).filter((i) => squares[i] >= 0.02 * squares[order[0]]).slice(0, 6);
  const isWithFirst = (i) => vector[i] > 0 === vector[order[0]] > 0;
  const names = (indices) => joinedWords(indices.map((i) => (hasBias && i === 0 ? "the bias" : parameters[i])));
  const against = carried.filter((i) => !isWithFirst(i));
  return names(carried.filter(isWithFirst)) + (against.length ? ` against ${names(against)}` : "");
}

/**
 * A number to so many significant digits, such as 1.12e-4, 0.483, 84.3, 1,480 or 3.2e9.
 * @param {number} value
 * @param {number} [digits] 3, as many as a sentence needs.
 * @returns {string} "∞" where it is infinite.
 */
export function numberWords(value, digits = 3) {
  if (!Number.isFinite(value)) return value > 0 ? "∞" : value < 0 ? "−∞" : "unknown";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e6) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    return `${withoutZeros(mantissa)}e${Number(exponent)}`;
  }
  const [whole, fraction] = value.toFixed(Math.max(0, digits - 1 - Math.floor(Math.log10(size)))).split(".");
  const thousands = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction === undefined ? thousands : withoutZeros(`${thousands}.${fraction}`);
}

/**
 * The numbers that a text can mean, with a decimal comma as well as a point: "0,005" is 0.005, "12,300" is 12.3 or 12300.
 * @param {string} text
 * @returns {number[]} None where it is no number, two where the comma can be read in two ways.
 */
export function readingsOf(text) {
  const plain = text.trim().replace(/^[−–]/, "-");
  if (plain === "") return [];
  const isGrouped = /^-?[1-9]\d{0,2}(,\d{3})+(\.\d+)?$/.test(plain);
  const isDecimal = /^[^.,]*,[^.,]*$/.test(plain);
  const plainly = plain.includes(",") ? [] : [plain];
  const texts = [...plainly, ...(isDecimal ? [plain.replace(",", ".")] : []), ...(isGrouped ? [plain.replaceAll(",", "")] : [])];
  return texts.map(Number).filter((value) => !Number.isNaN(value));
}

/**
 * A number as a field has room for, which reads it back: 0.07, 1.23e-5, -2.38e23.
 * @param {number} value
 * @param {number} room Characters.
 * @returns {string}
 */
export function fieldText(value, room) {
  const text = String(value);
  return (text.length > room ? value.toExponential() : text).replace("e+", "e");
}

/**
 * A count in words where it is large: 0.3, 109, 12,300, 8.5 million; from 10¹⁵ on no word helps: 2.76e27.
 * @param {number} count
 * @returns {string}
 */
export function bigWords(count) {
  if (!(count < 1e15)) return numberWords(count);
  const sizes = [[1e12, "trillion"], [1e9, "billion"], [1e6, "million"]];
  const [size, word] = sizes.find(([least]) => count >= least) ?? [1, ""];
  if (word) return `${numberWords(count / size)} ${word}`;
  return count < 1 ? numberWords(count) : grouped.format(Math.round(count));
}

/**
 * A count with what is counted: 1 epoch, 2 epochs, 8.5 million epochs.
 * @param {number} count
 * @param {string} one The word for one of them.
 * @returns {string}
 */
export function countWords(count, one) {
  const words = bigWords(count);
  return `${words} ${one}${words === "1" ? "" : "s"}`;
}

/**
 * A share in per cent, to two digits below one, such as 77 % or 0.0071 %.
 * @param {number} share
 * @returns {string}
 */
export function percentWords(share) {
  return share >= 0.01 ? `${(share * 100).toFixed(0)} %` : `${numberWords(share * 100, 2)} %`;
}

/**
 * A rate to some digits, rounded down: in a narrow valley the best rate lies so near the limit that rounding it up
 * would diverge.
 * @param {number} rate
 * @param {number} [digits]
 * @returns {number}
 */
export function roundedDown(rate, digits = 3) {
  const near = Number(rate.toPrecision(digits));
  const half = 10 ** (Math.floor(Math.log10(rate)) + 1 - digits) / 2;
  return near <= rate ? near : Number((rate - half).toPrecision(digits));
}

function withoutZeros(text) {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}
