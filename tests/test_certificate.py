"""The judge: what it says of a fit holds, is never more than the truth, and does not trust the solver."""

import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
from crops import X5, Y5
from hypothesis import given, settings
from hypothesis import strategies as st
from references import coefficients, exact_from_integers, rational_least_squares

import gradline
from gradline import Exact, GradientDescent, Moments
from gradline.core.coefficients import Coefficients
from gradline.core.errors import GradlineWarning
from gradline.model.certificate import Certificate
from gradline.model.judge import Judged, least_digits, sure_digits
from gradline.moments.rank import Rank


def fit(X, Y, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GradlineWarning)
        return gradline.fit(X, Y, **options)


@st.composite
def problems(draw):
    """Problems of condition 1 to 1e7 after scaling, columns of any unit and origin."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, p, m = draw(st.integers(6, 14)), draw(st.integers(1, 4)), draw(st.integers(1, 2))
    near = 10.0 ** -draw(st.integers(0, 7))
    X = random.normal(size=(n, p))
    if p > 1:
        X[:, 1] = X[:, 0] + near * X[:, 1]
    X = (X + random.choice([0.0, 10.0], p)) * 10.0 ** random.integers(-5, 6, p)
    noise = 10.0 ** -draw(st.integers(0, 8))
    Y = (X / np.abs(X).max(axis=0)) @ random.normal(size=(p, m)) + noise * random.normal(size=(n, m))
    return X, Y, random.integers(1, 4, n) * 1.0


@pytest.mark.slow
@pytest.mark.numeric
@settings(max_examples=150, deadline=None)
@given(problems(), st.booleans(), st.booleans())
def test_no_coefficient_is_further_off_than_its_bound(problem, weighted, bias):
    X, Y, w = problem
    model = fit(X, Y, weights=w if weighted else None, bias=bias)
    theta = rational_least_squares(X, Y, w if weighted else None, bias)
    weight, level = coefficients(theta) if bias else (np.array(theta, float).T, np.zeros(Y.shape[1]))
    certificate = model.certificate
    assert (np.abs(model.weight - weight) <= np.array(certificate.weight_error)).all()
    assert (np.abs(model.bias - level) <= np.array(certificate.bias_error)).all()
    true = np.abs(model.weight - weight) / np.abs(weight)
    assert certificate.digits <= -math.log10(max(true.max(), 1e-17)) + 1e-9


@given(problems(), st.booleans())
def test_the_digits_that_a_condition_makes_sure_are_no_more_than_those_of_the_case(problem, bias):
    X, Y, w = problem
    moments = Moments.of(X, Y, weights=w)
    if not Rank.of(moments, bias).deficiency:
        assert least_digits(moments, bias) <= sure_digits(moments, bias) + 1e-9


@pytest.mark.parametrize("rows", [200, 200_000], ids=["through QR", "through cross-products"])
def test_certified_digits_of_large_and_small_data(rows):
    random = np.random.default_rng(0)
    X = random.integers(0, 1000, (rows, 3)).astype(float)
    y = (X @ [3, -2, 1] + random.integers(0, 1000, rows)).astype(float)
    model = gradline.fit(X, y)
    exact = exact_from_integers([np.ones(rows), *X.T], y)
    error = np.abs(np.concatenate([model.bias, model.weight[0]]) - exact)
    bound = np.concatenate([model.certificate.bias_error, model.certificate.weight_error[0]])
    assert (error <= bound).all()
    assert model.certificate.digits > 9


def test_the_gap_and_the_gradient_are_those_of_the_rows():
    random = np.random.default_rng(1)
    weight, bias = random.normal(size=(2, 3)), random.normal(size=2)
    certificate = Judged(Moments.of(X5, Y5), Coefficients(weight, bias)).certificate
    residual = X5 @ weight.T + bias - Y5
    gradient = np.column_stack([residual.sum(axis=0), residual.T @ X5]) * 2 / residual.size
    best = np.linalg.lstsq(np.column_stack([np.ones(5), X5]), Y5, rcond=None)[0]
    optimal = ((np.column_stack([np.ones(5), X5]) @ best - Y5) ** 2).mean()
    assert math.isclose(certificate.loss, (residual**2).mean(), rel_tol=1e-12)
    assert math.isclose(certificate.gradient_norm, np.linalg.norm(gradient), rel_tol=1e-12)
    assert math.isclose(certificate.optimal_loss, optimal, rel_tol=1e-9)
    np.testing.assert_allclose(certificate.weight_error, np.abs(weight - best[1:].T), rtol=1e-9)
    np.testing.assert_allclose(certificate.bias_error, np.abs(bias - best[0]), rtol=1e-9)
    assert certificate.status == "stopped"


def test_errors_in_standard_errors():
    """Against the textbook inverse of XᵀX."""
    random = np.random.default_rng(2)
    X, y = random.normal(5, 2, (30, 3)), random.normal(size=30)
    start = (np.ones((1, 3)), np.ones(1))
    model = gradline.fit(X, y, solver=GradientDescent(lr=1e-3, epochs=0, init=start))
    A = np.column_stack([np.ones(30), X])
    theta = np.linalg.lstsq(A, y, rcond=None)[0]
    variance = ((y - A @ theta) ** 2).sum() / 26
    errors = np.sqrt(variance * np.diag(np.linalg.inv(A.T @ A)))
    assert model.certificate.weight_error_stderr is not None
    np.testing.assert_allclose(
        model.certificate.weight_error_stderr[0], np.abs(1 - theta[1:]) / errors[1:], rtol=1e-9
    )
    np.testing.assert_allclose(
        np.array(model.certificate.bias_error_stderr), np.abs(1 - theta[0]) / errors[0], rtol=1e-9
    )


def test_conditions():
    random = np.random.default_rng(3)
    X = random.normal(100, [1.0, 5.0], (50, 2))
    certificate = gradline.fit(X, random.normal(size=50)).certificate
    s = np.linalg.svd(np.column_stack([np.ones(50), X]), compute_uv=False)
    centred = X - X.mean(axis=0)
    t = np.linalg.svd(centred / np.linalg.norm(centred, axis=0), compute_uv=False)
    assert math.isclose(certificate.condition, s[0] / s[-1], rel_tol=1e-9)
    assert math.isclose(certificate.hessian_condition, (s[0] / s[-1]) ** 2, rel_tol=1e-9)
    assert math.isclose(certificate.condition_scaled, t[0] / t[-1], rel_tol=1e-9)


def test_statuses():
    random = np.random.default_rng(4)
    X, y = random.normal(size=(30, 3)), random.normal(size=30)
    collinear = np.column_stack([X, X[:, 0] - X[:, 1]])
    near = np.column_stack([X, X[:, 0] + 1e-13 * random.normal(size=30)])
    assert fit(X, y).certificate.status == "certified"
    assert fit(X, y, solver=GradientDescent(epochs=1000)).certificate.status == "certified"
    assert fit(X, y, solver=GradientDescent(epochs=3)).certificate.status == "stopped"
    assert fit(collinear, y).certificate.status == "rank_deficient"
    assert fit(collinear, y, solver=GradientDescent(epochs=1000)).certificate.status == "rank_deficient"
    assert fit(collinear, y, solver=GradientDescent(epochs=3)).certificate.status == "stopped"
    assert fit(gradline.Moments.of(near, y), None).certificate.status == "uncertified"
    assert fit(near, y).certificate.status == "certified"  # few rows are refined
    exploded = fit(X, y, solver=GradientDescent(lr=50.0, epochs=5), force=True)
    assert exploded.certificate.status == "diverged"


@pytest.mark.parametrize(
    "y", [np.full(20, 5.0), np.arange(20.0) * 2 + 1], ids=["constant", "a line without noise"]
)
def test_targets_without_noise(y):
    X = np.column_stack([np.arange(20.0), np.random.default_rng(5).normal(size=20)])
    model = gradline.fit(X, y)
    assert model.certificate.status == "certified"
    np.testing.assert_allclose(model.predict(X)[:, 0], y, rtol=1e-12)


@pytest.mark.parametrize(
    ("columns", "sentences"),
    [
        (lambda x, z: [x, z, x + z], ["x3 = x1 + x2"]),
        (lambda x, z: [100 * x + z, x, z], ["x1 = 100·x2 + x3"]),
        (lambda x, z: [x, z, z - x - 6], ["x1 = x2 − x3 − 6"]),
        (lambda x, z: [x, 0 * x + 0.1, z], ["x2 is constant"]),
        (lambda x, z: [x, 2 * x, z, 4 * z + 1], ["x2 = 2·x1", "x4 = 4·x3 + 1"]),
    ],
)
def test_vanishing_combinations_in_words(columns, sentences):
    x, z = np.arange(12.0), np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8.0])
    model = fit(np.column_stack(columns(x, z)), np.sqrt(x))
    assert sorted(model.certificate.combinations) == sorted(sentences)


def test_scale_alone_never_warns():
    random = np.random.default_rng(6)
    X = random.normal(size=(40, 3)) * [1e-9, 1.0, 1e9] + [0, 1e6, 1e12]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert gradline.fit(X, random.normal(size=40)).certificate.status == "certified"


def test_weights_whose_squares_float64_cannot_hold_are_told_apart():
    X = np.array([[1, 1 + 1e-6], [2, 2 - 1e-6], [3, 3 + 2e-6], [4, 4]])
    Y = np.array([-1, 2, 0, 1]) * 1e150
    model = gradline.fit(X, Y, bias=False)
    assert model.certificate.status == "certified"
    half = gradline.certify((model.weight / 2, None), X, Y)
    assert half.status == "stopped"
    assert half.digits == pytest.approx(np.log10(2))


def test_a_certificate_survives_its_file():
    model = gradline.fit("example:crops", ["apples", "oranges"], solver=GradientDescent(lr=1e-5))
    card = model.certificate.to_dict()
    assert Certificate.from_dict(card).to_dict() == card
    assert Exact().params() == {"digits": 10.0}


@pytest.mark.parametrize("slope", [1.0, 0.1, 1 / 3, -7e9])
@pytest.mark.parametrize("offset", [0.0, 0.3, 1e6])
@pytest.mark.parametrize("solver", [None, gradline.GradientDescent(lr=1e-5, epochs=10)])
def test_what_a_perfect_fit_leaves_is_no_loss(slope, offset, solver):
    """Below rounding there is nothing to lose, whatever the processor: the optimum's loss is 0, and none is near it."""
    x = np.arange(1.0, 40.0)
    model = gradline.fit(x[:, None], offset + slope * x, solver=solver)
    assert model.certificate.optimal_loss == 0.0
    if solver is None:
        assert (model.training.loss, model.training.r2) == (0.0, [1.0])
    else:
        assert model.certificate.epochs_to_loss == math.inf


