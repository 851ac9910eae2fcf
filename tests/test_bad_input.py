"""Bad input through the real command line: one message (cause, then remedy), the right exit code, no leftovers."""

import functools
import gzip
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import safetensors.numpy
from known import known
from refusals import expect_refusal, refused, warned
from typer.testing import CliRunner

import gradline as package
from gradline.cli.commands import app
from gradline.data.files import EXAMPLES

CROPS = (EXAMPLES / "crops.csv").read_bytes()
FIT = ["fit", "t.csv", "-t", "y", "-o", "m.safetensors"]


@dataclass
class Case:
    """Files, a command, and what must come back: the exit code, the refusal's code, and values that it shows."""

    name: str
    files: dict[str, bytes]
    words: list[str]
    code: int
    said: list[str]


def csv(*lines, header="a,b,y"):
    return "\n".join([header, *lines, ""]).encode()


GOOD = csv("1,2,3", "2,1,5", "4,4,4", "5,1,2", "7,3,1")


def parquet(**columns):
    import io

    stream = io.BytesIO()
    pl.DataFrame(columns).write_parquet(stream)
    return stream.getvalue()


def late_text():
    rows = [f"{i % 97},{i % 89},{i % 83}" for i in range(200_200)]
    rows[199_999] = "1,oops,2"
    return csv(*rows)


@functools.cache
def saved_model():
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.safetensors"
        package.fit({"a": [1.0, 2, 4, 5], "b": [2.0, 1, 4, 1], "y": [3.0, 5, 4, 2]}, "y").save(path)
        return path.read_bytes()


def model_file(**changes):
    """A valid model of GOOD, its card changed."""
    import struct

    data = saved_model()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    card = json.loads(header["__metadata__"]["gradline"])
    card.update(changes)
    header["__metadata__"]["gradline"] = json.dumps(card)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


