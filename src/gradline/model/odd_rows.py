"""Rows that are no observations like the others: totals and means at the end of a table, blocks in another unit."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.lib.stride_tricks import sliding_window_view

from gradline.core.derived import cached_property
from gradline.core.errors import Notice
from gradline.core.text import counted, joined, listed
from gradline.data.cells import PLAIN
from gradline.data.design import Category, DesignSpec, Number
from gradline.data.row_block import RowBlock
from gradline.data.row_stream import RowStream
from gradline.data.schema import Kind
from gradline.data.source import Batch, Source

_CELLS = 1 << 17  # tables with more are no people's sheets, and are not read again for this
_LAST = 4  # rows at the end that may sum up: a sum, a mean, and two more
_FEWEST = 3  # rows above them
_RUN = 5  # rows that a block has at least
_BY_CHANCE = 1e-6  # so seldom may rows of chance look like a total
_TOTAL = re.compile(
    r"(?:(?:grand |sub-?|over)?total(?:e|s|en|i)?|(?:end|zwischen|gesamt)?summen?|gesamt(?:betrag|wert)?"
    r"|insgesamt|sums?|all|alle|totaal|somme|suma|soma|mean|average|avg\.?|moyenne|promedio|durchschnitt|mittel(?:wert)?"
    r"|median|[Σ∑Øø]|x̄)(?:[\s:=].*)?",  # and what follows, such as 2024, or a colon
    re.IGNORECASE,
)


@dataclass(frozen=True, eq=False)
class _Rows:
    """The complete rows of a table: the numbers that the model uses, and the words beside them, by their columns.

    `kept` are the numbers (n, k) where the fit has kept its rows, of one file; else they are read, and so are words and
    places, when they are first asked for: by one pass over all files. `is_whole` says that none of the table's rows was
    left out of them.
    """

    source: Source
    design: DesignSpec
    numbers: tuple[str, ...]
    words: tuple[str, ...]
    kept: np.ndarray | None
    is_whole: bool

    @cached_property
    def _read(self) -> tuple[Batch, np.ndarray]:
        """The rows as cells, without those that the fit leaves out, and the number of each row's file."""
        used, schema = self.design.columns, self.source.schema()
        kinds = {**used, **{name: Kind.TEXT for name in self.words if name not in used}}
        read = list(
            self.source.batches_by_file({name: kind for name, kind in kinds.items() if name in schema})
        )
        numbers, counts = np.array([rows for _, files in read for rows in files]).T
        batch, owners = Batch.joined([batch for batch, _ in read]), np.repeat(numbers, counts)
        weights, keep = self.design.weights, batch.only(list(used)).complete
        if weights is not None:
            keep &= (batch.frame[weights].alias(PLAIN) != 0).fill_null(False)
        return batch.where(keep), owners[keep.to_numpy()]

    @property
    def batch(self) -> Batch:
        """The rows as cells."""
        return self._read[0]

    @cached_property
    def values(self) -> np.ndarray:
        """The numbers (n, k)."""
        if self.kept is not None:
            return self.kept
        columns = [self.batch.frame[name].to_numpy() for name in self.numbers]
        return np.column_stack(columns) if columns else np.empty((self.batch.frame.height, 0))

    @property
    def parts(self) -> "list[_Part]":
        """The rows of each file."""
        files = self.source.files
        if len(files) == 1:
            return [_Part(self, files[0], slice(0, len(self.values)))]
        ends = np.searchsorted(self._read[1], np.arange(len(files)), side="right").tolist()
        return [
            _Part(self, file, slice(*rows)) for file, rows in zip(files, pairwise([0, *ends]), strict=True)
        ]


@dataclass(frozen=True, eq=False)
class _Part:
    """Those of one file."""

    whole: _Rows
    source: Source
    rows: slice

    @cached_property
    def values(self) -> np.ndarray:
        """The numbers (n, k)."""
        return self.whole.values[self.rows]

    @property
    def numbers(self) -> tuple[str, ...]:
        """What the columns of `values` are called."""
        return self.whole.numbers

    @property
    def words(self) -> tuple[str, ...]:
        """The columns with cells that may be words."""
        return self.whole.words

    @property
    def last_words(self) -> Sequence[str | None]:
        """The words of the last row, found without the others where none was left out."""
        if self.whole.is_whole and self.words:
            return self.source.last_cells(self.words)
        frame, last = self.whole.batch.frame, self.rows.stop - 1
        return [frame[name].alias(PLAIN)[last] for name in self.words]

    @cached_property
    def frame(self) -> pl.DataFrame:
        """The rows as cells."""
        return self.whole.batch.frame[self.rows]

    def place(self, row: int) -> str:
        """Where a row stands, in the user's words."""
        return self.whole.batch.place(self.rows.start + row)


