"""The compiled Gram matrix and hashes are what NumPy gives, whatever the shape, the layout and the weights."""

import numpy as np
import pytest
from references import exact_products, off

from gradline import Moments
from gradline.core.kernels import library
from gradline.data.design import DesignSpec, Number
from gradline.data.row_block import RowBlock
from gradline.data.row_stream import NotFinite
from gradline.moments import gram as by
from gradline.moments import statistics
from gradline.moments.cross_products import CrossProducts

# Below, at and above what a register, a panel, a strip, a tile and a square of columns hold.
SHAPES = [
    (1, 1, 1),
    (31, 2, 1),
    (127, 3, 1),
    (128, 7, 1),
    (129, 8, 8),
    (1000, 10, 1),
    (300, 23, 2),
    (511, 50, 3),
    (127, 510, 1),
    (128, 511, 1),
    (300, 577, 2),
]


def layouts(X):
    """The same numbers in several layouts."""
    locked = X.copy()
    locked.flags.writeable = False
    return {
        "rows": np.ascontiguousarray(X),
        "columns": np.asfortranarray(X),
        "strided": np.repeat(X, 2, axis=1)[:, ::2],
        "backwards": np.ascontiguousarray(X[::-1])[::-1],
        "read-only": locked,
        "integers": np.round(X).astype(np.int32),
        "single": X.astype(np.float32),
    }


def block(n, p, m, layout="rows", weighted=False):
    """Rows whose columns differ in mean and scale."""
    random = np.random.default_rng(n)
    X = random.normal(size=(n, p)) * 10.0 ** random.integers(-3, 3, p) + 7
    w = random.uniform(0.1, 3.0, n) if weighted else None
    return RowBlock(layouts(X)[layout], random.normal(size=(n, m)), w)


@pytest.fixture(params=library.builds())
def compiled(request):
    """The loops of each build that this processor runs."""
    return library.build(request.param)


def test_there_is_compiled_code():
    assert library.builds()[0] == "baseline"


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize(("n", "p", "m"), SHAPES)
def test_gram(n, p, m, weighted, compiled, monkeypatch):
    monkeypatch.setattr(statistics, "kernels", lambda: None)
    agree(block(n, p, m, weighted=weighted), compiled)


@pytest.mark.parametrize("p", [5, 590])
@pytest.mark.parametrize("layout", list(layouts(np.zeros((1, 1)))))
def test_layouts_and_types(layout, p, compiled):
    agree(block(200, p, 2, layout), compiled)


def agree(rows, compiled):
    """Once both are around the same shift: Σ w·(z − s + d) = total + W·d, and the products likewise."""
    ours, twin, n = by._compiled(compiled, rows), by._in_numpy(rows), rows.rows
    np.testing.assert_array_equal(ours.low, twin.low)
    np.testing.assert_array_equal(ours.high, twin.high)
    assert ours.fingerprint == twin.fingerprint
    size, d = np.sqrt(np.diag(twin.products.hi)), ours.shift - twin.shift
    assert (np.abs(d) <= 1e-14 * np.maximum(-ours.low, ours.high)).all()
    total = ours.total.hi + (n if rows.w is None else rows.w.sum()) * d
    products = ours.products.hi + np.outer(ours.total.hi, d) + np.outer(d, total)
    assert (np.abs(total - twin.total.hi) <= 1e-14 * np.sqrt(n) * size).all()
    assert (np.abs(products - twin.products.hi) <= 1e-14 * np.sqrt(n) * np.outer(size, size)).all()
    for part in ours.products:
        np.testing.assert_array_equal(part, part.T)


@pytest.mark.parametrize("k", [61, 433, 601])
def test_whole_numbers_are_summed_exactly(k, compiled):
    """No product is lost or counted twice: sums of small whole numbers have no rounding."""
    random = np.random.default_rng(0)
    Z = random.integers(-9, 10, (1001, k)).astype(float)
    Z[8::16] = -Z[::16]  # the mean of every eighth row, around which they are summed, is a whole number, zero
    w = random.integers(1, 4, 1001) ** 2.0  # their roots are whole, too
    ours = by._compiled(compiled, RowBlock(Z[:, :-1], Z[:, -1:], w))
    assert (ours.shift == 0).all()
    np.testing.assert_array_equal(ours.products.hi, (Z * w[:, None]).T @ Z)
    np.testing.assert_array_equal(ours.total.hi, w @ Z)
    assert not ours.products.lo.any()
    assert not ours.total.lo.any()


