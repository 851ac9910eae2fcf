"""Rows dealt out into parts that each row belongs to one of, whatever the blocks are in which they come."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gradline.data.design import DesignSpec
from gradline.data.row_block import RowBlock
from gradline.data.row_stream import RowStream, Split, regrouped

STRIPE = Split.STRIPE  # rows among which each part gets its share: those of a hold-out split


class Deal(Protocol):
    """Which of `count` parts each row belongs to."""

    @property
    def count(self) -> int: ...

    def numbers(self, first: int, block: RowBlock) -> np.ndarray:
        """The parts (n,) of the rows of a block, the first of which is row number `first`, a multiple of `STRIPE`."""
        ...


@dataclass(frozen=True)
class Shuffled:
    """At random by `seed`: of every `STRIPE` rows each part has as many, to one row."""

    count: int
    seed: int = 0

    def numbers(self, first: int, block: RowBlock) -> np.ndarray:
        """See `Deal`."""
        found = np.empty(block.rows, np.int64)
        for start in range(0, block.rows, STRIPE):
            some = found[start : start + STRIPE]
            order = np.random.default_rng([self.seed, (first + start) // STRIPE]).permutation(len(some))
            some[order] = np.arange(len(some)) % self.count
        return found


@dataclass(frozen=True)
class InOrder:
    """The first rows, those after them, and so on, of `rows` in all."""

    count: int
    rows: int

    def numbers(self, first: int, block: RowBlock) -> np.ndarray:
        """See `Deal`."""
        return (first + np.arange(block.rows)) * self.count // self.rows


@dataclass(frozen=True)
class ByLabel:
    """All rows of a label together; labels, whose numbers are the last column of X, take turns."""

    count: int

    def numbers(self, first: int, block: RowBlock) -> np.ndarray:  # noqa: ARG002 - as others do
        """See `Deal`."""
        return np.asarray(block.X[:, -1]).astype(np.int64) % self.count


@dataclass(frozen=True, eq=False)
class Told:
    """As an array (n,) says."""

    count: int
    parts: np.ndarray

    def numbers(self, first: int, block: RowBlock) -> np.ndarray:
        """See `Deal`."""
        return self.parts[first : first + block.rows]


@dataclass(frozen=True)
class Others:
    """Two parts: the rows of all parts of a deal but one, and those of that one."""

    deal: Deal
    part: int
    count = 2

    def numbers(self, first: int, block: RowBlock) -> np.ndarray:
        """See `Deal`."""
        return (self.deal.numbers(first, block) == self.part).astype(np.int64)


def split(deal: Deal, first: int, block: RowBlock, features: int) -> list[RowBlock]:
    """The rows of each part, without the column of labels where there is one."""
    numbers = deal.numbers(first, block)
    plain = block if block.p == features else RowBlock(block.X[:, :features], block.Y, block.w)
    return [plain.take(np.flatnonzero(numbers == part)) for part in range(deal.count)]


@dataclass(frozen=True, eq=False)
class PartRows(RowStream):
    """The rows of one part, by a design without the column of labels."""

    rows: RowStream
    deal: Deal
    part: int
    design: DesignSpec

    def blocks(self, size: int) -> Iterator[RowBlock]:
        """See `RowStream`."""
        return regrouped(self._own(), size)

    def _own(self) -> Iterator[RowBlock]:
        first = 0
        for block in self.rows.blocks(STRIPE):
            yield split(self.deal, first, block, len(self.design.features))[self.part]
            first += block.rows
