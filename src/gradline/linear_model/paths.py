"""The paths of lasso and elastic net, and the lasso of least AIC or BIC, for scikit-learn."""

import math
import warnings
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_array, check_consistent_length

from gradline.data.inputs import as_rows
from gradline.data.selection import Selection
from gradline.linear_model.translating import Translating
from gradline.model.path import gaps, path_of
from gradline.moments.rank import varying
from gradline.moments.state import Moments, calm_blas
from gradline.solvers.knots import knots
from gradline.solvers.path import grid, weights_along
from gradline.solvers.penalties import ElasticNet as Net
from gradline.solvers.penalties import Penalty

_WITHOUT_EFFECT = {  # on the answer, of scikit-learn's parameters
    "check_input", "coef_init", "copy_X", "max_iter", "precompute", "random_state", "selection", "verbose", "Xy",
}  # fmt: skip


def enet_path(
    X: Any,
    y: Any,
    *,
    l1_ratio: float = 0.5,
    eps: float = 1e-3,
    alphas: Any = 100,
    positive: bool = False,
    tol: float = 1e-4,
    n_alphas: Any = None,
    return_n_iter: bool = False,
    **others: Any,
) -> tuple[Any, ...]:
    """The elastic net at many alphas, without an intercept: as `sklearn.linear_model.enet_path`.

    It minimises ‖y − X·w‖²/(2n) + alpha·(l1_ratio·‖w‖₁ + (1 − l1_ratio)/2·‖w‖²). Parameters: `alphas` (100), how many
    from the one at which the last coefficient becomes zero to `eps` of it, or their values; `tol` (1e-4), the duality
    gap beside ‖y‖²; `positive`. Returns the alphas (K,) that fall, the coefficients (p, K), and the duality gaps (K,),
    with `return_n_iter` also that each took one call. Raises `ValueError` for parameters that it does not know.

    >>> from gradline.linear_model import enet_path
    >>> alphas, coefs, gaps = enet_path([[1.0, 0.0], [2.0, 1.0], [4.0, 0.0]], [3.0, 5.0, 9.0], alphas=[1.0, 0.1])
    >>> coefs.round(3)
    array([[2.111, 2.287],
           [0.   , 0.24 ]])
    """
    if unknown := sorted(others.keys() - _WITHOUT_EFFECT):
        raise ValueError(f"Unexpected parameters in params: {', '.join(unknown)}")
    if n_alphas is not None:
        warnings.warn("'n_alphas' is deprecated: set 'alphas' to the number", FutureWarning, stacklevel=2)
        alphas = n_alphas
    if np.ndim(y) > 1 and np.shape(y)[1] > 1:
        raise ValueError(f"y has {np.shape(y)[1]} columns: call it for each")
    checked: Any = check_array  # whose types are narrower than what it takes
    X = checked(X, dtype=np.float64, accept_sparse="csr")
    y = checked(y, dtype=np.float64, ensure_2d=False)
    check_consistent_length(X, y)
    moments, net = Moments.of(X, y), Net(1.0, l1_ratio, positive)
    with calm_blas(moments.p + moments.m):
        if isinstance(alphas, (str, Integral)) or alphas is None:
            count = int(alphas) if isinstance(alphas, Integral) else 100
            values = grid(moments, False, net, count, eps)
        else:
            values = 2 * np.sort(np.asarray(alphas, float))[::-1]
        weight = weights_along(moments, False, net, values, tol)
        gap = gaps(moments, False, net, values, weight) / 2
    found = values / 2, weight[:, 0].T, gap
    return (*found, [1] * len(values)) if return_n_iter else found


def lasso_path(X: Any, y: Any, **settings: Any) -> tuple[Any, ...]:
    """`enet_path` with l1_ratio 1: as `sklearn.linear_model.lasso_path`.

    >>> from gradline.linear_model import lasso_path
    >>> lasso_path([[1.0, 0.0], [2.0, 1.0], [4.0, 0.0]], [3.0, 5.0, 9.0], alphas=[1.0, 0.1])[1].round(3)
    array([[2.19 , 2.312],
           [0.   , 0.076]])
    """
    return enet_path(X, y, l1_ratio=1.0, **settings)


