"""LinearModel: predictions by name, its file, its start elsewhere, and the design that travels with it."""

import json
import math
import pickle
import struct
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from refusals import refused, warned
from safetensors.torch import load_file

import gradline
from gradline import SGD, Exact, GradientDescent
from gradline.core.linalg.triangular import UNIT
from gradline.data.design import Category

TARGETS = ["apples", "oranges"]


@pytest.fixture
def mixed():
    """A frame with a category between two numbers, and weights."""
    random = np.random.default_rng(0)
    kinds = random.choice(["pear", "Fig", "äpfel"], 60)
    frame = pl.DataFrame({"a": random.normal(size=60), "kind": kinds, "b": random.normal(5, 2, 60)})
    y = 2 * frame["a"] - frame["b"] + pl.Series([{"pear": 1.0, "Fig": 0.0, "äpfel": -3.0}[k] for k in kinds])
    return frame.with_columns(y=y + 0.1 * random.normal(size=60), w=pl.Series(random.integers(1, 3, 60)))


def test_categories_are_coded_by_treatment_in_byte_order(mixed):
    model = gradline.fit(mixed, "y", weights="w")
    assert model.features == ("a", "kind=pear", "kind=äpfel", "b")
    assert any("kind is categorical: 3 levels, base 'Fig'" in notice.text for notice in model.notices)
    columns = [mixed["a"], mixed["kind"] == "pear", mixed["kind"] == "äpfel", mixed["b"]]
    A = np.column_stack([np.ones(60), *(c.to_numpy() for c in columns)])
    root = np.sqrt(mixed["w"].to_numpy())
    theta = np.linalg.lstsq(A * root[:, None], mixed["y"].to_numpy() * root, rcond=None)[0]
    np.testing.assert_allclose(model.weight[0], theta[1:], rtol=1e-11)
    np.testing.assert_allclose(model.predict(mixed)[:, 0], A @ theta, rtol=1e-11)


def test_predictions_match_by_name_whatever_the_form(mixed, tmp_path):
    model = gradline.fit(mixed, "y", exclude=["w"])
    expected = model.predict(mixed)
    mixed.write_csv(tmp_path / "t.csv")
    turned = mixed.select("y", "b", "w", "kind", "a")
    for form in (
        turned,
        turned.to_pandas(),
        turned.to_arrow(),
        tmp_path / "t.csv",
        turned.to_dict(as_series=False),
    ):
        assert (model.predict(form) == expected).all()
    with refused("column-lacking", "b"):
        model.predict(mixed.drop("b"))
    with refused("levels-need-names"):
        model.predict(np.zeros((1, 3)))


def rounding_of_predictions(model, X):
    """How far two sums of p products and a bias may lie apart: 2·(p + 1)·u of their sizes (Higham 2002, 3.1)."""
    terms = X.shape[1] + 1
    return 2 * terms * UNIT * (np.abs(X) @ np.abs(model.weight.T) + np.abs(model.bias))


def test_arrays_are_matched_by_position():
    X, y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20.0)
    model = gradline.fit(X, y, features=["u", "v", "w"])
    by_name = model.predict({"w": X[:, 2], "v": X[:, 1], "u": X[:, 0]})
    assert (np.abs(by_name - model.predict(X)) <= rounding_of_predictions(model, X)).all()
    np.testing.assert_array_equal(model.predict(torch.tensor(X)), model.predict(X))
    np.testing.assert_allclose(model.predict(X), X @ model.weight.T + model.bias)
    with refused("columns-do-not-match", "(20, 2)", "3"):
        model.predict(X[:, :2])


