"""Small fits in memory, of which cross-validation makes thousands: what one takes."""

import functools
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from contest import Bout, Case, Contestant, Outcome
from rivals import installed
from tables import table

from gradline.linear_model import LinearRegression
from works.exact import refined

SIZES = [(1_000, 10), (100, 5), (1_000, 30), (10_000, 3), (10_000, 30)]  # the first is in the summary
FITS, QUICK = 100, 10  # of which a measurement is the mean


def cases(quick: bool) -> list[Case]:
    """One for each size (rows, columns)."""
    fits = QUICK if quick else FITS
    return [Case(f"a fit of {n:,} × {p}", functools.partial(prepare, n, p, fits)) for n, p in SIZES]


def prepare(n: int, p: int, fits: int) -> Bout:
    """`gradline.fit` and gradline's estimator beside the two of scikit-learn."""
    X, y = table(n, p)
    ours, *others = installed(["gradline", "sklearn", "sklearnex"])
    contestants = {
        ours.name: _each(fits, ours.fit, X, y),
        "gradline's LinearRegression": _each(fits, estimated, X, y),
    }
    contestants |= {rival.name: _each(fits, rival.fit, X, y) for rival in others}
    return Bout(contestants, functools.partial(refined, X, y))


def estimated(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bias and weights (p + 1,) of the estimator for scikit-learn's pipelines."""
    model = LinearRegression().fit(X, y)
    return np.append(model.intercept_, model.coef_)


def _each(fits: int, fit: Callable[..., Any], X: np.ndarray, y: np.ndarray) -> Contestant:
    """The mean time of so many fits in a row, once the first of them has woken what sleeps."""

    def timed() -> Outcome:
        answer = fit(X, y)
        began = time.perf_counter()
        for _ in range(fits):
            fit(X, y)
        return Outcome((time.perf_counter() - began) / fits, answer)

    return timed
