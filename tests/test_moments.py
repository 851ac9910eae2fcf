"""Moments obey their laws: addition, order, weights, removal, and what they say equals the rows."""

import math
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refusals import refused

import gradline
from gradline import Moments
from gradline.core.errors import DigitsError
from gradline.data.design import DesignSpec, Number
from gradline.data.row_stream import ArrayRows

SETTINGS = settings(max_examples=60, deadline=None)


@st.composite
def tables(draw, most_rows=12):
    """X, Y and integer weights: columns of very different scale and origin."""
    n, p, m = draw(st.integers(2, most_rows)), draw(st.integers(1, 4)), draw(st.integers(1, 2))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = 10.0 ** random.integers(-6, 7, p + m)
    origin = random.choice([0.0, 1.0, 1e3], p + m) * scale
    Z = random.normal(size=(n, p + m)) * scale + origin
    return Z[:, :p], Z[:, p:], random.integers(0, 4, n).astype(float)


def of(X, Y, w=None):
    return Moments.of(X, Y, weights=w)


def assert_same(a, b, rtol=1e-12, norms=None):
    """Equal to `rtol` of the norms of the columns (uncentred, unless given)."""
    assert (a.rows, a.statistics.fingerprint) == (b.rows, b.statistics.fingerprint)
    assert math.isclose(a.weight_sum, b.weight_sum)
    norms = (
        np.linalg.norm(b.factor, axis=0) + np.sqrt(b.weight_sum) * np.abs(b.mean) if norms is None else norms
    )
    norms = np.where(norms > 0, norms, 1.0)
    gram = (a.factor.T @ a.factor - b.factor.T @ b.factor) / np.outer(norms, norms)
    assert np.abs(gram).max(initial=0) <= rtol
    assert (np.abs(a.mean - b.mean) * math.sqrt(max(b.weight_sum, 1)) <= rtol * norms).all()


@SETTINGS
@given(tables())
def test_the_factor_is_what_it_says(table):
    X, Y, w = table
    if not w.any():
        return
    moments = of(X, Y, w)
    Z = np.column_stack([X, Y])
    mean = (w @ Z) / w.sum()
    centred = np.sqrt(w)[:, None] * (Z - mean)
    norms = np.linalg.norm(np.sqrt(w)[:, None] * Z, axis=0)
    np.testing.assert_allclose(moments.mean, mean, rtol=1e-12, atol=1e-12 * norms.max())
    error = (moments.factor.T @ moments.factor - centred.T @ centred) / np.outer(norms, norms)
    assert np.abs(error).max() <= 1e-13
    assert (np.diag(moments.factor) >= 0).all()
    assert (np.tril(moments.factor, -1) == 0).all()
    present = Z[w > 0]
    assert (moments.statistics.minimum == present.min(axis=0)).all()
    assert (moments.statistics.maximum == present.max(axis=0)).all()


@SETTINGS
@given(tables(), st.integers(1, 11), st.integers(1, 11))
def test_merging_is_associative_and_order_does_not_matter(table, i, j):
    X, Y, _ = table
    i, j = sorted((min(i, len(X)), min(j, len(X))))
    parts = [of(X[s], Y[s]) for s in (slice(0, i), slice(i, j), slice(j, None)) if len(X[s])]
    whole = of(X, Y)
    forwards = sum(parts[1:], parts[0])
    backwards = parts[-1]
    for part in parts[-2::-1]:
        backwards = part + backwards
    assert_same(forwards, whole)
    assert_same(backwards, forwards)
    shuffled = np.random.default_rng(0).permutation(len(X))
    assert_same(of(X[shuffled], Y[shuffled]), whole)


