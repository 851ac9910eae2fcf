"""Sources: one table enrols each, and every one gives the same cells; odd but valid files are read right."""

import bz2
import csv as stdlib_csv
import gzip
import io
import json
import lzma
import sys
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from containers import excel, in_duckdb, in_sqlite, open_document, zipped
from hypothesis import given, settings
from hypothesis import strategies as st
from refusals import refused, warned

import gradline
from gradline.core.errors import DataError
from gradline.data import columnar, csv, formats
from gradline.data.csv_block import Block
from gradline.data.csv_layout import Layout
from gradline.data.inputs import as_rows
from gradline.data.row_stream import Split
from gradline.data.schema import Kind
from gradline.data.selection import Selection
from gradline.data.source import Meter
from gradline.data.tables import open_table

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TABLE = pl.DataFrame(
    {
        "number": [1.5, None, -2e-3, 4.0, 5e15],
        "count": [1, 2, None, 4, 5],
        "word": ["a", "b,c", None, "ü", 'say "x"'],
        "flag": [True, False, True, None, True],
    }
)
KINDS = {"flag": Kind.BOOLEAN, "number": Kind.NUMBER, "word": Kind.TEXT, "count": Kind.NUMBER}


def text(write):
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


CSV = text(TABLE.write_csv)
ORDERED = "SELECT * EXCLUDE (place) FROM t ORDER BY place"
# One row enrols a source: how to make it from TABLE in a folder.
SOURCES = {
    "csv": lambda d: save(d / "t.csv", CSV),
    "csv, any name": lambda d: save(d / "data", CSV),
    "csv with a mark and \\r\\n": lambda d: save(d / "t.csv", b"\xef\xbb\xbf" + CSV.replace(b"\n", b"\r\n")),
    "csv without a last newline": lambda d: save(d / "t.csv", CSV.rstrip(b"\n")),
    "csv with blank lines at its end": lambda d: save(d / "t.csv", CSV + b"\n\r\n\n"),
    "csv of semicolons": lambda d: save(d / "t.csv", text(lambda f: TABLE.write_csv(f, separator=";"))),
    "tsv": lambda d: save(d / "t.tsv", text(lambda f: TABLE.write_csv(f, separator="\t"))),
    "gzip": lambda d: save(d / "t.csv.gz", gzip.compress(CSV)),
    "zstd": lambda d: save(d / "t.csv.zst", zstd.compress(CSV)),
    "bzip2": lambda d: save(d / "t.csv.bz2", bz2.compress(CSV)),
    "xz": lambda d: save(d / "t.csv.xz", lzma.compress(CSV)),
    "a name with a bracket": lambda d: save(d / "t[1].csv", CSV),
    "Parquet": lambda d: save(d / "t.parquet", text(TABLE.write_parquet)),
    "Parquet, bracket": lambda d: save(d / "t[1].parquet", text(TABLE.write_parquet)),
    "Arrow": lambda d: save(d / "t.arrow", text(TABLE.write_ipc)),
    "Arrow stream": lambda d: save(d / "t.arrow", text(TABLE.write_ipc_stream)),
    "Feather": lambda d: save(d / "t.feather", text(lambda f: TABLE.write_ipc(f, compression="lz4"))),
    "Excel": lambda d: excel(d / "t.xlsx", TABLE),
    "OpenDocument": lambda d: open_document(d / "t.ods", TABLE),
    "JSON array": lambda d: save(d / "t.json", text(TABLE.write_json)),
    "JSON array of many lines": lambda d: save(d / "t.json", json.dumps(TABLE.to_dicts(), indent=2).encode()),
    "zip": lambda d: zipped(d / "t.zip", {"t.csv": CSV, "README.md": b"about", "__MACOSX/._t.csv": b"x"}),
    "zip of Parquet": lambda d: zipped(d / "t.zip", {"in/t.parquet": text(TABLE.write_parquet)}),
    "SQLite": lambda d: gradline.Table(f"sqlite:///{in_sqlite(d / 't.db', TABLE)}", table="t"),
    "SQLite, its only table": lambda d: in_sqlite(d / "t.db", TABLE),
    "DuckDB": lambda d: gradline.Table(
        in_duckdb(d / "t.duckdb", TABLE), query="SELECT * EXCLUDE (place) FROM t ORDER BY place"
    ),
    "NDJSON": lambda d: save(d / "t.ndjson", text(TABLE.write_ndjson)),
    "JSON lines, gzip": lambda d: save(d / "t.jsonl.gz", gzip.compress(text(TABLE.write_ndjson))),
    "a glob": lambda d: halves(d) / "*.csv",
    "a folder": lambda d: halves(d),
    "polars": lambda _: TABLE,
    "polars lazy": lambda _: TABLE.lazy(),
    "pandas": lambda _: TABLE.to_pandas(),
    "pandas without Arrow": lambda _: pd.DataFrame(
        {k: pd.Series(v, dtype=object) for k, v in TABLE.to_dict().items()}
    ),
    "pandas nullable": lambda _: TABLE.to_pandas().convert_dtypes(),
    "pyarrow": lambda _: TABLE.to_arrow(),
    "record batches": lambda _: pa.RecordBatchReader.from_batches(
        TABLE.to_arrow().schema, TABLE.to_arrow().to_batches()
    ),
    "narwhals": lambda _: nw.from_native(TABLE),
    "anything with an Arrow stream": lambda _: Stream(TABLE),
    "a mapping of columns": lambda _: TABLE.to_dict(as_series=False),
}