ELF = b"\x7fELF\x02\x01\x01" + bytes(57) + b"a,b,y\n1,2,3\n"
DATA_CASES = [
    Case("file missing", {"tt.csv": GOOD}, FIT, 1, ["file-not-found", "t.csv", "tt.csv"]),
    Case("empty", {"t.csv": b""}, FIT, 1, ["file-empty", "t.csv"]),
    Case("blank", {"t.csv": b"\n\n"}, FIT, 1, ["file-empty", "t.csv"]),
    Case("a quote that never closes in the header", {"t.csv": b'a,b,"y\n1,2,3\n'}, FIT, 1, ["csv-quote-open", "header of t.csv"]),
    Case("a carriage return inside a line", {"t.csv": b"a,b,y\n1,2\r,3\n"}, FIT, 1, ["csv-bare-carriage-return", "line 2"]),
    Case("Parquet without rows", {"t.csv": parquet(a=pl.Series([], dtype=pl.Float64), y=pl.Series([], dtype=pl.Float64))}, FIT, 1, ["no-rows", "t.csv"]),
    Case("a JSON array that does not end", {"t.json": b'[{"a": 1, "b": 2}, '}, ["fit", "t.json", "-t", "a"], 1, ["file-damaged", "t.json", "object 1"]),
    Case("values without a square", {"t.csv": csv("1,2,1e200", "2,2,2e200")}, FIT, 1, ["square-beyond-float64", "column y"]),
    Case("every weight zero", {"t.csv": csv("1,0,3", "2,0,4")}, [*FIT, "--weights", "b"], 1, ["weights-all-zero"]),
    Case("a target with decimal commas", {"t.csv": csv("1\t2\t3,5", "2\t3\t4,5", header="a\tb\ty")}, FIT, 1, ["number-notation", "y", "--decimal"]),
    Case("-o names something that is no model", {"t.csv": GOOD}, [*FIT[:-1], "t.csv"], 1, ["output-exists", "t.csv"]),
    Case("header only", {"t.csv": csv()}, FIT, 1, ["no-rows", "t.csv"]),
    Case("line too long", {"t.csv": csv("1,2,3", "1,2,3,4")}, FIT, 1, ["csv-ragged-line", "line 3 of t.csv", "4", "3"]),
    Case("line too short", {"t.csv": csv("1,2,3", "", "1,2")}, FIT, 1, ["csv-ragged-line", "line 4 of t.csv"]),
    Case("line cut", {"t.csv": csv("1,2,3", "1,2")}, FIT, 1, ["csv-ragged-line", "line 3 of t.csv", "2", "3"]),
    Case(
        "ragged in an unused column",
        {"t.csv": csv("1,2,3,x", "1,2,3,x,x", header="a,b,y,z")},
        [*FIT, "-f", "a"],
        1,
        ["csv-ragged-line", "line 3 of t.csv", "5"],
    ),
    Case(
        "ragged after a field of two lines",
        {"t.csv": b'a,b,y\n1,"x\nx",3\n1,2\n'},
        FIT,
        1,
        ["csv-ragged-line", "line 4 of t.csv", "2"],
    ),
    Case("quote never closed", {"t.csv": b'a,b,y\n1,"2,3\n4,5,6\n'}, FIT, 1, ["csv-quote-open", "line 2 of t.csv"]),
    Case("text in a numeric column", {"t.csv": csv("1,2,3", "1,2,3", "1,two,3")}, FIT, 1, ["text-in-number-column", "column b", "line 4", "'two'"]),
    Case("text at line 200,001", {"t.csv": late_text()}, FIT, 1, ["text-in-number-column", "column b", "line 200,001 of t.csv", "'oops'"]),
    Case("infinity", {"t.csv": csv("1,2,3", "1,-Inf,3")}, FIT, 1, ["value-infinite", "column b", "line 3", "'-Inf'"]),
    Case("a number beyond float64", {"t.csv": csv("1,2,3", "1,1e999,3")}, FIT, 1, ["value-infinite", "line 3", "'1e999'"]),
    Case(
        "missing cells",
        {"t.csv": csv("1,,3", "1,2, n/a ", "NULL,,3", "1,2,4", "3,4,5")},
        FIT,
        1,
        ["missing-cells", "a 1", "b 2", "y 1", "3 of 5 rows", "--missing drop"],
    ),
    Case("every row incomplete", {"t.csv": csv("1,,3", "NA,2,4")}, [*FIT, "--missing", "drop"], 1, ["no-complete-row", "2"]),
    Case("unknown target", {"t.csv": GOOD}, ["fit", "t.csv", "-t", "Y"], 1, ["column-unknown", "Y", "y"]),
    Case("unknown feature", {"t.csv": GOOD}, [*FIT, "-f", "aa"], 1, ["column-unknown", "aa", "a, b, y"]),
    Case("unknown excluded", {"t.csv": GOOD}, [*FIT, "--exclude", "c"], 1, ["column-unknown", "c"]),
    Case("target also a feature", {"t.csv": GOOD}, [*FIT, "-f", "y"], 1, ["column-in-two-roles", "y"]),
    Case("target is text", {"t.csv": csv("1,2,p", "1,2,q")}, FIT, 1, ["target-not-numeric", "y", "'p'"]),
    Case("duplicate column names", {"t.csv": csv("1,2,3", header="a,a,y")}, FIT, 1, ["column-name-twice", "a"]),
    Case("UTF-16 without a mark", {"t.csv": GOOD.decode().encode("utf-16-le")}, FIT, 1, ["not-text", "--encoding"]),
    Case("UTF-8 with one Latin-1 character", {"t.csv": csv("1,2,3", "1,2,3", header="a,é,y") + b"1,\xe9,3\n"}, FIT, 1, ["text-not-utf8", "0xe9", "line 4", "--encoding"]),
    Case("NUL bytes", {"t.csv": csv("1,2,3", "1,\0,3")}, FIT, 1, ["not-text", "line 3"]),
    Case("an ELF file", {"t.csv": ELF}, FIT, 1, ["not-text", "line 1"]),
    Case("half a zip archive", {"t.csv": b"PK\x03\x04" + bytes(40)}, FIT, 1, ["file-damaged", "t.csv"]),
    Case("carriage returns only", {"t.csv": GOOD.replace(b"\n", b"\r")}, FIT, 1, ["csv-bare-carriage-return", "t.csv"]),
    Case("truncated gzip", {"t.csv": gzip.compress(CROPS * 50)[:-20]}, FIT, 1, ["file-damaged", "t.csv"]),
    Case("damaged gzip", {"t.csv": gzip.compress(GOOD)[:20] + b"xxxxx" + gzip.compress(GOOD)[25:]}, FIT, 1, ["file-unreadable", "t.csv"]),
    Case("truncated Parquet", {"t.csv": parquet(a=[1.0], y=[1.0])[:-9]}, FIT, 1, ["file-damaged", "t.csv"]),
    Case("folder without data", {"d/README": b"hi"}, ["fit", "d", "-t", "y"], 1, ["no-data-files", "d", ".csv"]),
    Case("pattern without match", {}, ["fit", "x*.csv", "-t", "y"], 1, ["file-not-found", "x*.csv"]),
    Case(
        "a file of a glob lacks a column",
        {"p1.csv": GOOD, "p2.csv": csv("1,2", header="a,y")},
        ["fit", "p*.csv", "-t", "y"],
        1,
        ["column-lacking", "p2.csv", "b", "p1.csv"],
    ),
    Case(
        "integer beyond 2^53", {"t.csv": csv("1,9007199254740993,3", "1,2,3")}, FIT, 1, ["integer-beyond-float64", "column b", "line 2", "2^53"]
    ),
    Case(
        "integer beyond 2^53 in Parquet",
        {"t.csv": parquet(a=[1, 2**60], y=[1.0, 2.0])},
        FIT,
        1,
        ["integer-beyond-float64", "column a", "row 2", "2^53"],
    ),
    Case("infinity in Parquet", {"t.csv": parquet(a=[1.0, np.inf], y=[1.0, 2.0])}, FIT, 1, ["value-infinite", "column a", "row 2"]),
    Case("negative weight", {"t.csv": csv("1,2,3", "1,-2,3")}, [*FIT, "--weights", "b"], 1, ["weight-negative", "line 3", "-2"]),
    Case("weight all but zero", {"t.csv": csv("1,2,3", "1,1e-310,3")}, [*FIT, "--weights", "b"], 1, ["weight-beyond-float64", "line 3", "1e-310"]),
    Case("weight too large", {"t.csv": csv("1,2,3", "1,1e300,3")}, [*FIT, "--weights", "b"], 1, ["weight-beyond-float64", "line 3", "1e+300"]),
    Case("no such example", {}, ["fit", "example:crop", "-t", "y"], 1, ["example-unknown", "crops, crops5"]),
    Case("not JSON", {"t.ndjson": b'{"a":1,"y":2}\n{"a":\n'}, ["fit", "t.ndjson", "-t", "y"], 1, ["ndjson-line-unreadable", "line 2"]),
    Case(
        "text in a JSON number",
        {"t.ndjson": b'{"a":1,"y":2}\n{"a":3,"y":2}\n{"a":"x","y":2}\n'},
        ["fit", "t.ndjson", "-t", "y"],
        1,
        ["text-in-number-column", "column a, line 3", "'x'"],
    ),
    Case("lr above the limit", {}, ["fit", "example:crops5", "-t", "apples", "-t", "oranges", "--lr", "1e-3"], 1,
         ["rate-unstable", "1.12e-4", "16.9× per epoch", "rainfall 44 %", "temp 39 %", "humidity 17 %", "--force"]),
    Case("output folder missing", {"t.csv": GOOD}, ["fit", "t.csv", "-t", "y", "-o", "no/m.safetensors"], 1, ["file-unwritable", "no/m.safetensors"]),
    Case("output is a folder", {"t.csv": GOOD, "d/x": b""}, ["fit", "t.csv", "-t", "y", "-o", "d"], 1, ["path-is-folder", "d"]),
    Case("no model file", {}, ["show", "m.safetensors"], 1, ["file-not-found", "m.safetensors"]),
    Case("damaged model", {"x": model_file()[:-30]}, ["show", "x"], 1, ["model-file-damaged", "x"]),
    Case("newer model", {"x": model_file(format=99)}, ["show", "x"], 1, ["model-file-newer", "x", "99"]),
    Case("card without recipe", {"x": model_file(recipe={})}, ["show", "x"], 1, ["model-file-damaged", "x"]),
    Case("card of another shape", {"x": model_file(recipe={"terms": [], "targets": ["y"], "weights": None})}, ["show", "x"], 1, ["model-file-damaged", "x", "recipe"]),
    Case("foreign safetensors", {"x": safetensors.numpy.save({"w": np.ones(3)})}, ["show", "x"], 1, ["model-file-foreign", "x"]),
    Case("card with an unknown term", {"x": model_file(recipe={"terms": [{"term": "spline", "column": "x"}], "targets": ["y"], "weights": None})}, ["show", "x"], 1, ["model-file-damaged", "x"]),
    Case("card with levels of no kind", {"x": model_file(recipe={"terms": [{"term": "category", "column": "x", "levels": "ab"}], "targets": ["y"], "weights": None})}, ["show", "x"], 1, ["model-file-damaged", "x"]),
    Case("card with half an epoch", {"x": model_file(history=[[1.0]])}, ["show", "x"], 1, ["model-file-damaged", "x"]),
    Case("predictions to standard output by name", {"x.csv": GOOD}, ["predict", "m", "x.csv", "-o", "-"], 2, ["output-not-named"]),
    Case("a CSV as model", {"x": GOOD}, ["show", "x"], 1, ["model-file-damaged", "x"]),
    Case("predict without a column", {"x": model_file(), "p.csv": csv("1", header="a")}, ["predict", "x", "p.csv"], 1, ["column-lacking", "b"]),
    Case("predict with a missing cell", {"x": model_file(), "p.csv": csv("1,", header="a,b")}, ["predict", "x", "p.csv"], 1, ["missing-in-prediction", "line 2", "b"]),
    Case("config with a syntax error", {"t.csv": GOOD, "c.toml": b"lr = = 1"}, [*FIT, "--config", "c.toml"], 2, ["config-unreadable", "c.toml"]),
    Case("config with an unknown name", {"t.csv": GOOD, "c.toml": b"rate = 1"}, [*FIT, "--config", "c.toml"], 2, ["config-name-unknown", "c.toml", "rate"]),
    Case("config with a wrong type", {"t.csv": GOOD, "c.toml": b'epochs = "9"'}, [*FIT, "--config", "c.toml"], 2, ["config-value-invalid", "epochs", "'9'"]),
    Case("lr zero", {"t.csv": GOOD}, [*FIT, "--lr", "0"], 2, ["lr-invalid", "0.0"]),
    Case("lr negative", {"t.csv": GOOD}, [*FIT, "--lr", "-1"], 2, ["lr-invalid", "-1.0"]),
    Case("lr NaN", {"t.csv": GOOD}, [*FIT, "--lr", "nan"], 2, ["lr-invalid", "nan"]),
    Case("lr a word", {"t.csv": GOOD}, [*FIT, "--lr", "fast"], 2, ["lr-invalid", "'fast'", "auto"]),
    Case("epochs −1", {"t.csv": GOOD}, [*FIT, "--epochs", "-1"], 2, ["epochs-invalid", "-1"]),
    Case("batch size 0", {"t.csv": GOOD}, [*FIT, "--batch-size", "0"], 2, ["batch-size-invalid", "0"]),
    Case("lr with exact", {"t.csv": GOOD}, [*FIT, "--solver", "exact", "--lr", "1e-5"], 2, ["option-of-other-solver", "exact", "--lr", "gd"]),
    Case("batch size with gd", {"t.csv": GOOD}, [*FIT, "--solver", "gd", "--batch-size", "3"], 2, ["option-of-other-solver", "--batch-size", "sgd"]),
    Case("unknown solver", {"t.csv": GOOD}, [*FIT, "--solver", "lbfgs"], 2, ["solver-invalid", "lbfgs"]),
    Case("unknown scale", {"t.csv": GOOD}, [*FIT, "--scale", "minmax"], 2, ["scale-invalid", "'minmax'"]),
    Case("unknown missing", {"t.csv": GOOD}, [*FIT, "--missing", "mean"], 2, ["missing-invalid", "'mean'"]),
    Case("holdout of everything", {"t.csv": GOOD}, [*FIT, "--holdout", "1"], 2, ["holdout-invalid", "1.0"]),
    Case("seed −1", {"t.csv": GOOD}, [*FIT, "--seed", "-1"], 2, ["seed-invalid", "-1"]),
    Case("log every −1", {"t.csv": GOOD}, [*FIT, "--log-every", "-1"], 2, ["log-every-invalid", "-1"]),
    Case("momentum 1 with auto", {"t.csv": GOOD}, [*FIT, "--batch-size", "2", "--momentum", "1"], 2, ["momentum-without-damping"]),
    Case("digits with gd", {"t.csv": GOOD}, [*FIT, "--lr", "1e-3", "--digits", "5"], 2, ["option-of-other-solver", "--digits", "exact"]),
    Case("trajectory without a target", {"t.csv": GOOD}, ["trajectory", "t.csv"], 2, ["no-target-chosen", "y  number"]),
    Case("--set without a value", {"x": model_file()}, ["predict", "x", "--set", "a"], 2, ["set-without-value", "--set a=VALUE"]),
    Case("--set twice", {"x": model_file()}, ["predict", "x", "--set", "a=1", "--set", "a=2"], 2, ["set-twice", "a"]),
    Case("predictions over the data", {"x": model_file(), "p.csv": GOOD}, ["predict", "x", "p.csv", "-o", "p.csv"], 2, ["output-is-input", "p.csv"]),
    Case("predictions as JSON", {"x": model_file(), "p.csv": GOOD}, ["predict", "x", "p.csv", "-o", "p.json"], 2, ["output-unsupported", "p.json", ".csv"]),
    Case("a column to keep that is not there", {"x": model_file(), "p.csv": GOOD}, ["predict", "x", "p.csv", "--keep", "idd"], 1, ["column-unknown", "idd"]),
    Case("columns to keep of one row by hand", {"x": model_file()}, ["predict", "x", "--set", "a=1", "--keep", "a"], 2, ["keep-without-data"]),
    Case("formulas in Parquet", {"x": model_file(), "p.csv": GOOD}, ["predict", "x", "p.csv", "-o", "p.parquet", "--escape-formulas"], 2, ["escape-without-csv"]),
    Case("no target", {"t.csv": GOOD}, ["fit", "t.csv"], 2, ["no-target-chosen", "a  number", "y  number"]),
    Case("no data", {}, ["fit", "-t", "y"], 2, ["no-data-named"]),
    Case("a name that looks like the column's", {"t.csv": "Fl\N{LATIN SMALL LETTER A WITH DIAERESIS}che\N{NO-BREAK SPACE}m,y\n1,2\n2,3\n3,5\n".encode()}, ["fit", "t.csv", "-t", "y", "-f", "Fla\N{COMBINING DIAERESIS}che m"], 1, ["column-unknown", r"'Fl\xe4che\xa0m'", r"'Fla\u0308che m'"]),
    Case("nothing to predict", {"x": model_file()}, ["predict", "x"], 2, ["data-or-set", "--set"]),
    Case("unknown --set", {"x": model_file()}, ["predict", "x", "--set", "c=1"], 2, ["set-unknown", "c=1", "a, b"]),
    Case("--set not a number", {"x": model_file()}, ["predict", "x", "--set", "a=1", "--set", "b=x"], 1, ["text-in-number-column", "column b", "'x'"]),
]  # fmt: skip


