"""What sums over rows must do to be kept in files and merged: each kind of sums is one class."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gradline.data.design import DesignSpec
from gradline.data.row_block import ColumnBlock, RowBlock
from gradline.moments.statistics import RowStatistics

FEWEST_DIGITS = 4.0  # of a factor: what has fewer is refused


class Settled(NamedTuple):
    """What moments are made of: statistics, R or what it is made of, the bound of its error, and exact products."""

    statistics: RowStatistics
    source: Any
    error: float
    products: Any


@dataclass(frozen=True, eq=False)
class Sums(ABC):
    """Sums over rows of the k columns [X Y], with their statistics, that merge, are aligned, and travel."""

    statistics: RowStatistics

    @classmethod
    @abstractmethod
    def of(cls, block: RowBlock | ColumnBlock, design: DesignSpec) -> "Sums":
        """Those of some rows, at least one. Raises `NotFinite` where a cell is none."""

    @classmethod
    @abstractmethod
    def nothing(cls, statistics: RowStatistics) -> "Sums":
        """Those of no row, of which the statistics may still tell what was left out."""

    @abstractmethod
    def taking(self, other: Any) -> "Sums":
        """Those of both; these and the others are gone."""

    @abstractmethod
    def at(self, places: np.ndarray, statistics: RowStatistics) -> "Sums":
        """Those of the columns at these places, −1 for a column of zeros, with the statistics of just these."""

    @abstractmethod
    def settled(self, p: int) -> Settled:
        """What moments are made of, p columns of X first. Raises `DigitsError` where rounding has left too little."""

    @abstractmethod
    def tensors(self) -> dict[str, np.ndarray]:
        """The arrays beside those of the statistics, by name."""

    @classmethod
    @abstractmethod
    def from_tensors(
        cls, path: str | Path, tensors: Mapping[str, np.ndarray], statistics: RowStatistics
    ) -> "Sums":
        """The sums that `tensors` hold; `path` is for messages. Raises `ModelFileError`."""


def triangle(k: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of an upper triangle's entries, row by row."""
    return np.triu_indices(k)
