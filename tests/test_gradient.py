"""Gradients in double-double: against fractions, by every build of the compiled loops and by NumPy, in every layout."""

from fractions import Fraction

import numpy as np
import pytest

from gradline.core.kernels import library
from gradline.core.linalg import double_double
from gradline.core.linalg.double_double import Doubled
from gradline.data.row_block import ColumnBlock, RowBlock
from gradline.moments import gradient as by
from gradline.moments.gradient import View

# Rows, features and targets below, at and above what lanes and tiles hold.
SHAPES = [(1, 1, 1), (7, 2, 1), (127, 3, 2), (128, 1, 1), (129, 4, 1), (300, 5, 3)]
WAYS = [*library.builds(), None]


@pytest.fixture(params=WAYS, ids=lambda way: way or "numpy")
def way(request, monkeypatch):
    """The loops of each build that this processor runs, and none."""
    monkeypatch.setattr(by, "kernels", lambda: request.param and library.build(request.param))


def problem(n, p, m, weighted, size=1e12):
    """Rows far from the origin, a view of them, and θ as pairs whose low parts count."""
    random = np.random.default_rng(n + p)
    X, Y = size + random.normal(size=(n, p)), random.normal(size=(n, m)) * size
    w = 10.0 ** random.uniform(-200, 200, n) if weighted else None
    exponents = np.frexp(np.abs(np.hstack([X, Y])).max(axis=0))[1]
    center = np.ldexp(np.hstack([X, Y]).mean(axis=0), -exponents)
    theta = Doubled(random.normal(size=(p + 1, m)), 2.0**-54 * random.uniform(-1, 1, (p + 1, m)))
    return RowBlock(X, Y, w), View(exponents, center), theta


def exactly(values):
    """An array of fractions."""
    return np.array([Fraction(float(value)) for value in np.ravel(values)], object).reshape(np.shape(values))


def expect_right(found, block, view, theta):
    """Σ w·a·r within its bound of what rational arithmetic gives, and Σ w·r² to float64's rounding."""
    units = np.array([Fraction(2) ** -int(e) for e in view.exponents], object)
    Z = exactly(np.hstack([block.X, block.Y])) * units - exactly(view.center)
    w = exactly(np.ones(block.rows) if block.w is None else block.w)
    A, Y = np.hstack([exactly(np.ones((block.rows, 1))), Z[:, : block.p]]), Z[:, block.p :]
    r = Y - A @ (exactly(theta.hi) + exactly(theta.lo))
    exact, squares = A.T @ (w[:, None] * r), w @ (r * r)
    sizes = np.abs(Y).max(axis=0) + np.abs(A).max(axis=0) @ exactly(np.abs(theta.hi))
    off = np.abs(exactly(found.sums.hi) + exactly(found.sums.lo) - exact)
    bound = np.outer(np.abs(A).T @ w, sizes) * (len(A.T) ** 2 + 256 + block.rows) / Fraction(2) ** 106
    assert (off <= bound).all()
    assert (np.abs(exactly(found.squares) - squares) <= (block.rows + 8) * Fraction(2) ** -53 * squares).all()


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize(("n", "p", "m"), SHAPES)
def test_gradients_are_what_fractions_give(n, p, m, weighted):
    block, view, theta = problem(n, p, m, weighted)
    expect_right(by.gradient(block, view, theta), block, view, theta)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("layout", ["columns", "strided", "backwards", "pieces"])
def test_wherever_the_rows_lie(layout):
    block, view, theta = problem(300, 3, 2, weighted=True)
    X = {
        "columns": np.asfortranarray(block.X),
        "strided": np.repeat(block.X, 2, axis=1)[:, ::2],
        "backwards": np.ascontiguousarray(block.X[::-1])[::-1],
    }.get(layout, block.X)
    moved = RowBlock(X, block.Y, block.w)
    if layout == "pieces":
        Z = np.hstack([block.X, block.Y])
        pieces = [
            [column.copy() for column in Z[rows].T] for rows in (slice(70), slice(70, 201), slice(201, 300))
        ]
        moved = ColumnBlock(pieces, 3, block.w, 0, {})
    expect_right(by.gradient(moved, view, theta), block, view, theta)


def pairs(random, shape):
    high = random.normal(size=shape) * 10.0 ** random.integers(-9, 9, shape)
    return Doubled(high, 1e-17 * high * random.normal(size=shape))


@pytest.mark.parametrize("build", library.builds())
@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (8, 8), (7, 143)])
def test_sums_of_pairs_are_the_twin_s_to_the_bit(build, shape, monkeypatch):
    random = np.random.default_rng(shape[1])
    a, b = pairs(random, shape), pairs(random, shape)
    monkeypatch.setattr(double_double, "_MANY", 0)
    for other in (b, b.hi, b.hi[:1]):
        found = []
        for compiled in (library.build(build), None):
            monkeypatch.setattr(double_double, "kernels", lambda compiled=compiled: compiled)
            found.append(a.plus(other))
            there = Doubled(a.hi.copy(), a.lo.copy())
            there.add(other if isinstance(other, Doubled) else Doubled.of(np.broadcast_to(other, shape)))
            found.append(there)
        for ours in found[1:]:
            np.testing.assert_array_equal([*ours], [*found[0]])


@pytest.mark.parametrize("build", [*library.builds(), None])
@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (8, 8), (7, 43)])
def test_products_of_vectors_are_added_in_pairs(build, shape, monkeypatch):
    """To three units of 106 bits, against fractions."""
    random = np.random.default_rng(shape[1])
    a, u, v = pairs(random, shape), random.normal(size=shape[0]), random.normal(size=shape[1])
    monkeypatch.setattr(double_double, "kernels", lambda: build and library.build(build))
    exact = exactly(a.hi) + exactly(a.lo) + np.outer(exactly(u), exactly(v))
    sizes = np.abs(exactly(a.hi)) + np.abs(np.outer(exactly(u), exactly(v)))
    a.add_outer(u, v)
    assert (np.abs(exactly(a.hi) + exactly(a.lo) - exact) <= 3 * sizes / Fraction(2) ** 105).all()
