"""What the columns of a fit show that is hardly meant: codes for missing cells, copies of the target, row numbers."""

import math
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from gradline.core.errors import Notice
from gradline.core.text import counted, number, shell
from gradline.data.design import Number
from gradline.data.notation import Text
from gradline.data.row_stream import RowStream
from gradline.moments.state import Moments

# Nines and their negatives, as surveys and instruments write what they do not know: the values that are looked for.
_CODES = frozenset(
    [sign * (10.0**digits - 1) for digits in range(2, 8) for sign in (-1, 1)]
    + [-9.0, -999.9, -9999.9, -999.25]
)
_COPY = (
    1e-12  # of the target's variance that a column may leave unexplained and still be a copy but for rounding
)
_FEWEST = 10  # rows from which a column that explains all is no accident
_NAMED = re.compile(
    r"(?:^|[\W_])(?:id|ids|index|idx|row|rows|rownames?|unnamed.*|no|nr|number|key)$", re.IGNORECASE
)
_BLOCK = 1 << 16


class _Apart(NamedTuple):
    """A column, the code that is its least or largest value, how many rows have it, and the range of the others."""

    column: int
    code: float
    rows: int
    low: float
    high: float


def suspects(rows: RowStream | None, moments: Moments) -> list[Notice]:
    """What is told of the columns; the rows are read again only where a column ends in a code for missing cells."""
    return [*_sentinels(rows, moments), *_copies(moments), *_numbered(moments)]


def _numeric(moments: Moments) -> list[int]:
    """The places of the columns of numbers among the features."""
    names = {term.column for term in moments.design.terms if isinstance(term, Number)}
    return [j for j, name in enumerate(moments.features) if name in names]


def _sentinels(rows: RowStream | None, moments: Moments) -> Iterator[Notice]:
    """A value such as −999 that lies farther from all others than these lie from one another."""
    statistics, p, m = moments.statistics, moments.p, moments.m
    low, high = statistics.minimum.tolist(), statistics.maximum.tolist()
    if rows is None or _CODES.isdisjoint(low + high):
        return
    ends = enumerate(zip(low, high, strict=True))
    coded = [(j, value) for j, pair in ends for value in pair if value in _CODES]
    columns = [*_numeric(moments), *range(p, p + m)]
    candidates = [(j, value) for j, value in coded if j in columns]
    if not candidates:
        return
    for found in _apart(rows, candidates):
        name, code = (*moments.features, *moments.targets)[found.column], f"{found.code:.15g}"
        text = (
            f"{name} is {code} in {counted(found.rows, 'row')}, and from {number(found.low, 6)} to "
            f"{number(found.high, 6)} in all others. If that stands for a missing cell: "
        )
        table = rows.table
        words = [code, *(table.missing_words() if table is not None else ())]  # which --na alone would end
        told = "make it a null, and add " if table is None else shell(Text(na=words).words()) + " "
        yield Notice("sentinel-value", f"{text}{told}--missing drop", is_warning=True)


def _apart(rows: RowStream, candidates: Sequence[tuple[int, float]]) -> Iterator[_Apart]:
    """Those of the candidates that stand apart, by one more pass."""
    counts = [0] * len(candidates)
    low, high = [math.inf] * len(candidates), [-math.inf] * len(candidates)
    for block in rows.blocks(_BLOCK):
        whole = np.column_stack([block.X if isinstance(block.X, np.ndarray) else block.X.toarray(), block.Y])
        for i, (j, code) in enumerate(candidates):
            others = whole[:, j][whole[:, j] != code]
            counts[i] += len(whole) - len(others)
            if len(others):
                low[i], high[i] = min(low[i], others.min()), max(high[i], others.max())
    for (j, code), count, least, most in zip(candidates, counts, low, high, strict=True):
        distance = max(least - code, code - most)
        if distance > most - least > 0:
            yield _Apart(j, code, count, float(least), float(most))


def _copies(moments: Moments) -> Iterator[Notice]:
    """A feature that explains a target alone, to rounding, beside others."""
    if moments.rows < _FEWEST or moments.p < 2:
        return
    p, own = moments.p, moments.squares_around
    across = moments.factor[:, :p].T @ moments.factor[:, p:]
    both = own[:p, None] * own[p:]
    is_copy = (both > 0) & (both - across**2 <= _COPY * both)
    if not is_copy.any():
        return
    numeric = _numeric(moments)
    for j, t in np.argwhere(is_copy).tolist():
        if j in numeric:
            name, target = moments.features[j], moments.targets[t]
            text = f"{name} explains {target} alone and whole. If it is a copy of it: {shell(['--exclude', name])}"
            yield Notice("copy-of-target", text)


def _numbered(moments: Moments) -> Iterator[Notice]:
    """A column that is called as row numbers are, and has the range, mean and variance of n whole numbers in a row."""
    n, statistics = moments.rows, moments.statistics
    if n < _FEWEST or moments.design.weights is not None:
        return
    for j in [j for j, name in enumerate(moments.features) if _NAMED.search(name)]:
        low, high, name = statistics.minimum[j], statistics.maximum[j], moments.features[j]
        variance = float(np.linalg.norm(moments.factor[:, j]) ** 2) / n
        is_whole = high - low == n - 1 and math.isclose(moments.mean[j], (low + high) / 2, rel_tol=1e-9)
        if is_whole and math.isclose(variance, (n**2 - 1) / 12, rel_tol=1e-9):
            text = f"{name} looks like row numbers, {low:.0f} to {high:.0f} each once. Unless it is a time: "
            yield Notice("row-numbers", text + shell(["--exclude", name]))