@pytest.mark.parametrize("case", DATA_CASES, ids=lambda case: case.name)
def test_case(case, gradline, tmp_path):
    for name, data in case.files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    result = gradline(*case.words, "--json")
    assert (result.code, result.out) == (case.code, ""), result.err
    assert "Traceback" not in result.err
    expect_refusal(result.err, *case.said)
    left = {
        str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()
    }
    assert left == case.files


def test_people_are_told_in_words(gradline):
    words = ["fit", "absent.csv", "-t", "y"]
    error = json.loads(gradline(*words, "--json").err)["error"]
    assert set(error) == {"code", "cause", "remedy"}
    assert gradline(*words).err == f"gradline: {error['cause']}\n  {error['remedy']}\n"


def test_an_unknown_flag_is_named(gradline):
    refused = gradline(*FIT, "--rate", "1")
    assert (refused.code, refused.out) == (2, "")
    assert "--rate" in refused.err


WARNINGS = {
    "constant column": (csv("1,7,3", "2,7,5", "4,7,1", "5,7,2"), {}, ["column-constant", "b"]),
    "one row": (csv("1,7,3"), {}, ["single-row"]),
    "fewer rows than columns": (csv("1,7,3", "2,5,4"), {}, ["fewer-rows-than-coefficients", 2, 3]),
    "batch size above the rows": (GOOD, {"batch_size": 99}, ["batch-above-rows", 99, 5]),
}