@SETTINGS
@given(tables())
def test_a_weight_of_two_is_the_row_twice_and_zero_is_absent(table):
    X, Y, w = table
    if not w.any():
        return
    repeated = np.repeat(np.arange(len(X)), w.astype(int))
    weighted, plain = of(X, Y, w), of(X[repeated], Y[repeated])
    assert weighted.weight_sum == plain.rows
    assert weighted.rows == int((w > 0).sum())
    norms = np.linalg.norm(plain.factor, axis=0) + np.sqrt(plain.rows) * np.abs(plain.mean)
    error = (weighted.factor.T @ weighted.factor - plain.factor.T @ plain.factor) / np.outer(norms, norms)
    assert np.abs(error).max() <= 1e-12


@SETTINGS
@given(tables(most_rows=24), st.data())
def test_removing_what_was_added_leaves_the_rest(table, data):
    X, Y, _ = table
    n = data.draw(st.integers(1, len(X) - 1))
    rest, part, whole = of(X[:n], Y[:n]), of(X[n:], Y[n:]), of(X, Y)
    try:
        left = whole - part
    except DigitsError:  # too near-collinear for so few rows; its message has a test of its own
        return
    scale = np.linalg.norm(rest.factor, axis=0)
    claimed = 10**-left.digits
    difference = np.abs(left.factor.T @ left.factor - rest.factor.T @ rest.factor)
    assert (difference <= 4 * claimed * np.outer(scale, scale) + 1e-300).all()
    assert left.statistics.fingerprint == rest.statistics.fingerprint
    assert left.rows == rest.rows


def least_error(factor, Z):
    """By how much of their norms columns must be off those of Z for this to be their R, by exact arithmetic.

    Columns off by ε of their norms change an inner product by at most 2ε of the product of their norms, to first order.
    """
    columns = [[Fraction(value) for value in column] for column in Z.T.tolist()]
    centred = [[value - sum(column) / len(Z) for value in column] for column in columns]
    stored = [[Fraction(value) for value in column] for column in factor.T.tolist()]
    (exact, found) = (
        [[sum(x * y for x, y in zip(a, b, strict=True)) for a in part] for b in part]
        for part in (centred, stored)
    )
    norms = [math.sqrt(exact[j][j]) for j in range(len(exact))]
    pairs = np.ndindex(len(exact), len(exact))
    return max(abs(float(found[i][j] - exact[i][j])) / (2 * norms[i] * norms[j]) for i, j in pairs)


@pytest.mark.slow
@pytest.mark.numeric
@pytest.mark.parametrize("scale", [1.0, 100.0, 1e4])
def test_what_is_claimed_after_a_removal_is_never_above_the_truth(scale):
    """Five rows of three columns are left when five that are larger by `scale` are taken away."""
    for seed in range(200):
        rest, part = (
            np.random.default_rng(seed).normal(size=(2, 5, 3)) * np.array([1.0, scale])[:, None, None]
        )
        both = np.vstack([rest, part])
        try:
            left = of(both[:, :2], both[:, 2]) - of(part[:, :2], part[:, 2])
        except DigitsError:
            continue
        assert least_error(left.factor, rest) <= 10**-left.digits, seed


def test_removing_everything_leaves_nothing_and_adding_nothing_changes_nothing():
    X, Y = np.arange(12.0).reshape(6, 2) ** 2, np.arange(6.0)
    whole = of(X, Y)
    empty = whole - whole
    assert empty.rows == 0
    assert_same(whole + empty, whole, 0)
    assert_same(empty + whole, whole, 0)


def test_removal_refuses_when_too_few_digits_would_be_left():
    random = np.random.default_rng(0)
    small, large = random.normal(size=(30, 3)), 1e8 * random.normal(size=(30, 3))
    a, b = of(small[:, :2], small[:, 2]), of(large[:, :2], large[:, 2])
    with refused("digits-lost") as caught:
        _ = (a + b) - b
    assert re.search(r"\b0\.\d\b", caught.value.cause)


def test_removal_refuses_more_than_there_is():
    X, Y = np.eye(3), np.arange(3.0)
    with refused("rows-not-contained", "3"):
        _ = of(X[:2], Y[:2]) - of(X, Y)


