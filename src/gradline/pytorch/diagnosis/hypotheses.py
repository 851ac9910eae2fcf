"""What a hand-written loop may have done: one row for each mistake, with the loop it makes of a right one."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from gradline.core.text import counted, number
from gradline.pytorch.diagnosis.simulation import SCALINGS, Loop, StatedSetup

EVERY_SIZE = 40  # with so many rows every batch size is tried, with more the usual ones
MOST_UPDATES = 2_000  # an epoch: smaller batches are not tried
RESET = "w.grad.zero_(); b.grad.zero_() after the update, or optimizer.zero_grad()"
ALL_ROWS = "loss = loss_fn(model(inputs), targets) over all rows before printing"
MEAN = "loss = (diff * diff).sum() / diff.numel()"


@dataclass(frozen=True)
class Hypothesis:
    """One thing that a loop may have done: the loops it makes of a right one, plain words, the line that mends it.

    A `fitted` mistake comes in many sizes and the right loop is one of them: where that one fits it is no rival.
    """

    loops: Callable[[StatedSetup, Loop], list[Loop]]
    sentence: Callable[[StatedSetup, Loop], str]
    remedy: Callable[[StatedSetup, Loop], str]
    fitted: bool = False


def slips(case: StatedSetup) -> dict[float, tuple[str, str]]:
    """Ratios of the true learning rate to the one said that a known slip makes: the slip, the line that mends it."""
    n, m = len(case.A), case.start.shape[1]
    backward = "loss.backward(), once an epoch, and no factor on the gradient"
    mean = f"gradient = 2 * X.t() @ (preds - targets) / {n * m}, the number of all differences"
    rows = [
        (0.5, "the factor 2 of the gradient is missing", mean),
        (2.0, "the gradient counts twice, as when backward() is called twice", backward),
        (n * m, "the gradient is that of the sum, not of the mean", mean),
        (m, "the gradient is that of the mean over rows only", mean),
        (n, "the gradient is summed over the rows", mean),
        (1 / m, "the gradient is divided by the number of targets once more", mean),
        (1 / n, "the gradient is divided by the number of rows once more", mean),
    ]
    named: dict[float, tuple[str, str]] = {}
    for ratio, slip, line in rows:
        if ratio != 1:
            before = named.get(float(ratio))
            named[float(ratio)] = (f"{before[0]}, or {slip}", before[1]) if before else (slip, line)
    return named


def sizes(case: StatedSetup, said: int | None) -> list[int | None]:
    """The batch sizes to try beside the one said; None is all rows."""
    n = len(case.A)
    usual = [
        *(b * k for k in (1, 10, 100, 1000) for b in (1, 2, 3, 4, 5, 6, 8)),
        *(2**k for k in range(4, 13)),
    ]
    tried = sorted({b for b in (range(1, n) if n <= EVERY_SIZE else usual) if n / MOST_UPDATES <= b < n})
    return [b for b in [*tried, None] if b != said]


def _scalings(case: StatedSetup) -> list[str]:
    """The scalings that the columns can have and that change them."""
    kept = []
    for name, scale in SCALINGS.items() if len(case.A) > 1 else ():
        centre, width = scale(case.A[:, 1:])
        if (width > 0).all() and (np.abs([centre, width - 1]) > 1e-6 * width).any():
            targets_too = (scale(case.Y)[1] > 0).all()
            kept += [name, f"{name}+"] if targets_too else [name]
    return kept


def _when(condition: bool, loop: Loop) -> list[Loop]:
    return [loop] if condition else []


def _rows(case: StatedSetup, loop: Loop) -> int:
    return loop.batch or len(case.A)


def _lr_limit(case: StatedSetup) -> float:
    A, _, rows = case.whole
    return (1 + case.momentum) * case.start.shape[1] * rows / np.linalg.norm(A, 2) ** 2


def _pairs(case: StatedSetup, loop: Loop) -> str:
    n = loop.batch or len(case.A)
    return (
        f"predictions ({n}, 1) against targets ({n},): {n * n:,} pairs. Every prediction is compared with every "
        "target, so the loop heads for the mean of the targets in every row."
    )


def _rate(case: StatedSetup, loop: Loop) -> str:
    slip = slips(case).get(loop.lr_ratio)
    said = f"the loop trains at {number(loop.lr_ratio, 6)} times the lr said, {number(case.lr * loop.lr_ratio, 6)}"
    return f"{said}: {slip[0]}." if slip else f"{said}."


def _rate_remedy(case: StatedSetup, loop: Loop) -> str:
    slip = slips(case).get(loop.lr_ratio)
    return slip[1] if slip else f"lr = {number(case.lr, 6)}, and nothing else multiplied with the gradient"


def _scaled(_: StatedSetup, loop: Loop) -> str:
    name = loop.scaling.removesuffix("+")
    how = {"min-max": "scaled to the range 0 to 1", "max": "divided by their largest value"}
    words = how.get(name, f"standardised ({name})")
    return f"the inputs{' and targets' if loop.scaling.endswith('+') else ''} were {words} before training."


def _batches(case: StatedSetup, loop: Loop) -> str:
    if loop.batch is None:
        return "each update uses all rows at once, not a mini-batch."
    order = "shuffled anew each epoch" if loop.shuffled else "in the order of the rows"
    updates = counted(-(-len(case.A) // loop.batch), "update")
    return f"the loop trains on mini-batches of {counted(loop.batch, 'row')}, {order}: {updates} an epoch."


def _last(case: StatedSetup, loop: Loop) -> str:
    return (
        f"{_batches(case, loop)} What it prints is the loss of the epoch's last batch, not that of all rows."
    )


def _mean(case: StatedSetup, loop: Loop) -> str:
    return f"{_batches(case, loop)} What it prints is the mean of the epoch's batch losses, not the loss of all rows."


def _other_log(log: str) -> Callable[[StatedSetup, Loop], list[Loop]]:
    def loops(case: StatedSetup, loop: Loop) -> list[Loop]:
        return [replace(loop, batch=b, log=log) for b in sizes(case, loop.batch) if b and loop.log == "all"]

    return loops


HYPOTHESES: dict[str, Hypothesis] = {
    "right": Hypothesis(
        lambda _, loop: [loop],
        lambda case, _: f"the five steps are done right, at lr {number(case.lr)} as said.",
        lambda *_: "",
    ),
    "lr": Hypothesis(
        lambda *_: [],
        lambda case, _: (
            "the five steps are done right, but the data bear no lr above "
            f"{number(_lr_limit(case))} and this is {number(case.lr)}: the loss grows."
        ),
        lambda case, _: f"lr = {number(0.9 * _lr_limit(case), 2)}",
    ),
    "zero_grad": Hypothesis(
        lambda _, loop: [replace(loop, reset=False)],
        lambda *_: (
            "the gradients are never reset: each update uses the sum of all gradients so far, momentum 1.0."
        ),
        lambda *_: RESET,
    ),
    "momentum": Hypothesis(
        lambda case, loop: [
            replace(loop, momentum=mu) for mu in (0.0, 0.5, 0.9, 0.95, 0.99) if mu != case.momentum
        ],
        lambda case, loop: f"the loop trains with momentum {loop.momentum:g}, not {case.momentum:g}.",
        lambda case, _: f"optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum={case.momentum:g})",
    ),
    "shape": Hypothesis(
        lambda case, loop: _when(
            case.start.shape[1] == 1 and _rows(case, loop) > 1, replace(loop, pairs=True)
        ),
        _pairs,
        lambda *_: "targets = targets.reshape(-1, 1)",
    ),
    "stale": Hypothesis(
        lambda _, loop: _when(loop.log == "all" and not loop.shuffled, replace(loop, stale=True)),
        lambda *_: (
            "the steps are right, but the loss printed after an update is that of the predictions before it."
        ),
        lambda *_: "preds = model(inputs); loss = mse(preds, targets) once more before printing",
    ),
    "other_lr": Hypothesis(
        lambda case, loop: [replace(loop, lr_ratio=ratio) for ratio in slips(case)], _rate, _rate_remedy
    ),
    "sum": Hypothesis(
        lambda case, loop: _when(_rows(case, loop) * case.start.shape[1] > 1, replace(loop, minimised="sum")),
        lambda case, _: (
            f"the loss is the sum of {case.Y.size:,} squares, not their mean: it and its gradient are "
            f"{case.Y.size:,} times as large."
        ),
        lambda *_: MEAN,
    ),
    "row_mean": Hypothesis(
        lambda case, loop: _when(case.start.shape[1] > 1, replace(loop, minimised="row_mean")),
        lambda case, _: (
            f"the sum of squares is divided by {len(case.A):,} rows, not by {case.Y.size:,} differences: the "
            f"loss and its gradient are {case.start.shape[1]} times as large."
        ),
        lambda *_: MEAN,
    ),
    "half": Hypothesis(
        lambda _, loop: [replace(loop, minimised="half")],
        lambda *_: "the loss is half the mean of squares, and so is its gradient.",
        lambda *_: MEAN,
    ),
    "root": Hypothesis(
        lambda _, loop: [replace(loop, root=True)],
        lambda *_: "the steps are right; what is printed is the root of the loss (RMSE).",
        lambda *_: "print(loss.item()) before taking the root",
    ),
    "no_update": Hypothesis(
        lambda _, loop: [replace(loop, lr_ratio=0.0)],
        lambda *_: (
            "the weights never change: the gradients are reset before the update, the optimizer holds other "
            "parameters, or the update makes new tensors that the predictions do not use."
        ),
        lambda *_: (
            "loss.backward(); optimizer.step(); optimizer.zero_grad() in this order, with "
            "optimizer = torch.optim.SGD(model.parameters(), lr=lr)"
        ),
    ),
    "standardised": Hypothesis(
        lambda case, loop: [replace(loop, scaling=name) for name in _scalings(case)],
        _scaled,
        lambda *_: "give diagnose the columns that the loop trains on",
    ),
    "batches": Hypothesis(
        lambda case, loop: [replace(loop, batch=b) for b in sizes(case, loop.batch) if loop.log == "all"],
        _batches,
        lambda _, loop: (
            f"diagnose(…, batch_size={loop.batch}) if that is meant, else one update over all rows"
        ),
        fitted=True,
    ),
    "last_batch": Hypothesis(_other_log("last"), _last, lambda *_: ALL_ROWS, fitted=True),
    "running_mean": Hypothesis(_other_log("mean"), _mean, lambda *_: ALL_ROWS, fitted=True),
}
