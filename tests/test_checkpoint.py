"""Checkpoints and early stopping: a run that goes on is one at one go, one that stops early is a shorter run."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from refusals import refused

import gradline
from gradline import SGD, Exact, GradientDescent
from gradline.core.tensor_file import read_tensors, write_tensors

CROPS = "example:crops", ["apples", "oranges"]
SOLVERS = {
    "gd": lambda epochs: GradientDescent(lr=1e-5, epochs=epochs),
    "momentum": lambda epochs: GradientDescent(lr=1e-5, momentum=0.9, epochs=epochs, init="torch", seed=3),
    "sgd": lambda epochs: SGD(lr=1e-5, momentum=0.5, epochs=epochs, batch_size=4, seed=2),
    "sgd in float32": lambda epochs: SGD(lr=1e-5, epochs=epochs, batch_size=4, dtype="float32"),
}


def settled(**settings: Any) -> Any:
    """The settings, of any type."""
    return settings


def saved(path, *arguments, **settings):
    model = gradline.fit(*arguments, **settings)
    model.save(path)
    return path.read_bytes()


@pytest.mark.filterwarnings("ignore::gradline.GradlineWarning")
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("holdout", [0.0, 0.3])
def test_a_run_that_goes_on_writes_the_model_of_a_run_at_one_go(tmp_path, solver, holdout):
    made, place = SOLVERS[solver], tmp_path / "run.checkpoint"
    for epochs in (0, 7, 40, 1300):  # more losses than a model keeps
        in_parts = saved(tmp_path / "a", *CROPS, solver=made(epochs), holdout=holdout, checkpoint=place)
    assert in_parts == saved(tmp_path / "b", *CROPS, solver=made(1300), holdout=holdout)
    again = gradline.fit(*CROPS, solver=made(1300), holdout=holdout, checkpoint=place)
    assert "went on from epoch 1,300" in next(n.text for n in again.notices if n.code == "training-resumed")


@pytest.mark.filterwarnings("ignore::gradline.GradlineWarning")
@pytest.mark.parametrize("solver", SOLVERS)
def test_early_stopping_is_the_run_of_the_best_epoch(tmp_path, solver):
    """On data whose held-out loss rises again: much noise, and few rows to train on."""
    random = np.random.default_rng(5)
    X = random.normal(size=(40, 12))
    y = X[:, 0] + 3 + 2 * random.normal(size=40)
    lr = 0.002
    made = [replace(SOLVERS[solver](1), lr=lr, epochs=n) for n in (1000, 60)]
    whole = gradline.fit(X, y, solver=made[0], holdout=0.5)
    held = [record.holdout or 0.0 for record in whole.history]
    model = gradline.fit(X, y, solver=made[0], holdout=0.5, stop_after=25)
    best = model.settings["epochs"]
    assert 0 < best < 900
    assert held[best] == min(held[: best + 26])
    assert all(min(held[:k]) > min(held[k : k + 25]) for k in range(1, best + 1))
    assert [record.epoch for record in model.history] == list(range(best + 1))
    text = next(notice.text for notice in model.notices if notice.code == "training-stopped-early")
    assert f"after epoch {best + 25:,}" in text
    short = gradline.fit(X, y, solver=replace(made[0], epochs=best), holdout=0.5)
    np.testing.assert_array_equal(model.weight, short.weight)
    assert model.history == short.history
    place = tmp_path / "run.checkpoint"
    gradline.fit(X, y, solver=made[1], holdout=0.5, checkpoint=place)  # and it may go on in between
    again = gradline.fit(X, y, solver=made[0], holdout=0.5, stop_after=25, checkpoint=place)
    np.testing.assert_array_equal(model.weight, again.weight)
    assert not [check for check in gradline.verify(model, X, y).checks if not check.agrees]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"solver": GradientDescent(lr=2e-5, epochs=20)}, ("checkpoint-of-other-run", "lr", 1e-5, 2e-5)),
        ({"solver": GradientDescent(lr=1e-5, epochs=20, init="torch")}, ("checkpoint-of-other-run", "start")),
        ({"bias": False}, ("checkpoint-of-other-run", "bias")),
        ({"scale": "standard"}, ("checkpoint-of-other-run", "scale")),
        ({"holdout": 0.2}, ("checkpoint-of-other-run", "holdout")),
        ({"exclude": ["temp"]}, ("checkpoint-of-other-run", "columns")),
        ({"solver": GradientDescent(lr=1e-5, epochs=5)}, ("checkpoint-beyond", 10, 5)),
        ({"solver": Exact()}, ("option-of-training", "checkpoint", "exact")),
    ],
)
def test_what_a_checkpoint_refuses(tmp_path, settings, said):
    place = tmp_path / "run.checkpoint"
    with pytest.warns(gradline.GradlineWarning):
        gradline.fit(*CROPS, solver=GradientDescent(lr=1e-5, epochs=10), checkpoint=place)
    before = place.read_bytes()
    with refused(*said):
        gradline.fit(
            *CROPS, **settled(solver=GradientDescent(lr=1e-5, epochs=20)) | settings, checkpoint=place
        )
    assert place.read_bytes() == before


def test_a_checkpoint_writes_over_nothing_else(tmp_path):
    solver = GradientDescent(lr=1e-5, epochs=10)
    table, model = tmp_path / "rows.csv", tmp_path / "m.safetensors"
    table.write_text("a,b\n1,2\n")
    gradline.fit(*CROPS).save(model)
    for path, code in (
        (table, "output-exists"),
        (model, "model-file-other-kind"),
        (tmp_path, "path-is-folder"),
    ):
        with refused(code, path):
            gradline.fit(*CROPS, solver=solver, checkpoint=path)


@pytest.mark.parametrize("hurt", ["epoch", "losses", "theta", "kind"])
def test_a_damaged_checkpoint_is_refused(tmp_path, hurt):
    place = tmp_path / "run.checkpoint"
    with pytest.warns(gradline.GradlineWarning):
        gradline.fit(*CROPS, solver=GradientDescent(lr=1e-5, epochs=10), checkpoint=place)
    tensors, card = read_tensors(place, "checkpoint")
    card = {name: value for name, value in card.items() if name not in ("format", "tensors")}
    if hurt == "epoch":
        card["epoch"] = 9
    elif hurt == "losses":
        tensors["loss"] = tensors["loss"][:-1]
    elif hurt == "theta":
        del tensors["theta"]
    write_tensors(place, tensors, card)
    if hurt == "kind":
        place.write_bytes(place.read_bytes()[:-8])
    with refused("model-file-damaged", place):
        gradline.fit(*CROPS, solver=GradientDescent(lr=1e-5, epochs=20), checkpoint=place)


@pytest.mark.filterwarnings("ignore::gradline.GradlineWarning")
@pytest.mark.parametrize(
    "solver", [GradientDescent(lr=0.002, epochs=400), SGD(lr=0.002, epochs=300, batch_size=8)], ids=str
)
def test_a_loss_is_better_where_it_falls_by_more_than_is_asked(solver):
    random = np.random.default_rng(5)
    X = random.normal(size=(60, 5))
    y = X @ np.arange(5.0) + 3 + random.normal(size=60)
    whole = gradline.fit(X, y, solver=solver, holdout=0.3)
    model = gradline.fit(X, y, solver=solver, holdout=0.3, stop_after=4, stop_tolerance=0.3)
    best, least, stopped = 0, np.inf, None
    for record in whole.history:
        if record.epoch > best + 4:
            stopped = record.epoch - 1
            break
        if (record.holdout or 0.0) < least - 0.3:
            best, least = record.epoch, record.holdout or 0.0
    assert stopped is not None
    assert model.settings["epochs"] == best < whole.history[-1].epoch
    text = next(notice.text for notice in model.notices if notice.code == "training-stopped-early")
    assert f"stopped after epoch {stopped:,}" in text
    assert "has not fallen by more than 0.3 for 4 epochs" in text
    assert gradline.verify(model, X, y).agrees


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"stop_after": 5}, ("stop-after-without-holdout", "holdout")),
        ({"stop_after": -1, "holdout": 0.2}, ("stop-after-invalid", -1)),
        ({"stop_after": 5, "holdout": 0.2, "solver": Exact()}, ("option-of-training", "stop_after")),
        ({"stop_tolerance": 0.1}, ("stop-tolerance-alone", "stop_after")),
        ({"stop_tolerance": -1.0, "stop_after": 5, "holdout": 0.2}, ("stop-tolerance-invalid", -1)),
    ],
)
def test_what_early_stopping_refuses(settings, said):
    with refused(*said):
        gradline.fit(*CROPS, **settled(solver=GradientDescent(lr=1e-5)) | settings)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_stopped_goes_on(tmp_path, how):
    words = ["example:crops", "-t", "apples", "--lr", "1e-5", "--batch-size", "4", "--log-every", "1000"]
    start = [sys.executable, "-m", "gradline", "fit", *words]
    keep = ["--epochs", "9000", "--checkpoint", "run", "-o", "a"]
    if how == signal.SIGKILL:  # which nothing can answer: an earlier run has to have kept something
        early = [*start, "--epochs", "500", "--checkpoint", "run"]
        subprocess.run(early, cwd=tmp_path, check=True, capture_output=True)
    process = subprocess.Popen([*start, *keep], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert "Epoch [1000/9000]" in process.stderr.readline()
    os.kill(process.pid, how)
    process.communicate()
    assert process.returncode == (130 if how == signal.SIGINT else -9)
    _, card = read_tensors(tmp_path / "run", "checkpoint")
    assert card["epoch"] == 500 if how == signal.SIGKILL else 1000 <= card["epoch"] < 9000
    done = subprocess.run([*start, *keep], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert f"went on from epoch {card['epoch']:,}" in done.stderr
    whole = [*start, "--epochs", "9000", "-o", "b"]
    subprocess.run(whole, cwd=tmp_path, capture_output=True, check=True)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
