"""What a model whose loss is not squared says of its coefficients, from its rows and a way further down, if any."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradline.core.coefficients import Coefficients
from gradline.core.derived import cached_property
from gradline.core.text import counted, number
from gradline.model.model import LinearModel
from gradline.model.status import Status
from gradline.model.verify.check import Check, digits_left, near, same, within
from gradline.model.verify.own_loss import OwnLoss, OwnRows, fall, way_down
from gradline.model.verify.own_penalty import OwnPenalty
from gradline.model.verify.tolerance import MARGIN, UNIT

_CLOSE = 1e-9  # a relative difference that no claim may show, beside what rounding may have done
_ABOVE = 2e-6  # of the least objective: what a certified one may be above it, twice what a judge allows
_OPEN = 1e-9  # of columns of one size: what is smaller is no direction
_OF_NONE = (
    "epochs",
    "diverged_at",
    "weight_error_stderr",
    "bias_error_stderr",
)  # which these fits do not tell


@dataclass(frozen=True, eq=False)
class LossAnswer:
    """A model, its rows with the penalty below them, and the scale (p,) on which that was."""

    model: LinearModel
    rows: OwnRows
    scale: np.ndarray

    def checks(self) -> Iterator[Check]:
        """Loss, penalty, how far either is from the best, and what is said of each weight."""
        claim, slack = self.model.certificate, self.rounding
        yield same("loss_name", str(claim.loss_name), str(self.model.loss.params()["loss"]), "the loss")
        yield near("loss", claim.loss, self.objective - self.penalty, slack)
        told = self.model.penalty.is_none and claim.penalty is None
        yield (
            same("penalty", "none", "none", "the penalty")
            if told
            else near("penalty", claim.penalty, self.penalty, slack)
        )
        yield within("gap", claim.gap, self.lead - self.rounding_of_lead, self.objective + slack)
        least = self.objective - claim.gap  # which a gap told too large would make smaller than it is
        yield within(
            "optimal_loss", claim.optimal_loss, max(0.0, least) - slack, self.objective - self.lead + slack
        )
        yield self._status()
        yield from self._distances()
        yield self._digits()
        yield from self._columns()
        if self.loss.near:
            yield near(
                "gradient_norm", claim.gradient_norm, self.slope, _CLOSE * self.slope + self.rounding_of_slope
            )
        for name in _OF_NONE:
            if getattr(claim, name) is not None:
                yield same(name, "told", "none", "of a fit with such a loss,")
        for record in self.model.history:
            yield near("history", record.loss, self.objective, slack)

    def unchecked(self) -> Iterator[str]:
        """What no way down can show."""
        yield "whether its bounds could be nearer"
        if not self.loss.near:
            yield "the size of the gradient, which has jumps"

    @cached_property
    def loss(self) -> OwnLoss:
        """ρ."""
        return OwnLoss.of(self.model.loss.params())

    @cached_property
    def cells(self) -> float:
        """m·W."""
        return len(self.model.weight) * float(self.rows.w[self.rows.kind == 0].sum())

    @cached_property
    def objective(self) -> float:
        """Loss and penalty."""
        return math.fsum(x for r in self.rows.R.T for x in self.rows.each(self.loss, r).tolist()) / self.cells

    @cached_property
    def penalty(self) -> float:
        """ΣΩ."""
        params, features = self.model.penalty.params(), self.model.features
        return OwnPenalty.of(params, features, self.scale).value(self.model.weight * self.scale)

    @cached_property
    def rounding(self) -> float:
        """What a claim from float64 may be off: residuals by a part of their terms, sums by less."""
        steep = np.abs([self.rows.slope(self.loss, r) for r in self.rows.R.T]).T
        terms = float((np.abs(self.rows.T) * steep).sum()) / self.cells
        return _CLOSE * self.objective + MARGIN * self.rows.A.shape[1] * UNIT * terms + self._least

    @property
    def _least(self) -> float:
        """The loss of residuals that are rounding."""
        size = MARGIN * UNIT * self.rows.T
        return float(sum(self.rows.each(self.loss, r).sum() for r in size.T)) / self.cells

    @cached_property
    def ways(self) -> np.ndarray:
        """From the coefficients (q, m), along A, to some that are as good or better."""
        return np.column_stack([way_down(self.rows, self.loss, j) for j in range(len(self.model.weight))])

    @cached_property
    def lead(self) -> float:
        """How far the objective is above that at the end of the ways, so that the least is no nearer."""
        falls = (fall(self.rows, self.loss, j, way) for j, way in enumerate(self.ways.T))
        return max(0.0, sum(falls)) / self.cells

    @property
    def rounding_of_lead(self) -> float:
        """What the lead may be off: the sums at both ends, by a rounding of their terms."""
        return MARGIN * UNIT * self.objective + self._least

    @cached_property
    def _pull(self) -> np.ndarray:
        """Aᵀ(w·ρ') (q, m)."""
        return np.column_stack([self.rows.A.T @ self.rows.slope(self.loss, r) for r in self.rows.R.T])

    @property
    def slope(self) -> float:
        """The norm of the gradient, on standardised columns."""
        return float(np.linalg.norm(self._pull)) / self.cells

    @property
    def rounding_of_slope(self) -> float:
        """What float64 may have done to it."""
        A, terms = np.abs(self.rows.A), np.abs([self.rows.slope(self.loss, r) for r in self.rows.R.T]).T
        parts = A.T @ (terms + self.rows.w[:, None] * self.rows.T)
        return (
            MARGIN * (A.shape[1] + math.log2(len(A)) + 8) * UNIT * float(np.linalg.norm(parts)) / self.cells
        )

    def _status(self) -> Check:
        claim, wrong = self.model.certificate, None
        slack = _ABOVE * (self.objective - self.lead) + self.rounding_of_lead + 100 * self._least
        settled = claim.status in (Status.CERTIFIED, Status.RANK_DEFICIENT)
        if settled and self.lead > slack:
            wrong = f"other weights are better by {number(self.lead, 3)}"
        elif settled and not claim.gap <= slack:
            wrong = f"its gap is {number(claim.gap, 3)}"
        elif claim.status is Status.CERTIFIED and not all(claim.determined):
            wrong = "several answers may be best"
        elif claim.status is Status.RANK_DEFICIENT and all(claim.determined) and self._bias_is_known:
            wrong = "every weight has one best value"
        elif claim.status in (Status.DIVERGED, Status.STOPPED):
            wrong = "nothing was trained"
        said = f", but {wrong}." if wrong else ", and no way leads lower."
        return Check(
            "status",
            claim.status,
            wrong or claim.status,
            wrong is None,
            f"The model claims to be {claim.status}{said}",
        )

    @property
    def _bias_is_known(self) -> bool:
        return bool(np.isfinite(np.array(self.model.certificate.bias_error, float)).all())

    def _distances(self) -> Iterator[Check]:
        """No coefficient is further from better ones than is claimed, where there is one best value."""
        claim, first = self.model.certificate, int(self.model.has_bias)
        moved = (self.ways * self.rows.raw[:, None]).T
        weight = moved[:, first:]
        size = np.abs(self.model.weight) + np.sqrt(UNIT) * np.abs(weight)
        for name, apart, own in (
            ("weight_error", np.abs(weight), MARGIN * UNIT * size),
            (
                "bias_error",
                np.abs(moved[:, 0] * first - weight @ self.rows.center),
                MARGIN * UNIT * (np.abs(self.model.bias) + size @ np.abs(self.rows.center)),
            ),
        ):
            claimed = np.array(getattr(claim, name), float)
            short = ~(np.isnan(claimed) | (claimed >= apart - own))
            short |= claimed < 0
            found = (
                "none is further"
                if not short.any()
                else f"{counted(int(short.sum()), 'coefficient')} further"
            )
            yield same(name, "none is further", found, "from better ones, beside the claimed distances,")

    def _digits(self) -> Check:
        """The digits are those that the claimed distances leave."""
        claim, bias = self.model.certificate, np.array(self.model.certificate.bias_error, float)
        error = Coefficients(np.array(claim.weight_error, float), bias if self.model.has_bias else None)
        return digits_left(claim.digits, self.model.coefficients.stacked, error.stacked)

    def _columns(self) -> Iterator[Check]:
        """No weight is said to have one best value that the columns leave open, and none to be zero for certain."""
        claimed = np.array(self.model.certificate.determined, bool)
        A = self.rows.A[:, int(self.model.has_bias) :]
        if len(claimed) != A.shape[1]:
            yield same("determined", f"{claimed.size} weights", f"{A.shape[1]}", "what has one best value")
            return
        _, size, V = np.linalg.svd(A, full_matrices=True) if len(A) < A.shape[1] else np.linalg.svd(A.T @ A)
        size = np.concatenate([size, np.zeros(len(V) - len(size))])
        share = size / size[0] if size[0] else size
        null = V[share <= (_OPEN if len(A) < A.shape[1] else _OPEN**2 + 64 * len(V) * UNIT)]
        # A direction that the columns leave open is one of few digits, which an honest fit may still count.
        is_open = (np.abs(null) > 1e-3).any(axis=0) & (self.model.certificate.rank < len(claimed))
        wrong = int((claimed & is_open).sum())
        said = f"{int(claimed.sum())} of {claimed.size}"
        found = said if not wrong else f"{int(claimed.sum()) - wrong} of {claimed.size}"
        yield same("determined", said, found, "of the weights that have one best value, the number")
        zeros = self.model.certificate.zero
        many = 0 if zeros is None else int(np.array(zeros, bool).sum())
        yield same("zero", f"{many} zero for certain", "0 zero for certain", "of the weights")
