"""Formats beyond text and Parquet: workbooks, archives, folders of values, databases, lakes, object stores."""

import gzip
import io
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing, nullcontext
from types import SimpleNamespace
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest
import xlsxwriter
from commands import command
from containers import open_document, zipped
from polars.testing import assert_frame_equal
from refusals import refused
from small_table import ROWS, cells

import gradline
from gradline.data import held, json_array, lines
from gradline.data.notation import Text
from gradline.data.schema import Kind
from gradline.data.tables import open_table

# Workbooks


@pytest.fixture
def book(tmp_path):
    """A workbook of a hidden sheet, an empty one, and two with rows."""
    path = tmp_path / "book.xlsx"
    with xlsxwriter.Workbook(path) as book:
        ROWS.write_excel(book, worksheet="rows")
        ROWS.with_columns(y=-ROWS["y"]).write_excel(book, worksheet="less")
        ROWS.write_excel(book, worksheet="hidden")
        book.add_worksheet("notes")
        book.worksheets()[2].hide()
    return path


def test_a_sheet_is_named_or_counted(book):
    assert_frame_equal(cells(gradline.Table(book, sheet="rows")), ROWS)
    assert_frame_equal(cells(gradline.Table(book, sheet=2)), ROWS.with_columns(y=-ROWS["y"]))
    assert_frame_equal(cells(gradline.Table(book, sheet="hidden")), ROWS)
    with refused("sheet-ambiguous", "2 sheets", "rows, less"):
        cells(book)
    with refused("sheet-unknown", "rows"):
        cells(gradline.Table(book, sheet="row"))
    with refused("file-empty", "notes"):
        cells(gradline.Table(book, sheet="notes"))
    with refused("place-unknown", "--sheet"):
        cells(gradline.Table(book, table="rows"))


def test_the_only_sheet_with_rows_is_read_and_said(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "t.xlsx") as book:
        book.add_worksheet("about").write(0, 0, "a title")
        ROWS.write_excel(book, worksheet="rows")
    model = gradline.fit(tmp_path / "t.xlsx", targets="y")
    assert [notice.text for notice in model.notices if notice.code == "sheet-chosen"] == [
        f"{tmp_path / 't.xlsx'}: read the sheet rows, the only one with rows"
    ]


def test_no_cell_of_a_workbook_is_emptied_by_its_column(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "t.xlsx") as book:
        sheet = book.add_worksheet()
        for row, line in enumerate([["x", "y"], [1, 1], ["NA", 2], [3, 3.5], ["about 4", 4]]):
            sheet.write_row(row, 0, line)
    source = open_table(tmp_path / "t.xlsx")
    assert {name: column.kind for name, column in source.schema().items()} == {
        "x": Kind.NUMBER,
        "y": Kind.NUMBER,
    }
    with refused("text-in-number-column", "row 5 of sheet Sheet1", "'about 4'"):
        cells(tmp_path / "t.xlsx", ["x"])


def test_a_fit_counts_the_missing_words_of_a_workbook(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "t.xlsx") as book:
        sheet = book.add_worksheet()
        for row, cells_ in enumerate([["x", "y"], [1, 2], ["NA", 3], [2.5, 5], [4, 7]]):
            sheet.write_row(row, 0, cells_)
    with refused("missing-cells", "x 1"):
        gradline.fit(tmp_path / "t.xlsx", "y")
    assert gradline.fit(tmp_path / "t.xlsx", "y", missing="drop").moments.rows == 3


def test_words_for_missing_are_the_same_in_a_workbook_as_in_text(tmp_path):
    """Not those that its reader knows besides."""
    for word, is_missing in {"NA": True, "null": True, "<NA>": False, "1.#IND": False}.items():
        with xlsxwriter.Workbook(tmp_path / "t.xlsx") as book:
            book.add_worksheet().write_column(0, 0, ["x", 1, word, 2.5])
        if is_missing:
            assert cells(tmp_path / "t.xlsx", ["x"])["x"].to_list() == [1, None, 2.5]
        else:
            with refused("text-in-number-column", repr(word)):
                cells(tmp_path / "t.xlsx", ["x"])


