"""The engine cuda on a device: what the CPU's tests hold of the same code, `make test-gpu`."""

import numpy as np
import pytest
import torch

import gradline
from gradline.data.row_block import RowBlock
from gradline.engines.cuda import Cuda
from gradline.moments.gram import summed_on


def rows(n=200_000, p=40, seed=1):
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, p)) + 10.0 * np.arange(p)
    return X, X @ random.normal(size=(p, 1)) + random.normal(size=(n, 1))


def test_there_is_a_device():
    assert torch.cuda.is_available()


def test_sums_are_those_of_the_cpu_to_rounding():
    X, Y = rows(50_000)
    here, there = (summed_on(Cuda(device=name))(RowBlock(X, Y)) for name in ("cpu", "cuda"))
    sizes = np.sqrt(np.diag(here.products.hi))
    off = np.abs(here.products.hi - there.products.hi)
    assert (off <= 2 * (here.chain + 12) * 2.0**-53 * np.outer(sizes, sizes)).all()
    assert here.fingerprint == there.fingerprint


@pytest.mark.parametrize("kind", [torch.float64, torch.float32])
def test_the_bounds_of_tensors_on_the_device_hold(kind, tmp_path):
    X, Y = (torch.from_numpy(part).to("cuda", kind) for part in rows())
    model = gradline.fit(X, Y, engine="cuda")
    truth = gradline.fit(gradline.Moments.of(X.cpu().numpy(), Y.cpu().numpy(), extended=True))
    assert model.certificate.status == "certified"
    assert (np.abs(model.weight - truth.weight) <= model.certificate.weight_error).all()
    assert model.moments.statistics.mark == truth.moments.statistics.mark
    model.save(tmp_path / "m.safetensors")
    assert (gradline.load(tmp_path / "m.safetensors").weight == model.weight).all()


def test_mini_batches_are_those_of_the_cpu():
    X, Y = rows(20_000, 8)
    solver = gradline.SGD(lr="auto", epochs=3, batch_size=256, momentum=0.5, seed=3)
    here = gradline.fit(X, Y, solver=solver)
    there = gradline.fit(torch.from_numpy(X).cuda(), torch.from_numpy(Y).cuda(), solver=solver, engine="cuda")
    assert there.weight == pytest.approx(here.weight, rel=1e-9, abs=1e-9)
