"""Ridge, lasso and elastic net that choose their alpha by cross-validation, for scikit-learn."""

import warnings
from collections.abc import Iterator, Sequence
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils.metadata_routing import _raise_for_params  # scikit-learn offers no public name for it

from gradline.data.folds import Told
from gradline.data.inputs import as_rows
from gradline.data.row_stream import RowStream
from gradline.data.selection import Selection
from gradline.linear_model.penalised import ElasticNet
from gradline.linear_model.translating import Translating
from gradline.model.cross_validation import held_out, left_out, squares_on
from gradline.moments.parts import folds_of
from gradline.moments.state import Moments, calm_blas
from gradline.solvers.path import grid, spectrum
from gradline.solvers.penalties import ElasticNet as Net
from gradline.solvers.penalties import Penalty
from gradline.solvers.problem import Scaling


class ElasticNetCV(ElasticNet):
    """`ElasticNet` with the alpha, and the l1_ratio, of least error on folds held out: drop-in for scikit-learn's.

    Parameters: `l1_ratio` (0.5), or several to choose from; `eps` (1e-3), the smallest alpha beside the largest, at
    which the last coefficient becomes zero; `alphas` (100), how many, or their values; `cv`, a number of folds (None:
    5), a splitter or pairs of arrays of rows; `tol` (1e-4), the duality gap of the models of the folds beside ‖y‖²;
    `fit_intercept`, `positive`. `precompute`, `max_iter`, `copy_X`, `verbose`, `n_jobs`, `random_state` and `selection`
    are scikit-learn's: the answer does not depend on them.

    Rows are read once for all folds, whose moments tell the errors; the model at `alpha_` is that of `ElasticNet`,
    exact and with a certificate. Attributes: `alpha_`, `l1_ratio_`, `alphas_`, `mse_path_` as in scikit-learn, and
    those of `ElasticNet`.

    >>> from gradline.linear_model import ElasticNetCV
    >>> X = [[1.0, 0.0], [2.0, 1.0], [4.0, 0.0], [5.0, 1.0], [6.0, 2.0], [8.0, 0.0]]
    >>> regression = ElasticNetCV(cv=3).fit(X, [3.1, 4.9, 9.2, 11.0, 12.8, 17.1])
    >>> regression.mse_path_.shape, bool(regression.alpha_ == regression.alphas_[-1])
    ((100, 3), True)
    """

    _one_target = True
    _together = False  # whether the targets share their zeros

    def __init__(
        self,
        *,
        l1_ratio: Any = 0.5,
        eps: float = 1e-3,
        alphas: Any = 100,
        fit_intercept: bool = True,
        precompute: Any = "auto",
        max_iter: int = 1000,
        tol: float = 1e-4,
        cv: Any = None,
        copy_X: bool = True,
        verbose: Any = 0,
        n_jobs: int | None = None,
        positive: bool = False,
        random_state: Any = None,
        selection: str = "cyclic",
    ) -> None:
        self.l1_ratio = l1_ratio
        self.eps = eps
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.max_iter = max_iter
        self.tol = tol
        self.cv = cv
        self.copy_X = copy_X
        self.verbose = verbose
        self.n_jobs = n_jobs
        self.positive = positive
        self.random_state = random_state
        self.selection = selection

    def _penalty(self, weight_sum: float, targets: int) -> Penalty:  # noqa: ARG002
        return Net(2 * self.alpha_ / targets, self._ratio, self.positive, together=self._together)

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **params: Any) -> Self:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Choose the alpha, and fit as `ElasticNet` does; `params` are those of scikit-learn's routing, and refused."""
        _raise_for_params(params, self, "fit")
        self._expect_targets(y)
        return super().fit(X, y, sample_weight)

    def _expect_targets(self, y: Any) -> None:
        """Refuse a y of more than one target."""
        shape = np.asarray(y).shape
        if len(shape) == 2 and shape[1] > 1:
            raise ValueError(f"For multi-task outputs, use MultiTask{type(self).__name__}")

    def _prepare(self, selection: Selection, y: np.ndarray) -> Moments:
        X, sample_weight = selection.data, selection.weights
        rows = as_rows(selection).rows
        moments, bias = Moments.from_rows(rows), self.fit_intercept
        ratios = np.atleast_1d(np.asarray(self.l1_ratio, float)).tolist()
        pairs = list(_folds(_splits(self.cv, X, y), X, y, rows, moments, sample_weight))
        with calm_blas(moments.p + moments.m):
            nets = [Net(1.0, ratio, self.positive, together=self._together) for ratio in ratios]
            tried = [self._alphas(moments, net) for net in nets]
            errors = np.array(
                [
                    [held_out(*pair, bias, "none", net, 2 * alphas / moments.m, self.tol) for pair in pairs]
                    for net, alphas in zip(nets, tried, strict=True)
                ]
            )
        means = errors.mean(axis=1)
        best, k = np.unravel_index(int(np.argmin(means)), means.shape)
        self.mse_path_ = np.squeeze(np.moveaxis(errors, 2, 1))
        self.alphas_ = np.array(tried) if len(ratios) > 1 and isinstance(self.alphas, Integral) else tried[0]
        self.alpha_, self._ratio = float(tried[best][k]), float(ratios[best])
        self.l1_ratio_ = self._ratio
        return moments

    def _alphas(self, moments: Moments, net: Net) -> np.ndarray:
        """Those to try, in scikit-learn's scale."""
        if not isinstance(self.alphas, Integral):
            return np.sort(numbers(self.alphas, ">="))[::-1]
        if net.l1_ratio == 0:
            raise ValueError(
                "Automatic alpha grid generation is not supported for l1_ratio=0. Please supply a grid by providing "
                "your estimator with the appropriate `alphas=` argument."
            )
        placed = net.on(moments.design.features, np.ones(moments.p))
        found = grid(moments, self.fit_intercept, placed, int(self.alphas), self.eps) * (moments.m / 2)
        flat = not moments.variation(self.fit_intercept).any()
        return np.full(len(found), np.finfo(float).resolution) if flat else found