def test_a_header_of_a_workbook_is_checked_as_that_of_a_text_file(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "t.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["x", "x"])
        sheet.write_row(1, 0, [1, 2])
    with refused("column-name-twice", "named x"):
        cells(tmp_path / "t.xlsx", ["x"])
    (tmp_path / "half.xlsx").write_bytes((tmp_path / "t.xlsx").read_bytes()[:-200])
    with refused("file-damaged", "half.xlsx"):
        cells(tmp_path / "half.xlsx", ["x"])


TITLED = [["Yields of the farm"], [], ["printed", "2 May"], ["plot", "x", "w", "y"]] + [
    [f"p{i}", *row] for i, row in enumerate(ROWS.rows())
]


def in_excel(path, rows):
    """A workbook whose only sheet holds these rows, from the second column on."""
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("rows")
        for i, row in enumerate(rows):
            sheet.write_row(i, 1, row)
    return path


def in_open_document(path, rows):
    """The same as OpenDocument, from the first column on."""
    whole = [[*row, *[None] * (max(map(len, rows)) - len(row))] for row in rows]
    return open_document(path, SimpleNamespace(columns=whole[0], rows=lambda: whole[1:]))


BOOKS = pytest.mark.parametrize("write", [in_excel, in_open_document])


@BOOKS
@pytest.mark.parametrize("first", [0, 2])
def test_a_title_above_the_table_names_the_option(write, first, tmp_path):
    """The rows are counted as the sheet counts them."""
    path = write(tmp_path / "book", [[]] * first + TITLED)
    with refused("sheet-rows-above-header", f"row {first + 1}", f"row {first + 4}", f"--skip {first + 3}"):
        gradline.fit(path, "y", features=["x"])
    with refused("sheet-rows-above-header", f"row {first + 3}", "2 cells", f"--skip {first + 3}"):
        gradline.fit(path, "y", features=["x"], read=Text(skip=first + 2))
    model = gradline.fit(path, "y", features=["x", "w"], read=Text(skip=first + 3))
    assert model.predict(path) == pytest.approx(model.predict(ROWS))
    assert gradline.verify(model, path).agrees
    with refused("file-empty", "rows", "below row 50", "smaller --skip"):
        gradline.fit(path, "y", read=Text(skip=50))


@BOOKS
@pytest.mark.parametrize("told", [{}, {"skip_last": 2}, {"header": False}, {"skip": 1}])
def test_a_row_is_called_as_the_sheet_counts_it(write, told, tmp_path):
    first = 1 if told.get("skip") else 2  # of what is above the table: a note that is skipped, empty rows
    rows = [["note", None]] * told.get("skip", 0) + [[]] * first * (not told.get("skip"))
    rows += [] if told.get("header") is False else [["x", "y"]]
    rows += [[1, 2], [2, 3], [3, 5], [4, 7], ["odd", 8], [5, 9], [6, 9], [7, 11]]
    path = write(tmp_path / "book", rows)
    x = "column_1" if told.get("header") is False else "x"
    with refused("text-in-number-column", f"row {rows.index(['odd', 8]) + 1} of sheet", "'odd'"):
        cells(path, [x], Text(**told))


def test_sheets_of_a_pattern_are_one_table(book, tmp_path):
    """Those that are shown and have rows, each by its columns' names; one that is named is read alone."""
    ROWS.write_excel(tmp_path / "one.xlsx", worksheet="only")
    both = cells(gradline.Table(book, sheet="*"))
    assert_frame_equal(both, pl.concat([ROWS, ROWS.with_columns(y=-ROWS["y"])]))
    assert_frame_equal(cells(gradline.Table(book, sheet="r*")), ROWS)
    assert_frame_equal(cells(gradline.Table(tmp_path / "one.xlsx", sheet="*")), ROWS)
    with refused("sheet-unknown", "z*", "less"):
        cells(gradline.Table(book, sheet="z*"))
    with refused("sheet-ambiguous", "--sheet '*'"):
        cells(book)


@BOOKS
def test_a_sheet_without_names(write, tmp_path):
    path = write(tmp_path / "book", [list(row) for row in ROWS.rows()])
    named = cells(path, ["column_1", "column_2", "column_3"], Text(header=False))
    assert_frame_equal(named.rename(dict(zip(named.columns, ROWS.columns, strict=True))), ROWS)
    path = write(tmp_path / "book", TITLED)
    named = cells(path, ["column_2", "column_3", "column_4"], Text(header=False, skip=4))
    assert_frame_equal(named.rename(dict(zip(named.columns, ROWS.columns, strict=True))), ROWS)


@BOOKS
@pytest.mark.parametrize(
    "top",
    [
        [[None, "x", "y"], ["a", 1, 2], ["b", 2, 3]],  # row names, as frames are written
        [["x", None, "y"], ["a", "b", 2], ["b", "c", 3]],
        [["note", None], ["a", 1], ["b", 2]],
        [["x", None, None], ["a", "b", "b"], ["c", "d", "e"]],
        [["x", "y", "z"], ["one", None, None], ["two", None, None]],
    ],
    ids=str,
)
def test_a_header_with_an_empty_cell_is_no_title(write, top, tmp_path):
    path = write(tmp_path / "book", top)
    assert next(name for name in top[0] if name) in open_table(path).names()


def test_a_title_that_empty_cells_fill_up_is_one_in_text_too(tmp_path):
    (tmp_path / "t.csv").write_text("Yields;;\n;;\nx;w;y\n1,5;a;2\n2,5;b;3\n")
    with refused("csv-lines-above-header", "line 1", "1 cell", "line 3", "--skip 2"):
        gradline.fit(tmp_path / "t.csv", "y")
    assert cells(tmp_path / "t.csv", ["x", "y"], Text(skip=2))["x"].to_list() == [1.5, 2.5]


def test_nothing_is_printed_for_a_column_without_a_value(tmp_path):
    """Its reader warns where no program listens to warnings."""
    path = in_excel(tmp_path / "book.xlsx", [["x", "w", "y"], [1, None, 2], [2, None, 3], [3, None, 5]])
    code = f"import gradline; gradline.fit({str(path)!r}, 'y', features=['x'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("told", [{"delimiter": ";"}, {"comment": "#", "skip": 1}], ids=str)
def test_typed_cells_are_not_told_how_text_is_written(told, book):
    with refused("notation-of-types", f"--{next(iter(told))}"):
        gradline.fit(gradline.Table(book, sheet="rows"), "y", read=Text(**told))


# JSON arrays and archives


@pytest.mark.parametrize("block", [1, 2, 7, 64, 4 << 20])
def test_a_json_array_is_cut_where_its_objects_end(block, tmp_path, monkeypatch):
    nasty = [
        {"x": 1, "w": 'a "quoted" , ] } word', "y": 1},
        {"x": 2, "w": "back\\slash\\", "y": 2, "more": [{"a": [1, 2]}, {}]},
        {"w": "no x, y \n break", "x": 3},
        {"x": 4.5, "y": None, "w": "\\"},
    ]
    monkeypatch.setattr(lines, "BLOCK", block)
    for text in (json.dumps(nasty), json.dumps(nasty, indent=3), f"\ufeff \n{json.dumps(nasty)}\n\n"):
        (tmp_path / "t.json").write_text(text, encoding="utf-8")
        found = cells(tmp_path / "t.json")
        assert found["w"].to_list() == [row["w"].strip() for row in nasty]
        assert found["x"].to_list() == [1, 2, 3, 4.5]
        assert found["y"].to_list() == [1, 2, None, None]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"x": 1}, {"x": 2}', ("file-damaged", "object 1")),
        ('[{"x": 1}] {"x": 2}', ("json-not-one-array", "goes on")),
        ('[{"x": 1}, , {"x": 2}]', ("ndjson-line-unreadable", "object 2")),
        ('[{"x": 1}, 2]', ("ndjson-line-not-object", "object 2")),
        ('[{"x": "a\nb"}]', ("ndjson-line-unreadable", "object 1")),
        ("[]", ("file-empty",)),
    ],
)
def test_what_is_no_array_of_objects_is_refused(text, said, tmp_path):
    (tmp_path / "t.json").write_text(text)
    with refused(*said):
        cells(tmp_path / "t.json", ["x"])


