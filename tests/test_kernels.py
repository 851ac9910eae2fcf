"""Compiled loops give what their NumPy twins give, whatever the layout, and are loaded only where they pay."""

import subprocess
import sys

import numpy as np
import pytest

from gradline import SGD, Moments, compiled, crossproducts, tally
from gradline.crossproducts import CrossProducts
from gradline.design import Number, Recipe
from gradline.objectives import Problem, Scaling
from gradline.reading import read
from gradline.rows import ArrayRows, Block, NotFinite
from gradline.shuffling import bits, keys, permutation
from gradline.solvers.sgd import _lent


def layouts(X):
    """The same numbers in several layouts."""
    return {
        "rows": np.ascontiguousarray(X),
        "columns": np.asfortranarray(X),
        "strided": np.repeat(X, 2, axis=1)[:, ::2],
        "backwards": np.ascontiguousarray(X[::-1])[::-1],
    }


@pytest.mark.parametrize("layout", list(layouts(np.zeros((1, 1)))))
@pytest.mark.parametrize(("n", "p", "m"), [(1, 1, 1), (127, 2, 1), (128, 3, 2), (1000, 10, 1), (511, 21, 3)])
def test_cross_products(layout, n, p, m, monkeypatch):
    random = np.random.default_rng(n)
    X, Y = random.normal(size=(n, p)) * 10.0 ** random.integers(-3, 3, p) + 7, random.normal(size=(n, m))
    block, shift = Block(layouts(X)[layout], Y, None), np.concatenate([X[0], Y[0]])
    monkeypatch.setattr(crossproducts, "kernels", lambda _: None)
    twin = crossproducts._summed(block, shift)
    found = crossproducts._Sums(
        np.full(p + m, np.inf), np.full(p + m, -np.inf), np.zeros(p + m), np.zeros((p + m, p + m))
    )
    compiled.load().cross_products(block.X, block.Y, shift, *found)
    found = found._replace(products=found.products + np.triu(found.products, 1).T)
    for ours, theirs in zip((found.low, found.high), (twin.low, twin.high), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    size = np.sqrt(np.diag(twin.products))
    assert (np.abs(found.total - twin.total) <= 1e-13 * np.sqrt(n) * size).all()
    assert (np.abs(found.products - twin.products) <= 1e-13 * np.outer(size, size)).all()


@pytest.mark.parametrize("layout", list(layouts(np.zeros((1, 1)))))
def test_shifted_rows(layout):
    random = np.random.default_rng(0)
    X, Y, shift = layouts(random.normal(size=(300, 5)))[layout], random.normal(size=(300, 2)), np.arange(7.0)
    results = []
    for shifted in (compiled.load().shifted, crossproducts._shifted):
        Z, low, high = np.empty((300, 7)), np.full(7, -0.5), np.full(7, 0.5)
        shifted(X, Y, shift, Z, low, high)
        results.append((Z, low, high))
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_hashes():
    X = np.random.default_rng(0).normal(size=(300, 5))
    X[7, 2], X[8, 2], multipliers = 0.0, -0.0, np.array([1, 3, 2**63 + 1, 5, 7], np.uint64)
    ours, theirs = (np.arange(300, dtype=np.uint64) for _ in range(2))
    compiled.load().hashed(X.view(np.uint64), ours, multipliers)
    tally._hashed(X, theirs, multipliers)
    np.testing.assert_array_equal(ours, theirs)
    assert compiled.load().mixed_sum(ours) == tally._mixed(theirs).sum(dtype=np.uint64)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 130, 999])
def test_a_cell_that_is_no_number_is_noticed(value, place):
    X = np.random.default_rng(0).normal(size=(1000, 3))
    X[place, 1] = value
    compiled.load()
    recipe = Recipe((Number("a"), Number("b"), Number("c")), ("y",))
    with pytest.raises(NotFinite), np.errstate(invalid="ignore"):
        CrossProducts.of(Block(X, X[:, :1] * 0, None), recipe)


DESCENTS = {
    "one row": {"batch_size": 1},
    "one row with momentum": {"batch_size": 1, "momentum": 0.9},
    "short last batch": {"batch_size": 32},
    "batches beyond a gathered block": {"batch_size": 150, "momentum": 0.5},
    "one batch": {"batch_size": 203, "momentum": 1.0},
    "decay": {"batch_size": 7, "decay": "linear", "momentum": 0.9},
    "in order": {"batch_size": 7, "shuffle": False},
}


def stood(settings, scale, layout, weighted, bias, m, load):
    """θ and the velocity after three epochs over 203 rows, stepwise in NumPy or compiled."""
    random = np.random.default_rng(0)
    X, Y = random.normal(2, 1, (203, 5)), random.normal(size=(203, m))
    w = random.integers(1, 4, 203) * 1.0 if weighted else None
    rows = ArrayRows(layouts(X)[layout], Y, w, read(X, Y).rows.recipe)
    moments = Moments.from_rows(rows)
    scaling = Scaling.standard(moments, bias) if scale == "standard" else Scaling.none(5)
    seen = Problem.of(moments, rows, bias, scaling)
    solver = SGD(lr=1e-3, epochs=3, seed=1, init="normal", **({"decay": "none"} | settings))
    state = solver.start(seen)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "kernels", lambda _: compiled.load() if load else None)
        for _ in range(3):
            state = solver.step(seen, state)
    return state


@pytest.mark.parametrize("m", [1, 3])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize(("scale", "layout"), [("none", "rows"), ("standard", "rows"), ("none", "strided")])
@pytest.mark.parametrize("settings", DESCENTS.values(), ids=list(DESCENTS))
def test_mini_batches(settings, scale, layout, weighted, bias, m):
    found, twin = (stood(settings, scale, layout, weighted, bias, m, load) for load in (True, False))
    for ours, theirs in ((found.theta, twin.theta), (found.velocity, twin.velocity)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12 * np.abs(theirs).max())
    assert found.epoch == twin.epoch == 3


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 200])
def test_mini_batches_come_in_the_order_of_the_permutation(n):
    """Unit vectors as rows and targets of one: a rate that falls row by row leaves its marks in θ."""
    drawn, theta, velocity = keys(5, n), np.zeros((n, 1)), np.zeros((n, 1))
    loops, none = compiled.load(), np.empty(0)
    center, scale, X, Y = np.zeros(n), np.ones(n), np.eye(n), np.ones((n, 1))
    loops.sgd_epoch(
        *(_lent(part) for part in (X, Y, none, center, scale)),
        drawn,
        bits(n),
        theta,
        velocity,
        0.5,
        0.0,
        float(n),
        0.0,
        1,
    )
    expected = np.empty(n)
    expected[permutation(n, drawn)] = 1.0 - np.arange(n) / n
    np.testing.assert_allclose(theta[:, 0], expected, rtol=1e-12)


def test_they_load_once_they_would_have_paid():
    """In a process of its own: small jobs never, many of them at last."""
    program = (
        "import sys\n"
        "from gradline import compiled\n"
        "print(compiled.kernels(0.01) is None, 'numba' in sys.modules)\n"
        "jobs = 1\n"
        "while compiled.kernels(0.1) is None: jobs += 1\n"
        "print(jobs * 0.1 <= 2 * compiled.cost(), 'numba' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False", "True", "True"]
