"""Huber and quantile regression for scikit-learn, with its parameters, defaults and objectives."""

from typing import Any

import numpy as np

from gradline.core.errors import UsageError
from gradline.data.inputs import as_rows
from gradline.data.selection import Selection
from gradline.linear_model.translating import Translating
from gradline.model.model import LinearModel
from gradline.moments.state import Moments
from gradline.solvers import ElasticNet, Huber, Loss, Penalty, Quantile
from gradline.solvers.problem import Problem, Scaling
from gradline.solvers.robust_scale import typical_error

_LEAST = 10 * np.finfo(float).eps  # scikit-learn's smallest scale


class HuberRegressor(Translating):
    """Regression in which far samples count less: drop-in for `sklearn.linear_model.HuberRegressor`.

    It minimises Σ w·(σ + σ·H((y − X·coef_ − intercept_)/σ)) + alpha·‖coef_‖² over coefficients and σ, with H(z) = z² up
    to |z| = epsilon and 2·epsilon·|z| − epsilon² beyond. Parameters: `epsilon` (default 1.35), `alpha` (0.0001),
    `fit_intercept` as in scikit-learn, `formula` as in `LinearRegression`. `max_iter`, `warm_start` and `tol` are
    scikit-learn's: the answer is exact whatever they say.

    Attributes: `coef_`, `intercept_`, `scale_` (σ), `outliers_` (n_samples,), the samples further than epsilon·σ, and
    `n_iter_` (1); `certificate_` and `model_` are gradline's, of `gradline.Huber(epsilon·σ)` and a ridge penalty of
    alpha·σ/Σw. Raises `UsageError`, a `ValueError`, for an epsilon below 1 or an alpha below 0.

    >>> from gradline.linear_model import HuberRegressor
    >>> X, y = [[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]], [0.1, 0.9, 2.2, 2.8, 4.1, 60.0]
    >>> regression = HuberRegressor().fit(X, y)
    >>> regression.coef_.round(1), bool(regression.outliers_[-1])
    (array([1.1]), True)
    """

    _one_target = True

    def __init__(
        self,
        *,
        epsilon: float = 1.35,
        max_iter: int = 100,
        alpha: float = 0.0001,
        warm_start: bool = False,
        fit_intercept: bool = True,
        tol: float = 1e-05,
        formula: str | None = None,
    ) -> None:
        self.epsilon = epsilon
        self.max_iter = max_iter
        self.alpha = alpha
        self.warm_start = warm_start
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.formula = formula

    def _objective(self, selection: Selection, weight_sum: float, targets: int) -> tuple[Penalty, Loss]:  # noqa: ARG002
        if not self.epsilon >= 1:
            raise UsageError(
                "epsilon-invalid", f"epsilon is {self.epsilon}", "give a number from 1, such as 1.35"
            )
        if not self.alpha >= 0:
            raise UsageError(
                "alpha-invalid", f"alpha is {self.alpha}", "give a number from 0; 0 is no penalty"
            )
        rows = as_rows(selection, None, self.fit_intercept)[0]
        moments = Moments.from_rows(rows)
        problem = Problem.of(moments, rows, self.fit_intercept, Scaling.none(moments.p))
        self.scale_ = max(typical_error(problem, self.epsilon, self.alpha) or 0.0, _LEAST)
        # Without σ there is no penalty: of all lines through the samples the smallest is taken.
        ridge = 0.0 if self.scale_ == _LEAST else self.alpha * self.scale_ / weight_sum
        return ElasticNet(ridge), Huber(self.epsilon * self.scale_)

    def _take(self, model: LinearModel, y: np.ndarray, kind: np.dtype) -> None:
        super()._take(model, y, kind)
        self.n_iter_ = 1

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "HuberRegressor":
        """Fit to X (n_samples, n_features) and y (n_samples,); a sample weight of 2 is the sample twice."""
        super().fit(X, y, sample_weight)
        off = np.abs(np.asarray(y, float).ravel() - self.predict(X))
        self.outliers_ = off > self.scale_ * self.epsilon
        return self


class QuantileRegressor(Translating):
    """A quantile of y as a line in X: drop-in for `sklearn.linear_model.QuantileRegressor`, with a certificate.

    It minimises Σ w·pinball(y − X·coef_ − intercept_)/Σw + alpha·‖coef_‖₁. Parameters: `quantile` (default 0.5),
    `alpha` (1.0), `fit_intercept` as in scikit-learn, `formula` as in `LinearRegression`. `solver` and
    `solver_options` are scikit-learn's: the answer is exact whatever they say.

    Attributes: `coef_`, `intercept_` and `n_iter_` (1); `certificate_` and `model_` are gradline's. Where several lines
    are as good, as medians of few samples often are, the certificate says so.

    >>> from gradline.linear_model import QuantileRegressor
    >>> regression = QuantileRegressor(quantile=0.8, alpha=0.0).fit([[0.0], [1.0], [2.0], [3.0]], [0.0, 2.0, 2.0, 3.0])
    >>> regression.coef_.round(6), round(regression.intercept_, 6)
    (array([0.5]), np.float64(1.5))
    """

    _one_target = True

    def __init__(
        self,
        *,
        quantile: float = 0.5,
        alpha: float = 1.0,
        fit_intercept: bool = True,
        solver: str = "highs",
        solver_options: dict[str, Any] | None = None,
        formula: str | None = None,
    ) -> None:
        self.quantile = quantile
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.solver_options = solver_options
        self.formula = formula

    def _objective(self, selection: Selection, weight_sum: float, targets: int) -> tuple[Penalty, Loss]:  # noqa: ARG002
        return ElasticNet(self.alpha, 1.0 if self.alpha else 0.0), Quantile(self.quantile)

    def _take(self, model: LinearModel, y: np.ndarray, kind: np.dtype) -> None:
        super()._take(model, y, kind)
        self.n_iter_ = 1