def test_an_object_without_an_end_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(json_array, "_LONGEST", 100)
    monkeypatch.setattr(lines, "BLOCK", 16)
    (tmp_path / "t.json").write_text('[{"x": "' + "a" * 1000 + '"}]')
    with refused("file-damaged", "t.json"):
        cells(tmp_path / "t.json", ["x"])


def test_an_archive_holds_one_data_file(tmp_path):
    plain = ROWS.write_csv().encode()
    assert_frame_equal(
        cells(zipped(tmp_path / "t.zip", {"d/t.csv.gz": gzip.compress(plain), "LICENSE": b""})), ROWS
    )
    assert_frame_equal(cells(zipped(tmp_path / "t.zip", {"t": plain})), ROWS)  # of any name
    with refused("archive-ambiguous", "a.csv, b.csv"):
        cells(zipped(tmp_path / "t.zip", {"a.csv": plain, "b.csv": plain}))
    with refused("archive-ambiguous", "no data file"):
        cells(zipped(tmp_path / "t.zip", {"a.txt": b"", "b.txt": b""}))
    damaged = bytearray(zipped(tmp_path / "t.zip", {"t.csv": plain}).read_bytes())
    damaged[60] ^= 0xFF
    (tmp_path / "t.zip").write_bytes(damaged)
    with refused("file-damaged", "t.zip"):
        cells(tmp_path / "t.zip")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.sav", b"$FL2@(#) SPSS", "SPSS"),
        ("t.dta", b"<stata_dta><header>", "Stata"),
        ("data.csv", b"<stata_dta><header>", "Stata"),
        ("t.sas7bdat", b"", "SAS"),
        ("t.pdf", b"%PDF-1.7", "PDF"),
        ("t.rds", b"\x1f\x8b", "file of R"),
    ],
)
def test_what_other_programs_write_is_refused_with_the_tool_that_converts(name, content, said, tmp_path):
    (tmp_path / name).write_bytes(content)
    with refused("file-kind-unsupported", said) as caught:
        open_table(tmp_path / name)
    assert caught.value.remedy