def odd_rows(rows: RowStream, count: int, kept: RowBlock | None = None) -> list[Notice]:
    """What is told of the rows of a table, `count` by count; of one file those that the fit has kept need no reading.

    `kept` are all of them by the design of `rows`.
    """
    source = rows.table
    if source is None or count * len(source.names()) > _CELLS:
        return []
    parts = _rows(source, rows.design, kept if len(source.files) == 1 else None).parts
    return [*_totals(parts), *_blocks(parts)]


def _rows(source: Source, design: DesignSpec, kept: RowBlock | None) -> _Rows:
    """The rows that have a value in each column that the model uses, and other cells that may be words."""
    used = design.columns
    numbers = tuple(name for name, kind in used.items() if kind in (Kind.NUMBER, Kind.AMOUNT))
    told = {term.column for term in design.terms if isinstance(term, Category) and not _names_a_total(term)}
    words = tuple(
        name
        for name, column in source.schema().items()
        if name not in told and used.get(name, Kind.TEXT) == Kind.TEXT and column.may_be_words
    )
    columns = None if kept is None else _columns(design, kept, numbers)
    is_whole = kept is not None and not kept.dropped and design.weights is None
    return _Rows(source, design, numbers, words, columns, is_whole)


def _names_a_total(term: Category) -> bool:
    """Whether a level could be the word for one; most categories need not be looked at for it."""
    return any(map(_is_total, term.levels))


def _columns(design: DesignSpec, kept: RowBlock, names: Sequence[str]) -> np.ndarray | None:
    """The columns (n, k) of the table in rows by a design; None where one went into a term with others."""
    own = {term.column for term in design.terms if isinstance(term, Number)}
    found = {name: kept.X[:, j] for j, name in enumerate(design.features) if name in own}
    if not design.transforms:
        found |= dict(zip(design.targets, kept.Y.T, strict=True))
    if design.weights is not None and kept.w is not None:
        found[design.weights] = kept.w
    return np.column_stack([found[name] for name in names]) if {*names} <= {*found} and names else None


# Totals


def _totals(parts: Sequence[_Part]) -> Iterator[Notice]:
    """The rows at the end of files that sum up those above them."""
    found = [(part, told) for part in parts if (told := _summing(part))]
    if not found:
        return
    (part, told), counts = found[0], {len(told) for _, told in found}
    last = len(told)
    where = listed((f"{part.place(row)} {what}" for row, what in told.items()), _LAST)
    more = f", and so do the last rows of {counted(len(found) - 1, 'more file')}" if len(found) > 1 else ""
    cause = f"{where}{more}. A total or a mean is no observation, and the fit counts it as one"
    if "skip_last" in part.source.may_tell and len(counts) == 1 and len(found) == len(parts):
        remedy = f"to leave it out: --skip-last {last} (read=gradline.Text(skip_last={last}) in Python)"
    else:
        remedy = "take it out of the table"
    yield Notice("total-row", cause, True, remedy)


def _summing(part: _Part) -> dict[int, str]:
    """The last rows, as many as sum up those above, and what shows it of each."""
    height = len(part.values)
    most = min(_LAST, height - _FEWEST)
    if most < 1 or not (_may_be_summed(part.values, most) or _ends_in_a_word(part)):
        return {}
    for count in range(most, 0, -1):
        body = height - count
        told = {row: _sign(part, row, body) for row in range(body, height)}
        if all(told.values()):
            return told
    return {}


def _ends_in_a_word(part: _Part) -> bool:
    """Whether a cell of the last row is a word for a total."""
    return any(cell is not None and _is_total(cell) for cell in part.last_words)


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


def _sign(part: _Part, row: int, body: int) -> str:
    """What shows that a row sums up those before `body`; empty where nothing does."""
    by_word, values = _word(part, row, body), part.values
    found = summed(values[row], values[:body]) if part.numbers else None
    if found is None:
        return by_word
    what, columns = found
    names = joined([part.numbers[j] for j in columns])
    return f"{by_word + ', and ' if by_word else ''}is the {what} of the rows above in {names}"


def _word(part: _Part, row: int, body: int) -> str:
    """The word that says so, where it is no level like others: no row above has it, and the column has another word in
    each, or other cells of the row are empty as no cell above is."""
    frame = part.frame
    for name in part.words:
        cells = frame[name].alias(PLAIN)
        cell, above = cells[row], cells[:body]
        if cell is None or not _is_total(cell):
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


