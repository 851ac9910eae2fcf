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
