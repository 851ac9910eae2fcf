"""Hypotheses on the update: another rate, sign, momentum or rule, and parameters that do not move as they should."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gradline.core.text import number
from gradline.pytorch.diagnosis.hypothesis import Hypothesis, changed, each, over_all_rows
from gradline.pytorch.diagnosis.loops import Family, Loop
from gradline.pytorch.diagnosis.simulation import StatedSetup
from gradline.pytorch.diagnosis.stepping import RULES

MOMENTA = (0.5, 0.9, 0.95, 0.99)  # that people write
LEAST_MOMENTUM = 0.05  # less is hardly any, and prints what a rate a little off does
LEAST_SLIP = 0.01  # of a rate: nobody mistypes it by less, so that something else is a little off
FADES = (0.5, 0.9, 0.95, 0.98, 0.99, 0.999)


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


def _rate(case: StatedSetup, loop: Loop) -> str:
    true, slip = number(case.lr * loop.lr_ratio, 6), slips(case).get(loop.lr_ratio)
    said = f"these losses are those of lr = {true}, {number(loop.lr_ratio, 6)} times the {number(case.lr)} given here"
    wrong = slip[0] if slip else "its rate is another"
    return f"{said}. Either the lr given here is wrong, or the loop is: {wrong}."


def _rate_fix(case: StatedSetup, loop: Loop) -> str:
    slip = slips(case).get(loop.lr_ratio)
    return slip[1] if slip else f"lr = {number(case.lr, 6)}, and nothing else multiplied with the gradient"


def _rate_family(_: Loop) -> list[Family]:
    def at(loop: Loop, ratio: float) -> Loop:
        return replace(loop, lr_ratio=ratio)

    return [Family(np.geomspace(1e-3, 1e3, 121), at, lambda ratio: abs(ratio - 1) >= LEAST_SLIP)]


def _limit(case: StatedSetup) -> float:
    A, _, rows = case.whole
    return (1 + case.momentum) * case.start.shape[1] * rows / np.linalg.norm(A, 2) ** 2


def _momentum_family(nesterov: bool) -> Callable[[Loop], list[Family]]:
    def at(loop: Loop, rest: float) -> Loop:
        return replace(loop, momentum=1 - min(rest, 1.0), nesterov=nesterov)

    return lambda _: [Family(np.geomspace(1e-3, 1, 31), at, lambda rest: 1 - rest >= LEAST_MOMENTUM)]


def _nesterov(case: StatedSetup, loop: Loop) -> str:
    not_said = f"plain momentum {case.momentum:g}" if case.momentum else "no momentum"
    return f"the loop trains with Nesterov's momentum {number(loop.momentum or 0, 4)}, not with {not_said}."


def _meant(case: StatedSetup, _: Loop) -> str:
    return f"optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum={case.momentum:g})"


def _fade_family(_: Loop) -> list[Family]:
    return [Family(np.geomspace(1e-4, 0.9, 25), lambda loop, lost: replace(loop, fade=1 - min(lost, 1.0)))]


def _frozen_bias(case: StatedSetup, loop: Loop) -> str:
    if loop.moves == "no bias":
        return "the model has no bias: it is fitted through the origin."
    or_none = "" if np.abs(case.start[0]).any() else ", or the model has none"
    return f"the bias is never updated{or_none}: only the weights learn."


def _without_bias(case: StatedSetup, loop: Loop) -> list[Loop]:
    has = np.abs(case.start[0]).any() or case.slack[0].any()
    return [replace(loop, moves=moves) for moves in (("frozen bias", "no bias") if has else ("frozen bias",))]


def _sequential(_: StatedSetup, loop: Loop) -> str:
    first = "weights move" if loop.moves == "weights first" else "bias moves"
    other = "bias" if loop.moves == "weights first" else "weights"
    return (
        f"the {first} before the gradient of the {other} is computed: the two are updated one after the other, "
        "each from predictions of its own."
    )


UPDATES: dict[str, Hypothesis] = {
    "right": Hypothesis(
        changed(), lambda case, _: f"the five steps are done right, at lr {number(case.lr)} as said.", ""
    ),
    "lr": Hypothesis(
        lambda *_: [],
        lambda case, _: (
            "the five steps are done right, but the data bear no lr above "
            f"{number(_limit(case))} and this is {number(case.lr)}: the loss grows."
        ),
        lambda case, _: f"lr = {number(0.9 * _limit(case), 2)}",
    ),
    "zero_grad": Hypothesis(
        changed(reset=False),
        "the gradients are never reset: each update uses the sum of all gradients so far, momentum 1.0.",
        "w.grad.zero_(); b.grad.zero_() after the update, or optimizer.zero_grad()",
    ),
    "sign": Hypothesis(
        changed(lr_ratio=-1.0),
        "the sign of the update is wrong: the gradient is added, so every step climbs.",
        "with torch.no_grad(): w -= lr * w.grad; b -= lr * b.grad (minus, not plus)",
    ),
    "bias_frozen": Hypothesis(
        _without_bias,
        _frozen_bias,
        "b = torch.zeros(1, requires_grad=True), and b -= lr * b.grad beside the weights; or nn.Linear(…) and "
        "SGD(model.parameters()), which takes weight and bias",
    ),
    "weights_frozen": Hypothesis(
        changed(moves="frozen weights"),
        "the weights are never updated: only the bias learns.",
        "w -= lr * w.grad beside the bias, or an optimizer of model.parameters()",
    ),
    "momentum": Hypothesis(
        lambda case, loop: [replace(loop, momentum=mu) for mu in (0.0, *MOMENTA) if mu != case.momentum],
        lambda case, loop: (
            f"the loop trains with momentum {number(loop.momentum or 0, 4)}, not {case.momentum:g}."
        ),
        _meant,
        family=_momentum_family(False),
    ),
    "nesterov": Hypothesis(
        lambda case, loop: [
            replace(loop, momentum=mu, nesterov=True) for mu in {*MOMENTA, case.momentum} if mu > 0
        ],
        _nesterov,
        lambda case, loop: f"{_meant(case, loop)}, without nesterov=True",
        family=_momentum_family(True),
    ),
    "optimizer": Hypothesis(
        over_all_rows(each("rule", RULES)),
        lambda _, loop: (
            "every weight moves by lr itself, whatever its gradient: the update takes the gradient's sign, or the "
            "optimizer is Adam, which does so at first."
            if loop.rule == "sign descent"
            else f"the optimizer is {loop.rule}, which scales every gradient by its own history, not SGD."
        ),
        "optimizer = torch.optim.SGD(model.parameters(), lr=lr)",
    ),
    "sequential": Hypothesis(
        each("moves", ("weights first", "bias first")),
        _sequential,
        "compute both gradients first (one loss.backward()), then update weights and bias",
        small=True,
    ),
    "rate_decay": Hypothesis(
        over_all_rows(each("fade", FADES)),
        lambda _, loop: (
            f"the learning rate does not stay as said: after each epoch {number(loop.fade, 4)} of it is left."
        ),
        "no scheduler.step(), or one that is meant; print(optimizer.param_groups[0]['lr']) shows the rate",
        small=True,
        family=_fade_family,
    ),
    "other_lr": Hypothesis(
        lambda case, loop: [replace(loop, lr_ratio=ratio) for ratio in slips(case)],
        _rate,
        _rate_fix,
        family=_rate_family,
    ),
    "no_update": Hypothesis(
        changed(lr_ratio=0.0),
        "the weights never change: the gradients are reset before the update, the optimizer holds other "
        "parameters, or the update makes new tensors that the predictions do not use.",
        "loss.backward(); optimizer.step(); optimizer.zero_grad() in this order, with "
        "optimizer = torch.optim.SGD(model.parameters(), lr=lr)",
    ),
}
