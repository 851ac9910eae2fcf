"""Cross-validation: the alpha whose model predicts best what it was not trained on, from the moments of folds."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from gradline.core.arguments import is_whole
from gradline.core.errors import DataError, RequestError, UsageError
from gradline.core.linalg.triangular import UNIT, rounding
from gradline.data.folds import ByLabel, Deal, InOrder, Shuffled
from gradline.data.row_stream import RowStream, dense
from gradline.data.selection import Selection
from gradline.model.choice import Choice, expect_rule, in_folds
from gradline.model.path import COUNT, levels
from gradline.moments.parts import each_before, folds_of, moments_by_part
from gradline.moments.state import BLOCK_CELLS, Moments, calm_blas
from gradline.solvers.each_weight import Bounds
from gradline.solvers.path import chosen, weights_along
from gradline.solvers.penalties import ElasticNet
from gradline.solvers.problem import Scaling
from gradline.solvers.ridge import spectrum

_MOST_FOLDS = 1000  # of moments that are held at once


@dataclass(frozen=True)
class CrossValidated:
    """An elastic net whose alpha is the one that predicts rows held out best; for `penalty=` of `gradline.fit`.

    The rows are dealt into folds; for each alpha and fold a model is trained on the other folds, and its mean squared
    error on the fold taken. One pass makes one `Moments` per fold; those of the others follow by merging, and the
    errors from the fold's own, so that no row is read again. The model is then fitted to all rows at the alpha chosen.

    Parameters:
    - `l1_ratio`, `positive`, `factors`, `bounds`, `together`: as in `ElasticNet`; ridge by default.
    - `alphas`: how many, or their values: as in `gradline.path`, of all rows.
    - `folds`: 5 by default; or "loo", each row by itself, for ridge: by the closed form y − ŷ = r/(1 − h), with h the
      leverage of the row, the strength alpha·n of the penalty the same (Allen 1974; Golub, Heath, Wahba 1979).
    - `rule`: "min" (default) takes the alpha of least error; "1se" the largest within one standard error of it.
    - `seed`: deals the rows out; of every 1,024 rows each fold has as many.
    - `groups`: a column whose rows of one value belong together, or an array (n,) of labels: no fold holds out some of
      them and trains on the others. The values take turns in their order. The column is no feature.
    - `ordered`: rows are in order of time, and a model is tested on rows after those that it was trained on: of
      `folds` + 1 equal parts each but the first is held out of what came before it.

    Raises `UsageError` for settings that are none.

    >>> import gradline
    >>> penalty = gradline.CrossValidated(l1_ratio=1.0)
    >>> model = gradline.fit("example:penguins", "body_mass_g", penalty=penalty, missing="drop", scale="standard")
    >>> model.choice.rule, model.choice.errors.shape, model.penalty.alpha == model.choice.alpha
    ('min', (100, 5), True)
    """

    l1_ratio: float = 0.0
    positive: bool = False
    alphas: int | Sequence[float] | np.ndarray = COUNT
    folds: int | str = 5
    rule: str = "min"
    seed: int = 0
    groups: Any = None
    ordered: bool = False
    factors: Any = None
    bounds: Bounds | None = None
    together: bool = False

    def __post_init__(self) -> None:
        expect_rule(self.rule)
        self.at(1.0)  # which refuses what is no elastic net
        if self.folds != "loo" and not (is_whole(self.folds, 2) and cast(int, self.folds) <= _MOST_FOLDS):
            raise UsageError(
                "folds-invalid",
                f"folds is {self.folds!r}",
                f"give a number from 2 to {_MOST_FOLDS:,}, or loo",
            )
        if self.folds == "loo" and not (self.at(1.0).is_ridge and self.groups is None and not self.ordered):
            raise UsageError(
                "folds-of-other-penalty",
                "leaving one row out at a time is for plain ridge, without groups or order",
                "give a number of folds",
            )
        if self.groups is not None and self.ordered:
            raise UsageError(
                "groups-in-order", "rows are to be held out by groups and by order", "ask for one of the two"
            )

    @property
    def quadratic(self) -> bool:
        """Whether it is ridge."""
        return self.at(1.0).quadratic

    @property
    def is_none(self) -> bool:
        """It never is."""
        return False

    def at(self, alpha: float) -> ElasticNet:
        """The penalty at an alpha."""
        return ElasticNet(alpha, self.l1_ratio, self.positive, self.factors, self.bounds, self.together)

    def params(self) -> dict[str, Any]:
        """What differs from the defaults, as options."""
        usual = CrossValidated()
        names = ("folds", "rule", "ordered")
        own = {name: value for name, value in self.at(1.0).params().items() if name != "alpha"}
        own |= {name: getattr(self, name) for name in names if getattr(self, name) != getattr(usual, name)}
        if isinstance(self.groups, str):
            own["groups"] = self.groups
        return {"alpha": "cv", **own}

    def without_groups(self, selection: Selection) -> Selection:
        """The selection of a table without the column of groups, unless its features are named."""
        if (
            not isinstance(self.groups, str)
            or selection.features is not None
            or selection.formula is not None
        ):
            return selection
        return replace(selection, exclude=(*selection.exclude, self.groups))

    def choose(self, moments: Moments, rows: RowStream | None, bias: bool, scale: str) -> Choice:
        """The choice for these rows, whose moments are known.

        Raises `RequestError` where there are no rows, or fewer than folds.
        """
        if rows is None:
            raise RequestError(
                "rows-needed",
                "folds are made of rows, and moments hold none",
                "fit from the data, or give an alpha",
            )
        parts = 2 if self.folds == "loo" else int(self.folds) + self.ordered
        if moments.rows < parts:
            raise RequestError(
                "fewer-rows-than-folds", f"{moments.rows:,} rows for {parts:,} parts", "ask for fewer folds"
            )
        with calm_blas(moments.p + moments.m):
            scaling = Scaling.named(scale, moments, bias)
            penalty = self.at(1.0).on(moments.design.features, scaling.scale)
            alphas = chosen(scaling.moments(moments), bias, penalty, self.alphas)
            if self.folds == "loo":
                mean, spread = _left_out_one_by_one(moments, rows, bias, scale, alphas)
                return Choice(alphas, mean[:, None], self.rule, "leaving out one row at a time", spread)
            pairs, words = self._folds(moments, rows)
            errors = [held_out(*pair, bias, scale, self.at(1.0), alphas) for pair in pairs]
            return Choice(alphas, np.column_stack(errors), self.rule, words)

    def _folds(self, moments: Moments, rows: RowStream) -> tuple[list[tuple[Moments, Moments]], str]:
        """The moments to train on and to test on of each fold, and what it is, in words."""
        count, deal, words = int(self.folds), cast(Deal, None), ""
        if self.ordered:
            deal, words = InOrder(count + 1, moments.rows), "of rows that come after those trained on"
        elif self.groups is not None:
            name = f" of {self.groups}" if isinstance(self.groups, str) else ""
            rows, deal, words = rows.labelled(self.groups), ByLabel(count), f"of whole groups{name}"
        else:
            deal, words = Shuffled(count, self.seed), "drawn at random"
        if self.ordered:
            parts = moments_by_part(rows, deal, moments.rows, moments.design)
            return list(zip(each_before(parts), parts[1:], strict=True)), in_folds(count, words)
        pairs = folds_of(rows, deal, moments.rows, moments.design)
        if sum(own.rows for _, own in pairs) != moments.rows:
            raise DataError(
                "group-missing", "some rows have no group", "fill the cells, or leave the rows out first"
            )
        return pairs, in_folds(count, words)


def held_out(
    training: Moments,
    test: Moments,
    bias: bool,
    scale: str,
    penalty: ElasticNet,
    alphas: np.ndarray,
    tol: float = 0.0,
) -> np.ndarray:
    """The mean squared errors (K,) on the rows of `test` of the models of `training` at each alpha."""
    scaling = Scaling.named(scale, training, bias)
    penalty = penalty.on(training.design.features, scaling.scale)
    weight = weights_along(scaling.moments(training), bias, penalty, alphas, tol) / scaling.scale
    squares, _ = squares_on(test, training, bias, weight)
    return squares.sum(axis=1) / (test.m * test.weight_sum)


def squares_on(
    test: Moments, training: Moments, bias: bool, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Σ w·(ŷ − y)² (K, m) over the rows of `test`, of weights (K, m, p) and their bias from `training`.

    It is ‖R·(w, −1)‖² + W·level², R that of `test` and `level` what the mean residual is: a sum of squares, so that
    nothing cancels but within R·(w, −1), whose columns are known to `error` of their norms. Its root is off by at most
    error·(Σ|w|·‖x‖ + ‖y‖), norms around the mean, and by a rounding of the means' own: the bounds (K, m) beside.
    """
    p, root = test.p, math.sqrt(test.weight_sum)
    residual = weight @ test.factor[:, :p].T - test.factor[:, p:].T
    if bias:
        apart = training.statistics.minus(test.statistics)
        level = apart[p:] - weight @ apart[:p]
    else:
        level = levels(test, True, weight)
    squares = (residual**2).sum(axis=2) + (root * level) ** 2
    error = max(test.error, 4 * UNIT) + rounding(test.p + test.m)
    sizes = np.abs(weight) @ test.norms[:p] + test.norms[p:]
    sizes = sizes + root * (np.abs(weight) @ np.abs(test.mean[:p]) + np.abs(test.mean[p:])) * (
        4 * UNIT / error
    )
    return squares, error * sizes * (2 * np.sqrt(squares) + error * sizes)


