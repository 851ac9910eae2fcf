"""What an engine promises: the same bits for any number of workers, any order of their work, any retry or duplicate."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from gradline.engines.joining import Joining

Unit = TypeVar("Unit")
Value = TypeVar("Value")


class Engine(ABC):
    """Makes a value of each unit, wherever and however often, and joins them in an order that only the units decide.

    An engine is a frozen dataclass of its settings, and writes `results` alone: whatever comes, late, twice or out of
    order, `reduce` puts it where it belongs. So no engine can give another answer than `Threads`.
    """

    fits = False  # whether `fit` can work by it, beside what `reduce` is for
    multiplies = False  # whether it has a device that sums up blocks of rows itself, as `Cuda.sums` does

    @abstractmethod
    def results(self, units: Sequence[Unit], part: Callable[[Unit], Value]) -> Iterator[tuple[int, Value]]:
        """`(place, part(units[place]))` of each place at least once, in whatever order.

        A unit whose worker is lost is done again, for `part` has the same value each time. What `part` itself raises
        is a refusal and ends the work: of several, that of the first unit, so that the same data refuse alike.
        """

    def reduce(
        self,
        units: Sequence[Unit],
        part: Callable[[Unit], Value],
        join: Callable[[Value, Value], Value],
    ) -> Value:
        """The values of at least one unit, joined by the balanced binary tree over their places.

        Parameters:
        - `units`: what travels to workers, small and picklable, such as an address and row groups; their order is part
          of the question, since sums of float64 depend on it.
        - `part`: a frozen dataclass with a `__call__`, or a function of a module, that pickles; it depends on nothing
          but its fields and the unit.
        - `join`: the value of two neighbours, the earlier one first; it may keep or change what it is given, which
          nobody asks for again.

        Raises what `part` raises.
        """
        joining = Joining(len(units), join)
        for place, value in self.results(units, part):
            joining.put(place, value)
        return joining.whole