def test_missing_cells_and_new_levels_at_prediction(mixed):
    model = gradline.fit(mixed, "y", exclude=["w"])
    rows = {"a": [1.0, None], "kind": ["pear", "plum"], "b": [2.0, 2.0]}
    with refused("level-unseen", "'plum'"):
        model.predict({"a": [1.0], "kind": ["plum"], "b": [2.0]})
    with refused("missing-in-prediction", "row 2", "a"):
        model.predict(rows, unseen="base")
    predicted = model.predict(rows, unseen="base", missing="drop")
    assert np.isnan(predicted[:, 0]).tolist() == [False, True]
    as_base = model.predict({"a": [1.0], "kind": ["Fig"], "b": [2.0]})
    assert (model.predict({"a": [1.0], "kind": ["plum"], "b": [2.0]}, unseen="base") == as_base).all()


@pytest.mark.parametrize("bias", [True, False])
def test_the_file_holds_all_but_the_rows(bias, mixed, tmp_path):
    path = tmp_path / "m.safetensors"
    solver = GradientDescent(lr=0.01, epochs=5)
    model = gradline.fit(mixed, "y", weights="w", solver=solver, bias=bias, holdout=0.2)
    model.save(path)
    again = gradline.load(path)
    assert (again.weight == model.weight).all()
    assert (again.bias == model.bias).all()
    assert again._to_dict() == model._to_dict()
    assert again.summary() == model.summary()
    assert (again.predict(mixed) == model.predict(mixed)).all()
    assert path.stat().st_size < 10_000


def test_the_file_opens_as_nn_linear(tmp_path):
    path = tmp_path / "m.safetensors"
    model = gradline.fit("example:crops", TARGETS)
    model.save(path)
    linear = torch.nn.Linear(3, 2).double()
    linear.load_state_dict(load_file(path), strict=False)
    region = torch.tensor([[75.0, 63, 44]]).double()
    apart = np.abs(linear(region).detach().numpy() - model.predict(region))
    assert (apart <= rounding_of_predictions(model, region.numpy())).all()


def test_no_planted_value_is_in_the_file(tmp_path):
    secret = 0.1234567890123456
    X = np.random.default_rng(0).normal(size=(50, 2))
    X[7, 1] = secret
    path = tmp_path / "m.safetensors"
    gradline.fit(X, np.arange(50.0)).save(path)
    data = path.read_bytes()
    assert struct.pack("<d", secret) not in data
    assert b"0.12345678901" not in data


def test_evaluation_of_other_rows():
    model = gradline.fit("example:crops5", TARGETS)
    result = model.evaluate("example:crops")
    frame = pd.read_csv(gradline.__file__.replace("__init__.py", "examples/crops.csv"))
    X, Y = frame[["temp", "rainfall", "humidity"]].to_numpy(), frame[TARGETS].to_numpy()
    residual = X @ model.weight.T + model.bias - Y
    assert math.isclose(result.loss, (residual**2).mean(), rel_tol=1e-9)
    np.testing.assert_allclose(result.rmse, np.sqrt((residual**2).mean(axis=0)), rtol=1e-9)
    np.testing.assert_allclose(
        np.array(result.r2, float), 1 - (residual**2).mean(axis=0) / Y.var(axis=0), rtol=1e-9
    )
    arrays = model.evaluate(X, Y)
    assert math.isclose(arrays.loss, result.loss, rel_tol=1e-9)


def test_r2_without_a_bias_compares_with_zero():
    X, y = np.array([[1.0], [2], [3]]), np.array([2.0, 3, 7])
    model = gradline.fit(X, y, bias=False)
    residual = y - model.predict(X)[:, 0]
    assert math.isclose(model.training.r2[0] or 0, 1 - (residual @ residual) / (y @ y), rel_tol=1e-12)


def test_a_saved_model_of_other_columns_is_no_start(mixed, tmp_path):
    model = gradline.fit("example:crops", TARGETS)
    with refused("init-of-other-columns"):
        gradline.fit(mixed, "y", solver=GradientDescent(lr=0.01, init=model))
    model.save(tmp_path / "m")
    with refused("init-of-other-columns"):
        gradline.fit(mixed, "y", solver=GradientDescent(lr=0.01, init=str(tmp_path / "m")))


