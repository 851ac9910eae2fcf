"""The columns that a model predicts from, as readers know them: what they hold, where they lie, a usual row."""

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np

from gradline.data.asked_rows import rows_to_predict
from gradline.data.design import Number
from gradline.data.row_stream import RowStream
from gradline.data.schema import Kind
from gradline.model.model import LinearModel
from gradline.model.suspects import sources
from gradline.pages.page_terms import levels_of

_EPOCH = date(1970, 1, 1)
_BINARY = 1e-9  # of a variance: that of 0 and 1 of this mean, but for rounding


class Variable(NamedTuple):
    """A column of the table: its levels, or of numbers and days their range, a usual value and how they vary.

    `levels` is None of numbers; a date is told by its days since 1970. Numbers are NaN where nobody knows: a column
    that terms compute with lies in no moments, and only rows have its ends. `spread` is its standard deviation, or a
    quarter of its range.
    """

    name: str
    kind: Kind
    levels: tuple[str, ...] | None
    low: float = math.nan
    middle: float = math.nan
    high: float = math.nan
    spread: float = math.nan
    is_binary: bool = False

    @property
    def is_known(self) -> bool:
        """Whether it is known where it lies."""
        return self.levels is not None or math.isfinite(self.middle)

    @property
    def usual(self) -> float | str:
        """The value of a usual row: the base of a category, 0 of truth values, the mean of numbers."""
        return self.levels[0] if self.levels else 0.0 if self.is_binary else self.middle

    @property
    def apart(self) -> tuple[float, float]:
        """Two values as far on either side of the middle as the column varies, within its range."""
        if self.is_binary:
            return 0.0, 1.0
        low, high = (shortened(self.middle + side * self.spread, self.spread) for side in (-1, 1))
        return max(self.low, low), min(self.high, high)

    def cell(self, value: float | str) -> Any:
        """A value as a table has it."""
        if self.levels is not None:
            return float(value) if self.kind != Kind.TEXT else value
        return _EPOCH + timedelta(days=math.floor(float(value))) if self.kind == Kind.TIME else float(value)


def shortened(value: float, step: float) -> float:
    """A number near another in as few digits as its step needs: 24.7 for 24.6831 with a step of 8."""
    if not (math.isfinite(value) and step > 0):
        return value
    return float(f"{value:.{max(1, 2 + math.floor(math.log10(max(abs(value), step) / step)))}g}")


def variables(model: LinearModel, rows: RowStream | None = None) -> dict[str, Variable]:
    """Each by its name; `rows` tell where columns lie that terms compute with."""
    own = {term.column: i for i, term in enumerate(model.design.terms) if isinstance(term, Number)}
    places = {name: model.features.index(name) for name in own}
    found = sources(rows) if rows is not None else None
    ends = {end.name: end.values for end in found[1]} if found else {}
    return {
        name: _variable(model, name, kind, places.get(name), ends.get(name))
        for name, kind in model.design.inputs.items()
    }


def _variable(
    model: LinearModel, name: str, kind: Kind, place: int | None, ends: tuple[float, float] | None
) -> Variable:
    levels = levels_of(model, name)
    if levels is not None:
        return Variable(name, kind, tuple(levels))
    if place is None:
        if ends is None or not all(map(math.isfinite, ends)):
            return Variable(name, kind, None)
        low, high = map(float, ends)
        return Variable(
            name, kind, None, low, _usual(low, low + (high - low) / 2, high), high, (high - low) / 4
        )
    moments = model.moments
    low, high = float(moments.statistics.minimum[place]), float(moments.statistics.maximum[place])
    mean = float(moments.mean[place])
    spread = float(np.linalg.norm(moments.factor[:, place])) / math.sqrt(moments.weight_sum)
    binary = (low, high) == (0.0, 1.0) and math.isclose(spread**2, mean * (1 - mean), rel_tol=_BINARY)
    return Variable(name, kind, None, low, _usual(low, mean, high), high, spread, binary)


def _usual(low: float, mean: float, high: float) -> float:
    """The mean in four digits, within the range."""
    return min(high, max(low, float(f"{mean:.4g}")))


def encoded(
    model: LinearModel, known: Mapping[str, Variable], changed: Sequence[Mapping[str, float | str]]
) -> np.ndarray:
    """X (n, p) of rows that are as usual but for what is `changed` in each."""
    cells = {name: [one.cell(row.get(name, one.usual)) for row in changed] for name, one in known.items()}
    parts = rows_to_predict(model.design, cells, "error", "error", model.read.of_all_rows)
    return np.concatenate([part.X for part in parts])
