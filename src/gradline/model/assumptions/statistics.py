"""The tests of assumptions as numbers: Breusch–Pagan, White, RESET, Jarque–Bera, Durbin–Watson, Breusch–Godfrey."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradline.model.assumptions.row_sums import RowSums

_OWN = 1e-8  # of a column's sum of squares: one that the others leave less of says nothing of its own


@dataclass(frozen=True)
class Tested:
    """A test: its name, its figure on `degrees` (and `freedom` of an F), how often chance makes it as large, its size.

    `size` is what the test is about in numbers that do not grow with the rows: a share, a correlation, a skewness.
    """

    name: str
    value: float
    degrees: int
    p_value: float
    size: float
    freedom: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        return dict(vars(self))


def spread(sums: RowSums, bias: bool) -> Tested:
    """Breusch, Pagan 1979, as Koenker 1981 has it: n·R² of e² on the columns, χ² on as many; size: that R².

    `bptest` of R's lmtest. Without a bias the columns do not hold the mean of e², and it is White's alone that is told.
    """
    along = sums.squares_along[1:] if bias else np.full(1, np.nan)
    return _chi("Breusch–Pagan", sums, float(along @ along) / _variation(sums), len(along))


def spread_by_prediction(sums: RowSums) -> Tested:
    """White 1980 in Wooldridge's form: n·R² of e² on ŷ and ŷ², χ² on 2; size: that R²."""
    n = sums.rows
    around = sums.fitted - np.outer(sums.fitted[0], sums.fitted[0]) / n
    along = sums.squares_fitted - sums.fitted[0] * (sums.squares_fitted[0] / n)
    explained, degrees = _explained(around[1:, 1:], along[1:], np.diag(sums.fitted)[1:])
    return _chi("White", sums, explained / _variation(sums), degrees)


def bend(sums: RowSums, freedom: float) -> Tested:
    """Ramsey's RESET 1969: F of ŷ² and ŷ³ beside the columns; size: the share of the residual squares they explain.

    `resettest(power=2:3)` of R's lmtest.
    """
    left = sums.bend - sums.bend_along.T @ sums.bend_along
    explained, degrees = _explained(left[:2, :2], sums.bend_errors[:2], np.diag(sums.bend)[:2])
    share, freedom = explained / sums.powers[2], freedom - degrees
    F = share / max(degrees, 1) / (1 - share) * freedom if freedom > 0 and degrees else math.nan
    return Tested("RESET", F, degrees, _f(F, degrees, freedom), share if degrees else math.nan, freedom)


def normality(sums: RowSums) -> tuple[Tested, float]:
    """Jarque, Bera 1980: n/6·(S² + (K − 3)²/4), χ² on 2; size: the skewness S. With it the excess kurtosis K − 3."""
    n = sums.rows
    mean, second, third, fourth = sums.powers[1:] / n
    m2 = second - mean**2
    m3 = third - 3 * mean * second + 2 * mean**3
    m4 = fourth - 4 * mean * third + 6 * mean**2 * second - 3 * mean**4
    skewness, excess = m3 / m2**1.5, m4 / m2**2 - 3
    value = n / 6 * (skewness**2 + excess**2 / 4)
    return Tested("Jarque–Bera", value, 2, _chi2(value, 2), skewness), excess


def neighbours(sums: RowSums) -> tuple[Tested, float]:
    """Breusch 1978 and Godfrey 1978 of order 1: n·R² of e on the columns and the e before, χ² on 1; size: 1 − d/2.

    `bgtest` of R's lmtest. With it d of Durbin, Watson 1950: Σ(e − e before)²/Σe², 2 where neighbours are unrelated.
    """
    left = sums.bend[2, 2] - sums.bend_along[:, 2] @ sums.bend_along[:, 2]
    explained, degrees = _explained(left[None, None], sums.bend_errors[2:], sums.bend[2:, 2])
    d = sums.steps / sums.powers[2]
    value = sums.rows * explained / sums.powers[2]
    return Tested("Breusch–Godfrey", value, degrees, _chi2(value, degrees), 1 - d / 2), d


def outlier(sums: RowSums, freedom: float) -> tuple[Tested, int]:
    """The row farthest from its prediction: |t| of a fit without it, p of n rows by Bonferroni. With it its number."""
    from scipy.special import stdtr  # noqa: PLC0415 - fitting needs no distribution

    value, row = sums.outlier
    p = min(1.0, 2 * sums.rows * float(stdtr(freedom - 1, -value))) if freedom > 1 else math.nan
    return Tested("outlier", value, 1, p, value), row


def _variation(sums: RowSums) -> float:
    """Σ (e² − their mean)²."""
    return float(sums.powers[4] - sums.powers[2] ** 2 / sums.rows)


def _explained(gram: np.ndarray, along: np.ndarray, whole: np.ndarray) -> tuple[float, int]:
    """What columns explain, of which others have left a Gram matrix `gram` of `whole` squares, and how many do."""
    own = np.diag(gram) > _OWN * whole
    if not own.any():
        return 0.0, 0
    sizes = np.sqrt(np.diag(gram)[own])
    values, vectors = np.linalg.eigh(gram[np.ix_(own, own)] / np.outer(sizes, sizes))
    kept = values > _OWN
    coordinates = vectors[:, kept].T @ (along[own] / sizes)
    return float((coordinates**2 / values[kept]).sum()), int(kept.sum())


def _chi(name: str, sums: RowSums, share: float, degrees: int) -> Tested:
    value = sums.rows * share
    return Tested(name, value, degrees, _chi2(value, degrees), share)


def _chi2(value: float, degrees: int) -> float:
    from scipy.special import chdtrc  # noqa: PLC0415 - fitting needs no distribution

    return float(chdtrc(degrees, value)) if degrees and not math.isnan(value) else math.nan


def _f(value: float, degrees: int, freedom: float) -> float:
    from scipy.special import fdtrc  # noqa: PLC0415 - fitting needs no distribution

    return math.nan if math.isnan(value) else float(fdtrc(degrees, freedom, value))
