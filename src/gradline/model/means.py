"""Means by level: what a model predicts for each level of a category, all else alike, and how far levels are apart."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import Any

import numpy as np

from gradline.core.errors import RequestError, UsageError
from gradline.core.text import listed, nearest, wrapped
from gradline.data.design import Category, Number
from gradline.data.notation import FOUND
from gradline.data.schema import Kind
from gradline.model.coefficient_table import beside, figure
from gradline.model.inference.estimates import Estimates
from gradline.model.inference.inference import Inference
from gradline.model.inference.joint import Contrast
from gradline.model.inference.wild import WildEstimates
from gradline.model.model import LinearModel

_SURE = 1e-9  # below it an integral of the studentized range is rounding
_MOST_ROWS = 100_000  # of the grid: 100,000 combinations of levels are no reader's question


@dataclass(frozen=True, eq=False)
class Means:
    """Means by level of `column`, and the differences of each two levels; see `marginal_means`.

    `means` and `differences` are sums of coefficients with their standard errors; `tukey` and `holm` (m, pairs) are
    p-values of the differences that allow for there being several.
    """

    column: str
    held: Mapping[str, Any]
    means: Contrast
    differences: Contrast

    @property
    def tukey(self) -> np.ndarray:
        """P(the largest of all differences is as large), by the studentized range (Tukey 1953, Kramer 1956): exact
        where levels have as many rows, and no smaller than the truth else (Hayter 1984)."""
        from scipy.stats import studentized_range  # noqa: PLC0415 - it loads for half a second

        levels = self.means.estimate.shape[1]
        size = np.abs(self.differences.t) * np.sqrt(2)
        return studentized_range.sf(size, levels, self.differences.freedom)

    @property
    def holm(self) -> np.ndarray:
        """Holm's (1979): the k-th smallest of r times r + 1 − k, and none less than one before it."""
        p = self.differences.p_value
        order = np.argsort(p, axis=1)
        times = p.shape[1] - np.arange(p.shape[1])
        steps = np.minimum(1.0, np.maximum.accumulate(np.take_along_axis(p, order, 1) * times, axis=1))
        found = np.empty_like(p)
        np.put_along_axis(found, order, steps, 1)
        return found

    def text(self, targets: Sequence[str], level: float = 0.95) -> str:
        """Means with their bounds, and differences with their p-values, by target."""
        bounds, blocks = self.means.interval(level), []
        for j, target in enumerate(targets):
            means = [
                ["mean", *(figure(v, ".7g") for v in self.means.estimate[j])],
                ["std. error", *(figure(v, ".4g") for v in self.means.stderr[j])],
                [f"{100 * level:g} % from", *(figure(v, ".5g") for v in bounds[j, :, 0])],
                ["to", *(figure(v, ".5g") for v in bounds[j, :, 1])],
            ]
            apart = [
                ["difference", *(figure(v, ".7g") for v in self.differences.estimate[j])],
                ["std. error", *(figure(v, ".4g") for v in self.differences.stderr[j])],
                ["t", *(figure(v, ".4g") for v in self.differences.t[j])],
                ["p Tukey", *(_tail(v) for v in self.tukey[j])],
                ["p Holm", *(figure(v, ".3g") for v in self.holm[j])],
            ]
            blocks.append(beside([f"{target} by {self.column}", *self.means.sums], means))
            blocks.append(beside(["levels apart", *self.differences.sums], apart))
        at = "".join(f", {name} at {value}" for name, value in self.held.items())
        blocks.append(
            wrapped(
                f"A mean of a level is what the model predicts for it with numbers at their mean{at}, and each "
                "combination of other categories counted once. Both p allow for comparing every two levels: Tukey's is "
                "sharper, Holm's holds for any standard errors."
            )
        )
        return "\n\n".join(blocks)

    def to_dict(self, level: float = 0.95) -> dict[str, Any]:
        """All figures as plain data."""
        return {
            "column": self.column,
            "held": dict(self.held),
            "means": self.means.to_dict(level),
            "differences": self.differences.to_dict(level)
            | {"p_tukey": self.tukey.tolist(), "p_holm": self.holm.tolist()},
        }


