"""Refusals and notices that no test of a subject meets: each one provoked once."""

import datetime
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from refusals import expect_refusal, refused
from torch.utils.data import DataLoader, TensorDataset

import gradline
from gradline import Exact, Moments, Trajectory
from gradline.data.cells import converted
from gradline.data.schema import Kind
from gradline.linear_model import HuberRegressor
from gradline.pytorch import fit, lesson

X = np.arange(8.0).reshape(4, 2) ** 2
Y = np.array([1.0, 3.0, 2.0, 5.0])
DAYS = {"day": [datetime.date(2026, 1, i) for i in range(1, 5)], "a": X[:, 1], "y": Y}
GAP = [1.0, 2.0, None, 3.0]
WRONG: Any = 0  # neither True nor a list
WRONG_TEXT: Any = "x"
AHEAD = gradline.GradientDescent(1e-4, 3, momentum=0.9, nesterov=True)
PATH: Any = "moments"  # of a file, which `Trajectory` does not read


def on_another_device():
    loader = DataLoader(TensorDataset(torch.ones(2, 1, device="meta"), torch.ones(2, 1)), 2)
    model = torch.nn.Linear(1, 1)
    fit(1, model, torch.nn.functional.mse_loss, torch.optim.SGD(model.parameters(), lr=1e-3), loader)


def drawn():
    made = lesson(X, Y, by="module")
    return made.graph(next(iter(made)), of="gradient")


IN_PYTHON = [
    (lambda: gradline.fit([[1.0], [1.0, 2.0]], [1.0, 2.0]), ("array-ragged",)),
    (lambda: gradline.fit(object(), Y), ("not-an-array", "object")),
    (lambda: lesson(X, Y, weights=np.ones(4)), ("weights-not-taken",)),
    (lambda: gradline.fit(X, Y, weights=np.ones((4, 2))), ("weights-not-one-dimensional", (4, 2))),
    (lambda: gradline.fit(X, Y, features=["a"]), ("names-do-not-match", 1, (4, 2))),
    (
        lambda: converted(pl.Series("day", DAYS["day"]), Kind.NUMBER, str),
        ("column-not-numeric", "day", "Date"),
    ),
    (lambda: gradline.fit(DAYS, "y", features=["day", "a"]), ("feature-unusable", "day")),
    (lambda: gradline.fit({"y": Y}, "y"), ("no-feature-left", "y")),
    (
        lambda: gradline.fit({"a": ["u", "u", "v", "u"], "y": GAP}, "y", missing="drop"),
        ("features-all-constant",),
    ),
    (lambda: gradline.fit(X, Y, bias=WRONG), ("bias-invalid", 0)),
    (lambda: gradline.fit(X, Y, holdout=WRONG_TEXT), ("holdout-invalid", "x")),
    (lambda: gradline.fit(DAYS, "y", exclude=WRONG), ("names-invalid", 0)),
    (lambda: gradline.fit(DAYS, "y", weights=""), ("column-unknown",)),
    (lambda: gradline.fit(X, Y, solver=gradline.GradientDescent(lr=True)), ("lr-invalid", True)),
    (lambda: gradline.fit(X, Y, solver=gradline.SGD(epochs=10**19)), ("epochs-invalid", 10**19)),
    (lambda: gradline.fit("", "y"), ("file-not-found",)),
    (lambda: gradline.fit(X, Y, holdout=1e-9), ("holdout-leaves-none", 4, 0)),
    (lambda: Trajectory(PATH, 1e-3), ("moments-needed", "str")),
    (
        lambda: Trajectory(Moments.of(X, Y), 1e-3, 0.0, (np.zeros((1, 2)), np.ones(1)), False).at(1),
        ("init-has-bias",),
    ),
    (
        lambda: gradline.fit(X, Y, penalty=gradline.CrossValidated(), loss=gradline.Huber(1.0)),
        ("choice-of-other-loss", "--holdout"),
    ),
    (
        lambda: gradline.fit(X, Y, solver=AHEAD, penalty=gradline.ElasticNet(1.0, 1.0)),
        ("penalty-of-other-rule", "nesterov"),
    ),
    (
        lambda: gradline.fit(X, Y, solver=gradline.GradientDescent(1e-4, 3, clip=1.0)).plot.loss_curve(),
        ("path-of-other-rule",),
    ),
    (lambda: gradline.Chebyshev(-1.0), ("curvature-invalid", -1.0)),
    (lambda: HuberRegressor(epsilon=0.5).fit(X, Y), ("epsilon-invalid", 0.5)),
    (lambda: gradline.path(X, Y, tol=-1.0), ("tol-invalid", -1.0)),
    (on_another_device, ("tensor-device", "inputs", "meta", "cpu")),
    (lambda: lesson(np.ones((20_000, 9)), np.ones(20_000)).script(), ("too-many-rows-for-script", "20,000")),
    (drawn, ("graph-of-invalid", "'gradient'")),
]


