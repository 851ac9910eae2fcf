"""Early stopping read as a penalty: the ridge that weights of an epoch are nearest to, and how near."""

import math
from typing import NamedTuple, Protocol

import numpy as np

from gradline.moments.state import Moments
from gradline.solvers.heavy_ball import ErrorLeft
from gradline.solvers.problem import Problem, Scaling, stacked, with_level
from gradline.solvers.ridge import spectrum

_HALVINGS = 200  # of the logarithm of an alpha: more change no digit
_CENTRED = 1e-9  # of a column's deviation: a mean that is no more than what standardising leaves


class Point(Protocol):
    """The weights (m, p) and the bias (m,) of an epoch."""

    @property
    def weight(self) -> np.ndarray: ...
    @property
    def bias(self) -> np.ndarray: ...


class Path(Protocol):
    """What must be known of a way from zeros; see `Trajectory`."""

    @property
    def moments(self) -> Moments: ...
    @property
    def bias(self) -> bool: ...
    @property
    def curvatures(self) -> np.ndarray: ...
    def at(self, epoch: int) -> Point: ...
    def shares(self, curvatures: np.ndarray, epoch: int) -> ErrorLeft: ...
    def freedom(self, epoch: int) -> float: ...
    def time(self, epoch: int) -> float: ...


class AsRidge(NamedTuple):
    """Training that was stopped, read as ridge.

    - `freedom`: the degrees of freedom that the epoch uses, per target, the bias among them.
    - `alpha`: that of the ridge with as many (the bias free); None where none has so few, or so many. `apart`: the root
      mean square of the difference between its predictions and those of the epoch, over rows and targets.
    - `time_alpha`: 1/(lr·epoch), or what momentum and schedules make of it; `time_apart` as above.
    - `risk`: how many times the expected error of that ridge, at most, that of the epoch is, whatever the true weights
      and the noise; None where the bias is trained on columns that are not centred, so that the two do not shrink along
      the same directions. Of ever smaller steps it is 1.69 (Ali, Kolter, Tibshirani 2019, theorem 1).
    - `spread`: the root mean square of the targets around their means, beside which the differences are small or not.
    """

    epoch: int
    freedom: float
    alpha: float | None
    apart: float | None
    time_alpha: float
    time_apart: float
    risk: float | None
    spread: float


def as_ridge(path: Path, epoch: int) -> AsRidge:
    """The ridge that an epoch is nearest to.

    Along a direction of curvature λ the epoch covers 1 − (1 − lr·λ)ᵏ of an error, ridge λ/(λ + alpha): small curvatures
    are covered last, and shrunk most. With x = λ·lr·k the two are 1 − e⁻ˣ and x/(1 + x) for small steps and alpha =
    1/(lr·k). Squared bias and variance of the first are at most `risk` times those of the second in each direction, so
    their sum is, too.
    """
    moments, bias, ridge = path.moments, path.bias, spectrum(path.moments, path.bias)
    cells = moments.m * moments.weight_sum
    curvatures = 2 * ridge.singular[ridge.singular > 0] ** 2 / cells
    freedom, time = path.freedom(epoch), path.time(epoch)
    time_alpha = 1 / time if time else math.inf
    alpha = alpha_of(curvatures, freedom - bias, float(path.shares(path.curvatures, epoch).left.sum()))
    risk = None
    if 0 < time < math.inf and _shrinks_alike(moments, bias):
        left, covered = path.shares(curvatures, epoch)
        grown = 1 + time * curvatures
        worst = np.maximum(np.abs(left), np.abs(covered) / (time * curvatures)) * grown
        risk = float(worst.max(initial=0.0)) ** 2
    return AsRidge(
        epoch,
        freedom,
        alpha,
        None if alpha is None else _apart(path, epoch, alpha),
        time_alpha,
        _apart(path, epoch, time_alpha),
        risk,
        math.sqrt(float(moments.variation(bias).sum()) / cells),
    )


def _shrinks_alike(moments: Moments, bias: bool) -> bool:
    """Whether training and ridge act along the same directions: the columns lie around zero, or there is no bias."""
    p, mean = moments.p, np.abs(moments.mean[: moments.p])
    return not bias or bool((mean <= _CENTRED * moments.norms[:p] / math.sqrt(moments.weight_sum)).all())


def _apart(path: Path, epoch: int, alpha: float) -> float:
    """The root mean square of the difference between the predictions of an epoch and those of ridge."""
    moments, point = path.moments, path.at(epoch)
    problem = Problem.of(moments, None, path.bias, Scaling.none(moments.p))
    weight = spectrum(moments, path.bias).weights(np.array([alpha * problem.cells / 2]))[0]
    theta = stacked((point.weight, point.bias), moments, path.bias)
    return float(np.linalg.norm(problem.factor.A @ (theta - with_level(problem, weight.T)))) / math.sqrt(
        problem.cells
    )


def alpha_of(curvatures: np.ndarray, kept: float, missing: float) -> float | None:
    """The alpha at which Σ λ/(λ + alpha) is `kept`, and Σ alpha/(λ + alpha) `missing`; None where none is.

    Both are given, as each is the difference of the other from a whole number, and the smaller one has the digits. An
    alpha is at least missing/Σ(1/λ) and at most Σλ/kept, as λ + alpha is at least either of the two.
    """
    if not (kept > 0 and missing >= 0):
        return None
    if missing == 0:
        return 0.0
    low, high = math.log(missing / float((1 / curvatures).sum())), math.log(float(curvatures.sum()) / kept)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        alpha = math.exp(middle)
        if missing < kept:
            is_low = float((alpha / (curvatures + alpha)).sum()) < missing
        else:
            is_low = float((curvatures / (curvatures + alpha)).sum()) > kept
        low, high = (middle, high) if is_low else (low, middle)
    return math.exp((low + high) / 2)
