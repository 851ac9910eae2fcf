"""Hypotheses on the loss: another one is minimised or printed, of other pairs, with a penalty, or of a moment ago."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gradline.core.text import number
from gradline.pytorch.diagnosis.hypothesis import Hypothesis, Loops, changed, over_all_rows, rows_of
from gradline.pytorch.diagnosis.loops import LOSSES, Family, Loop
from gradline.pytorch.diagnosis.simulation import StatedSetup

# What a loss is called that is minimised or printed, by the key of `LOSSES`.
LOSS_WORDS = {
    "mean": "the mean of squares",
    "sum": "the sum of squares",
    "row_mean": "the sum of squares over the number of rows",
    "half": "half the mean of squares",
    "half_sum": "half the sum of squares",
    "half_row_mean": "half the sum of squares over the number of rows",
    "root": "the root of the mean of squares (RMSE)",
}
DECAYS = (0.1, 0.01, 0.001, 1e-4, 5e-4)  # that people write


def _distinct(case: StatedSetup, loop: Loop) -> list[str]:
    """The losses of `LOSSES` that differ from the mean and from each other for these rows and targets."""
    rows, m = rows_of(case, loop), case.start.shape[1]
    factors = {LOSSES[name](rows, m): name for name in reversed(LOSSES)}
    return [name for name in LOSSES if factors[LOSSES[name](rows, m)] == name != "mean"]


def _minimising(*names: str) -> Hypothesis:
    """The row of a loss that is minimised, and printed, in the place of the mean of squares."""

    def sentence(case: StatedSetup, loop: Loop) -> str:
        times = number(LOSSES[loop.minimised](rows_of(case, loop), case.start.shape[1]), 6)
        what = f"the loss is {LOSS_WORDS[loop.minimised]}, not the mean of squares"
        return f"{what}: it and its gradient are {times} times as large."

    return Hypothesis(
        lambda case, loop: [replace(loop, minimised=name) for name in _distinct(case, loop) if name in names],
        sentence,
        "loss = (diff * diff).sum() / diff.numel()",
    )


def _minimising_errors(error: str, words: str) -> Hypothesis:
    """The row of an error that is no square; it or the mean of squares may be printed."""
    return Hypothesis(
        over_all_rows(lambda _, loop: [replace(loop, error=error, printed=what) for what in ("", "mean")]),
        f"the loss minimised is {words}.",
        "loss_fn = nn.MSELoss()",
        small=True,
    )


def _decayed(*parts: str) -> Callable[[Loop], list[Family]]:
    def family(_: Loop) -> list[Family]:
        values = np.geomspace(1e-6, 1e4, 31)
        return [
            Family(values, lambda loop, value, part=part: replace(loop, decay=value, decayed=part))
            for part in parts
        ]

    return family


def _with_decay(factor: float, *parts: str) -> Loops:
    return lambda _, loop: [
        replace(loop, decay=factor * size, decayed=part) for size in DECAYS for part in parts
    ]


def _weight_decay(_: StatedSetup, loop: Loop) -> str:
    what = "weights and bias" if loop.decayed == "all" else "the weights"
    return (
        f"every update also shrinks {what}: weight decay {number(loop.decay, 4)}. The loop heads for smaller weights "
        "than those of the least loss."
    )


def _penalty(_: StatedSetup, loop: Loop) -> str:
    what = "weights and bias" if loop.decayed == "all+" else "weights"
    return (
        f"the loss has a penalty, {number(loop.decay / 2, 4)} times the sum of squares of the {what}, and is printed "
        "with it. That is ridge regression, not least squares."
    )


def _pairs(where: str) -> Loops:
    """A single target can be paired with every prediction."""
    return lambda case, loop: (
        [replace(loop, pairs=where)] if case.start.shape[1] == 1 and rows_of(case, loop) > 1 else []
    )


def _all_pairs(case: StatedSetup, loop: Loop) -> str:
    n = rows_of(case, loop)
    return (
        f"predictions ({n}, 1) against targets ({n},): {n * n:,} pairs. Every prediction is compared with every "
        "target, so the loop heads for the mean of the targets in every row."
    )


def _pairs_in_gradient(case: StatedSetup, loop: Loop) -> str:
    n = rows_of(case, loop)
    return (
        f"the loss is right, but the gradient is not: it comes from predictions ({n}, 1) minus "
        f"targets ({n},), which is every prediction against every target."
    )


def _stale(_: StatedSetup, loop: Loop) -> list[Loop]:
    return [replace(loop, stale=True)] if loop.log == "all" and not loop.shuffled else []


OTHER_LOSSES: dict[str, Hypothesis] = {
    "weight_decay": Hypothesis(
        _with_decay(1.0, "all", "weights"),
        _weight_decay,
        "optimizer = torch.optim.SGD(model.parameters(), lr=lr), without weight_decay",
        small=True,
        family=_decayed("all", "weights"),
    ),
    "penalty": Hypothesis(
        _with_decay(2.0, "all+", "weights+"),
        _penalty,
        "loss = ((preds - targets) ** 2).mean(), without a term of the weights",
        small=True,
        family=_decayed("all+", "weights+"),
    ),
    "absolute": _minimising_errors(
        "absolute", "the mean absolute error (nn.L1Loss), not the mean of squares"
    ),
    "huber": _minimising_errors(
        "huber", "Huber's (nn.HuberLoss, nn.SmoothL1Loss): squares up to an error of 1, then a line"
    ),
    "broadcast": Hypothesis(
        _pairs("gradient"),
        _pairs_in_gradient,
        "targets = targets.reshape(-1, 1) before errors = preds - targets",
    ),
    "shape": Hypothesis(_pairs("all"), _all_pairs, "targets = targets.reshape(-1, 1)"),
    "stale": Hypothesis(
        _stale,
        "the steps are right, but the loss printed after an update is that of the predictions before it.",
        "preds = model(inputs); loss = mse(preds, targets) once more before printing",
    ),
    "sum": _minimising("sum"),
    "row_mean": _minimising("row_mean"),
    "half": _minimising("half", "half_row_mean"),
    "half_sum": _minimising("half_sum"),
    "root": Hypothesis(
        changed(printed="root"),
        "the steps are right; what is printed is the root of the loss (RMSE).",
        "print(loss.item()) before taking the root",
    ),
    "printed_loss": Hypothesis(
        lambda case, loop: [replace(loop, printed=name) for name in _distinct(case, loop)],
        lambda _, loop: (
            f"the steps are right; what is printed is {LOSS_WORDS[loop.printed]}, not their mean."
        ),
        "print(loss.item()), the loss that backward() was called on",
    ),
}
