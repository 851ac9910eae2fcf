"""The exact answer for arrays in memory, beside what reading them and multiplying them cost at the least."""

import functools
import sys
from pathlib import Path

import numpy as np
from contest import Bout, Case, call, inside
from rivals import installed
from tables import table

import gradline

FIT = Path(__file__).parent.parent / "scripts" / "fit_table.py"
SIZES = [(1_000_000, 10), (1_000_000, 50), (200_000, 300)]
QUICK = [(100_000, 10), (20_000, 50), (5_000, 200)]


def cases(quick: bool) -> list[Case]:
    """One for each size (rows, columns)."""
    return [
        Case(f"{n:,} × {p} in memory", functools.partial(prepare, n, p))
        for n, p in (QUICK if quick else SIZES)
    ]


def prepare(n: int, p: int) -> Bout:
    """All rivals, gradline without its compiled loops, and three that answer nothing.

    These are the harness alone, one pass of reading, one product.
    """
    X, y = table(n, p)
    contestants = {rival.name: call(rival.fit, X, y) for rival in installed()}
    words = [sys.executable, str(FIT), "gradline", str(n), str(p)]
    contestants["gradline with NumPy twins"] = inside(words, GRADLINE_KERNELS="numpy")
    floors = {
        "doing nothing": call(lambda: None),
        "X.sum(): reading once": call(X.sum),
        "X.T @ X: the arithmetic": call(np.dot, X.T, X),
    }
    return Bout(contestants | floors, functools.partial(refined, X, y))


def refined(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bias and weights (p + 1,) to rounding."""
    model = gradline.fit(X, y, solver=gradline.Exact(digits=15))
    return np.concatenate([model.bias, model.weight[0]])
