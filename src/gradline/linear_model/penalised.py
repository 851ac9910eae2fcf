"""Ridge, lasso and elastic net for scikit-learn, with its parameters, defaults and objectives."""

from typing import Any, Self, cast

import numpy as np
from scipy import sparse

from gradline.linear_model.namespaces import Namespace
from gradline.linear_model.translating import Translating
from gradline.model.model import LinearModel
from gradline.solvers import ElasticNet as Net
from gradline.solvers import Penalty


class Ridge(Translating):
    """Least squares with alpha·‖coef_‖² added: drop-in for `sklearn.linear_model.Ridge`, with a certificate.

    It minimises Σ w·(y − X·coef_ − intercept_)² + alpha·‖coef_‖², each target by itself. Parameters: `alpha` (default
    1.0; several are one for each target, each a model of its own in `models_`, and then there is no `model_`),
    `fit_intercept`, `positive` as in scikit-learn, `formula` as in `LinearRegression`. `copy_X`, `max_iter`,
    `tol`, `solver` and `random_state` are scikit-learn's: the answer is exact whatever they say.

    Attributes: `coef_`, `intercept_`, `n_iter_` (1) and `solver_`;
    `certificate_` and `model_` are gradline's, whose alpha is 2·alpha/(m·Σw).

    >>> from gradline.linear_model import Ridge
    >>> regression = Ridge(alpha=1.0).fit([[1.0], [2.0], [4.0]], [3.0, 5.0, 9.0])
    >>> regression.coef_.round(6), round(regression.intercept_, 6)
    (array([1.647059]), np.float64(1.823529))
    """

    def __init__(
        self,
        alpha: Any = 1.0,
        *,
        fit_intercept: bool = True,
        copy_X: bool = True,
        max_iter: int | None = None,
        tol: float = 1e-4,
        solver: str = "auto",
        positive: bool = False,
        random_state: Any = None,
        formula: str | None = None,
    ) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.max_iter = max_iter
        self.tol = tol
        self.solver = solver
        self.positive = positive
        self.random_state = random_state
        self.formula = formula

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to X (n_samples, n_features) and y (n_samples,) or (n_samples, n_targets), as all do."""
        alphas = [float(alpha) for alpha in np.ravel(self.alpha)]
        return (
            super().fit(X, y, sample_weight)
            if len(alphas) == 1
            else self._fit_each(alphas, X, y, sample_weight)
        )

    def _fit_each(self, alphas: list[float], X: Any, y: Any, sample_weight: Any) -> Self:
        """A model for each target, of its own alpha."""
        Y = np.asarray(y) if Namespace.of(y) is None else y
        targets = Y.shape[1] if Y.ndim == 2 else 1
        if len(alphas) != targets:
            raise ValueError(
                f"Number of targets and number of penalties do not correspond: {len(alphas)} != {targets}"
            )
        each = [
            type(self)(**cast(Any, self.get_params() | {"alpha": alpha})).fit(X, Y[:, target], sample_weight)
            for target, alpha in enumerate(alphas)
        ]
        vars(self).update(vars(each[0]) | {"alpha": self.alpha})
        del self.model_
        stack = np.stack if self._home is None else self._home.xp.stack
        self.models_ = [one.model_ for one in each]
        self.coef_ = stack([one.coef_ for one in each])
        self.intercept_ = stack([one.intercept_ for one in each]) if self.fit_intercept else 0.0
        return self

    def _penalty(self, weight_sum: float, targets: int) -> Penalty:
        return Net(2 * float(np.ravel(self.alpha)[0]) / (targets * weight_sum), 0.0, self.positive)

    def _take(self, model: LinearModel, y: np.ndarray, kind: np.dtype) -> None:
        super()._take(model, y, kind)
        self.n_iter_, self.solver_ = 1, model.solver


class ElasticNet(Translating):
    """Least squares with a penalty that sets coefficients to zero: drop-in for `sklearn.linear_model.ElasticNet`.

    It minimises Σ w·(y − X·coef_ − intercept_)²/(2·Σw) + alpha·(l1_ratio·‖coef_‖₁ + (1 − l1_ratio)/2·‖coef_‖²), each
    target by itself. Parameters: `alpha` (default 1.0), `l1_ratio` (0.5), `fit_intercept`, `positive` as in
    scikit-learn, `formula` as in `LinearRegression`. `precompute`, `max_iter`, `copy_X`, `tol`, `warm_start`,
    `random_state` and `selection` are scikit-learn's: the answer is exact whatever they say.

    Attributes: `coef_`, `intercept_`, `sparse_coef_`, `dual_gap_` (how far the objective is above the least, at most,
    per target) and `n_iter_` (1); `certificate_` and `model_` are gradline's, whose alpha is 2·alpha/m.

    >>> from gradline.linear_model import ElasticNet
    >>> regression = ElasticNet(alpha=0.1).fit([[1.0, 0.0], [2.0, 1.0], [4.0, 0.0]], [3.0, 5.0, 9.0])
    >>> regression.coef_.round(6), bool(regression.dual_gap_ < 1e-12)
    (array([1.906574, 0.      ]), True)
    """

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        l1_ratio: float = 0.5,
        fit_intercept: bool = True,
        precompute: Any = False,
        max_iter: int = 1000,
        copy_X: bool = True,
        tol: float = 1e-4,
        warm_start: bool = False,
        positive: bool = False,
        random_state: Any = None,
        selection: str = "cyclic",
        formula: str | None = None,
    ) -> None:
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.max_iter = max_iter
        self.copy_X = copy_X
        self.tol = tol
        self.warm_start = warm_start
        self.positive = positive
        self.random_state = random_state
        self.selection = selection
        self.formula = formula

    def _penalty(self, weight_sum: float, targets: int) -> Penalty:  # noqa: ARG002
        return Net(2 * self.alpha / targets, self.l1_ratio, self.positive)

    def fit(self, X: Any, y: Any, sample_weight: Any = None, check_input: bool = True) -> Self:  # noqa: ARG002
        """As all do; `check_input` is scikit-learn's, and X and y are looked at whatever it says."""
        return super().fit(X, y, sample_weight)

    def _take(self, model: LinearModel, y: np.ndarray, kind: np.dtype) -> None:
        super()._take(model, y, kind)
        self.n_iter_ = 1 if self.coef_.ndim == 1 else [1] * len(self.coef_)

    @property
    def sparse_coef_(self) -> Any:
        """`coef_` as a sparse matrix of rows."""
        return sparse.csr_matrix(np.atleast_2d(self.coef_))

    @property
    def dual_gap_(self) -> Any:
        """Bounds on how far the objectives are above the least, as scikit-learn scales them, for each target."""
        targets = np.atleast_2d(self.coef_).shape[0]
        bound = self.certificate_.gap * targets / 2  # of all together, and so of each
        return bound if self.coef_.ndim == 1 else np.full(targets, bound)


class Lasso(ElasticNet):
    """`ElasticNet` with l1_ratio 1: drop-in for `sklearn.linear_model.Lasso`, with a certificate.

    It minimises Σ w·(y − X·coef_ − intercept_)²/(2·Σw) + alpha·‖coef_‖₁. Parameters and attributes as there.

    >>> from gradline.linear_model import Lasso
    >>> regression = Lasso(alpha=0.1).fit([[1.0, 0.0], [2.0, 1.0], [4.0, 0.0]], [3.0, 5.0, 9.0])
    >>> regression.coef_.round(6)
    array([1.935714, 0.      ])
    """

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        fit_intercept: bool = True,
        precompute: Any = False,
        copy_X: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-4,
        warm_start: bool = False,
        positive: bool = False,
        random_state: Any = None,
        selection: str = "cyclic",
        formula: str | None = None,
    ) -> None:
        super().__init__(
            alpha,
            l1_ratio=1.0,
            fit_intercept=fit_intercept,
            precompute=precompute,
            max_iter=max_iter,
            copy_X=copy_X,
            tol=tol,
            warm_start=warm_start,
            positive=positive,
            random_state=random_state,
            selection=selection,
            formula=formula,
        )
