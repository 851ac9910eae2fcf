"""scikit-learn's face: estimators that translate to gradline and compute nothing themselves."""

import math
import warnings
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state, column_or_1d
from sklearn.utils.validation import (
    _check_sample_weight,  # scikit-learn offers no public name for it
    check_is_fitted,
    validate_data,
)

from gradline.core.errors import GradlineWarning, UsageError
from gradline.data.inputs import Titled, titles
from gradline.data.selection import Selection
from gradline.data.terms.algebra import target_nodes
from gradline.model.certificate import Certificate
from gradline.model.fit import Request, cautions, run
from gradline.model.model import LinearModel
from gradline.solvers import SGD, Exact, GradientDescent, Solver

__all__ = ["GradientDescentRegressor", "LinearRegression", "StoppedWarning"]


class StoppedWarning(GradlineWarning, ConvergenceWarning):
    """Training stopped far from the optimum: that of `gradline.fit`, of the class that scikit-learn's users filter.

    >>> import warnings
    >>> from sklearn.exceptions import ConvergenceWarning
    >>> from gradline.linear_model import GradientDescentRegressor
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", ConvergenceWarning)
    ...     try:
    ...         regression = GradientDescentRegressor(lr=1e-6).fit([[1.0], [2.0], [4.0]], [3.0, 5.0, 9.0])
    ...     except ConvergenceWarning as warning:
    ...         print(warning)
    Stopped at epoch 100: the loss is 38.2 above the best possible, 0
    """


