"""The page's mistakes, five steps and mini-batches are those of loops in PyTorch and NumPy over the rows."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from known import known
from page_cases import CASES, Case, Page, close, on_view, opened, rows

from gradline.solvers.spectrum import Spectrum

ALL = pytest.mark.parametrize("name", CASES)


def tensors(point):
    """Weight and bias as leaves that ask for gradients."""
    return [torch.tensor(np.array(point[name], float), requires_grad=True) for name in ("weight", "bias")]


def mean_square(X, Y, w, weight, bias):
    """The loss as a loop computes it, with rows that count w times."""
    error = torch.tensor(X) @ weight.T + bias - torch.tensor(Y)
    return (torch.tensor(w)[:, None] * error**2).sum() / (Y.shape[1] * w.sum())


@ALL
@pytest.mark.needs("node")
def test_the_problem_is_that_of_the_rows(name):
    page = opened(name)
    X, Y, w = rows(page)
    optimum = {key: page.state["optimum"][key] for key in ("weight", "bias")}
    for view, scaling in page.scalings.items():
        spectrum = Spectrum.of(scaling.moments(page.moments), page.model.has_bias)
        lr = 2.5 * spectrum.lr_limit(0.7)
        points = [page.start(8), optimum]
        [got] = page.ask({"what": "problem", "view": view, "lr": lr, "momentum": 0.7, "points": points})
        close(got["lrLimit"], spectrum.lr_limit(0.7))
        close(got["bestLr"], spectrum.best_lr(0.7))
        close(got["growth"], spectrum.growth(lr, 0.7))
        assert [(part["name"], part["share"]) for part in got["shares"]] == spectrum.shares()
        assert got["columns"] == [spectrum.columns(i) for i in range(len(spectrum.curvatures))]
        scaled = (X - scaling.center) / scaling.scale
        first, last = got["points"]
        weight, bias = tensors(on_view(page, view, points[0]))
        loss = mean_square(scaled, Y, w, weight, bias)
        loss.backward()
        close(first["loss"], loss.item())
        close(first["gradient"]["weight"], weight.grad)
        close(first["gradient"]["bias"], known(bias.grad) * page.model.has_bias)
        close(first["raw"]["weight"], points[0]["weight"])
        close(first["raw"]["bias"], points[0]["bias"])
        # Along the directions the loss rises by λ/2 times the squared distance from the optimum.
        rise = sum(
            c / 2 * np.square(row).sum()
            for c, row in zip(spectrum.curvatures, first["coordinates"], strict=True)
        )
        close(first["loss"] - last["loss"], rise)


def the_loop(page, view, kind, lr, momentum, start, epochs):
    """The loop in PyTorch with a mistake: yields weight, bias, the loss of all rows, and what it prints."""
    X, Y, w = rows(page)
    X, Y = (np.repeat(part, w.astype(int), axis=0) for part in (X, Y))  # a weight of 2 is the row twice
    X, Y = torch.tensor((X - page.scalings[view].center) / page.scalings[view].scale), torch.tensor(Y)
    weight, bias = tensors(on_view(page, view, start))
    optimizer = torch.optim.SGD([weight, bias] if page.model.has_bias else [weight], lr=lr, momentum=momentum)
    targets = Y[:, 0] if kind == "pairs" else Y
    shown = None
    for _ in range(epochs):
        predictions = X @ weight.T + bias
        loss = ((predictions - targets) ** 2).mean()
        right = ((predictions - Y) ** 2).mean().item()
        stale = kind == "stale_loss" and shown is not None
        yield (
            weight.detach().numpy().copy(),
            bias.detach().numpy().copy(),
            right,
            shown if stale else loss.item(),
        )
        shown = loss.item()
        loss.backward()
        optimizer.step()
        if kind != "forgotten_zero_grad":
            optimizer.zero_grad()


@pytest.mark.needs("node")
@pytest.mark.parametrize("name", ["crops", "iphone", "penguins", "weights", "deficient", "one without bias"])
@pytest.mark.parametrize("momentum", [0.0, 0.6])
def test_a_mistake_leads_where_the_loop_goes(name, momentum):
    page, epochs = opened(name), 25
    kinds = ["forgotten_zero_grad", "stale_loss", *(["pairs"] if page.moments.m == 1 else [])]
    start, told = page.start(9), []
    for view, kind in itertools.product(page.scalings, [*kinds, None]):
        lr = page.path(view, 1.0, momentum, start).best_lr / 3
        told.append({"view": view, "kind": kind, "lr": lr, "momentum": momentum, "start": start})
    known, *answers = page.ask(
        {"what": "mistakes"}, *({"what": "path", **one, "epochs": list(range(epochs))} for one in told)
    )
    assert known == kinds
    for one, answer in zip(told, answers, strict=True):
        for got, (weight, bias, loss, shown) in zip(
            answer["points"], the_loop(page, epochs=epochs, **one), strict=True
        ):
            weight, bias = page.scalings[one["view"]].to_raw(weight, bias)
            close(got["weight"], weight)
            close(got["bias"], bias)
            close(got["loss"], loss)
            close(got["shown"], shown)
            close(got["gap"] + page.state["optimum"]["loss"], loss)


@pytest.mark.needs("node")
def test_a_forgotten_reset_with_momentum_runs_away_at_every_rate():
    page = opened("iphone")
    told = {"view": "standardised", "momentum": 0.5, "start": page.start(1), "kind": "forgotten_zero_grad"}
    answers = page.ask(*({"what": "path", **told, "lr": lr, "epochs": [10**5]} for lr in (1e-3, 1e-1)))
    for answer in answers:
        [point] = answer["points"]
        assert point["log10Loss"] > 10
        assert answer["toLoss"] == answer["toWeights"] == "Infinity"


def five_steps_by_autograd(page, view, lr, momentum, start, epoch) -> Any:
    """The steps after `epoch` updates: X on the view, weight and bias before and after, with .grad, and the loss."""
    X, Y, w = rows(page)
    scaled = (X - page.scalings[view].center) / page.scalings[view].scale
    weight, bias = tensors(on_view(page, view, start))
    optimizer = torch.optim.SGD([weight, bias] if page.model.has_bias else [weight], lr=lr, momentum=momentum)
    while True:
        weight.grad = bias.grad = None
        before = [part.detach().numpy().copy() for part in (weight, bias)]
        loss = mean_square(scaled, Y, w, weight, bias)
        loss.backward()
        optimizer.step()
        if epoch == 0:
            return scaled, before, (weight, bias), loss.item()
        epoch -= 1


def loss_moved(page, scaled, before, target, way):
    """The loss of all rows where one target's parameters, the bias first if there is one, are `way` further."""
    _, Y, w = rows(page)
    weight, bias = (part.copy() for part in before)
    first = int(page.model.has_bias)
    weight[target] += way[first:]
    bias[target] += way[:first].sum()
    return mean_square(scaled, Y, w, torch.tensor(weight), torch.tensor(bias)).item()