@pytest.mark.parametrize("name", WARNINGS)
def test_the_work_goes_on_with_a_warning(name, gradline, tmp_path):
    rows, settings, said = WARNINGS[name]
    (tmp_path / "t.csv").write_bytes(rows)
    solver = package.SGD(**settings) if settings else None
    with warned(*said) as told:
        package.fit(tmp_path / "t.csv", "y", solver=solver)
    done = gradline(
        *FIT, *(word for key, value in settings.items() for word in (f"--{key.replace('_', '-')}", value))
    )
    assert done.code == 0
    assert [line for line in done.err.splitlines() if line.startswith("warning: ")] == [
        f"warning: {one.message}" for one in told
    ]
    assert (tmp_path / "m.safetensors").exists()


def test_a_readme_beside_data_files_is_fine(gradline, tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "README").write_text("hi")
    (tmp_path / "d" / "1.csv").write_bytes(GOOD)
    (tmp_path / "d" / "2.csv").write_bytes(csv("3,1,9", header="y,a,b"))
    assert gradline("fit", "d", "-t", "y", "--json").code == 0


def test_arrays_of_different_length_or_odd_shape():
    X = np.arange(6.0).reshape(3, 2)
    for Y, code in [
        (np.arange(4.0), "rows-do-not-match"),
        (np.zeros((3, 1, 1)), "y-not-one-or-two-dimensional"),
        (np.zeros((1, 3)), "rows-do-not-match"),
    ]:
        with refused(code, Y.shape):
            package.fit(X, Y)
    with refused("x-not-two-dimensional", "(3,)", "reshape(-1, 1)"):
        package.fit(X[:, 0], np.arange(3.0))


