"""Runs contestants in turn, round after round, each round in a new order; prints medians, spread and ratios."""

import random
import statistics
from collections.abc import Callable, Mapping
from typing import TypeVar

Result = TypeVar("Result")


def alternate(contestants: Mapping[str, Callable[[], Result]], rounds: int) -> dict[str, list[Result]]:
    """What each contestant returned in each round.

    A first, unmeasured round starts what needs starting: byte code, caches, workers.
    """
    for contestant in contestants.values():
        contestant()
    found: dict[str, list[Result]] = {name: [] for name in contestants}
    shuffle = random.Random(0).shuffle
    for _ in range(rounds):
        order = list(contestants)
        shuffle(order)
        for name in order:
            found[name].append(contestants[name]())
    return found


def compare(title: str, contestants: Mapping[str, Callable[[], float]], rounds: int) -> None:
    """Print the seconds that each contestant returns; the first one is the measure of the others."""
    times = alternate(contestants, rounds)
    base = statistics.median(next(iter(times.values())))
    width = max(len(title), *map(len, contestants)) + 2
    print(f"{title:{width}}{'median s':>10}{'min':>8}{'max':>8}{'ratio':>8}   ({rounds} rounds)")
    for name, found in times.items():
        median = statistics.median(found)
        print(f"{name:{width}}{median:10.3f}{min(found):8.3f}{max(found):8.3f}{median / base:8.2f}")
