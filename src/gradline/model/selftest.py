"""NIST's eleven regressions solved on this machine, in correct digits, by each way to an answer."""

import math
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gradline.core.errors import GradlineWarning
from gradline.model.fit import fit
from gradline.model.model import LinearModel
from gradline.model.nist import NAMES, load
from gradline.moments.state import Moments
from gradline.solvers import SGD, GradientDescent

MOST = 16.0  # decimal digits that float64 can show
EXPECTED = 15.0  # of every coefficient by the exact solver

WAYS: dict[str, Callable[[np.ndarray, np.ndarray, bool], LinearModel]] = {
    "exact": lambda X, y, bias: fit(X, y, bias=bias),
    "moments": lambda X, y, bias: fit(Moments.of(X, y), bias=bias),
    "extended moments": lambda X, y, bias: fit(Moments.of(X, y, extended=True), bias=bias),
    "gd, 1000 epochs": lambda X, y, bias: fit(X, y, bias=bias, solver=GradientDescent(epochs=1000)),
    "sgd, 20 epochs": lambda X, y, bias: fit(X, y, bias=bias, solver=SGD(epochs=20, batch_size=8)),
}


REFINED = ("exact", "extended moments")  # whose standard errors are known to rounding, of a perfect fit too


class Score(NamedTuple):
    """Correct digits of one set by one way; None where the way claims no such figure.

    `claimed` are those that the certificate is sure of: never more than are correct.
    """

    name: str
    way: str
    coefficients: float
    claimed: float
    stderr: float | None
    residual_stderr: float | None


def selftest() -> list[Score]:
    """The scores of all sets by all ways, against the exact answers of the float64 problems."""
    scores = []
    for name in NAMES:
        X, y, reference = load(name)
        for way, solve in WAYS.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", GradlineWarning)  # of conditions, which these sets are about
                scores.append(_score(name, way, solve(X, y, reference["intercept"]), reference))
    return scores


def digits(found: Any, truth: Any) -> float:
    """The fewest correct decimal digits: −log10 of the largest relative error, absolute where the truth is 0."""
    found, truth = np.atleast_1d(np.asarray(found, float)), np.atleast_1d(np.asarray(truth, float))
    error = np.abs(found - truth) / np.where(truth == 0, 1.0, np.abs(truth))
    worst = float(error.max())
    return (
        MOST if worst == 0 else float(np.clip(-math.log10(worst), 0.0, MOST)) if math.isfinite(worst) else 0.0
    )


def _score(name: str, way: str, model: LinearModel, reference: dict[str, Any]) -> Score:
    exact, figures = reference["exact_float64"], model.figures
    theta = [*(model.bias if model.has_bias else []), *model.weight[0]]
    stderr = residual = None
    if figures is not None and way in REFINED:
        sigma = np.sqrt(figures.squares / (model.moments.rows - len(theta)))
        stderr = digits(sigma * np.sqrt(figures.variances), exact["stderr"])
        residual = digits(sigma, exact["residual_sd"])
    elif model.inference.weight_stderr is not None and model.inference.residual_stderr is not None:
        bias = [] if model.inference.bias_stderr is None else [*model.inference.bias_stderr]
        stderr = digits([*bias, *model.inference.weight_stderr[0]], exact["stderr"])
        residual = digits(model.inference.residual_stderr, exact["residual_sd"])
    return Score(name, way, digits(theta, exact["coef"]), model.certificate.digits, stderr, residual)
