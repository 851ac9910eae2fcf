"""Rules of step 4: each takes the steps of `torch.optim`, and each linear one goes where its closed form says."""

import math
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from refusals import refused

import gradline
from gradline import (
    SGD,
    Adam,
    AdamW,
    Chebyshev,
    Cosine,
    ElasticNet,
    Exponential,
    GradientDescent,
    Moments,
    Step,
    Trajectory,
)
from gradline.core.errors import GradlineWarning
from gradline.core.permutation import keys, permutation
from gradline.solvers.schedules import stable_order

STEPS = 200
START = (np.array([[0.3, -0.2, 0.1], [0.0, 0.5, 0.4]]), np.array([0.1, -0.2]))
# A rule of PyTorch, and ours with the same settings, of which weight decay leaves out the bias.
RULES: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "sgd": (torch.optim.SGD, None, {"lr": 0.02}),
    "momentum": (torch.optim.SGD, None, {"lr": 0.02, "momentum": 0.9}),
    "dampening": (torch.optim.SGD, None, {"lr": 0.02, "momentum": 0.9, "dampening": 0.4}),
    "nesterov": (torch.optim.SGD, None, {"lr": 0.02, "momentum": 0.9, "nesterov": True}),
    "weight decay": (torch.optim.SGD, None, {"lr": 0.02, "weight_decay": 0.3}),
    "all of it": (
        torch.optim.SGD,
        None,
        {"lr": 0.02, "momentum": 0.9, "nesterov": True, "weight_decay": 0.3},
    ),
    "damped decay": (
        torch.optim.SGD,
        None,
        {"lr": 0.02, "momentum": 0.5, "dampening": 0.2, "weight_decay": 0.3},
    ),
    "adam": (torch.optim.Adam, Adam, {"lr": 0.05}),
    "amsgrad": (torch.optim.Adam, Adam, {"lr": 0.05, "betas": (0.8, 0.99), "eps": 1e-4, "amsgrad": True}),
    "adam with decay": (torch.optim.Adam, Adam, {"lr": 0.05, "weight_decay": 0.3}),
    "adamw": (torch.optim.AdamW, AdamW, {"lr": 0.05, "weight_decay": 0.1}),
    "adamw amsgrad": (torch.optim.AdamW, AdamW, {"lr": 0.05, "weight_decay": 0.1, "amsgrad": True}),
}
SCHEDULES = {
    "constant": (lambda lr: lr, lambda _: None),
    "step": (lambda lr: Step(lr, 7, 0.5), lambda opt: torch.optim.lr_scheduler.StepLR(opt, 7, 0.5)),
    "exponential": (
        lambda lr: Exponential(lr, 0.97),
        lambda opt: torch.optim.lr_scheduler.ExponentialLR(opt, 0.97),
    ),
    "cosine": (
        lambda lr: Cosine(lr, 1e-4),
        lambda opt: torch.optim.lr_scheduler.CosineAnnealingLR(opt, opt.epochs, 1e-4),
    ),
}


def rows(n=23, p=3, m=2, seed=0):
    random = np.random.default_rng(seed)
    X = random.normal(1, 1, (n, p))
    return X, X @ random.normal(size=(p, m)) + random.normal(size=(n, m)) + 1


def trained(kind, settings, schedule, batches, X, Y, clip=0.0):
    """weight and bias after each update of PyTorch over these batches of each epoch, the bias free of ridge."""
    model = torch.nn.Linear(X.shape[1], Y.shape[1]).double()
    with torch.no_grad():
        model.weight.copy_(torch.tensor(START[0][: Y.shape[1], : X.shape[1]]))
        model.bias.copy_(torch.tensor(START[1][: Y.shape[1]]))
    groups: Any = model.parameters()
    if kind is not torch.optim.AdamW:  # whose decay shrinks the bias, too
        groups = [{"params": [model.weight]}, {"params": [model.bias], "weight_decay": 0.0}]
    opt = kind(groups, **settings)
    vars(opt)["epochs"] = len(batches)
    scheduler, path = schedule(opt), []
    x, y, loss_fn = torch.tensor(X), torch.tensor(Y), torch.nn.MSELoss()
    for epoch in batches:
        for taken in epoch:
            loss_fn(model(x[taken]), y[taken]).backward()
            if clip:
                torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
            opt.step()
            opt.zero_grad()
            path.append([part.detach().numpy().copy() for part in (model.weight, model.bias)])
        if scheduler is not None:
            scheduler.step()
    return path


