"""Formulas: R's and formulaic's answers, laws of the algebra, what a model keeps of them, and what is refused."""

import importlib.util
import io
import json
import sys
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from databases import ENGINES
from refusals import refused

import gradline
from gradline import exports
from gradline.data.columnar import FrameSource
from gradline.data.source import Source
from gradline.exports.probe import Probe
from gradline.exports.trial import sql_trial

_HERE = Path(__file__).parent / "reference" / "formulas.py"
_SPEC = importlib.util.spec_from_file_location("formula_cases", _HERE)
assert _SPEC is not None
assert _SPEC.loader is not None
reference = importlib.util.module_from_spec(_SPEC)
sys.modules["formula_cases"] = reference
_SPEC.loader.exec_module(reference)
ANSWERS = json.loads(reference.ANSWERS.read_text())
CASES = {f"{case.data}: {case.formula}": case for case in reference.CASES}


@cache
def frame(name: str) -> pl.DataFrame:
    """A data set as gradline reads it from CSV, `NA` missing."""
    return pl.read_csv(io.BytesIO(reference.table(name)), null_values="NA", try_parse_dates=True)


class Sevens(Source):
    """A table that comes in batches of seven rows."""

    def __init__(self, rows: pl.DataFrame) -> None:
        self._rows, self.name = rows, "the sevens"
        self._whole = FrameSource.of(rows)

    def names(self):
        return self._rows.columns

    def schema(self):
        assert self._whole is not None
        return self._whole.schema()

    def batches(self, columns):
        for first in range(0, len(self._rows), 7):
            part = FrameSource.of(self._rows[first : first + 7])
            assert part is not None
            yield from part.batches(columns)


def assert_is_rs(model, answer):
    """Coefficients and standard errors to 1e-9 of the largest of a column's, in R's order, the bias first."""
    coefficients, errors = (np.array(answer[part]) for part in ("coefficients", "errors"))
    inference = model.inference
    found, stderr = model.weight, inference.weight_stderr
    if model.has_bias:
        found = np.column_stack([model.bias, found])
        stderr = np.column_stack([inference.bias_stderr, stderr])
    assert found.shape == coefficients.shape
    assert np.abs(stderr / errors - 1).max() < 1e-9
    assert (np.abs(found - coefficients) < 1e-9 * np.maximum(np.abs(coefficients), errors)).all()


@pytest.mark.parametrize("name", CASES)
def test_r(name):
    case = CASES[name]
    model = gradline.fit(frame(case.data), formula=case.formula, missing="drop")
    assert_is_rs(model, ANSWERS[name])


@pytest.mark.parametrize("name", CASES)
def test_r_in_blocks_of_seven_rows(name):
    case = CASES[name]
    whole = gradline.fit(frame(case.data), formula=case.formula, missing="drop")
    pieces = gradline.fit(Sevens(frame(case.data)), formula=case.formula, missing="drop")
    assert pieces.design == whole.design  # learned in the same blocks, whatever the file's
    assert_is_rs(pieces, ANSWERS[name])


@cache
def fitted(name: str) -> gradline.LinearModel:
    case = CASES[name]
    return gradline.fit(frame(case.data), formula=case.formula, missing="drop")


@cache
def tables(name: str) -> dict[str, list]:
    """The complete rows that a model needs, dates as text."""
    columns = frame(CASES[name].data).select(*fitted(name).design.inputs).drop_nulls()
    return columns.with_columns(pl.col(pl.Date).cast(pl.String)).to_dict(as_series=False)


@pytest.mark.parametrize("name", CASES)
def test_saved_and_loaded_it_predicts_the_same_bit_for_bit(name, tmp_path):
    model = fitted(name)
    model.save(tmp_path / "m.safetensors")
    again = gradline.load(tmp_path / "m.safetensors")
    assert again.design == model.design
    assert again.predict(tables(name)).tobytes() == model.predict(tables(name)).tobytes()


@pytest.fixture(scope="module")
def postgres():
    with ENGINES["postgres"]() as query:
        yield query


def assert_same(name, query, dialect):
    """To 1e-12 of the sum of a prediction's terms, over the training rows."""
    model, table = fitted(name), tables(name)
    found = np.array(query("data", table, exports.sql(model, dialect)), float)
    (batch,) = model.predictions(table)
    size = np.abs(batch.inputs) @ np.abs(model.weight).T + np.abs(model.bias)
    assert (np.abs(found - batch.values) <= 1e-12 * size).all()


@pytest.mark.parametrize("name", CASES)
def test_sql(name):
    """Over probe rows too, some of which lack a cell or have a level that training did not see."""
    model = fitted(name)
    probes = {unseen: Probe.of(model, unseen) for unseen in ("null", "base")}
    for dialect in ("duckdb", "sqlite"):
        with ENGINES[dialect]() as query:
            assert_same(name, query, dialect)
        for unseen, probe in probes.items():
            assert sql_trial(probe, exports.sql(model, dialect, unseen=unseen), dialect, "data") is not None


