"""Moments with double-double cross-products beside plain ones, by the processor's time of all cores."""

import functools
import time

from contest import REST, Bout, Case, Contestant, Outcome
from tables import table

from gradline import Moments

SIZES = [(1_000_000, 10), (200_000, 50), (20_000, 200)]
QUICK = [(50_000, 10), (10_000, 50), (2_000, 200)]


def cases(quick: bool) -> list[Case]:
    """One for each size (rows, columns)."""
    return [
        Case(f"processor time of moments, {n:,} × {p}", functools.partial(prepare, n, p))
        for n, p in (QUICK if quick else SIZES)
    ]


def prepare(n: int, p: int) -> Bout:
    """Both kinds from the same rows; neither has an answer to compare."""
    X, y = table(n, p)

    def made(extended: bool) -> Contestant:
        def timed() -> Outcome:
            time.sleep(REST)
            began = time.process_time()
            Moments.of(X, y, extended=extended)
            return Outcome(time.process_time() - began, None)

        return timed

    return Bout({"gradline, plain": made(False), "gradline, extended": made(True)}, lambda: None)