WIDTHS = [pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64, pl.Int128]
WIDTHS += [pl.Float32, pl.Decimal(10, 2)]


class Stream:
    """A foreign table: nothing but the Arrow PyCapsule interface."""

    def __init__(self, frame):
        self.frame = frame

    def __arrow_c_stream__(self, requested_schema=None):
        return self.frame.__arrow_c_stream__(requested_schema)


def save(path, data):
    path.write_bytes(data)
    return path


def halves(folder):
    """Two files, the second with its columns in another order, beside a file that is no data."""
    save(folder / "1.csv", text(TABLE[:2].write_csv))
    save(folder / "2.csv", text(TABLE[2:].select("word", "flag", "count", "number").write_csv))
    save(folder / "README", b"about")
    save(folder / ".hidden.csv", b"x")
    return folder


@pytest.mark.parametrize("make", SOURCES.values(), ids=SOURCES)
def test_every_source_gives_the_same_cells(make, tmp_path):
    source = open_table(make(tmp_path))
    assert {name: column.kind for name, column in source.schema().items()} == KINDS
    for _ in range(2):  # a source can be read again
        batches = list(source.batches(KINDS))
        got = pl.concat([batch.frame for batch in batches]).select(TABLE.columns)
        expected = TABLE.with_columns(pl.col("flag", "count").cast(pl.Float64))
        assert got.equals(expected)
        assert batches[0].frame.columns == list(KINDS)
    assert next(iter(source.batches({"count": Kind.NUMBER}))).frame.columns == ["count"]


@pytest.mark.parametrize(
    "cell",
    [
        "",
        " ",
        "NA",
        "na",
        " Na ",
        "N/A",
        "n/a",
        "#N/A",
        "NaN",
        "nan",
        " NAN",
        "null",
        "NULL",
        "None",
        "nOnE",
        '""',
    ],
)
def test_every_way_to_write_a_missing_cell(cell, tmp_path):
    path = save(tmp_path / "t.csv", f"x,k,z\n1,p,0\n{cell},{cell},0\n3,q,0\n".encode())
    (batch,) = open_table(path).batches({"x": Kind.NUMBER, "k": Kind.TEXT})
    assert batch.frame["x"].to_list() == [1.0, None, 3.0]
    assert batch.frame["k"].to_list() == ["p", None, "q"]


@pytest.mark.parametrize(
    "cell", ["3.5", " 3.5", "3.5 ", "\t3.5", '"3.5"', "+3.5", "3.50e0", "35E-1", "3.5000000000000000000"]
)
def test_every_way_to_write_a_number(cell, tmp_path):
    path = save(tmp_path / "t.csv", f"x,z\n1,0\n{cell},0\n".encode())
    (batch,) = open_table(path).batches({"x": Kind.NUMBER})
    assert batch.frame["x"].to_list() == [1.0, 3.5]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