def test_objective_and_config_say_what_was_done(mixed):
    model = gradline.fit(mixed, "y", weights="w", solver=GradientDescent(lr=0.01, epochs=3), scale="standard")
    total = mixed["w"].sum()
    assert model.objective == (
        f"mean squared error over 60 rows × 1 target, weights summing to {total}: Σw·(ŷ − y)² / {total}"
    )
    assert model.config["weights"] == "w"
    assert (model.config["scale"], model.config["lr"], model.config["epochs"]) == ("standard", 0.01, 3)


def test_a_level_that_only_absent_rows_have():
    """Rows with missing cells and rows of weight zero may hold anything, whenever they are read."""
    table = pl.DataFrame(
        {
            "g": ["a", "b", "a", "b", "c", "a", "d"],
            "x": [1.0, 2, 3, 4, None, 6, 1],
            "y": [1.0, 2, 3, 5, 4, 2, 9],
            "w": [1.0, 1, 1, 1, 1, 1, 0],
        }
    )
    steps: dict[str, Any] = {"solver": SGD(batch_size=2, epochs=2)}
    apart: dict[str, Any] = {**steps, "holdout": 0.4}
    for options in ({}, steps, apart):
        model = gradline.fit(table, "y", weights="w", missing="drop", **options)
        assert model.features == ("g=b", "x")
    assert model.evaluate(table, missing="drop").rows == 5
    assert np.isnan(model.predict(table[:6], missing="drop")[:, 0]).tolist() == [False] * 4 + [True, False]
    with refused("level-unseen", "'d'"):
        model.predict(table, missing="drop")


@pytest.mark.filterwarnings("ignore:the columns are near-collinear")  # such weights make them so
@pytest.mark.parametrize("absent", ["a", "b", "c"])
def test_levels_are_present_by_rows_not_by_their_weight(absent):
    table = pl.DataFrame({"g": ["a", "b", "c"] * 4, "x": np.sqrt(np.arange(12.0)), "y": np.arange(12.0) ** 2})
    heavy = table.with_columns(w=pl.when(pl.col("g") == absent).then(1e-6).otherwise(1e9))
    (kind, _) = gradline.fit(heavy, "y", weights="w").design.terms
    assert isinstance(kind, Category)
    assert kind.levels == ("a", "b", "c")
    gone = table.with_columns(x=pl.when(pl.col("g") == absent).then(None).otherwise(pl.col("x")))
    model = gradline.fit(gone, "y", missing="drop")
    (kind, _) = model.design.terms
    assert isinstance(kind, Category)
    assert kind.levels == tuple(level for level in "abc" if level != absent)
    assert model.certificate.status == "certified"


def test_moments_of_categories_add_and_predict():
    monday = pl.DataFrame({"k": ["p", "q", "p", "r"], "y": [1.0, 2, 3, 7]})
    tuesday = pl.DataFrame({"k": ["q", "q", "p"], "y": [1.0, 4, 2]})
    first = gradline.Moments.of(monday, "y")
    second = gradline.Moments.of(tuesday, "y", design=first.design)
    model = gradline.fit(sum([first, second]))
    both = pl.concat([monday, tuesday])
    np.testing.assert_allclose(model.predict(monday), gradline.fit(both, "y").predict(monday))
    with refused("moments-of-other-columns"):
        _ = first + gradline.Moments.of(tuesday, "y")


def test_weights_beside_a_frame(mixed):
    by_name = gradline.fit(mixed, "y", weights="w")
    by_array = gradline.fit(mixed.drop("w"), "y", weights=mixed["w"].to_numpy())
    assert (by_name.weight == by_array.weight).all()
    assert math.isclose(by_array.evaluate(mixed.drop("w")).rows, 60)
    assert math.isclose(by_name.evaluate(mixed).loss, by_name.training.loss, rel_tol=1e-12)


