"""A claim beside what the rows say, and numbers held against each other."""

import math
from dataclasses import dataclass

import numpy as np

from gradline.core.text import counted, number
from gradline.model.verify.tolerance import UNIT


@dataclass(frozen=True)
class Check:
    """One claim: its name, what the model says, what the rows say, whether they agree, and that in a sentence."""

    name: str
    claimed: str
    found: str
    agrees: bool
    sentence: str


def same(name: str, claimed: str, found: str, what: str) -> Check:
    """Words against words; `what` begins the sentence."""
    agrees = claimed == found
    said = "as claimed" if agrees else f"but the model claims {claimed}"
    return Check(name, claimed, found, agrees, f"{what[0].upper()}{what[1:]} is {found}, {said}.")


def near(name: str, claimed: float | None, found: float, tolerance: float) -> Check:
    """A number against a number; a model claims nothing where it says None, for what is beyond float64."""
    if claimed is None or math.isnan(claimed):
        return compared(name, None, found, not math.isfinite(found) or abs(found) > _HELD)
    return compared(name, claimed, found, claimed == found or abs(claimed - found) <= tolerance)


def within(name: str, claimed: float | None, low: float, high: float) -> Check:
    """A number that must lie in a range; None claims infinity."""
    value = math.inf if claimed is None else claimed
    inside = low <= value <= high
    return compared(name, claimed, value if inside else low if value < low else high, inside)


def digits_left(claimed: float, value: np.ndarray, error: np.ndarray) -> Check:
    """No more digits are claimed than these errors leave of the coefficients that are not zero to within theirs."""
    error = np.where(np.isnan(error), np.inf, error)
    counts = np.abs(value) > error
    worst = float((error[counts] / np.abs(value)[counts]).max()) if counts.any() else float(error.any())
    found = 0.0 if not np.isfinite(error).all() else max(0.0, -math.log10(max(worst, UNIT)))
    return within("digits", claimed, 0.0, found + 1e-6)


def all_near(name: str, claimed: object, found: np.ndarray, tolerance: np.ndarray, what: str) -> Check:
    """Arrays against arrays; where one disagrees it is the number that is furthest off that is told."""
    said = np.array(claimed, float)
    if said.shape != found.shape:
        return same(name, f"shape {said.shape}", f"shape {found.shape}", what)
    both = np.isnan(said) & ~np.isfinite(found)  # None in a card is what float64 does not hold
    with np.errstate(invalid="ignore", over="ignore"):
        off = np.where(both | (said == found), 0.0, np.abs(said - found) / np.maximum(tolerance, 5e-324))
    if (off <= 1).all():
        return Check(
            name, counted(found.size, "number"), "agree", True, f"{what[0].upper()}{what[1:]} as claimed."
        )
    worst = np.unravel_index(int(np.argmax(np.where(np.isnan(off), np.inf, off))), off.shape)
    return compared(name, float(said[worst]), float(found[worst]), False)


def compared(name: str, claimed: float | None, found: float, agrees: bool) -> Check:
    """The check of two numbers, in words."""
    text, shown = apart(found, math.nan if claimed is None else claimed, agrees, 6)
    shown = "none" if claimed is None else shown
    said = "as claimed" if agrees else f"but the model claims {shown}"
    return Check(name, shown, text, agrees, f"The {_CALLED.get(name, name)} is {text}, {said}.")


def apart(found: float, claimed: float, agrees: bool, digits: int) -> tuple[str, str]:
    """Two numbers in words, with so many digits that they look different where they disagree."""
    if not agrees and found and math.isfinite(claimed) and math.isfinite(found):
        difference = abs(claimed - found) / abs(found)  # which of tiny numbers may be infinite
        if difference < 1:
            digits = min(17, max(digits, 3 - math.floor(math.log10(max(difference, 1e-17)))))
    return number(found, digits), number(claimed, digits)


_CALLED = {  # what the names of a certificate stand for, in a sentence
    "gap": "loss above the best possible",
    "optimal_loss": "best possible loss",
    "gradient_norm": "size of the gradient",
    "digits": "number of sure digits",
    "lr_limit": "largest stable learning rate",
    "epochs_to_loss": "number of epochs until the loss is within 1 % of the best possible",
    "epochs_to_weights": "number of epochs until the slowest error has shrunk a thousandfold",
    "tenfold_loss": "loss after ten times as many epochs",
    "diverged_at": "epoch at which it diverged",
    "condition": "condition number",
    "condition_scaled": "condition number after standardising",
    "hessian_condition": "square of the condition number",
    "moments_error": "error of the moments",
    "bias_error": "distance of a bias from its best value",
    "bias_error_stderr": "distance of a bias from its best value, in standard errors,",
    "weight_error_stderr": "distance of a weight from its best value, in standard errors,",
    "squares": "sum of squared errors",
    "variances": "variance of a coefficient",
    "history": "loss of an epoch",
    "recorded losses": "number of recorded losses",
    "path": "weight or bias where training led",
    "rmse": "RMSE (typical error)",
    "exact sums": "exact sum",
    "open directions": "part of the weights that the data leave open",
}
_HELD = 1e150  # what is larger has a square that float64 does not hold