@pytest.mark.slow
@pytest.mark.needs("postgres")
@pytest.mark.parametrize("name", CASES)
def test_sql_in_postgres(name, postgres):
    assert_same(name, postgres, "postgres")


HOMES = {
    "price": [5.0, 3.0, 6.0, 4.0, 8.0, 7.0],
    "area": [1.0, 2.0, 3.0, 4.0, 5.0, 7.0],
    "rooms": [1.0, 1.0, 2.0, 2.0, 3.0, 3.0],
    "zero": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
    "town": ["A", "B", "A", "B", "A", "B"],
    "one": ["x"] * 6,
    "sold": ["2020-01-05", "2020-02-06", "2021-03-07", "2021-04-08", "2022-05-09", "2022-06-10"],
}
REFUSED = {
    "price ~ area +": "formula-unreadable",
    "price ~ log(area": "formula-unreadable",
    "price ~ area $ town": "formula-unreadable",
    "price ~ " + "(" * 80 + "area" + ")" * 80: "formula-unreadable",
    "price ~ area" + " + area" * 400: "formula-unreadable",
    "price ~ " + "a" * 20_000: "formula-too-long",
    "price ~ area ~ town": "formula-two-tildes",
    "price + area ~ town": "formula-target-ambiguous",
    "price ~ 2 * area": "formula-number-as-term",
    "price ~ area^0": "formula-power-invalid",
    "price ~ 1": "formula-without-term",
    "~ area": "no-target",
    "price ~ aera": "column-unknown",
    "price ~ area + price": "column-in-two-roles",
    "town ~ area": "target-not-numeric",
    "price ~ log(zero)": "formula-undefined",
    "price ~ I(area / zero)": "formula-undefined",
    "price ~ I(area:rooms)": "formula-not-arithmetic",
    "price ~ log(.)": "formula-not-arithmetic",
    "price ~ log(poly(area, 2))": "formula-function-unknown",
    "price ~ ns(area, 3)": "formula-function-unknown",
    "price ~ lag(area)": "formula-lag",
    "price ~ log(area, 2)": "formula-arguments",
    "price ~ poly(area, 0)": "formula-arguments",
    "price ~ poly(town, 2)": "formula-text-as-number",
    "price ~ log(town)": "formula-text-as-number",
    "price ~ poly(rooms, 3)": "formula-arguments",
    "price ~ bs(area, df=4, knots=2)": "formula-arguments",
    "price ~ bs(area, knots=9)": "formula-arguments",
    "price ~ scale(area, mean=TRUE)": "formula-arguments",
    'price ~ C(town, base="Z")': "base-unknown",
    'price ~ C(town, levels=["A"])': "formula-level-unknown",
    "price ~ C(town, median)": "formula-arguments",
    "price ~ one": "formula-single-level",
    "price ~ sold + year(sold)": "column-of-two-kinds",
    "price ~ year(town)": "date-unreadable",
    "price ~ " + ":".join(f"C(I(area * {j}))" for j in range(1, 12)): "formula-too-many-categories",
    "log(price) ~ area": "formula-target-transformed",
}


@pytest.mark.parametrize("formula", REFUSED)
def test_refused(formula):
    with refused(REFUSED[formula]):
        gradline.fit(HOMES, formula=formula)


def test_a_term_without_a_value_says_where():
    with refused("formula-undefined", "log(zero)", "row 1", "zero = 0"):
        gradline.fit(HOMES, formula="price ~ log(zero)")


def test_refused_beside_other_choices():
    X, y = np.array([[1.0], [2.0], [4.0]]), np.array([1.0, 2.0, 3.0])
    for code, call in {
        "formula-without-names": lambda: gradline.fit(X, y, formula="y ~ x1"),
        "formula-beside-features": lambda: gradline.fit(HOMES, formula="price ~ area", features=["area"]),
        "formula-not-text": lambda: gradline.fit(HOMES, formula=["price ~ area"]),  # type: ignore[arg-type]
        "target-said-twice": lambda: gradline.fit(HOMES, "rooms", formula="price ~ area"),
        "bias-said-twice": lambda: gradline.fit(HOMES, formula="price ~ area", bias=False),
        "base-said-twice": lambda: gradline.fit(HOMES, formula="price ~ C(town, sum)", base=["town=B"]),
        "number-notation": lambda: gradline.fit(MARKED, formula="price ~ cost"),
        "column-not-dates": lambda: gradline.fit(HOMES, formula="price ~ year(area)"),
        "onnx-of-formula": lambda: exports.onnx(gradline.fit(HOMES, formula="price ~ log(area)")),
        "page-of-formula": lambda: gradline.play(HOMES, "price", features=["log(area)"]),
    }.items():
        with refused(code):
            call()