@settings(deadline=None, max_examples=50)
def test_csv_floats_are_read_to_the_last_bit(values):
    blocks = Block.checked(
        csv.lines.Lines("".join(f"{v!r}\n" for v in values).encode(), 2),
        Layout(["x"], ",", 1, has_blanks=False),
        "t",
    )
    assert blocks.decode({"x": pl.Float64()})["x"].to_list() == values


def test_a_column_is_numeric_when_most_of_its_first_thousand_cells_are(tmp_path):
    rows = ["p,1,NA,", *["1,p,NA,"] * 3, "2,q,NA,", *["3,r,7,"] * 2]
    path = save(tmp_path / "t.csv", ("a,b,late,none\n" + "\n".join(rows) + "\n").encode())
    kinds = {name: column.kind for name, column in open_table(path).schema().items()}
    assert kinds == {"a": Kind.NUMBER, "b": Kind.TEXT, "late": Kind.NUMBER, "none": Kind.OTHER}


def test_an_empty_start_does_not_decide_a_column(tmp_path, monkeypatch):
    monkeypatch.setattr(csv.lines, "BLOCK", 64)
    path = save(tmp_path / "t.csv", ("x,y\n" + "NA,1\n" * 500 + "2.5,1\n").encode())
    assert open_table(path).schema()["x"].kind == Kind.NUMBER


def test_blocks_are_cut_between_records(tmp_path, monkeypatch):
    monkeypatch.setattr(csv.lines, "BLOCK", 50)
    cells = [f"line {i}\nof, {i}" if i % 3 == 0 else f'quote " {i}' for i in range(200)]
    frame = pl.DataFrame({"k": cells, "x": [float(i) for i in range(200)]})
    path = save(tmp_path / "t.csv", text(frame.write_csv))
    batches = list(open_table(path).batches({"k": Kind.TEXT, "x": Kind.NUMBER}))
    assert len(batches) > 20
    got = pl.concat([batch.frame for batch in batches])
    assert got.equals(frame)
    line = 2
    for batch in batches:
        for row, cell in enumerate(batch.frame["k"]):
            assert batch.place(row) == f"line {line} of {path}"
            line += 1 + cell.count("\n")


def test_blocks_are_cut_between_records_of_many_quoted_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(csv.lines, "BLOCK", 64)
    frame = pl.DataFrame({"a": ["1\n2", "3\n4\n5"] * 50, "b": ["6\n7", "8"] * 50, "x": [1.0, 2.0] * 50})
    for data in (text(frame.write_csv), text(lambda f: frame.write_csv(f, line_terminator="\r\n"))):
        source = open_table(save(tmp_path / "t.csv", data))
        batches = list(source.batches({"a": Kind.TEXT, "b": Kind.TEXT, "x": Kind.NUMBER}))
        assert len(batches) > 10
        assert pl.concat([batch.frame for batch in batches]).equals(frame)


@pytest.mark.parametrize("rows", [1, 2])
def test_windows_line_ends_with_few_rows(rows, tmp_path):
    path = save(tmp_path / "t.csv", b"x,y\r\n" + b"5,6\r\n" * rows)
    (batch,) = open_table(path).batches({"x": Kind.NUMBER, "y": Kind.NUMBER})
    assert batch.frame.rows() == [(5.0, 6.0)] * rows


@pytest.mark.parametrize(
    "dtype",
    [
        pl.Int8,
        pl.Int16,
        pl.Int32,
        pl.UInt8,
        pl.UInt16,
        pl.UInt32,
        pl.UInt64,
        pl.Int128,
        pl.Float32,
        pl.Decimal(10, 2),
    ],
)
def test_numbers_of_every_width(dtype):
    frame = pl.DataFrame({"x": pl.Series([1, 2, 4]).cast(dtype), "y": [1.0, 2.0, 3.0]})
    (batch,) = open_table(frame).batches({"x": Kind.NUMBER})
    assert batch.frame["x"].to_list() == [1.0, 2.0, 4.0]


def test_a_column_empty_in_the_first_file_is_known_from_the_second(tmp_path):
    save(tmp_path / "1.csv", b"x,y\n,1\n,2\n")
    save(tmp_path / "2.csv", b"x,y\n3,1\n4,2\n5,7\n")
    for data in (tmp_path, [tmp_path / "1.csv", tmp_path / "2.csv"]):
        assert gradline.fit(data, "y", missing="drop").moments.rows == 3


