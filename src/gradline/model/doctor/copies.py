"""Rows that repeat others, to the last digit or nearly: what standard errors count as new knowledge and is none."""

from typing import NamedTuple

import numpy as np

_MOST = 1000  # rows among which near copies are looked for: their million of pairs takes 3 ms a column
_NEAR = 0.25  # standard deviations, beyond which no two rows are alike
_FEWEST = 5  # pairs that make a fault
_GAP = 4.0  # times as far apart are the next: by chance in 4⁻⁵ of tables of one dimension, in fewer of more
_GROUP = 10  # copies of one row: where more lie close, part of the table varies little, and no row is copied


class NearCopies(NamedTuple):
    """So many rows that have a near copy, and how far apart the copies are at most, in standard deviations."""

    rows: int
    apart: float


def copies(rows: np.ndarray) -> int:
    """How many rows (n, k) stand there before. Whole numbers of few values repeat by themselves: 0 where no column
    varies in most of the rows."""
    distinct = max(len(np.unique(column)) for column in rows.T)
    return len(rows) - len(np.unique(rows, axis=0)) if distinct > len(rows) / 2 else 0


def near_copies(rows: np.ndarray) -> NearCopies | None:
    """The rows (n, k) that are nearly others, told by a gap: copies lie close, and the next pairs far more apart.

    The distance of two rows is the largest difference of a column, in its standard deviations. Of n points that were
    drawn on their own in D dimensions the k closest pairs lie `_GAP` times closer than the next with probability
    `_GAP`^(−D·k) (pairs within r are as many as a Poisson variable of mean ∝ r^D). None where there is no such gap.
    """
    different = np.unique(rows[:_MOST], axis=0)
    if len(different) <= _GROUP:
        return None
    with np.errstate(over="ignore", invalid="ignore"):  # of columns near the end of float64 nothing is told
        spread = different.std(axis=0)
    distances = np.zeros((len(different), len(different)))
    for column, width in zip(different.T, spread, strict=True):
        if 0 < width < np.inf:
            scaled = column / width
            np.maximum(distances, np.abs(scaled[:, None] - scaled), out=distances)
    apart = np.sort(distances[np.triu_indices(len(different), 1)])[: _GROUP * len(different)]
    jumps = np.flatnonzero(apart[_FEWEST:] > _GAP * apart[_FEWEST - 1 : -1])
    if not len(jumps):
        return None
    near = float(apart[jumps[0] + _FEWEST - 1])
    close = (distances <= near).sum(axis=1) - 1  # but for the row itself
    return NearCopies(int((close > 0).sum()), near) if near <= _NEAR and close.max() < _GROUP else None
