"""How well a loop explains printed losses: its misfit, what speaks for it, and a number fitted where one is free."""

import itertools
import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from gradline.pytorch.diagnosis.evidence import Known, closeness, given_before, told
from gradline.pytorch.diagnosis.loops import Family, Loop
from gradline.pytorch.diagnosis.modes import Modes
from gradline.pytorch.diagnosis.printed import Printed
from gradline.pytorch.diagnosis.simulation import Dynamics, Prediction, StatedSetup
from gradline.pytorch.diagnosis.stepping import predict

OVERFLOW = 1e36  # float32 ends at 3.4e38, and a sum of squares gets there before its mean
NUDGE = 1e-6  # relative change of a free number that shows its slope
HEADS = (4, 8, 16, 32, 64)  # losses that a free number is fitted to in turn: few tell it roughly, many finely
OUT = 4.0  # times the misfit allowed: beyond it in the first losses no more of them are looked at
MOST_STEPS = 12  # of Gauss and Newton on the same losses
MOST_EPOCHS, MOST_CELLS = 20_000, 4e6  # searched for a printed loss; of the states kept on the way
LEAST_SPENT = (
    8.0  # bits, above evidence.APART: a number that has right steps among its values is no rival of them
)
USUAL = 0.02  # of what float32 may do, which is what it usually does
SELDOM = (
    0.3  # of what float32 may do: right steps that are off by more, from a start that is known, are not sure
)
START = np.zeros(1, int)  # the epoch of the start


class Match(NamedTuple):
    """A loop against the losses: `misfit` in units of what is allowed, and the epochs (K,) that they were taken for.

    `bits` speak for it, by the rule of `evidence`; `score` is by how many bits it explains the losses better than
    another, less what its fitted number and its rarity cost; `room` by how many one would that is off as usual.
    """

    misfit: float
    fits: bool
    loop: Loop
    epochs: np.ndarray
    bits: float = 0.0
    score: float = -math.inf
    directions: int = 0  # whose energies were fitted, where the start was
    room: float = 0.0


def no_match(printed: Printed, loop: Loop) -> Match:
    """A loop that cannot have printed these losses."""
    return Match(math.inf, False, loop, printed.epochs)


def limit(count: int) -> float:
    """The largest misfit of `count` losses that a true hypothesis has in 999 of 1,000 runs from a printed start.

    Tolerances are bounds, not standard deviations: from an exact start no true misfit is above one. The digits
    of a printed start are uniform in their last place, with a variance of a third of the bound squared, so that
    3·K·misfit² is χ² with K degrees of freedom at most (Wilson, Hilferty 1931).
    """
    chi_square = count * (1 - 2 / (9 * count) + 3.09 * math.sqrt(2 / (9 * count))) ** 3
    return max(1.0, math.sqrt(chi_square / (3 * count)))


def conventions(printed: Printed, loop: Loop) -> list[np.ndarray]:
    """The numbers of updates (K,) that the printed epochs may mean, by where the loop counts and prints."""
    shifts = (0, 1) if not printed.labelled or printed.before else (0, 1, -1)
    inside = np.arange(len(printed.epochs)) >= int(printed.before)
    meant = [printed.epochs + shift * inside for shift in shifts]
    if loop.stale:
        return [e for e in meant if len(e) > 1 and e[0] == 0 and e[1:].min() > 0]
    return [
        e
        for e in meant
        if e.min(initial=0) >= 0 and not (loop.log != "all" and e[int(printed.before) :].min() < 1)
    ]


def misfit(printed: Printed, prediction: Prediction) -> tuple[float, bool]:
    """RMS of (printed − predicted)/tolerance, the start anywhere within its printed digits, and whether it fits.

    The tolerance is half a unit of the last printed digit and what float32 may have done. The start is chosen
    for the best fit, at the cost of its own deviations: min ‖r − J·z‖² + ‖z‖², J by the half units of the start.
    """
    return _weighed(printed, prediction, np.zeros(len(printed.losses)))[:2]


def _weighed(printed: Printed, prediction: Prediction, slope: np.ndarray) -> tuple[float, bool, float]:
    """The misfit, whether it fits, and the step in a free number whose unit changes the losses by `slope`."""
    finite = np.isfinite(printed.losses)
    losses = prediction.losses[finite]
    if not np.isfinite(losses).all() or (prediction.losses[~finite] < OVERFLOW).any():
        return math.inf, False, 0.0
    if not finite.any():
        return 0.0, True, 0.0
    tolerance = np.maximum(printed.halves + prediction.rounding, np.finfo(float).tiny)[finite]
    r = (printed.losses[finite] - losses) / tolerance
    J = np.column_stack([prediction.sway[finite], slope[finite]]) / tolerance[:, None]
    J = np.nan_to_num(J, posinf=0.0, neginf=0.0)
    prior = np.eye(J.shape[1] - 1, J.shape[1])
    z = np.linalg.lstsq(np.vstack([J, prior]), np.append(r, np.zeros(len(prior))), rcond=None)[0]
    rest, count = r - J @ z, len(r)
    size = math.sqrt((rest @ rest + z[:-1] @ z[:-1]) / count)
    allowed = limit(count) if prediction.sway.any() else 1.0
    # One loss may be off by twice the limit and no more, however many others agree.
    fits = size <= allowed and np.abs(rest).max() <= 2 * allowed
    return size, bool(fits), float(z[-1])


