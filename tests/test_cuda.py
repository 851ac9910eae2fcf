"""The engine cuda, by the same code on PyTorch's CPU: bounds that hold, the same updates, tensors as they lie."""

from typing import Any

import numpy as np
import pytest
import torch
from refusals import refused

import gradline
from gradline.data.row_block import RowBlock
from gradline.engines import engine_of
from gradline.engines.cuda import Cuda
from gradline.moments.exact_sums import exact_sums
from gradline.moments.gram import summed_on

DEVICE = Cuda(device="cpu")


def rows(n=30_000, p=11, m=2, seed=4):
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, p)) + 100.0 * np.arange(p)
    return X, X @ random.normal(size=(p, m)) + random.normal(size=(n, m))


@pytest.mark.parametrize("n", [1, 255, 256, 257, 5000])
@pytest.mark.parametrize("weighted", [False, True])
def test_sums_are_right_to_what_they_say(n, weighted):
    """A product passes `chain` roundings at most, and twelve more of the shift and the weight; the rest are pairs."""
    X, Y = rows(n, 3, 1)
    w = np.random.default_rng(1).random(n) + 0.5 if weighted else None
    found = summed_on(DEVICE)(RowBlock(X, Y, w))
    block = RowBlock(X - found.shift[:3], Y - found.shift[3:], w)
    truth = exact_sums(block).products.over(_one())
    i, j = np.triu_indices(5)
    products = np.zeros((5, 5))
    products[i, j] = truth.hi
    sizes = np.sqrt(np.diag(products)[1:])
    off = np.abs(np.triu(found.products.hi) - products[1:, 1:])
    assert (off <= (found.chain + 12) * 2.0**-53 * np.outer(sizes, sizes)).all()
    both = np.hstack([X, Y])
    assert (found.low == both.min(axis=0)).all()
    assert (found.high == both.max(axis=0)).all()


def _one():
    from gradline.core.linalg.dyadic import Dyadic

    return Dyadic(np.array(1, object), np.array(0))


def test_the_bounds_of_a_fit_hold_and_rows_have_their_fingerprint():
    X, Y = rows()
    truth = gradline.fit(gradline.Moments.of(X, Y, extended=True))
    for data in ((X, Y), (torch.from_numpy(X), torch.from_numpy(Y))):
        model = gradline.fit(*data, engine=DEVICE)
        assert model.certificate.status == "certified"
        assert (np.abs(model.weight - truth.weight) <= model.certificate.weight_error).all()
        assert model.moments.statistics.mark == truth.moments.statistics.mark
        assert model.moments.statistics.missing == {}
        assert gradline.verify(model, X, Y)


def test_small_tables_and_columns_far_apart_are_refined_as_anywhere(tmp_path):
    X, Y = rows(300, 3, 1)
    X[0] = 1e9  # far from all others, so that a shift near the mean of a few rows will not do
    for n in (300, 20):
        here = gradline.fit(X[:n], Y[:n])
        there = gradline.fit(torch.from_numpy(X[:n]), torch.from_numpy(Y[:n]), engine=DEVICE)
        assert there.certificate == here.certificate
    there.save(tmp_path / "m.safetensors")
    assert (gradline.load(tmp_path / "m.safetensors").weight == here.weight).all()
    many = np.vstack([X, rows(40_000, 3, 1)[0]])
    y = many.sum(axis=1)
    assert (
        gradline.fit(torch.from_numpy(many), torch.from_numpy(y), engine=DEVICE).certificate.status
        == "certified"
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"lr": "auto", "batch_size": 64},
        {"lr": "auto", "batch_size": 1000, "momentum": 0.9, "nesterov": True, "average": 1},
        {"lr": 1e-7, "batch_size": 7, "momentum": 0.5, "dampening": 0.1, "shuffle": False, "decay": "linear"},
    ],
)
@pytest.mark.parametrize("bias", [True, False])
def test_mini_batches_are_those_of_this_processor(settings, bias):
    """The same batches in the same order, so coefficients differ by rounding alone."""
    X, Y = rows(2000, 4)
    solver = gradline.SGD(epochs=3, seed=5, **settings)
    here = gradline.fit(X, Y, solver=solver, bias=bias)
    for data in ((X, Y), (torch.from_numpy(X), torch.from_numpy(Y))):
        there = gradline.fit(*data, solver=solver, bias=bias, engine=DEVICE)
        assert there.certificate.status == here.certificate.status
        assert there.weight == pytest.approx(here.weight, rel=1e-9, abs=1e-9)
        assert there.bias == pytest.approx(here.bias, rel=1e-9, abs=1e-9)


def test_what_a_device_does_not_do_is_done_here():
    """Adam, clipping, kinks and float32 go the way of all rows, whatever the engine."""
    X, Y = rows(500, 3, 1)
    options: Any
    for options in (
        {"solver": gradline.Adam(0.1, epochs=2, batch_size=50)},
        {"solver": gradline.SGD(lr="auto", epochs=2, batch_size=50, clip=1.0)},
        {"solver": gradline.SGD(lr="auto", epochs=2, batch_size=50, dtype="float32")},
        {
            "solver": gradline.SGD(lr="auto", epochs=2, batch_size=50),
            "penalty": gradline.ElasticNet(0.1, 1.0),
        },
    ):
        here, there = (gradline.fit(X, Y, engine=engine, **options) for engine in ("threads", DEVICE))
        assert (here.weight == there.weight).all()


def test_tensors_are_taken_for_what_they_hold():
    X, Y = rows(5000, 3, 1)
    single = torch.from_numpy(X).float()
    model = gradline.fit(single, torch.from_numpy(Y), engine=DEVICE)
    assert (model.weight == gradline.fit(single.double().numpy(), Y).weight).all()
    whole = torch.from_numpy(np.random.default_rng(2).integers(-9, 9, (10, 3)))
    target = torch.arange(10.0)
    assert (gradline.fit(whole, target, engine=DEVICE).weight == gradline.fit(whole, target).weight).all()
    for cell, code in ((float("nan"), "missing-cells"), (float("inf"), "value-infinite")):
        for n in (5000, 100_000):
            odd = torch.zeros(n, 3, dtype=torch.float64)
            odd[7, 1] = cell
            with refused(code):
                gradline.fit(odd, torch.zeros(n), engine=DEVICE)
    with refused("rows-do-not-match"):
        gradline.fit(single, torch.zeros(3), engine=DEVICE)


def test_a_machine_without_a_device_says_so(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert engine_of("cuda") == Cuda()
    with refused("device-absent", "CUDA", "threads"):
        gradline.fit(*rows(50_000, 3), engine="cuda")
    with refused("engine-unknown", "cude", "cuda"):
        gradline.fit(*rows(10, 3), engine="cude")
    with refused("engine-of-states", "ray", "moments make"):
        gradline.fit(*rows(10, 3), engine="ray")
