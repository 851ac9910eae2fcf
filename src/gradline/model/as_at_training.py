"""Whether a file that a model reads is written as the file that it was trained on was."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gradline.core.errors import DataError
from gradline.core.text import shell
from gradline.data.notation import Text

if TYPE_CHECKING:  # a table needs polars, and arrays need none
    from gradline.data.source import Source


_ROWS = 1000  # that are compared with training


class _Reading(NamedTuple):
    """Some cells of a column as they are written, and their values as at training and as the file itself says."""

    column: str
    cells: list[str]
    ours: np.ndarray
    own: np.ndarray

    @property
    def differing(self) -> int:
        """The first cell whose value depends on the reading; −1 where none does."""
        differs = (self.ours != self.own) & ~np.isnan(self.ours)
        return int(np.argmax(differs)) if differs.any() else -1


def notes(model: Any, source: "Source") -> list[str]:
    """What the marks of numbers that were told at training change in a text file of which nobody told them anew.

    Raises `DataError` where the file could as well be read otherwise, and most of its first rows, read as at training,
    lie outside the range of the rows there.
    """
    read = source.spelling.read
    marks = Text(decimal=read.decimal, thousands=read.thousands)
    if not source.is_text or not marks.words():
        return []
    flags = shell(marks.words())
    found, far = [], None
    own = source.told(replace(read, decimal=None, thousands=None))
    for one in _readings(model, source, own):
        at = one.differing
        if at < 0:
            continue
        ours, other = one.ours[at], one.own[at]
        doubt = own.schema()[one.column].doubt
        is_open = not np.isnan(other) or (doubt is not None and doubt.code == "number-notation-ambiguous")
        if is_open and one.column in (far := _far_from_training(model, source) if far is None else far):
            may_be = "it may be another number" if np.isnan(other) else f"it is {other:.15g}"
            raise DataError(
                "notation-differs",
                f"{one.cells[at]!r} in column {one.column} of {source.name} is {ours:.15g} when read with {flags}, as "
                f"at training, where numbers were far from it; as the file is written {may_be}",
                f"say how its numbers are written: --decimal . or --thousands , or {flags} (read=gradline.{marks} in "
                "Python)",
            )
        found.append(f"{one.cells[at]!r} in {one.column} is {ours:.15g}")
    return [f"numbers are read with {flags}, as at training: {found[0]}"] if found else []


def _readings(model: Any, source: "Source", own: "Source") -> Iterator[_Reading]:
    """The first cells of each column of numbers that the model needs."""
    names = source.names()
    for column, kind in model.design.inputs.items():
        if not kind.is_numeric or column not in names:
            continue
        cells = source.first_cells(column)
        ours, others = source.spelling.values(cells), own.spelling.values(cells)
        yield _Reading(column, cells, ours, others)


def _far_from_training(model: Any, source: "Source") -> set[str]:
    """The columns whose terms are, in most of the first rows, outside the range that they had in training."""
    batch = next(iter(source.batches(model.design.inputs)))
    batch = batch.part(slice(0, _ROWS))
    batch = batch.where(batch.complete)
    X = np.empty((batch.frame.height, len(model.features)))
    model.design.encode(batch, X, unseen="nan")
    p, statistics = len(model.features), model.moments.statistics
    low, high = statistics.minimum[:p], statistics.maximum[:p]
    outside = np.less(X, low) | np.greater(X, high)
    is_far = 2 * np.count_nonzero(outside, axis=0) > len(X)
    found, stop = set(), 0
    for term in model.design.terms:
        start, stop = stop, stop + len(term.names)
        found |= set(term.columns) if is_far[start:stop].any() else set()
    return found
