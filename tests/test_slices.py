"""Products by slices keep what pairs promise, beside the largest entries of their columns, in exact fractions."""

from fractions import Fraction

import numpy as np
import pytest

from gradline.core.linalg.double_double import SUMMED, Doubled, Sliced, two_sum

ROUNDING = 2.0**-102  # of a product, beside the largest entries of both sides


def case(seed, n, k, m):
    """A (n, k) in units from 1e-150 to 1e150, its entries within eight orders of magnitude; pairs (k, m) and (n, m)."""
    random = np.random.default_rng(seed)
    A = (
        random.normal(size=(n, k))
        * 10.0 ** random.uniform(-8, 0, (n, k))
        * 10.0 ** random.uniform(-150, 150, k)
    )
    pairs = (two_sum(random.normal(size=(size, m)), 1e-17 * random.normal(size=(size, m))) for size in (k, n))
    x, v = (Doubled(*pair) for pair in pairs)
    return A, x, v


def fractions(values):
    """The exact numbers behind a plain array or pairs, as rows of fractions."""
    high, low = values if isinstance(values, Doubled) else (values, np.zeros_like(values))
    return [
        [Fraction(float(a)) + Fraction(float(b)) for a, b in zip(*rows, strict=True)]
        for rows in zip(high, low, strict=True)
    ]


def assert_product(found, left, right):
    """Found is left·right, rows of fractions, each sum to ROUNDING beside its terms at their largest."""
    largest = [max(abs(row[j]) for row in left) for j in range(len(right))]
    for row, values in zip(left, fractions(found), strict=True):
        for t, value in enumerate(values):
            truth = sum((a * b[t] for a, b in zip(row, right, strict=True)), Fraction())
            size = sum(most * abs(b[t]) for most, b in zip(largest, right, strict=True))
            assert abs(value - truth) <= size * Fraction(ROUNDING)


SHAPES = [(1, 1, 1), (7, 3, 2), (40, 8, 1), (3, 20, 3)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(4))
def test_rows_times_pairs(seed, shape):
    A, x, _ = case(seed, *shape)
    for right in (x, x.hi):
        assert_product(Sliced.of(A).times(right), fractions(A), fractions(right))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(4))
def test_columns_under_pairs(seed, shape):
    A, _, v = case(seed, *shape)
    n, k, m = shape
    left, right, products = fractions(A), fractions(v), fractions(Sliced.of(A).under(Sliced.of(v)))
    for j in range(k):
        for t in range(m):
            truth = sum(left[i][j] * right[i][t] for i in range(n))
            size = max(abs(row[j]) for row in left) * max(abs(row[t]) for row in right)
            assert abs(products[j][t] - truth) <= n * size * Fraction(ROUNDING)


def test_slices_add_up_to_what_was_cut():
    A, _, v = case(9, 50, 4, 3)
    for values, bits in ((A, None), (v, 110)):
        sliced = Sliced.of(values)
        for i, row in enumerate(fractions(values)):
            for j, truth in enumerate(row):
                unit = Fraction(2) ** int(sliced.exponents[j])
                whole = sum(Fraction(float(part)) for part in sliced.parts[i, :, j]) * unit
                assert whole == truth if bits is None else abs(whole - truth) <= unit / 2**bits


def test_the_longest_sums_are_exact():
    """Entries that fill their slices, all of one sign, as many as may be summed: the bound that 20 bits rest on."""
    values = np.full((SUMMED, 2), 1 - 2.0**-53)
    values[::2, 1] = 1 - 2.0**-20
    products = fractions(Sliced.of(values).under(Sliced.of(values)))
    exact = [[Fraction(float(v)) for v in row] for row in values[:2]]
    for i in range(2):
        for j in range(2):
            truth = SUMMED // 2 * sum(row[i] * row[j] for row in exact)
            assert abs(products[i][j] - truth) <= truth * Fraction(2) ** -104


def test_more_columns_than_one_sum_may_have():
    random = np.random.default_rng(0)
    A, x = random.integers(-9, 9, (2, SUMMED + 5)).astype(float), random.integers(-9, 9, (SUMMED + 5, 1))
    found = Sliced.of(A).times(x.astype(float))
    np.testing.assert_array_equal(found.hi, A @ x)
    np.testing.assert_array_equal(found.lo, 0 * found.hi)


def test_zeros_and_no_rows():
    assert not Sliced.of(np.zeros((3, 2))).times(Doubled.of(np.ones((2, 1)))).hi.any()
    none = Sliced.of(np.zeros((0, 2)))
    assert none.under(none).hi.tolist() == [[0, 0], [0, 0]]