@ALL
@pytest.mark.needs("node")
@pytest.mark.parametrize("epoch", [0, 25])
def test_the_parts_of_a_step_are_what_each_nudge_does_to_the_loss(name, epoch):
    """Each by the loss of all rows where only that parameter, or that direction, of one target has moved."""
    page, start = opened(name), opened(name).start(11)
    target, first = page.moments.m - 1, int(page.model.has_bias)
    for view in page.scalings:
        lr = page.path(view, 1.0, 0.5, start).best_lr / 2
        told = {"view": view, "lr": lr, "momentum": 0.5, "start": start, "epoch": epoch}
        [got] = page.ask({"what": "nudges", **told, "target": target})
        scaled, before, after, loss = five_steps_by_autograd(page, **told)
        now, then = (
            np.concatenate([bias[target : target + first], weight[target]])
            for weight, bias in (before, [part.detach().numpy() for part in after])
        )
        nudge = then - now
        vectors = np.array(page.state["views"][view]["vectors"])
        ways = [nudge, *(nudge * np.eye(len(nudge))), *((vectors @ nudge)[:, None] * vectors)]
        changes = [loss_moved(page, scaled, before, target, way) - loss for way in ways]
        parts = [got["total"], *got["alone"], *got["directions"]]
        np.testing.assert_allclose(parts, changes, rtol=1e-6, atol=1e-11 * loss)
        np.testing.assert_allclose(sum(got["alone"]) + got["interplay"], got["total"], atol=1e-11 * loss)


