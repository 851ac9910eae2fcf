"""What a factor is to a program that knows no formulas: a table of levels, or polynomials piece by piece."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gradline.data.terms.grammar import Node


@dataclass(frozen=True, eq=False)
class Lookup:
    """For each level of an expression a row of columns, `rows` (levels, k); `cells` says what its values are, "text"
    or "number"."""

    over: Node
    cells: str
    levels: tuple[str, ...]
    rows: np.ndarray


@dataclass(frozen=True, eq=False)
class Pieces:
    """Columns that are polynomials in t = (x − centre)/scale of an expression x, others between every two breaks.

    - `breaks` (b,), ascending: the piece below each, and the last one above all.
    - `frames` (b + 1, 2): centre and scale of each piece.
    - `coefficients` (b + 1, k, d + 1): of 1, t, …, t^d.
    """

    over: Node
    breaks: tuple[float, ...]
    frames: np.ndarray
    coefficients: np.ndarray

    @classmethod
    def plain(cls, over: Node, centre: float = 0.0, scale: float = 1.0) -> "Pieces":
        """The one column t."""
        return cls(over, (), np.array([[centre, scale]]), np.array([[[0.0, 1.0]]]))

    @classmethod
    def of(
        cls, over: Node, ends: Sequence[float], columns: Callable[[np.ndarray], np.ndarray], degree: int
    ) -> "Pieces":
        """Those of columns (n, k) of x that are polynomials of a degree between each two of `ends`, found from their
        values at Chebyshev's points, which lie within the piece."""
        points = np.cos(np.pi * (np.arange(degree + 1) + 0.5) / (degree + 1))
        V = np.vander(points, increasing=True)
        low, high = np.array(ends[:-1]), np.array(ends[1:])
        frames = np.column_stack([low + (high - low) / 2, (high - low) / 2])
        solved = [np.linalg.solve(V, columns(centre + scale * points)).T for centre, scale in frames]
        return cls(over, tuple(ends[1:-1]), frames, np.stack(solved))