def test_removal_refuses_what_is_no_part():
    X = np.random.default_rng(0).normal(size=(50, 3))
    with refused("rows-not-contained"):
        _ = of(X, X[:, 0]) - of(100 * X[:20], X[:20, 0])


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_extreme_units_are_served_and_beyond_them_refused(scale):
    X, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20.0)
    scaled, plain = gradline.fit(X * scale, y / scale), gradline.fit(X, y)
    np.testing.assert_allclose(scaled.weight * scale * scale, plain.weight, rtol=1e-12)
    for beyond in (
        X * scale**1.1,
        X * 1e307,
    ):  # of the last even the sum of the largest and the least is infinite
        with refused("square-beyond-float64", "x1"):
            of(beyond, y)
        with refused("square-beyond-float64", "x1"):
            Moments.of(beyond, y, extended=True)


def test_columns_must_agree():
    a = Moments.of({"x": [1.0, 2, 4], "y": [1.0, 3, 2]}, "y")
    b = Moments.of({"z": [1.0, 2, 4], "y": [1.0, 3, 2]}, "y")
    with refused("moments-of-other-columns", "x, z"):
        _ = a + b


@pytest.mark.parametrize("weighted", [False, True])
def test_cross_products_agree_with_qr(weighted):
    random = np.random.default_rng(3)
    X, Y = random.normal(size=(60_000, 6)) + 100, random.normal(size=(60_000, 2))
    w = random.random(60_000) if weighted else None
    design = DesignSpec(tuple(Number(f"x{j}") for j in range(1, 7)), ("y1", "y2"))
    fast = Moments.from_rows(ArrayRows(X, Y, w, design))
    parts = (slice(first, first + 20_000) for first in range(0, 60_000, 20_000))  # each of them a block of QR
    careful = sum(
        Moments.from_rows(ArrayRows(X[part], Y[part], None if w is None else w[part], design))
        for part in parts
    )
    assert isinstance(careful, Moments)
    assert fast.error != careful.error  # they took different routes
    assert_same(fast, careful, 1e-13, np.linalg.norm(careful.factor, axis=0))


def test_near_collinear_columns_are_read_again_through_qr():
    random = np.random.default_rng(4)
    x = random.normal(size=(60_000, 1))
    X = np.column_stack([x, x + 1e-7 * random.normal(size=x.shape), random.normal(size=(60_000, 3))])
    moments = of(X, X @ np.ones(5) + random.normal(size=60_000))
    assert moments.digits >= 12


def test_a_constant_column_is_exactly_constant():
    moments = of(np.column_stack([np.full(1000, 0.1), np.arange(1000.0)]), np.arange(1000.0) ** 2)
    assert moments.factor[0, 0] == 0


@pytest.mark.slow
@pytest.mark.numeric
def test_means_survive_a_million_merges_of_one_row():
    values = np.random.default_rng(0).normal(1e8, 1, 2000)
    total = Moments.empty(DesignSpec((Number("x1"),), ("y",)))
    for value in values:
        total = total + of(np.array([[value]]), np.array([value]))
    exact = sum(map(Fraction, values)) / 2000
    assert abs(Fraction(total.mean[0]) + Fraction(total.statistics.mean_low[0]) - exact) < Fraction(1, 10**12)
    assert math.isclose(total.factor[0, 0], math.sqrt(2000) * values.std(), rel_tol=1e-9)


def test_no_bias_means_the_raw_columns():
    random = np.random.default_rng(5)
    X, Y = random.normal(3, 1, (40, 3)), random.normal(3, 1, (40, 2))
    A, B, C = of(X, Y).raw_factor(bias=False)
    np.testing.assert_allclose(A.T @ A, X.T @ X, rtol=1e-13)
    np.testing.assert_allclose(A.T @ B, X.T @ Y, rtol=1e-13)
    np.testing.assert_allclose(B.T @ B + C.T @ C, Y.T @ Y, rtol=1e-13)


