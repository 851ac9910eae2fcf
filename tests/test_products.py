"""Moments in double-double: merged, reordered and subtracted they keep every digit."""

import warnings
from fractions import Fraction

import numpy as np
import pytest
from known import known

import gradline
from gradline.data.row_block import RowBlock
from gradline.model.nist import load
from gradline.moments.exact_sums import exact_sums

# Digits of the least certain coefficient after merging single rows in random order, without a second look.
MERGED = {
    "Longley": 10.5,
    "Wampler1": 8.5,
    "Wampler2": 11.5,
    "Wampler3": 8.5,
    "Wampler4": 6.5,
    "Wampler5": 4.5,
}


def correct_digits(model, reference):
    """The fewest correct digits against the exact answer, at most 16, and those that are claimed."""
    exact = np.array(reference["exact_float64"]["coef"])
    error = np.abs(np.array([*model.bias, *model.weight[0]]) - exact) / np.abs(exact)
    return min(16.0, -np.log10(max(error.max(), 1e-16))), model.certificate.digits


def fractions(numbers):
    """Dyadic numbers as fractions."""
    return [Fraction(m) * Fraction(2) ** int(e) for m, e in zip(numbers.m, numbers.e, strict=True)]


def merged(X, y, order, extended):
    """The moments of single rows, added one by one."""
    return sum(gradline.Moments.of(X[i : i + 1], y[i : i + 1], extended=extended) for i in order)


def fit(moments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gradline.GradlineWarning)
        return gradline.fit(moments)


@pytest.mark.parametrize("name", MERGED)
def test_single_rows_in_random_order(name):
    X, y, reference = load(name)
    random = np.random.default_rng(1)
    for _ in range(5):
        order = random.permutation(len(y))
        true, claimed = correct_digits(fit(merged(X, y, order, extended=False)), reference)
        assert true >= MERGED[name]
        assert claimed <= true + 0.5
        true, claimed = correct_digits(fit(merged(X, y, order, extended=True)), reference)
        assert true >= 14.5
        assert claimed <= true + 0.5


@pytest.mark.parametrize("name", MERGED)
def test_a_thousand_other_rows_added_and_removed(name):
    X, y, reference = load(name)
    random = np.random.default_rng(2)
    others = random.normal(size=(1000, X.shape[1])) * X.std(axis=0) + X.mean(axis=0)
    other = gradline.Moments.of(others, random.normal(size=1000) * y.std(), extended=True)
    both = merged(X, y, random.permutation(len(y)), extended=True) + other
    assert both.rows == len(y) + 1000
    true, claimed = correct_digits(fit(both - other), reference)
    assert true >= 14.5
    assert claimed <= true + 0.5


def test_extended_moments_are_moments(tmp_path):
    random = np.random.default_rng(3)
    X, Y, w = (
        random.normal(size=(40, 3)) + 5,
        random.normal(size=(40, 2)),
        random.integers(0, 4, 40).astype(float),
    )
    plain, extended = (gradline.Moments.of(X, Y, weights=w, extended=e) for e in (False, True))
    np.testing.assert_allclose(extended.factor, plain.factor, atol=1e-13)
    assert extended.statistics.fingerprint == plain.statistics.fingerprint
    extended.save(tmp_path / "m.safetensors")
    again = gradline.Moments.load(tmp_path / "m.safetensors")
    again.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "m.safetensors").read_bytes()
    for bias in (True, False):
        model = gradline.fit(again, bias=bias)
        np.testing.assert_allclose(model.weight, gradline.fit(X, Y, weights=w, bias=bias).weight, rtol=1e-13)
        assert model.certificate.digits > 14
    assert (extended + plain).products is None  # the digits of the poorer


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n", [1, 4096, 9000])
def test_sums_of_whole_numbers(n, weighted):
    """Of numbers whose squares float64 does not hold, against Python's integers; rows have units that weights undo."""
    random = np.random.default_rng(n)
    Z, w = random.integers(-(10**12), 10**12, (n, 3)), random.integers(1, 100, n)
    units = 2.0 ** random.integers(-60, 60, n)
    rows = Z * units[:, None] if weighted else Z.astype(float)
    block = RowBlock(rows[:, :2], rows[:, 2:], w / units**2 if weighted else None)
    whole = np.ones((n, 4), object)
    whole[:, 0] = [Fraction(one) for one in (1 / units if weighted else np.ones(n))]
    whole[:, 1:] = Z.astype(object)
    exact = (whole.T * (w.astype(object) if weighted else 1)) @ whole
    assert fractions(exact_sums(block).products) == list(exact[np.triu_indices(4)])


def test_dependent_columns_have_no_refined_answer():
    random = np.random.default_rng(4)
    x = random.normal(size=(30, 1))
    moments = gradline.Moments.of(np.hstack([x, 2 * x - 1]), x[:, 0], extended=True)
    assert known(moments.products).optimum(1, True) is None
    assert fit(moments).certificate.status == "rank_deficient"
