"""What is left of an error after k steps of gradient descent with momentum, in closed form.

One direction with curvature λ, rate lr and a = lr·λ: θ ← θ − lr·v, v ← μ·v + λ·(θ − θ*), v₀ = 0 (PyTorch's
heavy ball, dampening 0). The error obeys e_{k+1} = (1 + μ − a)·e_k − μ·e_{k−1} with e₀ = 1, e₁ = 1 − a, so it is
a combination of powers of the roots of z² − (1 + μ − a)·z + μ. Polyak 1964; Goh 2017 (Distill).

Nesterov's step, θ ← θ − lr·(g + μ·v), obeys the same recurrence with μ·(1 − a) for μ: each direction has a momentum of
its own, at a > 1 a negative one. A start with a push, e₁ = (1 − a)·e₀ + δ, adds δ·S_k with S_k = (z₁ᵏ − z₂ᵏ)/(z₁ − z₂).
"""

from typing import NamedTuple

import numpy as np

LAST_EPOCH = 10**18  # beyond it k·log(1 − a) has no digit left to lose


class ErrorLeft(NamedTuple):
    """`left` is e_k, the signed share of the error that remains; `covered` is 1 − e_k."""

    left: np.ndarray
    covered: np.ndarray


def progress(a: np.ndarray, momentum: float | np.ndarray, epoch: int | np.ndarray) -> ErrorLeft:
    """e_k and 1 − e_k for each a = lr·λ ≥ 0, at the same cost for every epoch; several epochs (K, 1) at once.

    Overflow to infinity is an answer: so far has an unstable direction run away.
    """
    a = np.asarray(a, float)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        found = _after_some(a, momentum, epoch)
    return ErrorLeft(np.where(epoch == 0, 1.0, found.left), np.where(epoch == 0, 0.0, found.covered))


def _after_some(a: np.ndarray, momentum: float | np.ndarray, epoch: int | np.ndarray) -> ErrorLeft:
    """The same from the first step on."""
    if np.ndim(momentum) == 0 and momentum == 0:
        return _plain(a, epoch)
    real, swinging = _real(a, momentum, epoch), _swinging(a, momentum, epoch)
    swings = _discriminant(a, momentum) < 0
    found = [np.where(swings, one, other) for one, other in zip(swinging, real, strict=True)]
    if np.ndim(momentum) == 0:
        return ErrorLeft(*found)
    cases = zip(_plain(a, epoch), _opposite(a, momentum, epoch), found, strict=True)
    return ErrorLeft(*(_by_sign(momentum, *case) for case in cases))


def pushed(a: np.ndarray, momentum: float | np.ndarray, epoch: int | np.ndarray) -> np.ndarray:
    """S_k: what has become, after k steps, of a push of one at the first."""
    a, momentum = np.asarray(a, float), np.asarray(momentum, float)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        flip = np.where(epoch % 2 == 1, 1.0, -1.0)  # −(−1)ᵏ
        real = np.exp(epoch * _log_larger_root(a, momentum)) * _spread(a, momentum, epoch)
        real = np.where(a < 1 + momentum, 1.0, flip) * real
        root, phi = _angle(a, momentum)
        swinging = np.where(1 + momentum < a, flip, 1.0) * momentum ** (epoch / 2)
        swinging = swinging * np.sin(epoch * phi) * 2 / np.where(root > 0, root, 1.0)
        positive = np.where(_discriminant(a, momentum) < 0, swinging, real)
        larger, smaller = _opposite_roots(a, momentum)
        opposite = (larger**epoch - smaller**epoch) / (larger - smaller)
        plain = np.where(epoch == 0, 0.0, (1 - a) ** np.maximum(epoch - 1, 0))
        return _by_sign(momentum, plain, opposite, positive)


def share_left(a: np.ndarray, momentum: float, nesterov: bool, dampening: float, epoch: int) -> np.ndarray:
    """The share of an error that k steps from rest leave at a = lr·λ, of each rule of `torch.optim.SGD`.

    Dampening d counts every gradient but the first as (1 − d) of itself: the heavy ball at (1 − d)·a, with a first step
    that goes d·a further.
    """
    a = np.asarray(a, float)
    damped = (1 - dampening) * a if momentum else a
    if not momentum or not (nesterov or dampening):
        return progress(damped, momentum, epoch).left
    kept = momentum * (1 - damped) if nesterov else momentum
    push = -momentum * a if nesterov else -dampening * a
    return progress(damped, kept, epoch).left + push * pushed(damped, kept, epoch)


