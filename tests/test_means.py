"""Means by level against R's emmeans and by their definition, with what levels differ by."""

import io
import json
from functools import cache

import numpy as np
import polars as pl
import pytest
from answers import cases
from commands import command
from refusals import expect_refusal, refused

import gradline

reference = cases("means")
ANSWERS = json.loads(reference.ANSWERS.read_text())
CASES = {reference.called(case): case for case in reference.CASES}


@cache
def frame(name):
    return pl.read_csv(io.BytesIO(reference.inference.table(name)), null_values="NA")


@pytest.mark.numeric
@pytest.mark.parametrize("name", CASES)
def test_means_are_those_of_emmeans(name):
    case, theirs = CASES[name], ANSWERS[name]
    model = gradline.fit(frame(case.data), formula=case.formula, missing="drop")
    ours = gradline.marginal_means(model, case.column, at=case.at)
    assert [f"{float(one):g}" if one[0].isdigit() else one for one in ours.means.sums] == theirs["levels"]
    for found, wanted in (
        (ours.means.estimate[0], theirs["mean"]),
        (ours.means.stderr[0], theirs["stderr"]),
        (ours.means.interval()[0, :, 0], theirs["lower"]),
        (ours.means.interval()[0, :, 1], theirs["upper"]),
        (ours.differences.stderr[0], theirs["apart"]),
    ):
        np.testing.assert_allclose(found, wanted, rtol=1e-8)
    scale = np.abs(theirs["mean"]).max()
    np.testing.assert_allclose(ours.differences.estimate[0], theirs["difference"], atol=1e-8 * scale)
    np.testing.assert_allclose(ours.holm[0], theirs["holm"], rtol=1e-6, atol=1e-15)
    # R's ptukey is right to some 1e-10, by its own account, and what is left of 1 no better.
    np.testing.assert_allclose(ours.tukey[0], theirs["tukey"], rtol=1e-6, atol=1e-9)


def test_a_mean_is_that_of_predictions_over_the_grid():
    """Two targets; truth values and other categories once each, whatever rows they have; numbers at their mean."""
    random = np.random.default_rng(4)
    table = pl.DataFrame(
        {
            "town": random.choice(["a", "b", "c"], 90, p=[0.6, 0.3, 0.1]),
            "new": random.random(90) < 0.2,
            "kind": random.choice(["x", "y"], 90, p=[0.8, 0.2]),
            "area": random.normal(50, 9, 90),
            "y": random.normal(size=90),
            "z": random.normal(size=90),
        }
    )
    model = gradline.fit(table, ["y", "z"])
    found = gradline.marginal_means(model, "town", at={"area": 40.0})
    grid = [
        {"town": t, "new": n, "kind": k, "area": 40.0} for t in "abc" for n in (True, False) for k in "xy"
    ]
    means = model.predict(pl.DataFrame(grid)).reshape(3, 4, 2).mean(axis=1).T
    np.testing.assert_allclose(found.means.estimate, means, rtol=1e-12)
    np.testing.assert_allclose(found.differences.estimate[:, 1], means[:, 2] - means[:, 0], rtol=1e-10)
    usual = gradline.marginal_means(model, "town")
    at_mean = gradline.marginal_means(model, "town", at={"area": table["area"].mean()})
    np.testing.assert_allclose(usual.means.estimate, at_mean.means.estimate, rtol=1e-12)
    assert gradline.marginal_means(model, "new").means.sums == ("False", "True")
    one = gradline.marginal_means(
        model, "new"
    )  # of two levels there is one difference, and nothing to allow for
    np.testing.assert_allclose(one.tukey, one.differences.p_value, rtol=1e-8)
    assert one.holm.tolist() == one.differences.p_value.tolist()


def test_what_has_no_means_is_refused(tmp_path):
    case = next(case for case in reference.CASES if case.at == {"income": 5000.0})
    model = gradline.fit(frame(case.data), formula=case.formula, missing="drop")
    with refused("means-without-value", "income", "--at"):
        gradline.marginal_means(model, "type")
    with refused("means-of-no-category", "education", "type"):
        gradline.marginal_means(model, "education")
    with refused("means-at-unknown", "incme", "income"):
        gradline.marginal_means(model, "type", at={"incme": 1.0})
    random = np.random.default_rng(0)
    levels = {f"c{j}": random.integers(0, 40, 1000).astype(str) for j in range(4)}
    wide = gradline.fit(pl.DataFrame({**levels, "y": random.normal(size=1000)}), "y", category=[*levels])
    with refused("means-of-too-many", "c1", "--at"):
        gradline.marginal_means(wide, "c0")
    model.save(tmp_path / "m.safetensors")
    done = command("show", "m.safetensors", "--means", "type", "--at", "income=5000", folder=tmp_path)
    assert done.code == 0, done.err
    assert "prof - bc" in done.out
    wrong = {
        "at-without-means": ["--at", "income=5000"],
        "at-unreadable": ["--means", "type", "--at", "income"],
    }
    for code, words in wrong.items():
        expect_refusal(command("show", "m.safetensors", *words, "--json", folder=tmp_path).err, code)
    told = command(
        "show", "m.safetensors", "--means", "type", "--at", "income=5000", "--json", folder=tmp_path
    )
    (means,) = json.loads(told.out)["inference"]["means"]
    assert means["means"]["sums"] == ["bc", "prof", "wc"]


def test_means_take_the_errors_that_are_asked_for(tmp_path):
    """Robust ones, and of few clusters those of the clusters, as contrasts do where p is of a bootstrap."""
    random = np.random.default_rng(2)
    table = {
        "town": random.choice(["a", "b", "c"], 60),
        "x": random.normal(size=60),
        "g": np.arange(60) // 10,
    }
    pl.DataFrame({**table, "y": random.normal(size=60)}).write_csv(tmp_path / "t.csv")
    fit = command("fit", "t.csv", "-t", "y", "-f", "town", "-f", "x", "-o", "m.safetensors", folder=tmp_path)
    assert fit.code == 0, fit.err
    found = {}
    for words in ((), ("--data", "t.csv", "--robust", "HC3"), ("--data", "t.csv", "--cluster", "g")):
        told = command(
            "show",
            "m.safetensors",
            "--means",
            "town",
            "--contrast",
            "town=c - town=b",
            *words,
            "--json",
            folder=tmp_path,
        )
        assert told.code == 0, told.err
        inference = json.loads(told.out)["inference"]
        apart = inference["means"][0]["differences"]
        assert apart["sums"][2] == "c - b"
        assert apart["stderr"][0][2] == pytest.approx(inference["contrasts"][0]["stderr"][0][0])
        found[words] = apart["stderr"][0][2]
    assert len(set(found.values())) == 3
