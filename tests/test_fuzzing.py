"""Files that nobody should have written: each is read, or refused in plain words, soon, and within bounds."""

import bz2
import decimal
import functools
import gzip
import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from fuzzing import KINDS, tried
from refusals import expect_refusal, refused
from typer.testing import CliRunner

import gradline as package
from gradline.cli.commands import app
from gradline.core import memory_limit
from gradline.core.linalg.triangular import finite
from gradline.core.tensor_file import read_tensors, write_tensors
from gradline.data import lines

ROWS = "1,2,5\n2,1,4\n3,5,12\n4,4,11\n6,1,9\n"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_at_random(kind, tmp_path):
    _, faults = tried(150, tmp_path, seed=18, kind=kind)
    assert not faults, "\n".join(text for text, _ in faults.values())


@pytest.mark.parametrize("name", ["*", "^.*$", "^x$", "~", "x.*"])
@pytest.mark.parametrize("ending", ["csv", "parquet", "ndjson"])
def test_a_name_is_no_pattern(name, ending, tmp_path):
    """The coefficients are those of the same columns under plain names."""
    frame = pl.DataFrame({"a": [1.0, 2, 3, 4, 6], "b": [2.0, 1, 5, 4, 1], "y": [5.0, 4, 12, 11, 9]})
    frame = frame.rename({"b": name})
    path = tmp_path / f"t.{ending}"
    getattr(frame, f"write_{ending}")(path)
    found, expected = package.fit(path, "y"), package.fit(frame.rename({name: "b"}), "y")
    assert found.features == ("a", name)
    assert found.weight.tolist() == expected.weight.tolist()


def test_a_column_without_a_name_keeps_its_place(tmp_path):
    rows = [
        {"": 1, "x": 2, "y": 5},
        {"": 2, "x": 1, "y": 4},
        {"": 3, "x": 5, "y": 12},
        {"": 4, "x": 4, "y": 9},
    ]
    (tmp_path / "t.ndjson").write_text("\n".join(map(json.dumps, rows)))
    assert package.fit(tmp_path / "t.ndjson", "y").features == ("", "x")


@pytest.mark.parametrize("name", ["~x.csv", "~nobody/x.csv", "~"])
def test_a_tilde_that_stands_for_nobody(name, gradline, tmp_path):
    done = gradline("--debug", "fit", name if name != "~" else "~nobody", "-t", "y")
    expect_refusal(done.err, "file-not-found")
    if name != "~":
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"a,b,y\n{ROWS}")
        assert gradline("fit", name, "-t", "y").code == 0


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_a_name_that_is_no_text(gradline, tmp_path):
    name = os.fsdecode(b"t\xff\xfe.csv")
    (tmp_path / name).write_text(f"a,b,y\n{ROWS}")
    for words in (["fit", name, "-t", "y"], ["fit", name, "-t", "y", "--json"], ["fit", name, "-t", "z"]):
        done = gradline(*words)
        assert "fault of gradline" not in done.err
        assert done.code == (words[-1] == "z")
    assert gradline("fit", name, "-t", "y", "-o", "m").code == 0
    assert gradline("fit", name, "-t", "y", "-o", os.fsdecode(b"\xff.safetensors")).code == 0
    assert gradline("show", "m", "--config").code == 0


@pytest.mark.parametrize(
    "line", ["[" * 5000, '{"x": ' * 5000, '{"\\ud800": 1}', '{"x": "\\udfff"}', '{"x": 1e999}']
)
def test_lines_of_json_that_polars_and_python_take_differently(line, gradline, tmp_path):
    (tmp_path / "t.ndjson").write_text('{"x": 1, "y": 2}\n{"x": 2, "y": 3}\n' + line + "\n")
    done = gradline("--debug", "fit", "t.ndjson", "-t", "y")
    assert done.code == 1
    assert "line 3" in done.err
    assert "fault of gradline" not in done.err


@pytest.mark.parametrize("cell", ["0" * 5000 + "9007199254740993", "-" + "0" * 5000 + "9007199254740993"])
def test_many_leading_zeros(cell, gradline, tmp_path):
    (tmp_path / "t.csv").write_text(f"a,b,y\n{ROWS}{cell},1,1\n")
    done = gradline("--debug", "fit", "t.csv", "-t", "y", "--numeric", "a")  # by itself a code
    expect_refusal(done.err, "integer-beyond-float64", "line 7")


@pytest.mark.parametrize(("cell", "is_held"), [("9007199254740992", True), ("9007199254740993", False)])
@pytest.mark.parametrize("sign", ["", "-"])
def test_decimals_are_held_to_what_integers_are(cell, is_held, sign):
    values = [decimal.Decimal(sign + cell), *map(decimal.Decimal, ["1.5", "2.5", "4", "8"])]
    frame = pl.DataFrame({"x": values, "y": [1.0, 2.0, 3.0, 5.0, 8.0]})
    assert frame["x"].dtype.is_decimal()
    if is_held:
        assert package.fit(frame, "y").features == ("x",)
    else:
        with refused("integer-beyond-float64", "row 1"):
            package.fit(frame, "y")


def in_streams(data: bytes) -> bytes:
    """Packed as bzip2 does on many cores, one stream after the other: those that are alike, once."""
    packed = functools.cache(bz2.compress)
    return b"".join(packed(data[first : first + (1 << 20)]) for first in range(0, len(data), 1 << 20))


