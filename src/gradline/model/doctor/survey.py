"""What one pass over the rows shows beside their moments: the curvature of single rows, and whole or rising columns."""

import math

import numpy as np

from gradline.data.row_block import RowBlock
from gradline.solvers.spectrum import Spectrum

BATCHES = (1, 8, 32, 256)  # the sizes of mini-batches that are looked at
_KEPT = 2 * max(BATCHES)  # twice, for the rows may pass by twice
_FIRST, _FIRST_CELLS = (
    100_000,
    1 << 22,
)  # rows and cells that are kept to look for rows that repeat and for jumps


class Survey:
    """Watches the blocks of X go by; what it has summed is the same after one pass and after two.

    `curvature` is Σ w·‖a‖²·aaᵀ over rows a = (1, x), or a = x without a bias, from which the second moment of one
    row's Hessian follows; `largest` are the largest ‖a‖² of single rows.
    """

    def __init__(self, bias: bool) -> None:
        self._bias = bias
        self._breaks = np.zeros((2, 0), int)  # steps that do not rise, and that do not fall, by column
        self._last = np.zeros((0, 0))
        self.seen = 0
        self.weight_sum = 0.0
        self.curvature = np.zeros((0, 0))
        self.largest = np.zeros(0)
        self.is_weighted = False
        self.whole = np.zeros(0, bool)
        self._first: list[np.ndarray] = []

    def __call__(self, block: RowBlock) -> None:
        """Look at one block."""
        X = block.X
        if self.seen == 0:
            q = X.shape[1] + self._bias
            self.curvature, self.whole = np.zeros((q, q)), np.ones(X.shape[1], bool)
            self._breaks, self._last = np.zeros((2, X.shape[1]), int), X[:0]
        if self.seen < _FIRST and (self.seen + len(X)) * X.shape[1] <= _FIRST_CELLS:
            self._first.append(np.column_stack([X, block.Y]))
        self.seen += len(X)
        with np.errstate(over="ignore", invalid="ignore"):  # what float64 cannot hold the moments refuse
            self._add_curvature(block)
            self._add_steps(X)

    def _add_curvature(self, block: RowBlock) -> None:
        rows = np.column_stack([np.ones(len(block.X)), block.X]) if self._bias else block.X
        w = np.ones(len(rows)) if block.w is None else block.w
        self.is_weighted |= block.w is not None
        squares = (rows**2).sum(axis=1)
        self.curvature += (rows * (squares * w)[:, None]).T @ rows
        self.weight_sum += float(w.sum())
        self.largest = np.sort(np.concatenate([self.largest, squares]))[::-1][:_KEPT]

    def _add_steps(self, X: np.ndarray) -> None:
        """Only columns of whole numbers are looked at: the others drop out after their first block."""
        left = np.flatnonzero(self.whole)
        self.whole[left] = (X[:, left] == np.floor(X[:, left])).all(axis=0)
        left = np.flatnonzero(self.whole)
        steps = np.diff(np.vstack([self._last[:, left], X[:, left]]), axis=0)
        self._breaks[:, left] += np.array([(steps <= 0).sum(axis=0), (steps >= 0).sum(axis=0)])
        self._last = X[-1:].copy()

    def sample(self, rows: int) -> np.ndarray:
        """The first rows of [X Y] of the table, which has so many."""
        return np.vstack(self._first)[:rows] if self._first else np.zeros((0, 0))

    def passes(self, rows: int) -> int:
        """How often the rows were read."""
        return self.seen // rows

    def monotone(self, rows: int) -> np.ndarray:
        """Which columns of whole numbers rise in every row, or fall in every row."""
        # Where the rows came twice, the step from the last row to the first is no step of the table.
        return self.whole & (self._breaks.min(axis=0) <= self.passes(rows) - 1)

    def batch_limit(self, spectrum: Spectrum, m: int, rows: int, batch: int, kept: list[int]) -> float | None:
        """The mean-square limit of the rate for batches of `batch` rows; see `SGD`. None where float64 ends.

        `kept` are the columns of X in the spectrum. A level that took the place of an absent base still counts in
        ‖a‖²: the limit is then a little on the safe side.
        """
        if not np.isfinite(self.curvature).all():
            return None
        columns = [0, *(j + 1 for j in kept)] if self._bias else kept
        M = 4.0 / m**2 * self.curvature[np.ix_(columns, columns)] / self.weight_sum
        V = spectrum.whitening
        moved = V.T @ M @ V
        if not np.isfinite(moved).all():
            return None
        return spectrum.mean_square_limit(moved, (rows - batch) / (batch * (rows - 1)))

    def worst_case(self, m: int, rows: int, batch: int) -> float | None:
        """2/((2/(m·b))·Σ of the b largest ‖a‖²): below it every batch of b rows is stable. None with row weights."""
        if self.is_weighted:
            return None
        size = float(self.largest[:: self.passes(rows)][:batch].mean())
        return m / size if size else math.inf