class LassoCV(ElasticNetCV):
    """`Lasso` with the alpha of least error on folds held out: drop-in for `sklearn.linear_model.LassoCV`.

    Parameters and attributes as in `ElasticNetCV`, but for `l1_ratio`, which is 1.

    >>> from gradline.linear_model import LassoCV
    >>> X = [[1.0, 0.0], [2.0, 1.0], [4.0, 0.0], [5.0, 1.0], [6.0, 2.0], [8.0, 0.0]]
    >>> LassoCV(cv=3).fit(X, [3.1, 4.9, 9.2, 11.0, 12.8, 17.1]).coef_.round(2)
    array([ 2.  , -0.15])
    """

    def __init__(
        self,
        *,
        eps: float = 1e-3,
        alphas: Any = 100,
        fit_intercept: bool = True,
        precompute: Any = "auto",
        max_iter: int = 1000,
        tol: float = 1e-4,
        copy_X: bool = True,
        cv: Any = None,
        verbose: Any = False,
        n_jobs: int | None = None,
        positive: bool = False,
        random_state: Any = None,
        selection: str = "cyclic",
    ) -> None:
        super().__init__(
            l1_ratio=1.0,
            eps=eps,
            alphas=alphas,
            fit_intercept=fit_intercept,
            precompute=precompute,
            max_iter=max_iter,
            tol=tol,
            cv=cv,
            copy_X=copy_X,
            verbose=verbose,
            n_jobs=n_jobs,
            positive=positive,
            random_state=random_state,
            selection=selection,
        )


