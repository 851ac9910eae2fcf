"""Two models on common ground: the targets of both, one coding of text columns, the union of their columns."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from gradline.core.errors import RequestError
from gradline.core.linalg.triangular import triangular
from gradline.core.text import listed
from gradline.data.design import Category, DesignSpec, Number
from gradline.model.model import LinearModel
from gradline.moments.state import Moments


class End(NamedTuple):
    """One of the two models: its moments, weight (m, p) and bias (m,), of the common targets and in one coding."""

    model: LinearModel
    moments: Moments
    weight: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True, eq=False)
class Ground:
    """Both ends, the union of their columns, those of A first, and what a change of a coefficient means.

    Coefficients of the union are kept as θ (m, 1 + p): the bias, then the weights; 0 for a column that a model lacks.
    `mean` and `spread` (p,) are a column's mean and standard deviation (divisor W) in B, in A where B lacks it.
    `rebased`: the text columns whose base level was changed, with their common base.
    """

    a: End
    b: End
    features: tuple[str, ...]
    mean: np.ndarray
    spread: np.ndarray
    rebased: dict[str, str]

    def theta(self, moments: Moments, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
        """Coefficients of the columns and targets of `moments` as θ."""
        rows = [moments.targets.index(name) for name in self.a.moments.targets]
        found = np.zeros((len(rows), 1 + len(self.features)))
        found[:, 0] = bias[rows]
        found[:, [1 + self.features.index(name) for name in moments.features]] = weight[rows]
        return found

    def size(self, theta: np.ndarray) -> np.ndarray:
        """√(level² + Σ (weight·spread)²) for each target, level = bias + weight·mean: see `Contribution`."""
        with np.errstate(over="ignore", invalid="ignore"):  # a run that diverged
            level = theta[:, 0] + theta[:, 1:] @ self.mean
            return np.sqrt(level**2 + ((theta[:, 1:] * self.spread) ** 2).sum(axis=1))


def ground(before: LinearModel, after: LinearModel) -> Ground:
    """The common ground of A and B; raises `RequestError` where there is none: see `movement`."""
    targets = tuple(name for name in before.targets if name in after.targets)
    if not targets:
        raise RequestError(
            "no-common-target",
            f"the models share no target: {listed(before.targets)} and {listed(after.targets)}",
            "compare models of the same target",
        )
    ends, rebased = [], {}
    for model, other, name in ((before, after, "the first"), (after, before, "the second")):
        _expect_moments(model, name)
        end, changed = _coded(model, other)
        ends.append(_of_targets(end, targets))
        rebased |= changed
    a, b = ends
    features = (*a.moments.features, *(name for name in b.moments.features if name not in a.moments.features))
    mean, spread = np.zeros(len(features)), np.zeros(len(features))
    for moments in (a.moments, b.moments):  # what B knows is written over what A knows
        places = [features.index(name) for name in moments.features]
        mean[places] = moments.mean[: moments.p]
        spread[places] = np.linalg.norm(moments.factor[:, : moments.p], axis=0) / np.sqrt(moments.weight_sum)
    return Ground(a, b, features, mean, spread, rebased)


def _expect_moments(model: LinearModel, name: str) -> None:
    if model.moments.rows == 0:
        raise RequestError(
            "moments-not-kept",
            f"{name} model was kept without its moments, so its rows say nothing",
            "compare models that were saved with them: commit without --no-moments",
        )
    if not (np.isfinite(model.weight).all() and np.isfinite(model.bias).all()):
        raise RequestError(
            "coefficient-not-finite",
            f"{name} model has coefficients that are no numbers",
            "train it at a stable rate",
        )


def view(moments: Moments, features: frozenset[str], targets: tuple[str, ...]) -> Moments:
    """The moments of some of their columns, in their own order; also of single levels of a text column."""
    if features >= set(moments.features) and targets == moments.targets:
        return moments
    names = [*(name for name in moments.features if name in features), *targets]
    known = moments.features + moments.targets
    kept = [known.index(name) for name in names]
    columns = tuple(Number(name) for name in names[: len(names) - len(targets)])
    return replace(
        moments,
        design=DesignSpec(columns, targets, moments.design.weights, moments.design.weights_are),
        statistics=moments.statistics.select(kept),
        factor=triangular(moments.factor[:, kept]),
        products=moments.products and moments.products.select(kept),
    )


def _of_targets(end: End, targets: tuple[str, ...]) -> End:
    kept = [end.moments.targets.index(name) for name in targets]
    moments = view(end.moments, frozenset(end.moments.features), targets)
    return End(end.model, moments, end.weight[kept], end.bias[kept])


def _coded(model: LinearModel, other: LinearModel) -> tuple[End, dict[str, str]]:
    """The model with each text column's base level that of both models, or the first, in byte order, that both have.

    With a bias the columns say the same in either coding, so predictions, optimum and the distance to it stay.
    """
    end, changed = End(model, model.moments, model.weight, model.bias), {}
    _expect_same_terms(model, other)
    theirs = {term.column: term for term in other.design.terms if isinstance(term, Category)}
    for term in model.design.terms:
        if not isinstance(term, Category) or term.column not in theirs:
            continue
        levels = theirs[term.column].levels
        shared = sorted(set(term.levels) & set(levels), key=str.encode)
        if not shared or shared[0] == term.levels[0] or levels[0] == term.levels[0]:
            continue
        if not (model.has_bias and other.has_bias):
            raise RequestError(
                "other-base-without-bias",
                f"{term.column} has the base level {term.levels[0]} in one model and not in the other, and without "
                "a bias another base gives another model",
                "fit both with a bias, or on rows that have the same levels",
            )
        if any(term.column in one.columns for one in model.design.terms if one != term):
            raise RequestError(
                "other-base-in-product",
                f"{term.column} has another base level in each model, and stands in a product of the formula too",
                f'give both the same base: C({term.column}, base="…")',
            )
        end = _rebased(end, term, shared[0])
        changed[term.column] = shared[0]
    return end, changed


def _expect_same_terms(model: LinearModel, other: LinearModel) -> None:
    """Refuse terms of a formula that are called alike and are not the same columns of numbers."""
    theirs = {term.label: term for term in other.design.terms}
    for term in model.design.terms:
        alike = theirs.get(term.label, term)
        if alike != term and not (isinstance(alike, Category) and isinstance(term, Category)):
            raise RequestError(
                "terms-differ",
                f"{term.label} is not the same in both models: its levels, means or knots are those of other rows",
                "compare models of the same training rows, or name levels and knots in the formula",
            )


def _rebased(end: End, term: Category, base: str) -> End:
    """The same model with another base level of a text column, whose old base takes the new one's place.

    x_old = 1 − Σ of the other levels, so w'_level = w_level − w_base, w'_old = −w_base and bias' = bias + w_base.
    """
    model, moments, weight, bias = end
    place = moments.features.index(f"{term.column}={base}")
    own = [moments.features.index(name) for name in term.names]
    turn = np.eye(moments.p + moments.m)
    turn[own, place] = -1.0
    moved = weight.copy()
    moved[:, own] -= weight[:, [place]]
    moved[:, place] = -weight[:, place]
    levels = (base, *(term.levels[0] if level == base else level for level in term.levels[1:]))
    terms = (Category(term.column, levels) if other == term else other for other in moments.design.terms)
    here = np.arange(len(turn)) == place
    statistics = replace(
        moments.statistics,
        mean=moments.mean @ turn + here,
        mean_low=moments.statistics.mean_low @ turn,
        minimum=np.where(here, 0.0, moments.statistics.minimum),
        maximum=np.where(here, 1.0, moments.statistics.maximum),
    )
    design = replace(moments.design, terms=tuple(terms))
    coded = replace(
        moments, design=design, statistics=statistics, factor=triangular(moments.factor @ turn), products=None
    )
    return End(model, coded, moved, bias + weight[:, place])
