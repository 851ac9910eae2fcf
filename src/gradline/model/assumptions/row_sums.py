"""What one pass over the training rows adds up for the tests of assumptions: all of them follow from these sums."""

from dataclasses import dataclass, field

import numpy as np

from gradline.model.residuals import RowDiagnostics, Scored


@dataclass(eq=False)
class RowSums:
    """Of one target: residuals e, predictions z of mean 0 and variance 1, coordinates g of the basis (Σ g·gᵀ = 1).

    Regressions on the columns of the model need no more than Σ g·v of what is explained, since g is orthonormal.
    """

    level: float  # the mean of the predictions
    scale: float  # their standard deviation; 0 where they do not vary
    q: int
    rows: int = 0
    powers: np.ndarray = field(default_factory=lambda: np.zeros(5))  # Σ e^0 … e^4
    squares_along: np.ndarray = field(init=False)  # Σ g·e²
    fitted: np.ndarray = field(default_factory=lambda: np.zeros((3, 3)))  # of (1, z, z²) with itself
    squares_fitted: np.ndarray = field(default_factory=lambda: np.zeros(3))  # Σ (1, z, z²)·e²
    bend: np.ndarray = field(default_factory=lambda: np.zeros((3, 3)))  # of (z², z³, e before) with itself
    bend_along: np.ndarray = field(init=False)  # Σ g·(z², z³, e before)
    bend_errors: np.ndarray = field(default_factory=lambda: np.zeros(3))  # Σ (z², z³, e before)·e
    steps: float = 0.0  # Σ (e − e before)²
    last: float | None = None
    outlier: tuple[float, int] = (0.0, -1)  # the largest |external| residual, and its row
    influence: tuple[float, int] = (0.0, -1)  # the largest Cook's distance, and its row

    def __post_init__(self) -> None:
        self.squares_along = np.zeros(self.q)
        self.bend_along = np.zeros((self.q, 3))

    def add(self, scored: Scored, found: RowDiagnostics, j: int) -> None:
        """The rows of a block, those of target j."""
        e = scored.residual[:, j]
        if not len(e):
            return
        z = (scored.fitted[:, j] - self.level) / self.scale if self.scale else np.zeros(len(e))
        before = np.concatenate([[0.0 if self.last is None else self.last], e[:-1]])
        self.powers += [float((e**power).sum()) for power in range(5)]
        self.squares_along += scored.g.T @ e**2
        curve = np.column_stack([np.ones(len(e)), z, z**2])
        self.fitted += curve.T @ curve
        self.squares_fitted += curve.T @ e**2
        more = np.column_stack([z**2, z**3, before])
        self.bend += more.T @ more
        self.bend_along += scored.g.T @ more
        self.bend_errors += more.T @ e
        steps = np.diff(e, prepend=e[0] if self.last is None else self.last)
        self.steps += float(steps @ steps)
        self.outlier = max(self.outlier, _largest(np.abs(found.external[:, j]), self.rows))
        self.influence = max(self.influence, _largest(found.cooks_distance[:, j], self.rows))
        self.rows, self.last = self.rows + len(e), float(e[-1])


def _largest(values: np.ndarray, first: int) -> tuple[float, int]:
    """The largest of them and the number of its row, where one is known."""
    if np.isnan(values).all():
        return 0.0, -1
    row = int(np.nanargmax(values))
    return float(values[row]), first + row
