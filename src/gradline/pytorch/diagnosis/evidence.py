"""One rule for every cause: how many bits of the printed losses it explains that no smooth curve foretells.

The rival of every cause is the one that is not in the table. All that is known of it is that its losses go on as
they went: it foretells each loss from those before, by staying there, by a line, by a geometric approach to a level
(Aitken 1926), by an approach to a level where some directions have settled, or by the losses of right steps, moved
by as much as they were off before. Where the best of these is off by w, and the cause in question by no more than
its tolerance t, that loss speaks log2(w/t) bits for the cause. A number that was fitted explains one loss always, so
that the loss with the most bits does not count. By accident a cause gathers b bits in 2^-b of all cases.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

SURE = 8.0  # bits that speak for a cause which is told for sure: an accident in 250. Wrong causes gathered 5 at most
RIGHT = 3.0  # bits that speak for right steps, where nothing else explains the losses
APART = 7.0  # bits by which a rival explains the losses worse before it is none
FLOOR = 0.25  # half units of the last digit: an agreement closer than this says nothing
MOST_INDEPENDENT = 7.0  # losses at most, as float32 errs in a row

Foretold = tuple[np.ndarray, np.ndarray]  # (K,) the losses, and how far the digits before may put each off


class Known(NamedTuple):
    """What is known beside the losses (K,) and their digits: the loss at the start, what right steps print, levels.

    `start` is nan where it is not known, `right` empty where right steps are the cause in question; either may be off
    by its `slack`. `levels` are where the loss rests while a direction has hardly moved.
    """

    start: float = math.nan
    start_slack: float = 0.0
    right: np.ndarray = np.zeros(0)
    right_slack: np.ndarray = np.zeros(0)
    levels: np.ndarray = np.zeros(0)


@np.errstate(divide="ignore", invalid="ignore", over="ignore")  # a guess may have no meaning here
def told(values: np.ndarray, digits: np.ndarray, width: np.ndarray, known: Known) -> np.ndarray:
    """(K,) the bits that each value tells, of a cause that foretells it from those before to its `width`.

    `digits` are how far each value may be off as printed and computed.
    """
    path, slack = np.append(known.start, values), np.append(known.start_slack, digits)
    foretold = [*_continued(path, slack), *_towards(path, slack, known.levels)]
    if len(known.right):
        off = np.append(0.0, values - known.right)
        foretold += [(known.right, known.right_slack)]
        foretold += [(known.right + gap, own) for gap, own in _continued(off, slack)]
    gaps = np.array([np.abs(values - value) for value, _ in foretold])
    widths = np.array([width + own for _, own in foretold])
    best = np.nan_to_num(gaps + widths, nan=np.inf).argmin(axis=0)[None]
    ratio = np.take_along_axis(gaps, best, 0)[0] / np.take_along_axis(widths, best, 0)[0]
    return np.log2(np.maximum(np.nan_to_num(ratio, nan=1.0, posinf=1.0), 1.0))


def given_before(digits: np.ndarray, sway: np.ndarray) -> np.ndarray:
    """(K,) how far each loss may be off given those before it, which tell the digits of the start.

    `sway` (K, d) is what half a unit of each start value changes (Kalman 1960, of a state that stays).
    """
    covariance, widths = np.eye(sway.shape[1]), np.empty(len(digits))
    for k, (digit, row) in enumerate(zip(digits, sway, strict=True)):
        gain = covariance @ row
        variance = digit**2 + row @ gain
        covariance = covariance - np.outer(gain, gain) / variance
        widths[k] = math.sqrt(variance)
    return widths


def _before(values: np.ndarray, count: int) -> np.ndarray:
    """(K,) of K + 1 values, the one so many places before each but the first; nan before the beginning."""
    return np.append(np.full(count, np.nan), values)[1 : len(values)]


def _continued(known: np.ndarray, slack: np.ndarray) -> Iterator[Foretold]:
    """Values that stay, that go on as a line, and that go on as Δ, Δ·g, Δ·g², …"""
    (v1, v2, v3), (t1, t2, t3) = ([_before(a, i) for i in (1, 2, 3)] for a in (known, slack))
    yield v1, t1
    yield 2 * v1 - v2, 2 * t1 + t2
    g = (v1 - v2) / (v2 - v3)
    yield v1 + g * (v1 - v2), t1 + 2 * np.abs(g) * (t1 + t2) + g**2 * (t2 + t3)


def _towards(known: np.ndarray, slack: np.ndarray, levels: np.ndarray) -> Iterator[Foretold]:
    """Values whose distance from a level goes on as E, E·ρ, E·ρ², …"""
    t1, t2 = _before(slack, 1), _before(slack, 2)
    for level in levels:
        above = known - level
        ratio = _before(above, 1) / _before(above, 2)
        yield level + ratio * _before(above, 1), 2 * np.abs(ratio) * t1 + ratio**2 * t2


def closeness(misfit: float, tolerance: np.ndarray, halves: np.ndarray) -> float:
    """The bits by which losses so far off are likelier than if each were off by 1: what rivals are compared by."""
    if not len(tolerance):
        return 0.0
    off = np.maximum(np.maximum(misfit * tolerance, FLOOR * halves), np.finfo(float).tiny)
    independent = min(max((len(tolerance) - 1) / 2, 1.0), MOST_INDEPENDENT)
    return float(-independent * np.log2(off).mean())
