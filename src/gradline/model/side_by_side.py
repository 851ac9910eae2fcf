"""Several models of the same targets beside each other: coefficients, criteria, F tests and errors on folds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from gradline.core.errors import UsageError
from gradline.core.text import listed
from gradline.data.folds import Shuffled
from gradline.data.inputs import rows_by
from gradline.model.cross_validation import squares_on
from gradline.model.inference.joint import Wald
from gradline.model.model import LinearModel
from gradline.model.side_by_side_text import rendered
from gradline.moments.parts import folds_of
from gradline.moments.rank import Rank
from gradline.moments.state import Moments

_SAME = 1e-7  # of the norms of columns: rows that are the same leave less between two ways of adding them up
FOLDS = 5


@dataclass(frozen=True, eq=False)
class Nested:
    """An F test of the columns that the larger of two models has more; or why there is none."""

    smaller: str
    larger: str
    test: Wald | None
    reason: str | None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Models of the same targets, in the order in which they were given; `str` of it is a table for each target.

    - `tests`: each model against the one before it: an F test where one has all columns of the other and the rows are
      the same, else why there is none (Greene 2012, section 5.5).
    - `same_rows`: whether the targets are those of the same rows, as AIC and BIC need it.
    - `folds`: of each model the root of the mean squared error (m,) on rows held out in turn; None without data.
    """

    models: Mapping[str, LinearModel]
    tests: tuple[Nested, ...]
    same_rows: bool
    folds: Mapping[str, np.ndarray] | None

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of the targets."""
        return next(iter(self.models.values())).targets

    def criterion(self, name: str) -> dict[str, np.ndarray]:
        """`aic` or `bic` of each model (m,), NaN where there is none."""
        found = {title: getattr(model.inference, name) for title, model in self.models.items()}
        nothing = np.full(len(self.targets), np.nan)
        return {title: nothing if values is None else values for title, values in found.items()}

    def above_best(self, name: str) -> dict[str, np.ndarray]:
        """By how much `aic` or `bic` of each model is above the least; NaN where rows are not the same."""
        values = self.criterion(name)
        known = np.array(list(values.values()))
        best = np.where(np.isnan(known), np.inf, known).min(axis=0)
        return {
            title: one - best if self.same_rows else np.full_like(best, np.nan)
            for title, one in values.items()
        }

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain data, NaN where one means nothing."""
        tests = [
            {"smaller": one.smaller, "larger": one.larger, "reason": one.reason}
            | ({} if one.test is None else one.test.to_dict())
            for one in self.tests
        ]
        models = {
            title: {
                "features": list(model.features),
                "rows": model.moments.rows,
                "weight": model.weight.tolist(),
                "bias": model.bias.tolist(),
                **{name: self.criterion(name)[title].tolist() for name in ("aic", "bic")},
                **{f"{name}_above_best": self.above_best(name)[title].tolist() for name in ("aic", "bic")},
                "rmse_on_folds": None if self.folds is None else self.folds[title].tolist(),
            }
            for title, model in self.models.items()
        }
        return {"targets": list(self.targets), "same_rows": self.same_rows, "models": models, "tests": tests}

    def __str__(self) -> str:
        return rendered(self, "text")

    def to(self, form: str) -> str:
        """The tables as "text", "markdown", "html" (which word processors open too) or "latex"."""
        return rendered(self, form)


def compare(
    models: Sequence[LinearModel] | Mapping[str, LinearModel],
    data: Any = None,
    *,
    missing: str = "error",
    seed: int = 0,
) -> Comparison:
    """Compare models of the same targets.

    Parameters:
    - `models`: two or more, in a list, or under the names by which the tables call them.
    - `data`: a table of rows, for the error on five parts of them that are held out in turn, of least-squares models;
      None (default) compares without.
    - `missing`, `seed`: what becomes of rows with missing cells, as in `fit`; what draws the parts.

    Raises `UsageError` for a single model or for other targets.

    >>> import gradline
    >>> small = gradline.fit("example:crops", "apples", features=["temp", "rainfall"])
    >>> large = gradline.fit("example:crops", "apples", features=["temp", "rainfall", "humidity"])
    >>> compared = gradline.compare([small, large])
    >>> print(compared.tests[0].test)
    humidity = 0: F 364.637 on 1 and 11, p 8.78e-10
    """
    named = (
        models if isinstance(models, Mapping) else {f"model {i + 1}": model for i, model in enumerate(models)}
    )
    if len(named) < 2:
        raise UsageError(
            "single-model", "there is one model, and nothing to compare it with", "give two or more"
        )
    first = next(iter(named.values()))
    for title, model in named.items():
        if model.targets != first.targets:
            raise UsageError(
                "other-targets",
                f"{title} predicts {listed(model.targets)}, and the first model {listed(first.targets)}",
                "compare models of the same targets: of a logarithm and of the target itself no criterion compares",
            )
    pairs = list(named.items())
    tests = tuple(_nested(*pair) for pair in pairwise(pairs))
    same = all(_same_targets(first.moments, model.moments) for model in named.values())
    folds = None if data is None else {title: _on_folds(model, data, missing, seed) for title, model in pairs}
    return Comparison(dict(pairs), tests, same, folds)


