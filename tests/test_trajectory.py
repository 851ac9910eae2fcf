"""The closed form of gradient descent equals the steps, at any epoch, and knows what the data can bear."""

import itertools
import math

import numpy as np
import pytest
from crops import RUNS, X5, Y5
from references import fifty_digit_descent, loop
from refusals import refused

from gradline import Moments, Trajectory
from gradline.solvers.spectrum import Spectrum

CROPS5 = Moments.of("example:crops5", ["apples", "oranges"])
CROPS = Moments.of("example:crops", ["apples", "oranges"])
START = (np.array(RUNS["004"].weight), np.array(RUNS["004"].bias))


@pytest.mark.parametrize("momentum", [0.0, 0.9, 1.0])
def test_equals_explicit_epochs(momentum):
    path = Trajectory(CROPS5, lr=1e-5, momentum=momentum, init=START)
    shown = {*range(20), 100, 1000, 9999, 10_000}
    for epoch, (weight, bias) in enumerate(loop(X5, Y5, 1e-5, 10_000, *START, momentum)):
        if epoch not in shown:
            continue
        point = path.at(epoch)
        np.testing.assert_allclose(point.weight, weight, rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(point.bias, bias, rtol=1e-10, atol=1e-10)
        loss = ((X5 @ weight.T + bias - Y5) ** 2).mean()
        assert math.isclose(point.loss, loss, rel_tol=1e-10)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("epoch", [10_000, 10**6, 10**9])
def test_equals_fifty_digits(momentum, epoch):
    weight, bias = fifty_digit_descent(X5, Y5, 1e-5, momentum, epoch, *START)
    point = Trajectory(CROPS5, lr=1e-5, momentum=momentum, init=START).at(epoch)
    np.testing.assert_allclose(point.weight, weight, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(point.bias, bias, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("momentum", "bound"), [(0.0, 1.0), (0.3, 2.0), (0.9, 2.0)])
def test_what_rounding_holds_up_is_bounded(momentum, bound):
    """Errors of every update as large as they may be, all of one sign, or of the sign that does most harm."""
    random = np.random.default_rng(3)
    X = random.normal(0.3, 1, (30, 2))
    y = X @ [1.0, 2.0] + random.normal(size=30)
    A, rounding = np.column_stack([np.ones(30), X]), np.array([[1e-3], [2e-3], [5e-4]])
    H, best = 2 / 30 * A.T @ A, np.linalg.lstsq(A, y, rcond=None)[0][:, None]
    for lr in (0.02, 0.2):
        path = Trajectory(Moments.of(X, y), lr, momentum, init=(best[1:].T, best[0]))
        held, directions = path.held(rounding), path.spectrum.directions
        for i in range(3):
            worst = np.sign(directions[:, [i]]) * rounding
            for follows in (False, True):
                theta, velocity = best.copy(), 0 * best
                for _ in range(3000):
                    velocity = momentum * velocity + H @ (theta - best)
                    sign = np.sign(directions[:, i] @ (theta - best)) if follows else 1.0
                    theta = theta - lr * velocity + np.where(sign == 0, 1.0, sign) * worst
                part = (path.spectrum.singular[i] * (directions[:, i] @ (theta - best))[0]) ** 2
                assert part <= bound**2 * held[i] * (1 + 1e-9)
                assert momentum or part >= (1 - 1e-6) * held[i] or lr * path.spectrum.curvatures[i] > 1


def test_undamped_momentum_at_a_million_epochs():
    """Momentum 1 never settles; its phase, and so every digit, rests on k·√(lr·λ)."""
    weight, bias = fifty_digit_descent(X5, Y5, 1e-5, 1.0, 10**6, *START)
    point = Trajectory(CROPS5, lr=1e-5, momentum=1.0, init=START).at(10**6)
    np.testing.assert_allclose(point.weight, weight, atol=1e-8)
    np.testing.assert_allclose(point.bias, bias, atol=1e-8)


def test_deficient_data_end_in_the_optimum_nearest_to_the_start():
    random = np.random.default_rng(0)
    X = random.normal(2, 1, (20, 4))
    X = np.column_stack([X, X[:, 0] - 2 * X[:, 1], np.full(20, 3.0)])
    y = random.normal(size=20)
    weight, bias = random.normal(size=(1, 6)), random.normal(size=1)
    path = Trajectory(Moments.of(X, y), lr=0.02, init=(weight, bias))
    A = np.column_stack([np.ones(20), X])
    start = np.concatenate([bias, weight[0]])
    nearest = start + np.linalg.lstsq(A, y - A @ start, rcond=1e-12)[0]
    point = path.at(10**9)
    np.testing.assert_allclose(np.concatenate([point.bias, point.weight[0]]), nearest, atol=1e-9)
    assert point.gap < 1e-20


def test_limits_of_the_tutorials_crops():
    spectrum = Spectrum.of(CROPS5)
    hessian = 2 / Y5.size * np.column_stack([np.ones(5), X5]).T @ np.column_stack([np.ones(5), X5])
    largest, smallest = np.linalg.eigvalsh(hessian)[[-1, 0]]
    assert math.isclose(spectrum.lr_limit(), 2 / largest, rel_tol=1e-12)
    assert math.isclose(spectrum.lr_limit(0.9), 3.8 / largest, rel_tol=1e-12)
    assert math.isclose(spectrum.best_lr(), 2 / (largest + smallest), rel_tol=1e-9)
    assert math.isclose(spectrum.growth(1e-3), abs(1 - 1e-3 * largest), rel_tol=1e-12)
    assert [(name, round(share, 2)) for name, share in spectrum.shares()[:3]] == [
        ("rainfall", 0.44),
        ("temp", 0.39),
        ("humidity", 0.17),
    ]


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_the_limit_is_where_stability_ends(momentum):
    limit = Trajectory(CROPS5, 1e-5, momentum).lr_limit
    below, above = (Trajectory(CROPS5, lr, momentum) for lr in (limit * (1 - 1e-6), limit * (1 + 1e-6)))
    assert below.spectrum.growth(below.lr, momentum) <= 1
    assert above.spectrum.growth(above.lr, momentum) > 1
    assert above.at(10**8).gap > 1e3 > below.at(10**8).gap


def test_where_tutorial_004_stands():
    """Numerics: the gap of 875.6 is 77 % temp against rainfall, 23 % humidity, 0.007 % the bias."""
    path = Trajectory(CROPS5, 1e-5, init=START)
    first, second, third, _ = path.directions(102)
    assert math.isclose(path.at(102).gap, 875.6, abs_tol=0.05)
    assert (round(first.share, 2), round(first.half_life or 0), first.columns) == (
        0.77,
        109,
        "temp against rainfall",
    )
    assert (round(second.share, 2), second.columns) == (0.23, "humidity against rainfall and temp")
    assert (f"{third.share:.0e}", round(third.half_life or 0, -5), third.columns) == (
        "7e-05",
        8_500_000,
        "the bias",
    )


@pytest.mark.parametrize(("moments", "lr"), [(CROPS5, 1e-5), (CROPS, 1e-4)])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_epochs_left_are_what_they_say(moments, lr, momentum):
    path = Trajectory(moments, lr, momentum)
    epochs = int(path.epochs_to_loss())
    assert path.at(epochs).gap <= 0.01 * path.optimal_loss
    if momentum == 0:
        assert path.at(epochs - 1).gap > 0.01 * path.optimal_loss
    slowest = path.epochs_to_weights()
    bias, optimum = (path.at(int(k)).bias for k in (slowest, 1000 * slowest))
    np.testing.assert_allclose(bias, optimum * (1 - 1e-3), rtol=2e-3)


def test_no_bias_and_one_feature():
    x, y = np.array([[1.0], [2.0], [4.0]]), np.array([2.0, 3.0, 9.0])
    path = Trajectory(Moments.of(x, y), lr=0.01, bias=False)
    w = 0.0
    for _ in range(50):
        w -= 0.01 * 2 * (x[:, 0] * (w * x[:, 0] - y)).mean()
    assert math.isclose(path.at(50).weight[0, 0], w, rel_tol=1e-12)
    assert path.at(50).bias == [0.0]


@pytest.mark.parametrize(
    "wrong", [{"lr": 0.0}, {"lr": math.nan}, {"lr": -1.0}, {"lr": 1e-5, "momentum": 1.5}]
)
def test_settings_outside_their_range_are_refused(wrong):
    with refused(f"{list(wrong)[-1]}-invalid"):
        Trajectory(CROPS5, **wrong)


@pytest.mark.parametrize("epoch", [-1, 1.5, "5", 10**400])
def test_epochs_outside_their_range_are_refused(epoch):
    with refused("epoch-invalid"):
        Trajectory(CROPS5, 1e-5).at(epoch)


def test_slow_directions_keep_their_digits_with_momentum():
    """Years: far from zero, so the bias hardly moves; the rows say the same as a plain loop."""
    X = np.arange(1990.0, 2020.0)[:, None]
    y = 3 * X - 5900
    path = Trajectory(Moments.of(X, y), lr=1e-7, momentum=0.9)
    *_, (weight, bias) = loop(X, y, 1e-7, 10, np.zeros((1, 1)), np.zeros(1), 0.9)
    np.testing.assert_allclose(path.at(10).bias, bias, rtol=1e-9)
    np.testing.assert_allclose(path.at(10).weight, weight, rtol=1e-9)


def test_a_collinear_pair_in_large_units_hides_no_direction():
    a, c = np.array([1.0, 3, 2, 5, 4]), np.array([1.0, 4, 9, 3, 7])
    X, y = np.column_stack([a * 1e6, 2 * a * 1e6, c * 1e-12]), np.array([1.0, 4, 8, 3, 7])
    best = np.linalg.lstsq(np.column_stack([a, c]), y, rcond=None)[0]
    loss = ((np.column_stack([a, c]) @ best - y) ** 2).mean()
    path = Trajectory(Moments.of(X, y), lr=1e-15, bias=False)
    assert math.isclose(path.optimal_loss, loss, rel_tol=1e-9)


def test_a_start_of_the_wrong_shape_is_refused():
    with refused("init-shape", "(3, 2)", "(2,)", "(2, 3)"):
        Trajectory(CROPS5, 1e-5, init=(np.zeros((3, 2)), np.zeros(2))).at(1)


RULES = list(itertools.product((0.0, 0.5, 0.9), (False, True), (0.0, 0.05, 1.0), (0.01, 0.6, 0.95)))


@pytest.mark.parametrize("is_deficient", [False, True])
@pytest.mark.parametrize(("momentum", "nesterov", "decay", "share"), [r for r in RULES if r[0] or not r[1]])
def test_any_rule_at_rest_or_on_its_way_is_that_of_its_steps(momentum, nesterov, decay, share, is_deficient):
    """The rule by its definition: g ← ∇L + wd·θ, v ← μ·v + g, θ ← θ − lr·v, or − lr·(g + μ·v) with Nesterov's step."""
    random = np.random.default_rng(4)
    x = random.normal(size=(30, 3)) + 1.5
    x[:, 2] = x[:, 0] - x[:, 1] if is_deficient else x[:, 2]
    y = x @ random.normal(size=(3, 2)) + random.normal(size=(30, 2))
    moments = Moments.of(x, y)
    lr = share * Trajectory(moments, 1.0, momentum, None, True, nesterov, decay).lr_limit
    rows, theta, velocity = (
        np.column_stack([np.ones(30), x]),
        random.normal(size=(4, 2)),
        random.normal(size=(4, 2)),
    )
    path = Trajectory(
        moments, lr, momentum, (theta[1:].T, theta[0]), True, nesterov, decay, (velocity[1:].T, velocity[0])
    )
    optimum = np.linalg.lstsq(rows, y, rcond=None)[0]
    best = ((rows @ optimum - y) ** 2).mean()
    for epoch in range(31):
        if epoch in (0, 1, 2, 7, 30):
            point = path.at(epoch)
            size = 1e-10 * max(1.0, np.abs(theta).max())
            np.testing.assert_allclose(np.vstack([point.bias, point.weight.T]), theta, rtol=0, atol=size)
            gap = ((rows @ theta - y) ** 2).mean() - best
            np.testing.assert_allclose(point.gap, gap, rtol=1e-8, atol=1e-12)
        gradient = 2 / 60 * rows.T @ (rows @ theta - y) + decay * theta
        velocity = momentum * velocity + gradient
        theta = theta - lr * (gradient + momentum * velocity if nesterov else velocity)


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.5, False), (0.5, True), (0.9, True)])
@pytest.mark.parametrize("decay", [0.0, 30_000.0])  # the largest curvature of these data is 17,900
def test_the_limit_of_a_rule_is_where_its_stability_ends(momentum, nesterov, decay):
    limit = Trajectory(CROPS5, 1e-5, momentum, START, True, nesterov, decay).lr_limit
    for share, is_stable in ((1 - 1e-4, True), (1 + 1e-4, False)):
        path = Trajectory(CROPS5, share * limit, momentum, START, True, nesterov, decay)
        assert (path.at(10**6).gap < 1e6) == is_stable


def test_nothing_takes_no_epochs():
    """At the rate that ends its only direction in one step, one epoch is needed, and at rest there is none to do."""
    x = np.array([[1.0], [-1.0], [1.0], [-1.0]])
    path = Trajectory(Moments.of(x, [2.0, 1.0, 3.0, 0.0]), 0.5)
    assert path.epochs_to_weights() == 1
    assert path.epochs_to_loss() == 1
    assert path.at(1).gap == pytest.approx(0, abs=1e-30)


def test_a_decay_that_is_none():
    with refused("weight-decay-invalid", -1.0):
        Trajectory(CROPS5, 1e-5, weight_decay=-1.0)