def test_truth_is_spelled_one_way(tmp_path):
    frame = pd.DataFrame({"flag": [True, False, True, False], "y": [1.0, 2.0, 1.5, 2.5]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    for one, other in ((frame, tmp_path / "t.csv"), (tmp_path / "t.csv", frame)):
        model = gradline.fit(one, "y")
        assert model.features == ("flag",)
        np.testing.assert_allclose(model.predict(other)[:, 0], [1.25, 2.25, 1.25, 2.25])


def test_rows_as_mappings():
    rows = [{"x": 1, "y": 2.0}, {"x": 2, "y": 3.5}, {"x": 4, "y": 5.0}]
    assert gradline.fit(rows, "y").predict([{"x": 2}]).shape == (1, 1)


def test_text_that_should_have_been_numbers_is_told():
    rows = {"price": ["1478", "2100", "1478", "2100"], "y": [1.0, 2.0, 1.5, 2.5]}
    with warned("numbers-as-text", "price"):
        gradline.fit(rows, "y")
    with refused("number-notation-ambiguous", "price", "1,478"):
        gradline.fit({**rows, "price": ["1,478", "2,100", "1,478", "2,100"]}, "y")


def test_a_text_with_another_value_in_every_row_is_left_out(tmp_path):
    save(tmp_path / "t.csv", b"day,x,y\n2026-01-01,1,2\n2026-01-02,2,3\n2026-01-03,4,4\n")
    with warned("column-left-out", "day"):
        assert gradline.fit(tmp_path / "t.csv", "y").features == ("x",)


def test_a_quote_inside_an_unquoted_field_is_itself(tmp_path):
    path = save(tmp_path / "t.csv", b'k,x\n6" nail,1\n"7"" nail",2\n')
    batches = open_table(path).batches({"k": Kind.TEXT, "x": Kind.NUMBER})
    assert pl.concat([batch.frame for batch in batches])["k"].to_list() == ['6" nail', '7" nail']


def test_numbers_may_end_at_two_to_the_53(tmp_path):
    path = save(tmp_path / "t.csv", b"x,y\n9007199254740992,1e300\n-9007199254740992,1\n")
    (batch,) = open_table(path).batches({"x": Kind.NUMBER, "y": Kind.NUMBER})
    assert batch.frame["x"].to_list() == [2.0**53, -(2.0**53)]


def test_dates_and_lists_are_left_out_with_their_reason():
    frame = pl.DataFrame(
        {"when": ["2026-01-01", "2026-01-02"], "y": [1.0, 2.0], "x": [1.0, 3.0], "z": [[1], [2]]}
    )
    notices = as_rows(Selection(frame.with_columns(pl.col("when").str.to_date()), "y")).notices
    assert [notice.text.split(":")[0] for notice in notices] == ["when is left out", "z is left out"]


def test_an_unnamed_column_is_no_feature(tmp_path):
    """pandas writes its index so."""
    path = save(tmp_path / "t.csv", b",x,y\n0,1,2\n1,3,4\n2,4,7\n")
    reading = as_rows(Selection(path, "y"))
    assert reading.rows.design.features == ("x",)
    assert "has no name" in reading.notices[0].text


@pytest.mark.parametrize("kind", [np.float32, np.int8, np.uint64, bool, object])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_any_kind_and_order(kind, order):
    X = np.array([[1, 0], [0, 1], [1, 1], [0, 0], [1, 0]])
    y = np.array([1.0, 2, 4, 0, 2])
    expected = gradline.fit(X.astype(float), y)
    odd = np.asarray(X, dtype=kind, order=order)
    odd.flags.writeable = False
    assert (gradline.fit(odd, y).weight == expected.weight).all()
    assert (gradline.fit(odd[::-1][::-1], y[:, None]).weight == expected.weight).all()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.int64])
def test_tensors(dtype):
    X = torch.tensor([[1, 0], [0, 1], [1, 1], [0, 0], [1, 0]]).to(dtype)
    y = torch.tensor([1.0, 2, 4, 0, 2], requires_grad=True)
    model = gradline.fit(X, y)
    assert (model.weight == gradline.fit(X.double().numpy(), y.detach().numpy()).weight).all()