def test_a_new_level_at_prediction(gradline, tmp_path):
    (tmp_path / "t.csv").write_bytes(csv("p,1", "q,2", "p,3", "q,5", header="k,y"))
    (tmp_path / "n.csv").write_bytes(csv("q", "r", header="k"))
    assert gradline("fit", "t.csv", "-t", "y", "-o", "m").code == 0
    done = gradline("predict", "m", "n.csv", "-o", "out.csv", "--json")
    assert done.code == 1
    expect_refusal(done.err, "level-unseen", "column k", "line 3 of n.csv", "'r'", "p, q", "--unseen base")
    assert not (tmp_path / "out.csv").exists()
    accepted = gradline("predict", "m", "n.csv", "--unseen", "base")
    assert [float(value) for value in accepted.out.split()[1:]] == pytest.approx([3.5, 2.0])


def test_columns_renamed_or_reordered_at_prediction(gradline, tmp_path):
    (tmp_path / "t.csv").write_bytes(GOOD)
    (tmp_path / "same.csv").write_bytes(csv("1,2", "2,1", header="a,b"))
    (tmp_path / "turned.csv").write_bytes(csv("2,x,1", "1,x,2", header="b,c,a"))
    (tmp_path / "renamed.csv").write_bytes(csv("1,2", header="a,B"))
    gradline("fit", "t.csv", "-t", "y", "-o", "m")
    same, turned = (gradline("predict", "m", name) for name in ("same.csv", "turned.csv"))
    renamed = gradline("predict", "m", "renamed.csv", "--json")
    assert same.out == turned.out
    assert "columns that the model does not use: c" in turned.err
    assert renamed.code == 1
    expect_refusal(renamed.err, "column-lacking", "b", "B")


