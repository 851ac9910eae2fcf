"""Triangular factors: blocks give what the whole does, and estimates are as near as they say."""

from typing import Any

import numpy as np
import pytest

from gradline.core.linalg import triangular
from gradline.core.linalg.triangular import (
    WIDE,
    back_substituted,
    extremes,
    forward_substituted,
    inverted,
    multiplied,
    root,
)

SIZES = [1, 2, 255, 256, 257, 600, 1100]


def triangle(size, seed=0):
    """Upper triangular, rows and columns of any unit."""
    random = np.random.default_rng(seed)
    R = np.triu(random.normal(size=(size, size)) / size) + np.diag(random.choice([-1.0, 1.0], size))
    return R * 10.0 ** random.uniform(-8, 8, size)


@pytest.mark.parametrize("size", SIZES)
def test_substitution_leaves_next_to_nothing(size):
    """Each equation is met to the rounding of its own terms, whatever the units (Higham 2002, section 8.1)."""
    R, B = triangle(size), np.random.default_rng(1).normal(size=(size, 3))
    for matrix, X in ((R, back_substituted(R, B)), (R.T, forward_substituted(R, B))):
        assert (np.abs(matrix @ X - B) <= 1e-15 * size * (np.abs(matrix) @ np.abs(X))).all()


@pytest.mark.parametrize("size", SIZES)
def test_the_inverse_and_products_of_triangles(size):
    R, S = triangle(size), triangle(size, 2)
    inverse = inverted(R)
    np.testing.assert_array_equal(inverse, np.triu(inverse))
    apart = np.abs(inverse @ R - np.eye(size))
    assert (apart <= 1e-15 * size * (np.abs(inverse) @ np.abs(R))).all()
    apart = np.abs(multiplied(R, S) - R @ S)
    assert (apart <= 1e-15 * size * (np.abs(R) @ np.abs(S))).all()


@pytest.mark.parametrize("rank", [0, 1, 3])
def test_a_root_of_what_may_be_not_quite_positive(rank):
    half = np.random.default_rng(3).normal(size=(3, 3))[:rank] * [1e-6, 1.0, 1e6]
    G = half.T @ half
    C, norms = root(G), np.sqrt(np.diag(G))
    np.testing.assert_array_equal(C, np.triu(C))
    assert (np.diag(C) >= 0).all()
    assert (np.abs(C.T @ C - G) <= 1e-14 * np.outer(norms, norms)).all()


SPECTRA = {
    "even": lambda size: np.linspace(1.0, 0.1, size),
    "graded": lambda size: np.geomspace(1.0, 1e-7, size),
    "one far": lambda size: np.append(np.linspace(2.0, 1.0, size - 1), 1e-6),
    "all alike": np.ones,
}


@pytest.mark.parametrize("spectrum", SPECTRA.values(), ids=SPECTRA)
def test_extremes_of_many_columns(spectrum):
    """Between the true ones, to a thousandth."""
    size = WIDE + 20
    singular, random = spectrum(size), np.random.default_rng(4)
    left, right = (np.linalg.qr(random.normal(size=(size, size)))[0] for _ in range(2))
    R: Any = np.linalg.qr(left * singular @ right, mode="r")  # an array, whatever NumPy's types say
    found = extremes(R)
    largest, smallest = singular.max(), singular.min()
    assert 0.999 * largest <= found.largest <= largest * (1 + 1e-9)
    assert smallest * (1 - 1e-6) <= found.smallest <= 1.001 * smallest
    assert found.condition == pytest.approx(largest / smallest, rel=2e-3)


@pytest.mark.parametrize("size", [3, WIDE + 1])
def test_extremes_of_a_singular_factor(size):
    R = np.eye(size)
    R[1, 1], R[1, 2] = 0.0, 1.0
    assert extremes(R).condition == np.inf
    assert triangular.extremes(0 * R).condition == 1.0


def test_extremes_of_columns_at_right_angles():
    """Where every vector is a singular one, steps end at once."""
    assert extremes(np.eye(WIDE + 1)) == pytest.approx((1.0, 1.0), rel=1e-12)
    assert extremes(np.diag(np.append(1.0, np.full(WIDE, 0.5)))) == pytest.approx((1.0, 0.5), rel=1e-12)