def test_a_frame_and_its_target_apart():
    frame = pd.DataFrame({"a": [1.0, 2, 4, 5], "k": ["p", "q", "p", "q"]}, index=[7, 3, 9, 1])
    target = pd.Series([1.0, 4, 2, 5], name="yield", index=frame.index)
    apart = gradline.fit(frame, target, weights=[1.0, 2, 1, 1])
    together = gradline.fit(frame.assign(**{"yield": target, "w": [1.0, 2, 1, 1]}), "yield", weights="w")
    assert apart.targets == ("yield",)
    assert (apart.weight == together.weight).all()


def test_nan_in_arrays_is_counted_and_dropped():
    X = np.array([[1.0, 2], [np.nan, 1], [3, 5], [4, 4], [7, np.nan]])
    y = np.array([1.0, 2, 3, 5, np.nan])
    with refused("missing-cells", "x1 1, x2 1, y 1", "2", "5"):
        gradline.fit(X, y)
    model = gradline.fit(X, y, missing="drop")
    assert (model.moments.rows, model.moments.statistics.dropped) == (3, 2)
    masked = np.ma.masked_invalid(X)
    assert (gradline.fit(masked, y, missing="drop").weight == model.weight).all()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (lambda: (pd.DataFrame([[1, 2]], columns=["a", "a"]), "a"), ("no-table",)),
        (lambda: (pd.Series([1.0, 2.0]), "a"), ("no-table", "Series")),
        (lambda: (pd.DataFrame({"a": [1.0], "y": [2.0]}).iloc[:0], "y"), ("no-rows",)),
        (lambda: (pd.DataFrame({"a": [1.0], "y": [2.0]}), 3), ("target-not-text", "3")),
        (lambda: (np.array([[2**60, 1]], dtype=object), [1.0]), ("integer-beyond-float64",)),
        (lambda: (np.ma.masked_array([[2**53 + 1, 1]], mask=False), [1.0]), ("integer-beyond-float64",)),
    ],
)
def test_odd_arguments_are_refused_in_words(arguments, said):
    with refused(*said):
        gradline.fit(*arguments())


def test_what_cannot_be_heeded_is_refused():
    X, y = np.eye(4), np.arange(4.0)
    moments = gradline.Moments.of(X, y)
    with refused("exclude-without-names"):
        gradline.fit(X, y, exclude=["x1"])
    given: Any = ({"targets": "y"}, {"features": ["x1"]}, {"exclude": ["x1"]}, {"weights": "w"})
    for arguments in given:
        with refused("moments-have-columns"):
            gradline.fit(moments, **arguments)
    with refused("feature-name-twice", "a"):
        gradline.fit(X, y, features=["a", "a", "b", "c"])
    table = {"g": ["a", "b", "a", "b"], "g=b": [1.0, 2.0, 4.0, 3.0], "y": y}
    with refused("feature-name-twice", "g=b"):
        gradline.fit(table, "y")


def test_what_is_no_table_is_refused():
    for data in (42, None, object(), {"a": [1], "b": [1, 2]}):
        with refused("no-table"):
            gradline.fit(data, "y")
    with refused("array-not-numeric"):
        gradline.fit(np.array([[1 + 2j]]), [1.0])
    with refused("array-not-numeric"):
        gradline.fit([["a"], ["b"]], [1.0, 2.0])


