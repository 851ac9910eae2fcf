"""What is left of an error after k steps of gradient descent with momentum, in closed form.

One direction with curvature λ, rate lr and a = lr·λ: θ ← θ − lr·v, v ← μ·v + λ·(θ − θ*), v₀ = 0 (PyTorch's
heavy ball, dampening 0). The error obeys e_{k+1} = (1 + μ − a)·e_k − μ·e_{k−1} with e₀ = 1, e₁ = 1 − a, so it is
a combination of powers of the roots of z² − (1 + μ − a)·z + μ. Polyak 1964; Goh 2017 (Distill).
"""

from typing import NamedTuple

import numpy as np

LAST_EPOCH = 10**18  # beyond it k·log(1 − a) has no digit left to lose


class ErrorLeft(NamedTuple):
    """`left` is e_k, the signed share of the error that remains; `covered` is 1 − e_k."""

    left: np.ndarray
    covered: np.ndarray


def progress(a: np.ndarray, momentum: float, epoch: int | np.ndarray) -> ErrorLeft:
    """e_k and 1 − e_k for each a = lr·λ ≥ 0, at the same cost for every epoch; several epochs (K, 1) at once.

    Overflow to infinity is an answer: so far has an unstable direction run away.
    """
    a = np.asarray(a, float)
    if np.ndim(epoch) == 0 and epoch == 0:
        return ErrorLeft(np.ones_like(a), np.zeros_like(a))
    with np.errstate(over="ignore", divide="ignore"):
        if momentum == 0:
            return _plain(a, epoch)
        real, swinging = _real(a, momentum, epoch), _swinging(a, momentum, epoch)
    is_real = _discriminant(a, momentum) >= 0
    return ErrorLeft(*(np.where(is_real, one, other) for one, other in zip(real, swinging, strict=True)))


def rates(a: np.ndarray, momentum: float) -> np.ndarray:
    """log|z| of the larger root: the error shrinks by exp of it per epoch in the long run (0: never)."""
    a = np.asarray(a, float)
    with np.errstate(divide="ignore"):
        if momentum == 0:
            return np.where(a < 1, np.log1p(-np.minimum(a, 1.0)), np.log(np.maximum(a - 1, 0.0)))
        return np.where(
            _discriminant(a, momentum) >= 0, _log_larger_root(a, momentum), 0.5 * np.log(momentum)
        )


def envelope(a: np.ndarray, momentum: float, epoch: int | np.ndarray) -> np.ndarray:
    """A bound on |e_j| for every j ≥ k that falls steadily: the amplitude where momentum swings."""
    left = np.abs(progress(a, momentum, epoch).left)
    if momentum == 0:
        return left
    discriminant = _discriminant(a, momentum)
    with np.errstate(divide="ignore", invalid="ignore"):
        tilt = (1 - momentum - a) / np.sqrt(-discriminant)
        amplitude = momentum ** (epoch / 2) * np.sqrt(1 + tilt**2)
    return np.where(discriminant < 0, amplitude, left)


def _plain(a: np.ndarray, epoch: int | np.ndarray) -> ErrorLeft:
    """(1 − a)ᵏ through log1p and expm1, which keep full accuracy for tiny a and huge k."""
    exponent = epoch * np.where(a < 1, np.log1p(-np.minimum(a, 1.0)), np.log(np.maximum(a - 1, 0.0)))
    sign = np.where((a > 1) & (epoch % 2 == 1), -1.0, 1.0)
    left = sign * np.exp(exponent)
    return ErrorLeft(left, np.where(sign > 0, -np.expm1(exponent), 1.0 - left))


def _discriminant(a: np.ndarray, momentum: float) -> np.ndarray:
    """(1 + μ − a)² − 4μ as a product, which does not cancel near the double roots."""
    root = np.sqrt(momentum)
    return ((1 - root) ** 2 - a) * ((1 + root) ** 2 - a)


def _half_angle(a: np.ndarray, momentum: float) -> np.ndarray:
    """h with z = ±√μ·exp(±h), for real roots."""
    return np.arcsinh(np.sqrt(np.maximum(_discriminant(a, momentum), 0.0)) / (2 * np.sqrt(momentum)))


def _distance_to_one(a: np.ndarray, momentum: float) -> np.ndarray:
    """1 − z of the larger positive root, without cancellation where a is tiny."""
    root = np.sqrt(np.maximum(_discriminant(a, momentum), 0.0))
    return 2 * a / np.maximum((1 - momentum + a) + root, np.finfo(float).tiny)


def _log_larger_root(a: np.ndarray, momentum: float) -> np.ndarray:
    """log|z| of the larger of two real roots; both are positive for a < 1 + μ, both negative above."""
    near_one = np.log1p(-np.minimum(_distance_to_one(a, momentum), 1.0))
    return np.where(a < 1 + momentum, near_one, 0.5 * np.log(momentum) + _half_angle(a, momentum))


def _real(a: np.ndarray, momentum: float, epoch: int | np.ndarray) -> ErrorLeft:
    """e_k = z₁ᵏ·(1 − (a − δ)·G) with z₁ = 1 − δ the larger root and G = (1 − (z₂/z₁)ᵏ)/(z₁ − z₂); so
    1 − e_k = (1 − z₁ᵏ) + z₁ᵏ·(a − δ)·G, which keeps its digits where a is tiny.

    For a > 1 + μ both roots are negative: the same for (−1)ᵏ·e_k, whose roots are −z₁ and −z₂.
    """
    h, positive = _half_angle(a, momentum), a < 1 + momentum
    tiny = h < 1e-150
    powers = np.where(tiny, epoch, np.expm1(-2 * epoch * h) / np.where(tiny, 1.0, np.expm1(-2 * h)))
    spread = powers * np.exp(-h) / np.sqrt(momentum)  # G
    exponent = epoch * _log_larger_root(a, momentum)
    larger = np.exp(exponent)
    mirrored = np.exp(_log_larger_root(a, momentum)) - (a - 1)
    lead = np.where(positive, a - _distance_to_one(a, momentum), mirrored)
    sign = np.where(positive | (epoch % 2 == 0), 1.0, -1.0)
    left = sign * larger * (1 - lead * spread)
    return ErrorLeft(left, np.where(positive, -np.expm1(exponent) + larger * lead * spread, 1.0 - left))


def _swinging(a: np.ndarray, momentum: float, epoch: int | np.ndarray) -> ErrorLeft:
    """e_k = μ^(k/2)·(cos kφ + t·sin kφ) for complex roots: the error swings inside a shrinking envelope.

    φ is measured from the nearer end of the real axis, where it is small near a double root.
    """
    root = np.sqrt(np.maximum(-_discriminant(a, momentum), 0.0))
    trace = 1 + momentum - a
    flip = trace < 0
    phi = np.arctan2(root, np.abs(trace))
    tilt = np.where(flip, a - 1 + momentum, 1 - momentum - a) / np.where(root > 0, root, 1.0)
    sign = np.where(flip & (epoch % 2 == 1), -1.0, 1.0)
    damping = momentum ** (epoch / 2)
    left = sign * damping * (np.cos(epoch * phi) + tilt * np.sin(epoch * phi))
    swing = 2 * np.sin(0.5 * epoch * phi) ** 2 - tilt * np.sin(epoch * phi)
    covered = -np.expm1(0.5 * epoch * np.log(momentum)) + damping * swing
    return ErrorLeft(left, np.where(flip, 1.0 - left, covered))
