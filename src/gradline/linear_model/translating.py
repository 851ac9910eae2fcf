"""What all estimators share: scikit-learn's validation, its attributes with their shapes, and one call of gradline."""

import math
import warnings
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.validation import (
    _check_sample_weight,  # scikit-learn offers no public name for it
    check_is_fitted,
    validate_data,
)

from gradline.core.errors import GradlineWarning, UsageError
from gradline.data.inputs import Titled, titles
from gradline.data.selection import Selection
from gradline.data.terms.algebra import target_nodes
from gradline.linear_model.namespaces import Namespace
from gradline.model.cautions import cautions
from gradline.model.certificate import Certificate
from gradline.model.fit import run
from gradline.model.model import LinearModel
from gradline.model.request import Request
from gradline.moments.state import Moments
from gradline.solvers import NONE, SQUARED, Loss, Penalty, Solver, usual_solver

_KINDS = (np.float64, np.float32)  # of numbers that are taken as they are; others become the first


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


class Translating(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """A regressor that translates to gradline and computes nothing itself."""

    fit_intercept: bool
    formula: str | None = None
    scale: str = "auto"
    _flat = True  # whether a y of one column leaves `coef_` of one row, as all of scikit-learn's do but one
    _one_target: bool = False  # whether y must be (n_samples,)

    def _penalty(self, weight_sum: float, targets: int) -> Penalty:  # noqa: ARG002 - what scikit-learn's sums are over
        """What is added to gradline's loss, the mean over so many rows, or their weights, and targets."""
        return NONE

    def _objective(self, selection: Selection, weight_sum: float, targets: int) -> tuple[Penalty, Loss]:  # noqa: ARG002
        """What is minimised of these rows."""
        return self._penalty(weight_sum, targets), SQUARED

    def _solver(self, penalty: Penalty, loss: Loss = SQUARED) -> Solver:
        """What goes to the answer."""
        return usual_solver(penalty, loss)

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn should know: X may be sparse."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.multi_output = not self._one_target
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to X (n_samples, n_features) and y (n_samples,) or (n_samples, n_targets).

        A sample weight of 2 is the sample twice, a weight of 0 is the sample left out. Of an X in float32 the sums are
        float64, and the coefficients float32. Under scikit-learn's array API dispatch tensors give tensors.
        """
        self._home = Namespace.of(X)
        if self._home is not None:
            X, y, sample_weight = (self._home.leave(array) for array in (X, y, sample_weight))
        titled = titles(y)
        if self.formula is not None:  # whose columns may be words and dates
            _expect_terms(self.formula)
            validate_data(self, X, skip_check_array=True)
            y = column_or_1d(y) if np.ndim(y) == 1 else check_array(y)
        elif _are_plain(X, y) and not (
            self._one_target and y.ndim > 1
        ):  # of which scikit-learn would find nothing to say, at a third of what a small fit takes
            self._know(X)
        else:
            X, y = validate_data(
                self,
                X,
                y,
                accept_sparse="csr",
                dtype=_KINDS,
                y_numeric=True,
                multi_output=not self._one_target,
            )
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        names = [str(name) for name in getattr(self, "feature_names_in_", [])] or None
        targets = y if titled is None or {*titled} & {*(names or ())} else Titled(y, titled)
        features = names if self.formula is None else None
        selection = Selection(X, targets, features, weights=sample_weight, formula=self.formula)
        moments = self._prepare(selection, y)
        weight_sum = len(y) if sample_weight is None else float(np.sum(sample_weight))
        penalty, loss = self._objective(selection, weight_sum, 1 if y.ndim == 1 else y.shape[1])
        solver = self._solver(penalty, loss)
        request = Request(solver, self.fit_intercept, self.scale, penalty=penalty, loss=loss)
        # With a penalty moments say all, and where they are known no row is read for them again.
        known = moments is not None and not penalty.is_none and loss.quadratic
        model = run(Selection(moments) if known else selection, request)
        for notice in cautions(model):
            fell_short = notice.code == "training-stopped"
            kind = StoppedWarning if fell_short else GradlineWarning
            warnings.warn(kind(notice.code, notice.text), stacklevel=2)
        self._take(model, y, X.dtype if getattr(X, "dtype", None) == np.float32 else np.dtype(np.float64))
        if self._home is not None:
            self.coef_, self.intercept_ = self._home.enter(self.coef_), self._home.enter(self.intercept_)
        return self

    def _prepare(self, selection: Selection, y: np.ndarray) -> Moments | None:  # noqa: ARG002
        """What is to be found out about rows before the fit; their moments, where that has made them."""
        return None

    def _know(self, X: np.ndarray) -> None:
        """What scikit-learn keeps of a plain X, as its `validate_data` leaves it."""
        self.n_features_in_ = X.shape[1]
        vars(self).pop("feature_names_in_", None)  # of a fit to a frame before

    def _take(self, model: LinearModel, y: np.ndarray, kind: np.dtype) -> None:
        """The attributes of a fit to y, as numbers of a kind."""
        self.model_ = model
        weight, bias = model.weight.astype(kind, copy=False), model.bias.astype(kind, copy=False)
        self.coef_ = weight[0] if y.ndim == 1 or (self._flat and len(weight) == 1) else weight
        self.intercept_ = (bias[0] if y.ndim == 1 else bias) if model.has_bias else 0.0

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
        kinds = _KINDS if self._home is None else self._home.kinds
        X = validate_data(self, X, accept_sparse="csr", dtype=kinds, reset=False)
        return X @ (self.coef_ if self.coef_.ndim == 1 else self.coef_.T) + self.intercept_


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