def test_evaluation_of_nothing_is_refused():
    model = gradline.fit("example:crops", TARGETS)
    names = ["temp", "rainfall", "humidity", *TARGETS]
    nothing = pl.DataFrame({name: [None] for name in names}, schema=dict.fromkeys(names, pl.Float64))
    with refused("no-complete-row"):
        model.evaluate(nothing, missing="drop")
    with refused("columns-do-not-match", "3"):
        model.evaluate(np.zeros((2, 2)), np.zeros((2, 2)))
    assert model.predict({"temp": [], "rainfall": [], "humidity": []}).shape == (0, 2)


def test_the_same_fit_writes_the_same_file(tmp_path):
    for name in ("a", "b"):
        gradline.fit("example:crops", TARGETS, solver=SGD(batch_size=5, epochs=3)).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_fitting_moments_is_fitting_the_rows():
    moments = gradline.Moments.of("example:crops", TARGETS)
    rows = gradline.fit("example:crops", TARGETS)
    np.testing.assert_allclose(gradline.fit(moments).weight, rows.weight, rtol=1e-12)
    halves = gradline.Moments.of("example:crops5", TARGETS)
    np.testing.assert_allclose(gradline.fit(moments + halves - halves).weight, gradline.fit(moments).weight)
    with refused("rows-needed"):
        gradline.fit(moments, holdout=0.2)


def test_requests_outside_their_range():
    wrong: dict[str, Any]
    for wrong in ({"scale": "minmax"}, {"holdout": 1.0}, {"missing": "mean"}, {"solver": "gd"}):
        with refused(f"{next(iter(wrong))}-invalid", *wrong.values()):
            gradline.fit("example:crops", TARGETS, **wrong)
    with refused("digits-invalid", 40):
        Exact(digits=40)
    with refused("target-named-twice"):
        gradline.fit("example:crops", ["apples", "apples"])
    with refused("no-target"):
        gradline.fit("example:crops")


def test_warnings_are_issued_once_and_kept():
    with warned("single-row"):
        model = gradline.fit([[1.0, 2.0]], [3.0])
    assert model.predict([[1.0, 2.0]]) == 3.0


def test_notebooks_show_models_certificates_and_histories():
    model = gradline.fit("example:crops", TARGETS, solver=GradientDescent(lr=1e-5))
    assert "<pre>" in model._repr_html_()
    assert model.history._repr_html_().count("<tr>") > 10
    assert "Stopped at epoch 100" in model.certificate._repr_html_()
    json.dumps(model.certificate.to_dict(), allow_nan=False)


@pytest.mark.filterwarnings("ignore::gradline.GradlineWarning")
@pytest.mark.parametrize("kind", ["full", "deficient", "trained", "extended"])
def test_looking_at_a_model_changes_neither_its_file_nor_its_pickle(kind, tmp_path):
    random = np.random.default_rng(2)
    X = random.normal(3, 1, (30, 4))
    X[:, 3] = X[:, 0] - X[:, 1] if kind == "deficient" else X[:, 3]
    y = X @ random.normal(size=4) + random.normal(size=30)
    data = (gradline.Moments.of(X, y, extended=True),) if kind == "extended" else (X, y)
    fit = {"solver": GradientDescent(epochs=5)} if kind == "trained" else {}
    model, looked_at = gradline.fit(*data, **fit), gradline.fit(*data, **fit)
    object.__setattr__(looked_at, "seconds", model.seconds)
    fresh = pickle.dumps(looked_at)
    for look in (
        looked_at.summary,
        looked_at._repr_html_,
        lambda: looked_at.inference,
        lambda: looked_at.training,
    ):
        assert look() is not None
    assert pickle.dumps(looked_at) == fresh
    looked_at.save(tmp_path / "looked at")
    pickle.loads(pickle.dumps(model)).save(tmp_path / "sent")
    model.save(tmp_path / "fresh")
    assert len({(tmp_path / name).read_bytes() for name in ("looked at", "sent", "fresh")}) == 1
