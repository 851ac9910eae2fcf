"""The command line: what stdout and stderr hold, JSON, configuration files, and the way from fit to prediction."""

import functools
import json
import math
import os
import tomllib

import numpy as np
import polars as pl
import pytest
from commands import in_a_fork, in_a_new_python

import gradline as package
from gradline.cli.config import to_toml
from gradline.cli.terminal import Progress
from gradline.solvers import Record

CROPS = ["example:crops", "-t", "apples", "-t", "oranges"]
TRAINED = ["fit", *CROPS, "--lr", "1e-5", "--epochs", "100"]
KEYS = {
    *(
        "targets",
        "features",
        "weight",
        "bias",
        "rows",
        "loss",
        "rmse",
        "r2",
        "solver",
        "lr",
        "epochs",
        "batch_size",
    ),
    *("seconds", "objective", "certificate", "history", "holdout", "model"),
}
CERTIFICATE_KEYS = {
    *(
        "status",
        "gradient_norm",
        "gap",
        "weight_error",
        "bias_error",
        "weight_error_stderr",
        "bias_error_stderr",
    ),
    *("directions", "epochs_to_loss", "epochs_to_weights", "lr_limit", "rank", "combinations", "digits"),
    *("condition", "condition_scaled", "hessian_condition"),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["fit", "--help"],
        ["nothing"],
        [*TRAINED, "--log-every", "50"],
        ["fit", "no.csv", "-t", "y"],
    ],
    ids=["help", "help of a command", "no command", "a fit", "a refusal"],
)
def test_a_fork_does_what_a_new_process_does(words, tmp_path):
    """As most tests run commands in forks: the same code, the same words on either stream, and the same files."""
    found = []
    for run in (in_a_fork, functools.partial(in_a_new_python, stdin=None)):
        folder = tmp_path / str(len(found))
        folder.mkdir()
        saved = ["-o", "m.safetensors"] if words[0] == "fit" and "example:crops" in words else []
        outcome = run([*words, *saved], folder, {**os.environ, "COLUMNS": "100"})
        found.append((outcome, [(path.name, path.stat().st_size) for path in folder.iterdir()]))
    assert found[0] == found[1]


def test_from_fit_to_prediction(gradline, tmp_path):
    fitted = gradline("fit", *CROPS, "-o", "crops.safetensors")
    assert (fitted.code, "Certified" in fitted.out) == (0, True)
    assert "saved: crops.safetensors" in fitted.err
    region = ["--set", "temp=75", "--set", "rainfall=63", "--set", "humidity=44"]
    predicted = gradline("predict", "crops.safetensors", *region)
    assert predicted.out.split() == ["apples", "53.7956", "oranges", "66.8065"]
    shown = gradline("show", "crops.safetensors")
    assert shown.out.startswith(fitted.out.rstrip())
    assert "Σ(ŷ − y)² / 30" in shown.out
    evaluated = gradline("evaluate", "crops.safetensors", "example:crops5", "--json")
    assert json.loads(evaluated.out)["rows"] == 5
    table = gradline("predict", "crops.safetensors", "example:crops")
    assert table.err == ""
    gradline("predict", "crops.safetensors", "example:crops", "-o", "p.csv")
    assert (tmp_path / "p.csv").read_text() == table.out
    values = pl.read_csv(tmp_path / "p.csv").to_numpy()
    model = package.load(tmp_path / "crops.safetensors")
    np.testing.assert_array_equal(values, model.predict("example:crops"))


def test_training_says_where_it_stands_and_what_to_do(gradline):
    done = gradline(*TRAINED, "--log-every", "50")
    assert done.code == 0
    assert [line for line in done.err.splitlines() if line.startswith("Epoch")] == [
        "Epoch [50/100], loss 272.9533",
        "Epoch [100/100], loss 152.9035",
    ]
    for words in (
        "Stopped at epoch 100: the loss is 152 above the best possible, 0.9094",
        "86 %: temp against rainfall (one weight up, the other down). Its error halves every 108 epochs",
        "0.081 %: the bias, every 8.51 million epochs",
        "Ten times as many epochs would bring the loss to 4.517",
        "84.8 million",
        "1.12e-4",
        "The best answer at once, without training: gradline fit example:crops -t apples -t oranges",
    ):
        assert words in " ".join(done.out.split())
    assert "not saved: add -o crops.safetensors" in done.err


def test_json_is_one_object_and_nothing_else(gradline):
    done = gradline(*TRAINED, "--json", "--holdout", "0.2")
    report = json.loads(done.out)
    assert set(report) >= KEYS
    assert set(report["certificate"]) >= CERTIFICATE_KEYS
    assert [record["epoch"] for record in report["history"]] == list(range(101))
    assert math.isclose(report["history"][-1]["loss"], report["loss"], rel_tol=1e-12)
    assert math.isclose(report["history"][-1]["holdout"], report["holdout"]["loss"], rel_tol=1e-12)
    assert (report["rows"], report["holdout"]["rows"], report["model"]) == (12, 3, None)


