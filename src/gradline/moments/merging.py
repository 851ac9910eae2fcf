"""Factors that merge as a binary tree, however their sum is written, so that rounding grows with the tree's depth."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gradline.core.derived import Derived, cached_property
from gradline.core.linalg.triangular import rounding, triangular
from gradline.moments.statistics import RowStatistics


class Part(NamedTuple):
    """R of some rows, at least one, whose columns are off by `error` of their norms, on top of `depth` merges."""

    statistics: RowStatistics
    factor: np.ndarray
    error: float
    depth: int = 0

    def merged(self, other: "Part") -> "Part":
        """R of both sets of rows, the triangular factor of [R₁; R₂; b] with b between the means.

        The columns of [R₁; R₂] are off by no larger a share of their norms than the worse of the two, b by a few
        roundings of itself, and QR adds `rounding`. So errors add up along the longest way from a part to the whole.
        They are added as they are, and not as if they were independent: where rows repeat, they are not.
        """
        statistics = self.statistics + other.statistics
        rows = np.vstack([self.factor, other.factor, self.statistics.between(other.statistics)])
        error = _after_merge(self.error, other.error, rows.shape[1])
        return Part(statistics, triangular(rows), error, max(self.depth, other.depth) + 1)


@dataclass(frozen=True, eq=False)
class Tree(Derived):
    """Parts that wait to be merged, each of fewer merges than the one before it.

    It is a binary counter (Bentley, Saxe 1980): two parts of as many merges make one of one more. So adding n parts one
    by one takes less than n merges, and no more than ⌊log₂ n⌋ + 1 of them stand on top of each other.
    """

    parts: tuple[Part, ...] = ()

    def __add__(self, other: "Tree") -> "Tree":
        """The parts of both."""
        waiting = {part.depth: part for part in self.parts}
        for part in other.parts:
            while (equal := waiting.pop(part.depth, None)) is not None:
                part = equal.merged(part)
            waiting[part.depth] = part
        return Tree(tuple(sorted(waiting.values(), key=lambda part: -part.depth)))

    @property
    def error(self) -> float:
        """What the error of `factor` is bounded by; it needs no factor."""
        *before, last = self.parts
        error = last.error
        for part in reversed(before):
            error = _after_merge(part.error, error, len(part.statistics.mean))
        return error

    @cached_property
    def factor(self) -> np.ndarray:
        """R of all parts, those of the fewest rows first."""
        *before, whole = self.parts
        for part in reversed(before):
            whole = part.merged(whole)
        return whole.factor


def _after_merge(a: float, b: float, columns: int) -> float:
    return max(a, b) + rounding(columns)