class Bench:
    """Printed losses and the loop that was meant, against which others are held."""

    def __init__(self, case: StatedSetup, printed: Printed, base: Loop) -> None:
        self.case, self.printed, self.base = case, printed, base
        start, levels = predict(case, Loop(), START), Modes(case, replace(base, batch=None)).levels
        slack = np.sqrt((start.sway[0] ** 2).sum())
        self.known = Known(float(start.losses[0]), float(slack), levels=levels)

    def exact(self, loop: Loop) -> Match:
        """A loop whose batches are known, by the convention that suits it best; given up where the first are off."""
        meant, head = conventions(self.printed, loop), slice(HEADS[0])
        changes = (np.abs(np.diff(self.printed.losses)) > 2 * self.printed.halves[1:]).any()
        if not meant or (
            changes and not loop.lr_ratio
        ):  # weights that never change print one and the same loss
            return no_match(self.printed, loop)
        if len(self.printed.losses) > HEADS[0]:
            match, _ = _by_convention(
                self.case, self.printed.part(head), loop, [epochs[head] for epochs in meant]
            )
            if match.misfit > OUT * limit(len(self.printed.losses)):
                return match._replace(fits=False, epochs=self.printed.epochs)
        match, prediction = _by_convention(self.case, self.printed, loop, meant)
        return self._weighed_up(match, prediction) if match.fits else match

    def fitted(self, loop: Loop, family: Family) -> Match:
        """The loop of a family that explains the losses best, its free number found on ever more of them."""
        best = no_match(self.printed, loop)
        for epochs in self._plausible(family.at(loop, family.values[0])):
            near, beside = self._rough(loop, family, epochs)
            for value in itertools.chain(near, beside):
                if value in beside and best.fits:
                    break
                match = self._polished(loop, family, value, epochs)
                best = match if match.misfit < best.misfit else best
        return best

    def _weighed_up(self, match: Match, prediction: Prediction, free: float = 0.0) -> Match:
        """The match with what speaks for it; `free` are the bits that a fitted number cost, where one was fitted."""
        finite, loop = np.isfinite(self.printed.losses), match.loop
        losses, halves = self.printed.losses[finite], self.printed.halves[finite]
        sway = prediction.sway[finite]
        digits = np.maximum(halves + prediction.rounding[finite], np.finfo(float).tiny)
        meant = replace(self.base, log=loop.log) if self.base.batch else self.base
        if loop == meant:  # however smooth: they moved so many times as far as they are off
            known = self.known
            moved = np.abs(losses - known.start) / np.maximum(match.misfit * digits, halves)
        else:
            right = Prediction(*(part[finite] for part in predict(self.case, meant, match.epochs)))
            slack = right.rounding + np.sqrt((right.sway**2).sum(axis=1))
            known = self.known._replace(right=right.losses, right_slack=slack)
            moved = np.abs(losses - right.losses) / (digits + slack)
        bits = np.log2(np.maximum(moved, 1.0)).max(initial=0.0) if loop == meant or not loop.lr_ratio else 0.0
        if loop.lr_ratio:  # else the losses stay, which is what this cause foretells
            width = given_before(digits, sway) if sway.any() else digits
            bits = max(bits, np.sort(told(losses, digits, width, known))[: -1 if free else None].sum())
        beyond = np.abs(losses - prediction.losses[finite]) - halves
        if loop == meant and not sway.any() and (beyond > SELDOM * prediction.rounding[finite]).any():
            bits = 0.0
        close = closeness(match.misfit, digits, halves)
        room = closeness(USUAL, digits, halves) - close
        return match._replace(bits=float(bits), score=close - free, room=room)

    def _plausible(self, loop: Loop) -> list[np.ndarray]:
        """The ways to count; only those that begin at the start where the first loss is the loss there."""
        meant = conventions(self.printed, loop)
        start = [epochs for epochs in meant if epochs[:1].tolist() == [0]]
        seen = start and misfit(self.printed.part(slice(1)), predict(self.case, loop, start[0][:1]))[1]
        return start if seen else meant

    def _rough(self, loop: Loop, family: Family, epochs: np.ndarray) -> tuple[list[float], list[float]]:
        """Up to four values where the first losses are nearest, and those beside the nearest.

        The first losses tell it before the loop has settled. A rate and its mirror, on both sides of the one that
        takes the loss lowest, may lie in one valley: each is found from its own side.
        """
        losses = self.printed.losses
        used = np.flatnonzero(np.isfinite(losses) & (losses > 0) & (epochs > 0))[: HEADS[0]]
        if not len(used):
            return [], []
        found = [predict(self.case, family.at(loop, value), epochs[used]).losses for value in family.values]
        far = ((np.log(np.array(found)) - np.log(losses[used])) ** 2).sum(axis=1)
        far = np.pad(np.nan_to_num(far, nan=np.inf, posinf=np.inf), 1, constant_values=np.inf)
        low = np.flatnonzero((far[1:-1] <= far[:-2]) & (far[1:-1] <= far[2:]) & np.isfinite(far[1:-1]))
        low = low[np.argsort(far[low + 1])][:4]
        beside = [i for i in (*(low[:1] - 1), *(low[:1] + 1)) if 0 <= i < len(family.values)]
        return [float(family.values[i]) for i in low], [float(family.values[i]) for i in beside]

    def _polished(self, loop: Loop, family: Family, value: float, epochs: np.ndarray) -> Match:
        """The match of the best value near one, found on few losses, then on more; given up where few are far off."""
        count, size, fits = len(self.printed.losses), math.inf, False
        for head in [*(h for h in HEADS if h < count), count]:
            part, at = self.printed.part(slice(head)), epochs[:head]
            value = self._refined(part, loop, family, value, at)
            size, fits = misfit(part, predict(self.case, family.at(loop, value), at))
            if not size <= OUT * limit(count):
                return no_match(self.printed, loop)
        match = Match(size, fits, family.at(loop, value), epochs)
        if not fits or not family.is_met(value):
            return match._replace(fits=False)
        here, slope = self._slope(loop, family, value, epochs)
        width = np.maximum(self.printed.halves + here.rounding, np.finfo(float).tiny)
        steepness = np.nan_to_num(slope / width)
        spent = math.log2(
            max(1.0, np.linalg.norm(steepness) * math.log(family.values[-1] / family.values[0]))
        )
        return self._weighed_up(match, here, free=max(spent, LEAST_SPENT))

    def _slope(
        self, loop: Loop, family: Family, value: float, epochs: np.ndarray
    ) -> tuple[Prediction, np.ndarray]:
        """The prediction at a value, and what a unit of the value's logarithm changes."""
        here = predict(self.case, family.at(loop, value), epochs)
        there = predict(self.case, family.at(loop, value * (1 + NUDGE)), epochs)
        return here, (there.losses - here.losses) / NUDGE

    def _refined(self, part: Printed, loop: Loop, family: Family, value: float, epochs: np.ndarray) -> float:
        """The value after Gauss-Newton steps in its logarithm, with the start's digits free in their slack."""
        for _ in range(MOST_STEPS):
            size, _, step = _weighed(part, *self._slope(loop, family, value, epochs))
            if not math.isfinite(size):
                break
            value *= math.exp(float(np.clip(step, -0.2, 0.2)))
            if abs(step) < 1e-10:
                break
        return value

    def other_epochs(self) -> Match:
        """The right trajectory at other epochs than printed: each loss looked up on it.

        Cells are run twice here and there; where more than half of the steps differ, another cause is nearer.
        A loss lies on a slow trajectory by chance: it tells as much as its neighbours there are apart. Each cell
        that was run another number of times is a whole number that was fitted.
        """
        printed, loop = self.printed, self.base
        most = min(
            MOST_EPOCHS, 20 * int(printed.epochs.max()) + 200, int(MOST_CELLS / self.case.start.size**2)
        )
        path = Dynamics(self.case, loop).predict(np.arange(most + 2))
        sway, steps = np.sqrt((path.sway**2).sum(axis=1)), np.abs(np.gradient(path.losses))
        at: list[int] = []
        for i, (loss, half) in enumerate(zip(printed.losses, printed.halves, strict=True)):
            hits = np.flatnonzero(np.abs(path.losses - loss) <= 1.5 * (half + path.rounding + sway))
            if not len(hits):
                return no_match(printed, loop)
            after = at[-1] + printed.epochs[i] - printed.epochs[i - 1] if at else printed.epochs[i]
            at.append(int(hits[np.argmin(np.abs(hits - after))]))
        epochs = np.array(at)
        width = (printed.halves + path.rounding[epochs] + sway[epochs]).clip(np.finfo(float).tiny)
        bits = np.log2(np.maximum(steps[epochs] / (2 * width), 1.0))
        changed = (np.diff(epochs, prepend=0) != np.diff(printed.epochs, prepend=0)).sum()
        if not 0 < changed <= max(1, (bits > 1).sum() // 2):
            return no_match(printed, loop)
        size, fits = misfit(printed, Prediction(*(part[epochs] for part in path)))
        spent = changed * math.log2(len(path.losses))
        score = closeness(size, width, printed.halves) - spent
        return Match(size, fits, loop, epochs, float(bits.sum() - spent), score)


def _by_convention(
    case: StatedSetup, printed: Printed, loop: Loop, meant: list[np.ndarray]
) -> tuple[Match, Prediction]:
    known = np.unique(meant)
    prediction = predict(case, loop, known)
    at = [Prediction(*(part[np.searchsorted(known, epochs)] for part in prediction)) for epochs in meant]
    found = [(*misfit(printed, p), i) for i, p in enumerate(at)]
    size, fits, i = min(found, key=lambda match: match[0])
    return Match(size, fits, loop, meant[i]), at[i]
