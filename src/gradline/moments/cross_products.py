"""Centred cross-products of rows in float64, at the speed of a matrix product, and the factor R made of them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from gradline.core.errors import DigitsError
from gradline.core.linalg.double_double import Doubled, two_sum
from gradline.core.linalg.triangular import (
    UNIT,
    assembled,
    back_substituted,
    forward_substituted,
    root,
    rounding,
    smallest_singular_value,
)
from gradline.core.tensor_file import expect_shapes
from gradline.data.design import DesignSpec
from gradline.data.row_block import ColumnBlock, RowBlock
from gradline.data.row_stream import expect_finite
from gradline.moments.gram import RowSums, Summed, chain, piecewise, sparse_sums, summed
from gradline.moments.statistics import RowStatistics, centre, refuse_extreme
from gradline.moments.sums import FEWEST_DIGITS, Settled, Sums, triangle

# G = Σ w·(z−s)² − (Σ w·(z−s))²/W cancels by their ratio: a shift off by 1,000 variances costs log10 1000 = 3 digits,
# which leaves the 12 that `Moments.from_rows` asks for of 15.
_LOST = 1e3


class Found(NamedTuple):
    """R (k, k), the factor of rows whose columns are off by up to `error` of their norms.

    `reached` is the error that is left where the targets are taken again. Those two are proved. What is likely is a
    small part of it, and decides whether another pass is worth its time: `likely` is that of `reached`, `features` and
    `targets` say how far R itself is off in its columns of X, and in those of Y.
    """

    factor: np.ndarray
    error: float
    reached: float
    likely: float
    features: float
    targets: float


class Counted(Protocol):
    """What sums do not say of the rows that they are over."""

    @property
    def rows(self) -> int: ...
    @property
    def w(self) -> np.ndarray | None: ...
    @property
    def dropped(self) -> int: ...
    @property
    def missing(self) -> Mapping[str, int]: ...


@dataclass(frozen=True, eq=False)
class CrossProducts(Sums):
    """G = Σ w·(z − z̄)(z − z̄)ᵀ over rows z = [x y], as pairs, with their statistics.

    What is known of their rounding: `sizes` (k,) are the sums of squares that were added up, Σ w·(z − s)², which a
    shift s far from the mean makes larger than the diagonal of G; `chain` is how many additions that round a product
    passed at most, of all columns or (k,) of each.
    """

    G: Doubled
    sizes: np.ndarray
    chain: np.ndarray | int

    @classmethod
    def of(
        cls, block: RowBlock | ColumnBlock, design: DesignSpec, summed: Summed = summed
    ) -> "CrossProducts":
        """Those of some rows, at least one, by the compiled loops or by who else sums them.

        The rows are summed around a shift near their mean, and the little that it is off is taken away at the end.
        """
        names = design.features + design.targets
        with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is noticed in the sums
            found = cls.around_mean(summed(block), block, names)
        return found or cls._carefully(block.whole, names)

    @classmethod
    def of_sparse(cls, block: RowBlock, design: DesignSpec) -> "CrossProducts | None":
        """Those of some rows whose X is sparse, around zero in its columns; None where that would cost digits."""
        with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is noticed in the sums
            return cls.around_mean(sparse_sums(block), block, design.features + design.targets)

    @classmethod
    def around_mean(cls, sums: RowSums, block: Counted, names: tuple[str, ...]) -> "CrossProducts | None":
        """Those around the mean from the sums around a shift; None where the two are too far apart."""
        if np.isfinite([sums.low, sums.high]).all():  # else the rows are read again, with a look at each cell
            refuse_extreme(sums.low, sums.high, block.w, names)
        total = sums.total.hi + sums.total.lo
        expect_finite(total)
        weight_sum = float(block.rows if block.w is None else block.w.sum())
        step = total / weight_sum
        G, constant, sizes = sums.products, sums.low == sums.high, np.diag(sums.products.hi).copy()
        G.add_outer(-total, step)
        if (total * step > _LOST * np.diag(G.hi))[~constant].any():
            return None
        if constant.any():
            for part in G:
                part[constant], part[:, constant] = 0.0, 0.0
        mean, low = two_sum(sums.shift, step)
        mean, low = np.where(constant, sums.low, mean), np.where(constant, 0.0, low)
        statistics = RowStatistics(
            block.rows,
            weight_sum,
            mean,
            low,
            sums.low,
            sums.high,
            sums.fingerprint,
            block.dropped,
            dict(block.missing),
        )
        return cls(statistics, G, np.where(constant, 0.0, sizes), sums.chain)

    @classmethod
    def _carefully(cls, block: RowBlock, names: tuple[str, ...]) -> "CrossProducts":
        """Around the mean itself, for rows of which a few are far from all others."""
        statistics, deviations = centre(block, names)
        _, G = piecewise(np.ascontiguousarray(deviations), block.w)
        return cls(statistics, G, np.diag(G.hi).copy(), chain(len(names)))

    def taking(self, other: "CrossProducts") -> "CrossProducts":
        """Those of both; G becomes that of both where it lies, so these are gone."""
        between = self.statistics.between(other.statistics)
        self.G.add(other.G)
        self.G.add_outer(between, between)
        sizes = self.sizes + other.sizes + between**2
        longest = np.maximum(self.chain, other.chain)
        return CrossProducts(self.statistics + other.statistics, self.G, sizes, longest)

    @classmethod
    def nothing(cls, statistics: RowStatistics) -> "CrossProducts":
        """See `Sums`."""
        k = len(statistics.mean)
        return cls(statistics, Doubled.of(np.zeros((k, k))), np.zeros(k), 0)

    def at(self, places: np.ndarray, statistics: RowStatistics) -> "CrossProducts":
        """See `Sums`."""
        G = Doubled(*(np.pad(part, (0, 1))[np.ix_(places, places)] for part in self.G))
        chain = np.append(np.broadcast_to(self.chain, self.sizes.shape), 0)[places]
        return CrossProducts(statistics, G, np.append(self.sizes, 0.0)[places], chain)

    def settled(self, p: int) -> Settled:
        """See `Sums`: a column that does not vary has a row and a column of zeros in R."""
        varying = np.flatnonzero(np.diag(self.G.hi) > 0)
        q = int((varying < p).sum())
        part = self.at(varying, self.statistics.at(varying))
        found = part.factor(q) if q else Found(root(part.G.hi), rounding(len(varying)), *(4 * [0.0]))
        if found is None or not found.error <= 10.0**-FEWEST_DIGITS:
            raise DigitsError(
                "sums-too-rounded",
                "columns are so nearly collinear, or explain the target so nearly, that sums of float64 do not tell",
                "make the states with exact products: exact=True, or --exact",
            )
        R = np.zeros_like(self.G.hi)
        R[np.ix_(varying, varying)] = found.factor
        return Settled(self.statistics, R, found.error, None)

    def tensors(self) -> dict[str, np.ndarray]:
        """See `Sums`: of G the upper triangle."""
        places = triangle(len(self.sizes))
        chain = np.broadcast_to(self.chain, self.sizes.shape).astype(np.float64)
        return {"high": self.G.hi[places], "low": self.G.lo[places], "sizes": self.sizes, "chain": chain}

    @classmethod
    def from_tensors(
        cls, path: str | Path, tensors: Mapping[str, np.ndarray], statistics: RowStatistics
    ) -> "CrossProducts":
        """See `Sums`."""
        k = len(statistics.mean)
        size = (k * (k + 1) // 2,)
        expect_shapes(path, tensors, {"high": size, "low": size, "sizes": (k,), "chain": (k,)})
        G = Doubled.of(np.zeros((k, k)))
        i, j = triangle(k)
        for part, name in zip(G, ("high", "low"), strict=True):
            part[i, j] = part[j, i] = tensors[name]
        return cls(statistics, G, tensors["sizes"], tensors["chain"])

    def factor(self, p: int) -> Found | None:
        """R from the scaled cross-products, p columns of X first; None where those of X are not positive definite.

        Let E be the error of the cross-products of unit columns, and z the slopes there. Columns of X that are off by
        X·G⁻¹·E/2 explain it, and ‖X·G⁻¹‖ is 1/σmin; a target goes with them, which takes ‖z‖ of that. What X leaves of
        a target is off by up to ‖E‖·(1 + ‖z‖²) in its square (Higham 2002, ch. 10).
        """
        scale = np.sqrt(np.diag(self.G.hi))
        if not (scale > 0).all():
            return None
        proved, likely = self._errors(scale)
        G = (self.G.hi + self.G.lo) / np.outer(scale, scale)
        try:
            R = np.linalg.cholesky(G[:p, :p]).T
        except np.linalg.LinAlgError:
            return None
        B = forward_substituted(R, G[:p, p:])
        C = root(G[p:, p:] - B.T @ B)
        smallest = smallest_singular_value(R)
        slopes, left = np.linalg.norm(back_substituted(R, B), axis=0), np.linalg.norm(C, axis=0)
        grown = max(1.0, max(1.0, float(slopes.max())) / (2 * smallest))
        features = likely / smallest**2
        with np.errstate(divide="ignore"):
            error = proved * max(grown, float(((1 + slopes**2) / (2 * left)).max()))
            targets = max(features, float((features / (2 * left)).max()))
        return Found(assembled(R, B, C) * scale, error, proved * grown, likely * grown, features, targets)

    def _errors(self, scale: np.ndarray) -> tuple[float, float]:
        """A bound on ‖E‖, the error of the cross-products of unit columns, and what it is likely to be.

        A sum in which each product passes c additions is off by up to c·u beside Σ|z_i·z_j| ≤ √(sizes_i·sizes_j), and
        that is all that grows: what comes of each sum is added as a pair. z − s and the root of a weight are rounded,
        in both factors, and so are the way from s to the mean and that from block to block: 12 roundings more. Beside
        the norms that makes (c + 12)·u·√(ratio_i·ratio_j), and the norm of a matrix of such entries is the sum of the
        ratios. Σ w·(z − s) is off as much, and is taken away in the square of what s is off: 2c·u·√(ratio_i·(ratio_j
        − 1)) more.
        """
        ratios = self.sizes / scale**2
        c = np.broadcast_to(np.asarray(self.chain, np.float64), ratios.shape)
        whole, squared = float(((c + 12) * ratios).sum()), float((c**2 * ratios).sum())
        off = max(0.0, float((ratios - 1).sum()))
        proved = (whole + 2 * math.sqrt(squared * off)) * UNIT
        return proved, rounding(len(scale)) * float(ratios.max())
