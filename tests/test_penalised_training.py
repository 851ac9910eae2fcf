"""Training with a penalty: it arrives where the answer at once is, and what is said of it on the way is true."""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from refusals import refused

import gradline
from gradline import SGD, Adam, CoordinateDescent, ElasticNet, GradientDescent, Moments, Step
from gradline.core.errors import GradlineWarning
from gradline.model.status import Status
from gradline.solvers import decayed
from gradline.solvers.problem import Problem, Scaling
from gradline.solvers.pseudo_rows import with_ridge
from gradline.solvers.sgd import mean_square_limit

PENALTIES = {
    "ridge": ElasticNet(0.3),
    "lasso": ElasticNet(0.6, 1.0),
    "elastic net": ElasticNet(0.5, 0.5),
    "none below zero": ElasticNet(positive=True),
    "lasso above zero": ElasticNet(0.3, 1.0, True),
}


def rows(n=80, p=6, m=2, seed=1):
    random = np.random.default_rng(seed)
    X = random.normal(0.5, 1, (n, p)) * [1, 2, 1, 1, 0.5, 1][:p]
    return X, X[:, :3] @ random.normal(size=(3, m)) + random.normal(size=(n, m)) + 1


def quietly(*data, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GradlineWarning)
        return gradline.fit(*data, **settings)


def objective(X, Y, weight, bias, penalty, w=None):
    """Loss and penalty by their definitions."""
    squares = ((X @ weight.T + bias - Y) ** 2).mean(axis=1)
    l1, l2 = penalty.alpha * penalty.l1_ratio, penalty.alpha * (1 - penalty.l1_ratio)
    return np.average(squares, weights=w) + l1 * np.abs(weight).sum() + l2 / 2 * (weight**2).sum()


