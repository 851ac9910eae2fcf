"""The start that the first loss tells: the one given, or another that has a name and gives it to all printed digits."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gradline.moments.state import Moments
from gradline.pytorch.diagnosis.ensembles import DEVIATIONS, MEMBERS, shuffled
from gradline.pytorch.diagnosis.evidence import APART, RIGHT, SURE
from gradline.pytorch.diagnosis.hypotheses import HYPOTHESES
from gradline.pytorch.diagnosis.loops import LOSSES, Loop
from gradline.pytorch.diagnosis.losses import LOSS_WORDS
from gradline.pytorch.diagnosis.matching import START, Match
from gradline.pytorch.diagnosis.printed import Printed
from gradline.pytorch.diagnosis.simulation import Dynamics, Prediction, StatedSetup
from gradline.pytorch.diagnosis.stepping import ERRORS, predict
from gradline.solvers.loop import initial
from gradline.solvers.problem import Problem, Scaling

ZEROS = 1e-3  # of the loss at zero weights: printed more coarsely it does not say that the start was zero
DRAWN = 1e-4  # the same of five starts that are drawn, the chance of any of which is to be as small
# What is looked at from each of them for mini-batches.
COMMON = ("right", "zero_grad", "bias_frozen", "weights_frozen")
# The starts that have a name.
NAMED = {
    "zeros": "weights and biases of 0",
    "linear": "nn.Linear after torch.manual_seed({seed})",
    "torch": "torch.randn after torch.manual_seed({seed}), the bias drawn first",
    "torch-cuda": "torch.randn on a GPU after torch.manual_seed({seed}), the bias drawn first",
    "normal": "NumPy's standard_normal for seed {seed}",
    "uniform": "NumPy's random for seed {seed}",
}


def is_at_the_start(printed: Printed) -> bool:
    """Whether the first number may be that of the start, and is not that of the tenth epoch."""
    first = printed.losses[:1]
    return bool(len(first) and np.isfinite(first[0]) and (not printed.labelled or printed.epochs[0] <= 1))


def first_number(case: StatedSetup, printed: Printed, base: Loop) -> str:
    """What the first number is at the start, in words; "" where it is no loss there."""
    for words, prediction in _at_the_start(case, base):
        tolerance = printed.halves[0] + prediction.rounding[0] + np.abs(prediction.sway[0]).sum()
        if abs(prediction.losses[0] - printed.losses[0]) <= tolerance:
            return words
    return ""


def from_first_loss(
    case: StatedSetup, moments: Moments, printed: Printed, base: Loop, given: str, known: bool, seed: int
) -> tuple[StatedSetup, Printed, bool]:
    """The start with a name that gives the first loss, where none is known or the one `given` does not.

    Losses that stay the same do not say it: predictions that are cut off at zero print them from any weights.
    """
    if len(set(printed.losses.tolist())) < 2 or not is_at_the_start(printed):
        return case, printed, known
    if known and first_number(case, printed, base):
        return case, printed, known
    starts = {name: theta for name, theta in named(moments, seed).items() if name != given}
    giving = [name for name, theta in starts.items() if _gives(case, printed, name, theta)]
    if not (giving[:1] == ["zeros"] or len(giving) == 1):
        return case, printed, known
    return _moved(case, starts[giving[0]]), _with_note(printed, giving[0], seed, known), True


def is_doubtful(case: StatedSetup, printed: Printed, base: Loop, logs: list[str]) -> bool:
    """Whether no mini-batches from this start, right or with a common mistake, print the first number by these logs."""
    if not is_at_the_start(printed) or first_number(case, printed, base):
        return False
    tiny = np.finfo(float).tiny
    first = math.log(max(float(printed.losses[0]), tiny))
    for loop in _common(case, base, COMMON):
        _, epoch = itertools.islice(Dynamics(case, loop).shuffled(MEMBERS), 2)
        runs = [np.log(np.maximum(epoch[log], tiny)) for log in logs]
        if any(abs(first - run.mean()) <= DEVIATIONS * run.std(ddof=1) for run in runs):
            return False
    return True


def from_batches(
    case: StatedSetup, moments: Moments, printed: Printed, base: Loop, given: str, seed: int
) -> tuple[StatedSetup, Printed]:
    """The start with a name from which mini-batches explain these losses better than from all others by far.

    Right steps are looked at, and the mistakes that beginners make; where right ones from the start given do, no more.
    """
    if first_number(case, printed, base) or _best(case, printed, base, COMMON[:1]).bits >= RIGHT:
        return case, printed
    starts = {name: _moved(case, theta) for name, theta in named(moments, seed).items() if name != given}
    starts[""] = case
    best = {name: _best(there, printed, base, COMMON) for name, there in starts.items()}
    first, second, *_ = sorted(best, key=lambda name: best[name].score, reverse=True)
    enough = SURE + math.log2(len(starts) * len(COMMON))
    if not first or best[first].bits < enough or best[first].score < best[second].score + APART:
        return case, printed
    note = (
        f"From the start given these losses are hard to explain, and from that of {_words(first, seed)} they are not: "
        f"they are judged from there. Did you mean --init {first}?"
    )
    return starts[first], printed._replace(notes=(*printed.notes, note))


def _best(case: StatedSetup, printed: Printed, base: Loop, names: tuple[str, ...]) -> Match:
    """The likeliest of these hypotheses with shuffled batches."""
    return max(shuffled(case, printed, _common(case, base, names)), key=lambda match: match.score)


def _common(case: StatedSetup, base: Loop, names: tuple[str, ...]) -> list[Loop]:
    anew = replace(base, shuffled=True)
    return [loop for name in names for loop in HYPOTHESES[name].loops(case, anew)]


def named(moments: Moments, seed: int) -> dict[str, np.ndarray]:
    """θ (q, m) of each start that has a name."""
    problem = Problem.of(moments, None, True, Scaling.none(moments.p))
    return {name: initial(name, problem, seed) for name in NAMED}


def _moved(case: StatedSetup, theta: np.ndarray) -> StatedSetup:
    return replace(case, start=theta, slack=np.zeros_like(theta))


def _gives(case: StatedSetup, printed: Printed, name: str, theta: np.ndarray) -> bool:
    """Whether the first loss is that of this start to all printed digits, and these are enough to say so."""
    at = predict(_moved(case, theta), Loop(), START)
    is_near = abs(at.losses[0] - printed.losses[0]) <= printed.halves[0] + at.rounding[0]
    return bool(is_near and printed.halves[0] <= (ZEROS if name == "zeros" else DRAWN) * at.losses[0])


def _words(name: str, seed: int) -> str:
    return NAMED[name].format(seed=seed)


def _with_note(printed: Printed, name: str, seed: int, known: bool) -> Printed:
    words = _words(name, seed)
    if known:
        note = (
            f"These losses do not begin at the start given, but at that of {words}, to all printed digits, and are "
            f"judged from there: did you mean --init {name}?"
        )
    elif name == "zeros":
        note = f"The first loss is that of {words}, so these are taken for the start."
    else:
        note = f"The first loss is that of {words}, to all printed digits, so this is taken for the start."
    return printed._replace(notes=(*printed.notes, note))


def _at_the_start(case: StatedSetup, base: Loop) -> Iterator[tuple[str, Prediction]]:
    """What a loop may print before its first update, in words."""
    for name in [*LOSSES, "root"]:
        yield LOSS_WORDS[name], predict(case, Loop(printed=name), START)
    for error in ERRORS:
        words = {"absolute": "the mean absolute error", "huber": "Huber's loss"}[error]
        yield words, predict(case, Loop(error=error), START)
    if case.start.shape[1] == 1:
        yield "the mean over all pairs of a prediction and a target", predict(case, Loop(pairs="all"), START)
    if base.batch:
        batch = case.batches(base.batch)[0]
        rows = replace(case, A=batch.A, Y=batch.Y)
        yield f"the mean of squares of the first {base.batch} rows", predict(rows, Loop(), START)
    for name in ("standardised", "split"):
        for loop in HYPOTHESES[name].loops(case, Loop()):
            part = (
                f"of {loop.split}" if loop.split else f"of columns scaled by {loop.scaling.removesuffix('+')}"
            )
            yield f"the mean of squares {part}", predict(case, loop, START)