# Folders of values


def test_folders_hold_columns(tmp_path):
    for year, region in ((2023, "north"), (2024, "south%20west"), (2024, "__HIVE_DEFAULT_PARTITION__")):
        folder = tmp_path / f"year={year}" / f"region={region}"
        folder.mkdir(parents=True)
        ROWS.write_parquet(folder / "part-0.parquet")
        ROWS.write_csv(folder / "part-1.csv")
        (folder / "_SUCCESS").touch()
    found = cells(tmp_path, ["year", "x", "region", "w"])
    assert found["year"].to_list() == [2023.0] * 12 + [2024.0] * 24
    assert found["region"].to_list() == ["north"] * 12 + [None] * 12 + ["south west"] * 12
    assert found["x"].to_list() == ROWS["x"].to_list() * 6
    assert cells(tmp_path, ["year"]).height == 36  # no column of the files
    assert (
        cells(str(tmp_path / "year=*" / "*" / "*.csv"), ["year", "x"])["year"].to_list()
        == [2023.0] * 6 + [2024] * 12
    )
    ROWS.with_columns(year=pl.lit(2023)).write_csv(
        tmp_path / "year=2024" / "region=south%20west" / "part-2.csv"
    )
    with refused("partition-differs", "part-2.csv", "2024"):
        cells(tmp_path, ["year"])
    ROWS.write_csv(tmp_path / "loose.csv")
    with refused("partitions-differ", "loose.csv"):
        cells(tmp_path)


def test_files_larger_than_what_is_held_in_memory_are_read_whole(tmp_path):
    rows = pl.DataFrame({"x": range(20_000), "y": range(20_000)})
    for number in range(2):
        rows.write_csv(tmp_path / f"{number}.csv")
    assert (tmp_path / "0.csv").stat().st_size > held.HEAD
    assert cells(tmp_path, ["x"])["x"].sum() == 2 * rows["x"].sum()


def test_all_files_that_do_not_fit_are_told_at_once(tmp_path):
    for number in range(5):
        ROWS.write_csv(tmp_path / f"{number}.csv")
    (tmp_path / "1.csv").write_text("w,y\na,1\n")
    (tmp_path / "3.csv").write_text("")
    with refused("files-unfit", "2 of the 5 files", "1.csv lacks the column x", "3.csv is empty"):
        cells(tmp_path)


@pytest.mark.parametrize(("one", "other"), [("Area", "area"), ("area", "floor  AREA"), ("area ", "area")])
def test_names_that_differ_in_case_are_told_with_both_files(one, other, tmp_path):
    if other == "floor  AREA":
        one = "Floor area"
    for file, name, last in (("jan.csv", one, 7), ("feb.csv", other, 9)):
        pl.DataFrame({name: [1, 2, 4], "town": ["a", "b", "a"], "y": [2, 3, last]}).write_csv(tmp_path / file)
    one, other = one.strip(), other.strip()
    names = {one, other}
    if len(names) == 1:  # blanks at the ends are no part of a name
        assert gradline.fit(tmp_path, "y").moments.rows == 6
        return
    choices: list[dict[str, Any]] = [
        {},
        {"features": [one]},
        {"features": [other]},
        {"features": [one], "numeric": [one]},
    ]
    for options in choices:
        with refused("names-differ-between-files", *names, "jan.csv", "feb.csv", "--exclude"):
            gradline.fit(tmp_path, "y", **options)
    with refused("names-differ-between-files", *names, "jan.csv", "feb.csv"):
        gradline.fit(tmp_path, one)
    assert gradline.fit(tmp_path, "y", exclude=[one, other]).moments.rows == 6
    with refused("names-differ-between-files", "jan.csv"):
        gradline.fit(tmp_path / "jan.csv", "y", features=[one]).predict(tmp_path)


def test_names_of_one_file_are_two_columns(tmp_path):
    for file, last in (("jan.csv", 7), ("feb.csv", 8)):
        pl.DataFrame({"a": [1, 2, 4], "A": [2, 1, 1], "y": [2, 3, last]}).write_csv(tmp_path / file)
    assert gradline.fit(tmp_path, "y").features == ("a", "A")


def test_a_workbook_beside_text_may_be_the_same_rows(tmp_path):
    ROWS.write_csv(tmp_path / "t.csv")
    ROWS.write_excel(tmp_path / "t.xlsx")
    with refused("folder-mixed", "t.xlsx"):
        open_table(tmp_path)
    assert_frame_equal(cells(str(tmp_path / "*.xlsx")), ROWS)


# Arrow streams