@pytest.mark.parametrize("scale", ["none", "standard"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
@pytest.mark.parametrize("penalty", PENALTIES.values(), ids=list(PENALTIES))
def test_gradient_descent_arrives_where_coordinate_descent_does(penalty, momentum, bias, scale):
    X, Y = rows()
    w = np.random.default_rng(3).integers(1, 4, len(X)) * 1.0
    solver = GradientDescent(epochs=5000 if scale == "none" else 2000, momentum=momentum)
    case = {"penalty": penalty, "bias": bias, "scale": scale, "weights": w}
    model, best = quietly(X, Y, solver=solver, **case), quietly(X, Y, solver=CoordinateDescent(), **case)
    np.testing.assert_allclose(model.weight, best.weight, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(model.bias, best.bias, rtol=1e-8, atol=1e-8)
    assert model.certificate.status == "certified"
    assert model.certificate.zero == best.certificate.zero
    assert (model.weight[np.array(model.certificate.zero)] == 0).all()


def test_ridge_trained_has_the_certificate_of_ridge_at_once():
    X, Y = rows()
    trained, at_once = (
        quietly(X, Y, solver=solver, penalty=ElasticNet(0.3), scale="standard")
        for solver in (GradientDescent(epochs=400), gradline.Exact())
    )
    assert trained.certificate.status == at_once.certificate.status == "certified"
    assert trained.certificate.epochs == 400
    assert trained.certificate.optimal_loss == pytest.approx(at_once.certificate.optimal_loss, rel=1e-12)
    np.testing.assert_allclose(trained.weight, at_once.weight, rtol=1e-9)


@pytest.mark.parametrize("batch_size", [1, 8])
@pytest.mark.parametrize("penalty", PENALTIES.values(), ids=list(PENALTIES))
def test_mini_batches_come_near_it(penalty, batch_size):
    X, Y = rows(n=200)
    model = quietly(X, Y, solver=SGD(epochs=200, batch_size=batch_size), penalty=penalty)
    certificate = model.certificate
    assert certificate.gap < 2e-3 * certificate.optimal_loss
    weight, bias = Scaling.standard(model.moments, True).to_view(model.weight, model.bias)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    assert certificate.loss + (certificate.penalty or 0) == pytest.approx(
        objective(Z, Y, weight, bias, penalty), rel=1e-10
    )
    assert model.history[-1].loss == pytest.approx(objective(Z, Y, weight, bias, penalty), rel=1e-10)


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
def test_pseudo_rows_are_ridge(bias):
    """Value, slope and curvature of the sum, by their definitions, at any θ."""
    X, Y = rows()
    w = np.random.default_rng(3).integers(1, 4, len(X)) * 1.0
    moments, penalty = Moments.of(X, Y, weights=w), ElasticNet(0.7)
    problem = Problem.of(moments, None, bias, Scaling.none(6), penalty=penalty)
    random = np.random.default_rng(5)
    theta, h = random.normal(size=(6 + bias, 2)), 1e-6
    weight, start = theta[bias:].T, theta[0] if bias else np.zeros(2)
    assert problem.value(theta) == pytest.approx(objective(X, Y, weight, start, penalty, w), rel=1e-12)
    for place in np.ndindex(theta.shape):
        step = np.zeros_like(theta)
        step[place] = h
        slope = (problem.value(theta + step) - problem.value(theta - step)) / (2 * h)
        assert problem.gradient(theta)[place] == pytest.approx(slope, rel=1e-5, abs=1e-6)
    A = np.column_stack([np.ones(len(X)), X]) if bias else X
    H = A.T @ (A * w[:, None]) / w.sum() + np.diag([0.0] * bias + [0.7] * 6)  # m = 2 targets
    np.testing.assert_allclose(problem.spectrum.curvatures, np.sort(np.linalg.eigvalsh(H))[::-1], rtol=1e-10)
    assert with_ridge(moments, 0.0) is moments


@pytest.mark.parametrize("batch_size", [1, 5, 80])
def test_the_mean_square_limit_with_ridge(batch_size):
    """The largest lr with lr·E[(Hᵢ + C)²] ≼ 2(H + C) over batches drawn without repetition, by its definition."""
    from gradline.data.inputs import as_rows
    from gradline.data.selection import Selection

    X, Y = rows()
    given = as_rows(Selection(X, Y)).rows
    problem = Problem.of(Moments.from_rows(given), given, True, Scaling.none(6), penalty=ElasticNet(3.0))
    A, n = np.column_stack([np.ones(80), X]), 80
    C = np.diag([0.0] + [3.0] * 6)
    single = [np.outer(a, a) + C for a in A]  # 2/m is 1
    H, M = np.mean(single, axis=0), np.mean([one @ one for one in single], axis=0)
    noise = (n - batch_size) / (batch_size * (n - 1))
    whole, limit = H @ H + noise * (M - H @ H), mean_square_limit(problem, batch_size)
    margins = [np.linalg.eigvalsh(2 * H - lr * whole)[0] for lr in (limit * 0.999, limit * 1.001)]
    assert margins[0] > 0 > margins[1]


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_what_is_said_of_time_left_with_ridge_is_what_more_epochs_bring(momentum):
    X, Y = rows()
    penalty, solver = ElasticNet(0.3), GradientDescent(lr=0.005, epochs=40, momentum=momentum)
    certificate = quietly(X, Y, solver=solver, penalty=penalty).certificate
    tenfold = quietly(X, Y, solver=replace(solver, epochs=400), penalty=penalty).certificate
    assert certificate.status == "stopped"
    assert certificate.tenfold_loss == pytest.approx(tenfold.loss + (tenfold.penalty or 0), rel=1e-9)
    if not momentum:  # with it what goes on from here has no speed yet
        needed = int(certificate.epochs_to_loss or 0)
        for more, enough in ((needed, True), (needed - 1, False)):
            found = quietly(X, Y, solver=replace(solver, epochs=40 + more), penalty=penalty)
            excess = found.history[-1].loss - certificate.optimal_loss
            assert (excess <= 0.01 * certificate.optimal_loss * (1 + 1e-9)) is enough
    limit = certificate.lr_limit or 0.0
    with refused("rate-unstable"):
        quietly(X, Y, solver=replace(solver, lr=1.001 * limit), penalty=penalty)
    stable = quietly(X, Y, solver=replace(solver, lr=0.99 * limit, epochs=4000), penalty=penalty)
    assert stable.certificate.status == "certified"


def test_of_a_penalty_with_kinks_no_time_is_promised():
    X, Y = rows()
    model = quietly(X, Y, solver=GradientDescent(lr=0.005, epochs=5), penalty=ElasticNet(0.6, 1.0))
    certificate = model.certificate
    assert (certificate.status, certificate.epochs) == ("stopped", 5)
    told = (certificate.lr_limit, certificate.epochs_to_loss, certificate.tenfold_loss)
    assert told == (None, None, None)
    assert not certificate.directions
    said = model.summary().replace("\n  ", " ")
    assert "Stopped at epoch 5: the sum of loss and penalty is at most" in said


def test_a_run_that_grows_has_diverged():
    X, Y = rows()
    for epochs in (3, 4000):
        solver = GradientDescent(lr=1.0, epochs=epochs)
        model = quietly(X, Y, solver=solver, penalty=ElasticNet(0.3), force=True)
        assert model.certificate.status == "diverged"


@pytest.mark.parametrize(
    ("solver", "penalty"),
    [
        (GradientDescent(lr=0.005, epochs=5), ElasticNet(0.3)),
        (GradientDescent(lr=0.005, epochs=5, momentum=0.5), ElasticNet(0.6, 1.0)),
        (GradientDescent(lr=0.005, epochs=50, momentum=0.5, nesterov=True), ElasticNet(0.3)),
        (GradientDescent(Step(0.005), epochs=5), ElasticNet(0.3)),
        (GradientDescent(epochs=800), ElasticNet(0.6, 1.0)),
        (SGD(epochs=5, average=1), ElasticNet(0.5, 0.5)),
        (Adam(0.01, epochs=5), ElasticNet(0.3)),
        (GradientDescent(weight_decay=0.3), ElasticNet()),
    ],
    ids=str,
)
def test_an_honest_model_is_verified_and_a_moved_one_is_not(solver, penalty):
    X, Y = rows()
    model = quietly(X, Y, solver=solver, penalty=penalty)
    assert gradline.verify(model, X, Y).agrees
    certificate = model.certificate
    moved = replace(certificate, loss=certificate.loss * (1 + 1e-5))
    wrong = {"loss": moved, "epochs": replace(certificate, epochs=(certificate.epochs or 0) + 1)}
    if certificate.lr_limit is not None:
        wrong["lr_limit"] = replace(certificate, lr_limit=certificate.lr_limit * 1.001)
    else:
        wrong["lr_limit"] = replace(certificate, lr_limit=0.1)
    if certificate.status == "stopped":
        wrong["status"] = replace(certificate, status=Status.CERTIFIED)
    for name, claim in wrong.items():
        found = gradline.verify(replace(model, certificate=claim), X, Y)
        assert name in {check.name for check in found.disagreements}


def test_weight_decay_is_ridge_and_says_so():
    X, Y = rows()
    one, other = (
        quietly(X, Y, solver=GradientDescent(lr=0.01, weight_decay=decay), penalty=penalty)
        for decay, penalty in ((0.3, ElasticNet()), (0.0, ElasticNet(0.3)))
    )
    np.testing.assert_array_equal(one.weight, other.weight)
    assert one.objective == other.objective
    assert "0.15·Σw²" in one.objective
    assert one.config == other.config
    assert one.config["alpha"] == 0.3
    solver, penalty = decayed(gradline.AdamW(weight_decay=0.3), ElasticNet())
    assert penalty.is_none
    assert solver.params()["weight_decay"] == 0.3


class Elsewhere(ElasticNet):
    """A penalty that the compiled loops do not know."""

    @property
    def threshold(self) -> Any:
        return None


def test_a_penalty_of_ones_own_is_trained_by_numpy():
    X, Y = rows()
    own: Any = Elsewhere(0.6, 1.0)
    model, known = (
        quietly(X, Y, solver=SGD(epochs=4, batch_size=7), penalty=penalty)
        for penalty in (own, ElasticNet(0.6, 1.0))
    )
    np.testing.assert_allclose(model.weight, known.weight, rtol=1e-10)
