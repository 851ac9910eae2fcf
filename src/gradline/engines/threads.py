"""Threads of this process: the engine that needs nothing, and the one that all others are compared with."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from gradline.core.parallel import ordered_map
from gradline.engines.engine import Engine

Unit = TypeVar("Unit")
Value = TypeVar("Value")


@dataclass(frozen=True)
class Threads(Engine):
    """So many threads, as many as there are cores by default: what reads and adds up leaves Python's lock free."""

    workers: int | None = None

    fits = True

    def results(self, units: Sequence[Unit], part: Callable[[Unit], Value]) -> Iterator[tuple[int, Value]]:
        """See `Engine`: in the order of the units, so that of several refusals the first is raised."""
        return enumerate(ordered_map(units, part, self.workers))
