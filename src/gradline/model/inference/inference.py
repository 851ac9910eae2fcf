"""Inference from Moments alone: standard errors, t, p, intervals, F, likelihood and VIF of a least-squares answer."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gradline.core.coefficients import Coefficients
from gradline.core.derived import cached_property
from gradline.core.errors import RequestError, UsageError
from gradline.core.linalg.refined import Figures
from gradline.core.linalg.triangular import UNIT, row_norms
from gradline.core.text import listed
from gradline.data.selection import UNSAID, WEIGHTS_ARE
from gradline.model.inference.estimates import Estimates
from gradline.model.inference.student import f_tail, quantile
from gradline.model.status import Status
from gradline.moments.basis import Basis
from gradline.moments.rank import Rank, determined_factor
from gradline.moments.state import Moments

if TYPE_CHECKING:  # what is tested after a fit
    from gradline.model.inference.anova import Anova
    from gradline.model.inference.joint import Contrast, Wald


OF = ("new", "mean")  # what an interval of a prediction holds


class Refusal(NamedTuple):
    """Why a figure is left out, and what to do about it; `code` as in the error of who asks for it."""

    code: str
    cause: str
    remedy: str


@dataclass(frozen=True, eq=False)
class Inference:
    """What the data say about the coefficients, if a line suits them and errors are independent and alike.

    For each target j: SSR = Σ w·(ŷ − y)², TSS = Σ w·(y − ȳ)² (Σ w·y² without a bias), k the coefficients that the
    data determine, the bias included, and n the observations. All are None, or NaN for one target or
    coefficient, where they mean nothing; `reason` says why.

    - `weights_are`: "counts" (a weight of 2 is the row twice; n = Σw), "precision" (inverse variances, as WLS in
      statsmodels and `lm` in R; n counts rows) or "sampling" (only robust errors, from `diagnostics`, hold); "unsaid"
      where nobody said which, and then n is not known; None where rows have no weights.
    - `estimates`: standard errors of the coefficients with t, p and intervals, on `freedom` = n − k degrees.
    - `residual_stderr` (m,): √(SSR/(n − k)).
    - `r2` (m,): 1 − SSR/TSS; `adjusted_r2`: 1 − (SSR/(n − k))/(TSS/(n − bias)).
    - `F` (m,): all slopes against none, on `slopes` = k − bias and n − k degrees, with `F_p_value`.
    - `log_likelihood` (m,): Gaussian at its maximum, −n/2·(log(2π·SSR/n) + 1). None for precision weights, which add
      ½·Σ log w: see `diagnostics`. `aic` = −2·log L + 2k and `bic` = −2·log L + k·log n as in statsmodels;
      R counts the variance as one more parameter, so its AIC is 2 and its BIC log n larger.
    - `vif` (p,): variance inflation, 1/(1 − R²) of a feature on the others; infinite where it is not
      determined, NaN where it is constant. It says nothing of y, so it is there for any model.

    Draper, Smith 1998, chapters 1, 5 and 16.
    """

    weights_are: str | None
    observations: float
    freedom: float
    slopes: int
    estimates: Estimates | None
    residual_stderr: np.ndarray | None
    r2: np.ndarray | None
    adjusted_r2: np.ndarray | None
    F: np.ndarray | None
    log_likelihood: np.ndarray | None
    vif: np.ndarray
    refusals: tuple[Refusal, ...]
    basis: Basis
    moments: Moments

    @property
    def reason(self) -> str | None:
        """Why some figures are left out; None when none is."""
        return "; ".join(refusal.cause for refusal in self.refusals) or None

    @property
    def weight_stderr(self) -> np.ndarray | None:
        """(m, p), in raw units."""
        return None if self.estimates is None else self.estimates.weight_stderr

    @property
    def bias_stderr(self) -> np.ndarray | None:
        """(m,), None without a bias."""
        return None if self.estimates is None else self.estimates.bias_stderr

    @property
    def t(self) -> Coefficients | None:
        """Coefficient / standard error."""
        return None if self.estimates is None else self.estimates.t

    @property
    def p_value(self) -> Coefficients | None:
        """Two-sided, Student's t."""
        return None if self.estimates is None else self.estimates.p_value

    def interval(self, level: float = 0.95) -> Coefficients:
        """Confidence intervals of the coefficients. Raises `RequestError` where there is none."""
        return self._expect_known().estimates.interval(level)

    @property
    def covariance(self) -> np.ndarray | None:
        """(m, k, k) between the coefficients, the bias first where there is one; see `Estimates.covariance`."""
        return None if self.estimates is None else self.estimates.covariance

    def test(self, hypothesis: Any, values: Any = 0.0) -> "Wald":
        """Equations between coefficients, together: `test("area = 0, rooms = 2*baths")`; see `Estimates.test`."""
        return self._expect_known().estimates.test(hypothesis, values)

    def contrast(self, sums: Any) -> "Contrast":
        """Sums of coefficients: `contrast("rooms - 2*baths")`; see `Estimates.contrast`."""
        return self._expect_known().estimates.contrast(sums)

    def anova(self, kind: str = "II") -> "Anova":
        """What each term explains: beside those before it ("I"), all that do not contain it ("II"), all ("III").

        Raises `RequestError` where there are no tests or coefficients that are not determined, `UsageError` for others.

        >>> import gradline
        >>> words = "body_mass_g ~ flipper_length_mm + species"
        >>> model = gradline.fit("example:penguins", formula=words, missing="drop")
        >>> [(term.label, term.degrees, round(term.F[0], 1)) for term in model.inference.anova().terms]
        [('flipper_length_mm', 1, 175.7), ('species', 2, 18.4)]
        """
        from gradline.model.inference.anova import anova  # noqa: PLC0415 - fitting tests no term

        known = self._expect_known()
        return anova(self.moments, self.basis.level is not None, self.freedom, known.sigma, kind)

    @cached_property
    def F_p_value(self) -> np.ndarray | None:
        """P(F ≥ the F found)."""
        return None if self.F is None else f_tail(self.F, self.slopes, self.freedom)

    @property
    def aic(self) -> np.ndarray | None:
        """−2·log L + 2k."""
        return self._penalised(2.0)

    @property
    def bic(self) -> np.ndarray | None:
        """−2·log L + k·log n."""
        return self._penalised(math.log(self.observations))

    def _penalised(self, each: float) -> np.ndarray | None:
        return None if self.log_likelihood is None else -2.0 * self.log_likelihood + self.basis.q * each

    def margin(
        self, X: np.ndarray, level: float = 0.95, w: np.ndarray | None = None, of: str = "new"
    ) -> np.ndarray:
        """(n, m): a new row's y lies within ŷ ± margin with probability `level`, for rows X (n, p).

        `of` "mean": what such rows have on average, t·s·√h, without the error of a row itself.

        t·s·√(1/w + h), h = g·g: the error of the row itself, whose precision is w (n,), one where none is given, and
        that of the coefficients. NaN where the row breaks a combination that held in training, or w is no positive
        number. Raises `RequestError` where none is known.
        """
        t, sigma = quantile(level, self.freedom), self._expect_known().sigma
        g = self.basis.rows(X)
        if of not in OF:
            raise UsageError("choice-invalid", f"an interval is of {of!r}", f"use {' or '.join(OF)}")
        if of == "mean":
            own = np.zeros(len(X))
        else:
            own = (
                np.ones(len(X)) if w is None else np.divide(1.0, w, where=w > 0, out=np.full(len(X), np.nan))
            )
        spread = np.where(self.basis.outside(X), np.nan, np.sqrt(own + (g**2).sum(axis=1)))
        return t * np.outer(spread, sigma)

    def _expect_known(self) -> "_Known":
        if self.estimates is None or self.residual_stderr is None:
            for first in self.refusals:
                raise RequestError(first.code, f"there is no interval: {first.cause}", first.remedy)
            raise RequestError(
                "interval-unknown",
                "there is no interval: the scatter of the residuals is beyond float64",
                "rescale the targets, or check the file with gradline verify",
            )
        return _Known(self.estimates, self.residual_stderr)

    def to_dict(self) -> dict[str, Any]:
        """All that needs no distribution, as plain data."""
        names = ("residual_stderr", "r2", "adjusted_r2", "F", "log_likelihood", "aic", "bic", "vif")
        t = self.t
        return {
            "weights_are": self.weights_are,
            "observations": self.observations,
            "freedom": self.freedom,
            "slopes": self.slopes,
            "weight_stderr": _plain(self.weight_stderr),
            "bias_stderr": _plain(self.bias_stderr),
            "weight_t": None if t is None else _plain(t.weight),
            "bias_t": None if t is None else _plain(t.bias),
            **{name: _plain(getattr(self, name)) for name in names},
            "reason": self.reason,
        }

    def tests(self, level: float = 0.95) -> dict[str, Any]:
        """p-values and intervals, as plain data."""
        known = self.estimates
        p, interval = (None, None) if known is None else (known.p_value, known.interval(level))
        return {
            "weight_p_value": None if p is None else _plain(p.weight),
            "bias_p_value": None if p is None else _plain(p.bias),
            "F_p_value": _plain(self.F_p_value),
            "level": level,
            "weight_interval": None if interval is None else _plain(interval.weight),
            "bias_interval": None if interval is None else _plain(interval.bias),
        }


