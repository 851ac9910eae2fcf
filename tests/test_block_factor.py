"""R of a block by compiled reflections: that of the exact cross-products, whatever the shape, layout and weights."""

from types import SimpleNamespace

import numpy as np
import pytest
from references import exact_products, off
from test_gram import layouts

from gradline.core.errors import DataError
from gradline.core.kernels import library
from gradline.core.linalg.triangular import rounding
from gradline.data.row_block import RowBlock
from gradline.data.row_stream import NotFinite
from gradline.moments import block_factor as by

# Rows and columns below, at and above what a register and a piece hold; of the last ones pieces make pieces again.
SHAPES = [(3, 1), (9, 7), (64, 8), (127, 3), (128, 4), (129, 9), (257, 62), (1100, 40), (5000, 2), (1100, 31)]


@pytest.fixture(params=library.builds())
def compiled(request):
    """The loops of each build that this processor runs."""
    return library.build(request.param)


def table(n, p, far=0.0):
    """Rows [x y] whose columns differ in mean and scale, of few bits, so that exact sums take no time."""
    random = np.random.default_rng(0)
    whole = np.round(random.normal(size=(n, p + 1)) * 999) + far
    return whole * 2.0 ** random.integers(-20, 20, p + 1)


def named(Z):
    """The names of its columns."""
    return tuple(f"c{j}" for j in range(Z.shape[1]))


def made(compiled, block):
    """The statistics and R that a build of the loops finds."""
    found = by._compiled(compiled, block, tuple(f"c{j}" for j in range(block.p + 1)))
    assert found is not None
    return found


def cut(Z, w=None):
    """A block of all columns but the last, which is the target."""
    return RowBlock(Z[:, :-1], Z[:, -1:], w)


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize(("n", "p"), SHAPES)
def test_the_factor_of_the_exact_products(n, p, weighted, compiled):
    Z, random = table(n, p, far=1e9), np.random.default_rng(1)
    times = random.integers(0 if n > 2 * p else 1, 4, n) if weighted else np.ones(n, int)
    # Squares have whole roots, so weighing rounds as little as not weighing.
    statistics, R = made(compiled, cut(Z, times**2.0 if weighted else None))
    assert (np.diag(R) >= 0).all()
    np.testing.assert_array_equal(R, np.triu(R))
    # A product of two columns is off by what both are off.
    assert off(SimpleNamespace(factor=R), exact_products(Z, times**2)) <= 2 * rounding(p + 1)
    twin, _ = by._in_numpy(cut(Z, times**2.0 if weighted else None), named(Z))
    assert statistics.fingerprint == twin.fingerprint
    assert statistics.rows == n
    np.testing.assert_array_equal(statistics.minimum, Z.min(axis=0))
    np.testing.assert_array_equal(statistics.maximum, Z.max(axis=0))
    # What rounding a deviation, and a sum of them, leaves of a mean of two parts.
    apart = (statistics.mean - twin.mean) + (statistics.mean_low - twin.mean_low)
    assert (np.abs(apart) <= 32 * 2.0**-53 * np.linalg.norm(R, axis=0) / np.sqrt((times**2).sum())).all()


@pytest.mark.parametrize("layout", list(layouts(np.zeros((1, 1)))))
def test_layouts_and_types(layout, compiled):
    Z = table(200, 5)
    rows = RowBlock(layouts(Z[:, :-1])[layout], Z[:, -1:])
    ours, R = made(compiled, rows)
    plain, T = made(compiled, RowBlock(np.array(rows.X, float), rows.Y))
    assert ours.fingerprint == plain.fingerprint
    np.testing.assert_array_equal(R, T)


def test_rows_that_repeat(compiled):
    """Rounding that always points one way stays below what is told of it, for one row of three in all but a few."""
    for seed in range(20):
        rows = np.random.default_rng(seed).uniform(0.1, 1.0, (3, 3))
        times = np.array([4000, 3, 2])
        Z = np.repeat(rows, times, axis=0)
        R = made(compiled, cut(Z))[1]
        assert off(SimpleNamespace(factor=R), exact_products(rows, times)) <= 2 * by.error_of_qr(len(Z), 3)


@pytest.mark.parametrize("exponent", [-490, 490])
def test_columns_of_any_size(exponent, compiled):
    """Units are powers of two of each column, so squares stay within float64, also of what hardly varies."""
    Z = table(300, 3)
    Z[:, 1] = 2.0**44 + np.random.default_rng(1).integers(0, 9, 300)
    plain = made(compiled, cut(Z))[1]
    Z[:, 1] *= 2.0 ** (exponent - 44)
    scaled = made(compiled, cut(Z))[1]
    np.testing.assert_array_equal(scaled[:, 1], np.ldexp(plain[:, 1], exponent - 44))
    np.testing.assert_array_equal(scaled[:, 2], plain[:, 2])


def test_weights_of_any_size(compiled):
    Z = table(300, 3) * 2.0**-40
    light = made(compiled, cut(Z))[1]
    heavy = made(compiled, cut(Z, np.full(300, 2.0**1000)))[1]
    np.testing.assert_array_equal(heavy, np.ldexp(light, 500))


def test_columns_without_directions_of_their_own(compiled):
    """A constant column is zeros, and of a copy nothing is left but rounding."""
    Z = table(500, 4)
    Z[:, 1], Z[:, 3] = 0.1, Z[:, 2]
    for w in (None, np.random.default_rng(2).uniform(0.1, 3.0, 500)):
        statistics, R = made(compiled, cut(Z, w))
        assert not R[:, 1].any()
        assert (statistics.mean[1], statistics.mean_low[1]) == (0.1, 0.0)
        assert R[3, 3] <= 2 * rounding(5) * np.linalg.norm(R[:, 3])


@pytest.mark.parametrize("cell", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_told(cell, compiled, monkeypatch):
    monkeypatch.setattr(by, "kernels", lambda: compiled)
    Z = table(300, 3)
    Z[299, 2] = cell
    with pytest.raises(NotFinite):
        by.factored(cut(Z), named(Z))


def test_what_has_no_square_is_refused(compiled, monkeypatch):
    monkeypatch.setattr(by, "kernels", lambda: compiled)
    Z = table(300, 3)
    Z[:, 1] = np.where(np.arange(300) % 2, 1.7e308, -1.7e308)  # of which a sum may be beyond float64, too
    with pytest.raises(DataError, match="c1 holds values above"):
        by.factored(cut(Z), named(Z))
