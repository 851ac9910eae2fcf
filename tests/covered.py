"""How often bounds hold and tests refuse, in experiments of known truth: `python tests/covered.py` prints a table.

An experiment is a target of its own: 2,000 of them are fitted at once, on the same columns. The standard error of a
share near 95 % is then 0.5 %.
"""

import sys
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

import gradline
from gradline.model.residuals import diagnostics

EXPERIMENTS, SIZES, NEW = 2_000, (30, 200, 2_000), 50
ERRORS = ("normal", "skewed", "unequal", "in groups")
SLOPES, BIAS = np.array([2.0, -1.0]), 3.0
GROUP = 10  # rows of one, which share half of the errors' variance, and most of the first column


class Coverage(NamedTuple):
    """Shares, of what should be 95 %: intervals of slopes by standard errors, and of new rows; of what should be 5 %:
    tests of both slopes that refuse a truth."""

    plain: float
    hc3: float
    cluster: float
    new: float
    refused: float
    refused_hc3: float


def columns(random: np.random.Generator, n: int) -> np.ndarray:
    """X (n, 2): one column that groups share for the most part, and one that is skewed."""
    shared = np.repeat(random.normal(size=-(-n // GROUP)), GROUP)[:n]
    return np.column_stack([shared + 0.3 * random.normal(size=n), random.exponential(size=n)])


def drawn(random: np.random.Generator, errors: str, X: np.ndarray) -> np.ndarray:
    """Errors (n, EXPERIMENTS) of variance about one."""
    shape = (len(X), EXPERIMENTS)
    if errors == "skewed":
        return random.exponential(size=shape) - 1
    noise = random.normal(size=shape)
    if errors == "unequal":
        return noise * (0.3 + 0.7 * X[:, 1:])
    if errors == "in groups":
        shared = random.normal(size=(-(-len(X) // GROUP), EXPERIMENTS))
        return np.sqrt(0.5) * (noise + np.repeat(shared, GROUP, axis=0)[: len(X)])
    return noise


def coverage(errors: str, n: int, seed: int = 0) -> Coverage:
    """What holds in these experiments."""
    random = np.random.default_rng(seed)
    X, fresh = columns(random, n), columns(random, NEW)
    Y = (X @ SLOPES + BIAS)[:, None] + drawn(random, errors, X)
    model = gradline.fit(X, Y)
    found = diagnostics(model, X, Y, clusters=np.arange(n) // GROUP)
    assert found.HC3 is not None
    assert found.cluster is not None

    def holds(interval: np.ndarray) -> float:
        return float(np.mean((interval[..., 0] <= SLOPES) & (interval[..., 1] >= SLOPES)))

    truth = "x1 = 2, x2 = -1"
    new = (fresh @ SLOPES + BIAS)[:, None] + drawn(random, errors, fresh)
    _, low, high = model.predict(fresh, interval=0.95)
    estimates = model.inference.estimates
    assert estimates is not None
    return Coverage(
        holds(estimates.interval(0.95).weight),
        holds(found.HC3.interval(0.95).weight),
        holds(found.cluster.interval(0.95).weight),
        float(np.mean((low <= new) & (new <= high))),
        float(np.mean(estimates.test(truth).p_value < 0.05)),
        float(np.mean(found.HC3.test(truth).p_value < 0.05)),
    )


def table() -> Iterator[str]:
    """All of it as Markdown."""
    yield "| errors | rows | plain | HC3 | by group | new rows | F refuses | F by HC3 refuses |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for errors in ERRORS:
        for n in SIZES:
            shares = " | ".join(f"{100 * share:.1f} %" for share in coverage(errors, n))
            yield f"| {errors} | {n:,} | {shares} |"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in table())
