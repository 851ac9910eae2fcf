"""Solvers: one table, each against definitions, exact rational answers, PyTorch and each other."""

import itertools
import math
import warnings
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import torch
from references import coefficients, rational_least_squares
from refusals import refused, warned

import gradline
from gradline import SGD, CoordinateDescent, Exact, GradientDescent, Moments
from gradline.core.errors import GradlineWarning
from gradline.core.permutation import IN_ORDER, keys, permutation
from gradline.data.files import EXAMPLES
from gradline.solvers.losses import Absolute, Huber, Quantile, SquaredLoss

# One row enrols a solver: settings that bring it to the optimum of a well-conditioned problem, and how near.
SOLVERS = [
    pytest.param(Exact(), 1e-12, id="exact"),
    pytest.param(CoordinateDescent(), 1e-12, id="cd"),
    pytest.param(GradientDescent(epochs=2000), 1e-10, id="gd"),
    pytest.param(GradientDescent(epochs=2000, momentum=0.9, init="normal"), 1e-10, id="gd-momentum"),
    # The noise of the batches leaves an error that depends on the seed; in raw units the bias has the most.
    pytest.param(SGD(epochs=400, batch_size=8), 5e-2, id="sgd"),
    pytest.param(SGD(epochs=400, batch_size=8, momentum=0.5, init="linear"), 5e-2, id="sgd-momentum"),
    pytest.param(SGD(epochs=400, batch_size=8, dtype="float32"), 5e-2, id="sgd-float32"),
]
LOSSES = [SquaredLoss(), Huber(0.7), Quantile(0.3), Absolute()]


def problem(seed=0, n=60, p=3, m=2):
    random = np.random.default_rng(seed)
    X = random.normal(3, 2, (n, p))
    return X, X @ random.normal(size=(p, m)) + random.normal(size=(n, m)) + 1, random.integers(1, 4, n) * 1.0


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize(("solver", "tolerance"), SOLVERS)
def test_arrives_at_the_optimum(solver, tolerance, weighted, bias):
    X, Y, w = problem()
    model = gradline.fit(X, Y, solver=solver, weights=w if weighted else None, bias=bias)
    A = np.column_stack([np.ones(len(X)), X]) if bias else X
    root = np.sqrt(w)[:, None] if weighted else 1.0
    theta = np.linalg.lstsq(A * root, Y * root, rcond=None)[0]
    expected = theta[1:].T if bias else theta.T
    np.testing.assert_allclose(model.weight, expected, rtol=tolerance, atol=tolerance)
    if bias:
        np.testing.assert_allclose(model.bias, theta[0], rtol=tolerance, atol=tolerance)
    else:
        assert (model.bias == 0).all()


@pytest.mark.parametrize(("solver", "tolerance"), SOLVERS)
def test_the_answer_beats_itself_moved_a_little(solver, tolerance):
    X, Y, _ = problem()
    model = gradline.fit(X, Y, solver=solver)
    loss = ((X @ model.weight.T + model.bias - Y) ** 2).mean()
    for i in np.ndindex(model.weight.shape):
        for sign in (-1, 1):
            moved = model.weight.copy()
            moved[i] += sign * max(0.05, 10 * tolerance)
            assert ((X @ moved.T + model.bias - Y) ** 2).mean() > loss