class RidgeCV(Translating):
    """`Ridge` with the alpha that predicts rows left out best: drop-in for `sklearn.linear_model.RidgeCV`.

    Parameters: `alphas` (0.1, 1, 10); `fit_intercept`; `scoring`, a name or a function, None for the squared error,
    or R² with a `cv`; `cv`, a number of folds, a splitter or pairs of arrays of rows, None for each row by itself, in
    closed form; `store_cv_results`, keep the errors of each row; `alpha_per_target`, an alpha for each target.
    `gcv_mode` is scikit-learn's: one singular value decomposition serves every alpha, whatever it says.

    Attributes: `alpha_`, `best_score_`, `cv_results_` as in scikit-learn, and those of `Ridge`; of an alpha per target
    `model_` is that of the last.

    >>> from gradline.linear_model import RidgeCV
    >>> X = [[1.0, 0.0], [2.0, 1.0], [4.0, 0.0], [5.0, 1.0], [6.0, 2.0], [8.0, 0.0]]
    >>> RidgeCV().fit(X, [3.1, 4.9, 9.2, 11.0, 12.8, 17.1]).alpha_
    0.1
    """

    def __init__(
        self,
        alphas: Any = (0.1, 1.0, 10.0),
        *,
        fit_intercept: bool = True,
        scoring: Any = None,
        cv: Any = None,
        gcv_mode: str | None = None,
        store_cv_results: bool = False,
        alpha_per_target: bool = False,
    ) -> None:
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.scoring = scoring
        self.cv = cv
        self.gcv_mode = gcv_mode
        self.store_cv_results = store_cv_results
        self.alpha_per_target = alpha_per_target

    def _penalty(self, weight_sum: float, targets: int) -> Penalty:
        return Net(2 * float(np.max(self.alpha_)) / (targets * weight_sum))

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "RidgeCV":
        """Choose the alpha, and fit as `Ridge` does."""
        super().fit(X, y, sample_weight)
        if np.ndim(self.alpha_):
            self._fit_each(np.asarray(self.alpha_))
        return self

    def _fit_each(self, alphas: np.ndarray) -> None:
        """The coefficients of an alpha for each target."""
        moments, bias = self.model_.moments, self.fit_intercept
        weight = spectrum(moments, bias).weights(alphas)
        self.coef_ = np.array([weight[j, j] for j in range(len(alphas))])
        if bias:
            p = moments.p
            self.intercept_ = moments.mean[p:] - self.coef_ @ moments.mean[:p]

    def _prepare(self, selection: Selection, y: np.ndarray) -> Moments:
        X, sample_weight = selection.data, selection.weights
        alphas = numbers(
            self.alphas if np.iterable(self.alphas) else [self.alphas], ">" if self.cv is None else ">="
        )
        if self.gcv_mode == "svd" and sparse.issparse(X):
            told = "The 'svd' mode is not supported for sparse X by scikit-learn; here it changes nothing"
            warnings.warn(told, FutureWarning, stacklevel=4)
        for name in ("store_cv_results", "alpha_per_target"):
            if self.cv is not None and getattr(self, name):
                raise ValueError(f"cv!=None and {name}=True are incompatible")
        rows = as_rows(selection).rows
        moments = Moments.from_rows(rows)
        with calm_blas(moments.p + moments.m):
            if self.cv is None:
                scores = self._one_by_one(rows, moments, y, sample_weight, alphas)
            else:
                scores = self._by_folds(X, y, rows, moments, sample_weight, alphas)
        best = np.argmax(scores, axis=0)
        self.alpha_ = alphas[best] if scores.ndim == 2 else float(alphas[best])
        self.best_score_ = np.max(scores, axis=0) if scores.ndim == 2 else float(scores[best])
        return moments

    def _one_by_one(
        self, rows: RowStream, moments: Moments, y: np.ndarray, sample_weight: Any, alphas: np.ndarray
    ) -> np.ndarray:
        """The score (K,) of each alpha, or (K, m) of each target, by each row that is left out."""
        each = left_out(moments, rows, self.fit_intercept, Scaling.none(moments.p), alphas)
        errors = np.zeros((len(y), moments.m, len(alphas)))
        counted = np.arange(len(y)) if sample_weight is None else np.flatnonzero(sample_weight)
        errors[counted] = np.concatenate([found for _, found in each])
        roots = 1.0 if sample_weight is None else np.sqrt(sample_weight)[:, None, None]
        Y = y[:, None] if y.ndim == 1 else y
        per_target = self.alpha_per_target and moments.m > 1
        if self.scoring is None:
            kept = (roots * errors) ** 2
            scores = -kept.mean(axis=0).T if per_target else -kept.mean(axis=(0, 1))
        else:
            kept, score = Y[:, :, None] - errors, _scorer(self.scoring)
            weights = {} if sample_weight is None else {"sample_weight": sample_weight}
            if per_target:
                told = [
                    [score(_Told(), kept[:, j, k], Y[:, j], **weights) for j in range(moments.m)]
                    for k in range(len(alphas))
                ]
            else:
                told = [
                    score(_Told(), kept[:, :, k].reshape(y.shape), y, **weights) for k in range(len(alphas))
                ]
            scores = np.array(told)
        if self.store_cv_results:
            self.cv_results_ = kept[:, 0] if y.ndim == 1 else kept
        return scores

    def _by_folds(
        self, X: Any, y: np.ndarray, rows: RowStream, moments: Moments, sample_weight: Any, alphas: np.ndarray
    ) -> np.ndarray:
        """The mean score (K,) over folds: R² of their moments, or what `scoring` says of their predictions."""
        score = None if self.scoring is None else _scorer(self.scoring)
        bias, found = self.fit_intercept, []
        splits = _splits(self.cv, X, y)
        pairs = _folds(splits, X, y, rows, moments, sample_weight)
        for (training, test), (_, which) in zip(pairs, splits, strict=True):
            weight = spectrum(training, bias).weights(alphas)
            if score is None:
                squares, _ = squares_on(test, training, bias, weight)
                found.append(np.mean(1 - squares / _where_it_varies(test.variation(True)), axis=1))
                continue
            mean = training.mean
            level = (mean[training.p :] - weight @ mean[: training.p]) * bias
            told = [X[which] @ w.T + b for w, b in zip(weight, level, strict=True)]
            w = {} if sample_weight is None else {"sample_weight": sample_weight[which]}
            found.append(
                np.array([score(_Told(), one.reshape(y[which].shape), y[which], **w) for one in told])
            )
        return np.mean(found, axis=0)


