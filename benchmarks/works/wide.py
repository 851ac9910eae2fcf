"""More columns than rows, dense and sparse: the answer of least norm, each in a process of its own."""

import functools
import json
import sys
from pathlib import Path

import numpy as np
from contest import Bout, Case, inside, process
from tables import sparse_table, table

FIT = Path(__file__).parent.parent / "scripts" / "fit_table.py"
SIZES = [("60", "4000"), ("6", "20000"), ("2000", "3000", "0.01")]  # rows, columns, density of a sparse one
QUICK = [("20", "400"), ("6", "600"), ("200", "300", "0.05")]
LIMIT = 120.0  # seconds, a hundred times what scikit-learn takes


def cases(quick: bool) -> list[Case]:
    """Each size as whole processes, the table made in them, and the fit in them alone."""
    found = []
    for size in QUICK if quick else SIZES:
        title = f"{int(size[0]):,} × {int(size[1]):,}{', sparse' * (len(size) > 2)}"
        found.append(Case(f"{title}, whole process", functools.partial(prepare, size, True)))
        found.append(Case(f"{title}, within a process", functools.partial(prepare, size, False)))
    return found


def prepare(size: tuple[str, ...], whole: bool, limit: float = LIMIT) -> Bout:
    """gradline beside scikit-learn."""
    contestants = {}
    for name, package in {"gradline": "gradline", "scikit-learn": "sklearn"}.items():
        words = [sys.executable, str(FIT), package, *size]
        contestants[name] = process(words, of_fit, limit) if whole else inside(words, limit)
    return Bout(contestants, functools.partial(least_norm, size))


def of_fit(printed: str) -> np.ndarray:
    """The coefficients in what the script printed."""
    return np.array(json.loads(printed)["answer"])


def least_norm(size: tuple[str, ...]) -> np.ndarray:
    """Bias and weights (p + 1,): with the means taken off, the pseudo-inverse, refined by residuals in long double."""
    n, p = int(size[0]), int(size[1])
    if len(size) > 2:
        stored, y = sparse_table(n, p, float(size[2]))
        X = stored.toarray()
    else:
        X, y = table(n, p)
    X, y = X.astype(np.longdouble), y.astype(np.longdouble)
    centred, weights = X - X.mean(axis=0), np.zeros(p, np.longdouble)
    inverse = np.linalg.pinv(centred.astype(float))
    for _ in range(3):
        weights += inverse @ (y - y.mean() - centred @ weights).astype(float)
    return np.append(y.mean() - X.mean(axis=0) @ weights, weights).astype(float)