def _is_total(cell: str) -> bool:
    """Whether a cell holds a word for a total or a mean."""
    return _TOTAL.fullmatch(cell) is not None


def _units(row: np.ndarray) -> np.ndarray:
    """That of the last digit of each number."""
    return np.array([10.0 ** _exponent(x) for x in row.tolist()])


def _exponent(x: float) -> int:
    """That of the last digit with which a number is written."""
    return min(0, int(Decimal(repr(x)).as_tuple().exponent)) if math.isfinite(x) else 0


# Blocks in another unit

_POWERS = {
    -3: "a thousandth of",
    -2: "a hundredth of",
    -1: "a tenth of",
    1: "10 times",
    2: "100 times",
    3: "1,000 times",
}
_POWERS |= {-6: "a millionth of", 6: "a million times"}
# What is found in place of what, as slope and start of the line from the one to the other.
_TEMPERATURES = {
    "in °F and elsewhere in °C": (1.8, 32.0),
    "in °C and elsewhere in °F": (1 / 1.8, -32 / 1.8),
    "in K and elsewhere in °C": (1.0, 273.15),
    "in °C and elsewhere in K": (1.0, -273.15),
}


def _blocks(parts: Sequence[_Part]) -> Iterator[Notice]:
    """Columns that some files, or some rows that follow one another, hold in another unit."""
    found = (
        _of_a_run(parts[0]) if len(parts) == 1 else _of_files([part for part in parts if len(part.values)])
    )
    for name, (where, unit) in found:
        cause = f"{name} is {unit} {where}, as if its unit changed"
        yield Notice("unit-jump", cause, True, "bring all rows to one unit")


