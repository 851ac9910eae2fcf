"""Gradient descent at rates that change, direction by direction: what each leaves of an error, without a matrix."""

from typing import NamedTuple

import numpy as np

from gradline.solvers.rules import HeavyBall


class Walked(NamedTuple):
    """What is left of an error (r, m) after some updates, and what they covered of it."""

    left: np.ndarray
    covered: np.ndarray


def walked(
    curvatures: np.ndarray, rates: np.ndarray, rule: HeavyBall, error: np.ndarray, velocity: np.ndarray
) -> Walked:
    """The updates at these rates (k,) along directions of these curvatures (r,), from an error and a velocity (r, m).

    Along a direction of curvature λ an error e has the gradient λ·e, so that the updates of `HeavyBall` are those of
    numbers: an update costs O(r·m), however many columns and rows there are.
    """
    left, covered, v = error, np.zeros_like(error), velocity
    momentum, slopes = rule.momentum, curvatures[:, None]
    for i, lr in enumerate(rates.tolist()):
        gradient = slopes * left
        kept = 1.0 if i == 0 and not velocity.any() else rule.share
        v = momentum * v + kept * gradient if momentum else gradient
        step = lr * (gradient + momentum * v if rule.nesterov else v)
        left, covered = left - step, covered + step
    return Walked(left, covered)