def _left_out_one_by_one(
    moments: Moments, rows: RowStream, bias: bool, scale: str, alphas: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The mean over rows of their squared errors (K,) when each is left out of ridge, and its standard error."""
    scaling = Scaling.named(scale, moments, bias)
    total, squared, cells = np.zeros(len(alphas)), np.zeros(len(alphas)), moments.m * moments.weight_sum
    for w, errors in left_out(moments, rows, bias, scaling, alphas * (cells / 2)):
        one = (errors**2).sum(axis=1)
        total += w @ one
        squared += w @ (one * one)
    error = total / cells
    variance = squared / (cells * moments.m) - error**2
    return error, np.sqrt(np.maximum(variance, 0.0) / max(moments.weight_sum - 1, 1))


def left_out(
    moments: Moments, rows: RowStream, bias: bool, scaling: Scaling, bends: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The weights (n,) of rows and their errors y − ŷ (n, m, K) when each is left out of ridge of curvatures (K,).

    With u = V·x of a centred row and weight w, its leverage is h = w·(1/W + Σ u²/(d² + c)), and its residual r of the
    answer of all rows becomes r/(1 − h). The columns are scaled as all rows have them.
    """
    view = scaling.moments(moments)
    weight = spectrum(view, bias).weights(bends)
    singular, right, _ = spectrum(view, bias)
    with np.errstate(divide="ignore"):
        shares = np.where(singular > 0, 1.0 / (singular**2 + bends[:, None]), 0.0)
    level = levels(view, bias, weight)
    mean = view.mean[: view.p] if bias else np.zeros(view.p)
    for block in rows.blocks(max(1, BLOCK_CELLS // (moments.p + moments.m * len(bends)))):
        w = np.ones(block.rows) if block.w is None else block.w
        X = (dense(block.X) - scaling.center) / scaling.scale
        u = (X - mean) @ right.T
        leverage = w[:, None] * (float(bias) / moments.weight_sum + (u * u) @ shares.T)
        predicted = np.tensordot(X, weight, axes=(1, 2)).transpose(0, 2, 1) + level.T
        with np.errstate(divide="ignore", invalid="ignore"):
            yield w, (block.Y[:, :, None] - predicted) / (1.0 - leverage)[:, None, :]
