"""What the columns of a fit show that is hardly meant: codes for missing cells, copies of the target, identifiers."""

import math
import re
from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from gradline.core.errors import Notice
from gradline.core.text import counted, number, shell
from gradline.data.design import DesignSpec, Number, Term
from gradline.data.notation import Text
from gradline.data.row_block import RowBlock
from gradline.data.row_stream import RowStream, dense
from gradline.data.schema import Kind
from gradline.moments.state import Moments

# Nines and their negatives, as surveys and instruments write what they do not know: the values that are looked for.
_CODES = frozenset(
    [sign * (10.0**digits - 1) for digits in range(2, 8) for sign in (-1, 1)]
    + [-9.0, -999.9, -9999.9, -999.25]
)
# The days that programs write for a date that they do not know: those with which calendars begin and end.
_EPOCH = date(1970, 1, 1)
_DAYS = frozenset(
    float((date.fromisoformat(day) - _EPOCH).days)
    for day in (
        *("0001-01-01", "1753-01-01", "1899-12-30", "1899-12-31", "1900-01-01", "1901-01-01", "1904-01-01"),
        *("1970-01-01", "2099-12-31", "2999-12-31", "9999-01-01", "9999-12-31"),
    )
)
_COPY = (
    1e-12  # of the target's variance that a column may leave unexplained and still be a copy but for rounding
)
LEAK = 1e-4  # of it that a column may leave unexplained and still be told: R² above 0.9999, which few causes reach
_FEWEST = 10  # rows from which a column that explains all is no accident
_NAMED = re.compile(
    r"(?i:(?:^|[\W_])(?:id|ids|index|idx|row|rows|rownames?|unnamed.*|no|nr|number|key))$|(?<=[a-z])I[dD]$"
)
_BLOCK = 1 << 16


def suspects(rows: RowStream | None, moments: Moments) -> list[Notice]:
    """What is told of the columns of rows, of which `moments` are those of training.

    The rows are read again where a column ends in a code for missing cells, or is called as identifiers are and could
    be one. Of those that terms of a formula compute with, and no moments hold, passes over the rows have seen the ends.
    """
    return [*_sentinels(rows, moments), *_copies(moments), *_numbered(rows, moments)]


def _numeric(moments: Moments) -> list[int]:
    """The places of the columns of numbers among the features."""
    names = {term.column for term in moments.design.terms if isinstance(term, Number)}
    return [j for j, name in enumerate(moments.features) if name in names]


class Ends(NamedTuple):
    """A column by its place in [X Y]: what it is called, its least and its largest value, and whether it holds days."""

    column: int
    name: str
    values: tuple[float, float]
    is_date: bool = False

    @property
    def codes(self) -> list[float]:
        """Those of its ends that may stand for missing cells."""
        return [value for value in self.values if value in (_DAYS if self.is_date else _CODES)]

    def words(self, value: float) -> str:
        """A value as it stands in the table."""
        if self.is_date:
            return str(np.datetime64(math.floor(value), "D"))
        return f"{value:.15g}" if value in _CODES else number(value, 6)


def _sentinels(rows: RowStream | None, moments: Moments) -> Iterator[Notice]:
    """A value such as −999 that lies farther from all others than these lie from one another."""
    if rows is None:
        return
    names, statistics = (*moments.features, *moments.targets), moments.statistics
    low, high = statistics.minimum.tolist(), statistics.maximum.tolist()
    if not _CODES.isdisjoint(low + high):  # the usual case costs nothing more
        own = range(moments.p, len(names)) if not moments.design.transforms else ()
        yield from _coded(rows, [Ends(j, names[j], (low[j], high[j])) for j in (*_numeric(moments), *own)])
    if (found := sources(rows)) is not None:
        yield from _coded(*found)


def sources(rows: RowStream) -> tuple[RowStream, list[Ends]] | None:
    """The columns that terms and transformed targets compute with, dates as days, and their ends; None without any."""
    wanted, ends = rows.design.computed, rows.ends
    if not ends:
        return None
    kinds = tuple(pair for pair in rows.design.kinds if pair[0] in wanted)
    sought = rows.seen_by(DesignSpec(tuple(_source(*pair) for pair in wanted.items()), (), kinds=kinds))
    return sought, [
        Ends(j, name, ends[name], kind == Kind.TIME) for j, (name, kind) in enumerate(wanted.items())
    ]


def _source(name: str, kind: Kind) -> Term:
    """The term of a column as it is, of dates their days."""
    if kind != Kind.TIME:
        return Number(name)
    from gradline.data.terms.arithmetic import arithmetic  # noqa: PLC0415 - most fits have no formula
    from gradline.data.terms.product import Product  # noqa: PLC0415
    from gradline.data.terms.written_names import quoted  # noqa: PLC0415

    return Product((arithmetic(f"days({quoted(name)})"),))


