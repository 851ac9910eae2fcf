"""Which columns the data can tell apart: rank, scaled condition, and the combinations that vanish."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradline.factor import UNIT
from gradline.moments import Moments


@dataclass(frozen=True, eq=False)
class Rank:
    """The singular value decomposition of the columns of X, centred (with a bias) and of unit norm.

    Units and origin of a column change nothing here; collinearity does. `columns` (p, p) is the factor of
    the columns as they are, `norms` (p,) their norms, 0 where a column is constant. A direction counts
    towards `rank` when its singular value exceeds 8·p·u·σmax, a tolerance independent of the rows.
    """

    features: tuple[str, ...]
    columns: np.ndarray
    norms: np.ndarray
    left: np.ndarray
    singular: np.ndarray
    right: np.ndarray
    rank: int

    @classmethod
    def of(cls, moments: Moments, bias: bool) -> "Rank":
        """The decomposition behind a fit of these moments, with or without a bias."""
        p = moments.p
        columns = moments.factor[:p, :p] if bias else moments.raw_factor(bias=False).A
        norms = np.linalg.norm(columns, axis=0)
        if bias:
            # What centring leaves of a column that does not vary is rounding, however it was summed.
            largest = np.maximum(np.abs(moments.tally.minimum[:p]), np.abs(moments.tally.maximum[:p]))
            with np.errstate(invalid="ignore"):
                rounding = 8 * UNIT * np.sqrt(moments.weight_sum) * largest
            norms = np.where(norms <= rounding, 0.0, norms)
        unit = np.where(norms > 0, columns / np.where(norms > 0, norms, 1.0), 0.0)
        left, singular, right = np.linalg.svd(unit)
        tolerance = 8 * p * UNIT * (singular[0] if p else 0.0)
        return cls(moments.features, columns, norms, left, singular, right, int((singular > tolerance).sum()))

    @property
    def deficiency(self) -> int:
        """How many independent combinations of columns vanish."""
        return len(self.norms) - self.rank

    @property
    def condition_scaled(self) -> float:
        """σmax/σmin of the centred columns of unit norm, over the directions that count."""
        return float(self.singular[0] / self.singular[self.rank - 1]) if self.rank else 1.0

    @property
    def constant(self) -> list[str]:
        """The features that have one value in every row."""
        return [name for name, norm in zip(self.features, self.norms, strict=True) if norm == 0]

    def least_squares(self, B: np.ndarray) -> np.ndarray:
        """The β (p, m) of least ‖β‖₂ in raw units among those that minimise ‖columns·β − B‖."""
        if self.deficiency == 0:
            # The factor is triangular, so LU does not pivot and this is back substitution.
            return np.linalg.solve(self.columns / self.norms, B) / self.norms[:, None]
        beta = self._truncated(B)
        basis = self.null
        return beta - basis @ (basis.T @ beta)

    def correction(self, B: np.ndarray) -> np.ndarray:
        """The same by singular values only, without the solver's route: for judging its answer."""
        return self._truncated(B)

    def _truncated(self, B: np.ndarray) -> np.ndarray:
        r = self.rank
        inner = (self.left[:, :r].T @ B) / self.singular[:r, None]
        return (self.right[:r].T @ inner) / np.where(self.norms > 0, self.norms, np.inf)[:, None]

    @cached_property
    def null(self) -> np.ndarray:
        """An orthonormal basis (p, deficiency), in raw units, of the combinations that vanish."""
        scaled = self.right[self.rank :].T
        used = self.norms > 0
        raw = scaled / np.where(used, self.norms / self.norms.max(initial=1.0), 1.0)[:, None]
        return np.linalg.qr(raw)[0] if raw.shape[1] else raw

    def combinations(self) -> list[str]:
        """The vanishing combinations in words, each with as few columns as elimination finds."""
        rows = self.null.T.copy()
        sentences = []
        for i in range(len(rows)):
            pivot = int(np.argmax(np.abs(rows[i])))
            rows[i] /= rows[i, pivot]
            others = np.arange(len(rows)) != i
            rows[others] -= np.outer(rows[others, pivot], rows[i])
        for row in rows:
            sentences.append(self._sentence(row))
        return sentences

    def _sentence(self, row: np.ndarray) -> str:
        used = np.flatnonzero(np.abs(row) > 1e-9 * np.abs(row).max())
        names = [self.features[j] for j in used]
        if len(used) == 1:
            return f"{names[0]} is constant"
        pivot = int(np.argmax(np.abs(row[used]) == np.abs(row[used]).max()))
        terms = [
            f"{'−' if -row[j] / row[used[pivot]] < 0 else '+'} {_times(abs(row[j] / row[used[pivot]]))}{name}"
            for j, name in zip(used, names, strict=True)
            if j != used[pivot]
        ]
        return f"{names[pivot]} = {' '.join(terms).removeprefix('+ ')} + a constant"


def _times(coefficient: float) -> str:
    return "" if abs(coefficient - 1) < 1e-6 else f"{coefficient:.6g}·"