@pytest.mark.parametrize(("call", "said"), IN_PYTHON, ids=[said[0] for _, said in IN_PYTHON])
def test_in_python(call, said):
    with refused(*said):
        call()


def test_a_device_that_is_not_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with refused("device-without-cuda", "cuda"):
        lesson(X, Y, device="cuda")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["predict", "m", "t.csv", "--unseen", "guess"], 2, ("choice-invalid", "'guess'")),
        (["predict", "m", "--set", "a=1"], 2, ("set-incomplete", "b")),
        (["predict", "named", "t.csv", "--interval", "0.9"], 1, ("name-of-target-and-bound", "y_lower")),
        (["fit", "t.csv", "-t", "y", "-o", "-"], 2, ("output-not-named",)),
        (
            ["fit", "t.csv", "-t", "y", "--alpha", "1", "--folds", "3"],
            2,
            ("option-of-cross-validation", "--folds"),
        ),
        (["fit", "t.csv", "-t", "y", "--alpha", "1", "--l1-ratio", "2"], 2, ("l1-ratio-invalid", 2.0)),
        (["fit", "t.csv", "-t", "y", "--schedule", "sinus"], 2, ("schedule-invalid", "sinus")),
        (
            ["fit", "t.csv", "-t", "y", "--schedule", "chebyshev", "--lr", "1e-4"],
            2,
            ("option-of-other-schedule", "--lr"),
        ),
        (["fit", "t.ndjson", "-t", "y"], 1, ("ndjson-line-not-object", "line 2")),
    ],
)
def test_on_the_command_line(gradline, tmp_path, words, code, said):
    table = pl.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": Y, "y_lower": Y})
    table.write_csv(tmp_path / "t.csv")
    (tmp_path / "t.ndjson").write_text('{"a": 1, "y": 2}\n3\n')
    fitted(table, ["y"]).save(tmp_path / "m")
    fitted(table, ["y", "y_lower"]).save(tmp_path / "named")
    done = gradline(*words, "--json")
    assert (done.code, done.out) == (code, "")
    expect_refusal(done.err, *said)


def fitted(table, targets):
    return gradline.fit(table, targets, features=["a", "b"])


def codes(notices):
    return {notice.code for notice in notices}


def test_notices_of_categories():
    table = {"a": ["u", "v", "w", "u", "v", "u"], "y": [1.0, 2.0, None, 3.0, 5.0, 4.0]}
    notices = gradline.fit(table, "y", missing="drop").notices
    assert codes(notices) == {"column-categorical", "level-without-rows"}
    assert not any(notice.is_warning for notice in notices)


def test_a_notice_of_digits_that_moments_cannot_give():
    random = np.random.default_rng(0)
    a = random.normal(size=200)
    moments = Moments.of(np.column_stack([a, a + 1e-5 * random.normal(size=200)]), random.normal(size=200))
    notices = gradline.fit(moments, solver=Exact(digits=15)).notices
    assert "digits-not-reached" in codes(notices)


@pytest.mark.parametrize(
    ("weights_are", "code"), [("sampling", "errors-need-rows"), ("precision", "likelihood-needs-weights")]
)
def test_figures_that_weights_leave_out(weights_are, code):
    model = gradline.fit(X, Y, weights=[1.0, 2.0, 1.0, 2.0])
    assert codes(model.infer(weights_are).refusals) == {code}


def test_a_notice_of_decay_that_is_no_penalty():
    notices = gradline.fit(X, Y, solver=gradline.AdamW(1e-3, epochs=2)).notices
    assert "decay-beside-steps" in codes(notices)