@pytest.mark.parametrize("k", [60, 601])
def test_rounding_does_not_grow_with_the_rows_however_wide(k, compiled):
    """Where all rows but those that the shift is made of are the same, so is the rounding of each addition."""
    random = np.random.default_rng(k)
    row, n = np.round(random.uniform(0.1, 1.0, k), 2), 6000
    sample = np.arange(0, n, -(-n // 128))
    Z = np.tile(row, (n, 1))
    Z[sample] = 0.0
    found = by._compiled(compiled, RowBlock(Z[:, :-1], Z[:, -1:], None))
    exact = np.multiply.outer(row.astype(np.longdouble), row) * (n - len(sample))
    assert (found.shift == 0).all()
    off = np.abs((found.products.hi - exact) + found.products.lo)
    assert (off <= found.chain * 2.0**-53 * exact).all()


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_hashes(weighted, compiled, monkeypatch):
    rows = block(300, 5, 2, weighted=weighted)
    rows.X[7, 2], rows.X[8, 2] = 0.0, -0.0
    monkeypatch.setattr(statistics, "kernels", lambda: compiled)
    ours = statistics.fingerprint(rows)
    monkeypatch.setattr(statistics, "kernels", lambda: None)
    assert ours == statistics.fingerprint(rows)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 130, 999])
def test_a_cell_that_is_no_number_is_noticed(value, place):
    X = np.random.default_rng(0).normal(size=(1000, 3))
    X[place, 1] = value
    design = DesignSpec((Number("a"), Number("b"), Number("c")), ("y",))
    with pytest.raises(NotFinite), np.errstate(invalid="ignore"):
        CrossProducts.of(RowBlock(X, X[:, :1] * 0, None), design)


REPEATED = {
    "in turns": lambda rows, times: np.tile(rows, (times[0], 1)),
    "sorted": lambda rows, times: np.repeat(rows, times[0], axis=0),
    "some much oftener than others": lambda rows, times: np.repeat(rows, times, axis=0),
}


@pytest.mark.parametrize("n", [16, 32, 63, 64, 65, 255, 256, 300, 1000, 3000])
def test_the_claimed_error_holds_where_one_row_is_nearly_all(n):
    """Few rows of one decimal in random order, which QR takes: their rounding goes all one way."""
    random = np.random.default_rng(n)
    for trial in range(40):
        k = 2 + trial % 3
        different = k + 1 + trial % 2
        rows = np.unique(random.integers(0, 10, (different, k)) / 10, axis=0)
        times = np.ones(len(rows), int)
        times[0] = n - len(rows) + 1
        exact = exact_products(rows, times)
        if not all(exact[j][j] for j in range(k)):
            continue
        Z = random.permutation(np.repeat(rows, times, axis=0))
        moments = Moments.of(Z[:, :-1], Z[:, -1])
        assert off(moments, exact) <= 2 * moments.error


@pytest.mark.parametrize("cells", [250_000, 600_000], ids=["one block", "several"])
@pytest.mark.parametrize("how", REPEATED.values(), ids=list(REPEATED))
@pytest.mark.parametrize("build", [*library.builds(), None])
def test_the_claimed_error_holds_where_few_rows_repeat(build, how, cells, monkeypatch):
    """RᵀR against the exact cross-products, in fractions: rounding that repeats adds up, and must not exceed the claim.

    A column that is off by ε beside its norm changes its products by 2ε.
    """
    monkeypatch.setattr(by, "kernels", lambda: build and library.build(build))
    random = np.random.default_rng(cells)
    for k in (2, 3, 5):
        for different in (2 * k, 12):
            rows = np.round(random.normal(size=(different, k)) * 10.0 ** random.integers(-2, 3, k) + 2, 2)
            times = random.integers(1, 2 * cells // k // different, different)
            times[0] = (
                -(-cells // k // different // 128) * 128
            )  # in turns, 128 rows spread evenly are all the first
            Z = how(rows, times)
            exact = exact_products(rows, np.bincount(how(np.arange(different)[:, None], times)[:, 0]))
            moments = Moments.of(Z[:, :-1], Z[:, -1])
            assert off(moments, exact) <= 2 * moments.error