def test_flags_choose_the_solver(gradline):
    def solver(*flags):
        return json.loads(gradline("fit", *CROPS, *flags, "--json").out)["solver"]

    assert solver() == "exact"
    assert [solver(*flags) for flags in (["--lr", "1e-5"], ["--epochs", "3"], ["--momentum", "0.5"])] == [
        "gd"
    ] * 3
    assert solver("--init", "normal") == "gd"
    assert solver("--batch-size", "5", "--lr", "1e-5") == "sgd"
    assert solver("--no-shuffle", "--epochs", "2", "--lr", "1e-5") == "sgd"


def test_a_configuration_is_what_show_prints_back(gradline, tmp_path):
    flags = ["--lr", "1e-5", "--epochs", "7", "--momentum", "0.5", "--init", "normal", "--seed", "3"]
    flags += ["--exclude", "humidity", "--holdout", "0.2", "--scale", "standard", "--no-bias"]
    assert gradline("fit", *CROPS, *flags, "-o", "one").code == 0
    printed = gradline("show", "one", "--config").out
    (tmp_path / "run.toml").write_text(printed)
    again = gradline("fit", "--config", "run.toml", "-o", "two")
    assert again.code == 0, again.err
    one, two = (package.load(tmp_path / name) for name in ("one", "two"))
    assert (one.weight == two.weight).all()
    assert one.config == two.config
    assert gradline("show", "two", "--config").out == printed
    (tmp_path / "all.toml").write_text(
        printed + 'output = "three"\nlog_every = 5\nrequire_certified = true\n'
    )
    uncertified = gradline("fit", "--config", "all.toml")
    assert (uncertified.code, uncertified.err.splitlines()[-1]) == (3, "not saved: the fit is stopped")
    assert "Epoch [5/7]" in uncertified.err
    assert json.loads(gradline("fit", "--config", "run.toml", "--epochs", "2", "--json").out)["epochs"] == 2


@pytest.mark.parametrize("text", ["plain", 'quote " and \\', "tab\tnewline\n", "ü and 😀", "", "\x7f"])
def test_toml_survives_any_text(text):
    options = {"data": text, "targets": [text, "b"], "lr": 1e-05, "epochs": 3, "force": True, "weights": None}
    expected = {name: value for name, value in options.items() if value is not None}
    assert tomllib.loads(to_toml(options)) == expected


def test_trajectory(gradline):
    done = gradline("trajectory", *CROPS, "--lr", "1e-5", "--at", "100", "--at", "84000000", "--json")
    report = json.loads(done.out)
    assert [point["epoch"] for point in report["points"]] == [100, 84_000_000]
    assert math.isclose(report["points"][0]["loss"], 152.90352684, rel_tol=1e-9)
    assert report["points"][1]["gap"] < 1e-6
    text = gradline("trajectory", *CROPS, "--lr", "1e-3", "--at", "10").out
    assert "diverges: the error grows 16.9× per epoch" in text
    best = gradline("trajectory", *CROPS, "--scale", "standard", "--at", "24").out
    assert "For 24 epochs the best is 0.8" in best
    assert "the best for about 24 epochs or more, is 0.881" in " ".join(best.split())


def test_trajectory_takes_the_rate_that_fit_takes_for_the_last_epoch_looked_at(gradline):
    rates = []
    for epochs in ("10", "1000"):
        looked = gradline("trajectory", *CROPS, "--at", "3", "--at", epochs, "--json")
        trained = gradline("fit", *CROPS, "--lr", "auto", "--epochs", epochs, "--json")
        rates.append(json.loads(looked.out)["lr"])
        assert json.loads(trained.out)["lr"] == rates[-1]
    assert rates[0] != rates[1]


def test_features_outside_their_range_are_noted(gradline):
    gradline("fit", *CROPS, "-o", "m")
    done = gradline("predict", "m", "--set", "temp=75", "--set", "rainfall=300", "--set", "humidity=44")
    assert "note: rainfall lies outside 43 to 135, the range of training, in 1 row" in done.err
    assert gradline("predict", "m", "example:crops").err == ""


def test_rows_with_missing_cells_keep_their_place_in_predictions(gradline, tmp_path):
    gradline("fit", *CROPS, "-o", "m")
    (tmp_path / "p.csv").write_text("temp,rainfall,humidity\n75,63,44\n,63,44\n75,63,44\n")
    lines = gradline("predict", "m", "p.csv", "--missing", "drop").out.splitlines()
    assert lines[2] == "NaN,NaN"
    assert lines[1] == lines[3] != lines[2]


def test_help_shows_every_command_by_panel(gradline):
    text = gradline("--help").out
    assert all(word in text for word in ("Fit", "Use", "Check", "predict", "evaluate", "show", "trajectory"))
    assert "Examples" in gradline("fit", "--help").out
    assert gradline("--version").out == f"gradline {package.__version__}\n"


def test_progress_is_silent_for_a_second_and_then_speaks(capsys, monkeypatch):
    clock = iter(np.arange(0.0, 1000.0, 0.5))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    progress = Progress()
    progress.on_rows(1000)
    assert capsys.readouterr().err == ""
    for _ in range(40):
        progress.on_rows(1000)
    progress.on_start(100)
    for epoch in range(60):
        progress.on_step(Record(epoch, 1.5), lambda: ([], []))
    told = capsys.readouterr().err
    assert "rows read" in told
    assert "of 100, loss 1.5" in told
    assert "left" in told
