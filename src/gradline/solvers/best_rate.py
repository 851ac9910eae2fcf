"""The best constant rate: the one with the least loss after the epochs asked for, found in closed form."""

import numpy as np

from gradline.solvers.heavy_ball import progress, rates, share_left
from gradline.solvers.problem import Problem
from gradline.solvers.rules import HeavyBall

_BELOW_LIMIT = (
    1 - 1e-6
)  # of the stable limit; at the limit itself an error, if only a rounding, never shrinks
_HALVINGS = 64  # of a bracket no longer than its lower end: to the last bit
_PER_SWING = 8  # places looked at from one zero of e_N to the next
_FEWEST, _MOST = 64, 4096  # places on one direction's circle
_CELLS, _TOGETHER = (
    1 << 20,
    1 << 17,
)  # places × directions that a search looks at, some 0.3 s; and that stay in cache
_HEAVIEST = 8  # directions whose zeros are looked for
_INNER = 17  # places in a valley that is drawn nearer, eight times each time
_EVENLY, _NEARER = 512, 6  # rates up to the limit that are looked at, and how often the best is drawn nearer
_VALLEYS = (
    1 << 13,
    1 << 10,
    *[64] * 5,
)  # drawn nearer each time, × directions: how deep one is shows at its floor


def best_rate(problem: Problem, start: np.ndarray, epochs: int, momentum: float = 0.0) -> float:
    """The lr below the stable limit with the least loss `epochs` updates after `start`, θ (q, m).

    That loss is the optimal one plus f(lr) = Σ sᵢ·e_N(lr·λᵢ)²/(m·W), sᵢ the squared residual of the start along
    direction i and e_N the share of an error that N epochs leave (`heavy_ball`). So it is known before the first step.

    For ever more epochs it tends to 2·(1 + momentum)/(λmax + λmin), which finishes first and until then may let the
    largest direction swing almost undamped. One epoch without momentum is Cauchy's exact line search (1847). For no
    epochs, or where the start is the optimum, every rate is as good, and it is the one that finishes first.
    """
    spectrum = problem.spectrum
    A, B, _ = problem.factor
    sizes = ((spectrum.left.T @ (A @ start - B)) ** 2).sum(axis=1)
    live = sizes > 0
    if epochs == 0 or not live.any():
        return spectrum.best_lr(momentum)
    curvatures, sizes = spectrum.curvatures[live], sizes[live]
    search = _by_halving if momentum == 0 else _by_looking
    return search(curvatures, sizes, epochs, momentum, spectrum.lr_limit(momentum) * _BELOW_LIMIT)


def best_rate_of(problem: Problem, start: np.ndarray, epochs: int, rule: HeavyBall) -> float:
    """The same for a rule that looks ahead or is damped, and where the penalty has kinks.

    With kinks the loss after N epochs has no closed form: the rate is that for the loss alone, with momentum at most
    2(1 − μ)/λmax, up to which every start is known to arrive (Ghadimi, Feyzmahdavian, Johansson 2015).
    """
    if problem.has_kinks and rule.momentum:
        most = 2 * (1 - rule.momentum) / (problem.spectrum.largest or 1.0)
        return min(most * _BELOW_LIMIT, best_rate(problem, start, epochs, rule.momentum))
    if not rule.nesterov and not rule.dampening:
        return best_rate(problem, start, epochs, rule.momentum)
    if not epochs or not problem.spectrum.largest:
        return rule.first_to_settle(problem.spectrum)
    spectrum, (A, B, _) = problem.spectrum, problem.factor
    sizes = ((spectrum.left.T @ (A @ start - B)) ** 2).sum(axis=1)
    limit = rule.limit(spectrum) * _BELOW_LIMIT
    tried = limit * np.concatenate([np.geomspace(1e-6, 1.0, _FEWEST), np.linspace(0, 1, _EVENLY)[1:]])
    best, width = limit, limit / _EVENLY
    for _ in range(_NEARER):
        steps = tried[:, None] * spectrum.curvatures
        left = share_left(steps, rule.momentum, rule.nesterov, rule.dampening, epochs)
        best = float(tried[int(np.argmin((sizes * left**2).sum(axis=1)))])
        tried = np.linspace(max(best - width, best / 2), min(best + width, limit), _INNER)
        width = (tried[-1] - tried[0]) / _INNER
    return best


