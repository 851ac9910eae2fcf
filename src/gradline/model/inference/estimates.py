"""Estimates: coefficients with standard errors, and the tests and intervals that follow from Student's t."""

from dataclasses import dataclass

import numpy as np

from gradline.core.coefficients import Coefficients
from gradline.core.derived import cached_property
from gradline.core.errors import UsageError


@dataclass(frozen=True, eq=False)
class Estimates:
    """Coefficients with their standard errors, tested against zero with Student's t on `freedom` degrees."""

    value: Coefficients
    stderr: Coefficients
    freedom: float

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
        from scipy.special import stdtr  # noqa: PLC0415 - fitting needs no distribution

        return self.t.each(lambda t: 2.0 * stdtr(self.freedom, -np.abs(t)))

    def interval(self, level: float = 0.95) -> Coefficients:
        """Confidence intervals, weight (m, p, 2) and bias (m, 2): coefficient ± t·standard error, at `level`."""
        t = quantile(level, self.freedom)
        return self.value.each(lambda b, se: np.stack([b - t * se, b + t * se], axis=-1), self.stderr)


def quantile(level: float, freedom: float) -> float:
    """The t with P(|T| ≤ t) = level. Raises `UsageError` unless 0 < level < 1."""
    from scipy.special import stdtrit  # noqa: PLC0415 - fitting needs no distribution

    if not 0 < level < 1:
        raise UsageError(
            "level-invalid",
            f"the level of an interval is {level}",
            "give a share between 0 and 1, such as 0.95",
        )
    return -float(stdtrit(freedom, (1.0 - level) / 2))
