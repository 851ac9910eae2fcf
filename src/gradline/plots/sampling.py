"""Rows for a figure: those of the model's columns that are complete, at random no more than a figure can show."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from gradline.core.text import counted
from gradline.data.inputs import open_table, rows_by
from gradline.data.row_stream import RowStream
from gradline.model.model import LinearModel

_BLOCK = 1 << 14


class Sample(NamedTuple):
    """X (n, p) and Y (n, m) of some rows, their numbers among the complete rows from 1, and how many there were."""

    X: np.ndarray
    Y: np.ndarray
    numbers: np.ndarray
    rows: int
    dropped: int

    def said(self) -> str:
        """What a reader should know of the rows that are not shown; empty when there are none."""
        parts = []
        if len(self.X) < self.rows:
            parts.append(f"{len(self.X):,} of {self.rows:,} rows, at random.")
        if self.dropped:
            parts.append(f"{counted(self.dropped, 'row')} with missing cells left out.")
        return " ".join(parts)


def rows_of(model: LinearModel, data: Any) -> RowStream:
    """The rows by the model's own design: of a table, or of a pair (X, Y) of arrays or of a frame and an array.

    Rows with missing cells are left out. Raises `DataError` where the columns are not those of the model.
    """
    if not isinstance(data, tuple):
        source = open_table(data, model.read)
        return rows_by(model.design.without_weights_beyond(source), source, "drop")
    design = replace(model.design, weights=None, weights_are=None)
    return rows_by(design, data[0], "drop", targets=data[1])


def sampled(model: LinearModel, data: Any, rows: int) -> Sample:
    """At most `rows` of the complete rows, each as likely as any other, in their order; the same at every call."""
    random = np.random.default_rng(0)
    X, Y = np.zeros((0, len(model.features))), np.zeros((0, len(model.targets)))
    keys, numbers = np.zeros(0), np.zeros(0, int)
    seen = dropped = 0
    for block in rows_of(model, data).blocks(_BLOCK):
        count = len(block.X)
        keys = np.concatenate([keys, random.random(count)])
        numbers = np.concatenate([numbers, np.arange(seen + 1, seen + count + 1)])
        X, Y = np.vstack([X, block.X]), np.vstack([Y, block.Y])
        seen, dropped = seen + count, dropped + block.dropped
        if len(keys) > rows:
            kept = np.sort(np.argpartition(keys, rows)[:rows])
            X, Y, keys, numbers = X[kept], Y[kept], keys[kept], numbers[kept]
    return Sample(X, Y, numbers, seen, dropped)


def picked(model: LinearModel, data: Any, numbers: np.ndarray) -> Sample:
    """The complete rows of these numbers, which ascend from 1."""
    X, Y = [], []
    seen = dropped = 0
    for block in rows_of(model, data).blocks(_BLOCK):
        here = numbers[(numbers > seen) & (numbers <= seen + len(block.X))] - seen - 1
        X.append(block.X[here])
        Y.append(block.Y[here])
        seen, dropped = seen + len(block.X), dropped + block.dropped
    return Sample(np.concatenate(X), np.concatenate(Y), numbers, seen, dropped)
