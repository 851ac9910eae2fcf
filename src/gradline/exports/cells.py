"""Cells to try a model with: for each column that it needs, across what training saw of it."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np

from gradline.core.errors import DataError
from gradline.data.design import Category, Number
from gradline.data.inputs import open_table
from gradline.data.schema import Kind
from gradline.data.terms.arithmetic import Arithmetic
from gradline.data.terms.categories import Levels
from gradline.data.terms.polynomials import Polynomial
from gradline.data.terms.product import Product
from gradline.data.terms.splines import Spline
from gradline.data.terms.standardised import Standardised
from gradline.model.model import LinearModel

_GRID = np.concatenate([-np.logspace(12, -6, 40), [0.0], np.logspace(-6, 12, 181)])


class Drawn(NamedTuple):
    """Cells of a column, and its levels where it is a category of words, the base first."""

    cells: list[Any]
    levels: tuple[str, ...] | None


def most_levels(model: LinearModel) -> int:
    """Those of its largest category."""
    found = [term.levels for term in model.design.terms if isinstance(term, Category)]
    found += [factor.levels for factor, _ in _factors(model) if isinstance(factor, Levels)]
    return max(map(len, found), default=0)


def drawn(model: LinearModel, n: int) -> dict[str, Drawn]:
    """n cells of each column of the table, the same at every call."""
    draw = np.random.default_rng(0)
    return {name: _column(model, name, kind, n, draw) for name, kind in model.design.inputs.items()}


def _column(model: LinearModel, name: str, kind: Kind, n: int, draw: np.random.Generator) -> Drawn:
    levels = _levels(model, name, kind)
    if levels is not None:
        cells = [levels[i % len(levels)] for i in range(n)]
        return Drawn(cells, tuple(levels) if kind == Kind.TEXT else None)
    if kind == Kind.BOOLEAN:
        return Drawn([i % 2 == 1 for i in range(n)], None)
    share = draw.random(n)  # not `uniform`, whose difference of the two may be beyond float64
    if kind == Kind.TIME:
        days = (draw.random(n) * 365.0).astype(int) + 365 * np.resize(_years(model, name), n).astype(int)
        return Drawn([(date(1970, 1, 1) + timedelta(int(day))).isoformat() for day in days], None)
    low, high = _range(model, name)
    return Drawn(((1 - share) * low + share * high).tolist(), None)


def _factors(model: LinearModel) -> Iterator[tuple[Any, Product]]:
    return (
        (factor, term) for term in model.design.terms if isinstance(term, Product) for factor in term.factors
    )


def _levels(model: LinearModel, name: str, kind: Kind) -> Sequence[Any] | None:
    for term in model.design.terms:
        if isinstance(term, Category) and term.column == name:
            return term.levels
    for factor, _ in _factors(model):
        over = Arithmetic(factor.options.over) if isinstance(factor, Levels) else None
        if isinstance(factor, Levels) and over and over.names == (name,) and kind != Kind.TIME:
            return factor.levels if kind == Kind.TEXT else [float(level) for level in factor.levels]
    return None


def _years(model: LinearModel, name: str) -> np.ndarray:
    """Years after 1970 that training saw, or a few of this century."""
    statistics = model.moments.statistics
    for j, feature in enumerate(model.features):
        if feature == f"year({name})":
            return np.arange(statistics.minimum[j], statistics.maximum[j] + 1) - 1970
        if feature == f"days({name})":
            return np.linspace(statistics.minimum[j], statistics.maximum[j], 20) // 365.25
    return np.arange(30.0, 60.0)


def _range(model: LinearModel, name: str) -> tuple[float, float]:
    """The numbers between which training saw a column, as far as its terms tell."""
    statistics = model.moments.statistics
    for term in model.design.terms:
        if isinstance(term, Number) and term.column == name:
            j = model.features.index(name)
            return statistics.minimum[j], statistics.maximum[j]
    for factor, term in _factors(model):
        if set(factor.inputs) == {name} and not isinstance(factor, Levels):
            over, ends = _bounds(model, factor, term)
            if ends is not None:
                return _inverse(over, name, ends)
    return 1.0, 2.0


def _bounds(model: LinearModel, factor: Any, term: Product) -> tuple[Arithmetic, tuple[float, float] | None]:
    """The expression that a factor is a function of, and between which values training saw it."""
    if isinstance(factor, Arithmetic):
        if len(term.factors) > 1:
            return factor, None
        j, statistics = model.features.index(factor.names[0]), model.moments.statistics
        return factor, (statistics.minimum[j], statistics.maximum[j])
    if isinstance(factor, Spline):
        return factor.over, (factor.learned[0], factor.learned[-1])
    if isinstance(factor, Standardised) or (isinstance(factor, Polynomial) and factor.learned):
        centre, scale = factor.learned[:2]
        return factor.over, (centre - scale, centre + scale)
    return factor.over, None


def _inverse(over: Arithmetic, name: str, ends: tuple[float, float]) -> tuple[float, float]:
    """The numbers of a column where an expression of it has these values, on the side where it rises or falls."""
    known: list[tuple[float, float]] = []
    for cells in (_GRID[_GRID > 0], *_GRID[:, None]):  # all at once where every one has a value
        try:
            (batch,) = open_table({name: cells}).batches({name: Kind.NUMBER})
            values = over.values(batch)
        except DataError:
            continue
        known += zip(values.tolist(), cells.tolist(), strict=True)
        if len(cells) > 1:
            break
    right = sorted(pair for pair in known if pair[1] > 0) or sorted(known)
    values, cells = zip(*right, strict=True)
    low, high = sorted(np.interp(ends, values, cells).tolist())
    return low, high
