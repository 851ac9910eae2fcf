"""What can be said of losses that no mistake of the table explains: how they begin, and how far steps were right."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gradline.pytorch.diagnosis.loops import Loop
from gradline.pytorch.diagnosis.matching import START, conventions
from gradline.pytorch.diagnosis.printed import Printed
from gradline.pytorch.diagnosis.simulation import Dynamics, Prediction, StatedSetup
from gradline.pytorch.diagnosis.starts import first_number, is_at_the_start
from gradline.pytorch.diagnosis.stepping import predict
from gradline.pytorch.diagnosis.trials import explained

FEWEST = 3  # losses in a row before the steps between them are called right
NEAR = 1e-4  # of a loss printed without rounding that counts: what a start typed with few digits may change


def known_of(case: StatedSetup, printed: Printed, base: Loop) -> tuple[str, ...]:
    """Sentences on the first number, and on the epoch from which on something is different."""
    if not np.isfinite(printed.losses[:1]).all():
        return ()
    first = (_first_number(case, printed, base),) if is_at_the_start(printed) else ()
    return (*first, *_right_until(case, printed, base))


def _first_number(case: StatedSetup, printed: Printed, base: Loop) -> str:
    first = _loss(printed.losses[0])
    if words := first_number(case, printed, base):
        return f"The first number, {first}, is {words} at the start given."
    here = predict(case, Loop(), START).losses[0]
    return (
        f"The first number, {first}, is no loss at the start given, where the mean of squares is {_loss(here)}: "
        "compare data, targets, scaling and start first."
    )


def _right_until(case: StatedSetup, printed: Printed, base: Loop) -> tuple[str, ...]:
    """Up to which loss the steps are right, what the next one is and would be, and what explains the rest."""
    if base.batch:
        return ()
    count, epochs, prediction = max(_prefixes(case, printed, base), key=lambda found: found[0])
    if not FEWEST <= count < len(printed.losses):
        return ()
    said = printed.epochs
    words = (
        f"Up to {'epoch' if printed.labelled else 'loss'} {said[count - 1] + (not printed.labelled)} the losses are "
        f"those of right steps. The next one is {_loss(printed.losses[count])}, where right steps give "
        f"{_loss(prediction.losses[count])}: look for what is different from there on."
    )
    return (words, *_from_there(case, printed, base, count, epochs))


def _prefixes(
    case: StatedSetup, printed: Printed, base: Loop
) -> Iterator[tuple[int, np.ndarray, Prediction]]:
    """For each way to count the epochs, how many losses right steps explain from the first one on."""
    yield 0, printed.epochs, Prediction(printed.losses, printed.losses, printed.losses)
    for epochs in conventions(printed, base):
        prediction = predict(case, base, epochs)
        tolerance = printed.halves + prediction.rounding + np.abs(prediction.sway).sum(axis=1)
        off = ~(np.abs(prediction.losses - printed.losses) <= tolerance)
        yield int(np.argmax(off)) if off.any() else len(off), epochs, prediction


def _from_there(
    case: StatedSetup, printed: Printed, base: Loop, count: int, epochs: np.ndarray
) -> tuple[str, ...]:
    """What explains the losses from the last right one on, where one cause alone does."""
    *_, state = Dynamics(case, base).states([int(epochs[count - 1])])
    q = len(case.start)
    there = replace(case, start=state[:q, q:], slack=np.zeros_like(case.slack))
    rest = printed.part(slice(count - 1, None))
    rest = rest._replace(epochs=rest.epochs - rest.epochs[0], labelled=False, before=False)
    fitting = [c for c in explained(there, rest, base) if c.fits and c.name not in ("right", "stale")]
    if len({c.name for c in fitting}) != 1:
        return ()
    return (f"From there on one thing would explain them: {fitting[0].sentence}",)


def _loss(value: float) -> str:
    """A loss with the digits that float32 has, as loops print it."""
    return f"{value:,.8g}"
