"""Several coefficients at once: Wald's test of equations between them, and contrasts, sums with their errors."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from gradline.core.coefficients import Coefficients
from gradline.core.derived import cached_property
from gradline.core.errors import RequestError, UsageError
from gradline.core.linalg.triangular import UNIT
from gradline.core.text import listed
from gradline.model.inference.hypotheses import Restrictions, summed
from gradline.model.inference.student import f_tail, quantile, two_sided
from gradline.moments.basis import Basis

_APART = 1e-9  # of their length: what rows of a hypothesis leave of one less than this is said by the others already


class Estimated(Protocol):
    """What a test must know of estimates; see `Estimates`."""

    @property
    def value(self) -> Coefficients: ...
    @property
    def freedom(self) -> float: ...
    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def basis(self) -> Basis: ...
    @property
    def scatter(self) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class Wald:
    """How much equations between coefficients miss, tested together; see `Estimates.test`.

    `equations` as they are read; `missed` (m, r): by how much; `F` (m,) on `equal`, how many of them say something of
    their own, and `freedom` degrees.
    """

    equations: tuple[str, ...]
    targets: int
    missed: np.ndarray
    F: np.ndarray
    equal: int
    freedom: float

    @cached_property
    def p_value(self) -> np.ndarray:
        """P(F ≥ the F found) (m,)."""
        return f_tail(self.F, self.equal, self.freedom)

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain data."""
        arrays = {"missed": self.missed, "F": self.F, "p_value": self.p_value}
        return {
            "equations": list(self.equations),
            "degrees": self.equal,
            "freedom": self.freedom,
            **{name: values.tolist() for name, values in arrays.items()},
        }

    def __str__(self) -> str:
        found = zip(self.F.tolist(), self.p_value.tolist(), strict=True)
        each = [f"F {F:.6g} on {self.equal} and {self.freedom:,.6g}, p {p:.3g}" for F, p in found]
        return f"{', '.join(self.equations)}: {'; '.join(each)}"


@dataclass(frozen=True, eq=False)
class Contrast:
    """Sums of coefficients with their standard errors (m, r), tested against zero with Student's t."""

    sums: tuple[str, ...]
    estimate: np.ndarray
    stderr: np.ndarray
    freedom: float

    @property
    def t(self) -> np.ndarray:
        """Estimate / standard error."""
        return self.estimate / self.stderr

    @cached_property
    def p_value(self) -> np.ndarray:
        """P(|T| ≥ |t|), two-sided."""
        return two_sided(self.t, self.freedom)

    def interval(self, level: float = 0.95) -> np.ndarray:
        """(m, r, 2): estimate ± t·standard error, at `level`."""
        reach = quantile(level, self.freedom) * self.stderr
        return np.stack([self.estimate - reach, self.estimate + reach], axis=-1)

    def to_dict(self, level: float = 0.95) -> dict[str, Any]:
        """All figures as plain data."""
        arrays = {"estimate": self.estimate, "stderr": self.stderr, "t": self.t, "p_value": self.p_value}
        return {
            "sums": list(self.sums),
            "freedom": self.freedom,
            "level": level,
            **{name: values.tolist() for name, values in arrays.items()},
            "interval": self.interval(level).tolist(),
        }


def contrasted(estimates: Estimated, sums: Restrictions) -> Contrast:
    """The sums of coefficients."""
    _expect_determined(estimates, sums.rows)
    spread = [np.linalg.norm(root, axis=1) for root in _roots(estimates, sums.rows)]
    texts = tuple(
        summed(row, value, estimates.names) for row, value in zip(sums.rows, sums.values, strict=True)
    )
    value = estimates.value.stacked @ sums.rows.T - sums.values
    return Contrast(texts, value, np.array(spread), estimates.freedom)


def wald(estimates: Estimated, equations: Restrictions) -> Wald:
    """The test of equations, of which those that follow from others do not count."""
    rows = equations.rows
    _expect_determined(estimates, rows)
    lengths = np.linalg.norm(rows, axis=1)
    if not lengths.all():
        text = equations.texts[int(np.argmin(lengths))]
        raise UsageError("hypothesis-empty", f"the equation {text} holds no coefficient", "leave it out")
    left, sizes, _ = np.linalg.svd(rows / lengths[:, None], full_matrices=False)
    own = left[:, sizes > _APART * sizes[0]]  # the combinations of equations that say something
    missed = estimates.value.stacked @ rows.T - equations.values
    sought = equations.values / lengths
    if np.linalg.norm(sought - own @ (own.T @ sought)) > _APART * np.linalg.norm(sought):
        raise UsageError(
            "hypothesis-contradicts",
            f"the equations {listed(equations.texts)} contradict each other",
            "leave one of them out",
        )
    F = []
    for root, miss in zip(
        _roots(estimates, own.T @ (rows / lengths[:, None])), missed / lengths, strict=True
    ):
        F.append(_squared(root, own.T @ miss) / own.shape[1])
    return Wald(equations.texts, len(F), missed, np.array(F), own.shape[1], estimates.freedom)


def _squared(root: np.ndarray, missed: np.ndarray) -> float:
    """dᵀ(root·rootᵀ)⁻¹d, NaN where root does not reach all of d: nothing varies there."""
    sizes = np.linalg.norm(root, axis=1)
    if not (np.isfinite(sizes).all() and sizes.all()):
        return np.nan
    left, spread, _ = np.linalg.svd(root / sizes[:, None], full_matrices=False)
    if len(spread) < len(missed) or spread[-1] <= len(root) * 8 * UNIT * spread[0]:
        return np.nan
    return float((((left.T @ (missed / sizes)) / spread) ** 2).sum())


def _roots(estimates: Estimated, rows: np.ndarray) -> list[np.ndarray]:
    """For each target a root (r, ·) of the covariance of rows·β: times its transpose it is that."""
    along = rows @ estimates.basis.inverse
    if estimates.scatter.ndim == 1:
        return [along * np.sqrt(variance) for variance in estimates.scatter]
    found = []
    for scatter in estimates.scatter:
        values, vectors = (
            np.linalg.eigh(scatter) if np.isfinite(scatter).all() else (np.nan, np.eye(len(scatter)))
        )
        found.append((along @ vectors) * np.sqrt(np.maximum(values, 0.0)))
    return found


def _expect_determined(estimates: Estimated, rows: np.ndarray) -> None:
    loose = (rows != 0).any(axis=0) & ~estimates.basis.determined
    if loose.any():
        names = [name for name, is_loose in zip(estimates.names, loose, strict=True) if is_loose]
        raise RequestError(
            "hypothesis-undetermined",
            f"the data do not determine the coefficients of {listed(names)}",
            "leave out a column, or ask for others",
        )
