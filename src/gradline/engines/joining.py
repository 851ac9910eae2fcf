"""Values that are joined by a balanced binary tree over their places, in whatever order they come."""

from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Joining(Generic[Value]):
    """The values of places 0 … count − 1: neighbours become one as soon as both are there, and so on upwards.

    What is joined with what depends on `count` alone, so a sum of float64 has the same bits however the values come,
    and its error grows with log₂(count). Values that come in about the order of their places leave log₂(count) waiting.
    """

    def __init__(self, count: int, join: Callable[[Value, Value], Value]) -> None:
        if count < 1:
            raise ValueError("there is no value of nothing")
        self._widths = [count]  # of each level, down to one value
        while self._widths[-1] > 1:
            self._widths.append((self._widths[-1] + 1) // 2)
        self._join = join
        self._came = bytearray(count)
        self._waiting: dict[tuple[int, int], Value] = {}

    def put(self, place: int, value: Value) -> None:
        """The value of a place; one that came before is the same, and is not taken twice."""
        if self._came[place]:
            return
        self._came[place] = 1
        level = 0
        while level < len(self._widths) - 1:
            other = place ^ 1
            if other < self._widths[level]:  # else it is the last one, alone, and goes up as it is
                if (level, other) not in self._waiting:
                    break
                theirs = self._waiting.pop((level, other))
                value = self._join(theirs, value) if other < place else self._join(value, theirs)
            level, place = level + 1, place // 2
        self._waiting[level, place] = value

    @property
    def whole(self) -> Value:
        """All values in one. Raises `ValueError` where some did not come: an engine has lost them."""
        if lacking := self._came.count(0):
            raise ValueError(f"{lacking} of {len(self._came)} values did not come")
        return self._waiting[len(self._widths) - 1, 0]