def _by_halving(
    curvatures: np.ndarray, sizes: np.ndarray, epochs: int, _momentum: float, limit: float
) -> float:
    """Without momentum f is a sum of sᵢ·(1 − lr·λᵢ)^2N, each convex in lr, so that its slope changes sign once.

    −f′ ∝ Σ sᵢ·λᵢ·(1 − lr·λᵢ)^(2N−1): what still falls against what has begun to rise, both in logarithms, as no power
    of float64 bears 10⁹ epochs. All falls up to 1/λmax. Where the slope is negative up to the limit, that is it.
    """
    low, high, weights = 1.0 / curvatures.max(), limit, np.log(sizes) + np.log(curvatures)
    for _ in range(_HALVINGS):
        lr = 0.5 * (low + high)
        steps = lr * curvatures
        parts = weights + (2.0 * epochs - 1.0) * rates(steps, 0.0)
        falling, rising = (_log_sum(parts[side]) for side in (steps < 1, steps > 1))
        low, high = (low, lr) if rising > falling else (lr, high)
    return low


def _by_looking(
    curvatures: np.ndarray, sizes: np.ndarray, epochs: int, momentum: float, limit: float
) -> float:
    """With momentum f has up to N valleys: they are looked for where they must lie, and the best are drawn nearer.

    e_N(a) = μ^(N/2)·(U_N(x) − √μ·U_{N−1}(x)), x = (1 + μ − a)/(2√μ), U the Chebyshev polynomials of the second kind. At
    the N − 1 zeros of U_{N−1} its sign alternates as that of U_N, and at x = ±1 it is that of U_N too: all its N zeros
    lie where x = cos φ, some π/N of φ apart. So f falls up to (1 − √μ)²/λmax, where the search begins. The places
    are even in φ, several to a swing, for the largest curvature and for the directions that weigh most; where
    N swings are more than can be looked at, μ^N has left little of them. A place between two higher ones is a valley.
    No theorem finds the lowest point of such a sum; the search is tested against rates far denser than its own.
    """

    def height(lr: np.ndarray) -> np.ndarray:
        left = progress(lr[..., None] * curvatures, momentum, epochs).left
        return (sizes * left**2).sum(axis=-1)

    places = _places(curvatures, sizes, epochs, momentum, limit)
    parts = np.array_split(places, 1 + len(places) * len(curvatures) // _TOGETHER)
    heights = np.concatenate([height(part) for part in parts])
    arrived = places[heights == 0]
    if len(arrived):  # float64 holds nothing of what these leave: the middle one is far from either end
        return float(arrived[len(arrived) // 2])
    walls = np.concatenate([[np.inf], heights, [np.inf]])
    valleys = np.flatnonzero((heights <= walls[:-2]) & (heights <= walls[2:]))
    low, high = places[np.maximum(valleys - 1, 0)], places[np.minimum(valleys + 1, len(places) - 1)]
    rates, depths = places[valleys], heights[valleys]
    for kept in _VALLEYS:
        best = np.argsort(depths, kind="stable")[: max(_HEAVIEST, kept // len(curvatures))]
        inner = np.linspace(low[best], high[best], _INNER, axis=-1)
        found, row = height(inner), np.arange(len(best))
        floor = found.argmin(axis=-1)
        rates, depths = inner[row, floor], found[row, floor]
        low, high = inner[row, np.maximum(floor - 1, 0)], inner[row, np.minimum(floor + 1, _INNER - 1)]
    return float(rates[depths.argmin()])


def _places(
    curvatures: np.ndarray, sizes: np.ndarray, epochs: int, momentum: float, limit: float
) -> np.ndarray:
    """The rates that `_by_looking` begins with, ascending; toward the limit the largest direction no longer swings."""
    heaviest = np.argsort(-sizes, kind="stable")[:_HEAVIEST]
    chosen = np.unique([float(curvatures.max()), *curvatures[heaviest].tolist()])
    most = min(_MOST, max(_FEWEST, _CELLS // (len(chosen) * len(curvatures))))
    count = min(max(_PER_SWING * epochs, _FEWEST), most)
    half_angles = np.linspace(0, np.pi / 2, count)
    circle = (1 - np.sqrt(momentum)) ** 2 + 4 * np.sqrt(momentum) * np.sin(half_angles) ** 2
    toward = limit * (1 - np.geomspace(0.5, 1e-6, _FEWEST))
    places = np.concatenate([(circle / chosen[:, None]).ravel(), toward, [limit]])
    first = min(circle[0] / curvatures.max(), limit)
    return np.unique(places[(places >= first) & (places <= limit)])


def _log_sum(logarithms: np.ndarray) -> float:
    """log Σ exp, −∞ of nothing."""
    return float(np.logaddexp.reduce(logarithms, initial=-np.inf))
