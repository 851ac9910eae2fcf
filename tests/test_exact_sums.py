"""Sums of products come out exactly, compiled or not, whatever the layout, the range and the weights."""

import itertools
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest

from gradline.core.kernels import library
from gradline.core.linalg.dyadic import Dyadic
from gradline.data.row_block import ColumnBlock, RowBlock
from gradline.data.row_stream import NotFinite
from gradline.moments import exact_sums as by
from gradline.moments import statistics

# Below, at and above what a register, a chunk, a tile and a group of panels hold.
SHAPES = [(1, 1, 1), (2, 2, 1), (31, 2, 1), (127, 3, 1), (128, 7, 1), (129, 8, 8), (300, 23, 2), (257, 11, 1)]
KINDS = {
    "normal": lambda random, shape: random.normal(size=shape),
    "whole": lambda random, shape: random.integers(-9, 10, shape) * 1.0,
    "decimals": lambda random, shape: np.round(random.normal(size=shape), 2),
    "far from zero": lambda random, shape: np.round(1.7e15 + 1e3 * random.normal(size=shape)),
    "heavy-tailed": lambda random, shape: np.exp(6 * random.normal(size=shape)),
    "of all sizes": lambda random, shape: (
        random.normal(size=shape) * 10.0 ** random.integers(-300, 150, shape)
    ),
    "with zeros": lambda random, shape: random.normal(size=shape) * (random.random(shape) < 0.2),
    "powers of two": lambda random, shape: 2.0 ** random.integers(-80, 80, shape),
    "one outlier": lambda random, shape: np.where(
        np.arange(shape[0])[:, None] == 0, 1e100, random.random(shape)
    ),
}


def fractions(numbers):
    return [Fraction(m) * Fraction(2) ** int(e) for m, e in zip(numbers.m, numbers.e, strict=True)]


def exact(block):
    """Σ w·(1, z)(1, z)ᵀ in fractions."""
    Z = np.column_stack([np.ones(block.rows), block.X, block.Y])
    rows = [[Fraction(float(cell)) for cell in row] for row in Z]
    w = [Fraction(1)] * len(rows) if block.w is None else [Fraction(float(one)) for one in block.w]
    return [
        sum(a * z[i] * z[j] for a, z in zip(w, rows, strict=True))
        for i, j in zip(*by.triangle(Z.shape[1]), strict=True)
    ]


def block(n, p, m, kind="normal", weighted=False):
    random = np.random.default_rng(n)
    Z = KINDS[kind](random, (n, p + m))
    return RowBlock(Z[:, :p], Z[:, p:], random.random(n) if weighted else None)


@pytest.fixture(params=library.builds())
def compiled(request):
    return library.build(request.param)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weighted", [False, True])
def test_numpy_sums_exactly(kind, weighted):
    for n, p, m in SHAPES[:5]:
        rows = block(n, p, m, kind, weighted)
        assert fractions(by._in_numpy(rows).products) == exact(rows)


@pytest.mark.parametrize("kind", KINDS)
def test_compiled_loops_sum_exactly(kind, compiled):
    for n, p, m in SHAPES:
        found = by._compiled(compiled, block(n, p, m, kind))
        if found is None:  # of more cells than are added one by one
            assert kind in ("heavy-tailed", "of all sizes", "powers of two")
            assert n * (p + m) > by._ODD
        else:
            agree(found, block(n, p, m, kind))


def agree(ours, rows):
    twin = by._in_numpy(rows)
    assert fractions(ours.products) == fractions(twin.products)
    np.testing.assert_array_equal(ours.low, twin.low)
    np.testing.assert_array_equal(ours.high, twin.high)
    assert ours.fingerprint == twin.fingerprint


