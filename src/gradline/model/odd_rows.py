"""Rows that are no observations like the others: totals and means at the end of a table, blocks in another unit."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from gradline.core.errors import Notice
from gradline.core.text import counted, joined, listed
from gradline.data.cells import PLAIN
from gradline.data.row_stream import RowStream
from gradline.data.schema import Kind
from gradline.data.source import Batch, Source

_CELLS = 1 << 21  # tables with more are no people's sheets, and are not read again for this
_LAST = 4  # rows at the end that may sum up: a sum, a mean, and two more
_FEWEST = 3  # rows above them
_BY_CHANCE = 1e-6  # so seldom may rows of chance look like a total
_TOTAL = re.compile(
    r"(?:grand |sub-?|over)?total(?:e|s|en|i)?|(?:end|zwischen|gesamt)?summen?|gesamt(?:betrag|wert)?"
    r"|insgesamt|sums?|all|alle|totaal|somme|suma|soma|mean|average|avg\.?|moyenne|promedio|durchschnitt|mittel(?:wert)?"
    r"|median|[Σ∑Øø]|x̄",
    re.IGNORECASE,
)
_AFTER = r"(?:[\s:=].*)?"  # such as 2024, or a colon


@dataclass(frozen=True, eq=False)
class _Part:
    """The complete rows of one file: the numbers (n, k) that the model uses, and the words beside them."""

    source: Source
    batch: Batch
    numbers: tuple[str, ...]
    words: tuple[str, ...]

    @property
    def values(self) -> np.ndarray:
        """The numbers (n, k)."""
        return np.column_stack([self.batch.frame[name].to_numpy() for name in self.numbers])


def odd_rows(rows: RowStream, count: int) -> list[Notice]:
    """What is told of the rows of a table, `count` by count, which is read again where it is small."""
    source = rows.table
    if source is None or count * len(source.names()) > _CELLS:
        return []
    return list(_totals([_part(one, rows) for one in source.files]))


def _part(source: Source, rows: RowStream) -> _Part:
    """The rows of a file that have a value in each column that the model uses, and other cells that may be words."""
    used, schema = rows.design.columns, source.schema()
    numbers = tuple(name for name, kind in used.items() if kind in (Kind.NUMBER, Kind.AMOUNT))
    others = {name: column for name, column in schema.items() if used.get(name, Kind.TEXT) == Kind.TEXT}
    words = tuple(name for name, column in others.items() if column.may_be_words)
    kinds = {**used, **{name: Kind.TEXT for name in words if name not in used}}
    batch = Batch.joined(list(source.batches({name: kind for name, kind in kinds.items() if name in schema})))
    return _Part(source, batch.where(batch.only(list(used)).complete), numbers, words)


# Totals


def _totals(parts: Sequence[_Part]) -> Iterator[Notice]:
    """The rows at the end of files that sum up those above them."""
    found = [(part, told) for part in parts if (told := _summing(part))]
    if not found:
        return
    (part, told), counts = found[0], {len(told) for _, told in found}
    last = len(told)
    where = listed((f"{part.batch.place(row)} {what}" for row, what in told.items()), _LAST)
    more = f", and so do the last rows of {counted(len(found) - 1, 'more file')}" if len(found) > 1 else ""
    cause = f"{where}{more}. A total or a mean is no observation, and the fit counts it as one"
    if "skip_last" in part.source.may_tell and len(counts) == 1 and len(found) == len(parts):
        remedy = f"to leave it out: --skip-last {last} (read=gradline.Text(skip_last={last}) in Python)"
    else:
        remedy = "take it out of the table"
    yield Notice("total-row", cause, True, remedy)


def _summing(part: _Part) -> dict[int, str]:
    """The last rows, as many as sum up those above, and what shows it of each."""
    height, values = part.batch.frame.height, part.values if part.numbers else None
    for count in range(min(_LAST, height - _FEWEST), 0, -1):
        body = height - count
        told = {row: _sign(part, values, row, body) for row in range(body, height)}
        if all(told.values()):
            return told
    return {}


def _sign(part: _Part, values: np.ndarray | None, row: int, body: int) -> str:
    """What shows that a row sums up those before `body`; empty where nothing does."""
    by_word = _word(part, row, body)
    found = None if values is None else summed(values[row], values[:body])
    if found is None:
        return by_word
    what, columns = found
    names = joined([part.numbers[j] for j in columns])
    return f"{by_word + ', and ' if by_word else ''}is the {what} of the rows above in {names}"


def _word(part: _Part, row: int, body: int) -> str:
    """The word that says so, where it is no level like others: no row above has it, and the column has another word in
    each, or other cells of the row are empty as no cell above is."""
    frame = part.batch.frame
    for name in part.words:
        cells = frame[name].alias(PLAIN)
        cell, above = cells[row], cells[:body]
        if cell is None or not re.fullmatch(f"(?:{_TOTAL.pattern}){_AFTER}", cell, re.IGNORECASE):
            continue
        is_name = above.n_unique() == body
        is_bare = any(
            frame[other][row] is None and not frame[other][:body].null_count() for other in part.words
        )
        if (above != cell).fill_null(True).all() and (is_name or is_bare):
            return f"has {cell!r} in {name}"
    return ""


def summed(row: np.ndarray, body: np.ndarray) -> tuple[str, list[int]] | None:
    """Whether a row has sums or means of the rows (n, k), in which columns; None where chance could do it.

    A cell x agrees with a sum s where |x − s| is at most half a unit of its last digit, and as much as n roundings to
    that digit make. The chance that a row of the table agrees is at most that width times a density: 0.4/σ at the mean
    (the normal one's), and 2/(σz³) at z standard deviations from it, the slope of Chebyshev's bound 1/z².
    """
    n, spread, mean = len(body), body.std(axis=0), body.mean(axis=0)
    slack = 1e-12 * np.abs(body).sum(axis=0)
    unit = np.array([10.0 ** _exponent(x) for x in row.tolist()])
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


def _exponent(x: float) -> int:
    """That of the last digit with which a number is written."""
    return min(0, int(Decimal(repr(x)).as_tuple().exponent)) if math.isfinite(x) else 0
