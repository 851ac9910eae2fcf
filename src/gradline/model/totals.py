"""Last rows that sum up those above them: told by their words, or by their numbers."""

import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from gradline.core.errors import Notice
from gradline.core.text import counted, joined, listed
from gradline.data.cells import PLAIN
from gradline.data.conditions import leaving_out
from gradline.data.levels import sums_up
from gradline.model.seen_rows import FileRows

_LAST = 4  # rows at the end that may sum up: a sum, a mean, and two more
_FEWEST = 3  # rows above them
_BY_CHANCE = 1e-6  # so seldom may rows of chance look like a total


class _Sign(NamedTuple):
    """What shows that a row sums up others: a word, with its column, and the numbers."""

    word: tuple[str, str] | None
    numbers: str

    def __str__(self) -> str:
        has = [f"has {self.word[1]!r} in {self.word[0]}"] if self.word else []
        return ", and ".join([*has, *filter(None, [self.numbers])])


def totals(parts: Sequence[FileRows]) -> Iterator[Notice]:
    """The rows at the end of files that sum up those above them."""
    found = [(part, told) for part in parts if (told := _summing(part))]
    if not found:
        return
    part, told = found[0]
    where = listed((f"{part.place(row)} {what}" for row, what in told.items()), _LAST)
    more = f", and so do the last rows of {counted(len(found) - 1, 'more file')}" if len(found) > 1 else ""
    cause = f"{where}{more}. A total or a mean is no observation, and the fit counts it as one"
    ways = [*_by_word(found), *_by_place(found, len(parts))]
    remedy = f"to leave it out: {' or '.join(ways)}" if ways else "take it out of the table"
    yield Notice("total-row", cause, True, remedy)


_Found = Sequence[tuple[FileRows, dict[int, _Sign]]]


def _by_word(found: _Found) -> Iterator[str]:
    """The options that leave out the rows by their words, where each has one."""
    signs = [sign for _, told in found for sign in told.values()]
    cells: dict[str, list[str]] = {}
    for name, cell in dict.fromkeys(sign.word for sign in signs if sign.word):
        cells.setdefault(name, []).append(cell)
    if len(cells) == 1 and all(sign.word for sign in signs):
        yield leaving_out(*cells.popitem())


def _by_place(found: _Found, files: int) -> Iterator[str]:
    """The option that leaves out the last rows of each file, where all end with as many of them."""
    last = len(found[0][1])
    fits = all(len(told) == last and part.ends_with(last) for part, told in found)
    if "skip_last" in found[0][0].source.may_tell and fits and len(found) == files:
        yield f"--skip-last {last} (read=gradline.Text(skip_last={last}) in Python)"


def _summing(part: FileRows) -> dict[int, _Sign]:
    """The last rows, as many as sum up those above, and what shows it of each."""
    height = len(part.values)
    most = min(_LAST, height - _FEWEST)
    if most < 1 or not (_may_be_summed(part.values, most) or _ends_in_a_word(part)):
        return {}
    for count in range(most, 0, -1):
        body = height - count
        told = {row: _sign(part, row, body) for row in range(body, height)}
        if all(sign.word or sign.numbers for sign in told.values()):
            return told
    return {}


def _ends_in_a_word(part: FileRows) -> bool:
    """Whether a cell of the last row is a word for a total."""
    return any(cell is not None and sums_up(cell) for cell in part.last_words)


def _may_be_summed(values: np.ndarray, most: int) -> bool:
    """Whether the last row may be what `summed` looks for, of the rows above the last one, two, … `most`.

    Twice the width that is allowed there is allowed here, as these sums are rounded in another order.
    """
    row, first = values[-1], len(values) - most
    rows = np.concatenate([np.add.reduce(values[:first], axis=0)[None], values[first:-1]])
    sums, counts = np.add.accumulate(rows, axis=0), np.arange(first, len(values))[:, None]
    slack = 1e-12 * np.add.reduce(np.abs(values), axis=0)
    unit = _units(row)
    agrees = np.abs(row - sums) <= 2 * (unit * (0.5 + np.sqrt(counts)) + slack)
    agrees |= np.abs(row - sums / counts) <= 2 * (unit * 0.5 + slack)
    return bool(agrees.any())


def _sign(part: FileRows, row: int, body: int) -> _Sign:
    """What shows that a row sums up those before `body`."""
    found = summed(part.values[row], part.values[:body]) if part.numbers else None
    numbers = ""
    if found is not None:
        names = joined([part.numbers[j] for j in found[1]])
        numbers = f"is the {found[0]} of the rows above in {names}"
    return _Sign(_word(part, row, body), numbers)


def _word(part: FileRows, row: int, body: int) -> tuple[str, str] | None:
    """The column and the word that says so, where it is no level like others.

    No row above has it, and the column has another word in each or none in all, or other cells of the row are empty as
    none above is.
    """
    frame = part.cells.frame
    for name in part.words:
        cells = frame[name].alias(PLAIN)
        cell, above = cells[row], cells[:body]
        if cell is None or not sums_up(cell):
            continue
        is_name = above.n_unique() == body or above.null_count() == body
        is_bare = any(
            frame[other][row] is None and not frame[other][:body].null_count() for other in part.words
        )
        if (above != cell).fill_null(True).all() and (is_name or is_bare):
            return name, cell
    return None


def summed(row: np.ndarray, body: np.ndarray) -> tuple[str, list[int]] | None:
    """Whether a row has sums or means of the rows (n, k), in which columns; None where chance could do it.

    A cell x agrees with a sum s where |x − s| is at most half a unit of its last digit, and as much as n roundings to
    that digit make. The chance that a row of the table agrees is at most that width times a density: 0.4/σ at the mean
    (the normal one's), and 2/(σz³) at z standard deviations from it, the slope of Chebyshev's bound 1/z².
    """
    n, spread, mean = len(body), body.std(axis=0), body.mean(axis=0)
    slack = 1e-12 * np.abs(body).sum(axis=0)
    unit = _units(row)
    best: tuple[float, str, list[int]] = (_BY_CHANCE, "", [])
    varies = spread > 0
    for what, value, roundings in (("sum", body.sum(axis=0), math.sqrt(n)), ("mean", mean, 0.0)):
        width = unit * (0.5 + roundings) + slack
        agrees = varies & (np.abs(row - value) <= width)
        z = np.abs(value - mean)[agrees] / spread[agrees]
        density = np.minimum(0.4, 2 / np.maximum(z, 1e-9) ** 3) / spread[agrees]
        chance = float(np.prod(np.minimum(1.0, 2 * width[agrees] * density)))
        if 2 * agrees.sum() >= varies.sum() and chance < best[0]:
            best = (chance, what, np.flatnonzero(agrees).tolist())
    return best[1:] if best[1] else None


def _units(row: np.ndarray) -> np.ndarray:
    """That of the last digit of each number."""
    return np.array([10.0 ** _exponent(x) for x in row.tolist()])


def _exponent(x: float) -> int:
    """That of the last digit with which a number is written."""
    return min(0, int(Decimal(repr(x)).as_tuple().exponent)) if math.isfinite(x) else 0
