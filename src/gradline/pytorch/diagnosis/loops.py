"""How a training loop may train and what it may print: the settings of a loop, and the tables of what each can be."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

# Whose loss is printed, see `Loop`; what each of B batch means counts in it, by the rows of each and of all.
LOGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "all": np.ones_like,
    "last": np.ones_like,
    "mean": lambda rows: np.full(len(rows), 1 / len(rows)),
    "sum": np.ones_like,
    "by rows": lambda rows: rows / rows.sum(),
    "sum over rows": lambda rows: np.full(len(rows), 1 / rows.sum()),
}
# What is minimised or printed in place of the mean squared error of b rows and m targets, in units of it.
LOSSES: dict[str, Callable[[int, int], float]] = {
    "mean": lambda _b, _m: 1.0,
    "sum": lambda b, m: float(b * m),
    "row_mean": lambda _b, m: float(m),
    "half": lambda _b, _m: 0.5,
    "half_sum": lambda b, m: 0.5 * b * m,
    "half_row_mean": lambda _b, m: 0.5 * m,
}
# The rows of θ = (bias, weightᵀ) that each kind of update moves, one part after the other.
EVERYTHING, BIAS, WEIGHTS = slice(None), slice(0, 1), slice(1, None)
PARTS: dict[str, tuple[slice, ...]] = {
    "": (EVERYTHING,),
    "frozen bias": (WEIGHTS,),
    "no bias": (WEIGHTS,),
    "frozen weights": (BIAS,),
    "weights first": (WEIGHTS, BIAS),
    "bias first": (BIAS, WEIGHTS),
}
# What is subtracted from each column and what it is divided by.
SCALINGS: dict[str, Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]] = {
    "ddof=0": lambda Z: (Z.mean(axis=0), Z.std(axis=0)),
    "ddof=1": lambda Z: (Z.mean(axis=0), Z.std(axis=0, ddof=1)),
    "min-max": lambda Z: (Z.min(axis=0), np.ptp(Z, axis=0)),
    "max": lambda Z: (np.zeros(Z.shape[1]), np.abs(Z).max(axis=0)),
}

# What may have become of the targets before training.
TARGETS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    **{f"divided by {by:,}": lambda Y, by=by: Y / by for by in (10, 100, 1000)},
    **{f"multiplied by {by:,}": lambda Y, by=by: Y * by for by in (10, 100, 1000)},
    "moved down by one row": lambda Y: np.roll(Y, 1, axis=0),
    "moved up by one row": lambda Y: np.roll(Y, -1, axis=0),
    "given in the reverse order of columns": lambda Y: Y[:, ::-1],
}


def _share(first: bool, share: float) -> Callable[[int], np.ndarray]:
    def rows(n: int) -> np.ndarray:
        kept = int(n * share)
        return np.arange(kept) if first else np.arange(n - kept, n)

    return rows


def _shuffled_share(test: float, seed: int) -> Callable[[int], np.ndarray]:
    """The training rows of scikit-learn's train_test_split: what its permutation leaves after ⌈n·test⌉ rows."""
    return lambda n: np.random.RandomState(seed).permutation(n)[math.ceil(n * test) :]


# The rows that a loop trains on where it keeps some back.
SPLITS: dict[str, Callable[[int], np.ndarray]] = {
    **{
        f"the {which} {share:.0%} of the rows": _share(which == "first", share)
        for which in ("first", "last")
        for share in (0.5, 0.6, 0.67, 0.7, 0.75, 0.8, 0.85, 0.9)
    },
    **{
        f"train_test_split(test_size={test}, random_state={seed})": _shuffled_share(test, seed)
        for test in (0.1, 0.2, 0.25, 0.3, 0.33, 0.4)
        for seed in (0, 1, 42)
    },
}


@dataclass(frozen=True)
class Loop:
    """How a loop trains and what it prints; the defaults are the five steps done right on all rows.

    - `batch`: rows an update, None for all; `shuffled` anew each epoch, or in their order.
    - `reset`: gradients are set to zero. `momentum`: where it is not the one said; `nesterov`: its form of it.
    - `pairs`: predictions (b, 1) against targets (b,) make b² pairs, in "all" or in the "gradient" only.
    - `minimised`: a key of `LOSSES`. `printed`: another key of it, or "root", where something else is printed.
    - `lr_ratio`: the rate over the rate said; `fade`: what is left of the rate after each epoch.
    - `moves`: a key of `PARTS`; without a bias its start is zero.
    - `decay`: what is added to the gradient, in units of θ; `decayed`: "all" of θ or its "weights", and with a "+"
      the penalty is part of the loss printed.
    - `rule`: how a gradient makes a step, "descent" or a key of `stepping.RULES`; `error`: "square", "absolute"
      or "huber".
    - `scaling`: a key of `SCALINGS` for X, and with a "+" after it for Y too. `split`: a key of `SPLITS`.
    - `targets`: a key of `TARGETS`.
    - `log`: what is printed after an epoch: the loss of "all" rows, of its "last" batch before that batch's
      update, or a sum of those of its batches, a key of `LOGS`.
    - `stale`: the loss of the predictions made before an update is printed after it.
    """

    batch: int | None = None
    shuffled: bool = False
    reset: bool = True
    momentum: float | None = None
    nesterov: bool = False
    pairs: str = ""
    minimised: str = "mean"
    printed: str = ""
    lr_ratio: float = 1.0
    fade: float = 1.0
    moves: str = ""
    decay: float = 0.0
    decayed: str = "all"
    rule: str = "descent"
    error: str = "square"
    scaling: str = ""
    split: str = ""
    targets: str = ""
    log: str = "all"
    stale: bool = False

    @property
    def is_affine(self) -> bool:
        """Whether every epoch is one and the same affine map of θ and the running sums."""
        return self.rule == "descent" and self.error == "square" and self.fade == 1


class Family(NamedTuple):
    """Loops with one positive number free: values to look at first, the loop at a value, and those that people meet."""

    values: np.ndarray
    at: Callable[[Loop, float], Loop]
    is_met: Callable[[float], bool] = lambda _: True
