"""scikit-learn's SGDRegressor: its parameters, rates and steps, in compiled passes over the rows."""

import math
import warnings
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import ShuffleSplit
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from gradline.core.arguments import is_real, is_whole
from gradline.core.coefficients import Coefficients
from gradline.core.errors import RequestError, UsageError
from gradline.core.permutation import keys, permutation
from gradline.model.certificate import Certificate
from gradline.model.judge import Judged
from gradline.model.judge_penalised import PenalisedJudge
from gradline.model.training import Training
from gradline.moments.state import Moments
from gradline.solvers import ElasticNet as Net
from gradline.solvers.problem import Scaling
from gradline.solvers.row_descent import LOSSES, RATES, Passes, Rows, Standing, descended

PENALTIES = ("l2", "l1", "elasticnet", None)


class SGDRegressor(RegressorMixin, BaseEstimator):
    """A linear model by stochastic gradient descent, a row at a time: drop-in for scikit-learn's, with a certificate.

    It minimises the mean of w·loss(y, X·coef_ + intercept_) + alpha·R(coef_), R being ½‖·‖² (l2), ‖·‖₁ (l1) or
    l1_ratio·‖·‖₁ + (1 − l1_ratio)/2·‖·‖² (elasticnet). Parameters, defaults and arithmetic are scikit-learn's: row by
    row, rates by the number of the row, l1 by the cumulative penalty of Tsuruoka, Tsujii and Ananiadou (2009). With
    `shuffle=False` the coefficients are equal to its, to rounding, but in two cases: its mean of weights (`average`)
    forgets what l1 took of them, and `early_stopping` scores them without the factor by which l2 shrank them.
    Shuffled rows come in another order, whose seed `random_state` draws (None: 0). Sparse X is taken as a dense one.
    `verbose` prints nothing.

    Attributes: `coef_`, `intercept_` (1,), `t_`, `n_iter_`. `certificate_` of loss="squared_error" says how far they
    are from the best answer, over all rows given to `fit` and to `partial_fit` since.

    Raises `UsageError` for a parameter outside its range; warns with `ConvergenceWarning` where max_iter passes were
    not enough. Bottou 2012.

    >>> from gradline.linear_model import SGDRegressor
    >>> X, y = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]], [1.0, 2.0, 3.0, 0.0]
    >>> regression = SGDRegressor(eta0=0.1, learning_rate="constant", alpha=0.0, tol=1e-9).fit(X, y)
    >>> regression.coef_.round(2), regression.certificate_.gap < 1e-3
    (array([2., 1.]), True)
    """

    def __init__(
        self,
        loss: str = "squared_error",
        *,
        penalty: str | None = "l2",
        alpha: float = 0.0001,
        l1_ratio: float | None = 0.15,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float | None = 1e-3,
        shuffle: bool = True,
        verbose: int = 0,
        epsilon: float = 0.1,
        random_state: Any = None,
        learning_rate: str = "invscaling",
        eta0: float = 0.01,
        power_t: float = 0.25,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        warm_start: bool = False,
        average: bool | int = False,
    ) -> None:
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.shuffle = shuffle
        self.verbose = verbose
        self.epsilon = epsilon
        self.random_state = random_state
        self.learning_rate = learning_rate
        self.eta0 = eta0
        self.power_t = power_t
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.average = average

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn should know: X may be sparse."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def fit(
        self, X: Any, y: Any, coef_init: Any = None, intercept_init: Any = None, sample_weight: Any = None
    ) -> Self:
        """Fit to X (n_samples, n_features) and y (n_samples,), from `coef_init` and `intercept_init` where given."""
        self._expect_settings()
        goes_on = self.warm_start and hasattr(self, "coef_")
        before = (self.coef_, self.intercept_) if goes_on else (None, None)
        for name in ("_iterate", "_moments"):
            vars(self).pop(name, None)
        self.t_ = 1.0
        X, y, u = self._rows(X, y, sample_weight, reset=True)
        coef = before[0] if coef_init is None else coef_init
        level = before[1] if intercept_init is None else intercept_init
        self._start(X.shape[1], coef, level)
        self._descend(X, y, u, self.max_iter)
        if self.tol is not None and self.n_iter_ == self.max_iter:
            text = f"{self.max_iter:,} passes did not bring the loss to rest: raise max_iter, or scale the columns"
            warnings.warn(ConvergenceWarning(text), stacklevel=2)
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """One pass over these rows, from where the coefficients stand."""
        first = not hasattr(self, "coef_")
        if first:
            self._expect_settings()
            if self.early_stopping:
                raise UsageError(
                    "early-stopping-of-one-pass",
                    "early_stopping should be False with partial_fit, which makes one pass",
                    "leave it out, or use fit",
                )
            self.t_ = 1.0
        X, y, u = self._rows(X, y, sample_weight, reset=first)
        if not hasattr(self, "_iterate"):
            self._start(X.shape[1], getattr(self, "coef_", None), getattr(self, "intercept_", None))
        self._descend(X, y, u, 1)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predictions (n_samples,)."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", reset=False)
        return np.ravel(X @ self.coef_ + self.intercept_)

    @property
    def certificate_(self) -> Certificate:
        """How far the coefficients are from the best answer of the rows seen; of loss="squared_error" alone."""
        check_is_fitted(self)
        moments = getattr(self, "_moments", None)
        if moments is None:
            raise RequestError(
                "certificate-of-other-loss",
                f"the certificate is about squared errors, and the loss is {self.loss}",
                "compare predictions on rows held out",
            )
        # Twice the objective is the mean over n of w·r², and 2·alpha·R; the mean over Σw is n/Σw times that.
        net = self._net.times(2.0 * moments.rows / moments.weight_sum)
        bias = self.intercept_.astype(float) if self.fit_intercept else None
        found = Coefficients(self.coef_[None].astype(float), bias)
        scaling = Scaling.none(moments.p)
        training = Training(None, 0.0, self.n_iter_, moments, scaling, math.inf, batch_size=1, penalty=net)
        if net.is_none:
            return Judged(moments, found, training).certificate
        return PenalisedJudge(moments, found, net, scaling, training).certificate

    @property
    def _net(self) -> Net:
        """The penalty, of an objective whose squares are halved."""
        share = {"l2": 0.0, "l1": 1.0, "elasticnet": self.l1_ratio, None: 0.0}[self.penalty]
        return Net(0.0 if self.penalty is None else float(self.alpha), float(share or 0.0))

    def _rows(
        self, X: Any, y: Any, sample_weight: Any, reset: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows in float64; the type that came in is that of the coefficients."""
        X, y = validate_data(
            self, X, y, accept_sparse="csr", dtype=[np.float64, np.float32], y_numeric=True, reset=reset
        )
        self._dtype = X.dtype
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64)
        X = X.toarray() if hasattr(X, "toarray") else X
        return np.ascontiguousarray(X, float), np.ascontiguousarray(y, float), np.ascontiguousarray(weight)

    def _start(self, features: int, coef: Any, level: Any) -> None:
        """The first weights, and the means that have not begun."""
        weight = np.zeros(features) if coef is None else np.array(coef, float).reshape(-1)
        start = 0.0 if level is None else float(np.reshape(level, -1)[0])
        if weight.shape != (features,):
            raise RequestError(
                "init-shape",
                f"coef_init has {weight.size} numbers, for {features} features",
                "give one for each",
            )
        self._iterate = Standing.of(weight, start, np.zeros(features), 0.0, self.t_)

    def _descend(self, X: np.ndarray, y: np.ndarray, u: np.ndarray, most: int) -> None:
        at, counts = self._iterate, np.ones(len(X), bool)
        at.begin(self.t_)
        score = None
        if self.early_stopping:
            split = ShuffleSplit(test_size=self.validation_fraction, random_state=self.random_state)
            counts[next(split.split(np.zeros((len(X), 1))))[1]] = False
            score = _score_of(X[~counts], y[~counts], u[~counts])
        taking = np.flatnonzero(counts)
        random = 0 if self.random_state is None else self.random_state
        seed = int(check_random_state(random).randint(np.iinfo(np.int32).max))

        def order_of(done: int) -> np.ndarray:
            return taking[permutation(len(taking), keys(seed, done))] if self.shuffle else taking

        tol = -math.inf if self.tol is None else float(self.tol)
        try:
            self.n_iter_ = descended(
                self._settings, X, y, u, order_of, Passes(most, tol, self.n_iter_no_change, score), at
            )
        except FloatingPointError as error:
            raise ValueError(
                "Floating-point under-/overflow occurred: the rate is too large for these columns. "
                "Scaling input data with StandardScaler or MinMaxScaler might help."
            ) from error
        self.t_ += self.n_iter_ * len(X)
        mean_counts = 0 < int(self.average) <= self.t_ - 1.0
        self.coef_ = at.arrays[2 if mean_counts else 0].astype(self._dtype)
        self.intercept_ = np.array([at.last[1 if mean_counts else 0]], self._dtype)
        if self.loss == "squared_error":
            rows = Moments.of(X, y, weights=None if (u == 1).all() else u)
            self._moments = rows if not hasattr(self, "_moments") else self._moments + rows

    @property
    def _settings(self) -> Rows:
        net = self._net
        return Rows(
            self.loss, float(self.epsilon), net.l1, net.curvature, float(self.alpha), bool(self.fit_intercept),
            self.learning_rate, float(self.eta0), float(self.power_t), int(self.average),
        )  # fmt: skip

    def _expect_settings(self) -> None:
        """Refuse parameters outside their range. Raises `UsageError`."""
        words = {"loss": LOSSES, "penalty": PENALTIES, "learning_rate": RATES}
        for name, known in words.items():
            if getattr(self, name) not in known:
                told = ", ".join(str(one) for one in known)
                raise UsageError("parameter-invalid", f"{name} is {getattr(self, name)!r}", f"use {told}")
        least = {"alpha": 0.0, "epsilon": 0.0, "eta0": 0.0, "power_t": 0.0, "tol": 0.0}
        for name, low in least.items():
            value = getattr(self, name)
            if not ((name == "tol" and value is None) or (is_real(value) and value >= low)):
                raise UsageError("parameter-invalid", f"{name} is {value}", "give a number from 0")
        for name in ("max_iter", "n_iter_no_change"):
            if not is_whole(getattr(self, name), 1):
                raise UsageError(
                    "parameter-invalid",
                    f"{name} is {getattr(self, name)}",
                    "give a whole number from 1",
                )
        if self.penalty == "elasticnet" and self.l1_ratio is None:
            raise UsageError(
                "l1-ratio-invalid",
                "l1_ratio must be set when penalty is 'elasticnet', and is None",
                "give a share from 0 to 1",
            )
        _ = self._net
        if self.learning_rate != "optimal" and not self.eta0:
            raise UsageError(
                "eta0-invalid", "eta0 is 0, and no step would go anywhere", "give a positive rate"
            )
        if self.learning_rate == "optimal" and not self.alpha:
            raise UsageError(
                "alpha-invalid", "alpha is 0, and the optimal rate is 1/(alpha·t)", "give a positive alpha"
            )
        if not (is_real(self.validation_fraction) and 0 < self.validation_fraction < 1):
            raise UsageError(
                "validation-fraction-invalid",
                f"validation_fraction is {self.validation_fraction}",
                "give a share between 0 and 1",
            )
        if int(self.average) < 0:
            raise UsageError(
                "average-invalid", f"average is {self.average}", "give the rows before it begins"
            )


def _score_of(X: np.ndarray, y: np.ndarray, u: np.ndarray) -> Any:
    """R² of weights and intercept on rows held out."""
    around = float(u @ (y - np.average(y, weights=u)) ** 2)

    def score(weight: np.ndarray, intercept: float) -> float:
        left = float(u @ (y - X @ weight - intercept) ** 2)
        return 1.0 - left / around if around else float(left == 0.0)

    return score