@pytest.mark.slow
@pytest.mark.parametrize("pack", [gzip.compress, in_streams, bytes])
def test_blank_lines_are_looked_at_once(pack, tmp_path):
    """Packed a thousandfold: those at the end are left out, and what follows some stays in its place."""
    blank = b"\n" * (240 << 20) if pack is gzip.compress else b"\r\n" * (20 << 20)
    path = tmp_path / "t"
    path.write_bytes(pack(b"x\n1\n" + blank))
    assert [part for part in lines.lines(path, "t", quoted=True) if part.data] == [(b"x\n1\n", 1)]
    path.write_bytes(pack(b"x\n" + blank + b"2\n"))
    found = b"".join(part.data for part in lines.lines(path, "t", quoted=True))
    assert found == b"x\n" + blank + b"2\n"


def test_more_blank_lines_than_any_table_has(tmp_path):
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"x,y\n1,2\n" + b"\n" * (260 << 20), 1))
    with refused("too-many-blank-lines"):
        package.fit(tmp_path / "t.csv.gz", "y")


def test_a_header_of_a_million_columns(tmp_path):
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"," * (2 << 20) + b"\n", 1))
    with refused("too-many-columns", "2,097,153"):
        package.fit(tmp_path / "t.csv.gz", "y")


@pytest.mark.parametrize("changes", [
    {"minimum": 9.0}, {"maximum": -9.0}, {"minimum": -1e200, "maximum": 1e200}, {"mean": 1e9}, {"factor": 1e9},
    {"factor": 1e-320}, {"factor": 1e308},
])  # fmt: skip
def test_moments_that_no_rows_have(changes, tmp_path):
    package.Moments.of([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0]).save(tmp_path / "m")
    tensors, card = read_tensors(tmp_path / "m", "moments")
    for name, value in changes.items():
        tensors[name][0] = value
    write_tensors(tmp_path / "m", tensors, card)
    with refused("model-file-damaged"):
        package.Moments.load(tmp_path / "m")


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_any_terminal_gets_the_summary(encoding):
    fit = [sys.executable, "-m", "gradline", "fit", "example:crops", "-t", "apples", "--lr", "1e-5"]
    told = subprocess.run(fit, capture_output=True, env=os.environ | {"PYTHONIOENCODING": encoding})
    assert told.returncode == 0
    assert b"fault of gradline" not in told.stderr
    assert "R²" in told.stdout.decode("utf-8" if encoding == "ascii" else encoding)


@pytest.mark.parametrize("name", ["*", "^.*$", "^x$"])
def test_words_and_weights_under_such_a_name(name):
    """Levels, missing cells and weights: the same as under a plain name."""
    frame = pl.DataFrame(
        {"a": ["p", None, "q", "q", "p"], "b": [2.0, 1, 5, None, 1], "y": [5.0, 4, 12, 11, 9]}
    )
    for column, weights in (("a", None), ("b", "b"), ("b", None)):
        plain = package.fit(frame, "y", missing="drop", weights=weights)
        odd = package.fit(frame.rename({column: name}), "y", missing="drop", weights=weights and name)
        assert odd.weight.tolist() == plain.weight.tolist()
        assert odd.moments.statistics.dropped == plain.moments.statistics.dropped


def test_columns_so_small_that_their_fourth_powers_are_none(gradline, tmp_path):
    """Whatever the scale of all columns, the doctor and both kinds of descent answer, or refuse in plain words."""
    rows = [f"{(i * i) % 7 - 3}e-149,{i % 5 - 2}e-149,{i % 4}e-149" for i in range(20)]
    (tmp_path / "t.csv").write_text("x,z,y\n" + "\n".join(rows) + "\n")
    for words in (["doctor"], ["fit", "--batch-size", "4"], ["fit", "--epochs", "5"], ["trajectory"]):
        done = gradline(words[0], "t.csv", "-t", "y", *words[1:])
        assert done.code in (0, 1)
        assert "fault of gradline" not in done.err


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_what_lapack_cannot_decompose_is_refused(value):
    with refused("factor-beyond-float64"):
        finite(np.array([[1.0, value], [0.0, 1.0]]))


def test_a_machine_without_memory_is_no_fault(monkeypatch):
    def fails(*_):
        raise MemoryError("Unable to allocate 8 TiB")

    monkeypatch.setattr("gradline.data.tables.open_files", fails)
    told = CliRunner().invoke(app, ["fit", "x.csv", "-t", "y", "--json"])
    assert told.exit_code == 1
    expect_refusal(told.stderr, "memory-exhausted", "8 TiB")


def test_the_products_of_many_columns_are_refused_before_they_are_taken(monkeypatch):
    X = np.random.default_rng(0).standard_normal((6000, 1500))
    monkeypatch.setattr(memory_limit, "_counted", {"VmHWM": 3 * 10**8, "VmRSS": 3 * 10**8}.get)
    with refused("memory-exceeded", "1,501", "36 MB", "336 MB", "320 MB"):
        package.fit(X, X[:, 0], memory="320MB")


def test_an_interval_where_the_scatter_is_no_number():
    known = package.fit([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.5]).inference
    with refused("interval-unknown"):
        replace(known, estimates=None, refusals=()).margin(np.ones((1, 1)), 0.9)