@pytest.mark.slow
@pytest.mark.parametrize("words", [FIT, ["predict", "x", "t.csv", "-o", "p.csv"]], ids=["fit", "predict"])
def test_disk_full(words, tmp_path):
    """A limit of a few bytes on the size of files stands for a full disk."""
    (tmp_path / "t.csv").write_bytes(GOOD)
    (tmp_path / "x").write_bytes(model_file())
    program = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))\n"
        f"from gradline.cli import main; sys.argv = ['gradline', *{words!r}]; main()"
    )
    done = subprocess.run([sys.executable, "-B", "-c", program], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert "cannot write" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.csv", "x"]


@pytest.mark.slow
def test_ctrl_c_in_a_long_fit(tmp_path):
    words = ["fit", "example:crops", "-t", "apples", "--lr", "1e-5", "--epochs", "100000000", "-o", "m"]
    words += ["--log-every", "1000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gradline", *words],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert (
        known(process.stderr).readline().startswith(b"Epoch [1000/")
    )  # it is at work, however busy the machine
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"interrupted" in err
    assert b"Traceback" not in err
    assert out == b""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("command", ["predict", "fit"])
def test_closed_stdout_ends_silently(command, tmp_path):
    (tmp_path / "x").write_bytes(model_file())
    (tmp_path / "t.csv").write_bytes(csv(*["1,2,3", "2,2,4", "3,1,4"] * 60_000))
    words = {"predict": "predict x t.csv", "fit": "fit t.csv -t y --json"}[command]
    shell = f"set -o pipefail; {sys.executable} -m gradline {words} 2>err | head -c 20 >/dev/null"
    done = subprocess.run(["bash", "-c", shell], cwd=tmp_path, env={**os.environ, "COLUMNS": "100"})
    assert done.returncode == 0
    assert "Error" not in (tmp_path / "err").read_text()


@pytest.mark.slow
def test_a_full_stdout():
    shell = f"{sys.executable} -m gradline fit example:crops -t apples > /dev/full"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True)
    assert done.returncode == 1
    assert "cannot write the output: No space left" in done.stderr