def _nested(one: tuple[str, LinearModel], other: tuple[str, LinearModel]) -> Nested:
    (smaller, small), (larger, large) = sorted((one, other), key=lambda pair: _width(pair[1]))
    reason = _why_not(small, large)
    if reason is not None:
        return Nested(smaller, larger, None, reason)
    names = large.inference.estimates and large.inference.estimates.names
    assert names is not None
    kept = {*small.features, *(["bias"] if small.has_bias else [])}
    more = [i for i, name in enumerate(names) if name not in kept]
    return Nested(smaller, larger, large.inference.test(np.eye(len(names))[more]), None)


def _width(model: LinearModel) -> int:
    return len(model.features) + model.has_bias


def _why_not(small: LinearModel, large: LinearModel) -> str | None:
    """Why the two are not compared by an F test; None where they are."""
    for model in (small, large):
        if model.inference.estimates is None:
            return f"no F test: {model.inference.reason}"
    if not set(small.features) <= set(large.features) or (small.has_bias and not large.has_bias):
        return (
            "no F test: neither model has all columns of the other; AIC, BIC and errors on folds compare them"
        )
    if _width(small) == _width(large):
        return "no F test: both models have the same columns"
    if not _same_rows(small.moments, large.moments):
        return "no F test: the models are not of the same rows; fit both with rows that are complete for the larger"
    if not large.inference.basis.determined.all():
        return "no F test: the data do not determine all coefficients of the larger model"
    return None


def _same_rows(small: Moments, large: Moments) -> bool:
    """Whether the columns of the smaller are the same numbers in the larger: counts, ends, means and products."""
    if (small.rows, small.weights_are) != (large.rows, large.weights_are):
        return False
    kept = [large.features.index(name) for name in small.features] + [large.p + j for j in range(large.m)]
    statistics, factor = large.statistics.select(kept), large.factor[:, kept]
    if not (
        np.array_equal(statistics.minimum, small.statistics.minimum)
        and np.array_equal(statistics.maximum, small.statistics.maximum)
    ):
        return False
    sizes = np.linalg.norm(small.factor, axis=0)
    sizes = np.where(sizes > 0, sizes, 1.0)
    apart = (factor.T @ factor - small.factor.T @ small.factor) / np.outer(sizes, sizes)
    spread = sizes / math.sqrt(small.weight_sum)
    return bool(
        (np.abs(apart) <= _SAME).all()
        and (np.abs(statistics.mean - small.mean) <= _SAME * (spread + np.abs(small.mean))).all()
    )


def _same_targets(one: Moments, other: Moments) -> bool:
    """Whether the targets are the same numbers, as far as counts, ends, means and their spread tell."""
    if one.rows != other.rows:
        return False
    ends = (
        (moments.statistics.minimum[moments.p :], moments.statistics.maximum[moments.p :])
        for moments in (one, other)
    )
    (low, high), (other_low, other_high) = ends
    spread = one.variation(True)
    return bool(
        np.array_equal(low, other_low)
        and np.array_equal(high, other_high)
        and (np.abs(spread - other.variation(True)) <= _SAME * spread).all()
    )


def _on_folds(model: LinearModel, data: Any, missing: str, seed: int) -> np.ndarray:
    """√(Σ w·(ŷ − y)²/Σw) (m,) over all rows, each predicted by the fit of the parts that do not hold it."""
    if not (model.penalty.is_none and model.loss.quadratic):
        return np.full(len(model.targets), np.nan)
    rows = rows_by(model.design, data, missing, read=model.read)
    squares, weights = np.zeros(len(model.targets)), 0.0
    for training, test in folds_of(rows, Shuffled(FOLDS, seed), model.moments.rows, model.design):
        weight = Rank.of(training, model.has_bias).least_squares(training.slopes_factor(model.has_bias).B).T
        found, _ = squares_on(test, training, model.has_bias, weight[None])
        squares, weights = squares + found[0], weights + test.weight_sum
    return np.sqrt(squares / weights)
