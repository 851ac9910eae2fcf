"""Least squares to the last digit: against rational arithmetic and the exact answers of NIST's regressions."""

import json
import warnings
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from known import known
from references import rational_least_squares

import gradline as package
from gradline.core.coefficients import Coefficients
from gradline.core.linalg.double_double import Doubled, two_prod, two_sum
from gradline.core.linalg.triangular import UNIT
from gradline.data.row_block import RowBlock
from gradline.model.nist import NAMES, load
from gradline.model.witness import witnessed
from gradline.moments.state import Moments
from gradline.solvers import refinement

floats = st.floats(-1e100, 1e100).filter(lambda x: x == 0 or abs(x) > 1e-100)


@given(floats, floats)
def test_sums_and_products_lose_nothing(a, b):
    for pair, exact in ((two_sum, Fraction(a) + Fraction(b)), (two_prod, Fraction(a) * Fraction(b))):
        [high], [low] = pair(np.array([a]), np.array([b]))
        assert Fraction(float(high)) + Fraction(float(low)) == exact


@given(st.lists(floats, min_size=1, max_size=40), floats)
def test_double_double_sums_keep_a_hundred_bits(values, factor):
    summed = Doubled.of(np.array(values)).times(np.full(len(values), factor)).sum()
    exact = sum((Fraction(v) * Fraction(factor) for v in values), Fraction())
    size = sum(abs(Fraction(v) * Fraction(factor)) for v in values)
    assert abs(Fraction(float(summed.hi)) + Fraction(float(summed.lo)) - exact) <= size / 2**98


def refined(X, Y, w, bias):
    """The refined optimum, from the factor that the moments of the rows hold; None where it is not proven."""
    return refinement.refined(RowBlock(X, Y, w), Moments.of(X, Y, weights=w), bias)


def witness(X, Y, w, bias):
    """The same as the judge finds it, who begins at coefficients of zero."""
    moments = Moments.of(X, Y, weights=w)
    none = Coefficients(np.zeros((moments.m, moments.p)), np.zeros(moments.m) if bias else None)
    return witnessed(RowBlock(X, Y, w), moments, none).optimum


def digits(found, exact):
    """The fewest correct decimal digits of the coefficients, at most 16."""
    fewest = 16.0
    for value, truth in zip(found, exact, strict=True):
        error = abs(Fraction(float(value)) - truth)
        if error:
            fewest = min(fewest, -np.log10(float(error / abs(truth)) if truth else 1.0))
    return fewest


@pytest.mark.parametrize("name", NAMES)
def test_nist_in_fifty_row_orders(name):
    """Against the exact solution of the float64 problem."""
    X, y, reference = load(name)
    bias, random = reference["intercept"], np.random.default_rng(0)
    exact = [Fraction(c) for c in reference["exact_float64"]["coef"]]
    for i in range(51):
        order = np.arange(len(y)) if i == 0 else random.permutation(len(y))
        found = refined(X[order], y[order, None], None, bias)
        assert found is not None
        theta = [*(found.bias if bias else []), *found.weight[0]]
        assert digits(theta, exact) >= 15.0


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_nist_through_the_command_line(gradline, name, tmp_path):
    X, y, reference = load(name)
    header = ",".join(["y", *(f"x{j}" for j in range(1, X.shape[1] + 1))])
    rows = "\n".join(",".join(map(repr, [*row])) for row in np.column_stack([y, X]).tolist())
    (tmp_path / "data.csv").write_text(f"{header}\n{rows}\n")
    done = gradline(
        "fit", "data.csv", "-t", "y", "--json", *([] if reference["intercept"] else ["--no-bias"])
    )
    told = json.loads(done.out)
    theta = [*(told["bias"] if reference["intercept"] else []), *told["weight"][0]]
    assert digits(theta, [Fraction(c) for c in reference["exact_float64"]["coef"]]) >= 15.0
    assert told["certificate"]["status"] == "certified"


