"""What a loop prints whose epochs are no affine map, step by step: other optimizers and errors, a rate that fades."""

from collections.abc import Callable

import numpy as np

from gradline.pytorch.diagnosis.loops import PARTS, Loop
from gradline.pytorch.diagnosis.simulation import FLOAT32, Dynamics, Prediction, StatedSetup

MOST_WORK = (
    2e8  # rows × parameters × starts × epochs that are stepped through; beyond these there is no verdict
)

# A gradient (…, q, m), the two running sums of a rule, the count of steps from 1 → the step for a rate of one.
Rule = Callable[[np.ndarray, list[np.ndarray], int], np.ndarray]


def _adam(g: np.ndarray, sums: list[np.ndarray], k: int) -> np.ndarray:
    """Kingma, Ba 2015, with PyTorch's defaults."""
    sums[0] = 0.9 * sums[0] + 0.1 * g
    sums[1] = 0.999 * sums[1] + 0.001 * g**2
    return sums[0] / (1 - 0.9**k) / (np.sqrt(sums[1] / (1 - 0.999**k)) + 1e-8)


def _rmsprop(g: np.ndarray, sums: list[np.ndarray], _: int) -> np.ndarray:
    """Tieleman, Hinton 2012, with PyTorch's defaults."""
    sums[1] = 0.99 * sums[1] + 0.01 * g**2
    return g / (np.sqrt(sums[1]) + 1e-8)


def _adagrad(g: np.ndarray, sums: list[np.ndarray], _: int) -> np.ndarray:
    """Duchi, Hazan, Singer 2011, with PyTorch's defaults."""
    sums[1] = sums[1] + g**2
    return g / (np.sqrt(sums[1]) + 1e-10)


def _signs(g: np.ndarray, _: list[np.ndarray], _k: int) -> np.ndarray:
    """Riedmiller, Braun 1993, without their step sizes: what Adam does where gradients hardly change."""
    return np.sign(g)


RULES: dict[str, Rule] = {"Adam": _adam, "RMSprop": _rmsprop, "Adagrad": _adagrad, "sign descent": _signs}
# Of the differences: the error (summed over them it is the loss) and its derivative.
ERRORS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]] = {
    "absolute": (np.abs, np.sign),
    "huber": (
        lambda r: np.where(np.abs(r) < 1, 0.5 * r**2, np.abs(r) - 0.5),
        lambda r: np.clip(r, -1, 1),
    ),
}


def predict(case: StatedSetup, loop: Loop, epochs: np.ndarray) -> Prediction:
    """What a loop prints for these epochs, by whichever way is exact for it."""
    return (Dynamics if loop.is_affine else Stepped)(case, loop).predict(epochs)


class Stepped:
    """A loop over all rows, stepped in float64; the slack of the start by a run from each end of it."""

    def __init__(self, case: StatedSetup, loop: Loop) -> None:
        self.dynamics, self.loop = Dynamics(case, loop), loop
        self.case = self.dynamics.case
        self.is_square = loop.error == "square"

    def predict(self, epochs: np.ndarray) -> Prediction:
        """What is printed for these epochs, in any order; infinite where that is too much work."""
        start, slack = self.case.start, self.case.slack
        moved = np.flatnonzero(slack)
        starts = np.tile(start, (1 + len(moved), 1, 1))
        starts.reshape(len(starts), -1)[1 + np.arange(len(moved)), moved] += slack.ravel()[moved]
        last, rows = int(epochs.max(initial=0)), start.size if self.is_square else len(self.case.A)
        if last * rows * starts.size > MOST_WORK:
            return Prediction(
                np.full(len(epochs), np.inf), np.zeros((len(epochs), start.size)), np.zeros(len(epochs))
            )
        losses, thetas = self._run(starts, last)
        sway = np.zeros((last + 1, start.size))
        sway[:, moved] = losses[:, 1:] - losses[:, :1]
        at = np.maximum(epochs, 0)
        error = self.dynamics.error(at, thetas[at])
        if self.is_square or self.loop.printed:
            scale = self.dynamics.unit(self.case.whole) * self.case.Y.size
            return self.dynamics.as_printed(losses[at, 0], sway[at], 0.0, error, scale)
        return Prediction(losses[at, 0], sway[at], error + FLOAT32 * losses[at, 0])

    def _run(self, theta: np.ndarray, last: int) -> tuple[np.ndarray, np.ndarray]:
        """(epochs, starts) the losses from 0 on, and θ (epochs, q, m) of the first start."""
        dynamics, loop, rate = self.dynamics, self.loop, self.case.lr * self.loop.lr_ratio
        keeps = [np.zeros_like(theta) for _ in dynamics.keeps]
        sums = [np.zeros_like(theta), np.zeros_like(theta)]
        losses, thetas, (rows,) = [], [], PARTS[loop.moves][:1]
        for k in range(1, last + 2):
            losses.append(self._loss(theta))
            thetas.append(theta[0].copy())
            push = self._gradient(theta)
            for i, keep in enumerate(dynamics.keeps):
                push = keeps[i] = keep * keeps[i] + push
            if loop.rule != "descent":
                push = RULES[loop.rule](push, sums, k)
            theta = theta.copy()
            theta[:, rows] -= rate * push[:, rows]
            rate *= loop.fade
        return np.array(losses), np.array(thetas)

    def _residual(self, theta: np.ndarray) -> np.ndarray:
        return self.case.A @ theta - self.case.Y

    def _gradient(self, theta: np.ndarray) -> np.ndarray:
        if self.is_square:
            return self.dynamics.gradient(theta, self.case.whole)
        return self.case.A.T @ ERRORS[self.loop.error][1](self._residual(theta)) / self.case.Y.size

    def _loss(self, theta: np.ndarray) -> np.ndarray:
        if self.is_square or self.loop.printed:
            return self.dynamics.loss(theta, self.case.whole)
        return ERRORS[self.loop.error][0](self._residual(theta)).mean(axis=(1, 2))
