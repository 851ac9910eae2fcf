"""What a database told of rows that stay there: sums in an order of its own, and the residuals that prove them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gradline.core.tensor_file import damaged, expect_shapes

_TENSOR = "residuals"


@dataclass(frozen=True, eq=False)
class Residuals:
    """Sums over rows a = (1, x − x̄), x̄ the mean of the moments as float64, of r = y − ȳ − aᵀ·θ.

    - `theta` (p + 1, m): the coefficients, exactly those that the database was given;
    - `sums` (p + 1, m): Σ a·r, and `squares` (m,): Σ r², each added up in groups of rows, and these by us;
    - `longest`: the rows of the largest group, whose sum may be off by so many roundings.
    """

    theta: np.ndarray
    sums: np.ndarray
    squares: np.ndarray
    longest: int


@dataclass(frozen=True, eq=False)
class Queried:
    """The databases whose sums these are, and the residuals, where they were asked for."""

    engine: str
    residuals: Residuals | None = None

    @property
    def remark(self) -> str:
        """What the reader of a certificate must know."""
        if self.residuals is not None:
            return f"{self.engine} added up the rows, and its residuals at these weights are the proof."
        return (
            f"{self.engine} added up the rows in an order of its own, so nothing is proved until it has summed the "
            "residuals too: see gradline moments sql."
        )

    def tensors(self) -> dict[str, np.ndarray]:
        """The arrays of the state by name."""
        found = self.residuals
        if found is None:
            return {}
        longest = np.full(len(found.squares), float(found.longest))
        return {_TENSOR: np.vstack([found.theta, found.sums, found.squares, longest])}

    @classmethod
    def from_tensors(
        cls, path: str | Path, tensors: Mapping[str, np.ndarray], engine: str, p: int, m: int
    ) -> "Queried":
        """The state that `tensors` hold; `path` is for messages."""
        if _TENSOR not in tensors:
            return cls(engine)
        q = p + 1
        expect_shapes(path, tensors, {_TENSOR: (2 * q + 2, m)})
        found = tensors[_TENSOR]
        if not np.isfinite(found).all() or (found[-2:] < 0).any():
            raise damaged(path, f"its {_TENSOR} are no sums over rows")
        return cls(engine, Residuals(found[:q], found[q : 2 * q], found[-2], int(found[-1].max())))


def together(*found: Queried | None) -> Queried | None:
    """What is known of several sets of rows, or of some of their columns: by whom they were added up, and no more."""
    engines = sorted({one.engine for one in found if one is not None})
    return Queried(" and ".join(engines)) if engines else None