def quietly(X, Y, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GradlineWarning)
        return gradline.fit(X, Y, force=True, **settings)


def close(model, path, tolerance=1e-12):
    """As near as 200 roundings of each step allow: a bound that PyTorch's own sums in another order keep."""
    weight, bias = path[-1]
    np.testing.assert_allclose(model.weight, weight, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(model.bias, bias, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("rule", RULES)
def test_a_full_batch_takes_the_steps_of_pytorch(rule, schedule):
    (kind, ours, settings), (rates, theirs) = RULES[rule], SCHEDULES[schedule]
    X, Y = rows()
    solver = (ours or GradientDescent)(**{**settings, "lr": rates(settings["lr"])}, epochs=STEPS, init=START)
    path = trained(kind, settings, theirs, [[np.arange(len(X))]] * STEPS, X, Y)
    close(quietly(X, Y, solver=solver), path)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("rule", RULES)
def test_mini_batches_take_the_steps_of_pytorch(rule, schedule):
    """Five batches an epoch, the last one short, in the order that the seed draws."""
    (kind, ours, settings), (rates, theirs) = RULES[rule], SCHEDULES[schedule]
    X, Y = rows()
    epochs = STEPS // 5
    solver = (ours or SGD)(
        **{**settings, "lr": rates(settings["lr"])}, epochs=epochs, batch_size=5, seed=4, init=START
    )
    orders = [permutation(len(X), keys(4, epoch)) for epoch in range(epochs)]
    batches = [[order[i : i + 5] for i in range(0, len(X), 5)] for order in orders]
    close(quietly(X, Y, solver=solver), trained(kind, settings, theirs, batches, X, Y))


@pytest.mark.parametrize("rule", ["sgd", "momentum", "nesterov", "adam", "adamw"])
@pytest.mark.parametrize("batch_size", [None, 5])
def test_gradients_are_clipped_as_in_pytorch(rule, batch_size):
    """To half of what most of them are, so that the bound is felt in almost every step."""
    kind, ours, settings = RULES[rule]
    X, Y = rows()
    many = {} if batch_size is None else {"batch_size": batch_size, "shuffle": False}
    solver = (ours or (GradientDescent if batch_size is None else SGD))(
        **settings, **many, epochs=40, init=START, clip=0.5
    )
    order = np.arange(len(X))
    batches = [[order[i : i + (batch_size or 23)] for i in range(0, 23, batch_size or 23)]] * 40
    close(quietly(X, Y, solver=solver), trained(kind, settings, lambda _: None, batches, X, Y, 0.5))
    free = quietly(X, Y, solver=(ours or GradientDescent)(**settings, epochs=40, init=START))
    assert np.abs(free.weight - quietly(X, Y, solver=solver).weight).max() > 1e-3


@pytest.mark.parametrize("average", [0, 2])
def test_the_mean_of_the_weights_is_that_of_pytorchs_updates(average):
    X, Y = rows()
    solver = SGD(lr=0.05, momentum=0.5, epochs=6, batch_size=5, shuffle=False, init=START, average=average)
    order = np.arange(len(X))
    batches = [[order[i : i + 5] for i in range(0, 23, 5)]] * 6
    path = trained(torch.optim.SGD, {"lr": 0.05, "momentum": 0.5}, lambda _: None, batches, X, Y)
    mean = [np.mean([part[i] for part in path[5 * average :]], axis=0) for i in (0, 1)]
    close(quietly(X, Y, solver=solver), [mean])


def test_the_mean_has_less_noise_than_the_last_weights():
    """At a constant rate the noise stays, and the mean of many updates is far nearer (Polyak, Juditsky 1992)."""
    X, Y = rows(n=300)
    last, mean = (
        quietly(X, Y, solver=SGD(lr=0.05, epochs=200, batch_size=4, average=average)).certificate.gap
        for average in (None, 20)
    )
    assert mean < last / 10


LINEAR = {
    "plain": {},
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.9, "nesterov": True},
    "dampening": {"momentum": 0.9, "dampening": 0.3},
}


@pytest.mark.parametrize("alpha", [0.0, 0.5])
@pytest.mark.parametrize(
    "lr", [0.05, Step(0.05, 9, 0.5), Exponential(0.05, 0.9), Cosine(0.05, 0.001)], ids=str
)
@pytest.mark.parametrize("rule", LINEAR)
def test_the_closed_form_goes_where_the_steps_go(rule, lr, alpha):
    X, Y = rows()
    penalty, epochs = ElasticNet(alpha), 60
    model = quietly(
        X, Y, solver=GradientDescent(lr, epochs=epochs, init=START, **LINEAR[rule]), penalty=penalty
    )
    lr = lr if isinstance(lr, float) else lr.resolved(epochs, 0.0)
    path = Trajectory(Moments.of(X, Y), lr, init=START, penalty=penalty, **LINEAR[rule])
    for record in model.history:
        assert math.isclose(path.at(record.epoch).loss, record.loss, rel_tol=1e-10)
    end = path.at(epochs)
    np.testing.assert_allclose(end.weight, model.weight, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(end.bias, model.bias, rtol=1e-10, atol=1e-10)
    if epochs == 60 and isinstance(lr, float):
        assert math.isclose(path.at(600).loss, model.certificate.tenfold_loss or 0.0, rel_tol=1e-9)


@pytest.mark.parametrize("lr", [0.05, Step(0.05, 9, 0.5)], ids=str)
@pytest.mark.parametrize("rule", LINEAR)
def test_the_closed_form_of_pytorchs_own_weight_decay(rule, lr):
    """That of all parameters, the bias among them, along directions that the data leave open as well."""
    X, Y = rows()
    X[:, 2] = X[:, 0] - X[:, 1]
    model = torch.nn.Linear(3, 2).double()
    with torch.no_grad():
        model.weight.copy_(torch.tensor(START[0]))
        model.bias.copy_(torch.tensor(START[1]))
    opt = torch.optim.SGD(model.parameters(), lr=0.05, weight_decay=0.2, **LINEAR[rule])
    scheduler = None if isinstance(lr, float) else torch.optim.lr_scheduler.StepLR(opt, 9, 0.5)
    for _ in range(50):
        torch.nn.functional.mse_loss(model(torch.tensor(X)), torch.tensor(Y)).backward()
        opt.step()
        opt.zero_grad()
        if scheduler is not None:
            scheduler.step()
    path = Trajectory(Moments.of(X, Y), lr, init=START, weight_decay=0.2, **LINEAR[rule]).at(50)
    np.testing.assert_allclose(path.weight, model.weight.detach().numpy(), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(path.bias, model.bias.detach().numpy(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("rule", LINEAR)
def test_the_limit_of_each_rule_is_where_errors_begin_to_grow(rule):
    X, Y = rows()
    limit = Trajectory(Moments.of(X, Y), 0.01, **LINEAR[rule]).lr_limit
    for share, grows in ((0.99, False), (1.01, True)):
        path = Trajectory(Moments.of(X, Y), share * limit, **LINEAR[rule])
        assert (path.at(2000).gap > path.at(1000).gap) is grows
    with refused("rate-unstable"):
        gradline.fit(X, Y, solver=GradientDescent(1.01 * limit, **LINEAR[rule]))
    stable = quietly(X, Y, solver=GradientDescent(0.99 * limit, **LINEAR[rule]))
    assert stable.certificate.lr_limit == pytest.approx(limit, rel=1e-12)


@pytest.mark.parametrize("epochs", [1, 5, 40])
@pytest.mark.parametrize("rule", ["nesterov", "dampening"])
def test_the_rate_left_to_gradline_is_the_best_of_many(rule, epochs):
    X, Y = rows()
    model = quietly(X, Y, solver=GradientDescent(epochs=epochs, **LINEAR[rule]))
    limit = model.settings["lr"]
    tried = [
        quietly(X, Y, scale="standard", solver=GradientDescent(float(lr), epochs=epochs, **LINEAR[rule]))
        for lr in limit * np.geomspace(0.2, 4, 60)
    ]
    optimal = model.certificate.optimal_loss
    least = min(one.certificate.loss for one in tried if one.certificate.status != "diverged")
    assert model.certificate.loss - optimal <= 1.01 * (least - optimal) + 1e-12 * optimal


@pytest.mark.parametrize("count", [*range(1, 40), 97, 128, 243, 1000])
def test_chebyshevs_order_holds_every_root_once(count):
    assert sorted(stable_order(count)) == list(range(count))


@pytest.mark.parametrize("count", [1, 2, 7, 30, 64, 97])
def test_chebyshevs_rates_leave_what_they_guarantee_and_no_more(count):
    """Over all curvatures between the two the largest error left is 1/T_N(x), by its definition cosh(N·arccosh x)."""
    low, high = 0.01, 3.0
    rates = Chebyshev(low, high, count)
    curvatures = np.concatenate([np.linspace(low, high, 20_001), np.geomspace(low, high, 20_001)])
    left, worst = np.ones_like(curvatures), 0.0
    for lr in rates.rates(0, count):
        left = left * (1 - lr * curvatures)
        worst = max(worst, float(np.abs(left).max()))
    factor = 1 / np.cosh(count * np.arccosh((high + low) / (high - low)))
    assert np.abs(left).max() == pytest.approx(factor, rel=1e-6)
    assert rates.factor == pytest.approx(factor, rel=1e-12)
    assert worst < 10 * high / low  # the size of one step at the lowest rate, which no order avoids


def test_the_order_of_chebyshevs_rates_is_what_keeps_them_stable():
    """In falling order they leave the numbers behind, for the same product."""
    X, Y = rows(n=60)
    X = X * [1.0, 10.0, 0.5]
    whole = quietly(X, Y, solver=GradientDescent(Chebyshev(), epochs=512), scale="none")
    assert whole.certificate.gap < 1e-12 * whole.certificate.optimal_loss
    spectrum = Trajectory(Moments.of(X, Y), 1e-9).spectrum
    rates = np.sort(Chebyshev(spectrum.smallest, spectrum.largest, 512).rates(0, 512))[::-1]
    A, theta = np.column_stack([np.ones(60), X]), np.zeros((4, 2))
    with np.errstate(over="ignore", invalid="ignore"):
        for lr in rates:
            theta = theta - lr * 2 / Y.size * A.T @ (A @ theta - Y)
    assert not np.abs(theta[1:].T - whole.weight).max() < 1.0


def test_no_constant_rate_does_as_well_as_chebyshevs():
    X, Y = rows(n=60)
    X = X * [1.0, 5.0, 0.3]
    best = quietly(X, Y, solver=GradientDescent(Chebyshev(), epochs=40), scale="none")
    others = [
        quietly(X, Y, solver=GradientDescent(float(lr), epochs=40)).certificate.gap
        for lr in np.linspace(0.1, 1, 10) * Trajectory(Moments.of(X, Y), 1e-9).lr_limit
    ]
    told = next(notice.text for notice in best.notices if notice.code == "chebyshev-guarantee")
    assert "no other 40 rates guarantee less" in told
    assert best.certificate.gap < min(others) / 10


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (lambda: GradientDescent(nesterov=True), "nesterov-without-momentum"),
        (lambda: GradientDescent(momentum=0.9, dampening=0.1, nesterov=True), "nesterov-without-momentum"),
        (lambda: GradientDescent(momentum=0.9, dampening=1.0), "dampening-invalid"),
        (lambda: SGD(weight_decay=-1.0), "weight-decay-invalid"),
        (lambda: SGD(clip=-1.0), "clip-invalid"),
        (lambda: SGD(average=-1), "average-invalid"),
        (lambda: SGD(Step(), decay="linear"), "decay-invalid"),
        (lambda: SGD(Chebyshev()), "chebyshev-alone"),
        (lambda: Adam(Chebyshev()), "chebyshev-alone"),
        (lambda: Adam(betas=(0.9, 1.0)), "betas-invalid"),
        (lambda: Adam(betas=0.9), "betas-invalid"),  # type: ignore[arg-type]
        (lambda: Adam(eps=0.0), "eps-invalid"),
        (lambda: Adam(batch_size=0), "batch-size-invalid"),
        (lambda: Step(-1.0), "lr-invalid"),
        (lambda: Step(step_size=0), "step-size-invalid"),
        (lambda: Exponential(gamma=1.5), "gamma-invalid"),
        (lambda: Cosine(0.1, eta_min=0.2), "eta-min-invalid"),
        (lambda: Cosine(epochs=0), "epochs-invalid"),
        (lambda: Chebyshev(lowest=0.0), "curvature-invalid"),
    ],
)
def test_settings_outside_their_range_are_refused(made, code):
    with refused(code):
        made()


@pytest.mark.parametrize(
    ("solver", "code"),
    [
        (GradientDescent(Chebyshev(), momentum=0.5), "chebyshev-alone"),
        (GradientDescent(Chebyshev(), clip=1.0), "chebyshev-alone"),
        (GradientDescent(Chebyshev(epochs=7), epochs=8), "chebyshev-epochs"),
        (GradientDescent(Chebyshev(3.0, 2.0)), "curvature-invalid"),
        (GradientDescent(Step(10.0)), "rate-unstable"),
        (SGD(Cosine(10.0)), "rate-unstable"),
    ],
)
def test_rules_that_the_data_do_not_bear_are_refused(solver, code):
    X, Y = rows()
    with refused(code):
        gradline.fit(X, Y, solver=solver)


@pytest.mark.parametrize(
    "solver",
    [GradientDescent(Step(), epochs=500), SGD(Cosine(), epochs=200), Adam("auto", epochs=500)],
    ids=str,
)
def test_a_schedule_whose_rate_is_left_to_gradline_arrives(solver):
    X, Y = rows(n=60)
    model = quietly(X, Y, solver=solver)
    assert model.scale == "standard"
    assert model.certificate.gap < 1e-2 * model.certificate.optimal_loss


@pytest.mark.parametrize(("first", "second"), [(0, 17), (17, 40)])
def test_a_schedule_goes_on_where_it_was(first, second):
    """Its rates are those of the epochs, wherever one begins to ask."""
    for lr in (Step(0.1, 7), Exponential(0.1), Cosine(0.1, epochs=40), Chebyshev(0.1, 2.0, 40)):
        whole = lr.rates(0, 40)
        np.testing.assert_array_equal(lr.rates(first, second - first), whole[first:second])
        assert whole[0] == lr.lr


def test_a_path_at_rates_that_change_says_what_it_cannot():
    X, Y = rows()
    path = Trajectory(Moments.of(X, Y), Step(0.05, 9))
    with refused("rates-change"):
        path.epochs_to_loss()
    with refused("epoch-invalid"):
        path.at(10**8)
    with refused("lr-invalid"):
        Trajectory(Moments.of(X, Y), Cosine())
    with refused("penalty-without-path"):
        Trajectory(Moments.of(X, Y), 0.1, penalty=ElasticNet(1.0, 1.0))