class LassoLarsIC(Translating):
    """The lasso of least AIC or BIC among the knots of its path: drop-in for `sklearn.linear_model.LassoLarsIC`.

    The criterion is n·log(2πσ²) + SSR/σ² + c·df, df the coefficients that are not zero, c 2 for "aic" and log n for
    "bic" (Zou, Hastie, Tibshirani 2007). Parameters: `criterion` ("aic"); `noise_variance` σ², by default what least
    squares leaves, by n − p − 1; `fit_intercept`, `positive`, `max_iter` (500) steps of the path. `precompute`, `eps`,
    `verbose` and `copy_X` are scikit-learn's.

    Attributes: `alpha_`, `alphas_`, `criterion_`, `noise_variance_`, `n_iter_`, and those of `Lasso`.

    >>> from gradline.linear_model import LassoLarsIC
    >>> X = [[1.0, 0.0], [2.0, 1.0], [4.0, 0.0], [5.0, 1.0], [6.0, 2.0], [8.0, 0.0]]
    >>> regression = LassoLarsIC("bic").fit(X, [3.1, 4.9, 9.2, 11.0, 12.8, 17.1])
    >>> len(regression.alphas_), bool(regression.alpha_ == regression.alphas_[regression.criterion_.argmin()])
    (3, True)
    """

    _one_target = True

    def __init__(
        self,
        criterion: str = "aic",
        *,
        fit_intercept: bool = True,
        verbose: Any = False,
        precompute: Any = "auto",
        max_iter: int = 500,
        eps: float = float(np.finfo(float).eps),
        copy_X: bool = True,
        positive: bool = False,
        noise_variance: float | None = None,
    ) -> None:
        self.criterion = criterion
        self.fit_intercept = fit_intercept
        self.verbose = verbose
        self.precompute = precompute
        self.max_iter = max_iter
        self.eps = eps
        self.copy_X = copy_X
        self.positive = positive
        self.noise_variance = noise_variance

    def fit(self, X: Any, y: Any) -> "LassoLarsIC":  # pyright: ignore[reportIncompatibleMethodOverride]
        """Choose the alpha, and fit as `Lasso` does."""
        super().fit(X, y)
        return self

    def _penalty(self, weight_sum: float, targets: int) -> Penalty:  # noqa: ARG002
        return Net(2 * self.alpha_ / targets, 1.0, self.positive)

    def _prepare(self, selection: Selection, y: np.ndarray) -> Moments:  # noqa: ARG002
        if self.criterion not in ("aic", "bic"):
            raise ValueError(f"criterion should be either bic or aic, got {self.criterion!r}")
        moments, bias = Moments.from_rows(as_rows(selection).rows), self.fit_intercept
        n, p = moments.rows, moments.p
        if self.noise_variance is None and n <= p + bias:
            raise ValueError(
                f"{n} rows leave nothing to estimate the noise of {p} features by: give noise_variance"
            )
        with calm_blas(moments.p + moments.m):
            columns, B = varying(moments, bias), moments.slopes_factor(bias).B
            found = knots(columns, B[:, 0], self.positive, self.max_iter)
            net = Net(0.0, 1.0, self.positive)
            free = path_of(moments, bias, net, [0.0])
            left = float(free.squares[0, 0]) / (n - p - bias) if n > p + bias else 0.0
            self.noise_variance_ = left if self.noise_variance is None else self.noise_variance
            rest = float(moments.variation(bias)[0]) - float(B[:, 0] @ B[:, 0])
            squares = ((B[:, 0] - found.weights @ columns.T) ** 2).sum(axis=1) + max(rest, 0.0)
        factor = 2 if self.criterion == "aic" else math.log(n)
        used = np.count_nonzero(np.abs(found.weights) > np.finfo(float).eps, axis=1)
        self.alphas_, self.n_iter_ = found.l1 / n, max(1, len(found.l1) - 1)
        variance = max(self.noise_variance_, np.finfo(float).tiny)  # of a target without any
        self.criterion_ = n * math.log(2 * math.pi * variance) + squares / variance + factor * used
        self.alpha_ = float(self.alphas_[int(np.argmin(self.criterion_))])
        return moments
