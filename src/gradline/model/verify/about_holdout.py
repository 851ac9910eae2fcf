"""What a model says of the rows that were held out of its training."""

import math
from collections.abc import Iterator

import numpy as np

from gradline.model.model import LinearModel
from gradline.model.verify.check import Check, all_near, near, same
from gradline.model.verify.newton_step import variation
from gradline.model.verify.row_sums import Evidence

_LOSS = 1e-9  # a relative difference that no claim may show, beside what rounding may have done


def about_holdout(
    model: LinearModel, found: Evidence | None, other: tuple[float, float] | None = None
) -> Iterator[Check]:
    """How many rows, the loss there, and what it says per target; of an `other` loss its mean and what that is off."""
    claim, m = model.holdout, len(model.targets)
    if claim is None and found is None:
        return
    if claim is None or found is None:
        words = ("none", "some")
        yield same("holdout", words[claim is not None], words[found is not None], "what was held out")
        return
    yield same("rows held out", f"{claim.rows:,}", f"{found.rows:,}", "the number of rows held out")
    yield same(
        "held-out rows left out", f"{claim.dropped:,}", f"{found.dropped:,}", "what was left out of them"
    )
    unit = 2 * found.frame.units[-m:]
    squares, terms = np.ldexp(found.squares.hi, unit), np.ldexp(found.terms, unit)
    cells = m * found.mass
    loss = float(squares.sum() / cells)
    rounding = _rounding(float(terms.sum() / cells), loss)
    told, off = (loss, rounding) if other is None else other
    yield near("loss held out", claim.loss, told, _LOSS * told + off)
    each = squares / found.mass
    own = np.array([_rounding(float(t), float(s)) for t, s in zip(terms / found.mass, each, strict=True)])
    rmse = np.sqrt(each)
    yield all_near("rmse", claim.rmse, rmse, _LOSS * rmse + np.sqrt(own), "the errors per target are")
    whole = np.ldexp(variation(found, 1 + len(model.features), model.has_bias), unit)
    beside = np.where(whole > 0, whole, 1.0)
    r2 = np.where(whole > 0, 1 - squares / beside, np.nan)
    slack = 1e-7 * np.where(whole > 0, squares / beside, 1.0) + 1e-9 + own * found.mass / beside
    yield all_near("r2", claim.r2, r2, slack, "R² is")
    last = model.history[-1] if model.history else None
    if last is not None and last.holdout is not None:
        yield near("last loss held out", last.holdout, loss, 1e-7 * loss + rounding)


def _rounding(terms: float, loss: float) -> float:
    """What float64 may do to a loss whose residuals are differences of terms of these squares."""
    return 2e-14 * math.sqrt(terms * loss) + 1e-28 * terms
