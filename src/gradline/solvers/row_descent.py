"""Stochastic gradient descent row by row: scikit-learn's rates, averages and cumulative l1, pass after pass."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gradline.core.kernels.library import kernels

LOSSES = ("squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive")
RATES = ("constant", "optimal", "invscaling", "adaptive")
_STEEPEST = 1e12  # a slope is no more, as in scikit-learn
_LEAST_RATE = 1e-6  # below which an adaptive rate is no longer divided
_DIVIDED = 5.0  # by which an adaptive rate is, where the loss no longer falls


@dataclass(frozen=True)
class Rows:
    """Settings of a run, by scikit-learn's names; l1 and curvature are those of the penalty."""

    loss: str
    epsilon: float
    l1: float
    curvature: float
    alpha: float
    fit_intercept: bool
    learning_rate: str
    eta0: float
    power_t: float
    average: int

    @property
    def optimal_start(self) -> float:
        """The t at which eta = 1/(alpha·t) begins, so that the first step is of a typical size (Bottou 2012)."""
        typical = math.sqrt(1.0 / math.sqrt(self.alpha))
        first = typical / max(1.0, slope_of(self.loss, self.epsilon, -typical - 1.0))
        return 1.0 / (first * self.alpha)

    def settings(self, eta: float) -> list[float]:
        """What a pass goes by at this rate; see `row_descent.c`."""
        optimal = self.learning_rate == "optimal"
        power = self.power_t if self.learning_rate == "invscaling" else 0.0
        return [
            eta, -1.0 if optimal else power, self.alpha if optimal else 1.0, self.optimal_start if optimal else 1.0,
            self.l1, self.curvature, self.epsilon, float(self.fit_intercept), float(self.average),
        ]  # fmt: skip


@dataclass
class Standing:
    """Where a run stands: weights, what l1 took of each and their mean (3, p); and six numbers.

    These are the intercept, its mean, the number t of the coming row, what l1 may have taken of each weight, and the
    sums of the squares and of the sizes of the weights, as scikit-learn keeps them for its measure of rest: without
    what l1 took last.
    """

    arrays: np.ndarray
    last: np.ndarray

    @classmethod
    def of(cls, weight: np.ndarray, intercept: float, mean: np.ndarray, level: float, t: float) -> "Standing":
        """At these weights; each run begins to take its l1 anew."""
        arrays = np.vstack([weight, np.zeros_like(weight), mean]).astype(float)
        at = cls(arrays, np.array([intercept, level, t, 0.0, 0.0, 0.0]))
        at.begin(t)
        return at

    def begin(self, t: float) -> None:
        """A call begins: what l1 took counts for one."""
        weight = self.arrays[0]
        self.arrays[1] = 0.0
        self.last[2:] = t, 0.0, float(weight @ weight), float(np.abs(weight).sum())


def slope_of(loss: str, epsilon: float, r: float) -> float:
    """The derivative of a row's loss by its prediction; r = prediction − target."""
    size, side = abs(r), -1.0 if r < 0 else 1.0
    if loss == "squared_error":
        return r
    if loss == "huber":
        return r if size <= epsilon else side * epsilon
    if size <= epsilon:
        return 0.0
    return side if loss == "epsilon_insensitive" else 2.0 * side * (size - epsilon)


def loss_of(loss: str, epsilon: float, r: float) -> float:
    """A row's loss, of which the square is halved."""
    size = abs(r)
    if loss == "squared_error":
        return r * r / 2
    if loss == "huber":
        return r * r / 2 if size <= epsilon else epsilon * (size - epsilon / 2)
    beyond = max(0.0, size - epsilon)
    return beyond if loss == "epsilon_insensitive" else beyond**2


