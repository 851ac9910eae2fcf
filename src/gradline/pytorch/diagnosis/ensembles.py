"""Printed losses beside simulated runs with shuffled batches: could they be one of them?"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gradline.pytorch.diagnosis.matching import SURE, Match, conventions, no_match
from gradline.pytorch.diagnosis.printed import Printed
from gradline.pytorch.diagnosis.simulation import LOGS, Dynamics, Loop, StatedSetup

MEMBERS, MOST_UPDATES, MOST_ROWS = 64, 60_000, 100_000  # of simulated runs; beyond these there is no verdict
HORIZONS = (2, 4, 8, 16, 32)  # losses after which runs too far off are given up
DEVIATIONS = (
    4.0  # standard deviations that a run may be off from them: their tails are heavier than normal ones
)
FREEDOM = 4.0  # degrees of freedom of Student's t, for the same reason
FEWEST, ROUGH = (
    6,
    0.35,
)  # losses and bends of a run surely at random: noise bends by 0.67, smooth loops by 0.1 to 0.3
LOG_ROUNDING = 1e-5  # what float32 may do to the logarithm of a loss


def shuffled(case: StatedSetup, printed: Printed, loop: Loop) -> list[Match]:
    """A loop with shuffled batches, for each kind of log, by the convention that makes the losses likeliest."""
    logs = [replace(loop, log=log) for log in LOGS]
    choices = [(log, epochs) for log in logs for epochs in conventions(printed, log)]
    updates = -(-len(case.A) // (loop.batch or len(case.A)))
    last = min(max((int(e.max(initial=0)) for _, e in choices), default=0), MOST_UPDATES // updates)
    best: dict[Loop, Match] = {}
    if len(case.A) <= MOST_ROWS:
        runs, history = Dynamics(case, loop).shuffled(MEMBERS), []
        for count in (*HORIZONS, len(printed.losses)):
            horizon = min(int(printed.epochs[:count].max()) + 1, last)
            history += itertools.islice(runs, horizon + 1 - len(history))
            past = {log: np.array([losses[log] for losses in history]) for log in LOGS}
            tried = [_beside(printed, past[log.log], log, epochs) for log, epochs in choices]
            best = {m.loop: m for m in sorted((m for m in tried if m is not None), key=_likelihood)}
            if best and min(match.misfit for match in best.values()) > DEVIATIONS:
                break
    return [best.get(log, no_match(printed, log)) for log in logs]


def _likelihood(match: Match) -> float:
    return float(match.terms.mean()) if len(match.terms) else -math.inf


def _beside(printed: Printed, history: np.ndarray, loop: Loop, epochs: np.ndarray) -> Match | None:
    """The printed run beside simulated ones, history (epochs, runs); None before two of its losses are simulated.

    Each logarithm of a loss is foretold from the one before it by regression over the runs. What is left is noise
    in a run that is one of them: its mean square (whose cube root is nearly normal: Wilson, Hilferty 1931), its mean
    and its correlation from one loss to the next lie where theirs do, within four standard deviations.
    Wide spreads explain smooth losses too, whatever made them: only what is rough is surely at random.
    """
    known = (epochs < len(history)) & np.isfinite(printed.losses) & (printed.losses > 0)
    if known.sum() < 2:
        return None
    losses, runs = printed.losses[known], history[epochs[known]]
    if not np.isfinite(runs).all():
        return no_match(printed, loop)
    runs = np.log(np.maximum(runs, np.finfo(float).tiny))
    floor = printed.halves[known] / losses + LOG_ROUNDING
    both = np.column_stack([np.log(losses), runs]) - runs.mean(axis=1, keepdims=True)
    before = np.vstack([np.zeros_like(both[:1]), both[:-1]])
    slope = (both * before)[:, 1:].sum(axis=1) / ((before**2)[:, 1:].sum(axis=1) + MEMBERS * floor**2)
    rest = both - slope[:, None] * before
    spread = np.hypot(rest[:, 1:].std(axis=1, ddof=1), floor)
    unit = rest / spread[:, None]
    told = np.array([np.cbrt((unit**2).mean(axis=0)), unit.mean(axis=0), (unit[1:] * unit[:-1]).mean(axis=0)])
    off = np.abs(told[:, 0] - told[:, 1:].mean(axis=1)) / np.maximum(told[:, 1:].std(axis=1, ddof=1), 1e-3)
    misfit = float(off.max()) / DEVIATIONS
    terms = -0.5 * (FREEDOM + 1) * np.log1p(unit[:, 0] ** 2 / FREEDOM) - np.log(spread)
    return Match(misfit, misfit <= 1, loop, epochs, _is_rough(unit[:, 0]), terms=terms)


def _is_rough(noise: np.ndarray) -> bool:
    """Whether the noise of a run, in units of its spread, bends up and down as noise does."""
    bends = np.abs(np.diff(noise, 2)) / math.sqrt(6)
    return len(noise) >= FEWEST and bool(np.median(bends) >= ROUGH)


def likeliest(matches: Sequence[Match]) -> list[Match]:
    """The matches with simulated runs, none fitting that is less likely than the best by more than chance allows."""
    shared = min((len(match.terms) for match in matches if match.fits), default=0)
    worth = [match.terms[:shared].sum() if match.fits else -math.inf for match in matches]
    least = max(worth, default=0.0) + math.log(SURE)
    return [m._replace(fits=bool(m.fits and value >= least)) for m, value in zip(matches, worth, strict=True)]