def _where_it_varies(variation: np.ndarray) -> np.ndarray:
    """The variation, of one row NaN, which has no R²."""
    return np.where(variation > 0, variation, np.nan)


class _Told(RegressorMixin, BaseEstimator):
    """Predicts what it is given: what a scorer judges predictions by that are known."""

    def fit(self, X: Any, y: Any = None) -> "_Told":  # noqa: ARG002
        return self

    def predict(self, X: Any) -> Any:
        return X


def _scorer(scoring: Any) -> Any:
    """The function that judges predictions."""
    return check_scoring(_Told(), scoring)


def numbers(alphas: Any, least: str) -> np.ndarray:
    """Alphas as numbers, each `least` (">" or ">=") 0. Raises `TypeError` and `ValueError` in scikit-learn's words."""
    for i, alpha in enumerate(alphas):
        if not isinstance(alpha, Real):
            kind = type(alpha).__name__
            raise TypeError(f"alphas[{i}] must be an instance of float, not {kind}")
        if alpha < 0 or (alpha == 0 and least == ">"):
            raise ValueError(f"alphas[{i}] == {alpha}, must be {least} 0.0.")
    return np.asarray(alphas, float)


def _splits(cv: Any, X: Any, y: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """The rows to train on and to test on of each fold."""
    splitter: Any = check_cv(cv)
    return list(splitter.split(X, y))


def _folds(
    splits: Sequence[tuple[np.ndarray, np.ndarray]],
    X: Any,
    y: np.ndarray,
    rows: RowStream,
    moments: Moments,
    sample_weight: Any,
) -> Iterator[tuple[Moments, Moments]]:
    """The moments to train on and to test on of each fold.

    Where each row is in one test and in the training of all other folds, one pass makes them all.
    """
    tests = np.concatenate([test for _, test in splits])
    plain = sample_weight is None and all(len(a) + len(b) == len(y) for a, b in splits)
    if plain and len(tests) == len(y) and len(np.unique(tests)) == len(y):
        parts = np.empty(len(y), np.int64)
        for number, (_, test) in enumerate(splits):
            parts[test] = number
        yield from folds_of(rows, Told(len(splits), parts), moments.rows, moments.design)
        return
    for training, test in splits:
        weights = (
            [None, None] if sample_weight is None else [sample_weight[part] for part in (training, test)]
        )
        yield (
            Moments.of(X[training], y[training], weights=weights[0]),
            Moments.of(X[test], y[test], weights=weights[1]),
        )