def problem(seed):
    """A random problem: X, Y, w, whether it has a bias, and the condition of its columns.

    Every other one has columns and targets in units of their own, from 1e-150 to 1e150.
    """
    random = np.random.default_rng(seed)
    p, m = int(random.integers(1, 5)), int(random.integers(1, 4))
    n = p + 2 + int(random.integers(0, 12))
    condition = 10.0 ** random.uniform(0, 13)
    left, _ = np.linalg.qr(random.normal(size=(n, p)))
    right, _ = np.linalg.qr(random.normal(size=(p, p)))
    X = left @ np.diag(np.geomspace(1, 1 / condition, p)) @ right.T if p > 1 else left
    noise = 10.0 ** random.uniform(-8, 0)
    Y = X @ random.normal(size=(p, m)) + noise * random.normal(size=(n, m))
    widest = 150 * (seed % 2)
    units, target_units = (10.0 ** random.uniform(-widest, widest, k) for k in (p, m))
    w = random.integers(1, 5, n).astype(float) if seed % 3 == 0 else None
    bias = seed % 5 != 0
    A = np.column_stack([np.ones(n), X]) if bias else X
    return X * units, Y * target_units, w, bias, float(np.linalg.cond(A / np.linalg.norm(A, axis=0)))


@pytest.mark.slow
@pytest.mark.numeric
def test_random_problems_in_rational_arithmetic():
    """15 digits below a condition of 1e10; above it 10, or no certificate; the claim never above the truth."""
    near = []
    for seed in range(200):
        X, Y, w, bias, condition = problem(seed)
        found = refined(X, Y, w, bias)
        if found is None:
            assert condition >= 1e10, (seed, condition)
            continue
        theta = np.vstack([found.bias, found.weight.T]) if bias else found.weight.T
        bound = np.vstack([found.bias_bound, found.weight_bound.T]) if bias else found.weight_bound.T
        exact = np.array(rational_least_squares(X, Y, w, bias))
        for i in range(Y.shape[1]):
            true = digits(theta[:, i], exact[:, i])
            claim = float(-np.log10((bound[:, i] / np.abs(theta[:, i])).max()))
            assert claim <= true + 0.5, (seed, condition)
            near.append(claim >= true - 2)
            assert true >= (15.0 if condition < 1e10 else 10.0), (seed, condition, true)
    assert np.mean(near) >= 0.9
    assert len(near) > 300


def test_an_optimum_that_loses_digits_at_the_edge_of_float64_claims_no_more():
    """Of 2.5e-312 float64 holds twelve digits."""
    X, Y = np.array([[1.0, 0], [1, 1], [-1, 1], [-1, 0]]) * 1e151, np.array([[1 + 1e-9, 1, 1, 1]]).T * 1e-151
    found, exact = known(refined(X, Y, None, True)), rational_least_squares(X, Y)
    errors = [
        abs(Fraction(value) - truth[0]) for value, truth in zip(found.weight[0], exact[1:], strict=True)
    ]
    assert min(errors) > 0
    assert all(error <= Fraction(bound) for error, bound in zip(errors, found.weight_bound[0], strict=True))


def test_a_coefficient_of_zero_is_zero():
    """Whole numbers and their sums with whole weights, of which some are zero: the answer is these."""
    random = np.random.default_rng(0)
    for p in (1, 2, 5):
        for _ in range(20):
            X = random.integers(-9, 10, (4 * p + 8, p)).astype(float)
            weight = np.where(random.random((1, p)) < 0.5, 0.0, random.integers(1, 9, (1, p)))
            for bias in (0.0, 3.0):
                found = known(refined(X, X @ weight.T + bias, None, True))
                assert (found.weight == weight).all()
                assert (found.bias == bias).all()


@pytest.mark.parametrize("size", [1e-25, 1e-200])
def test_a_coefficient_is_kept_however_small_its_column_makes_it(size):
    """Rows that only it explains have residuals of their own, unless they are rounding beside the others."""
    X, Y = np.array([[1.0, 0], [2, 0], [0, 1], [0, 2]]), np.array([[1.0], [2], [size], [2 * size]])
    found = known(refined(X, Y, None, False))
    assert abs(found.weight[0, 1] - size) <= found.weight_bound[0, 1]
    assert found.weight[0, 1] == pytest.approx(size if size > 1e-30 else 0.0, rel=1e-15)
    assert found.weight[0, 0] == 1


