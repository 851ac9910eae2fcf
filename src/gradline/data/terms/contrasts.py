"""How the levels of a category become columns: treatment, sum, Helmert and polynomial contrasts, as in R."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Contrast:
    """A coding of k levels: its matrix (k, k − 1), and what each column is called after the category's name."""

    matrix: Callable[[int], np.ndarray]
    names: Callable[[tuple[str, ...]], list[str]]


def _treatment(k: int) -> np.ndarray:
    """A column for each level but the first: the difference from the first."""
    return np.eye(k)[:, 1:]


def _sum(k: int) -> np.ndarray:
    """A column for each level but the last: the deviation from the mean of all levels; the last is −1 in each."""
    return np.vstack([np.eye(k - 1), np.full((1, k - 1), -1.0)])


def _helmert(k: int) -> np.ndarray:
    """Column j compares level j + 1 with the mean of those before it: −1 for each of them, j for itself."""
    i, j = np.ogrid[:k, : k - 1]
    return np.where(i <= j, -1.0, np.where(i == j + 1, j + 1.0, 0.0))


def _poly(k: int) -> np.ndarray:
    """Orthonormal polynomials of 1, …, k, by degree, their leading coefficients positive."""
    scores = np.arange(k) - (k - 1) / 2
    Q, R = np.linalg.qr(np.vander(scores / max(1.0, (k - 1) / 2), increasing=True))
    return (Q * np.sign(np.diag(R)))[:, 1:]


def _by_level(levels: tuple[str, ...]) -> list[str]:
    return [f"={level}" for level in levels]


CONTRASTS = {
    "treatment": Contrast(_treatment, lambda levels: _by_level(levels[1:])),
    "sum": Contrast(_sum, lambda levels: _by_level(levels[:-1])),
    "helmert": Contrast(_helmert, lambda levels: [f"[{j}]" for j in range(1, len(levels))]),
    "poly": Contrast(
        _poly, lambda levels: [".L", ".Q", ".C", *(f"^{j}" for j in range(4, len(levels)))][: len(levels) - 1]
    ),
}
