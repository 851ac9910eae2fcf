"""Which columns the data can tell apart: rank, scaled condition, and the combinations that vanish."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradline.core.derived import cached_property
from gradline.core.linalg.triangular import (
    UNIT,
    WIDE,
    Extremes,
    back_substituted,
    column_norms,
    estimated,
    forward_substituted,
    inverted,
    thin_svd,
)
from gradline.moments.collinearity import Relation, VaryingColumns, relations
from gradline.moments.inverse import Inverse, RightInverse, SquareInverse
from gradline.moments.state import Moments, RawFactor, once

MOST_RELATIONS = 100  # more sentences than these nobody reads
NEAR = 1e8  # a scaled condition above this is said to be almost a relation
DETERMINED = 1e-9  # a direction with less than this share in what the data cannot tell apart is determined


@dataclass(frozen=True, eq=False)
class Rank:
    """What the columns of X tell apart, centred (with a bias) and of unit norm.

    Units and origin of a column change nothing here; collinearity does. `mean` (p,) was taken off (zeros
    without a bias), `columns` (n, p) is the factor of what is left, `norms` (p,) are its norms, 0 where a column
    is constant, and `unit` the columns divided by them. A direction counts towards `rank` when its singular value
    exceeds 8·p·u·σmax, a tolerance that does not depend on the number of rows.

    Many columns that are far from dependent have an `inverse`, and so have few rows that are, from the right. It says
    all that is asked; where it is None, the singular value decomposition `left` (n, r), `singular` (r,), `right` (r, p)
    does.
    """

    features: tuple[str, ...]
    mean: np.ndarray
    columns: np.ndarray
    norms: np.ndarray
    unit: np.ndarray
    inverse: Inverse | None
    weight_sum: float
    varies: np.ndarray  # (p,): columns of more than one value, were it by the rounding of their cells alone

    @classmethod
    def of(cls, moments: Moments, bias: bool) -> "Rank":
        """The decomposition behind a fit of these moments, with or without a bias."""
        return _decomposed(moments, bias)

    @cached_property
    def _decomposition(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return thin_svd(self.unit)

    @property
    def left(self) -> np.ndarray:
        """The left singular vectors (n, r), no more than the factor has rows."""
        return self._decomposition[0]

    @property
    def singular(self) -> np.ndarray:
        """The singular values (r,), descending."""
        return self._decomposition[1]

    @property
    def right(self) -> np.ndarray:
        """The right singular vectors (r, p)."""
        return self._decomposition[2]

    @cached_property
    def rank(self) -> int:
        """How many directions the columns have."""
        if self.inverse is not None:
            return len(self.unit)
        return int(np.count_nonzero(self.singular > self._tolerance))

    @cached_property
    def deficiency(self) -> int:
        """How many independent combinations of columns vanish."""
        return len(self.norms) - self.rank

    @cached_property
    def extremes(self) -> Extremes:
        """σmax and σmin of the centred columns of unit norm, over the directions that count."""
        if self.inverse is not None:
            return self.inverse.extremes
        counted = self.singular[: self.rank]
        return Extremes(float(counted[0]), float(counted[-1])) if self.rank else Extremes(0.0, 0.0)

    @cached_property
    def condition_scaled(self) -> float:
        """σmax/σmin of the centred columns of unit norm, over the directions that count."""
        return self.extremes.condition

    @property
    def root(self) -> np.ndarray:
        """T (p, rank) such that the columns unit·T are orthonormal: V/σ, or the inverse."""
        if self.inverse is not None:
            return self.inverse.matrix
        return self.right[: self.rank].T / self.singular[: self.rank]

    def along(self, B: np.ndarray) -> np.ndarray:
        """Coordinates (rank, m) of what the columns can reach of B (n, m), in the orthonormal columns unit·T."""
        return B if self.inverse is not None else self.left[:, : self.rank].T @ B

    @cached_property
    def kept(self) -> np.ndarray:
        """Orthonormal rows (rank, p), in units of the columns' norms: what the data can tell apart."""
        return self.right[: self.rank] if self.inverse is None else np.linalg.qr(self.unit.T)[0].T

    def beyond(self, V: np.ndarray) -> np.ndarray:
        """What is left of V (s, p), in units of the columns' norms, without what the data can tell apart."""
        if self.deficiency == 0:
            return np.zeros_like(V)
        left = V
        for _ in range(2):  # the second time for what rounding left
            left = left - self._told(left)
        return left

    def _told(self, V: np.ndarray) -> np.ndarray:
        """V (s, p) projected on what the data can tell apart."""
        if self.inverse is not None:
            return self.inverse.times(self.unit @ V.T).T
        return (V @ self.kept.T) @ self.kept

    @property
    def varying(self) -> np.ndarray:
        """The columns (n, p) without what rounding left of those that are constant, which is no direction."""
        return self.columns * (self.norms > 0)

    @cached_property
    def constant(self) -> list[str]:
        """The features that have one value in every row, or vary by no more than the rounding of their cells."""
        return [name for name, norm in zip(self.features, self.norms.tolist(), strict=True) if norm == 0]

    @cached_property
    def divisors(self) -> np.ndarray:
        """The norms (p,), infinite where a column is constant: what is divided by them is then nothing."""
        return np.where(self.norms > 0, self.norms, np.inf)

    def least_squares(self, B: np.ndarray) -> np.ndarray:
        """The β (p, m) of least ‖β‖₂ in raw units among those that minimise ‖columns·β − B‖, B (n, m)."""
        if self.deficiency == 0:
            return back_substituted(self.unit, B) / self.norms[:, None]
        return self._smallest(B) if self.raw_inverse is None else self.raw_inverse.times(B)

    @cached_property
    def raw_inverse(self) -> RightInverse | None:
        """That of few rows in raw units, where they are far from dependent, as they are where norms are alike."""
        return RightInverse.of(self.columns) if self.inverse is not None and self.deficiency else None

    def _smallest(self, B: np.ndarray) -> np.ndarray:
        """The smallest β with D_i·β_i + W·D_d·β_d = g, i the independent columns and d the others.

        g is the answer on the independent columns alone, and the fewer of the two kinds are the unknowns. Units D may
        differ by many orders; sorted rows and pivoted columns keep every equation's error relative to its own size (Cox
        and Higham 1998).
        """
        independent, dependent, W = self._dependence
        z = self.nearest(B) * self.norms[:, None]
        g = z[independent] + W @ z[dependent]
        units = np.where(self.norms > 0, self.norms, 1.0)
        solve = _by_rows if len(independent) < len(dependent) else _by_dependent
        beta = np.empty((len(units), B.shape[1]))
        beta[[*independent, *dependent]] = solve(W, g, units[independent, None], units[dependent, None])
        return beta

    @cached_property
    def _dependence(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`rank` independent columns, the dependent ones, and W: dependent = independent·W in unit norm.

        What W holds beside its true entries is rounding; it is set to zero, for units may magnify it. 1e-9 lies midway
        between the rounding of W, p·u of its largest entry (1e-12 at 10,000 columns), and coefficients of relations
        that anyone would write down, 1e-6 of the largest.
        """
        _, R, pivots = _pivoted_qr(self.kept)
        W = np.linalg.solve(R[:, : self.rank], R[:, self.rank :])
        W[np.abs(W) <= 1e-9 * np.abs(W).max(axis=0, initial=1.0)] = 0.0
        return pivots[: self.rank], pivots[self.rank :], W

    def nearest(self, B: np.ndarray) -> np.ndarray:
        """A β that minimises ‖columns·β − B‖, by T alone: how the judge measures a distance."""
        z = self.root @ self.along(B) if self.inverse is None else self.inverse.times(B)
        return z / self.divisors[:, None]

    @cached_property
    def relations(self) -> list[Relation]:
        """The vanishing combinations of the columns that vary; none are named where they say nothing of the columns."""
        varying = np.flatnonzero(self.norms)
        if len(varying) == self.rank or self._unnamed(len(varying)):
            return []
        null = np.zeros((len(varying) - self.rank, len(self.norms)))
        null[:, varying] = _orthogonal_to(self.right[: self.rank, varying])
        return relations(self._sought, null, self._tolerance)

    @cached_property
    def almost(self) -> list[Relation]:
        """The combinations that all but vanish, where no column is dependent and the scaled condition exceeds 1e8."""
        if self.deficiency or self.condition_scaled <= NEAR:
            return []
        near = self.singular < self.singular[0] / NEAR
        tolerance = 4 * float(self.singular[near][0])
        return relations(self._sought, self.right[near], tolerance, almost=True)

    @cached_property
    def determined(self) -> np.ndarray:
        """Which coefficients (p,) are the same in every least-squares answer: those that no relation holds."""
        free = self.norms == 0
        if self._unnamed(len(free) - int(free.sum())):
            return self._is_known
        free[[j for relation in self.relations for j in relation.columns]] = True
        return ~free

    def _unnamed(self, varying: int) -> bool:
        """Whether relations of the columns that vary are too many to name, or only say that the rows are few."""
        few = self.rank == len(self.unit) < varying - 1
        return few or varying - self.rank > MOST_RELATIONS

    @property
    def _is_known(self) -> np.ndarray:
        """Which columns (p,) have no part in random combinations that vanish.

        Where the data leave the share s of a coefficient open, a normal vector without what they tell apart has a
        normal entry of deviation s there. That all four are below 1e-9 has a chance of (1e-9/s)⁴.
        """
        random = np.random.default_rng(0).standard_normal((4, len(self.norms)))
        return np.abs(self.beyond(random)).max(axis=0) <= DETERMINED

    def combinations(self) -> list[str]:
        """What vanishes, in words: constant columns, then the relations, or how many there are."""
        constant = [f"{name} is constant{self._but(name)}" for name in self.constant[:MOST_RELATIONS]]
        if self._unnamed(len(self.norms) - len(self.constant)):
            count = f"{self.deficiency:,} independent combinations of the {len(self.norms):,} columns vanish"
            return [*constant, count]
        return constant + [relation.sentence(self.features) for relation in self.relations]

    def _but(self, name: str) -> str:
        return " but for rounding" if self.varies[self.features.index(name)] else ""

    def near_combinations(self) -> list[str]:
        """What all but vanishes, in words."""
        return [relation.sentence(self.features) for relation in self.almost]

    @property
    def _tolerance(self) -> float:
        return 8 * len(self.norms) * UNIT * float(self.singular.max(initial=0.0))

    @property
    def _sought(self) -> VaryingColumns:
        return VaryingColumns(self.unit, self.norms, self.mean, self.weight_sum)


def _by_rows(W: np.ndarray, g: np.ndarray, inner: np.ndarray, outer: np.ndarray) -> np.ndarray:
    """The smallest (β_i, β_d) with D_i·β_i + W·D_d·β_d = g: Q·R⁻ᵀ·g for [D_i W·D_d]ᵀ = Q·R."""
    Q, R, pivots, order = _sorted_qr(np.vstack([np.diag(inner[:, 0]), W.T * outer]))
    beta = np.empty((len(order), g.shape[1]))
    beta[order] = Q @ forward_substituted(R, g[pivots])
    return beta


def _by_dependent(W: np.ndarray, g: np.ndarray, inner: np.ndarray, outer: np.ndarray) -> np.ndarray:
    """The same as β_i = (g − W·t)/D_i and β_d = t/D_d, t by least squares."""
    Q, R, pivots, order = _sorted_qr(np.vstack([W / inner, np.diag(1.0 / outer[:, 0])]))
    t = np.empty((len(outer), g.shape[1]))
    t[pivots] = back_substituted(R, Q.T @ np.vstack([g / inner, np.zeros_like(t)])[order])
    return np.vstack([(g - W @ t) / inner, t / outer])


def _pivoted_qr(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Q, R and the columns' order of a QR factorisation that takes the largest column left first."""
    # It has no types. Only where coefficients are not determined is there need of it.
    from scipy import linalg  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]

    qr: Any = linalg
    return qr.qr(matrix, mode="economic", pivoting=True)


