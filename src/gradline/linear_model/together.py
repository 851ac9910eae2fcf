"""Lasso and elastic net whose coefficients are zero for all targets or for none, for scikit-learn."""

from typing import Any

import numpy as np

from gradline.data.selection import Selection
from gradline.linear_model.choosing import ElasticNetCV
from gradline.linear_model.penalised import ElasticNet
from gradline.linear_model.translating import Translating
from gradline.solvers.penalties import ElasticNet as Net
from gradline.solvers.penalties import Penalty


class _ZeroTogether(Translating):
    """What the four classes share, beside what each is of one target."""

    positive = False
    precompute = False
    _flat = False

    def __sklearn_tags__(self) -> Any:
        """Of scikit-learn's checks y has two axes."""
        tags = super().__sklearn_tags__()
        tags.target_tags.single_output = False
        return tags

    def _prepare(self, selection: Selection, y: np.ndarray) -> Any:
        if np.ndim(y) == 1:  # as scikit-learn refuses it
            raise ValueError(f"For mono-task outputs, use {type(self).__name__.removeprefix('MultiTask')}")
        return super()._prepare(selection, y)

    def _take(self, model: Any, y: np.ndarray, kind: np.dtype) -> None:
        super()._take(model, y, kind)
        self.n_iter_ = 1

    @property
    def dual_gap_(self) -> float:
        """How far the objective is above the least, at most, as scikit-learn scales it."""
        return self.certificate_.gap * len(self.coef_) / 2


class MultiTaskElasticNet(_ZeroTogether, ElasticNet):
    """`ElasticNet` of targets that share their zeros: drop-in for `sklearn.linear_model.MultiTaskElasticNet`.

    It minimises Σ w·‖y − coef_·x − intercept_‖²/(2·Σw) + alpha·(l1_ratio·Σⱼ‖coef_[:, j]‖ + (1 − l1_ratio)/2·‖coef_‖²),
    so that a feature's coefficients are zero for all targets or for none. Parameters and attributes as there;
    `dual_gap_` is one number for all targets.

    >>> from gradline.linear_model import MultiTaskElasticNet
    >>> X, Y = [[1.0, 0.0], [2.0, 1.0], [4.0, 0.0]], [[3.0, 1.0], [5.0, 2.0], [9.0, 4.0]]
    >>> MultiTaskElasticNet(alpha=0.1).fit(X, Y).coef_.round(3)
    array([[1.91 , 0.   ],
           [0.955, 0.   ]])
    """

    formula = None

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        l1_ratio: float = 0.5,
        fit_intercept: bool = True,
        copy_X: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-4,
        warm_start: bool = False,
        random_state: Any = None,
        selection: str = "cyclic",
    ) -> None:
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.random_state = random_state
        self.selection = selection

    def _penalty(self, weight_sum: float, targets: int) -> Penalty:  # noqa: ARG002
        return Net(2 * self.alpha / targets, self.l1_ratio, together=True)


class MultiTaskLasso(MultiTaskElasticNet):
    """`MultiTaskElasticNet` with l1_ratio 1: drop-in for `sklearn.linear_model.MultiTaskLasso`.

    >>> from gradline.linear_model import MultiTaskLasso
    >>> X, Y = [[1.0, 0.0], [2.0, 1.0], [4.0, 0.0]], [[3.0, 1.0], [5.0, 2.0], [9.0, 4.0]]
    >>> MultiTaskLasso(alpha=0.1).fit(X, Y).coef_.round(3)
    array([[1.943, 0.   ],
           [0.971, 0.   ]])
    """

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        fit_intercept: bool = True,
        copy_X: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-4,
        warm_start: bool = False,
        random_state: Any = None,
        selection: str = "cyclic",
    ) -> None:
        super().__init__(
            alpha,
            l1_ratio=1.0,
            fit_intercept=fit_intercept,
            copy_X=copy_X,
            max_iter=max_iter,
            tol=tol,
            warm_start=warm_start,
            random_state=random_state,
            selection=selection,
        )


class MultiTaskElasticNetCV(_ZeroTogether, ElasticNetCV):
    """`MultiTaskElasticNet` with the alpha of least error on folds held out: drop-in for scikit-learn's.

    Parameters and attributes as in `ElasticNetCV`, of which `mse_path_` is the mean over the targets.

    >>> from gradline.linear_model import MultiTaskElasticNetCV
    >>> X = [[1.0, 0.0], [2.0, 1.0], [4.0, 0.0], [5.0, 1.0], [6.0, 2.0], [8.0, 0.0]]
    >>> Y = [[3.1, 1.0], [4.9, 2.1], [9.2, 3.9], [11.0, 5.2], [12.8, 6.0], [17.1, 8.1]]
    >>> regression = MultiTaskElasticNetCV(cv=3).fit(X, Y)
    >>> regression.mse_path_.shape, regression.coef_.shape
    ((100, 3), (2, 2))
    """

    _one_target = False
    _together = True

    def __init__(
        self,
        *,
        l1_ratio: Any = 0.5,
        eps: float = 1e-3,
        alphas: Any = 100,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-4,
        cv: Any = None,
        copy_X: bool = True,
        verbose: Any = 0,
        n_jobs: int | None = None,
        random_state: Any = None,
        selection: str = "cyclic",
    ) -> None:
        self.l1_ratio = l1_ratio
        self.eps = eps
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.cv = cv
        self.copy_X = copy_X
        self.verbose = verbose
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.selection = selection

    def _expect_targets(self, y: Any) -> None:
        """Any number of targets is served."""


class MultiTaskLassoCV(MultiTaskElasticNetCV):
    """`MultiTaskLasso` with the alpha of least error on folds held out: drop-in for scikit-learn's.

    Parameters and attributes as in `MultiTaskElasticNetCV`, but for `l1_ratio`, which is 1.

    >>> from gradline.linear_model import MultiTaskLassoCV
    >>> X = [[1.0, 0.0], [2.0, 1.0], [4.0, 0.0], [5.0, 1.0], [6.0, 2.0], [8.0, 0.0]]
    >>> Y = [[3.1, 1.0], [4.9, 2.1], [9.2, 3.9], [11.0, 5.2], [12.8, 6.0], [17.1, 8.1]]
    >>> MultiTaskLassoCV(cv=3).fit(X, Y).coef_.shape
    (2, 2)
    """

    def __init__(
        self,
        *,
        eps: float = 1e-3,
        alphas: Any = 100,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-4,
        copy_X: bool = True,
        cv: Any = None,
        verbose: Any = False,
        n_jobs: int | None = None,
        random_state: Any = None,
        selection: str = "cyclic",
    ) -> None:
        super().__init__(
            l1_ratio=1.0,
            eps=eps,
            alphas=alphas,
            fit_intercept=fit_intercept,
            max_iter=max_iter,
            tol=tol,
            cv=cv,
            copy_X=copy_X,
            verbose=verbose,
            n_jobs=n_jobs,
            random_state=random_state,
            selection=selection,
        )
