"""The epochs of a path that a figure shows, and what is left of its error there."""

import numpy as np

from gradline.core.arguments import is_whole
from gradline.core.errors import UsageError
from gradline.moments.rank import determined_factor
from gradline.solvers.heavy_ball import LAST_EPOCH, progress
from gradline.solvers.problem import stacked
from gradline.solvers.trajectory import Point, Trajectory

EVERY = 1000  # up to here each epoch is shown, beyond it as many at growing distances


def epochs_shown(epochs: int) -> list[int]:
    """Epochs from 0 to `epochs`. Raises `UsageError` for less than one or more than a path knows."""
    if not (is_whole(epochs, 1) and epochs <= LAST_EPOCH):
        raise UsageError(
            "epochs-invalid", f"epochs is {epochs}", f"give a whole number from 1 to {LAST_EPOCH:.0e}"
        )
    if epochs <= EVERY:
        return list(range(epochs + 1))
    middle = np.unique(np.geomspace(1, epochs, EVERY).round()).astype(int).tolist()
    return [0, *middle[:-1], int(epochs)]


def walked(path: Trajectory, epochs: int) -> list[Point]:
    """The points of the path at these epochs, as far as float64 can hold them."""
    points = []
    with np.errstate(over="ignore", invalid="ignore"):
        for epoch in epochs_shown(epochs):
            point = path.at(epoch)
            if not (np.isfinite(point.loss) and np.isfinite(point.weight).all()):
                break
            points.append(point)
    return points


def optimum(path: Trajectory) -> Point:
    """Where the path leads at a stable rate: the optimum nearest to its start."""
    stable = Trajectory(path.moments, path.spectrum.best_lr(), 0.0, path.init, path.bias)
    return stable.at(LAST_EPOCH)


def amplitudes(path: Trajectory, epochs: list[int]) -> np.ndarray:
    """e_k·‖c‖ (epochs, directions): its square over m·W is a direction's part of the gap, over σ it is a distance.

    c (m,) is a direction's residual at the start and e_k the share that is left, of either sign; see `Trajectory`.
    """
    A, B, _ = determined_factor(path.moments, path.bias)
    start = stacked(path.init, path.moments, path.bias)
    sizes = np.linalg.norm(path.spectrum.left.T @ (A @ start - B), axis=1)
    steps = path.lr * path.spectrum.curvatures
    with np.errstate(over="ignore", invalid="ignore"):
        return np.array([progress(steps, path.momentum, epoch).left * sizes for epoch in epochs])
