"""Moments in double-double: merged, reordered and subtracted they keep every digit."""

import warnings
from fractions import Fraction

import numpy as np
import pytest
from known import known
from references import rational_least_squares
from refusals import refused

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


def saved(moments, folder):
    """The bytes of a state's file."""
    moments.save(folder / "state.safetensors")
    return (folder / "state.safetensors").read_bytes()


TABLES = {
    "normal": lambda random, n: random.normal(size=(n, 4)),
    "timestamps": lambda random, n: np.round(
        1.7e15 + 10.0 ** np.array([9, 3, 1, 6]) * random.normal(size=(n, 4))
    ),
    "of all sizes": lambda random, n: random.normal(size=(n, 4)) * 10.0 ** random.integers(-70, 70, (n, 4)),
    "decimals": lambda random, n: np.round(random.normal(size=(n, 4)), 1),
}


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_file_is_the_same_for_every_split_and_order(kind, weighted, tmp_path):
    random = np.random.default_rng(6)
    Z = TABLES[kind](random, 200)
    w = random.random(200) if weighted else None

    def of(rows):
        weights = None if w is None else w[rows]
        return gradline.Moments.of(Z[rows, :3], Z[rows, 3], weights=weights, extended=True)

    whole = saved(of(np.arange(200)), tmp_path)
    for trial in range(4):
        order = random.permutation(200)
        parts = [
            of(part) for part in np.split(order, np.sort(random.integers(1, 199, 3 * trial))) if len(part)
        ]
        assert saved(sum(parts), tmp_path) == whole
        while len(parts) > 1:
            a = parts.pop(random.integers(len(parts)))
            b = parts.pop(random.integers(len(parts)))
            a.save(tmp_path / "part.safetensors")
            parts.append(b + gradline.Moments.load(tmp_path / "part.safetensors"))
        assert saved(parts[0], tmp_path) == whole


def test_the_file_is_the_same_in_every_build(tmp_path, monkeypatch):
    from gradline.core.kernels import library
    from gradline.moments import exact_sums as by

    random = np.random.default_rng(7)
    X = random.normal(size=(3000, 5))
    files = set()
    for name in [*library.builds(), None]:
        monkeypatch.setattr(by, "kernels", lambda name=name: name and library.build(name))
        files.add(saved(gradline.Moments.of(X[:, :4], X[:, 4], extended=True), tmp_path))
    assert len(files) == 1


def test_what_was_added_and_taken_away_leaves_no_trace():
    random = np.random.default_rng(8)
    Z, others = random.normal(size=(50, 4)), 1e6 * random.normal(size=(70, 4))
    ours, theirs = (gradline.Moments.of(rows[:, :3], rows[:, 3], extended=True) for rows in (Z, others))
    left = (theirs + ours) - theirs
    for name in ("factor", "products_digits", "mean", "mean_low"):
        np.testing.assert_array_equal(left.tensors()[name], ours.tensors()[name])
    nothing = left - ours
    assert nothing.rows == 0


def test_rows_that_were_not_there_are_not_taken_away():
    random = np.random.default_rng(9)
    for trial in range(60):
        n, p, less = random.integers(4, 40), random.integers(1, 4), random.integers(1, 4)
        Z, others = (
            random.normal(size=(n, p + 1)),
            random.normal(size=(n, p + 1)) * random.choice([1.0, 10.0]),
        )
        if trial % 3 == 0:
            others = Z.copy()
            others[0, 0] += 3.0  # all but one cell
        ours, theirs = (
            gradline.Moments.of(rows[:, :p], rows[:, p], extended=True)
            for rows in (Z, others[: n - less + 1])
        )
        if n - less + 1 >= n or less - 1 <= p + 1:  # so few are left that they cannot have such products
            with refused("rows-not-contained"):
                _ = ours - theirs
    X, Y = random.normal(size=(2, 9, 2))
    with refused("rows-not-contained"):
        _ = gradline.Moments.of(X, Y) - gradline.Moments.of(X + 1, Y)