@pytest.mark.parametrize(("solver", "tolerance"), SOLVERS)
def test_collinear_columns_still_reach_the_least_loss(solver, tolerance):
    X, Y, _ = problem()
    X = np.column_stack([X, X[:, 0] + X[:, 1]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GradlineWarning)
        model = gradline.fit(X, Y, solver=solver)
    best = np.linalg.lstsq(np.column_stack([np.ones(len(X)), X]), Y, rcond=None)[0]
    loss = ((np.column_stack([np.ones(len(X)), X]) @ best - Y) ** 2).mean()
    assert math.isclose(model.training.loss, loss, rel_tol=max(tolerance, 1e-9))


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("orders", [0, 3, 6, 9, 12])
@pytest.mark.parametrize("seed", range(5))
def test_undetermined_coefficients_are_the_smallest_in_any_units(seed, orders, bias):
    """Exact dependencies between small integers, in units that differ by many powers of two."""
    random = np.random.default_rng(seed)
    X = random.integers(-9, 10, (12, 5)).astype(float)
    X = np.column_stack([X, X[:, 0] + X[:, 1], 2 * X[:, 2] - X[:, 3]])
    X *= 2.0 ** np.round(np.log2(10.0) * random.integers(-orders, orders + 1, 7))
    Y = random.integers(-9, 10, (12, 2)).astype(float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GradlineWarning)
        model = gradline.fit(X, Y, bias=bias)
    theta = np.array(rational_least_squares(X, Y, bias=bias), dtype=float)
    weight = theta[1:].T if bias else theta.T
    # Exact beside the largest effect of any column; in one scale in every coefficient.
    effects = np.linalg.norm(X - bias * X.mean(axis=0), axis=0)
    largest = (np.abs(weight) * effects).max()
    np.testing.assert_allclose(model.weight * effects, weight * effects, atol=1e-13 * largest)
    if orders == 0:
        np.testing.assert_allclose(model.weight, weight, rtol=1e-9)
    residual = X @ weight.T + (theta[0] if bias else 0) - Y
    assert math.isclose(model.training.loss, (residual**2).mean(), rel_tol=1e-9)
    assert model.certificate.status == "rank_deficient"
    assert model.certificate.rank == 5


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_loss_derivatives(loss):
    """Against finite differences, so that value, gradient and curvature cannot disagree."""
    random = np.random.default_rng(0)
    y, eta, h = random.normal(size=(9, 2)), random.normal(size=(9, 2)), 1e-5
    slope = (loss.value(y, eta + h) - loss.value(y, eta - h)) / (2 * h)
    np.testing.assert_allclose(loss.gradient(y, eta), slope, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("table", ["crops5", "crops"])
def test_exact_equals_the_rational_answer_in_twelve_digits(table):
    data = np.loadtxt(EXAMPLES / f"{table}.csv", delimiter=",", skiprows=1)
    weight, bias = coefficients(rational_least_squares(data[:, :3], data[:, 3:]))
    model = gradline.fit(f"example:{table}", ["apples", "oranges"])
    np.testing.assert_allclose(model.weight, weight, rtol=1e-12)
    np.testing.assert_allclose(model.bias, bias, rtol=1e-12)


def torch_loop(X, Y, start, lr, momentum, batches, dtype):
    """nn.Linear, SGD and MSELoss over given batches of row numbers."""
    model = torch.nn.Linear(X.shape[1], Y.shape[1]).to(dtype)
    with torch.no_grad():
        model.weight.copy_(torch.tensor(start[0]))
        model.bias.copy_(torch.tensor(start[1]))
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=momentum)
    inputs, targets, loss_fn = torch.tensor(X, dtype=dtype), torch.tensor(Y, dtype=dtype), torch.nn.MSELoss()
    for rows in batches:
        loss = loss_fn(model(inputs[rows]), targets[rows])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return model.weight.detach().numpy(), model.bias.detach().numpy()


def batches_of(n, size, epochs, seed=0, repeats=None):
    """The documented order: epoch e permutes the rows by the keys of (seed, e)."""
    for epoch in range(epochs):
        order = permutation(n, keys(seed, epoch))
        for first in range(0, n, size):
            rows = order[first : first + size]
            yield rows if repeats is None else np.repeat(rows, repeats[rows])


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted by repetition"])
def test_sgd_equals_torch_in_float64(momentum, weighted):
    X, Y, w = problem(n=23)
    start = (np.full((2, 3), 0.3), np.array([0.1, -0.2]))
    solver = SGD(lr=0.01, epochs=7, batch_size=5, momentum=momentum, seed=3, init=start)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GradlineWarning)
        model = gradline.fit(X, Y, solver=solver, weights=w if weighted else None)
    batches = batches_of(23, 5, 7, seed=3, repeats=w.astype(int) if weighted else None)
    weight, bias = torch_loop(X, Y, start, 0.01, momentum, batches, torch.float64)
    np.testing.assert_allclose(model.weight, weight, rtol=1e-12)
    np.testing.assert_allclose(model.bias, bias, rtol=1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-5), ("float32", 1e-6)])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_equals_torch_in_float32_over_200_steps(momentum, dtype, tolerance):
    X, Y, _ = problem(n=200)
    X, Y = (X - X.mean(axis=0)) / X.std(axis=0), (Y - Y.mean(axis=0)) / Y.std(axis=0)
    start = (np.zeros((2, 3)), np.zeros(2))
    solver = SGD(lr=0.01, epochs=20, batch_size=20, momentum=momentum, init=start, dtype=dtype)
    model = gradline.fit(X, Y, solver=solver)
    weight, bias = torch_loop(X, Y, start, 0.01, momentum, batches_of(200, 20, 20), torch.float32)
    np.testing.assert_allclose(model.weight, weight, atol=tolerance)
    np.testing.assert_allclose(model.bias, bias, atol=tolerance)