@pytest.mark.parametrize("n", [5, 15, 1000, 3001])
def test_a_holdout_is_exact_disjoint_and_the_same_for_every_form(n, tmp_path):
    frame = pl.DataFrame({"x": np.arange(n) * 1.0, "y": np.arange(n) ** 2.0})
    frame.write_csv(tmp_path / "t.csv")
    sides = {}
    for data in (frame, tmp_path / "t.csv"):
        rows = as_rows(Selection(data, "y")).rows
        for held in (False, True):
            split = Split(rows, 0.2, seed=1, held_out=held)
            found = np.concatenate([block.X[:, 0] for block in split.blocks(100)])
            sides.setdefault(held, []).append(found)
    for first, second in sides.values():
        assert (first == second).all()
    assert sorted(np.concatenate([sides[False][0], sides[True][0]])) == list(range(n))
    assert abs(len(sides[True][0]) - 0.2 * n) <= 0.5 * (1 + n // 1024)


@pytest.mark.slow
def test_standard_input_is_spooled(gradline):
    data = (Path(csv.__file__).parents[1] / "examples" / "crops.csv").read_bytes()
    words = [
        "fit",
        "-",
        "-t",
        "apples",
        "--exclude",
        "oranges",
        "--batch-size",
        "5",
        "--epochs",
        "3",
        "--json",
    ]
    assert gradline(*words, stdin=data).code == 0
    assert gradline(*words, stdin=gzip.compress(data)).code == 0


LINES = [
    b"1,2,3",
    b"-0.5,7e2,4",
    b"3.25,,5",
    b"1,2,",
    b"1,2",
    b"1",
    b"",
    b",,",
    b"1,2,3,4",
    b"1,2,3,",
    b"NA,1,2",
    b'"1",2,3',
    b"1,2,3\r",
    b"1,2\r,3",
    b" 1,2,3",
    b"0.1234567890123456789,1e-30,12345678901234567890",
]


@given(st.lists(st.sampled_from(LINES), min_size=1, max_size=6), st.booleans())
@settings(deadline=None, max_examples=300)
def test_every_way_to_prove_the_lines_finds_the_same(chosen, all_columns):
    """By what polars refuses, and by counting: each as the csv module has it, or its refusal."""
    data = b"".join(line + b"\n" for line in chosen)
    header, whole = Layout(["a", "b", "c"], ",", 1, has_blanks=False), csv.lines.Lines(data, 2)
    names = list("abc" if all_columns else "ab")

    def outcome(as_rows):
        try:
            return as_rows()
        except DataError as refusal:
            return str(refusal)

    def decoded():
        frame = Block(whole, header, "t").decode(dict.fromkeys(names, pl.Float64()))
        return frame.select(pl.all().cast(pl.Float64)).rows()

    def by_the_book():
        _ = Block.checked(whole, header, "t")
        records = stdlib_csv.DictReader(io.StringIO(data.decode(), newline="\n"), list("abc"))
        return [tuple(None if r[n] in ("", "NA") else float(r[n]) for n in names) for r in records]

    assert outcome(decoded) == outcome(by_the_book)


def test_the_meter_follows_each_pass(tmp_path, monkeypatch):
    monkeypatch.setattr(csv.lines, "BLOCK", 64)
    paths = [save(tmp_path / f"{i}.csv", b"x,y\n" + b"1.5,2\n" * 100) for i in range(2)]
    sizes = sum(path.stat().st_size for path in paths)
    meter = Meter()
    for module in (formats, csv.lines):
        monkeypatch.setattr(module, "METER", meter)
    source = open_table(tmp_path)
    assert meter.total == sizes
    for _ in range(2):
        as_rows = [meter.read for _ in source.batches({"x": Kind.NUMBER})]
        assert 0 < as_rows[0] < sizes
        assert as_rows == sorted(as_rows)
        assert as_rows[-1] == sizes
        assert meter.left == 0


def test_a_file_whose_rows_end_early_is_damaged(tmp_path, monkeypatch):
    """As they do, without a word, where a thread of the reader fails on damaged bytes."""
    path = tmp_path / "short.arrow"
    pl.DataFrame({"x": [1.0, 2.0, 3.0], "y": [1.0, 3.0, 2.0]}).write_ipc(path)
    monkeypatch.setattr(columnar.LazySource, "height", property(lambda _: 40))
    with refused("file-damaged", path, 3, 40):
        gradline.fit(path, "y")


def test_names_come_in_a_list():
    """A generator would be empty the second time; a text would be taken letter by letter."""
    table = {"a": [1.0, 2.0, 4.0], "b": [1.0, 0.0, 1.0], "y": [1.0, 3.0, 2.0]}
    for names in ((name for name in ["a"]), pd.Index(["a"]), "a"):
        wrong: Any = names
        with refused("names-invalid", "exclude"):
            gradline.fit(table, "y", exclude=wrong)
        with refused("names-invalid", "features"):
            gradline.fit(table, "y", features=wrong)
