"""Printed losses beside simulated runs with shuffled batches: could they be one of them?"""

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from gradline.pytorch.diagnosis.evidence import APART, Known, told
from gradline.pytorch.diagnosis.loops import LOGS, Loop
from gradline.pytorch.diagnosis.matching import Match, conventions, no_match
from gradline.pytorch.diagnosis.printed import Printed
from gradline.pytorch.diagnosis.simulation import Dynamics, StatedSetup

MEMBERS, MOST_UPDATES, MOST_ROWS = 48, 4_000, 100_000  # of simulated runs; beyond these there is no verdict
HORIZONS = (2, 4, 8, 16, 32)  # losses after which runs too far off are given up
DEVIATIONS = (
    4.0  # standard deviations that a run may be off from them: their tails are heavier than normal ones
)
FREEDOM = 4.0  # degrees of freedom of Student's t, for the same reason
UNLUCKY = (
    2.0  # times the misfit allowed that the loop which was meant may have: it is likelier from the start
)
CREDIT = 0.5  # of the bits between two ensembles: their law is a rough one, and is estimated from few runs
LOG_ROUNDING = 1e-5  # what float32 may do to the logarithm of a loss
NONE = np.zeros(0)


def shuffled(case: StatedSetup, printed: Printed, loops: Iterable[Loop]) -> Iterator[Match]:
    """For each loop with shuffled batches and each kind of log, the match by the convention that is likeliest.

    A loop is given up once it is so much less likely than the best before it that it is no rival.
    """
    best = NONE
    for loop in loops:
        for match, terms in _of(case, printed, loop, best):
            if match.fits and (not len(best) or terms.mean() > best.mean()):
                best = terms
            yield match


def _of(case: StatedSetup, printed: Printed, loop: Loop, best: np.ndarray) -> list[tuple[Match, np.ndarray]]:
    logs = [replace(loop, log=log) for log in LOGS]
    choices = [(log, epochs) for log in logs for epochs in conventions(printed, log)]
    updates = -(-len(case.A) // (loop.batch or len(case.A)))
    last = min(max((int(e.max(initial=0)) for _, e in choices), default=0), MOST_UPDATES // updates)
    found: dict[Loop, tuple[Match, np.ndarray]] = {}
    if len(case.A) <= MOST_ROWS:
        runs, history = Dynamics(case, loop).shuffled(MEMBERS), []
        for count in (*HORIZONS, len(printed.losses)):
            horizon = min(int(printed.epochs[:count].max()) + 1, last)
            history += itertools.islice(runs, horizon + 1 - len(history))
            past = {log: np.array([losses[log] for losses in history]) for log in LOGS}
            tried = [_beside(printed, past[log.log], log, epochs) for log, epochs in choices]
            alive = [t for t in tried if t is not None and _is_alive(*t, best)]
            found = {m.loop: (m, terms) for m, terms in sorted(alive, key=lambda t: t[0].score)}
            if not found:
                break
    return [found.get(log, (no_match(printed, log), NONE)) for log in logs]


def _is_alive(match: Match, terms: np.ndarray, best: np.ndarray) -> bool:
    shared = min(len(terms), len(best))
    return match.fits and terms[:shared].sum() >= best[:shared].sum() - APART / CREDIT * math.log(2)


def _beside(
    printed: Printed, history: np.ndarray, loop: Loop, epochs: np.ndarray
) -> tuple[Match, np.ndarray] | None:
    """The printed run beside simulated ones, history (epochs, runs), and the log-likelihood of each of its losses.

    Each logarithm of a loss is foretold from the one before it by regression over the runs. What is left is noise
    in a run that is one of them: its mean square (whose cube root is nearly normal: Wilson, Hilferty 1931), its mean
    and its correlation from one loss to the next lie where theirs do, within four standard deviations.
    None before two of its losses are simulated.
    """
    told_of = (epochs < len(history)) & np.isfinite(printed.losses) & (printed.losses > 0)
    if told_of.sum() < min(2, len(printed.losses)):
        return None
    losses, runs = printed.losses[told_of], history[epochs[told_of]]
    if not np.isfinite(runs).all():
        return None
    start, tiny = float(history[0, 0]), np.finfo(float).tiny
    runs = np.log(np.maximum(runs, tiny))
    floor = printed.halves[told_of] / losses + LOG_ROUNDING
    both = np.column_stack([np.log(losses), runs]) - runs.mean(axis=1, keepdims=True)
    before = np.vstack([np.zeros_like(both[:1]), both[:-1]])
    slope = (both * before)[:, 1:].sum(axis=1) / ((before**2)[:, 1:].sum(axis=1) + MEMBERS * floor**2)
    rest = both - slope[:, None] * before
    spread = np.hypot(rest[:, 1:].std(axis=1, ddof=1), floor)
    unit = rest / spread[:, None]
    moments = np.array(
        [np.cbrt((unit**2).mean(axis=0)), unit.mean(axis=0), (unit[1:] * unit[:-1]).sum(axis=0) / len(unit)]
    )
    off = np.abs(moments[:, 0] - moments[:, 1:].mean(axis=1))
    size = float((off / np.maximum(moments[:, 1:].std(axis=1, ddof=1), 1e-3)).max()) / DEVIATIONS
    terms = -0.5 * (FREEDOM + 1) * np.log1p(unit[:, 0] ** 2 / FREEDOM) - np.log(spread)
    known = Known(math.log(max(start, tiny)))
    is_meant = replace(loop, log="all") == Loop(batch=loop.batch, shuffled=True)
    fits = size <= (UNLUCKY if is_meant else 1)
    bits = told(np.log(losses), spread, spread, known).sum() if size <= 1 else 0.0
    score = CREDIT * terms.mean() * len(printed.losses) / math.log(2)
    return Match(size, fits, loop, epochs, float(bits), float(score)), terms