def test_float32_rounds_what_is_left_of_a_column_after_scaling():
    """Of a column near 2²⁶ float32 knows multiples of 4 or 8; of its distance from the mean, seven digits."""
    X, Y, _ = problem(n=200)
    X[:, 0] += 2.0**26
    single, double = (gradline.fit(X, Y, solver=SGD(dtype=dtype)) for dtype in ("float32", "float64"))
    np.testing.assert_allclose(single.weight, double.weight, rtol=1e-3, atol=1e-4)
    assert (single.settings["dtype"], double.settings["dtype"]) == ("float32", "float64")


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_what_float32_found_is_judged_in_float64(weighted):
    X, Y, w = problem()
    model = gradline.fit(X, Y, solver=SGD(dtype="float32"), weights=w if weighted else None)
    assert model.weight.dtype == model.bias.dtype == np.float64
    loss = np.average(
        ((X @ model.weight.T + model.bias - Y) ** 2).mean(axis=1), weights=w if weighted else None
    )
    assert math.isclose(model.training.loss, loss, rel_tol=1e-13)
    assert math.isclose(model.certificate.gap + model.certificate.optimal_loss, loss, rel_tol=1e-13)


def test_rows_in_memory_are_rounded_once(monkeypatch):
    from gradline.solvers import mini_batches

    rounded, pieces = mini_batches._rounded, []
    monkeypatch.setattr(
        mini_batches, "_rounded", lambda piece, scaling: pieces.append(piece) or rounded(piece, scaling)
    )
    X, Y, _ = problem()
    gradline.fit(X, Y, solver=SGD(epochs=5, batch_size=7, dtype="float32"))
    assert len(pieces) == 1
    monkeypatch.setattr(mini_batches, "MEMORY_CELLS", 100)
    gradline.fit(X, Y, solver=SGD(epochs=5, batch_size=7, dtype="float32"))
    assert len(pieces) == 1 + 5 * 5


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_gradient_descent_equals_torch(momentum):
    X, Y, _ = problem(n=23)
    start = (np.full((2, 3), 0.3), np.array([0.1, -0.2]))
    model = gradline.fit(X, Y, solver=GradientDescent(lr=0.01, epochs=50, momentum=momentum, init=start))
    weight, bias = torch_loop(X, Y, start, 0.01, momentum, [np.arange(23)] * 50, torch.float64)
    np.testing.assert_allclose(model.weight, weight, rtol=1e-12)
    np.testing.assert_allclose(model.bias, bias, rtol=1e-12)


@pytest.mark.parametrize(
    "numbers", [range(1, 300), range(300, 2001, 17), [2**17 - 1, 2**17, 2**17 + 1, 300_000]]
)
def test_an_order_holds_every_row_once(numbers):
    for n in numbers:
        assert (np.bincount(permutation(n, keys(n, 0)), minlength=n) == 1).all()
        assert (permutation(n, IN_ORDER) == np.arange(n)).all()


@pytest.mark.slow
@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_all_orders_are_equally_likely(n):
    orders = [tuple(permutation(n, keys(seed, 0))) for seed in range(4000)]
    counts = [orders.count(order) for order in itertools.permutations(range(n))]
    assert scipy.stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("n", [15, 16, 17, 100])
@pytest.mark.parametrize("of", ["seeds", "epochs", "pieces"])
def test_no_row_and_no_pair_of_rows_is_favoured(of, n):
    """The first batch takes every row equally often, and of neighbours either comes first equally often."""
    key = {"seeds": (lambda i: (i, 0)), "epochs": (lambda i: (0, i)), "pieces": (lambda i: (0, 0, i))}[of]
    orders = np.array([permutation(n, keys(*key(i))) for i in range(3000)])
    first = np.bincount(orders[:, 0], minlength=n)
    assert scipy.stats.chisquare(first).pvalue > 1e-3
    # Among the five rows of a batch chance is less by (n − 5)/(n − 1), as they are drawn without repetition.
    batch = np.bincount(orders[:, :5].ravel(), minlength=n)
    statistic = ((batch - 15000 / n) ** 2 / (15000 / n)).sum() * (n - 1) / (n - 5)
    assert 1e-3 < scipy.stats.chi2.sf(statistic, n - 1) < 1 - 1e-3
    places = np.argsort(orders, axis=1)
    earlier = (places[:, :-1] < places[:, 1:]).sum(axis=0)
    assert scipy.stats.chi2.sf((((earlier - 1500) / np.sqrt(750)) ** 2).max(), 1) > 1e-3 / n


