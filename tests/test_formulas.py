"""Formulas: R's and formulaic's answers, laws of the algebra, what a model keeps of them, and what is refused."""

import io
import json
import warnings
from dataclasses import replace
from functools import cache

import numpy as np
import polars as pl
import pytest
from answers import cases
from commands import command
from databases import ENGINES
from refusals import refused, warned
from safetensors import safe_open
from safetensors.numpy import save_file

import gradline
from gradline import exports, plots
from gradline.data.columnar import FrameSource
from gradline.data.row_stream import held_out_rows
from gradline.data.source import Source
from gradline.exports.probe import Probe
from gradline.exports.trial import onnx_trial, sql_trial
from gradline.history.alignment import ground
from gradline.model.residuals import diagnostics

reference = cases("formulas")
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
    "price ~ lag(area)": "formula-function-refused",
    "price ~ lag(area, 2) + rooms": "formula-function-refused",
    "lag(price) ~ area": "formula-function-refused",
    "price ~ area + offset(rooms)": "formula-function-refused",
    "price ~ log1p(I(zero - 1))": "formula-undefined",
    "price ~ bs(area, df=4, intercept=TRUE)": "formula-arguments",
    "price ~ poly(area, rooms, degree=2)": "formula-arguments",
    "price ~ (area > 2) + rooms": "formula-unreadable",
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
    "abs(price) ~ area": "formula-target-no-way-back",
    "I(price + rooms) ~ area": "formula-target-no-way-back",
    "log(zero) ~ area": "formula-undefined",
    "log(price) ~ area + price": "column-in-two-roles",
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
        "formula-without-bias": lambda: gradline.certify(
            gradline.fit(HOMES, formula="price ~ area"), HOMES, formula="price ~ area - 1"
        ),
        "onnx-of-dates": lambda: exports.onnx(gradline.fit(HOMES, formula="price ~ year(sold)")),
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
    told = "held-out rows have levels that no training row has"
    with pytest.warns(gradline.GradlineWarning, match=told):
        model = gradline.fit(marked, formula=formula, holdout=0.3, seed=3)
    with pytest.warns(gradline.GradlineWarning, match=told):
        plain = gradline.fit(marked, "price", features=["area", "rare"], holdout=0.3, seed=3)
    assert model.holdout is not None
    assert plain.holdout is not None
    assert model.moments.rows == 168
    assert (model.holdout.rows, model.holdout.dropped) == (plain.holdout.rows, plain.holdout.dropped)
    assert gradline.verify(model, marked).agrees
    unseen = pl.read_csv(marked).with_columns(rare=pl.lit("never"))
    (batch,) = model.predictions(unseen, unseen="missing")
    assert batch.unseen == {"rare": 240}
    assert np.isnan(batch.values).all()


TRANSFORMS = {
    "log(price)": (np.log, np.exp),
    "log2(price)": (np.log2, np.exp2),
    "log10(price / 2 + 1)": (lambda y: np.log10(y / 2 + 1), lambda v: (10**v - 1) * 2),
    "log(10 - price)": (lambda y: np.log(10 - y), lambda v: 10 - np.exp(v)),
    "log1p(price)": (np.log1p, np.expm1),
    "log1p(2 * price)": (lambda y: np.log1p(2 * y), lambda v: np.expm1(v) / 2),
    "sqrt(price)": (np.sqrt, np.square),
    "I(2 * price - 3)": (lambda y: 2 * y - 3, lambda v: (v + 3) / 2),
}


@pytest.mark.parametrize("target", TRANSFORMS)
def test_a_transformed_target_predicts_in_its_own_units(target, tmp_path):
    """The median is the inverse, the mean the average of the inverse over the training residuals (Duan 1983)."""
    there, back = TRANSFORMS[target]
    model = gradline.fit(HOMES, target, features=["area", "town"])
    assert model.targets == (target,)
    (fitted_values,) = model.predict(HOMES).T
    residuals = there(np.array(HOMES["price"])) - fitted_values
    assert np.abs(model.predict(HOMES, own_units="median")[:, 0] / back(fitted_values) - 1).max() < 1e-14
    smeared = [back(value + residuals).mean() for value in fitted_values]
    assert np.abs(model.predict(HOMES, own_units="mean")[:, 0] / smeared - 1).max() < 1e-13
    assert gradline.verify(model, HOMES).agrees
    assert model.smearing is not None
    assert not gradline.verify(replace(model, smearing=model.smearing * (1 + 1e-6)), HOMES).agrees
    model.save(tmp_path / "m.safetensors")
    again = gradline.load(tmp_path / "m.safetensors")
    assert (again.predict(HOMES, own_units="mean") == model.predict(HOMES, own_units="mean")).all()