@pytest.mark.parametrize("offset", [1e3, 1e5, 1e6, 1e7])
def test_coefficients_that_all_but_cancel_are_told_the_loss_that_they_have(offset):
    """The third column is a combination of the others but for its rounding, and the least-squares slopes are huge."""
    random = np.random.default_rng(2)
    X = np.column_stack([random.normal(size=40), random.normal(size=40) + offset])
    X = np.column_stack([X, 2 * X[:, 0] - X[:, 1] + 3])
    y = X[:, 0] + random.normal(size=40)
    with pytest.warns(GradlineWarning, match="near-collinear"):
        model = gradline.fit(X, y)
    weight, bias = [Fraction(w) for w in model.weight[0].tolist()], Fraction(float(model.bias[0]))
    own = sum(
        (Fraction(t) - bias - sum(w * Fraction(x) for w, x in zip(weight, row, strict=True))) ** 2
        for row, t in zip(X.tolist(), y.tolist(), strict=True)
    )
    loss = float(own / 40)
    certificate = model.certificate
    assert certificate.loss == pytest.approx(loss, rel=1e-12)
    assert model.training.loss == pytest.approx(loss, rel=1e-3)
    assert certificate.gap == pytest.approx(certificate.loss - certificate.optimal_loss, rel=1e-6)
    assert certificate.optimal_loss > 0.8
    assert certificate.status == "uncertified"  # for 0.2 % and more of the loss is above the least