def _of_files(parts: Sequence[_Part]) -> Iterator[tuple[str, tuple[str, str]]]:
    """The files that another unit tells from the others: more than half agree, and each that does not is explained."""
    if len(parts) < _FEWEST:
        return
    low, middle, high = np.stack([_ranges(part.values) for part in parts], axis=1)  # of (files, k)
    usual = np.argsort(middle, axis=0, kind="stable")[len(parts) // 2]
    for j, name in enumerate(parts[0].numbers):
        apart = (low[:, j] > high[usual[j], j]) | (high[:, j] < low[usual[j], j])
        if not apart.any() or 2 * apart.sum() >= len(parts):
            continue
        odd = [part for part, is_apart in zip(parts, apart, strict=True) if is_apart]
        others = np.concatenate(
            [part.values[:, j] for part, is_apart in zip(parts, apart, strict=True) if not is_apart]
        )
        units = {another_unit(part.values[:, j], others) for part in odd}
        unit = units.pop()
        if unit and not units:
            yield name, (f"in {listed([part.source.name for part in odd], 3)}", unit)


def _of_a_run(part: _Part) -> Iterator[tuple[str, tuple[str, str]]]:
    """The same of rows that follow one another, by their size and as they are."""
    for j in _may_have_runs(part.values):
        column = part.values[:, j]
        found = (_in_a_run(part, column, scale) for scale in _scales(column))
        if told := next(filter(None, found), None):
            yield part.numbers[j], told


def _in_a_run(part: _Part, column: np.ndarray, scale: np.ndarray) -> tuple[str, str] | None:
    """The rows of a column that one of its scales shows to be in another unit."""
    rows = _run(scale)
    if rows is None:
        return None
    unit = another_unit(column[rows], np.concatenate([column[: rows.start], column[rows.stop :]]))
    return (f"from {part.place(rows.start)} to {part.place(rows.stop - 1)}", unit) if unit else None


def _scales(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers by their size, on which a factor is a distance, and as they are."""
    with np.errstate(divide="ignore"):
        sizes = np.log10(np.abs(columns))
    return np.where(np.isfinite(sizes), sizes, -300.0), columns


def _may_have_runs(values: np.ndarray) -> list[int]:
    """The columns of (n, k) that may have what `_run` finds, which looks closer.

    A running median lies as far away as `_run` asks for where most values of its window do.
    """
    n, k = values.shape
    if n < 3 * _RUN or not k:
        return []
    scales = np.concatenate(_scales(values), axis=1)
    ordered = np.sort(scales, axis=0)
    centre = (ordered[(n - 1) // 2] + ordered[n // 2]) / 2
    usual = np.sort(np.abs(scales[1:] - scales[:-1]), axis=0)[
        (n - 2) // 2
    ]  # or less, between two in the middle
    away, reach = scales - centre, _RUN - 1
    far = np.concatenate([away > 2 * usual, away < -2 * usual], axis=1)
    if np.add.reduce(far, axis=0).max() < _RUN // 2 + 1:  # in a mirror the others count twice
        return []
    whole = np.concatenate(
        [far[reach:0:-1], far, far[-2 : -reach - 2 : -1]]
    )  # as seen in mirrors at both ends
    counts = np.add.accumulate(whole, axis=0, dtype=np.int32)
    window = 2 * _RUN - 1
    most = np.maximum(counts[window - 1], (counts[window:] - counts[:-window]).max(axis=0))
    return np.flatnonzero((most.reshape(-1, k) >= _RUN).any(axis=0)).tolist()


def _run(values: np.ndarray) -> slice | None:
    """The only rows that follow one another, at most half of all, and lie elsewhere than the others as a whole.

    Their running median lies twice as far from the median as half of the values do from the next one (about 2σ of
    independent rows, however long the run). They begin and end where most values on this side are nearer to theirs, and
    on that side to the others'.
    """
    if len(values) < 3 * _RUN:
        return None
    centre = np.median(values)
    usual = np.median(np.abs(np.diff(values)))
    window = 2 * _RUN - 1
    windows = sliding_window_view(np.pad(values, _RUN - 1, mode="reflect"), window)
    running = np.partition(windows, _RUN - 1, axis=1)[
        :, _RUN - 1
    ]  # the middle one, without the sorting of a median
    away = running - centre
    away *= np.sign(away[np.argmax(np.abs(away))])
    far = np.flatnonzero(away > 2 * usual)
    if (
        usual == 0
        or away.min() < -3 * usual
        or not 1 <= len(far) <= len(values) // 2
        or far[-1] - far[0] + 1 > len(far)
    ):
        return None
    own = np.median(values[far[0] : far[-1] + 1])
    nearer = np.where(np.abs(values - own) < np.abs(values - centre), 1, -1)
    middle = int(far[len(far) // 2])
    start = middle - int(np.argmax(np.cumsum(nearer[middle::-1])))
    stop = middle + 1 + int(np.argmax(np.cumsum(nearer[middle:])))
    return slice(start, stop)


def _ranges(values: np.ndarray) -> np.ndarray:
    """Of each column of (n, k) all but a twentieth at each end, and the median: (3, k)."""
    ordered, places = np.sort(values, axis=0), np.array([[0.05], [0.5], [0.95]]) * (len(values) - 1)
    before = places.astype(int)
    first, last = ordered[before[:, 0]], ordered[-(-places // 1).astype(int)[:, 0]]
    return first + (places - before) * (last - first)


def another_unit(block: np.ndarray, others: np.ndarray) -> str:
    """How a block (n,) is to the others (k,), where they are alike but for their unit; empty where they are not.

    A power of ten, or the line between two scales of temperature, takes the others to the block, and the two lie apart
    by half of their widths, or a fifth for temperatures, which no slow change leaves between its parts.
    """
    if min(len(block), len(others)) < _RUN:
        return ""
    ours, theirs = (_ranges(column[:, None])[:, 0] for column in (block, others))
    if ours[0] > 0 and theirs[0] > 0:
        logs, usual = np.log10(ours), np.log10(theirs)
        power = round(logs[1] - usual[1])
        if (
            power in _POWERS
            and _are_apart(logs, usual, 0.5)
            and _are_alike(logs - power, usual, 2.0, len(block))
        ):
            return f"about {_POWERS[power]} what it is elsewhere"
    for what, (slope, start) in _TEMPERATURES.items():
        celsius = ours if "°C and" in what else theirs
        is_weather = celsius[0] > -90 and celsius[2] < 60  # as far as the weather goes
        in_theirs = (ours - start) / slope
        if is_weather and _are_apart(ours, theirs, 0.2) and _are_alike(in_theirs, theirs, 4 / 3, len(block)):
            return what
    return ""


def _are_apart(ours: np.ndarray, theirs: np.ndarray, share: float) -> bool:
    """Whether a gap of this share of the wider one lies between two ranges."""
    gap = max(ours[0] - theirs[2], theirs[0] - ours[2])
    return gap > share * max(ours[2] - ours[0], theirs[2] - theirs[0])


def _are_alike(ours: np.ndarray, theirs: np.ndarray, most: float, count: int) -> bool:
    """Whether two ranges have one width, the larger at most so many times the other, and one middle.

    The medians of `count` rows of a normal column, whose range is 3.3σ wide, scatter by 1.25σ/√count; four times that
    is allowed, and a third of the width at most.
    """
    width, usual = ours[2] - ours[0], theirs[2] - theirs[0]
    near = usual * min(1 / 3, 1.5 / math.sqrt(count))
    return 0 < usual <= most * width <= most**2 * usual and bool(abs(ours[1] - theirs[1]) <= near)
