"""Gradient descent by powers of its matrix: what any epoch leaves of an error, direction by direction.

With a = lr·λ an error and its last move obey (e, v) → (e − lr·v', v') with v' = μ·v + λ·e: a matrix of two rows for
each direction, whose k-th power is found by squaring (PyTorch's SGD, dampening 0).
"""

import math

import numpy as np

from gradline.model.verify.tolerance import UNIT


def powers(a: np.ndarray, momentum: float, epoch: int) -> np.ndarray:
    """The matrices (r, 2, 2) of `epoch` steps, on errors and lr·v."""
    a = np.asarray(a, float)
    step = np.array([[1 - a, np.full_like(a, -momentum)], [a, np.full_like(a, momentum)]]).transpose(2, 0, 1)
    whole = np.broadcast_to(np.eye(2), step.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        while epoch:
            whole = step @ whole if epoch % 2 else whole
            step, epoch = step @ step, epoch // 2
    return whole


def left(a: np.ndarray, momentum: float, epoch: int) -> np.ndarray:
    """What `epoch` steps from rest leave of an error of one, (r,)."""
    a = np.asarray(a, float)
    if momentum == 0:  # logarithms keep the digits of 1 − a that many factors would lose
        with np.errstate(divide="ignore", over="ignore"):
            sizes = epoch * np.log1p(-np.where(a < 1, a, 2 - a))
            return np.where((a > 1) & (epoch % 2 == 1), -1.0, 1.0) * np.exp(sizes if epoch else 0.0 * a)
    return powers(a, momentum, epoch)[:, 0, 0]


def rate(a: np.ndarray, momentum: float) -> np.ndarray:
    """log of the factor by which an error shrinks per epoch in the long run, (r,).

    A root 1 − x of z² − (1 + μ − a)·z + μ has x² − (1 − μ + a)·x + a = 0, which keeps the digits of a small a.
    """
    a = np.asarray(a, float)
    if momentum == 0:
        return np.log1p(-np.where(a < 1, a, 2 - a))
    middle = 1 - momentum + a
    inside = middle**2 - 4 * a
    large = (middle + np.sqrt(np.maximum(inside, 0.0))) / 2
    with np.errstate(divide="ignore"):
        slow, other = np.log1p(-np.minimum(a / large, 1.0)), np.log(np.abs(1 - large))
    return np.where(inside < 0, math.log(momentum) / 2, np.maximum(slow, other))


def lost(momentum: float, epoch: int) -> float:
    """The relative rounding of what so many epochs leave."""
    return min(1.0, (64 if momentum == 0 else 64 * max(1, epoch)) * UNIT * max(1.0, math.log2(epoch + 2)))


def envelope(a: np.ndarray, momentum: float, epoch: int) -> np.ndarray:
    """The most that any later epoch leaves of an error of one, (r,): the amplitude of a swing.

    Of two complex roots √μ·exp(±iφ) an error is μ^(k/2)·(cos kφ + t·sin kφ), t = (1 − μ − a)/√(4μ − (1 + μ − a)²).
    """
    a, found = np.asarray(a, float), np.abs(left(a, momentum, epoch))
    swing = 4 * momentum - (1 + momentum - a) ** 2
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        amplitude = momentum ** (epoch / 2) * np.sqrt(1 + (1 - momentum - a) ** 2 / swing)
    return np.where(swing > 0, amplitude, found)