def test_weights_and_rows_of_any_size():
    """Rows in units of their own from 1e-30 to 1e30, and weights that make up for them."""
    random = np.random.default_rng(0)
    units = 10.0 ** random.uniform(-30, 30, (40, 1))
    X, Y = random.normal(size=(40, 3)) * units, random.normal(size=(40, 2)) * units
    w = random.uniform(1, 9, 40) / units[:, 0] ** 2
    for bias in (False, True):
        found, exact = refined(X, Y, w, bias), rational_least_squares(X, Y, w, bias)
        assert found is not None
        theta = np.vstack([found.bias, found.weight.T]) if bias else found.weight.T
        for t in range(2):
            assert digits(theta[:, t], [row[t] for row in exact]) >= 15.0


@pytest.mark.parametrize("name", NAMES)
def test_nist_standard_errors(name):
    """The residuals of some sets are zero, and so is what rounding may leave of them."""
    X, y, reference = load(name)
    found = known(witness(X, y[:, None], None, reference["intercept"]))
    exact = np.array(reference["exact_float64"]["stderr"])
    variances = known(found.variances)
    stderr = np.sqrt(found.squares / (len(y) - len(variances)) * variances)
    assert (np.abs(stderr - exact) <= 1e-14 * exact + 1e-20 * np.abs(y).max()).all()


@pytest.mark.parametrize(("n", "p"), [(5000, 2), (700, 30), (300, 3)])
@pytest.mark.parametrize("weighted", [False, True])
def test_variances_in_several_pieces(n, p, weighted):
    """To the rounding of BᵀB, whose q columns of n rows have a norm of one: by chance √n·u an entry, and twice that.

    Against the inverse of exact sums of whole numbers, inverted in fifty digits.
    """
    random = np.random.default_rng(n)
    X, w = random.integers(-1000, 1000, (n, p)), random.integers(1, 5, n)
    A = np.column_stack([np.ones(n, int), X])
    found = known(
        witness(X.astype(float), random.normal(size=(n, 1)), w.astype(float) if weighted else None, True)
    )
    mpmath.mp.dps = 50
    inverse = mpmath.matrix((A.T @ (w[:, None] * A if weighted else A)).tolist()) ** -1
    exact = [float(inverse[j, j]) for j in range(p + 1)]
    np.testing.assert_allclose(known(found.variances), exact, rtol=2 * (p + 1) * np.sqrt(n) * UNIT)


@pytest.mark.parametrize("size", [1e-150, 1e150])
def test_variances_beyond_float64_are_left_out(size):
    """Of columns of 1e-150 that differ by a billionth of that, (AᵀA)⁻¹ is some 1e316; of 1e150 it is held."""
    random = np.random.default_rng(0)
    column = random.normal(size=100)
    X = np.column_stack([column, column + 1e-9 * random.normal(size=100)]) * size
    found = witness(X, random.normal(size=(100, 1)) * size, None, False)
    assert found is not None
    assert (found.variances is None) == (size < 1)
    assert (found.figures is None) == (size < 1)


def test_an_optimum_beyond_float64_is_no_proof():
    random = np.random.default_rng(0)
    column = random.normal(size=8)
    X = np.column_stack([column, column + 1e-9 * random.normal(size=8)]) * 1e-150
    assert refined(X, random.normal(size=(8, 1)) * 1e150, None, True) is None


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_a_fit_of_few_rows_is_certified_to_fifteen_digits(seed):
    X, Y, w, bias, condition = problem(seed)
    assume(condition < 1e10 and bias and seed % 2 == 0)
    model = gradline_fit(X, Y, w)
    assert model.certificate.status == "certified"
    exact = np.array(rational_least_squares(X, Y, w, True))
    for i in range(Y.shape[1]):
        assert digits([model.bias[i], *model.weight[i]], exact[:, i]) >= 15.0


def gradline_fit(X, Y, w):
    """`gradline.fit`, whatever it notices."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", package.GradlineWarning)
        return package.fit(X, Y, weights=w)