def test_what_own_units_cannot_say_is_refused():
    model = gradline.fit(HOMES, "exp(price)", features=["area"])
    (values,) = model.predict(HOMES).T
    undone = np.log(np.where(values > 0, values, np.nan))
    assert np.allclose(model.predict(HOMES, own_units="median")[:, 0], undone, equal_nan=True)
    with refused("own-units-mean-unknown"):
        model.predict(HOMES, own_units="mean")
    with refused("own-units-invalid"):
        model.predict(HOMES, own_units="mode")
    with refused("interval-in-own-units"):
        model.predict(HOMES, own_units="mean", interval=0.9)


@pytest.mark.parametrize("target", TRANSFORMS)
def test_bounds_in_own_units_are_those_of_the_fit_turned_back(target):
    """A row's price lies between them if and only if the function of it lies between the bounds of the fit."""
    price = np.array(HOMES["price"])
    model = gradline.fit(HOMES, target, features=["area"])
    (_, low, high), (median, lower, upper) = (
        model.predict(HOMES, interval=0.5, own_units=way)[:, :, 0] for way in (None, "median")
    )
    assert ((lower <= median) & (median <= upper)).all()
    value = TRANSFORMS[target][0](price)
    inside = (low <= value) & (value <= high)
    assert 0 < inside.sum() < len(price)
    assert (inside == ((lower <= price) & (price <= upper))).all()