def test_sgd_without_shuffling_visits_rows_in_order():
    X, Y, _ = problem(n=23)
    start = (np.zeros((2, 3)), np.zeros(2))
    model = gradline.fit(X, Y, solver=SGD(lr=0.01, epochs=2, batch_size=5, shuffle=False, init=start))
    order = [np.arange(i, min(i + 5, 23)) for i in range(0, 23, 5)] * 2
    weight, _ = torch_loop(X, Y, start, 0.01, 0.0, order, torch.float64)
    np.testing.assert_allclose(model.weight, weight, rtol=1e-12)


def test_sgd_in_pieces_still_takes_every_row_once(monkeypatch):
    """Rows beyond memory are shuffled piece by piece; only the last batch of an epoch is short."""
    from gradline.solvers import mini_batches

    monkeypatch.setattr(mini_batches, "MEMORY_CELLS", 40)
    X, Y, _ = problem(n=23, p=2, m=1)
    start = (np.zeros((1, 2)), np.zeros(1))
    model = gradline.fit(X, Y, solver=SGD(lr=0.01, epochs=1, batch_size=5, seed=3, init=start))
    pieces = [
        first + permutation(n, keys(3, 0, i)) for i, (first, n) in enumerate([(0, 10), (10, 10), (20, 3)])
    ]
    order = np.concatenate(pieces)
    batches = [order[first : first + 5] for first in range(0, 23, 5)]
    weight, bias = torch_loop(X, Y, start, 0.01, 0.0, batches, torch.float64)
    np.testing.assert_allclose(model.weight, weight, rtol=1e-12)
    np.testing.assert_allclose(model.bias, bias, rtol=1e-12)


def test_the_logged_loss_is_that_of_all_rows():
    X, Y, _ = problem()
    model = gradline.fit(X, Y, solver=SGD(lr=0.01, epochs=3, batch_size=7), holdout=0.25)
    assert model.holdout is not None
    assert [record.epoch for record in model.history] == [0, 1, 2, 3]
    assert math.isclose(model.history[-1].loss, model.training.loss, rel_tol=1e-12)
    assert math.isclose(model.history[-1].holdout, model.holdout.loss, rel_tol=1e-12)
    assert (model.training.rows, model.holdout.rows) == (45, 15)


def test_history_is_thinned_beyond_a_thousand_epochs():
    X, Y, _ = problem()
    model = gradline.fit(X, Y, solver=GradientDescent(epochs=20_000))
    epochs = [record.epoch for record in model.history]
    assert epochs[:5] == [0, 1, 2, 3, 4]
    assert epochs[-1] == 20_000
    assert len(epochs) <= 1001
    assert epochs == sorted(set(epochs))


def test_epochs_zero_evaluates_the_untrained_model():
    X, Y, _ = problem()
    model = gradline.fit(X, Y, solver=GradientDescent(lr=1e-3, epochs=0))
    assert (model.weight == 0).all()
    assert math.isclose(model.training.loss, (Y**2).mean(), rel_tol=1e-12)
    assert (model.certificate.status, model.certificate.epochs) == ("stopped", 0)


@pytest.mark.parametrize(
    ("init", "law"),
    [
        ("zeros", lambda t: (t == 0).all()),
        ("normal", lambda t: abs(t.mean()) < 0.2 and abs(t.std() - 1) < 0.2),
        ("uniform", lambda t: ((t >= 0) & (t < 1)).all() and abs(t.mean() - 0.5) < 0.1),
        ("linear", lambda t: (np.abs(t) <= 0.1).all() and np.abs(t).max() > 0.09),
    ],
)
def test_inits(init, law):
    X, Y = np.random.default_rng(0).normal(size=(200, 100)), np.zeros((200, 3))
    solver = GradientDescent(lr=1e-3, epochs=0, init=init)
    model, again = gradline.fit(X, Y, solver=solver), gradline.fit(X, Y, solver=solver)
    assert law(model.weight)
    assert (model.weight == again.weight).all()