def marginal_means(
    model: LinearModel,
    column: str,
    *,
    at: Mapping[str, Any] | None = None,
    estimates: Inference | Estimates | WildEstimates | None = None,
) -> Means:
    """What a model predicts for each level of a category, the others at their mean, and the differences of levels.

    The mean of a level is that of the predictions over a grid: numbers stand at their (weighted) mean over the training
    rows, or at what `at` says, and each combination of the levels of other categories counts once, as in R's emmeans
    (Searle, Speed, Milliken 1980, Population marginal means in the linear model). Truth values are categories here.

    - `column`: a category, or truth values.
    - `at`: values of other columns, `{"area": 100}`; needed for a number that only terms such as `log(area)` hold, of
      which the model knows no mean.
    - `estimates`: the coefficients with other standard errors; by default the plain ones of the model.

    Raises `RequestError` where the model has no such category, no standard errors, or does not know a mean, and
    `UsageError` for a value of a column that it does not have.

    >>> import gradline
    >>> words = "body_mass_g ~ flipper_length_mm + species"
    >>> model = gradline.fit("example:penguins", formula=words, missing="drop")
    >>> found = gradline.marginal_means(model, "species")
    >>> found.means.sums
    ('Adelie', 'Chinstrap', 'Gentoo')
    >>> found.means.estimate.round(0)
    array([[4147., 3940., 4414.]])
    >>> found.tukey.round(4)
    array([[0.0012, 0.0149, 0.    ]])
    """
    levels, held = _levels(model), dict(at or {})
    if column not in levels:
        others = nearest(column, list(levels), "the categories are") if levels else "it has no category"
        raise RequestError("means-of-no-category", f"{column} is no category of the model", others)
    if odd := [name for name in held if name not in model.design.inputs or name == column]:
        known = [name for name in model.design.inputs if name != column]
        raise UsageError("means-at-unknown", f"there is no other column {odd[0]}", nearest(odd[0], known))
    known = model.inference if estimates is None else estimates
    grid = _grid(model, column, levels, held)
    X = np.concatenate([batch.inputs for batch in model.predictions(grid, read=FOUND)])
    stacked = np.column_stack([np.ones(len(X)), X]) if model.has_bias else X
    rows = stacked.reshape(len(levels[column]), -1, stacked.shape[1]).mean(axis=1)
    names = tuple(map(str, levels[column]))
    pairs = list(combinations(range(len(names)), 2))
    apart = np.array([rows[j] - rows[i] for i, j in pairs])
    return Means(
        column,
        held,
        replace(known.contrast(rows), sums=names),
        replace(known.contrast(apart), sums=tuple(f"{names[j]} - {names[i]}" for i, j in pairs)),
    )


def _tail(p: float) -> str:
    """A probability that comes as 1 less another one, right to some 1e-10."""
    return f"<{_SURE:g}" if p < _SURE else figure(p, ".3g")


def held(model: LinearModel, words: Sequence[str]) -> dict[str, Any]:
    """Values of columns from texts `NAME=VALUE`, numbers where the columns are. Raises `UsageError` for others."""
    found: dict[str, Any] = {}
    for text in words:
        name, mark, value = text.partition("=")
        kind = model.design.inputs.get(name)
        try:
            found[name] = float(value) if kind is not None and kind in (Kind.NUMBER, Kind.AMOUNT) else value
        except ValueError:
            mark = ""
        if not mark or not value:
            raise UsageError("at-unreadable", f"at is {text!r}", "write NAME=VALUE, such as area=100")
    return found


def _levels(model: LinearModel) -> dict[str, tuple[Any, ...]]:
    """The levels of each column that is a category, or holds truth values."""
    found: dict[str, tuple[Any, ...]] = {
        name: (False, True) for name, kind in model.design.inputs.items() if kind == Kind.BOOLEAN
    }
    for term in model.design.terms:
        if isinstance(term, Category):
            found[term.column] = term.levels
        elif not isinstance(term, Number):
            found |= dict(_levels_of_factors(term))
    return found


def _levels_of_factors(term: Any) -> Iterator[tuple[str, tuple[Any, ...]]]:
    from gradline.data.terms.categories import Levels  # noqa: PLC0415 - most models have no formula

    for factor in term.factors:
        if isinstance(factor, Levels) and len(factor.inputs) == 1:
            is_text = factor.cells == "text"
            yield next(iter(factor.inputs)), factor.levels if is_text else tuple(map(float, factor.levels))


def _grid(
    model: LinearModel, column: str, levels: Mapping[str, tuple[Any, ...]], held: Mapping[str, Any]
) -> dict[str, list[Any]]:
    """The rows that are predicted, those of each level of the column together."""
    means = dict(zip(model.features, model.moments.mean.tolist(), strict=False))
    numbers = {term.column for term in model.design.terms if isinstance(term, Number)}
    values: dict[str, tuple[Any, ...]] = {column: levels[column]}
    for name in model.design.inputs:
        if name in held:
            values[name] = (held[name],)
        elif name in levels:
            values[name] = levels[name]
        elif name in numbers:
            values[name] = (means[name],)
        else:
            raise RequestError(
                "means-without-value",
                f"the model knows no mean of {name}, which only terms of a formula hold",
                f"say at which value: --at '{name}=…' (at={{{name!r}: …}} in Python)",
            )
    count = int(np.prod([len(each) for each in values.values()], dtype=float))
    if count > _MOST_ROWS:
        many = [name for name, each in values.items() if len(each) > 1 and name != column]
        raise RequestError(
            "means-of-too-many",
            f"there are {count:,} combinations of the levels of {listed(many)}",
            "hold some of them at one level: --at NAME=LEVEL (at={…} in Python)",
        )
    return dict(zip(values, map(list, zip(*product(*values.values()), strict=True)), strict=True))