def test_a_stream_of_arrow_is_read_batch_by_batch(tmp_path):
    frame = ROWS.with_columns(w=ROWS["w"].cast(pl.Categorical))
    table = frame.to_arrow()
    for compression in (None, "zstd"):
        options = pa.ipc.IpcWriteOptions(compression=compression, emit_dictionary_deltas=True)
        with (
            pa.OSFile(str(tmp_path / "t.arrows"), "wb") as sink,
            pa.ipc.new_stream(sink, table.schema, options=options) as out,
        ):
            for batch in table.to_batches(max_chunksize=2):
                out.write_batch(batch)
            other = ROWS.with_columns(
                w=pl.Series(["c", "a", "b", "c", "c", "a"]).cast(pl.Categorical)
            ).to_arrow()
            for batch in other.cast(table.schema).to_batches():
                out.write_batch(batch)
        source = open_table(tmp_path / "t.arrows")
        assert source.height == 12
        assert cells(tmp_path / "t.arrows")["w"].to_list() == [*ROWS["w"], "c", "a", "b", "c", "c", "a"]
    data = (tmp_path / "t.arrows").read_bytes()
    for length in range(8, len(data) - 8, 97):  # without its end mark, too
        (tmp_path / "cut.arrows").write_bytes(data[:length])
        with refused("file-damaged", "cut.arrows"):
            cells(tmp_path / "cut.arrows")


@pytest.mark.needs("proc")
def test_what_is_kept_on_disk_goes_with_its_source():
    handles = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        source = open_table(ROWS.to_arrow().to_reader())
        assert source.height == 6
        assert len(os.listdir("/proc/self/fd")) == handles + 1
        del source
    assert len(os.listdir("/proc/self/fd")) == handles


def test_a_stream_that_breaks_off_is_no_shorter_table():
    def batches():
        yield from ROWS.to_arrow().to_batches()
        raise OSError("the wire was cut")

    with refused("stream-broken-off", "the wire was cut"):
        open_table(pa.RecordBatchReader.from_batches(ROWS.to_arrow().schema, batches()))