def test_a_wide_power_is_refused_before_it_fills_the_memory():
    wide = {f"x{j}": [1.0, 2.0, 4.0] for j in range(200)} | {"y": [1.0, 2.0, 3.0]}
    with refused("formula-too-many-terms"):
        gradline.fit(wide, formula="y ~ .^4")


def test_a_power_of_one_term_is_that_term_and_says_so():
    with pytest.warns(gradline.GradlineWarning, match=r"write I\(rooms\^2\)"):
        model = gradline.fit(HOMES, formula="price ~ rooms^2")
    assert model.features == ("rooms",)


def _marked(n: int = 240) -> dict[str, list]:
    """Rows with truth values, amounts of a currency, and a category of which some levels have one row."""
    draw = np.random.default_rng(5)
    area, garden = draw.uniform(50, 200, n).round(1), draw.random(n) < 0.5
    cost = draw.uniform(1, 9, n).round(2)
    return {
        "area": area.tolist(),
        "garden": [str(value).lower() for value in garden],
        "cost": [f"€{value:.2f}" for value in cost],
        "town": ["BAC"[i % 3] for i in range(n)],
        "rare": [f"z{i}" if i % 17 == 0 else "xy"[i % 2] for i in range(n)],
        "price": (3 * area + area * garden - 2 * cost + draw.normal(size=n)).round(3).tolist(),
    }


MARKED = _marked()


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    path = tmp_path_factory.mktemp("marked") / "homes.csv"
    pl.DataFrame(MARKED).write_csv(path)
    return path


def test_truth_values_and_amounts_are_numbers_in_products(marked, tmp_path):
    model = gradline.fit(marked, formula="price ~ area * garden + cost:area", numeric=["cost"])
    typed = pl.read_csv(marked).with_columns(
        garden=pl.col("garden").cast(pl.String) == "true",
        cost=pl.col("cost").str.strip_prefix("€").cast(pl.Float64),
    )
    assert model.features == ("area", "garden", "area:garden", "area:cost")
    assert np.array_equal(
        model.weight, gradline.fit(typed, formula="price ~ area * garden + cost:area").weight
    )
    assert gradline.verify(model, marked).agrees
    model.save(tmp_path / "m.safetensors")
    kept = gradline.load(tmp_path / "m.safetensors")
    assert np.array_equal(kept.predict(marked), model.predict(typed))


def test_an_export_does_not_compute_with_truth_values(marked):
    with refused("export-of-truth-values", "garden"):
        exports.sql(gradline.fit(marked, formula="price ~ I(garden * area)"))


@pytest.mark.parametrize("dialect", ["duckdb", "sqlite"])
@pytest.mark.parametrize("formula", ["price ~ area + garden", "price ~ town:garden + area:garden"])
def test_truth_values_are_exported(marked, formula, dialect):
    model = gradline.fit(marked, formula=formula)
    for unseen in ("null", "base"):
        assert sql_trial(Probe.of(model, unseen), exports.sql(model, dialect, unseen=unseen), dialect, "data")


def test_bases_are_chosen_beside_a_formula_or_in_it(marked):
    beside = gradline.fit(marked, formula="price ~ area * town", base={"town": "B"})
    within = gradline.fit(marked, formula='price ~ area * C(town, base="B")')
    assert beside.features == within.features == ("area", "town=A", "town=C", "area:town=A", "area:town=C")
    assert np.array_equal(beside.weight, within.weight)
    assert gradline.verify(beside, marked).agrees


@pytest.mark.parametrize(
    "formula", ["price ~ area + rare", "price ~ area:rare", "price ~ area + C(rare, sum)"]
)
def test_rows_held_out_teach_no_level_and_have_no_prediction_without_one(marked, formula):
    with pytest.warns(gradline.GradlineWarning, match="held-out rows have levels that no training row has"):
        model, plain = (
            gradline.fit(marked, targets, holdout=0.3, seed=3, **chosen)
            for targets, chosen in ((None, {"formula": formula}), ("price", {"features": ["area", "rare"]}))
        )
    assert model.holdout is not None
    assert plain.holdout is not None
    assert model.moments.rows == 168
    assert (model.holdout.rows, model.holdout.dropped) == (plain.holdout.rows, plain.holdout.dropped)
    assert gradline.verify(model, marked).agrees
    unseen = pl.read_csv(marked).with_columns(rare=pl.lit("never"))
    (batch,) = model.predictions(unseen, unseen="missing")
    assert batch.unseen == {"rare": 240}
    assert np.isnan(batch.values).all()