def rates(a: np.ndarray, momentum: float | np.ndarray) -> np.ndarray:
    """log|z| of the larger root: the error shrinks by exp of it per epoch in the long run (0: never)."""
    a = np.asarray(a, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        plain = np.where(a < 1, np.log1p(-np.minimum(a, 1.0)), np.log(np.maximum(a - 1, 0.0)))
        if np.ndim(momentum) == 0 and momentum == 0:
            return plain
        positive = np.where(
            _discriminant(a, momentum) >= 0, _log_larger_root(a, momentum), 0.5 * np.log(momentum)
        )
        return _by_sign(momentum, plain, np.log(np.abs(_opposite_roots(a, momentum)[0])), positive)


def envelope(
    a: np.ndarray,
    momentum: float | np.ndarray,
    epoch: int | np.ndarray,
    error: float | np.ndarray = 1.0,
    push: float | np.ndarray = 0.0,
) -> np.ndarray:
    """A bound on |e_k| for an error and a push at the start: the amplitude where momentum swings.

    It falls steadily but for a push that carries a direction without swing beyond its optimum, once.
    """
    left = np.abs(error * progress(a, momentum, epoch).left)
    if np.ndim(momentum) == 0 and momentum == 0:
        return left
    a, momentum = np.asarray(a, float), np.asarray(momentum, float)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if np.any(push):
            left = np.abs(error * progress(a, momentum, epoch).left + push * pushed(a, momentum, epoch))
        root = np.sqrt(np.maximum(-_discriminant(a, momentum), 0.0))
        tilt = (error * (1 - momentum - a) + 2 * push) / root
        amplitude = momentum ** (epoch / 2) * np.sqrt(error**2 + tilt**2)
        larger, smaller = _opposite_roots(a, momentum)
        first = (error * (1 - a) + push - smaller * error) / (larger - smaller)
        bound = np.abs(first) * np.abs(larger) ** epoch + np.abs(error - first) * np.abs(smaller) ** epoch
        return _by_sign(momentum, left, bound, np.where(_discriminant(a, momentum) < 0, amplitude, left))


def _by_sign(
    momentum: float | np.ndarray, none: np.ndarray, negative: np.ndarray, positive: np.ndarray
) -> np.ndarray:
    momentum = np.asarray(momentum, float)
    return np.where(momentum > 0, positive, np.where(momentum < 0, negative, none))


def _plain(a: np.ndarray, epoch: int | np.ndarray) -> ErrorLeft:
    """(1 − a)ᵏ through log1p and expm1, which keep full accuracy for tiny a and huge k."""
    exponent = epoch * np.where(a < 1, np.log1p(-np.minimum(a, 1.0)), np.log(np.maximum(a - 1, 0.0)))
    sign = np.where((a > 1) & (epoch % 2 == 1), -1.0, 1.0)
    left = sign * np.exp(exponent)
    return ErrorLeft(left, np.where(sign > 0, -np.expm1(exponent), 1.0 - left))


def _opposite_roots(a: np.ndarray, momentum: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The larger and the smaller root for a negative momentum: real, and of opposite signs."""
    trace = 1 + np.asarray(momentum, float) - a
    root = np.sqrt(np.maximum(trace**2 - 4 * np.minimum(momentum, 0.0), 0.0))
    larger = (trace + np.where(trace < 0, -root, root)) / 2
    return larger, momentum / np.where(larger == 0, 1.0, larger)


def _opposite(a: np.ndarray, momentum: float | np.ndarray, epoch: int | np.ndarray) -> ErrorLeft:
    """e_k for a negative momentum, where nothing cancels."""
    larger, smaller = _opposite_roots(a, momentum)
    first = (1 - a - smaller) / (larger - smaller)
    left = first * larger**epoch + (1 - first) * smaller**epoch
    return ErrorLeft(left, 1 - left)


def _discriminant(a: np.ndarray, momentum: float | np.ndarray) -> np.ndarray:
    """(1 + μ − a)² − 4μ as a product, which does not cancel near the double roots."""
    root = np.sqrt(momentum)
    return ((1 - root) ** 2 - a) * ((1 + root) ** 2 - a)


def _half_angle(a: np.ndarray, momentum: float | np.ndarray) -> np.ndarray:
    """h with z = ±√μ·exp(±h), for real roots."""
    return np.arcsinh(np.sqrt(np.maximum(_discriminant(a, momentum), 0.0)) / (2 * np.sqrt(momentum)))


def _distance_to_one(a: np.ndarray, momentum: float | np.ndarray) -> np.ndarray:
    """1 − z of the larger positive root, without cancellation where a is tiny."""
    root = np.sqrt(np.maximum(_discriminant(a, momentum), 0.0))
    return 2 * a / np.maximum((1 - momentum + a) + root, np.finfo(float).tiny)


def _log_larger_root(a: np.ndarray, momentum: float | np.ndarray) -> np.ndarray:
    """log|z| of the larger of two real roots; both are positive for a < 1 + μ, both negative above."""
    near_one = np.log1p(-np.minimum(_distance_to_one(a, momentum), 1.0))
    return np.where(a < 1 + momentum, near_one, 0.5 * np.log(momentum) + _half_angle(a, momentum))


def _real(a: np.ndarray, momentum: float | np.ndarray, epoch: int | np.ndarray) -> ErrorLeft:
    """e_k = z₁ᵏ·(1 − (a − δ)·G) with z₁ = 1 − δ the larger root and G = (1 − (z₂/z₁)ᵏ)/(z₁ − z₂); so
    1 − e_k = (1 − z₁ᵏ) + z₁ᵏ·(a − δ)·G, which keeps its digits where a is tiny.

    For a > 1 + μ both roots are negative: the same for (−1)ᵏ·e_k, whose roots are −z₁ and −z₂.
    """
    spread, positive = _spread(a, momentum, epoch), a < 1 + momentum
    exponent = epoch * _log_larger_root(a, momentum)
    larger = np.exp(exponent)
    mirrored = np.exp(_log_larger_root(a, momentum)) - (a - 1)
    lead = np.where(positive, a - _distance_to_one(a, momentum), mirrored)
    sign = np.where(positive | (epoch % 2 == 0), 1.0, -1.0)
    left = sign * larger * (1 - lead * spread)
    return ErrorLeft(left, np.where(positive, -np.expm1(exponent) + larger * lead * spread, 1.0 - left))


def _spread(a: np.ndarray, momentum: float | np.ndarray, epoch: int | np.ndarray) -> np.ndarray:
    """G, of real roots."""
    h = _half_angle(a, momentum)
    tiny = h < 1e-150
    powers = np.where(tiny, epoch, np.expm1(-2 * epoch * h) / np.where(tiny, 1.0, np.expm1(-2 * h)))
    return powers * np.exp(-h) / np.sqrt(momentum)


def _angle(a: np.ndarray, momentum: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """√−discriminant, and φ of complex roots, measured from the nearer end of the real axis."""
    root = np.sqrt(np.maximum(-_discriminant(a, momentum), 0.0))
    return root, np.arctan2(root, np.abs(1 + momentum - a))


def _swinging(a: np.ndarray, momentum: float | np.ndarray, epoch: int | np.ndarray) -> ErrorLeft:
    """e_k = μ^(k/2)·(cos kφ + t·sin kφ) for complex roots: the error swings inside a shrinking envelope.

    φ is measured from the nearer end of the real axis, where it is small near a double root.
    """
    root, phi = _angle(a, momentum)
    flip = 1 + momentum < a
    tilt = np.where(flip, a - 1 + momentum, 1 - momentum - a) / np.where(root > 0, root, 1.0)
    sign = np.where(flip & (epoch % 2 == 1), -1.0, 1.0)
    damping = momentum ** (epoch / 2)
    left = sign * damping * (np.cos(epoch * phi) + tilt * np.sin(epoch * phi))
    swing = 2 * np.sin(0.5 * epoch * phi) ** 2 - tilt * np.sin(epoch * phi)
    covered = -np.expm1(0.5 * epoch * np.log(momentum)) + damping * swing
    return ErrorLeft(left, np.where(flip, 1.0 - left, covered))
