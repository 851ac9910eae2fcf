"""What a hand-written loop may have done: one row for each mistake, with the loop it makes of a right one."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from gradline.core.text import counted, number
from gradline.pytorch.diagnosis.batches import batches, logged, other_log, sizes
from gradline.pytorch.diagnosis.loops import LOSSES, SCALINGS, SPLITS, TARGETS, Family, Loop
from gradline.pytorch.diagnosis.simulation import StatedSetup
from gradline.pytorch.diagnosis.stepping import RULES

RESET = "w.grad.zero_(); b.grad.zero_() after the update, or optimizer.zero_grad()"
ALL_ROWS = "loss = loss_fn(model(inputs), targets) over all rows before printing"
MEAN = "loss = (diff * diff).sum() / diff.numel()"


@dataclass(frozen=True)
class Hypothesis:
    """One thing that a loop may have done: the loops it makes of a right one, plain words, the line that mends it.

    A mistake that is `small` may be as good as none, or comes in many sizes with the right loop among them: it is
    no rival where a row that is not small explains the losses. Its `family` has one number free, which is fitted.
    `by_size` are mini-batches, of every size.
    """

    loops: Callable[[StatedSetup, Loop], list[Loop]]
    sentence: Callable[[StatedSetup, Loop], str]
    remedy: Callable[[StatedSetup, Loop], str]
    small: bool = False
    by_size: bool = False
    family: Callable[[Loop], list[Family]] = lambda _: []


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
    power = "the rate has another number of zeros than said"
    rows += [(10.0**k, power, f"lr = {number(case.lr, 6)}") for k in (-3, -2, -1, 1, 2, 3)]
    named: dict[float, tuple[str, str]] = {}
    for ratio, slip, line in rows:
        if ratio != 1:
            before = named.get(float(ratio))
            named[float(ratio)] = (f"{before[0]}, or {slip}", before[1]) if before else (slip, line)
    return named


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
    true, slip = number(case.lr * loop.lr_ratio, 6), slips(case).get(loop.lr_ratio)
    said = f"these losses are those of lr = {true}, {number(loop.lr_ratio, 6)} times the {number(case.lr)} given here"
    wrong = slip[0] if slip else "its rate is another"
    return f"{said}. Either the lr given here is wrong, or the loop is: {wrong}."


def _rate_remedy(case: StatedSetup, loop: Loop) -> str:
    slip = slips(case).get(loop.lr_ratio)
    return slip[1] if slip else f"lr = {number(case.lr, 6)}, and nothing else multiplied with the gradient"


def _scaled(_: StatedSetup, loop: Loop) -> str:
    name = loop.scaling.removesuffix("+")
    how = {"min-max": "scaled to the range 0 to 1", "max": "divided by their largest value"}
    words = how.get(name, f"standardised ({name})")
    return f"the inputs{' and targets' if loop.scaling.endswith('+') else ''} were {words} before training."


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
MOMENTA = (0.5, 0.9, 0.95, 0.99)
LEAST_MOMENTUM = 0.05  # less is hardly any, and prints what a rate a little off does
LEAST_SLIP = 0.01  # of a rate: nobody mistypes it by less, so that something else is a little off
FADES = (0.5, 0.9, 0.95, 0.98, 0.99, 0.999)


def _distinct(case: StatedSetup, loop: Loop) -> list[str]:
    """The losses of `LOSSES` that differ from the mean and from each other for these rows and targets."""
    rows, m = _rows(case, loop), case.start.shape[1]
    factors = {LOSSES[name](rows, m): name for name in reversed(LOSSES)}
    return [name for name in LOSSES if factors[LOSSES[name](rows, m)] == name != "mean"]


def _minimising(*names: str) -> Hypothesis:
    """The row of a loss that is minimised, and printed, in the place of the mean of squares."""

    def sentence(case: StatedSetup, loop: Loop) -> str:
        times = number(LOSSES[loop.minimised](_rows(case, loop), case.start.shape[1]), 6)
        what = f"the loss is {LOSS_WORDS[loop.minimised]}, not the mean of squares"
        return f"{what}: it and its gradient are {times} times as large."

    return Hypothesis(
        lambda case, loop: [replace(loop, minimised=name) for name in _distinct(case, loop) if name in names],
        sentence,
        lambda *_: MEAN,
    )


def _printing(case: StatedSetup, loop: Loop) -> list[Loop]:
    """Right steps, and a loss printed that is another than the one minimised."""
    return [replace(loop, printed=name) for name in _distinct(case, loop)]


def _decayed(*parts: str) -> Callable[[Loop], list[Family]]:
    def family(_: Loop) -> list[Family]:
        values = np.geomspace(1e-6, 1e4, 31)
        return [
            Family(values, lambda loop, value, part=part: replace(loop, decay=value, decayed=part))
            for part in parts
        ]

    return family


def _with_decay(factor: float, *parts: str) -> Callable[[StatedSetup, Loop], list[Loop]]:
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


def _sequential(_: StatedSetup, loop: Loop) -> str:
    one, other = ("weights", "bias") if loop.moves == "weights first" else ("bias", "weights")
    return (
        f"the {one} moves before the gradient of the {other} is computed: the two are updated one after the other, "
        "each from predictions of its own."
    ).replace("weights moves", "weights move")


def _frozen_bias(case: StatedSetup, loop: Loop) -> str:
    if loop.moves == "no bias":
        return "the model has no bias: it is fitted through the origin."
    or_none = "" if np.abs(case.start[0]).any() else ", or the model has none"
    return f"the bias is never updated{or_none}: only the weights learn."


def _no_bias(case: StatedSetup, loop: Loop) -> list[Loop]:
    has = np.abs(case.start[0]).any() or case.slack[0].any()
    return [replace(loop, moves=moves) for moves in (("frozen bias", "no bias") if has else ("frozen bias",))]


def _momentum_family(nesterov: bool) -> Callable[[Loop], list[Family]]:
    def at(loop: Loop, rest: float) -> Loop:
        return replace(loop, momentum=1 - min(rest, 1.0), nesterov=nesterov)

    return lambda _: [Family(np.geomspace(1e-3, 1, 31), at, lambda rest: 1 - rest >= LEAST_MOMENTUM)]


def _fade_family(_: Loop) -> list[Family]:
    return [Family(np.geomspace(1e-4, 0.9, 25), lambda loop, lost: replace(loop, fade=1 - min(lost, 1.0)))]


def _rate_family(_: Loop) -> list[Family]:
    def at(loop: Loop, ratio: float) -> Loop:
        return replace(loop, lr_ratio=ratio)

    return [Family(np.geomspace(1e-3, 1e3, 121), at, lambda ratio: abs(ratio - 1) >= LEAST_SLIP)]


def _minimising_errors(error: str, words: str) -> Hypothesis:
    """The row of an error that is no square; it or the mean of squares may be printed."""
    return Hypothesis(
        lambda _, loop: [
            replace(loop, error=error, printed=printed) for printed in ("", "mean") if _stepped(loop)
        ],
        lambda *_: f"the loss minimised is {words}.",
        lambda *_: "loss_fn = nn.MSELoss()",
        small=True,
    )


def _stepped(loop: Loop) -> bool:
    return loop.batch is None


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
    "sign": Hypothesis(
        lambda _, loop: [replace(loop, lr_ratio=-1.0)],
        lambda *_: "the sign of the update is wrong: the gradient is added, so every step climbs.",
        lambda *_: "with torch.no_grad(): w -= lr * w.grad; b -= lr * b.grad (minus, not plus)",
    ),
    "bias_frozen": Hypothesis(
        _no_bias,
        _frozen_bias,
        lambda *_: (
            "b = torch.zeros(1, requires_grad=True), and b -= lr * b.grad beside the weights; or nn.Linear(…) and "
            "SGD(model.parameters()), which takes weight and bias"
        ),
    ),
    "weights_frozen": Hypothesis(
        lambda _, loop: [replace(loop, moves="frozen weights")],
        lambda *_: "the weights are never updated: only the bias learns.",
        lambda *_: "w -= lr * w.grad beside the bias, or an optimizer of model.parameters()",
    ),
    "momentum": Hypothesis(
        lambda case, loop: [replace(loop, momentum=mu) for mu in (0.0, *MOMENTA) if mu != case.momentum],
        lambda case, loop: (
            f"the loop trains with momentum {number(loop.momentum or 0, 4)}, not {case.momentum:g}."
        ),
        lambda case, _: f"optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum={case.momentum:g})",
        family=_momentum_family(False),
    ),
    "nesterov": Hypothesis(
        lambda case, loop: [
            replace(loop, momentum=mu, nesterov=True) for mu in {*MOMENTA, case.momentum} if mu > 0
        ],
        lambda case, loop: (
            f"the loop trains with Nesterov's momentum {number(loop.momentum or 0, 4)}, "
            f"not with {'plain' if case.momentum else 'no'} momentum{f' {case.momentum:g}' if case.momentum else ''}."
        ),
        lambda case, _: (
            f"optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum={case.momentum:g}), without nesterov=True"
        ),
        family=_momentum_family(True),
    ),
    "optimizer": Hypothesis(
        lambda _, loop: [replace(loop, rule=rule) for rule in RULES if _stepped(loop)],
        lambda _, loop: (
            "every weight moves by lr itself, whatever its gradient: the update takes the gradient's sign, or the "
            "optimizer is Adam, which does so at first."
            if loop.rule == "sign descent"
            else f"the optimizer is {loop.rule}, which scales every gradient by its own history, not SGD."
        ),
        lambda *_: "optimizer = torch.optim.SGD(model.parameters(), lr=lr)",
    ),
    "sequential": Hypothesis(
        lambda _, loop: [replace(loop, moves=moves) for moves in ("weights first", "bias first")],
        _sequential,
        lambda *_: "compute both gradients first (one loss.backward()), then update weights and bias",
        small=True,
    ),
    "weight_decay": Hypothesis(
        _with_decay(1.0, "all", "weights"),
        _weight_decay,
        lambda *_: "optimizer = torch.optim.SGD(model.parameters(), lr=lr), without weight_decay",
        small=True,
        family=_decayed("all", "weights"),
    ),
    "penalty": Hypothesis(
        _with_decay(2.0, "all+", "weights+"),
        _penalty,
        lambda *_: "loss = ((preds - targets) ** 2).mean(), without a term of the weights",
        small=True,
        family=_decayed("all+", "weights+"),
    ),
    "rate_decay": Hypothesis(
        lambda _, loop: [replace(loop, fade=fade) for fade in FADES if _stepped(loop)],
        lambda _, loop: (
            f"the learning rate does not stay as said: after each epoch {number(loop.fade, 4)} of it is left."
        ),
        lambda *_: (
            "no scheduler.step(), or one that is meant; print(optimizer.param_groups[0]['lr']) shows the rate"
        ),
        small=True,
        family=_fade_family,
    ),
    "split": Hypothesis(
        lambda case, loop: [replace(loop, split=name) for name in SPLITS if len(case.A) > 9],
        lambda case, loop: (
            f"the loop trains on a part of the rows, {counted(len(SPLITS[loop.split](len(case.A))), 'row')} of "
            f"{len(case.A):,}: {loop.split}. Its steps are right."
        ),
        lambda *_: "give diagnose the training rows only",
        small=True,
    ),
    "absolute": _minimising_errors(
        "absolute", "the mean absolute error (nn.L1Loss), not the mean of squares"
    ),
    "huber": _minimising_errors(
        "huber", "Huber's (nn.HuberLoss, nn.SmoothL1Loss): squares up to an error of 1, then a line"
    ),
    "broadcast": Hypothesis(
        lambda case, loop: _when(
            case.start.shape[1] == 1 and _rows(case, loop) > 1, replace(loop, pairs="gradient")
        ),
        lambda case, loop: (
            f"the loss is right, but the gradient is not: it comes from predictions ({_rows(case, loop)}, 1) minus "
            f"targets ({_rows(case, loop)},), which is every prediction against every target."
        ),
        lambda *_: "targets = targets.reshape(-1, 1) before errors = preds - targets",
    ),
    "shape": Hypothesis(
        lambda case, loop: _when(
            case.start.shape[1] == 1 and _rows(case, loop) > 1, replace(loop, pairs="all")
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
        lambda case, loop: [replace(loop, lr_ratio=ratio) for ratio in slips(case)],
        _rate,
        _rate_remedy,
        family=_rate_family,
    ),
    "sum": _minimising("sum"),
    "row_mean": _minimising("row_mean"),
    "half": _minimising("half", "half_row_mean"),
    "half_sum": _minimising("half_sum"),
    "root": Hypothesis(
        lambda _, loop: [replace(loop, printed="root")],
        lambda *_: "the steps are right; what is printed is the root of the loss (RMSE).",
        lambda *_: "print(loss.item()) before taking the root",
    ),
    "printed_loss": Hypothesis(
        _printing,
        lambda _, loop: (
            f"the steps are right; what is printed is {LOSS_WORDS[loop.printed]}, not their mean."
        ),
        lambda *_: "print(loss.item()), the loss that backward() was called on",
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
    "targets": Hypothesis(
        lambda case, loop: [
            replace(loop, targets=name)
            for name, change in TARGETS.items()
            if not np.array_equal(change(case.Y), case.Y)
        ],
        lambda _, loop: f"the loop trains on other targets than those given here: {loop.targets}.",
        lambda *_: (
            "give diagnose the targets that the loop trains on; print(targets[:5]) in the loop shows them"
        ),
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
    "last_batch": Hypothesis(other_log("last"), logged, lambda *_: ALL_ROWS, by_size=True),
    "running_mean": Hypothesis(other_log("mean", "by rows"), logged, lambda *_: ALL_ROWS, by_size=True),
    "running_sum": Hypothesis(other_log("sum", "sum over rows"), logged, lambda *_: ALL_ROWS, by_size=True),
}