@ALL
@pytest.mark.needs("node")
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_the_five_steps_are_those_of_autograd(name, momentum):
    page, start, asked = opened(name), opened(name).start(10), []
    for view, (epoch, target) in itertools.product(page.scalings, [(0, 0), (25, page.moments.m - 1)]):
        lr = page.path(view, 1.0, momentum, start).best_lr / 4
        told = {"view": view, "lr": lr, "momentum": momentum, "start": start, "epoch": epoch}
        asked.append({"what": "steps", **told, "target": target})
    for told, got in zip(asked, page.ask(*asked), strict=True):
        target = told["target"]
        told = {key: told[key] for key in ("view", "lr", "momentum", "start", "epoch")}
        scaled, before, after, loss = five_steps_by_autograd(page, **told)
        close(got["loss"], loss)
        for key, was, now in zip(("weight", "bias"), before, after, strict=True):
            is_used = key == "weight" or page.model.has_bias
            close(got["gradient"][key], now.grad[target] * is_used)
            close(got["update"]["before"][key], was[target])
            close(got["update"]["after"][key], now.detach()[target])
            close(got["update"]["velocity"][key], (was - now.detach().numpy())[target] / told["lr"], 1e-6)
        predictions, y = scaled @ before[0][target] + before[1][target], rows(page)[1][:, target]
        assert len(got["rows"]) == min(5, len(y))
        for row, shown in enumerate(got["rows"]):
            close(shown["x"], scaled[row])
            assert shown["y"] == y[row]
            close(shown["prediction"], predictions[row])
            close(shown["residual"], predictions[row] - y[row])


def descended(X, Y, w, theta, order, size, lr, momentum):
    """θ (q, m) after one epoch of batches in this order, by NumPy."""
    velocity = np.zeros_like(theta)
    for first in range(0, len(order), size):
        rows = order[first : first + size]
        residual = w[rows, None] * (X[rows] @ theta - Y[rows])
        velocity = momentum * velocity + 2 * X[rows].T @ residual / (Y.shape[1] * w[rows].sum())
        theta = theta - lr * velocity
    return theta