def test_debug_shows_the_traceback(gradline):
    assert "Traceback" in gradline("--debug", "fit", "nothing.csv", "-t", "y").err


def test_writing_to_a_device_does_not_replace_it(gradline):
    assert gradline("fit", "example:crops", "-t", "apples", "-o", "/dev/null").code == 0
    assert not Path("/dev/null").is_file()


def test_forced_divergence_exits_3_and_still_writes(gradline, tmp_path):
    words = ["fit", "example:crops5", "-t", "apples", "--lr", "1e-2", "--epochs", "500"]
    forced = gradline(*words, "--force", "-o", "m")
    assert (forced.code, (tmp_path / "m").exists()) == (3, True)
    assert "Diverged: at epoch" in forced.out


def test_require_certified(gradline, tmp_path):
    words = ["fit", "example:crops", "-t", "apples", "--require-certified", "-o", "m"]
    stopped = gradline(*words, "--lr", "1e-5", "--epochs", "10")
    assert (stopped.code, (tmp_path / "m").exists()) == (3, False)
    assert gradline(*words).code == 0


@pytest.mark.slow
def test_a_terminal_of_ascii_gets_the_summary_too():
    command = [sys.executable, "-m", "gradline", "fit", "example:crops", "-t", "apples"]
    ascii_only = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, env=ascii_only, check=False)
    assert done.returncode == 0, done.stderr
    assert "R²" in done.stdout.decode()


@pytest.mark.parametrize("kind", [type("PanicException", (BaseException,), {}), RuntimeError])
def test_a_fault_is_told_without_a_traceback(kind, monkeypatch):
    """Also that of polars' own threads, which is no `Exception`."""

    def fails(*_):
        raise kind("deep inside")

    monkeypatch.setattr("gradline.data.tables.open_files", fails)
    told = CliRunner().invoke(app, ["fit", "x.csv", "-t", "y", "--json"])
    assert told.exit_code == 1
    expect_refusal(told.stderr, "internal-error", "deep inside")