def test_the_raw_factor_has_the_loss_of_the_rows():
    random = np.random.default_rng(6)
    X, Y, w = random.normal(3, 1, (40, 3)), random.normal(3, 1, (40, 2)), random.random(40)
    moments, weight, bias = of(X, Y, w), random.normal(size=(2, 3)), random.normal(size=2)
    A, B, C = moments.raw_factor(bias=True)
    theta = np.vstack([bias, weight.T])
    loss = (w[:, None] * (X @ weight.T + bias - Y) ** 2).sum() / (2 * w.sum())
    assert math.isclose(((A @ theta - B) ** 2).sum() + (C**2).sum(), loss * 2 * w.sum(), rel_tol=1e-12)
    assert math.isclose(moments.squares(weight, bias).sum(), loss * 2 * w.sum(), rel_tol=1e-12)


def test_scaling_and_selecting_are_those_of_the_rows():
    random = np.random.default_rng(7)
    X, Y = random.normal(3, 1, (40, 3)), random.normal(size=40)
    center, scale = random.normal(size=3), 1 + random.random(3)
    moments, scaled = of(X, Y), of((X - center) / scale, Y)
    got = moments.scaled(center, scale)
    np.testing.assert_allclose(got.factor, scaled.factor, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(got.mean, scaled.mean, atol=1e-13)
    chosen = moments.select(DesignSpec((Number("x3"), Number("x1")), ("y",)))
    np.testing.assert_allclose(chosen.factor, of(X[:, [2, 0]], Y).factor, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "change",
    [
        lambda Z: Z + np.eye(*Z.shape) * 1e-12,
        lambda Z: Z[:, ::-1],
        lambda Z: np.vstack([Z, Z[:1]]),
        lambda Z: np.column_stack([np.roll(Z[:, 0], 1), Z[:, 1:]]),
    ],
    ids=["a digit", "columns swapped", "a row twice", "a value moved to another row"],
)
def test_the_fingerprint_notices(change):
    Z = np.random.default_rng(8).normal(size=(6, 3))
    changed = change(Z)
    assert (
        of(Z[:, :2], Z[:, 2]).statistics.fingerprint
        != of(changed[:, :2], changed[:, 2]).statistics.fingerprint
    )


def test_the_fingerprint_knows_no_signed_zero_and_counts_rows_of_zeros():
    zero, minus = np.zeros((2, 2)), -np.zeros((2, 2))
    a, b = (of(Z[:, :1], Z[:, 1]).statistics.fingerprint for Z in (zero, minus))
    assert a == b != 0


def test_file_round_trip(tmp_path):
    moments = Moments.of("example:crops", ["apples", "oranges"])
    moments.save(tmp_path / "state.safetensors")
    again = Moments.load(tmp_path / "state.safetensors")
    assert again.to_dict() == moments.to_dict()
    for name, tensor in moments.tensors().items():
        assert (again.tensors()[name] == tensor).all()


def test_a_model_is_no_moments_file(tmp_path):
    import gradline

    gradline.fit("example:crops", "apples", exclude=["oranges"]).save(tmp_path / "m.safetensors")
    with refused("model-file-other-kind", "model", "moments"):
        Moments.load(tmp_path / "m.safetensors")


@pytest.mark.parametrize("rows", [9, 40_000])  # through QR at once, and through cross-products
@pytest.mark.parametrize(("targets", "place"), [(1, "Y[7]"), (2, "Y[7, 1]")])
@pytest.mark.parametrize("weighted", [False, True])
def test_an_infinite_target_is_refused_by_its_place(rows, targets, place, weighted):
    """Rows of weight zero, which are absent, count in it."""
    X, Y, w = np.random.default_rng(0).normal(size=(rows, 8)), np.zeros((rows, targets)), np.ones(rows)
    Y[7, -1], Y[2], w[2] = np.inf, np.nan if weighted else 0.0, 0.0
    with refused("value-infinite", place, "inf"):
        gradline.fit(X, Y[:, 0] if targets == 1 else Y, weights=w if weighted else None)
