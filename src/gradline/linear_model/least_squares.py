"""Ordinary least squares for scikit-learn."""

import numpy as np
from sklearn import linear_model as theirs
from sklearn.utils.validation import check_is_fitted

from gradline.linear_model.translating import Translating
from gradline.solvers import NONE, ElasticNet, Penalty


class LinearRegression(Translating):
    """Ordinary least squares with a certificate: drop-in for `sklearn.linear_model.LinearRegression`.

    It minimises ‖y − X·coef_ᵀ − intercept_‖². Parameters: `fit_intercept`, whether the model has an intercept
    (default True); `positive`, whether no coefficient may be below zero (default False); `formula`, terms of the
    columns of a frame X, which may be words and dates, such as "log(area) * town": `coef_` are then those of
    `model_.features`. None (default) takes X as it is.

    `copy_X`, `tol` and `n_jobs` are scikit-learn's: X is never written to, the answer is exact whatever they say.

    Attributes: `coef_` (n_features,) or (n_targets, n_features), `intercept_`, `rank_`, `singular_` as in scikit-learn;
    `certificate_` and `model_` are gradline's. Rank-deficient data give the coefficients of least norm, as there.
    Raises `ValueError` for what scikit-learn refuses, and what `gradline.fit` raises, which is one too.

    >>> from gradline.linear_model import LinearRegression
    >>> regression = LinearRegression().fit([[1.0], [2.0], [4.0]], [3.0, 5.0, 9.0])
    >>> regression.coef_.round(6), round(regression.intercept_, 6)
    (array([2.]), np.float64(1.0))
    >>> regression.certificate_.digits > 10
    True
    """

    _flat = False

    def __init__(
        self,
        *,
        fit_intercept: bool = True,
        copy_X: bool = True,
        tol: float = 1e-6,
        n_jobs: int | None = None,
        positive: bool = False,
        formula: str | None = None,
    ) -> None:
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.tol = tol
        self.n_jobs = n_jobs
        self.positive = positive
        self.formula = formula

    def _penalty(self, weight_sum: float, targets: int) -> Penalty:  # noqa: ARG002
        return NONE if self.positive is False else ElasticNet(positive=self.positive)

    @property
    def singular_(self) -> np.ndarray:
        """The singular values of X, centred where there is an intercept."""
        check_is_fitted(self)
        columns = self.model_.moments.slopes_factor(self.model_.has_bias).A
        return np.linalg.svd(columns, compute_uv=False)


# what asks whether a regressor is a LinearRegression, as RANSACRegressor does for its default, takes this one for it
theirs.LinearRegression.register(LinearRegression)
