"""The wild cluster bootstrap: p and intervals where clusters are too few for the t of cluster-robust errors."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from gradline.core.coefficients import Coefficients
from gradline.core.derived import cached_property
from gradline.model.inference.estimates import CoefficientRow, Estimates
from gradline.model.inference.joint import Contrast, Wald

DRAWS = 3999  # so that the share of them that 95 % or 90 % leave out is a whole number of them
FEW = 50  # clusters, below which the t of cluster errors rejects too often (Cameron, Miller 2015, section VI)
_WEBB_UP_TO = (
    12  # clusters, of which signs alone make too few different samples (Webb 2014; MacKinnon, Webb 2018)
)
_WEBB = np.sqrt([0.5, 1.0, 1.5])
_REACH = 1e4  # standard errors, beyond which an interval is told as endless
_HALVINGS = 30  # of a bracket: its ends are then nearer than the draws can tell


class ClusterSums(NamedTuple):
    """Of each cluster, in the coordinates of the basis: Σ w·g·gᵀ (G, q, q), and Σ w·r·g (m, G, q)."""

    products: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True, eq=False)
class WildEstimates:
    """Cluster-robust estimates whose p and intervals come from samples in which whole clusters change sign.

    For each coefficient, with the residuals of the fit that holds it at the value tested (restricted): each cluster's
    are multiplied by a number of mean 0 and variance 1, Rademacher's ±1, or one of Webb's six where clusters are very
    few; p is the share of samples whose |t| is at least the one found, (1 + count)/(1 + draws). An interval holds the
    values that are not rejected. All from sums by cluster, without the rows (Cameron, Gelbach, Miller 2008; MacKinnon,
    Nielsen, Webb 2023). Tests of several coefficients and contrasts are those of `clustered`, on G − 1 degrees.
    """

    clustered: Estimates
    sums: ClusterSums
    factor: float
    seed: int = 0
    draws: int = DRAWS

    @property
    def kind(self) -> str:
        """Whose numbers the clusters are multiplied by."""
        return "Webb" if len(self.sums.products) <= _WEBB_UP_TO else "Rademacher"

    @cached_property
    def multipliers(self) -> np.ndarray:
        """(draws, G), from the seed."""
        random, G = np.random.default_rng(self.seed), len(self.sums.products)
        signs = random.choice([-1.0, 1.0], (self.draws, G))
        return signs * random.choice(_WEBB, (self.draws, G)) if self.kind == "Webb" else signs

    @cached_property
    def p_value(self) -> Coefficients:
        """Of each coefficient against zero."""
        return self.clustered.basis.pair(
            np.array([[one.p_of(one.value) for one in some] for some in self._tests])
        )

    def interval(self, level: float = 0.95) -> Coefficients:
        """Weight (m, p, 2) and bias (m, 2): the values of each coefficient that p does not reject."""
        ends = np.array([[one.ends(1.0 - level) for one in some] for some in self._tests])
        pairs = [self.clustered.basis.pair(ends[..., side]) for side in (0, 1)]
        return pairs[0].each(lambda low, high: np.stack([low, high], axis=-1), pairs[1])

    def rows(self, level: float = 0.95) -> list[list[CoefficientRow]]:
        """See `Estimates.rows`."""
        p, interval = self.p_value.stacked, self.interval(level).stacked
        return [
            [
                row._replace(
                    p_value=float(p[j, i]), low=float(interval[j, i, 0]), high=float(interval[j, i, 1])
                )
                for i, row in enumerate(rows)
            ]
            for j, rows in enumerate(self.clustered.rows(level))
        ]

    def test(self, hypothesis: Any, values: Any = 0.0) -> Wald:
        """See `Estimates.test`."""
        return self.clustered.test(hypothesis, values)

    def slopes_test(self) -> Wald:
        """See `Estimates.slopes_test`."""
        return self.clustered.slopes_test()

    def contrast(self, sums: Any) -> Contrast:
        """See `Estimates.contrast`."""
        return self.clustered.contrast(sums)

    def to_dict(self, level: float = 0.95) -> dict[str, Any]:
        """See `Estimates.to_dict`; with the draws, the seed and the kind of numbers."""
        plain = self.clustered.to_dict(level)
        for name, figures in {"p_value": self.p_value, "interval": self.interval(level)}.items():
            plain[f"weight_{name}"] = figures.weight.tolist()
            plain[f"bias_{name}"] = None if figures.bias is None else figures.bias.tolist()
        return {**plain, "bootstrap": {"kind": self.kind, "draws": self.draws, "seed": self.seed}}

    @cached_property
    def _tests(self) -> list[list["_OneCoefficient"]]:
        return [list(self._of_target(j)) for j in range(len(self.sums.scores))]

    def _of_target(self, j: int) -> Iterator["_OneCoefficient"]:
        V, A, S = self.multipliers, self.sums.products, self.sums.scores[j]
        along = V @ S  # how far each sample moves the coefficients at the fit's own residuals (draws, q)
        for value, row in zip(self.clustered.value.stacked[j], self.clustered.basis.inverse, strict=True):
            shares = A @ row  # (G, q)
            yield _OneCoefficient(
                value=float(value),
                length=float(row @ row),
                own=S @ row,
                moved=shares @ row,
                V=V,
                less=along @ shares.T,
                less_moved=V @ shares @ shares.T,
                factor=self.factor,
            )


@dataclass(frozen=True, eq=False)
class _OneCoefficient:
    """What its t statistics are made of, for any value that is tested.

    With ℓ the row that takes g to the coefficient, and x = (what is found − what is tested)/ℓ·ℓ, the restricted scores
    of cluster c along ℓ are own + x·moved, and a sample takes less + x·less_moved from them.
    """

    value: float
    length: float
    own: np.ndarray  # (G,)
    moved: np.ndarray  # (G,)
    V: np.ndarray  # (draws, G)
    less: np.ndarray  # (draws, G)
    less_moved: np.ndarray  # (draws, G)
    factor: float

    @property
    def stderr(self) -> float:
        return float(np.sqrt(self.factor * (self.own**2).sum()))

    def p_of(self, missed: float) -> float:
        """P of the value that lies `missed` below the one found."""
        if not self.stderr > 0:
            return np.nan
        x = missed / self.length
        restricted = self.V * (self.own + x * self.moved)
        scores = restricted - self.less - x * self.less_moved
        with np.errstate(invalid="ignore", divide="ignore"):
            t = np.abs(restricted.sum(axis=1)) / np.sqrt(self.factor * (scores**2).sum(axis=1))
        found = abs(missed) / self.stderr
        extreme = t >= found * (
            1 - 1e-12
        )  # a sample whose signs are all one has the t that is found, but for rounding
        return (1 + int(extreme.sum())) / (1 + len(t))

    def ends(self, alpha: float) -> tuple[float, float]:
        """Between which values p is above alpha; a p of alpha itself rejects, for 1 − 0.9 is just below 0.1."""
        least = alpha * (1 + 1e-9)
        below, above = (self._end(sign * self.stderr, least) for sign in (1.0, -1.0))
        return self.value - below, self.value - above

    def _end(self, step: float, alpha: float) -> float:
        if not self.stderr > 0:
            return np.nan
        inside, outside = 0.0, 2.0 * step
        while self.p_of(outside) > alpha:
            inside, outside = outside, 2.0 * outside
            if abs(outside) > _REACH * abs(step):
                return float(np.sign(step) * np.inf)
        for _ in range(_HALVINGS):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if self.p_of(middle) > alpha else (inside, middle)
        return (inside + outside) / 2
