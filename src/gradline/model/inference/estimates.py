"""Estimates: coefficients with standard errors and covariances, and the tests and intervals that follow from them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gradline.core.coefficients import Coefficients, feature_name
from gradline.core.derived import cached_property
from gradline.model.inference.student import quantile, two_sided
from gradline.moments.basis import Basis

if TYPE_CHECKING:  # what is tested after a fit
    from gradline.model.inference.joint import Contrast, Wald


class CoefficientRow(NamedTuple):
    """A line of the table of coefficients; NaN where the data do not determine the coefficient."""

    name: str
    value: float
    stderr: float
    t: float
    p_value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Estimates:
    """Coefficients with their standard errors, tested against zero with Student's t on `freedom` degrees.

    `scatter` is the covariance of Σ w·r·g in the coordinates of `basis`: (m, q, q), or (m,) of a multiple of one.
    """

    value: Coefficients
    stderr: Coefficients
    freedom: float
    features: tuple[str, ...]
    basis: Basis
    scatter: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        """What the coefficients are called, the bias first where there is one."""
        return self.features if self.value.bias is None else ("bias", *self.features)

    @property
    def weight_stderr(self) -> np.ndarray:
        """(m, p), in raw units."""
        return self.stderr.weight

    @property
    def bias_stderr(self) -> np.ndarray | None:
        """(m,), None without a bias."""
        return self.stderr.bias

    @cached_property
    def t(self) -> Coefficients:
        """Coefficient / standard error."""
        return self.value.each(np.divide, self.stderr)

    @cached_property
    def p_value(self) -> Coefficients:
        """P(|T| ≥ |t|), two-sided."""
        return self.t.each(lambda t: two_sided(t, self.freedom))

    def rows(self, level: float = 0.95) -> list[list[CoefficientRow]]:
        """The table of coefficients of each target, line by line, the bias first where there is one.

        A feature that is called bias stands in quotes there, which tell it from the bias.

        >>> import gradline
        >>> model = gradline.fit("example:crops", "apples", features=["temp", "rainfall"])
        >>> bias, temp, rainfall = model.inference.estimates.rows()[0]
        >>> rainfall.name, round(rainfall.value, 3), round(rainfall.stderr, 3)
        ('rainfall', 1.087, 0.069)
        """
        figures = (self.value, self.stderr, self.t, self.p_value)
        columns = [pair.stacked for pair in figures]
        interval = self.interval(level).stacked
        first = 0 if self.value.bias is None else 1
        names = [*self.names[:first], *map(feature_name, self.features)]
        return [
            [
                CoefficientRow(name, *(float(column[j, i]) for column in columns), *interval[j, i].tolist())
                for i, name in enumerate(names)
            ]
            for j in range(len(interval))
        ]

    @cached_property
    def covariance(self) -> np.ndarray:
        """(m, k, k) between the coefficients, the bias first where there is one; NaN where one is not determined.

        On its diagonal stand the squared standard errors.
        """
        roots = np.where(self.basis.determined[:, None], self.basis.inverse, np.nan)
        around = roots @ roots.T if self.scatter.ndim == 1 else roots @ self.scatter @ roots.T
        around = np.broadcast_to(around, (len(self.scatter), *around.shape[-2:]))
        lengths = np.sqrt(np.einsum("mkk->mk", around))
        errors = self.stderr.stacked
        with np.errstate(invalid="ignore", divide="ignore"):
            return (
                around
                / (lengths[:, :, None] * lengths[:, None, :])
                * (errors[:, :, None] * errors[:, None, :])
            )

    def test(self, hypothesis: Any, values: Any = 0.0) -> "Wald":
        """All equations of a hypothesis together: "area = 0, rooms = 2*baths", by an F test.

        A matrix (r, k) over the coefficients, the bias first where there is one, is that it leads to `values` (r,).
        F = dᵀ(L·V·Lᵀ)⁻¹d/r of what the equations miss, d = L·β − values, with V the covariance, on r and `freedom`
        degrees (Greene 2012, section 5.4). Raises `UsageError` for what is no hypothesis, `RequestError` for one of
        coefficients that the data do not determine.

        >>> import gradline
        >>> model = gradline.fit("example:crops", "apples", features=["temp", "rainfall", "humidity"])
        >>> print(model.inference.test("temp = 0, rainfall = humidity"))
        temp = 0, rainfall - humidity = 0: F 111.809 on 2 and 11, p 4.91e-08
        """
        from gradline.model.inference.hypotheses import asked  # noqa: PLC0415 - fitting tests no equation
        from gradline.model.inference.joint import wald  # noqa: PLC0415

        return wald(self, asked(hypothesis, values, self.names))

    def slopes_test(self) -> "Wald":
        """That all slopes which the data determine are 0: with robust errors what F is with plain ones."""
        first = int(self.value.bias is not None)
        kept = np.flatnonzero(self.basis.determined[first:]) + first
        return self.test(np.eye(len(self.names))[kept])

    def contrast(self, sums: Any) -> "Contrast":
        """Sums of coefficients, "rooms - 2*baths, area", each with its standard error, t, p and interval.

        >>> import gradline
        >>> model = gradline.fit("example:crops", "apples", features=["temp", "rainfall", "humidity"])
        >>> contrast = model.inference.contrast("rainfall - humidity")
        >>> contrast.estimate.round(4), contrast.interval().round(4)
        (array([[0.1574]]), array([[[0.0562, 0.2587]]]))
        """
        from gradline.model.inference.hypotheses import asked  # noqa: PLC0415 - fitting contrasts nothing
        from gradline.model.inference.joint import contrasted  # noqa: PLC0415

        return contrasted(self, asked(sums, 0.0, self.names))

    def interval(self, level: float = 0.95) -> Coefficients:
        """Confidence intervals, weight (m, p, 2) and bias (m, 2): coefficient ± t·standard error, at `level`."""
        t = quantile(level, self.freedom)
        return self.value.each(lambda b, se: np.stack([b - t * se, b + t * se], axis=-1), self.stderr)

    def to_dict(self, level: float = 0.95) -> dict[str, Any]:
        """Standard errors with t, p and intervals, as plain data."""
        found = {
            "stderr": self.stderr,
            "t": self.t,
            "p_value": self.p_value,
            "interval": self.interval(level),
        }
        plain: dict[str, Any] = {"freedom": self.freedom, "level": level}
        for name, figures in found.items():
            plain[f"weight_{name}"] = figures.weight.tolist()
            plain[f"bias_{name}"] = None if figures.bias is None else figures.bias.tolist()
        return plain