class _Known(NamedTuple):
    estimates: Estimates
    sigma: np.ndarray


def _plain(values: np.ndarray | None) -> list[Any] | None:
    return None if values is None else values.tolist()


def infer(
    moments: Moments,
    value: Coefficients,
    targets: Sequence[str],
    status: Status,
    weights_are: str | None = None,
    figures: Figures | None = None,
    refusal: Refusal | None = None,
) -> Inference:
    """The inference for coefficients `value` that a certificate found in `status`; from `figures` to rounding.

    `refusal` says why there are none where something else than the squared loss was minimised.

    `weights_are` None says that rows have no weights. Raises `UsageError` for another word than those of `Inference`.
    """
    if weights_are not in (None, UNSAID, *WEIGHTS_ARE):
        raise UsageError(
            "weights-are-invalid", f"weights_are is {weights_are!r}", f"use {', '.join(WEIGHTS_ARE)}"
        )
    case = _Estimation(moments, value, weights_are, figures)
    refusals = (refusal,) if refusal is not None else tuple(case.refusals(targets, status))
    fitted = status.is_estimate and refusal is None
    tested = fitted and weights_are not in (UNSAID, "sampling")
    return Inference(
        weights_are=weights_are,
        observations=case.n,
        freedom=case.freedom,
        slopes=case.rank.rank,
        estimates=case.estimates if tested and np.isfinite(case.sigma).any() else None,
        residual_stderr=_known(case.sigma, tested),
        r2=_known(case.r2, fitted),
        adjusted_r2=_known(case.adjusted_r2, fitted),
        F=_known(case.F, tested),
        log_likelihood=_known(
            likelihood(case.sigma, case.freedom, case.n), tested and weights_are != "precision"
        ),
        vif=case.vif,
        refusals=refusals,
        basis=case.basis,
        moments=moments,
    )


