"""One rule for every cause: how many bits of the printed losses it explains that no smooth curve foretells.

The rival of every cause is the one that is not in the table. All that is known of it is that its losses go on as
they went: it foretells each loss from those before, by staying there, by a line, by a geometric approach to a level
(Aitken 1926), by an approach to a level where some directions have settled, or by the losses of right steps, moved
by as much as they were off before. Where the best of these is off by w, and the cause in question by no more than
its tolerance t, that loss speaks log2(w/t) bits for the cause. A number that was fitted explains one loss always, so
that the loss with the most bits does not count. By accident a cause gathers b bits in 2^-b of all cases.
"""

from collections.abc import Iterator

import numpy as np

SURE = 10.0  # bits that speak for a cause which is told for sure: an accident in a thousand
APART = 7.0  # bits by which a rival explains the losses worse before it is none
FLOOR = 0.25  # half units of the last digit: an agreement closer than this says nothing
MOST_INDEPENDENT = 7.0  # losses at most, as float32 errs in a row

Foretold = tuple[np.ndarray, np.ndarray]  # (K,) the losses, and how far the digits before may put each off


def told(
    values: np.ndarray, tolerance: np.ndarray, start: float, right: np.ndarray | None, levels: np.ndarray
) -> np.ndarray:
    """(K,) the bits that each value tells, of a cause that explains all of them to `tolerance`.

    `start` is the value before the first update, nan where it is not known; `right` is what right steps print, None
    where they are the cause in question; `levels` are where the loss rests while a direction has hardly moved.
    """
    known, slack = np.append(start, values), np.append(0.0, tolerance)
    foretold = [*_continued(known, slack), *_towards(known, slack, levels)]
    if right is not None:
        off = np.append(0.0, values - right)
        foretold += [(right, tolerance)]
        foretold += [(right + gap, width) for gap, width in _continued(off, slack)]
    gaps = np.array([np.abs(values - value) for value, _ in foretold])
    widths = np.array([width for _, width in foretold])
    best = np.nan_to_num(gaps + widths, nan=np.inf).argmin(axis=0)[None]
    ratio = np.take_along_axis(gaps, best, 0)[0] / np.take_along_axis(widths, best, 0)[0]
    return np.log2(np.maximum(np.nan_to_num(ratio, nan=1.0, posinf=1.0), 1.0))


def _before(values: np.ndarray, count: int) -> np.ndarray:
    """(K,) of K + 1 values, the one so many places before each but the first; nan before the beginning."""
    return np.append(np.full(count, np.nan), values)[1 : len(values)]


def _continued(known: np.ndarray, slack: np.ndarray) -> Iterator[Foretold]:
    """Values that stay, that go on as a line, and that go on as Δ, Δ·g, Δ·g², …"""
    (v1, v2, v3), (t1, t2, t3) = ([_before(a, i) for i in (1, 2, 3)] for a in (known, slack))
    own = slack[1:]
    yield v1, own + t1
    yield 2 * v1 - v2, own + 2 * t1 + t2
    g = (v1 - v2) / (v2 - v3)
    yield v1 + g * (v1 - v2), own + t1 + 2 * np.abs(g) * (t1 + t2) + g**2 * (t2 + t3)


def _towards(known: np.ndarray, slack: np.ndarray, levels: np.ndarray) -> Iterator[Foretold]:
    """Values whose distance from a level goes on as E, E·ρ, E·ρ², …"""
    t1, t2 = _before(slack, 1), _before(slack, 2)
    for level in levels:
        above = known - level
        ratio = _before(above, 1) / _before(above, 2)
        yield (
            level + ratio * _before(above, 1),
            slack[1:] + 2 * np.abs(ratio) * t1 + ratio**2 * t2,
        )


def closeness(misfit: float, tolerance: np.ndarray, halves: np.ndarray) -> float:
    """The bits by which losses so far off are likelier than if each were off by 1: what rivals are compared by."""
    if not len(tolerance):
        return 0.0
    off = np.maximum(np.maximum(misfit * tolerance, FLOOR * halves), np.finfo(float).tiny)
    independent = min(max((len(tolerance) - 1) / 2, 1.0), MOST_INDEPENDENT)
    return float(-independent * np.log2(off).mean())