def one_pass(
    rows: Rows, X: np.ndarray, y: np.ndarray, u: np.ndarray, order: np.ndarray, eta: float, at: Standing
) -> float:
    """One pass over rows X (n, p) in an order, which changes where the run stands; the sum of losses and penalties."""
    compiled, settings = kernels(), np.array(rows.settings(eta))
    if compiled is None:
        with np.errstate(over="ignore", invalid="ignore"):
            return _by_numpy(rows, X, y, u, order, settings, at)
    state = np.concatenate([at.arrays.ravel(), at.last])
    total = compiled.row_descent(
        X, y, u, order, state, settings, len(order), X.shape[1], LOSSES.index(rows.loss)
    )
    at.arrays[...], at.last[...] = state[:-6].reshape(at.arrays.shape), state[-6:]
    return total


def _by_numpy(
    rows: Rows,
    X: np.ndarray,
    y: np.ndarray,
    u: np.ndarray,
    order: np.ndarray,
    settings: np.ndarray,
    at: Standing,
) -> float:
    """The twin of the compiled loop."""
    (w, taken, mean), last, total = at.arrays, at.last, 0.0
    eta0, power, alpha, first = settings[:4].tolist()
    for i in order.tolist():
        t = float(last[2])
        r = float(X[i] @ w + last[0] - y[i])
        total += loss_of(rows.loss, rows.epsilon, r)
        total += rows.curvature / 2 * float(last[4]) + rows.l1 * float(last[5])
        eta = 1.0 / (alpha * (first + t - 1)) if power < 0 else eta0 / t**power
        step = -eta * max(-_STEEPEST, min(_STEEPEST, slope_of(rows.loss, rows.epsilon, r))) * float(u[i])
        kept = max(0.0, 1.0 - eta * rows.curvature)
        w *= kept
        w += step * X[i]
        last[4:] = (w @ w, np.abs(w).sum()) if step else (kept**2 * last[4], kept * last[5])
        last[0] += step * rows.fit_intercept
        if rows.l1:  # what it may have taken by now, less what it took (Tsuruoka, Tsujii, Ananiadou 2009)
            last[3] += eta * rows.l1
            before = w.copy()
            w[before > 0] = np.maximum(0.0, before - (last[3] + taken))[before > 0]
            w[before < 0] = np.minimum(0.0, before + (last[3] - taken))[before < 0]
            taken += w - before
        if 0 < rows.average <= t:
            mean += (w - mean) / (t - rows.average + 1)
            last[1] += (last[0] - last[1]) / (t - rows.average + 1)
        last[2] += 1.0
    return total


@dataclass(frozen=True)
class Passes:
    """How long a run goes on: until `patience` passes have brought no gain of `tol`, `most` at the latest.

    `score` is that of rows held out, of weights and intercept, None where the losses of training are watched.
    """

    most: int
    tol: float
    patience: int
    score: Callable[[np.ndarray, float], float] | None


def descended(
    rows: Rows,
    X: np.ndarray,
    y: np.ndarray,
    u: np.ndarray,
    order_of: Callable[[int], np.ndarray],
    passes: Passes,
    at: Standing,
) -> int:
    """Pass after pass over the rows that `order_of` names for each; returns how many.

    Without a gain an adaptive rate is divided by five before the run ends. Raises `FloatingPointError` where weights
    are no longer finite.
    """
    eta, waited, least, best_score = rows.eta0, 0, math.inf, -math.inf
    for done in range(passes.most):
        order = order_of(done)
        total = one_pass(rows, X, y, u, order, eta, at)
        if not (np.isfinite(at.arrays).all() and np.isfinite(at.last).all()):
            raise FloatingPointError("the weights are no longer finite")
        if passes.score is None:
            is_gain = not total / len(order) > least - passes.tol
            least = min(least, total / len(order))
        else:
            score = passes.score(at.arrays[0], float(at.last[0]))
            is_gain = not score < best_score + passes.tol
            best_score = max(best_score, score)
        waited = 0 if is_gain or passes.tol == -math.inf else waited + 1
        if waited >= passes.patience:
            if rows.learning_rate != "adaptive" or eta <= _LEAST_RATE:
                return done + 1
            eta, waited = eta / _DIVIDED, 0
    return passes.most
