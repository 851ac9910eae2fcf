"""Full-batch descent by direction: what is left of each direction's share of the loss, from any start."""

import numpy as np

from gradline.pytorch.diagnosis.loops import PARTS, Loop
from gradline.pytorch.diagnosis.simulation import Dynamics, StatedSetup
from gradline.solvers.heavy_ball import progress


class Modes:
    """Full-batch descent by direction: the loss after k epochs is floor + Σ energy·e_k(lr·λ)².

    The floor is the least loss of all; what parameters that never move leave above it is one direction more, of λ = 0.
    """

    def __init__(self, case: StatedSetup, loop: Loop) -> None:
        dynamics = Dynamics(case, loop)
        whole = dynamics.case.whole
        residual = dynamics.residual(case.start, whole, loop.pairs)
        left, singular, _ = np.linalg.svd(whole.A[:, PARTS[loop.moves][0]], full_matrices=False)
        still = [0.0] if loop.moves else []
        self.steps = np.append(case.lr * dynamics.scale(whole, loop.minimised) * 2 * singular**2, still)
        beyond = residual - whole.A @ np.linalg.lstsq(whole.A, residual, rcond=None)[0]
        self.floor = dynamics.unit(whole) * float((beyond**2).sum() + dynamics.spread(whole))
        self.energies = dynamics.unit(whole) * ((left.T @ residual) ** 2).sum(axis=1)
        self.momentum = dynamics.keeps[0] if dynamics.keeps else 0.0
        self.size = float(np.sqrt((dynamics.case.sizes[-dynamics.m :] ** 2).mean()))  # of the targets
        self.is_heavy_ball = len(dynamics.keeps) < 2  # and not gradients that add up in a velocity, too

    def left(self, epoch: int, ratio: float) -> np.ndarray:
        """(directions,) the share of each energy that is left, for `ratio` of the true lr to the one said."""
        steps = ratio * self.steps
        if not self.momentum:
            return (1 - steps) ** (2 * epoch)
        return progress(steps, self.momentum, epoch).left ** 2

    @property
    def levels(self) -> np.ndarray:
        """Where the loss rests once the steepest direction has settled, the two steepest, … all of them."""
        return self.floor + np.append(np.cumsum(self.energies[:0:-1])[::-1], 0.0)