def test_training_in_two_halves_is_training_once(tmp_path):
    data, targets = "example:crops", ["apples", "oranges"]
    once = gradline.fit(data, targets, solver=GradientDescent(lr=1e-5, epochs=100))
    half = gradline.fit(data, targets, solver=GradientDescent(lr=1e-5, epochs=50))
    half.save(tmp_path / "half.safetensors")
    reordered = ["humidity", "temp", "rainfall"]
    for start in (half, tmp_path / "half.safetensors"):
        solver = GradientDescent(lr=1e-5, epochs=50, init=start)
        rest = gradline.fit(data, targets, features=reordered, solver=solver)
        np.testing.assert_allclose(rest.weight[:, [1, 2, 0]], once.weight, rtol=1e-12)


def test_a_given_start_means_the_same_on_standardised_columns():
    X, Y, _ = problem()
    start = (np.full((2, 3), 0.3), np.array([0.1, -0.2]))
    model = gradline.fit(X, Y, solver=GradientDescent(lr=0.1, epochs=0, init=start), scale="standard")
    np.testing.assert_allclose(model.weight, start[0])
    np.testing.assert_allclose(model.bias, start[1])


def test_a_rate_above_the_limit_is_refused_and_force_stops_at_the_first_number_that_is_none():
    data, targets = "example:crops5", ["apples", "oranges"]
    with refused("rate-unstable", "1.12e-4", "16.9× per epoch", "rainfall 44 %, temp 39 %, humidity 17 %"):
        gradline.fit(data, targets, solver=GradientDescent(lr=1e-3))
    model = gradline.fit(data, targets, solver=GradientDescent(lr=1e-3, epochs=1000), force=True)
    assert model.certificate.status == "diverged"
    assert 100 < (model.certificate.diverged_at or 0) < 200
    assert np.isfinite(model.weight).all()


@pytest.mark.parametrize("epochs", [1, 2, 3, 5, 10])
def test_a_stable_rate_that_overshoots_at_first_has_not_diverged(epochs):
    solver = GradientDescent(lr=2.0e-4, momentum=0.9, epochs=epochs)
    model = gradline.fit("example:crops5", ["apples", "oranges"], solver=solver)
    assert model.certificate.status == "stopped"


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_ten_times_as_many_epochs(momentum):
    data, targets = "example:crops", ["apples", "oranges"]
    short, long = (
        gradline.fit(data, targets, solver=GradientDescent(lr=1e-5, epochs=epochs, momentum=momentum))
        for epochs in (100, 1000)
    )
    assert math.isclose(short.certificate.tenfold_loss or 0, long.training.loss, rel_tol=1e-9)


@pytest.mark.parametrize("number", [float, np.float32, np.float64])
def test_numbers_of_any_library(number):
    X, Y, _ = problem()
    whole: Any = np.int64(3)
    model = gradline.fit(X, Y, solver=GradientDescent(lr=number(0.01), epochs=whole, momentum=number(0.5)))
    assert model.certificate.epochs == 3


def test_momentum_raises_the_limit():
    data, targets = "example:crops5", ["apples", "oranges"]
    fine = gradline.fit(data, targets, solver=GradientDescent(lr=2.0e-4, momentum=0.9))
    assert fine.training.loss < 1000
    with refused("rate-unstable", "2.12e-4", "0.9"):
        gradline.fit(data, targets, solver=GradientDescent(lr=2.2e-4, momentum=0.9))


def test_sgd_between_its_mean_square_limit_and_the_full_batch_limit_warns():
    data, targets = "example:crops", ["apples", "oranges"]
    with warned("rate-above-noise-limit", "6.92e-5"):
        gradline.fit(data, targets, solver=SGD(lr=8e-5, batch_size=1, epochs=1))
    with refused("rate-unstable", "update"):
        gradline.fit(data, targets, solver=SGD(lr=2e-4, batch_size=1))