def _sorted_qr(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The same of the rows in the order of their largest entries, and that order."""
    order = np.argsort(-np.abs(matrix).max(axis=1, initial=0.0), kind="stable")
    return *_pivoted_qr(matrix[order]), order


def _orthogonal_to(rows: np.ndarray) -> np.ndarray:
    """An orthonormal basis (k − r, k) of what is orthogonal to orthonormal rows (r, k): random vectors, projected."""
    basis = np.random.default_rng(0).standard_normal((rows.shape[1], rows.shape[1] - len(rows)))
    for _ in range(2):  # the second time for what rounding left
        basis, _ = np.linalg.qr(basis - rows.T @ (rows @ basis))
    return basis.T


@once
def column_factor(moments: Moments, bias: bool) -> tuple[np.ndarray, np.ndarray]:
    """The factor (n, p) of the columns, centred with a bias, and their norms (p,), 0 of those that are constant."""
    p = moments.p
    columns = moments.slopes_factor(bias).A
    norms = column_norms(columns)
    if bias:
        # What centring leaves of a column that does not vary is the rounding of its cells, however it was summed.
        cells = np.hypot(norms, np.sqrt(moments.weight_sum) * moments.mean[:p])
        norms = np.where(norms <= 8 * UNIT * cells, 0.0, norms)
    return columns, norms


def varying(moments: Moments, bias: bool) -> np.ndarray:
    """The factor of the columns without what rounding left of those that are constant, as in `Rank.varying`."""
    columns, norms = column_factor(moments, bias)
    return columns if norms.all() else columns * (norms > 0)


@once
def _decomposed(moments: Moments, bias: bool) -> Rank:
    p, (columns, norms) = moments.p, column_factor(moments, bias)
    unit = columns / np.where(norms > 0, norms, np.inf)
    mean = moments.mean[:p] if bias else np.zeros(p)
    varies = moments.statistics.minimum[:p] != moments.statistics.maximum[:p]
    return Rank(moments.features, mean, columns, norms, unit, _inverse(unit), moments.weight_sum, varies)


def _inverse(unit: np.ndarray) -> Inverse | None:
    """That of many columns far from dependent; where they are near, relations between them are sought anyway."""
    rows, columns = unit.shape
    if 0 < rows < columns:
        return RightInverse.of(unit)
    if rows <= WIDE or NEAR * np.diag(unit).min() <= 1:  # σmin is not above any diagonal entry
        return None
    matrix = inverted(unit)
    extremes = estimated(unit, matrix)
    return SquareInverse(matrix, extremes) if extremes.condition <= NEAR else None


@once
def nearest_slopes(moments: Moments, bias: bool) -> np.ndarray:
    """Weights (m, p) of a least-squares answer, as the judge finds them."""
    with np.errstate(over="ignore"):  # slopes beyond float64 are told by whoever finds them infinite
        return Rank.of(moments, bias).nearest(moments.slopes_factor(bias).B).T


def _unexplained(moments: Moments, rank: Rank, bias: bool, C: np.ndarray) -> np.ndarray:
    """C without the targets of which rounding alone is left: a perfect fit has loss 0."""
    weight = nearest_slopes(moments, bias)
    level = moments.mean[moments.p :] - weight @ rank.mean if bias else np.zeros(moments.m)
    return np.where(moments.above_rounding((C**2).sum(axis=0), weight, level) > 0, C, 0.0)


@once
def determined_factor(moments: Moments, bias: bool) -> RawFactor:
    """The raw factor with the combinations that vanish taken out, so that all its rows are independent.

    What is left of a dependent column by rounding would otherwise count as a direction of its own, and in
    large units outweigh true ones.
    """
    rank, raw = Rank.of(moments, bias), moments.raw_factor(bias)
    if not rank.deficiency:
        return raw._replace(C=left_over(moments, bias))
    raw = _without_vanishing(rank, raw, int(bias))
    return raw._replace(C=_unexplained(moments, rank, bias, raw.C))


@once
def left_over(moments: Moments, bias: bool) -> np.ndarray:
    """What the columns leave of the targets: C of `determined_factor`."""
    rank = Rank.of(moments, bias)
    if rank.deficiency:
        return determined_factor(moments, bias).C
    return _unexplained(moments, rank, bias, moments.slopes_factor(bias).C)


def _without_vanishing(rank: Rank, raw: RawFactor, first: int) -> RawFactor:
    """The raw factor in the directions that count; of its rows the `first` is that of the means, with a bias."""
    above, B = raw.B[:first], raw.B[first:]
    if rank.inverse is not None:
        raw.A[first:, first:][:, rank.norms == 0] = 0.0
        return raw
    along, rows = rank.along(B), rank.along(rank.varying)
    A = np.vstack([raw.A[:first], np.column_stack([np.zeros((len(rows), first)), rows])])
    return RawFactor(A, np.vstack([above, along]), np.vstack([raw.C, B - rank.left[:, : rank.rank] @ along]))
