"""Hypotheses on the rows: scaled columns, other targets, a part of the rows, and mini-batches of every size."""

from dataclasses import replace

import numpy as np

from gradline.core.text import counted
from gradline.pytorch.diagnosis.batches import batches, logged, other_log, sizes
from gradline.pytorch.diagnosis.hypothesis import Hypothesis
from gradline.pytorch.diagnosis.loops import SCALINGS, SPLITS, TARGETS, Loop
from gradline.pytorch.diagnosis.simulation import StatedSetup


def _scaled(case: StatedSetup, loop: Loop) -> list[Loop]:
    """The scalings that the columns can have and that change them."""
    kept = []
    for name, scale in SCALINGS.items() if len(case.A) > 1 else ():
        centre, width = scale(case.A[:, 1:])
        if (width > 0).all() and (np.abs([centre, width - 1]) > 1e-6 * width).any():
            targets_too = (scale(case.Y)[1] > 0).all()
            kept += [name, f"{name}+"] if targets_too else [name]
    return [replace(loop, scaling=name) for name in kept]


def _how_scaled(_: StatedSetup, loop: Loop) -> str:
    name = loop.scaling.removesuffix("+")
    how = {"min-max": "scaled to the range 0 to 1", "max": "divided by their largest value"}
    words = how.get(name, f"standardised ({name})")
    return f"the inputs{' and targets' if loop.scaling.endswith('+') else ''} were {words} before training."


def _part(case: StatedSetup, loop: Loop) -> str:
    n = len(case.A)
    return (
        f"the loop trains on a part of the rows, {counted(len(SPLITS[loop.split](n)), 'row')} of {n:,}: {loop.split}. "
        "Its steps are right."
    )


def _other_targets(case: StatedSetup, loop: Loop) -> list[Loop]:
    return [
        replace(loop, targets=name)
        for name, change in TARGETS.items()
        if not np.array_equal(change(case.Y), case.Y)
    ]


def _logging(*logs: str) -> Hypothesis:
    """The row of mini-batches of which something else than the loss of all rows is printed."""
    fix = "loss = loss_fn(model(inputs), targets) over all rows before printing"
    return Hypothesis(other_log(*logs), logged, fix, by_size=True)


OTHER_ROWS: dict[str, Hypothesis] = {
    "split": Hypothesis(
        lambda case, loop: [replace(loop, split=name) for name in SPLITS if len(case.A) > 9],
        _part,
        "give diagnose the training rows only",
        small=True,
    ),
    "standardised": Hypothesis(_scaled, _how_scaled, "give diagnose the columns that the loop trains on"),
    "targets": Hypothesis(
        _other_targets,
        lambda _, loop: f"the loop trains on other targets than those given here: {loop.targets}.",
        "give diagnose the targets that the loop trains on; print(targets[:5]) in the loop shows them",
        small=True,
    ),
    "batches": Hypothesis(
        lambda case, loop: [replace(loop, batch=b) for b in sizes(case, loop.batch) if loop.log == "all"],
        batches,
        lambda _, loop: (
            f"give diagnose the batch size, {loop.batch}, if that is meant; else one update over all rows"
        ),
        by_size=True,
    ),
    "last_batch": _logging("last"),
    "running_mean": _logging("mean", "by rows"),
    "running_sum": _logging("sum", "sum over rows"),
}
