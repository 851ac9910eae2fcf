"""Times contestants in turn, round after round, and prints medians, spread and ratios."""

import statistics
from collections.abc import Callable, Mapping


def compare(title: str, contestants: Mapping[str, Callable[[], float]], rounds: int) -> None:
    """Run each contestant, which returns its seconds, once per round; the first one is the measure of the others.

    A first, unmeasured round starts what needs starting: byte code, caches, workers.
    """
    for contestant in contestants.values():
        contestant()
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            times[name].append(contestant())
    base = statistics.median(next(iter(times.values())))
    width = max(len(title), *map(len, contestants)) + 2
    print(f"{title:{width}}{'median s':>10}{'min':>8}{'max':>8}{'ratio':>8}   ({rounds} rounds)")
    for name, found in times.items():
        median = statistics.median(found)
        print(f"{name:{width}}{median:10.3f}{min(found):8.3f}{max(found):8.3f}{median / base:8.2f}")
