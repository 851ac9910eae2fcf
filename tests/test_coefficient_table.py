"""The table of coefficients that a fit prints: its figures, its width, its short form, and why there is none."""

import re
from typing import Any

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from known import known
from refusals import expect_refusal, refused

import gradline
from gradline.core.text import WIDTH
from gradline.model.coefficient_table import coefficient_tables

CROPS = ("example:crops", "-t", "apples", "-t", "oranges")
RANDOM = np.random.default_rng(3)


def made(**columns):
    table = {name: RANDOM.normal(size=40) for name in ("a", "b")} | columns
    return {**table, "y": table["a"] - 2 * table["b"] + RANDOM.normal(size=40)}


def figures(told, name):
    """The numbers of a line of a table."""
    (line,) = [line for line in told.split("\n") if line.startswith(f"{name} ")]
    return [float(word) for word in line.removeprefix(name).split()]


def test_each_line_is_the_coefficient_with_its_error_t_p_and_interval():
    model = gradline.fit("example:crops", ["apples", "oranges"])
    inference = model.inference
    rows = known(inference.estimates).rows(0.9)
    interval = inference.interval(0.9).stacked
    for j in range(2):
        assert [row.name for row in rows[j]] == ["bias", *model.features]
        for i, row in enumerate(rows[j]):
            assert row.value == model.coefficients.stacked[j, i]
            assert row.t == pytest.approx(row.value / row.stderr, rel=1e-14)
            assert row.p_value == known(inference.p_value).stacked[j, i]
            assert (row.low, row.high) == tuple(interval[j, i])
    told = model.summary(level=0.9)
    first, second = told.split("\noranges")[:2]
    for part, lines in ((first, rows[0]), (second, rows[1])):
        for row in lines:
            np.testing.assert_allclose(figures(part, row.name), row[1:], rtol=5e-3)
    assert "90 % from" in told
    assert "in 90 of 100" in told.replace("\n ", "")


@pytest.mark.parametrize("size", [1e-12, 1.0, 1e9])
def test_tables_fit_the_width_of_a_terminal(size):
    """But for names, which stand whole on a line of their own where they are long."""
    long = "the " + "very " * 20 + "long name"
    model = gradline.fit(made(**{long: size * RANDOM.normal(size=40)}), "y")
    told = coefficient_tables(model.targets, model.inference)
    assert long in told.split("\n")
    assert max(len(line) for line in told.split("\n") if line != long) <= WIDTH


def test_a_fit_prints_the_table_and_show_and_notebooks_the_same(gradline):
    fitted = gradline("fit", *CROPS, "-o", "m.safetensors").out
    assert gradline("show", "m.safetensors").out.startswith(fitted.rstrip("\n"))
    for word in ("std. error", "adjusted R²", "AIC", "log-likelihood", "15 observations", "F "):
        assert word in fitted
    brief = gradline("fit", *CROPS, "--brief").out
    assert "std. error" not in brief
    assert "RMSE" in brief
    assert len(brief) < len(fitted) / 2
    level = gradline("show", "m.safetensors", "--level", "0.5").out
    assert "50 % from" in level


def test_the_table_of_a_notebook_is_that_of_the_terminal():
    model = gradline.fit("example:crops", "apples")
    assert re.sub("</?pre>", "", model._repr_html_()) == model.summary().replace("'", "&#x27;")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"penalty": gradline.ElasticNet(0.1)}, "a penalty pulls the weights"),
        ({"loss": gradline.Quantile(0.5)}, "another loss was minimised"),
        ({"weights": "a", "weights_are": "sampling"}, "only robust errors hold"),
        ({"weights": "a"}, "--weights-are"),
    ],
)
def test_where_there_are_no_errors_it_says_why_and_what_to_do(options, why):
    table = pl.DataFrame(made()).with_columns(pl.col("a").abs() + 1)
    model = gradline.fit(table, "y", **options)
    said = " ".join(model.summary().split())
    assert "std. error" not in said
    assert why in said.split("No standard errors: ")[1].split("RMSE")[0]
    assert model.inference.refusals[0].remedy[1:] in said


def test_what_aic_counts_is_said():
    model = gradline.fit(made(), "y")
    said = " ".join(model.summary().split())
    assert "40 observations. AIC and BIC count the 3 coefficients; R counts the variance too" in said
    inference = model.inference
    assert known(inference.aic)[0] == pytest.approx(
        -2 * known(inference.log_likelihood)[0] + 2 * 3, rel=1e-14
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_bounds_of_a_mean_and_of_a_new_row_are_those_of_statsmodels(weighted):
    table = pl.DataFrame(made()).with_columns(w=pl.Series(RANDOM.uniform(0.5, 3, 40)))
    options: Any = {"weights": "w", "weights_are": "precision"} if weighted else {}
    model = gradline.fit(table, "y", features=["a", "b"], **options)
    X = sm.add_constant(table.select("a", "b").to_numpy())
    w = table["w"].to_numpy() if weighted else np.ones(40)
    fitted: Any = sm.WLS(table["y"].to_numpy(), X, weights=w).fit()  # pyright: ignore[reportArgumentType]
    found = fitted.get_prediction(X, weights=w)
    for of, obs in (("mean", False), ("new", True)):
        _, low, high = model.predict(table, interval=0.9, of=of)
        expected = found.conf_int(obs=obs, alpha=0.1)
        np.testing.assert_allclose(np.column_stack([low, high]), expected, rtol=1e-9)
    with refused("choice-invalid", "rows"):
        model.predict(table, interval=0.9, of="rows")


def test_predict_tells_bounds_of_a_mean(gradline):
    gradline_model = "m.safetensors"
    gradline("fit", "example:engel", "-t", "food", "-o", gradline_model)
    row = ("predict", gradline_model, "--set", "income=1000", "--interval", "0.95")
    widths = {}
    for of in ("new", "mean"):
        low, high = map(float, gradline(*row, "--of", of).out.split()[-2:])
        widths[of] = high - low
    assert 0 < widths["mean"] < widths["new"] / 5
    expect_refusal(gradline(*row, "--of", "rows", "--json").err, "choice-invalid")
    expect_refusal(gradline(*row[:-2], "--of", "mean", "--json").err, "of-without-interval")
