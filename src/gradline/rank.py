"""Which columns the data can tell apart: rank, scaled condition, and the combinations that vanish."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gradline.factor import UNIT, thin_svd
from gradline.moments import Moments

MOST_COMBINATIONS = 40  # more sentences than these nobody reads


@dataclass(frozen=True, eq=False)
class Rank:
    """The singular value decomposition of the columns of X, centred (with a bias) and of unit norm.

    Units and origin of a column change nothing here; collinearity does. `mean` (p,) was taken off (zeros
    without a bias), `columns` (p, p) is the factor of what is left, `norms` (p,) are its norms, 0 where a column
    is constant. A direction counts towards `rank` when its singular value exceeds 8·p·u·σmax, a tolerance that
    does not depend on the number of rows.
    """

    features: tuple[str, ...]
    mean: np.ndarray
    columns: np.ndarray
    norms: np.ndarray
    left: np.ndarray  # left (p, r), singular (r,), right (r, p): no more than the factor has rows
    singular: np.ndarray
    right: np.ndarray
    rank: int

    @classmethod
    def of(cls, moments: Moments, bias: bool) -> "Rank":
        """The decomposition behind a fit of these moments, with or without a bias."""
        return _decomposed(moments, bias)

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
        # Of all solutions the one in the row space is the smallest.
        basis = np.linalg.qr((self.right[: self.rank] * self.norms).T)[0]
        return basis @ (basis.T @ self._truncated(B))

    def correction(self, B: np.ndarray) -> np.ndarray:
        """The same by singular values only, without the solver's route: for judging its answer."""
        return self._truncated(B)

    def _truncated(self, B: np.ndarray) -> np.ndarray:
        r = self.rank
        inner = (self.left[:, :r].T @ B) / self.singular[:r, None]
        return (self.right[:r].T @ inner) / np.where(self.norms > 0, self.norms, np.inf)[:, None]

    def combinations(self) -> list[str]:
        """The vanishing combinations in words, each with as few columns as elimination finds."""
        if self.deficiency > MOST_COMBINATIONS:
            return [f"{self.deficiency:,} independent combinations of the {len(self.norms):,} columns vanish"]
        scaled = np.linalg.qr(self.right[: self.rank].T, mode="complete")[0][:, self.rank :]
        rows = (scaled / np.where(self.norms > 0, self.norms / self.norms.max(initial=1.0), 1.0)[:, None]).T
        for i in range(len(rows)):
            rows[i] /= rows[i, np.argmax(np.abs(rows[i]))]
            pivot = int(np.argmax(np.abs(rows[i])))
            others = np.arange(len(rows)) != i
            rows[others] -= np.outer(rows[others, pivot], rows[i])
        return [self._sentence(row) for row in rows]

    def _sentence(self, row: np.ndarray) -> str:
        """Solved for the column with the smallest coefficient, which leaves whole numbers where there are some."""
        used = np.flatnonzero(np.abs(row) > 1e-9 * np.abs(row).max())
        if len(used) == 1:
            return f"{self.features[used[0]]} is constant"
        sizes = np.abs(row[used])
        solved = int(used[np.argmax(sizes <= sizes.min() * (1 + 1e-9))])
        others = [j for j in used if j != solved]
        slopes = -row[others] / row[solved]
        parts = self.mean[others] * slopes
        constant = self.mean[solved] - parts.sum()
        terms = [(slope, self.features[j]) for slope, j in zip(slopes, others, strict=True)]
        if abs(constant) > 1e-9 * (np.abs(parts).sum() + abs(self.mean[solved])):
            terms.append((constant, ""))
        words = " ".join(f"{'−' if c < 0 else '+'} {_times(abs(c), name)}" for c, name in terms)
        words = words.removeprefix("+ ") if words.startswith("+") else words.replace("− ", "−", 1)
        return f"{self.features[solved]} = {words}"


@lru_cache(maxsize=4)  # a fit asks for the same one several times
def _decomposed(moments: Moments, bias: bool) -> Rank:
    p = moments.p
    columns = moments.factor[:p, :p] if bias else moments.raw_factor(bias=False).A
    norms = np.linalg.norm(columns, axis=0)
    if bias:
        # What centring leaves of a column that does not vary is rounding, however it was summed.
        largest = np.maximum(np.abs(moments.tally.minimum[:p]), np.abs(moments.tally.maximum[:p]))
        rounding = 8 * UNIT * np.sqrt(moments.weight_sum) * largest
        norms = np.where(norms <= rounding, 0.0, norms)
    unit = np.where(norms > 0, columns / np.where(norms > 0, norms, 1.0), 0.0)
    left, singular, right = thin_svd(unit)
    tolerance = 8 * p * UNIT * singular.max(initial=0.0)
    rank = int((singular > tolerance).sum())
    mean = moments.mean[:p] if bias else np.zeros(p)
    return Rank(moments.features, mean, columns, norms, left, singular, right, rank)


def _times(coefficient: float, name: str) -> str:
    if not name:
        return f"{coefficient:.6g}"
    return name if abs(coefficient - 1) < 1e-6 else f"{coefficient:.6g}·{name}"