@pytest.mark.parametrize("layout", ["columns", "strided", "backwards", "single", "pieces"])
def test_layouts(layout, compiled):
    rows = block(400, 6, 1)
    X = rows.X
    if layout == "single":
        rows = RowBlock(X.astype(np.float32), rows.Y)
    elif layout == "pieces":
        Z, ends = np.asfortranarray(np.hstack([X, rows.Y])), [0, 3, 130, 131, 400]
        pieces = [[np.ascontiguousarray(c) for c in Z[a:b].T] for a, b in itertools.pairwise(ends)]
        agree(by._compiled(compiled, ColumnBlock(pieces, 6, None, 0, {})), rows)
        return
    else:
        changed = {
            "columns": np.asfortranarray(X),
            "strided": np.repeat(X, 2, axis=1)[:, ::2],
            "backwards": np.ascontiguousarray(X[::-1])[::-1],
        }
        rows = RowBlock(changed[layout], rows.Y)
    agree(by._compiled(compiled, rows), rows)


def test_the_largest_slices_fill_no_register_beyond_its_bits(compiled):
    """All slices as large as they can be, of one sign, in as many rows as are added plainly and more."""
    random = np.random.default_rng(3)
    first, second = (2.0**23 - random.integers(0, 9, (700, 4)) for _ in range(2))
    third = 2.0**23 - 2.0**21 * random.integers(1, 3, (700, 4))  # what 53 bits have room for behind these
    Z = np.ldexp(first - 1, -23) + np.ldexp(second - 1, -47)
    Z += np.where(third % 2 == 0, np.ldexp(third, -71) * (Z < 0.5), 0.0)
    rows = RowBlock(Z[:, :3], Z[:, 3:])
    found = by._cut(compiled, rows, np.zeros(4, np.int64))
    assert not found.cells
    assert found.slices[0].min() > 700 * (2.0**23 - 12)
    assert fractions(by._from_slices(700, found)) == exact(rows)


def test_too_many_cells_beyond_the_slices_are_left_to_numpy(compiled):
    rows = block(2000, 9, 1, "heavy-tailed")
    assert by._compiled(compiled, rows) is None
    assert by.exact_sums(rows).fingerprint == statistics.fingerprint(rows)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("weighted", [False, True])
def test_what_is_not_finite_is_noticed(value, weighted):
    rows = block(300, 3, 1, weighted=weighted)
    rows.X[131, 1] = value
    with pytest.raises(NotFinite), np.errstate(invalid="ignore"):
        by.exact_sums(rows)


def test_a_million_rows_take_no_copy_of_themselves():
    X = np.random.default_rng(0).normal(size=(200_000, 10))
    tracemalloc.start()
    by.exact_sums(RowBlock(X, X[:, :1]))
    share = 4 if by.kernels() else 3  # the twin's slices of a piece take more than those in C
    assert tracemalloc.get_traced_memory()[1] < X.nbytes / share
    tracemalloc.stop()


def test_digits_of_numbers_depend_on_the_numbers_alone():
    random = np.random.default_rng(1)
    values = np.concatenate(
        [random.normal(size=50) * 10.0 ** random.integers(-200, 200, 50), [0.0, -1.0, 3.0]]
    )
    a = Dyadic.of(values)
    b = (a + Dyadic.of(np.full(53, 2.0**300))) - Dyadic.of(np.full(53, 2.0**300))
    product = (a * a) * Dyadic.of(np.full(53, 7.0))
    for one in (a, b, product):
        back = Dyadic.from_digits(one.digits())
        assert back is not None
        assert fractions(back) == fractions(one)
    np.testing.assert_array_equal(a.digits(), b.digits())
    assert Dyadic.from_digits(a.digits() + 0.5) is None


def test_quotients_are_the_nearest_pairs():
    random = np.random.default_rng(2)
    values, divisor = Dyadic.of(random.normal(size=40)), Dyadic.of(np.array(3.7))
    pair = (values * values).over(divisor)
    for high, low, exact in zip(*pair, fractions(values * values), strict=True):
        exact /= Fraction(3.7)
        assert high == float(exact)
        assert low == float(exact - Fraction(high))