class _Translating(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """What both estimators share: validation in scikit-learn's words, attributes with its names and shapes."""

    fit_intercept: bool
    formula: str | None = None
    scale: str = "auto"

    def _solver(self) -> Solver:
        raise NotImplementedError

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn should know: X may be sparse."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to X (n_samples, n_features) and y (n_samples,) or (n_samples, n_targets).

        A sample weight of 2 is the sample twice, a weight of 0 is the sample left out.
        """
        titled = titles(y)
        if self.formula is not None:  # whose columns may be words and dates
            _expect_terms(self.formula)
            validate_data(self, X, skip_check_array=True)
            y = column_or_1d(y) if np.ndim(y) == 1 else check_array(y)
        elif _are_plain(
            X, y
        ):  # of which scikit-learn would find nothing to say, at a third of what a small fit takes
            self._know(X)
        else:
            X, y = validate_data(
                self, X, y, accept_sparse="csr", dtype=np.float64, y_numeric=True, multi_output=True
            )
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        names = [str(name) for name in getattr(self, "feature_names_in_", [])] or None
        targets = y if titled is None or {*titled} & {*(names or ())} else Titled(y, titled)
        features = names if self.formula is None else None
        selection = Selection(X, targets, features, weights=sample_weight, formula=self.formula)
        model = run(selection, Request(self._solver(), self.fit_intercept, self.scale))
        for notice in cautions(model):
            fell_short = notice.code == "training-stopped"
            kind = StoppedWarning if fell_short else GradlineWarning
            warnings.warn(kind(notice.code, notice.text), stacklevel=2)
        self._take(model, one_target=y.ndim == 1)
        return self

    def _know(self, X: np.ndarray) -> None:
        """What scikit-learn keeps of a plain X, as its `validate_data` leaves it."""
        self.n_features_in_ = X.shape[1]
        vars(self).pop("feature_names_in_", None)  # of a fit to a frame before

    def _take(self, model: LinearModel, one_target: bool) -> None:
        self.model_ = model
        self.coef_ = model.weight[0] if one_target else model.weight
        self.intercept_ = (float(model.bias[0]) if one_target else model.bias) if model.has_bias else 0.0

    @property
    def certificate_(self) -> Certificate:
        """What is known for sure about the coefficients; found out when it is first asked for."""
        check_is_fitted(self)
        return self.model_.certificate

    @property
    def rank_(self) -> int:
        """How many directions the columns of X have."""
        return self.certificate_.rank

    def predict(self, X: Any) -> np.ndarray:
        """Predictions, (n_samples,) or (n_samples, n_targets) as y was."""
        check_is_fitted(self)
        if self.formula is not None:
            validate_data(self, X, reset=False, skip_check_array=True)
            found = self.model_.predict(X)
            return found[:, 0] if self.coef_.ndim == 1 else found
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        return X @ self.coef_.T + self.intercept_


def _expect_terms(formula: str) -> None:
    """Refuse a formula that names its targets, which are y here."""
    if target_nodes(formula):
        raise UsageError(
            "formula-with-target",
            f"the formula {formula!r} names a target, and y is the target here",
            "write what stands right of ~, and wrap it in TransformedTargetRegressor for a function of y",
        )


def _are_plain(X: Any, y: Any) -> bool:
    """Whether X (n, p) and y (n,) or (n, m) are arrays of finite float64 with at least a row and a column."""
    if type(X) is not np.ndarray or type(y) is not np.ndarray or not X.dtype == y.dtype == np.float64:
        return False
    if X.ndim != 2 or y.ndim not in (1, 2) or len(X) != len(y) or not X.size or not y.size:
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(X.sum() + y.sum())  # which NaN and infinities are not


class LinearRegression(_Translating):
    """Ordinary least squares with a certificate: drop-in for `sklearn.linear_model.LinearRegression`.

    It minimises ‖y − X·coef_ᵀ − intercept_‖². Parameters: `fit_intercept`, whether the model has an intercept
    (default True); `formula`, terms of the columns of a frame X, which may be words and dates, such as
    "log(area) * town": `coef_` are then those of `model_.features`. None (default) takes X as it is.

    Attributes: `coef_` (n_features,) or (n_targets, n_features), `intercept_`, `rank_` as in scikit-learn;
    `certificate_` and `model_` are gradline's. Rank-deficient data give the coefficients of least norm, as there.
    Raises `ValueError` for what scikit-learn refuses, and what `gradline.fit` raises, which is one too.

    >>> from gradline.linear_model import LinearRegression
    >>> regression = LinearRegression().fit([[1.0], [2.0], [4.0]], [3.0, 5.0, 9.0])
    >>> regression.coef_.round(6), round(regression.intercept_, 6)
    (array([2.]), 1.0)
    >>> regression.certificate_.digits > 10
    True
    """

    def __init__(self, *, fit_intercept: bool = True, formula: str | None = None) -> None:
        self.fit_intercept = fit_intercept
        self.formula = formula

    def _solver(self) -> Solver:
        return Exact()


class GradientDescentRegressor(_Translating):
    """Least squares by gradient descent, full-batch or in mini-batches.

    Parameters: `lr`, `epochs`, `momentum`, `init` as in `gradline.GradientDescent`; with a `batch_size`, and
    then `shuffle`, as in `gradline.SGD`; `scale` as in `gradline.fit`; `random_state` is the seed (None: 0, so
    that results repeat) or a `RandomState` to draw it from. `fit_intercept` as in scikit-learn, `formula` as in
    `LinearRegression`.

    Attributes: `coef_`, `intercept_`, `n_iter_` (epochs done), `rank_`, `certificate_`, `model_`; errors as in
    `LinearRegression`.

    >>> from gradline.linear_model import GradientDescentRegressor
    >>> regression = GradientDescentRegressor(epochs=50).fit([[1.0], [2.0], [4.0]], [3.0, 5.0, 9.0])
    >>> regression.coef_.round(6), regression.n_iter_
    (array([2.]), 50)
    """

    def __init__(
        self,
        *,
        lr: float | str = "auto",
        epochs: int = 100,
        batch_size: int | None = None,
        momentum: float = 0.0,
        shuffle: bool = True,
        init: Any = "zeros",
        scale: str = "auto",
        random_state: Any = None,
        fit_intercept: bool = True,
        formula: str | None = None,
    ) -> None:
        self.formula = formula
        self.lr = lr
        self.epochs = epochs
        self.batch_size = batch_size
        self.momentum = momentum
        self.shuffle = shuffle
        self.init = init
        self.scale = scale
        self.random_state = random_state
        self.fit_intercept = fit_intercept

    def _solver(self) -> Solver:
        shared = {"lr": self.lr, "epochs": self.epochs, "momentum": self.momentum, "init": self.init}
        seed = 0 if self.random_state is None else self.random_state
        if not isinstance(seed, (int, np.integer)):
            seed = check_random_state(seed).randint(2**31)
        seed = int(seed)
        if self.batch_size is None:
            return GradientDescent(**shared, seed=seed)
        return SGD(**shared, seed=seed, batch_size=self.batch_size, shuffle=self.shuffle)

    def _take(self, model: LinearModel, one_target: bool) -> None:
        super()._take(model, one_target)
        self.n_iter_ = model.history[-1].epoch