@pytest.mark.slow
@pytest.mark.needs("proc")
def test_a_stream_costs_no_more_memory_than_a_lazy_frame(tmp_path):
    script = """
import resource, sys, numpy as np, polars as pl, pyarrow as pa, gradline
def batches():
    rng = np.random.default_rng(0)
    for _ in range(120):
        yield pa.record_batch({name: rng.normal(size=20_000) for name in "xzy"})
first = next(batches())
if sys.argv[1] == "write":
    with pa.ipc.new_file(sys.argv[2], first.schema) as file:
        for batch in batches():
            file.write_batch(batch)
elif sys.argv[1] == "lazy":
    gradline.fit(pl.scan_ipc(sys.argv[2]), targets="y")
else:
    gradline.fit(pa.RecordBatchReader.from_batches(first.schema, batches()), targets="y")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""

    def peak(what):
        words = [sys.executable, "-c", script, what, str(tmp_path / "t.arrow")]
        return int(subprocess.run(words, capture_output=True, text=True, check=True).stdout)

    peak("write")
    assert peak("stream") < peak("lazy") + 20  # MB; the rows are 58


# Databases


def test_a_table_of_a_database_is_chosen(tmp_path):
    with closing(sqlite3.connect(tmp_path / "t.db")) as base:
        base.execute("CREATE TABLE homes (x REAL, w TEXT, y INTEGER)")
        base.executemany("INSERT INTO homes VALUES (?, ?, ?)", ROWS.rows())
        base.execute('CREATE TABLE "odd ""name" (x, y)')
        base.commit()
    url = f"sqlite:///{tmp_path / 't.db'}"
    with closing(sqlite3.connect(tmp_path / "one.db")) as base:
        base.execute(
            "CREATE TABLE homes AS SELECT 1.0 AS x, 2.0 AS y UNION SELECT 2.0, 3.5 UNION SELECT 3.0, 5.0"
        )
        base.commit()
    (chosen,) = gradline.fit(f"sqlite:{tmp_path / 'one.db'}", targets="y").notices
    assert (chosen.code, "homes" in chosen.text) == ("table-chosen", True)
    assert_frame_equal(cells(gradline.Table(url, table="homes")), ROWS)
    ordered = gradline.Table(url, query="SELECT * FROM homes ORDER BY y DESC;")
    assert_frame_equal(cells(ordered), ROWS.sort("y", descending=True))
    with refused("table-not-named", "homes"):
        cells(url)
    with refused("table-unknown", "homes"):
        cells(gradline.Table(url, table="home"))
    with refused("file-empty"):
        cells(gradline.Table(url, table='odd "name'))
    with refused("place-ambiguous"):
        cells(gradline.Table(url, table="homes", query="SELECT 1"))
    with refused("place-unknown", "--table"):
        cells(gradline.Table(url, sheet="homes"))
    with refused("database-unreadable"):
        cells(gradline.Table(url, query="DELETE FROM homes"))
    with refused("file-not-found"):
        cells("sqlite:///absent.db")
    (tmp_path / "no.db").write_bytes(b"SQLite format 3\0" + bytes(200))
    with refused("file-damaged", "no.db"):
        cells(f"sqlite:///{tmp_path / 'no.db'}")


def test_every_pass_reads_the_rows_of_the_first(tmp_path):
    with closing(sqlite3.connect(tmp_path / "t.db")) as base:
        base.execute("CREATE TABLE t (x REAL, y REAL)")
        base.executemany("INSERT INTO t VALUES (?, ?)", [(i, i * i) for i in range(10)])
        base.commit()
        source = open_table(
            gradline.Table(f"sqlite:///{tmp_path / 't.db'}", query="SELECT *, random() % 1000 AS r FROM t")
        )
        passes = [next(iter(source.batches(dict.fromkeys(source.names(), Kind.NUMBER)))).frame]
        base.execute("DELETE FROM t")
        base.commit()
        passes.append(next(iter(source.batches(dict.fromkeys(source.names(), Kind.NUMBER)))).frame)
    assert passes[0].height == 10
    assert passes[0].equals(passes[1])


def test_columns_of_sqlite_hold_what_their_cells_are(tmp_path):
    with closing(sqlite3.connect(tmp_path / "t.db")) as base:
        base.execute(
            "CREATE TABLE t (whole INTEGER, mixed, words TEXT, large INTEGER, bits BLOB, yes BOOLEAN, bad REAL)"
        )
        base.execute("CREATE TABLE u AS SELECT 0.5 AS large UNION ALL SELECT 9007199254740993")
        rows = [
            (1, 1, "1", 2**53 + 1, b"x", 1, 1.5),
            (None, 2.5, "2", 1, None, 0, "oops"),
            (3, None, None, 2, b"", None, 2),
        ]
        base.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        base.commit()
    with refused("integer-beyond-float64", "9007199254740993"):
        cells(gradline.Table(tmp_path / "t.db", table="u"), ["large"])
    source = open_table(gradline.Table(tmp_path / "t.db", table="t"))
    kinds = [column.kind.value for column in source.schema().values()]
    assert kinds == ["number", "number", "text", "number", "other", "boolean", "number"]
    found = cells(gradline.Table(tmp_path / "t.db", table="t"), ["whole", "mixed", "words"]).rows()
    assert found == [(1, 1, "1"), (None, 2.5, "2"), (3, None, None)]
    with refused("integer-beyond-float64", "large"):
        cells(gradline.Table(tmp_path / "t.db", table="t"), ["large"])
    with refused("text-in-number-column", "bad", "'oops'"):
        cells(gradline.Table(tmp_path / "t.db", table="t"), ["bad"])


def test_duckdb_is_read_and_not_written(tmp_path):
    path = tmp_path / "t.duckdb"
    with closing(duckdb.connect(str(path))) as base:
        base.execute("CREATE SCHEMA s")
        columns = "i::DOUBLE AS x, sum(i) OVER () AS huge, i::DECIMAL(9, 2) AS d"
        base.execute(f"CREATE TABLE s.t AS SELECT {columns} FROM range(3) r(i)")
    found = cells(gradline.Table(f"duckdb:///{path}", table="s.t"), ["x", "huge", "d"])
    assert found.rows() == [(i, 3, i) for i in range(3)]
    for query in ("DROP TABLE s.t", "SELECT 1; SELECT 2", "COPY s.t TO 'out.csv'", "nonsense"):
        with refused("database-unreadable"):
            cells(gradline.Table(path, query=query))
    with refused("database-unreadable", "boom"):
        cells(
            gradline.Table(
                path,
                query="SELECT CASE WHEN i = 500000 THEN error('boom') ELSE i END AS x FROM range(600000) r(i)",
            )
        )


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:secret@host/db", "postgresql://me@host/db"),
        (
            "postgresql://me:s%40:c@host:5432/db?sslmode=require&password=x",
            "postgresql://me@host:5432/db?sslmode=require",
        ),
        ("postgresql://me@host/db?password=secret&a=1", "postgresql://me@host/db?a=1"),
        ("sqlite:///a@b.db", "sqlite:///a@b.db"),
    ],
)
def test_a_password_is_neither_shown_nor_recorded(url, shown):
    from gradline.data.table import options_of, without_password

    assert without_password(url) == shown
    assert options_of(gradline.Table(url, table="t")) == {"data": shown, "table": "t"}


def test_a_package_that_is_lacking_is_named_with_its_command(tmp_path, monkeypatch, book):
    from gradline.data import extras

    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    (tmp_path / "d" / "_delta_log").mkdir(parents=True)
    (tmp_path / "t.duckdb").write_bytes(bytes(8) + b"DUCK")
    for data, extra in ((book, "excel"), (tmp_path / "d", "lakes"), (tmp_path / "t.duckdb", "databases")):
        with refused("extra-not-installed", f"'gradline[{extra}]'"):
            open_table(data).schema()
    with refused("extra-not-installed", "'gradline[databases]'"):
        open_table("postgresql://nobody@127.0.0.1:1/x").schema()


@pytest.mark.slow
def test_every_command_that_reads_takes_the_place_of_its_rows(book, tmp_path):
    """What is recorded of it leads to the same rows again."""

    def run(*words):
        done = command(*words, folder=tmp_path)
        assert done.code == 0, done.err
        return done.out

    (tmp_path / "run.toml").write_text('data = "book.xlsx"\nsheet = "less"\ntargets = ["y"]\n')
    assert run("fit", "--config", "run.toml", "-o", "m.safetensors").startswith("y from x, w")
    config = run("show", "m.safetensors", "--config")
    assert 'data = "book.xlsx"\nsheet = "less"\n' in config
    (tmp_path / "again.toml").write_text(config)
    again = run("fit", "--config", "again.toml", "-o", "again.safetensors")
    assert again == run("fit", book, "--sheet", "2", "-t", "y")
    assert "where its rows came from" not in run("verify", "m.safetensors", "book.xlsx", "--sheet", "less")
    assert "6 rows" in run("evaluate", "m.safetensors", book, "--sheet", "less")
    assert run("predict", "m.safetensors", book, "--sheet", "rows").splitlines()[0] == "y"
    assert "--sheet less" in run("doctor", book, "--sheet", "less", "-t", "y")
    assert run("trajectory", book, "--sheet", "less", "-t", "y", "--lr", "1e-3", "--at", "5")
    run("play", book, "--sheet", "less", "-t", "y", "-o", "p.html")
    run("report", "m.safetensors", book, "--sheet", "less", "-o", "r.html")
    assert "gradline verify m.safetensors" in (tmp_path / "r.html").read_text()
    assert "--sheet less" in (tmp_path / "r.html").read_text()


# What predictions are written to


@pytest.fixture(scope="module")
def model():
    return gradline.fit(ROWS, targets="y")


ORDERS = """id,code,note,x,w
1,007,=1+1,1.0,a
2,008,-5,,b
3,009,"@cmd, now",3.5,b
"""


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("p.parquet", pl.read_parquet),
        ("p.arrow", pl.read_ipc),
        ("p.xlsx", lambda path: pl.DataFrame(excel(path))),
    ],
)
def test_predictions_go_to_the_format_of_the_ending(name, read, model, tmp_path):
    path, rows = tmp_path / name, tmp_path / "orders.csv"
    rows.write_text(ORDERS)
    model.save(tmp_path / "m.safetensors")
    keep = [word for column in ("id", "code", "note", "x") for word in ("--keep", column)]
    words = ["predict", tmp_path / "m.safetensors", rows, "--missing", "drop", *keep, "-o", path]
    done = command(*words, folder=tmp_path)
    assert done.code == 0, done.err
    found = read(path)
    predicted = model.predict(rows, missing="drop")[:, 0].tolist()
    assert found.columns == ["id", "code", "note", "x", "y"]
    assert found["id"].to_list() == [1, 2, 3]  # numbers again
    assert found["code"].to_list() == ["007", "008", "009"]  # not these
    assert found["note"].to_list() == ["=1+1", "-5", "@cmd, now"]
    assert found["x"].to_list() == [1.0, None, 3.5]
    assert found["y"][1] is None  # a cell was missing
    assert found["y"][[0, 2]].to_list() == pytest.approx([predicted[0], predicted[2]], rel=1e-15)


def excel(path):
    import fastexcel

    return fastexcel.read_excel(path).load_sheet(0)


def test_a_kept_column_has_a_name_of_its_own(model, tmp_path):
    ROWS.write_csv(tmp_path / "rows.csv")
    model.save(tmp_path / "m.safetensors")
    for keep in (["y"], ["x", "x"]):
        words = [word for name in keep for word in ("--keep", name)]
        done = command(
            "predict", tmp_path / "m.safetensors", tmp_path / "rows.csv", *words, "--json", folder=tmp_path
        )
        assert json.loads(done.err)["error"]["code"] == "output-name-twice"
    done = command(
        "predict", tmp_path / "m.safetensors", tmp_path / "rows.csv", "--keep", "w", "--json", folder=tmp_path
    )
    assert json.loads(done.out)["kept"] == {"w": ROWS["w"].to_list()}


def test_what_is_kept_stands_as_in_the_table_whatever_the_model_makes_of_it(tmp_path):
    """Dates and numbers that the model computes with are kept as they are written, beside others, in any order."""
    lines = [f"{i},2024-01-{i % 28 + 1:02d},{i % 7}.50,z{i}" for i in range(1, 60)]
    (tmp_path / "rows.csv").write_text("\n".join(["id,day,x,note", *lines]))
    rows = pl.read_csv(tmp_path / "rows.csv", infer_schema=False)
    fitted = command("fit", "rows.csv", "id ~ days(day) + x", "-o", "m.safetensors", folder=tmp_path)
    assert fitted.code == 0, fitted.err
    words = [word for name in ("x", "note", "day") for word in ("--keep", name)]
    done = command("predict", "m.safetensors", "rows.csv", *words, folder=tmp_path)
    found = pl.read_csv(done.out.encode(), infer_schema=False)
    assert found[["x", "note", "day"]].equals(rows[["x", "note", "day"]]), done.err


def test_a_refused_prediction_writes_no_header(model, tmp_path):
    model.save(tmp_path / "m.safetensors")
    (tmp_path / "rows.csv").write_text("id,x,g,w\n1,one,a,2\n")
    done = command("predict", "m.safetensors", "rows.csv", folder=tmp_path)
    assert (done.code, done.out) == (1, "")


def test_formulas_are_escaped_on_request_only(model, tmp_path):
    (tmp_path / "orders.csv").write_text(ORDERS)
    model.save(tmp_path / "m.safetensors")
    words = [
        "predict",
        tmp_path / "m.safetensors",
        tmp_path / "orders.csv",
        "--missing",
        "drop",
        "--keep",
        "note",
    ]
    plain = pl.read_csv(command(*words, folder=tmp_path).out.encode())
    assert plain["note"].to_list() == ["=1+1", "-5", "@cmd, now"]
    safe = pl.read_csv(command(*words, "--escape-formulas", folder=tmp_path).out.encode())
    assert safe["note"].to_list() == ["'=1+1", "-5", "'@cmd, now"]
    assert safe["y"].equals(plain["y"])


def test_a_sheet_that_would_be_too_long_is_refused(model, monkeypatch):
    from gradline.data import written

    monkeypatch.setattr(written, "_SHEET", 6)
    results = written.Results((), ("y",), [(None, model.predict(ROWS))])
    with refused("sheet-full", "6"):
        written.write_excel(io.BytesIO(), results)


def test_predictions_come_in_any_number_of_batches(model):
    from gradline.data import written

    kept = [pl.DataFrame({"id": [str(i)], "n": [str(i / 2)], "w": [f"0{i}"]}) for i in range(5)]
    frames = [(frame, model.predict(ROWS)[i : i + 1]) for i, frame in enumerate(kept)]
    stream = io.BytesIO()
    written.write_parquet(stream, written.Results(("id", "n", "w"), ("y",), frames))
    found = pl.read_parquet(stream.getvalue())
    assert found.schema == {"id": pl.Int64, "n": pl.Float64, "w": pl.String, "y": pl.Float64}
    assert found["n"].to_list() == [0, 0.5, 1, 1.5, 2]
    stream = io.BytesIO()
    written.write_parquet(stream, written.Results(("id",), ("y",), []))
    assert pl.read_parquet(stream.getvalue()).shape == (0, 2)


@pytest.mark.parametrize("name", ["p.csv", "p.parquet", "p.arrow", "p.xlsx"])
def test_predictions_that_break_off_leave_what_was_there(name, model, tmp_path):
    """Whatever ends the rows, in the middle of them."""
    from gradline.core.tensor_file import replacing
    from gradline.data import written

    def rows(last):
        for i in range(5):
            yield pl.DataFrame({"id": [str(i)]}), model.predict(ROWS)[i : i + 1]
        if last is not None:
            raise last

    path = tmp_path / name
    write = written.WRITERS.get(path.suffix, written.write_csv)
    for last in (None, KeyboardInterrupt(), gradline.GradlineError("x", "y", "z"), MemoryError()):
        before = path.read_bytes() if path.exists() else b""
        with nullcontext() if last is None else pytest.raises(type(last)), replacing(path) as stream:
            write(stream, written.Results(("id",), ("y",), rows(last)))
        assert path.read_bytes() == before or last is None
        assert [one.name for one in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("data", "output"), [("rows", "rows/t.csv"), ("rows/*.csv", "rows/t.csv"), ("rows/t.csv", "rows/t.csv")]
)
def test_predictions_are_not_written_over_what_they_are_made_from(data, output, model, tmp_path):
    (tmp_path / "rows").mkdir()
    ROWS.write_csv(tmp_path / "rows" / "t.csv")
    model.save(tmp_path / "m.safetensors")
    done = command("predict", "m.safetensors", data, "-o", output, "--json", folder=tmp_path)
    assert json.loads(done.err)["error"]["code"] == "output-is-input"
    assert pl.read_csv(tmp_path / output).equals(ROWS)
    assert command("predict", "m.safetensors", data, "-o", "rows/new.csv", folder=tmp_path).code == 0