def likelihood(sigma: np.ndarray, freedom: float, n: float) -> np.ndarray:
    """log L (m,) without weights, through sigma, so that it is NaN where there is no variance."""
    return -n / 2 * (np.log(2 * np.pi * sigma**2 * freedom / n) + 1)


def _known(values: np.ndarray, wanted: bool) -> np.ndarray | None:
    return values if wanted and not np.isnan(values).all() else None


@dataclass(frozen=True, eq=False)
class _Estimation:
    """The figures of one fit, as if it were at the optimum; NaN where a target has none."""

    moments: Moments
    value: Coefficients
    weights_are: str | None
    figures: Figures | None

    @property
    def bias(self) -> bool:
        return self.value.bias is not None

    @cached_property
    def basis(self) -> Basis:
        return Basis.of(self.moments, self.bias)

    @cached_property
    def rank(self) -> Rank:
        return Rank.of(self.moments, self.bias)

    @property
    def n(self) -> float:
        return self.moments.observations(self.weights_are)

    @property
    def freedom(self) -> float:
        return self.n - self.basis.q

    @cached_property
    def residual(self) -> np.ndarray:
        """SSR (m,)."""
        if self.figures is not None:
            return self.figures.squares
        return (determined_factor(self.moments, self.bias).C ** 2).sum(axis=0)

    @cached_property
    def explained(self) -> np.ndarray:
        """TSS − SSR (m,), without the subtraction."""
        return (self.rank.along(self.moments.slopes_factor(self.bias).B) ** 2).sum(axis=0)

    @cached_property
    def exact(self) -> np.ndarray:
        """Which targets (m,) leave a residual no larger than rounding may have made it."""
        moments, p = self.moments, self.moments.p
        root = math.sqrt(moments.weight_sum)
        largest = np.maximum(np.abs(moments.statistics.minimum), np.abs(moments.statistics.maximum))
        sizes = np.linalg.norm(moments.factor, axis=0) + (0.0 if self.bias else root * largest)
        weight = np.abs(self.value.weight)
        rounding = 8 * max(moments.error, 4 * UNIT) * (weight @ sizes[:p] + sizes[p:])
        rounding += 8 * UNIT * root * (weight @ largest[:p] + largest[p:])  # of the data themselves
        return np.sqrt(self.residual) <= rounding

    @cached_property
    def sigma(self) -> np.ndarray:
        if not self.freedom > 0:
            return np.full(self.moments.m, np.nan)
        return np.where(self.exact, np.nan, np.sqrt(self.residual / self.freedom))

    @property
    def estimates(self) -> Estimates:
        lengths = row_norms(self.basis.inverse)
        if self.figures is not None:
            lengths = np.sqrt(self.figures.variances)
        stderr = self.basis.pair(np.outer(self.sigma, lengths))
        return Estimates(self.value, stderr, self.freedom, self.moments.features, self.basis, self.sigma**2)

    @cached_property
    def r2(self) -> np.ndarray:
        total = self.residual + self.explained
        return np.divide(self.explained, total, out=np.full(len(total), np.nan), where=total > 0)

    @property
    def adjusted_r2(self) -> np.ndarray:
        total = (self.residual + self.explained) / (self.n - self.bias) if self.freedom > 0 else 0.0
        return 1.0 - self.sigma**2 / total if self.freedom > 0 else np.full(self.moments.m, np.nan)

    @property
    def F(self) -> np.ndarray:
        return self.explained / self.sigma**2 / (self.rank.rank or np.nan)

    @property
    def vif(self) -> np.ndarray:
        """The squared rows of root, for columns of unit norm."""
        inflation = ((self.basis.root * self.basis.norms[:, None]) ** 2).sum(axis=1)
        determined = self.basis.determined[int(self.bias) :]
        return np.where(self.rank.norms > 0, np.where(determined, inflation, np.inf), np.nan)

    def refusals(self, targets: Sequence[str], status: Status) -> list[Refusal]:
        """Every reason why something is left out, the gravest first."""
        if not status.is_estimate:
            return [
                Refusal(
                    "not-at-optimum",
                    f"{status.sentence}, so these are not the least-squares coefficients",
                    "fit exactly first",
                )
            ]
        if self.weights_are == UNSAID:
            return [NO_MEANING]
        found = []
        if self.weights_are == "sampling":
            found.append(
                Refusal(
                    "errors-need-rows",
                    "with sampling weights only robust errors hold, which need the rows",
                    _DIAGNOSTICS,
                )
            )
        if self.weights_are == "precision":
            found.append(NO_LIKELIHOOD)
        if self.freedom <= 0:
            rows = f"{self.n:g} observation{'s' * (self.n != 1)} for {self.basis.q} coefficients"
            found.insert(
                0,
                Refusal(
                    "no-freedom-left",
                    f"{rows} leave no degree of freedom",
                    "give more rows or fewer features",
                ),
            )
        elif self.exact.any():
            names = listed(name for name, exact in zip(targets, self.exact, strict=True) if exact)
            said = f"{names} is fitted exactly: what is left is rounding, and has no variance"
            found.insert(0, Refusal("fitted-exactly", said, "expect no interval where nothing varies"))
        if not self.basis.determined.all():
            names = (*(["bias"] if self.bias else []), *self.moments.features)
            loose = [name for name, known in zip(names, self.basis.determined, strict=True) if not known]
            found.append(
                Refusal(
                    "coefficient-undetermined",
                    f"the data do not determine the coefficients of {listed(loose)}",
                    "leave out a column",
                )
            )
        return found


PENALISED = Refusal(
    "penalised-no-errors",
    "a penalty pulls the weights towards zero by more than any data tell, so standard errors would mislead",
    "fit without a penalty, or compare predictions on rows held out: --holdout 0.2",
)
OTHER_LOSS = Refusal(
    "loss-no-errors",
    "standard errors here are those of least squares, and another loss was minimised",
    "compare predictions on rows held out (--holdout 0.2), or fit samples of the rows again and again (bootstrap)",
)
_DIAGNOSTICS = "call gradline.model.residuals.diagnostics(model, data, weights_are=…)"
NO_MEANING = Refusal(
    "weights-unsaid",
    "standard errors depend on what the row weights mean, and nobody said: --weights-are counts, precision or sampling "
    "(weights_are=… in Python)",
    "say it at the fit",
)
NO_LIKELIHOOD = Refusal(
    "likelihood-needs-weights",
    "the likelihood with precision weights needs the sum of their logarithms",
    _DIAGNOSTICS,
)