def test_terms_learn_from_training_rows_alone():
    """Rows held out teach no level, no mean and no knot: those of the others, fitted alone, are the model's."""
    draw = np.random.default_rng(0)
    n = 3000
    frame = pl.DataFrame(
        {"y": draw.random(n), "x": draw.random(n), "w": draw.random(n), "z": draw.choice(list("abc"), n)}
    )
    model = gradline.fit(frame, formula="y ~ bs(x, df=5) * z + scale(w)", holdout=0.3, seed=5)
    held = np.concatenate(
        [held_out_rows(0.3, 5, stripe, min(1024, n - 1024 * stripe)) for stripe in range(-(-n // 1024))]
    )
    alone = gradline.fit(frame.filter(pl.Series(~held)), formula="y ~ bs(x, df=5) * z + scale(w)")
    found, wanted = (
        [
            factor.to_dict().get("learned", [])
            for term in one.design.terms
            for factor in getattr(term, "factors", ())
        ]
        for one in (model, alone)
    )
    assert np.allclose(np.concatenate(found), np.concatenate(wanted), rtol=1e-13, atol=0)
    assert np.allclose(model.weight, alone.weight, rtol=1e-9)
    assert gradline.verify(model, frame).agrees


def test_a_difference_of_models_knows_terms():
    other = {name: [*cells[1:], cells[0]] for name, cells in HOMES.items()} | {"area": [9.0, 1, 2, 5, 4, 3]}
    first, second = (gradline.fit(data, formula="price ~ scale(area)") for data in (HOMES, other))
    with refused("terms-differ"):
        ground(first, second)
    first = gradline.fit(HOMES, formula="price ~ town * rooms")
    second = gradline.fit(HOMES | {"town": ["C", "B", "C", "B", "C", "B"]}, formula="price ~ town + rooms")
    with refused("other-base-in-product"):
        ground(first, second)
    same = gradline.fit(HOMES, formula="price ~ scale(area)")
    assert ground(same, same).features == ("scale(area)",)
    first = gradline.fit(HOMES, formula='price ~ C(town, base="B") * rooms')
    second = gradline.fit(HOMES, formula='price ~ C(town, base="B") + rooms')
    assert not ground(first, second).rebased


def test_rows_are_given_as_x_and_y_too():
    """A frame X of words and dates beside Y: the fit and all that reads the rows again; weights may be an array."""
    X = {name: cells for name, cells in HOMES.items() if name != "price"}
    X, y, w = pl.DataFrame(X), pl.Series("price", HOMES["price"]), np.array([1.0, 2, 1, 1, 1, 1])
    terms = "log(area) + town + days(sold)"
    one = gradline.fit(HOMES, formula=f"log(price) ~ {terms}", weights=w, weights_are="counts")
    other = gradline.fit(X, y, formula=f"log(price) ~ {terms}", weights=w, weights_are="counts")
    assert other.design == one.design
    assert (other.weight == one.weight).all()
    whole = diagnostics(one, HOMES, weights=w).rows
    for targets in (y, y.to_numpy()):
        rows = diagnostics(one, X, targets, weights=w).rows
        assert all((found == wanted).all() for found, wanted in zip(rows, whole, strict=True))
        assert gradline.verify(one, X, targets, weights=w).agrees
        plain = gradline.fit(HOMES, formula=f"log(price) ~ {terms}")
        assert plain.evaluate(X, targets) == plain.evaluate(HOMES)
        assert len(plots.predictions(plain, (X, targets)).data) == len(plots.predictions(plain, HOMES).data)
    with refused("columns-do-not-match", "log(price)", "price"):
        diagnostics(one, X, np.column_stack([y, y]), weights=w)


def test_a_date_is_a_trend_from_any_source(tmp_path):
    """Left out, it is told how it takes part; then text, Parquet and frames give one answer."""
    days = [f"2026-0{1 + i % 3}-{1 + i // 3:02}" for i in range(24)]
    text = {
        "when": days,
        "x": [float(i * i % 7) for i in range(24)],
        "y": [float(i * 5 % 11) for i in range(24)],
    }
    typed = pl.DataFrame(text).with_columns(pl.col("when").str.to_date())
    typed.write_parquet(tmp_path / "t.parquet")
    pl.DataFrame(text).write_csv(tmp_path / "t.csv")
    found = []
    for data in (tmp_path / "t.csv", tmp_path / "t.parquet", typed, text):
        if data is not text:  # a frame's text is words
            told = ("when is left out: it holds dates", "--also 'days(when)'", "--category when")
            with warned("column-left-out", *told):
                assert gradline.fit(data, "y").features == ("x",)
            with refused("feature-unusable", "year(when) or month(when) or days(when)"):
                gradline.fit(data, "y", features=["when"])
        also = gradline.fit(data, "y", also=["days(when)"])
        assert also.features == ("x", "days(when)")
        assert "column-left-out" not in [notice.code for notice in also.notices]
        assert gradline.verify(also, data).agrees
        one = gradline.fit(data, formula="y ~ x + days(when)")
        other = gradline.fit(data, "y", features=["x"], also=["days(when)"])
        found += [also.weight.tobytes(), one.weight.tobytes(), other.weight.tobytes()]
    assert len(set(found)) == 1


def test_a_power_warning_has_a_code():
    with warned("power-crosses-terms", "rooms^2"):
        gradline.fit(HOMES, formula="price ~ rooms^2")


def test_features_and_targets_are_written_as_terms_too():
    one = gradline.fit(HOMES, "price", features=["log(area)", "area:town", "rooms"])
    other = gradline.fit(HOMES, formula="price ~ log(area) + area:town + rooms")
    assert one.design == other.design
    assert (one.weight == other.weight).all()
    assert gradline.verify(one, HOMES).agrees
    every = gradline.fit({k: HOMES[k] for k in ("price", "area", "town")}, "log(price)")
    assert every.features == ("area", "town=B")
    assert gradline.fit(HOMES, formula="~ area", targets="price").features == ("area",)


def _changed(card, change):
    for recipe in (card["recipe"], card["moments"]["recipe"]):
        change(recipe)


def _factor(recipe, i):
    products = [term for term in recipe["terms"] if term["term"] == "product"]
    return products[i]["factors"][0]


FORGED = {
    "a mean": (lambda r: _factor(r, 0)["learned"].__setitem__(0, 3.5), "disagrees"),
    "a deviation of nothing": (lambda r: _factor(r, 0)["learned"].__setitem__(1, 0.0), "damaged"),
    "no deviation": (lambda r: _factor(r, 0)["learned"].pop(), "damaged"),
    "another function": (lambda r: _factor(r, 0).update(text="log(area)"), "disagrees"),
    "no function": (lambda r: _factor(r, 0).update(text="os.system(area)"), "damaged"),
    "a formula without end": (lambda r: _factor(r, 0).update(text="(" * 9999), "damaged"),
    "two operators": (lambda r: _factor(r, 0).update(text="scale(area) + 1"), "damaged"),
    "a knot out of order": (lambda r: _factor(r, 1)["learned"].reverse(), "damaged"),
    "a knot moved": (lambda r: _factor(r, 1)["learned"].__setitem__(1, 2.25), "disagrees"),
    "a norm below zero": (lambda r: _factor(r, 2)["learned"].__setitem__(2, -1.0), "damaged"),
    "levels swapped": (lambda r: _factor(r, 3)["levels"].reverse(), "disagrees"),
    "a level twice": (lambda r: _factor(r, 3).update(levels=["A", "A"]), "damaged"),
    "a level that is no number": (lambda r: _factor(r, 3).update(cells="number"), "damaged"),
    "no factor": (lambda r: r["terms"][0].update(factors=[]), "damaged"),
    "a product of nothing": (lambda r: r["terms"][0].pop("factors"), "damaged"),
    "a number without a column": (lambda r: r["terms"].__setitem__(0, {"term": "number"}), "damaged"),
    "a transform of another column": (lambda r: r.update(transforms=["log(area)"]), "damaged"),
    "a function as text": (lambda r: _factor(r, 0).update(text=7), "damaged"),
}


@pytest.mark.parametrize("name", FORGED)
def test_what_a_term_learned_is_not_forged(name, tmp_path):
    """Changed in the file and signed again: it is damaged, or `verify` finds it."""
    change, wanted = FORGED[name]
    path = tmp_path / "m.safetensors"
    table = frame("warpbreaks").with_columns(
        area=pl.col("breaks") % 7 + 1.0, town=pl.Series(["A", "B"] * 27), price=pl.col("breaks") * 1.0
    )
    formula = "price ~ scale(area) + bs(area, df=5) + poly(breaks, 2) + C(town, sum)"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gradline.fit(table, formula=formula).save(path)
        with safe_open(path, "numpy") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            card = json.loads(file.metadata()["gradline"])
        _changed(card, change)
        save_file(tensors, path, {"gradline": json.dumps(card)})
        if wanted == "damaged":
            with refused("model-file-damaged"):
                gradline.load(path)
        else:
            assert not gradline.verify(path, table).agrees


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.formulaic != ""])
def test_formulaic_makes_the_same_columns(name):
    """Each column of X is one of formulaic's, and there are as many."""
    from formulaic import model_matrix

    case, model = CASES[name], fitted(name)
    written = case.formula if case.formulaic is None else case.formulaic
    rows = frame(case.data).select(*model.design.columns).drop_nulls()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # formulaic's, of pandas
        made = model_matrix(written, rows.to_pandas())
    theirs = np.asarray(made.rhs, float)
    theirs = theirs[:, [not (column == 1).all() for column in theirs.T]]
    (batch,) = model.predictions(rows)
    assert theirs.shape == batch.inputs.shape
    for column in batch.inputs.T:
        off = np.abs(theirs - column[:, None]).max(axis=0)
        assert off.min() <= 1e-9 * np.abs(column).max(), (off.min(), column[:3])


@pytest.mark.parametrize("name", [name for name in CASES if "(date)" not in name])
def test_onnx(name):
    """Over probe rows, some of which lack a cell or have a level that training did not see."""
    model = fitted(name)
    for unseen in ("null", "base"):
        assert onnx_trial(Probe.of(model, unseen), exports.onnx(model, unseen=unseen)) is not None


def test_on_the_command_line(tmp_path):
    """Fit, say how to go to the optimum, predict in own units, verify, and fit anew from the model's own options."""

    def run(*words):
        done = command(*words, folder=tmp_path)
        assert done.code == 0, done.err
        return done.out

    pl.DataFrame(HOMES).write_csv(tmp_path / "homes.csv")
    formula = "log(price) ~ area * town"
    assert f"gradline fit homes.csv '{formula}'" in run(
        "fit", "homes.csv", formula, "--lr", "auto", "--epochs", 5
    )
    run("fit", "homes.csv", formula, "-o", "m.safetensors")
    table = pl.read_csv(io.StringIO(run("predict", "m.safetensors", "homes.csv")))
    assert table.columns == ["log(price)", "price_median", "price_mean"]
    model = gradline.load(tmp_path / "m.safetensors")
    for way in ("median", "mean"):
        assert np.allclose(table[f"price_{way}"], model.predict(HOMES, own_units=way)[:, 0], rtol=1e-14)
    bounded = pl.read_csv(io.StringIO(run("predict", "m.safetensors", "homes.csv", "--interval", 0.9)))
    ends = ("", "_lower", "_upper")
    assert bounded.columns == [
        *(f"{name}{end}" for name in ("log(price)", "price_median") for end in ends),
        "price_mean",
    ]
    by_hand = run(
        "predict", "m.safetensors", "--set", "area=1", "--set", "town=A", "--interval", 0.9
    ).splitlines()
    assert [line.split()[0] for line in by_hand] == ["predicted", "log(price)", "price_median", "price_mean"]
    assert float(by_hand[2].split()[3]) == pytest.approx(bounded["price_median_upper"][0], rel=1e-5)
    assert "Verified" in run("verify", "m.safetensors", "homes.csv")
    (tmp_path / "options.toml").write_text(run("show", "m.safetensors", "--config"))
    run("fit", "--config", "options.toml", "homes.csv", "-o", "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "m.safetensors").read_bytes()
    run("fit", "homes.csv", "-t", "price", "-f", "log(area)", "-f", "area:town")
    assert "LN(" not in run("export", "m.safetensors", "--to", "sql")
    assert "-f 'bs(area, df=4)'" in run("doctor", "homes.csv", "-t", "log(price)", "-f", "bs(area, df=4)")
    assert f"gradline fit homes.csv '{formula}'\n" in run("doctor", "homes.csv", formula)
    unbiased = json.loads(run("trajectory", "homes.csv", "price ~ area + rooms - 1", "--at", 9, "--json"))
    assert unbiased["points"][0]["bias"] == [0.0]
    wanted = gradline.fit(HOMES, formula="price ~ area + rooms - 1").training.loss
    assert unbiased["optimal_loss"] == pytest.approx(wanted, rel=1e-12)
    assert command("doctor", "homes.csv", folder=tmp_path).code == 2


def test_a_bad_cell_is_named_by_its_line(tmp_path):
    pl.DataFrame(HOMES).write_csv(tmp_path / "homes.csv")
    done = command("fit", "homes.csv", "price ~ log(zero)", "-o", "m.safetensors", folder=tmp_path)
    assert done.code == 1
    assert "log(zero) has no value in line 2 of homes.csv, where zero = 0" in done.err
    assert not (tmp_path / "m.safetensors").exists()


def test_without_a_bias_everywhere():
    """`- 1` is the model's, the doctor's, the page's and the moments'."""
    formula = "price ~ area + rooms - 1"
    model = gradline.fit(HOMES, formula=formula)
    assert not model.has_bias
    assert gradline.verify(model, HOMES).agrees
    assert gradline.doctor(HOMES, formula=formula).features == ["area", "rooms"]
    again = gradline.fit(gradline.Moments.of(HOMES, formula=formula), bias=False)
    assert np.allclose(again.weight, model.weight, rtol=1e-12)


def test_verify_takes_rows_in_any_order():
    table = frame("mtcars").with_columns(pl.col(pl.Int64).cast(pl.Float64))
    model = gradline.fit(table, formula="mpg ~ poly(hp, 3) + scale(wt) + bs(disp, df=5)")
    for seed in range(3):
        found = gradline.verify(model, table.sample(fraction=1.0, shuffle=True, seed=seed))
        assert found.agrees
        assert not found.unchecked


def test_an_export_is_tried_where_its_terms_have_values():
    """Rows without a value are left out of the trial, for no two engines say the same of log(-1)."""
    model = gradline.fit(HOMES, formula="price ~ log(area - rooms + 1) + rooms + area")
    probe = Probe.of(model)
    assert 5 < np.isfinite(probe.expected).sum() < probe.rows
    for dialect in ("duckdb", "sqlite"):
        assert sql_trial(probe, exports.sql(model, dialect), dialect, "data") is not None
