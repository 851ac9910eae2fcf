"""Models side by side: F tests and criteria by definition and statsmodels, folds fitted anew, tables, and refusals."""

import json
import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from known import known
from refusals import expect_refusal, refused

import gradline as package
from gradline.data.folds import Shuffled
from gradline.data.row_block import RowBlock
from gradline.model.side_by_side import FOLDS

RANDOM = np.random.default_rng(8)
X = RANDOM.normal(5, 2, (60, 4))
TABLE = pl.DataFrame({name: X[:, i] for i, name in enumerate("abcd")}).with_columns(
    y=pl.Series(X @ [1.0, -2.0, 0.2, 0.0] + RANDOM.normal(size=60)),
    z=pl.Series(X @ [0.0, 1.0, 0.0, 3.0] + RANDOM.normal(size=60)),
)


def of(features, targets: Any = "y", data=TABLE, **options):
    return package.fit(data, targets, features=list(features), **options)


def theirs(features, target="y"):
    return sm.OLS(TABLE[target].to_numpy(), sm.add_constant(TABLE.select(list(features)).to_numpy())).fit()


@pytest.mark.parametrize("order", [1, -1])
def test_a_larger_model_is_tested_against_the_smaller_in_any_order(order):
    found = package.compare([of("ab", ["y", "z"]), of("dacb", ["y", "z"])][::order])
    (nested,) = found.tests
    test = known(nested.test)
    for j, target in enumerate("yz"):
        F, p, degrees = theirs("abcd", target).compare_f_test(theirs("ab", target))
        np.testing.assert_allclose([test.F[j], test.p_value[j], test.equal], [F, p, degrees], rtol=1e-9)
    assert test.freedom == 55


def test_criteria_are_measured_from_the_best():
    models = [of("ab"), of("abc"), of("cd")]
    found = package.compare(models)
    for name in ("aic", "bic"):
        expected = np.array([getattr(theirs(one), name) for one in ("ab", "abc", "cd")])
        np.testing.assert_allclose([*found.criterion(name).values()], expected[:, None], rtol=1e-10)
        np.testing.assert_allclose(
            [*found.above_best(name).values()], (expected - expected.min())[:, None], atol=1e-8
        )


def test_the_error_on_folds_is_that_of_models_fitted_without_them():
    found = known(package.compare({"small": of("ab"), "large": of("abcd")}, TABLE, seed=4).folds)
    parts = Shuffled(FOLDS, 4).numbers(0, RowBlock(X, X[:, :1], None))
    for title, features in (("small", "ab"), ("large", "abcd")):
        squares = 0.0
        for part in range(FOLDS):
            model = of(features, data=TABLE.filter(parts != part))
            rest = TABLE.filter(parts == part)
            squares += ((model.predict(rest)[:, 0] - rest["y"].to_numpy()) ** 2).sum()
        np.testing.assert_allclose(found[title], [np.sqrt(squares / 60)], rtol=1e-9)


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        (of("ab"), of("cd"), "neither model has all columns"),
        (of("ab"), of("ba"), "the same columns"),
        (of("ab"), of("abc", data=TABLE[:-1]), "not of the same rows"),
        (of("ab"), of("abc", data=TABLE.with_columns(b=pl.col("b").reverse())), "not of the same rows"),
        (of("ab"), of("abc", penalty=package.ElasticNet(0.1)), "a penalty pulls"),
        (of("ab"), of("abc", bias=False), "neither model has all columns"),
    ],
)
def test_where_there_is_no_f_test_it_says_why(one, other, why):
    (nested,) = package.compare([one, other]).tests
    assert nested.test is None
    assert why in known(nested.reason)


def test_other_rows_have_no_comparable_criteria():
    found = package.compare([of("ab"), of("abc", data=TABLE[:-1])])
    assert not found.same_rows
    assert np.isnan([*found.above_best("aic").values()]).all()
    assert "their AIC and BIC do not compare" in str(found)
    assert package.compare([of("ab"), of("cd", data=TABLE.reverse())]).same_rows  # the order says nothing


def test_the_tables_hold_the_coefficients_with_their_errors_in_every_form():
    found = package.compare({"a & b": of("ab"), "all_of|them": of("abcd")}, TABLE)
    model = found.models["a & b"]
    value, error = f"{model.weight[0, 1]:.6g}", f"({known(model.inference.weight_stderr)[0, 1]:.4g})"
    cells = [
        cell.text
        for cell in ElementTree.fromstring(found.to("html").split("</table>")[0] + "</table>").iter()
    ]
    assert {"a & b", "all_of|them", value, error} <= set(cells)
    for form, mark in (("text", "a & b"), ("markdown", r"all_of\|them"), ("latex", r"a \& b & all\_of|them")):
        told = found.to(form)
        assert mark in told
        assert value in told
        assert error in told
    widths = {line.count(" & ") for line in found.to("latex").split("\n") if line.endswith(r" \\")}
    assert widths == {2}


def test_what_cannot_be_compared_is_refused():
    with refused("single-model"):
        package.compare([of("ab")])
    with refused("other-targets", "z"):
        package.compare([of("ab"), of("ab", "z")])
    with refused("form-invalid", "pdf"):
        package.compare([of("ab"), of("abc")]).to("pdf")


def test_on_the_command_line(gradline, tmp_path):
    TABLE.write_csv(tmp_path / "t.csv")
    of("ab").save(tmp_path / "small.safetensors")
    of("abc").save(tmp_path / "large.safetensors")
    both = ("small.safetensors", "large.safetensors")
    told = gradline("compare", *both, "--data", "t.csv").out
    found = package.compare({"small": of("ab"), "large": of("abc")}, TABLE)
    assert told == f"{found}\n"
    assert re.search(r"large against small: F \S+ on 1 and 56, p ", told)
    gradline("compare", *both, "--data", "t.csv", "--to", "html", "-o", "m.html")
    assert (tmp_path / "m.html").read_text() == f"{found.to('html')}\n"
    plain = json.loads(gradline("compare", *both, "--json").out)
    assert plain["tests"][0]["F"] == known(found.tests[0].test).F.tolist()
    expect_refusal(gradline("compare", both[0], both[0], "--json").err, "model-twice")