def _coded(rows: RowStream, ends: Sequence[Ends]) -> Iterator[Notice]:
    """The notices of columns of which an end is a code, by one more pass where there are any."""
    candidates = [(end, code) for end in ends for code in end.codes]
    if not candidates:
        return
    counts = [0] * len(candidates)
    low, high = [math.inf] * len(candidates), [-math.inf] * len(candidates)
    for block in rows.blocks(_BLOCK):
        for i, (end, code) in enumerate(candidates):
            values = _column(block, end.column)
            others = values[values != code]
            counts[i] += len(values) - len(others)
            if len(others):
                low[i], high[i] = min(low[i], others.min()), max(high[i], others.max())
    for (end, code), count, least, most in zip(candidates, counts, low, high, strict=True):
        if max(least - code, code - most) <= most - least or most <= least:
            continue
        value, table = end.words(code), rows.table
        words = [value, *(table.missing_words() if table is not None else ())]  # which --na alone would end
        told = "make it a null, and add" if table is None else shell(Text(na=words).words())
        cause = (
            f"{end.name} is {value} in {counted(count, 'row')}, and from {end.words(float(least))} to "
            f"{end.words(float(most))} in all others"
        )
        yield Notice(
            "sentinel-value",
            cause,
            True,
            f"if that stands for a missing cell: {told} --missing drop",
            end.name,
        )


def _column(block: RowBlock, j: int) -> np.ndarray:
    """A column (n,) of [X Y]."""
    return dense(block.X[:, [j]])[:, 0] if j < block.p else block.Y[:, j - block.p]


def _copies(moments: Moments) -> Iterator[Notice]:
    """A feature that explains a target alone beside others: to rounding, or but for a ten-thousandth."""
    if moments.rows < _FEWEST or moments.p < 2:
        return
    p, own = moments.p, moments.squares_around
    left = np.add.reduce(moments.factor[p:, p:] ** 2, axis=0)
    if (left > 2 * LEAK * own[p:]).all():  # which all columns together leave; twice, for what rounds
        return
    across = moments.factor[:, :p].T @ moments.factor[:, p:]
    both = own[:p, None] * own[p:]
    is_copy = (both > 0) & (both - across**2 <= LEAK * both)
    if not is_copy.any():
        return
    numeric = _numeric(moments)
    for j, t in np.argwhere(is_copy).tolist():
        if j in numeric:
            name, target = moments.features[j], moments.targets[t]
            remedy = f"if it is a copy of it: {shell(['--exclude', name])}"
            left_open = both[j, t] - across[j, t] ** 2
            how = "whole" if left_open <= _COPY * both[j, t] else "to R² above 0.9999"
            yield Notice(
                "copy-of-target", f"{name} explains {target} alone and {how}", remedy=remedy, about=name
            )


def _numbered(rows: RowStream | None, moments: Moments) -> Iterator[Notice]:
    """A column that is called as row numbers and identifiers are, and holds another whole number in every row."""
    n, statistics = moments.rows, moments.statistics
    if n < _FEWEST or moments.design.weights is not None:
        return
    for j in [j for j in _numeric(moments) if _is_called_so(moments.features[j])]:
        low, high, name = statistics.minimum[j], statistics.maximum[j], moments.features[j]
        if is_permutation(moments, j):
            cause = f"{name} looks like row numbers, {low:.0f} to {high:.0f} each once"
            remedy = f"unless it is a time: {shell(['--exclude', name])}"
            yield Notice("identifier-column", cause, remedy=remedy, about=name)
        elif rows is not None and high - low >= n and _all_differ(rows, j):
            cause = (
                f"{name} looks like identifiers: whole numbers {low:.0f} to {high:.0f}, another in every row"
            )
            yield Notice(
                "identifier-column",
                cause,
                remedy=f"to leave it out: {shell(['--exclude', name])}",
                about=name,
            )


@lru_cache(1024)  # of the names that a thousand small fits have, too
def _is_called_so(name: str) -> bool:
    return _NAMED.search(name) is not None


def is_permutation(moments: Moments, j: int) -> bool:
    """Whether a column has the range, the mean and the variance, (n² − 1)/12, of n whole numbers in a row."""
    n, low, high = moments.rows, moments.statistics.minimum[j], moments.statistics.maximum[j]
    variance = float(np.linalg.norm(moments.factor[:, j]) ** 2) / n
    return (
        high - low == n - 1
        and math.isclose(moments.mean[j], (low + high) / 2, rel_tol=1e-9)
        and math.isclose(variance, (n**2 - 1) / 12, rel_tol=1e-9)
    )


def _all_differ(rows: RowStream, j: int) -> bool:
    """Whether every row has another whole number there; the reading stops where one has not."""
    seen = np.zeros(0)
    for block in rows.blocks(_BLOCK):
        values = _column(block, j)
        count = len(seen) + len(values)
        seen = np.union1d(seen, values)
        if len(seen) < count or (values != np.floor(values)).any():
            return False
    return True
