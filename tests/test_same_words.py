"""Words that are read as one: the model is that of a table which has one word for them, from any kind of source."""

import shlex

import duckdb
import numpy as np
import onnxruntime
import pandas as pd
import polars as pl
import pytest
from commands import command
from refusals import refused
from test_where import written

import gradline
from gradline.core.errors import GradlineWarning
from gradline.data.notation import Text
from gradline.data.same_words import joining, others, spelled
from gradline.exports import onnx, sql

pytestmark = pytest.mark.filterwarnings("ignore::gradline.core.errors.GradlineWarning")
N = 60
WORDS = ("Bonn", "bonn", "B, N", "Ulm", "true", "New: York", "NY")
READ = Text(same=('town: Bonn = bonn, "B, N"', "town: 'New: York' = NY", "town:Ulm=true"))
READ_AS = {"bonn": "Bonn", "B, N": "Bonn", "NY": "New: York", "true": "Ulm"}
RANDOM = np.random.default_rng(7)
DIRTY = pl.DataFrame(
    {
        "town": [WORDS[i % len(WORDS)] for i in range(N)],
        "area": np.round(RANDOM.normal(50, 9, N), 2),
        "price": np.round(RANDOM.normal(500, 90, N), 2),
    }
)
CLEAN = DIRTY.with_columns(pl.col("town").replace(READ_AS))


@pytest.mark.parametrize("formula", ["price ~ town + area", "price ~ C(town, sum) * area"])
def test_the_model_is_that_of_one_word(formula, tmp_path):
    expected = gradline.fit(CLEAN, formula=formula)
    declared = DIRTY.to_pandas().astype({"town": pd.CategoricalDtype(sorted(WORDS))})
    for data in (*written(DIRTY, tmp_path), declared):
        found = gradline.fit(data, formula=formula, read=READ)
        assert found.features == expected.features, data
        assert found.weight.tolist() == expected.weight.tolist()
        assert found.moments.statistics.fingerprint == expected.moments.statistics.fingerprint


def test_what_a_model_knows_of_words_goes_with_it(tmp_path):
    """Predictions, conditions, the proof, SQL and ONNX, each on words of both kinds."""
    gradline.fit(DIRTY, "price", read=READ).save(tmp_path / "m.safetensors")
    model = gradline.load(tmp_path / "m.safetensors")
    expected = gradline.fit(CLEAN, "price").predict(CLEAN)
    assert model.predict(DIRTY).tolist() == expected.tolist()
    assert gradline.verify(model, DIRTY)
    expected_rows = (CLEAN["town"] == "New: York").sum()
    told = Text(same=READ.same, where='town = "New: York"')
    assert gradline.fit(DIRTY, "price", features=["area"], read=told).moments.rows == expected_rows
    connection = duckdb.connect()
    connection.register("data", DIRTY.to_arrow())
    assert np.allclose(connection.sql(sql(model)).fetchnumpy()["price"], expected[:, 0], rtol=1e-12)
    graph = onnxruntime.InferenceSession(onnx(model))
    columns = {
        "town": DIRTY["town"].to_numpy().astype(object)[:, None],
        "area": DIRTY["area"].to_numpy()[:, None],
    }
    assert np.allclose(np.asarray(graph.run(None, columns)[0]), expected, rtol=1e-12)


def test_the_warning_names_the_option_that_heals(tmp_path):
    towns = ["Bonn", "BONN", "Ulm", "ulm", 'a"b', 'A"B', "x=y", "X=Y"]
    table = pl.DataFrame({"town": towns * 4, "price": RANDOM.normal(size=32)})
    table.write_csv(tmp_path / "t.csv")
    with pytest.warns(GradlineWarning, match="zeros alone") as told:
        gradline.fit(tmp_path / "t.csv", "price")
    (remedy,) = (str(one.message) for one in told if "zeros alone" in str(one.message))
    flags = remedy[remedy.index("--same") : remedy.index(" (read=")]
    done = command(*shlex.split(f"fit t.csv -t price {flags} -o m.safetensors"), folder=tmp_path)
    assert done.code == 0, done.err
    assert "zeros alone" not in done.err
    assert gradline.load(tmp_path / "m.safetensors").features == ("town=Bonn", "town=Ulm", "town=X=Y")


def test_words_with_marks_come_back():
    for group in (["a, b", "A, B"], ['"x"', "'X'"], ["p: q", "P=Q"], [" a", "A "]):
        _, text = shlex.split(joining("to: wn", [group]).split(" (read=")[0])
        (word, rest), *none = spelled([text], "to: wn").items()
        assert not none
        assert {word, *rest} == set(group)
    assert spelled(['"to, wn": a = b, c'], "to, wn") == {"a": ["b", "c"]}
    assert spelled(["a:b: c = d"], "a") == {}


@pytest.mark.parametrize(
    ("same", "code", "shown"),
    [
        ("town", "same-unreadable", "NAME: WORD = OTHER"),
        ("town: Bonn", "same-unreadable", "NAME: WORD = OTHER"),
        ("town: Bonn = bonn = BN", "same-unreadable", "quote"),
        (("town: Bonn = BN", "town: Ulm = BN"), "same-contradicts-itself", "'Ulm'"),
        (("town: Bonn = BN", "town: Ulm = Bonn"), "same-contradicts-itself", "'Ulm'"),
        ("town: Bonn = Bonn", "same-contradicts-itself", "'Bonn'"),
        ("twon: Bonn = BN", "column-unknown", "Did you mean town"),
        ("area: 1 = 2", "same-of-no-words", "--category area"),
    ],
)
def test_what_cannot_be_meant_is_refused(same, code, shown):
    with refused(code, shown):
        gradline.fit(DIRTY, "price", read=Text(same=same))


def test_none_is_told_by_an_empty_text():
    assert others([""]) == {}
    assert gradline.fit(DIRTY, "price", read=Text(same="")).features == gradline.fit(DIRTY, "price").features