def test_the_mean_square_limit():
    from gradline.data.inputs import as_rows
    from gradline.data.selection import Selection
    from gradline.solvers.problem import Problem, Scaling
    from gradline.solvers.sgd import mean_square_limit

    X, Y, _ = problem()
    rows = as_rows(Selection(X, Y)).rows
    whole = Problem.of(Moments.from_rows(rows), rows, True, Scaling.none(3))
    limits = [mean_square_limit(whole, b) for b in (1, 4, 16, 60)]
    # By its definition: the largest lr with 2H − lr·[H² + (n − b)/(b(n − 1))·(M − H²)] positive semidefinite.
    A, n, m = np.column_stack([np.ones(60), X]), 60, 2
    H, M = 2 / m * A.T @ A / n, 4 / m**2 * (A * (A**2).sum(axis=1)[:, None]).T @ A / n
    for b, limit in zip((1, 4, 16), limits, strict=False):
        noise = H @ H + (n - b) / (b * (n - 1)) * (M - H @ H)
        margins = [np.linalg.eigvalsh(2 * H - lr * noise)[0] for lr in (limit * 0.999, limit * 1.001)]
        assert margins[0] > 0 > margins[1]
    assert limits == sorted(limits)
    assert math.isclose(limits[-1], whole.spectrum.lr_limit(), rel_tol=1e-12)


def hessians(X, w, bias, targets):
    """On standardised columns: H of the loss over all rows, and the mean of H² over single rows."""
    Z = X - np.average(X, axis=0, weights=w) if bias else X
    Z = Z / np.sqrt(np.average(Z**2, axis=0, weights=w))
    A, share = np.column_stack([np.ones(len(Z)), Z]) if bias else Z, (w / w.sum())[:, None]
    return 2 / targets * A.T @ (share * A), 4 / targets**2 * A.T @ (share * (A**2).sum(axis=1)[:, None] * A)


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize(("batch_size", "momentum"), [(1, 0.0), (8, 0.0), (8, 0.9), (60, 0.5)])
def test_the_rate_that_mini_batches_begin_with(batch_size, momentum, weighted, bias):
    """Half of the largest lr with lr·[H² + noise·(M − H²)] ≼ 2H, at most half of 2/λmax, times 1 − momentum."""
    X, Y, w = problem()
    solver = SGD(lr="auto", epochs=1, batch_size=batch_size, momentum=momentum)
    model = gradline.fit(X, Y, solver=solver, weights=w if weighted else None, bias=bias)
    H, M = hessians(X, w if weighted else np.ones(len(X)), bias, 2)
    noise = (60 - batch_size) / (batch_size * 59)
    limit = 1 / scipy.linalg.eigh(H @ H + noise * (M - H @ H), 2 * H, eigvals_only=True).max()
    limit = min(limit, 2 / np.linalg.eigvalsh(H)[-1])
    assert model.settings["lr"] == pytest.approx(limit / 2 * (1 - momentum), rel=1e-9)
    assert model.settings["decay"] == "linear"


def test_a_batch_above_the_rows_is_one_batch_and_says_so():
    X, Y, _ = problem()
    with warned("batch-above-rows"):
        model = gradline.fit(X, Y, solver=SGD(lr=1e-3, batch_size=1000, epochs=5))
    full = gradline.fit(X, Y, solver=GradientDescent(lr=1e-3, epochs=5))
    np.testing.assert_allclose(model.weight, full.weight, rtol=1e-10)


def test_moments_hold_no_rows_for_mini_batches():
    with refused("rows-needed"):
        gradline.fit(Moments.of("example:crops", "apples", exclude=["oranges"]), solver=SGD())


@pytest.mark.parametrize(
    ("solver", "settings", "code"),
    [
        (GradientDescent, {"lr": 0}, "lr-invalid"),
        (GradientDescent, {"lr": -1e-3}, "lr-invalid"),
        (GradientDescent, {"lr": math.nan}, "lr-invalid"),
        (GradientDescent, {"lr": math.inf}, "lr-invalid"),
        (GradientDescent, {"lr": "fast"}, "lr-invalid"),
        (GradientDescent, {"epochs": -1}, "epochs-invalid"),
        (GradientDescent, {"epochs": 1.5}, "epochs-invalid"),
        (GradientDescent, {"momentum": -0.1}, "momentum-invalid"),
        (GradientDescent, {"momentum": 1.1}, "momentum-invalid"),
        (GradientDescent, {"init": "ones"}, "init-invalid"),
        (SGD, {"batch_size": 0}, "batch-size-invalid"),
        (SGD, {"decay": "cosine"}, "decay-invalid"),
        (SGD, {"dtype": "half"}, "dtype-invalid"),
        (SGD, {"dtype": np.float32}, "dtype-invalid"),
    ],
)
def test_settings_outside_their_range_are_refused(solver, settings, code):
    with refused(code):
        solver(**settings)
