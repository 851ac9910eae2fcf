"""A mini-batch step, compiled and in NumPy, beside the tutorials' loop on PyTorch, and beside scikit-learn's SGD."""

import functools
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
from contest import Bout, Case, Contestant, Outcome
from loops import tutorial_loop
from sklearn.linear_model import SGDRegressor

from gradline import SGD, Moments
from gradline.data.inputs import as_rows
from gradline.data.selection import Selection
from gradline.solvers import mini_batches
from gradline.solvers.problem import Problem, Scaling

BATCHES = [(5_000, 3, 2, 5), (200_000, 10, 1, 32), (200_000, 50, 1, 256)]
SINGLE_ROWS = [(20_000, 10, 1, 1), (20_000, 50, 1, 1), (20_000, 200, 1, 1)]
DTYPES = ("float64", "float32")
LR, QUICK_ROWS = 1e-4, 20_000
ROWS = 400_000  # at least so many are stepped over in a measurement


def cases(quick: bool) -> list[Case]:
    """One for each type of numbers and each shape (rows, features, targets, rows a batch)."""
    most = QUICK_ROWS if quick else 200_000
    return [
        Case(_title(p, m, batch, dtype), functools.partial(prepare, min(n, most), p, m, batch, dtype))
        for dtype in DTYPES
        for n, p, m, batch in BATCHES + SINGLE_ROWS
    ]


def _title(p: int, m: int, batch: int, dtype: str) -> str:
    of = "one row" if batch == 1 else f"{batch} rows"
    to = "" if m == 1 else f" to {m} targets"
    return f"a step of {of}, {p} features{to}, {dtype}"


def prepare(n: int, p: int, m: int, batch: int, dtype: str) -> Bout:
    """Whole epochs in random order; a measurement is the mean time of a step in them. There is no answer to compare."""
    random = np.random.default_rng(0)
    X = random.standard_normal((n, p))
    Y = X @ random.standard_normal((p, m)) + random.standard_normal((n, m))
    steps, epochs = -(-n // batch), max(3, ROWS // n)
    contestants = {"gradline": _each(steps * epochs, stepping(X, Y, batch, epochs, dtype))}
    if batch == 1:
        contestants["scikit-learn"] = _each(steps * epochs, sklearn(X, Y, epochs, dtype))
    else:
        contestants["gradline, NumPy alone"] = _each(steps, in_numpy(stepping(X, Y, batch, 1, dtype)))
        contestants["torch"] = _each(steps, tutorial_loop(X, Y, LR, batch, dtype))
    return Bout(contestants, lambda: None)


def _each(steps: int, run: Callable[[], Any]) -> Contestant:
    """The time of a run, by the step."""

    def timed() -> Outcome:
        began = time.perf_counter()
        run()
        return Outcome((time.perf_counter() - began) / steps, None)

    return timed


def stepping(X: np.ndarray, Y: np.ndarray, batch: int, epochs: int, dtype: str) -> Callable[[], Any]:
    """Epochs of `SGD.step`, as `fit` takes them; what is known of the rows by then is known."""
    rows = as_rows(Selection(X, Y)).rows
    problem = Problem.of(Moments.from_rows(rows), rows, True, Scaling.none(X.shape[1]))
    solver = SGD(lr=LR, epochs=epochs, batch_size=batch, decay="none", dtype=dtype)

    def run() -> None:
        state = solver.start(problem)
        for _ in range(epochs):
            state = solver.step(problem, state)

    return run


def in_numpy(run: Callable[[], Any]) -> Callable[[], Any]:
    """The same without compiled loops."""

    def alone() -> None:
        with mock.patch.object(mini_batches, "kernels", return_value=None):
            run()

    return alone


def sklearn(X: np.ndarray, Y: np.ndarray, epochs: int, dtype: str) -> Callable[[], Any]:
    """Epochs of SGDRegressor: single rows, a constant rate, no penalty."""
    settings: Any = {
        "penalty": None,
        "learning_rate": "constant",
        "eta0": LR,
        "max_iter": epochs,
        "tol": None,
    }
    return functools.partial(SGDRegressor(**settings).fit, X.astype(dtype), Y[:, 0].astype(dtype))