def test_rows_that_vary_more_than_all_are_not_taken_away():
    """In one direction alone, which no column shows by itself."""
    random = np.random.default_rng(13)
    Z = random.normal(size=(200, 2)) @ [[1.0, 1.0], [-0.01, 0.01]]
    others = 0.3 * random.normal(size=(40, 2)) @ [[1.0, 1.0], [-1.0, 1.0]]
    ours, theirs = (gradline.Moments.of(rows[:, :1], rows[:, 1], extended=True) for rows in (Z, others))
    assert (np.diag(theirs.factor.T @ theirs.factor) < np.diag(ours.factor.T @ ours.factor)).all()
    with refused("rows-not-contained"):
        _ = ours - theirs
    x = random.normal(size=(200, 1))
    on_a_line = gradline.Moments.of(x, x[:, 0], extended=True)
    beside = gradline.Moments.of(x[:5], x[:5, 0] + 1e-9 * random.normal(size=5), extended=True)
    with refused("rows-not-contained"):
        _ = on_a_line - beside


def test_adding_makes_no_factor(monkeypatch):
    from gradline.moments import extended, merging

    parts = [gradline.Moments.of(np.eye(3)[:, :2] + i, np.arange(3.0), extended=True) for i in range(5)]
    for module, name in ((extended, "_cholesky"), (merging, "triangular")):
        monkeypatch.setattr(module, name, None)
    whole = sum(parts)
    assert isinstance(whole, gradline.Moments)
    assert whole.rows == 15


@pytest.mark.parametrize("bias", [True, False])
def test_means_far_from_zero_cost_nothing_and_claims_hold(bias):
    """Never worse than the plain kind, and never more claimed than is true, against fractions."""
    random = np.random.default_rng(10)
    for trial in range(40):
        n, p = random.integers(6, 25), random.integers(1, 4)
        spread = 10.0 ** random.uniform(-3, 9, p)
        X = 10.0 ** random.uniform(0, 15, p) * random.choice([1, -1], p) + spread * random.normal(size=(n, p))
        if trial % 4 == 0:
            X = X * 10.0 ** random.uniform(-100, 100, p)
        if p > 1 and trial % 3 == 0:
            X[:, 1] = X[:, 0] * (1 + 1e-6 * random.normal(size=n))
        w = random.random(n) if trial % 2 else None
        y = (X - X[0]) @ (random.normal(size=p) / X.std(axis=0)) + random.normal(size=n)
        exact = rational_least_squares(X, y[:, None], w, bias)
        plain, extended = (
            fit_by(gradline.Moments.of(X, y, weights=w, extended=e), bias) for e in (False, True)
        )
        found, c = [*extended.bias, *extended.weight[0]], extended.certificate
        bounds = [*c.bias_error, *c.weight_error[0]]
        if c.status == "rank_deficient":
            assert plain.certificate.status == "rank_deficient"
            continue
        if not bias:
            found, bounds = found[1:], bounds[1:]
        for ours, bound, (true,) in zip(found, bounds, exact, strict=True):
            assert abs(Fraction(float(ours)) - true) <= Fraction(bound)
        assert c.digits >= plain.certificate.digits
        assert c.digits > (10 if bias else plain.certificate.digits)


def fit_by(moments, bias):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gradline.GradlineWarning)
        return gradline.fit(moments, bias=bias)


@pytest.mark.parametrize("spread", [1e9, 1e3])
def test_timestamps_in_microseconds(spread):
    random = np.random.default_rng(11)
    t, x = np.round(1.7e15 + spread * random.normal(size=500)), random.normal(size=500)
    y = 3e-6 * (t - 1.7e15) + x + 0.1 * random.normal(size=500)
    certificate = fit(gradline.Moments.of(np.column_stack([t, x]), y, extended=True)).certificate
    assert certificate.status == "certified"
    assert certificate.digits > 15