@pytest.mark.needs("node")
@pytest.mark.parametrize("view", ["raw", "standardised"])
@pytest.mark.parametrize(("bias", "size", "updates"), [(True, 1, 4), (False, 3, 2)])
def test_each_path_of_batches_is_an_order_of_the_rows(view, bias, size, updates):
    """Four rows: 24 orders, each of which comes; in batches of three only the choice of the last row matters."""
    random = np.random.default_rng(11)
    X, Y, w = random.normal(2, 1, (4, 2)), random.normal(size=(4, 2)), np.array([1.0, 2.0, 0.5, 3.0])
    page = Page.of(Case(X, Y, {"weights": w, "bias": bias}))
    start, lr, momentum = page.start(12), 0.05, 0.5
    told = {"view": view, "lr": lr, "momentum": momentum, "start": start, "epochs": 2, "seed": 3}
    [paths] = page.ask({"what": "batches", **told, "batch": size, "paths": 300})
    scaling, begin = page.scalings[view], on_view(page, view, start)
    A = (X - scaling.center) / scaling.scale
    A = np.column_stack([np.ones(4), A]) if bias else A
    theta = np.vstack([begin["bias"], begin["weight"].T]) if bias else begin["weight"].T
    ends = [
        descended(A, Y, w, theta, list(order), size, lr, momentum)
        for order in itertools.permutations(range(4))
    ]
    found = set()
    for path in paths:
        assert path["updates"] == updates
        assert len(path["steps"]) == 2 * updates + 1
        first, last, _ = path["points"]
        close(first["weight"], start["weight"])
        for epoch in (0, 1):  # the ghost is the step that comes
            close(path["next"][epoch]["weight"], path["steps"][epoch * updates + 1]["weight"])
        end = on_view(page, view, last)
        got = np.vstack([end["bias"], end["weight"].T]) if bias else end["weight"].T
        assert min(np.abs(got - end).max() for end in ends) < 1e-12
        found.add(round(float(got[0, 0]), 9))
        close(last["loss"], mean_square(X, Y, w, *tensors(last)).item())
        close(last["gap"] + page.state["optimum"]["loss"], last["loss"])
    assert found == {round(float(end[0, 0]), 9) for end in ends}


@pytest.mark.needs("node")
@pytest.mark.parametrize("name", ["crops", "weights", "no bias"])
def test_a_batch_of_all_rows_is_the_full_batch(name):
    page = opened(name)
    start = page.start(13)
    for view in page.scalings:
        lr = page.path(view, 1.0, 0.3, start).best_lr / 2
        told = {"view": view, "lr": lr, "momentum": 0.3, "start": start}
        batches = {"what": "batches", **told, "batch": page.moments.rows, "epochs": 12, "paths": 3, "seed": 0}
        paths, full = page.ask(batches, {"what": "path", **told, "epochs": list(range(13))})
        for path in paths:
            assert not path["diverges"]
            for got, expected in zip(path["points"], full["points"], strict=True):
                close(got["weight"], expected["weight"])
                close(got["bias"], expected["bias"])
                close(got["loss"], expected["loss"])


@pytest.mark.needs("node")
def test_a_path_of_batches_ends_where_numbers_do():
    page = opened("crops")
    told = {"view": "raw", "lr": 1.0, "momentum": 0, "start": page.start(1), "batch": 4, "seed": 0}
    [paths] = page.ask({"what": "batches", **told, "epochs": 500, "paths": 2})
    for path in paths:
        losses = [point["loss"] for point in path["points"]]
        assert 1 < len(losses) < 500
        assert np.isfinite(losses).all()
        assert path["diverges"]
    [[path]] = page.ask({"what": "batches", **told, "lr": 3e-4, "epochs": 3, "paths": 1})
    first, *_, last = (point["loss"] for point in path["points"])
    assert len(path["points"]) == 4
    assert last > 10 * first
    assert path["diverges"]  # long before


@ALL
@pytest.mark.needs("node")
def test_the_plane_is_a_cut_through_the_loss(name):
    """Moved within the plane, the loss rises by the bowl's height; the window holds every path that is stable."""
    page, random = opened(name), np.random.default_rng(17)
    for view, target in itertools.product(page.scalings, range(page.moments.m)):
        told = {"what": "plane", "view": view, "target": target, "start": page.start(18)}
        [blank] = page.ask({**told, "places": []})
        if blank is None:
            assert page.moments.p == 1
            continue
        spread = np.array(blank["window"])
        places = (np.array(blank["center"]) + spread * random.uniform(-1, 1, (5, 2))).tolist()
        [got] = page.ask({**told, "places": [*places, blank["center"]]})
        close(got["at"], [*places, blank["center"]], 1e-8)
        *losses, floor = got["losses"]
        scale = max(losses)
        np.testing.assert_allclose(
            np.array(losses) - floor, got["heights"][:-1], atol=1e-9 * scale, rtol=1e-7
        )
        assert (np.abs(np.array(got["start"]) - blank["center"]) <= spread).all()
