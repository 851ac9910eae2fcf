"""Folders of many small files: the same rows as one file has, whatever is paid for all of them at once."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from refusals import refused
from small_table import cells

import gradline
from gradline.data import csv_files
from gradline.data.cells import Spelling
from gradline.data.columns import column, first_cells, sure_kinds
from gradline.data.schema import Column, Kind
from gradline.data.tables import open_table

CELLS = [
    *[
        "1",
        "2.5",
        "1.250",
        "950",
        "0.5",
        "007",
        "-3",
        "1e5",
        "12345",
        "1234.567",
        "0.250",
        "1.250.000",
        " 7",
        "٣",
    ],
    *[
        None,
        "",
        " ",
        "NA",
        "nan",
        "None",
        "true",
        "false",
        "inf",
        "-inf",
        "Infinity",
        "a",
        "x-y",
        "é",
        "None such",
    ],
    *["1,5", "€5", "5%", "2024-05-31", "12:30", "May", "Mai 5"],
]


@given(st.lists(st.lists(st.sampled_from(CELLS), min_size=1, max_size=5), min_size=1, max_size=4))
@settings(max_examples=400)
def test_what_is_beyond_doubt_is_what_a_long_look_finds(files):
    """Each file's column, out of several files at once, is as `column` has it of the file alone."""
    frame = pl.DataFrame({"c": [cell for file in files for cell in file]}, schema={"c": pl.String()})
    starts = np.cumsum([0, *map(len, files)])[:-1].tolist()
    found = sure_kinds(frame, starts)
    assert len(found) == len(files)
    for file, kinds in zip(files, found, strict=True):
        firsts = first_cells(pl.Series("c", file, pl.String), Spelling())
        for separator in (",", ";"):
            assert "c" not in kinds or column(firsts, Spelling(), separator) == Column(kinds["c"])


def test_plain_columns_are_beyond_doubt():
    frame = pl.DataFrame(
        {"n": ["1", None, "2.5", "7"], "w": ["a", "b", "NA", "c"], "?": ["a", "1", "2", "3"]}
    )
    assert sure_kinds(frame) == [{"n": Kind.NUMBER, "w": Kind.TEXT}]
    plain = {"n": Kind.NUMBER, "w": Kind.TEXT}
    assert sure_kinds(frame, [0, 3]) == [plain, {**plain, "?": Kind.NUMBER}]


def folder(tmp_path, files):
    """A folder of files of these lines."""
    for i, file in enumerate(files):
        (tmp_path / f"{i}.csv").write_text("\n".join(file) + "\n")
    return tmp_path


def rows(count, seed):
    random = np.random.default_rng(seed)
    words = random.choice(["a", "b", "ü"], count)
    return [
        f"{x:.3f},{word},{y}"
        for x, word, y in zip(random.normal(size=count), words, range(count), strict=True)
    ]


HEADER = "x,w,y"
SEVERAL = [[HEADER, *rows(count, count)] for count in (3, 1, 900, 2)]


@pytest.mark.parametrize("most", [0, 20, 1 << 16], ids=["each alone", "some alone", "all together"])
def test_many_files_have_the_rows_of_one(most, tmp_path, monkeypatch):
    """However many are decoded together, every row stands in its order and knows its place."""
    monkeypatch.setattr(csv_files, "_SMALL", most)
    many = open_table(folder(tmp_path, SEVERAL))
    (tmp_path / "one.txt").write_text(
        "\n".join([HEADER, *(row for file in SEVERAL for row in file[1:])]) + "\n"
    )
    one = tmp_path / "one.txt"
    assert many.schema() == open_table(one).schema()
    assert_frame_equal(cells(tmp_path), cells(one))
    kinds = {name: column.kind for name, column in many.schema().items()}
    places = [batch.place(row) for batch in many.batches(kinds) for row in range(batch.frame.height)]
    wanted = [
        f"line {line} of {tmp_path}/{i}.csv"
        for i, file in enumerate(SEVERAL)
        for line in range(2, len(file) + 1)
    ]
    assert places == wanted


def test_together_are_they_one_batch(tmp_path):
    source = open_table(folder(tmp_path, SEVERAL))
    assert len(list(source.batches({"x": Kind.NUMBER}))) == 1


def test_another_file_among_them_keeps_its_place(tmp_path):
    """Rows come in the order of the files, be one of another layout, of another format, quoted or large."""
    folder(tmp_path, SEVERAL)
    (tmp_path / "1.csv").write_text("y;x;w\n5;0.5;a\n6;0.25;b\n")
    (tmp_path / "2.csv").write_text('x,w,y\n0.125,"a\nb",8\n0.5,"c",9\n')
    pl.DataFrame({"x": [0.5], "w": ["z"], "y": [1.0]}).write_parquet(tmp_path / "4.parquet")
    found = cells(tmp_path)
    assert found["y"].to_list() == [0, 1, 2, 5, 6, 8, 9, 0, 1, 1]
    assert found["w"].to_list()[3:7] == ["a", "b", "a\nb", "c"]


@pytest.mark.parametrize(
    ("line", "code", "shown"),
    [
        ("x1,a,1", "text-in-number-column", ["x", "line 3", "x1"]),
        ("1,a", "csv-ragged-line", ["line 3", "2 fields"]),
        ('1,"a,1', "csv-quote-open", []),
        ("inf,a,1", "value-infinite", ["x", "line 3", "inf"]),
        (",a,1", "missing-cells", ["x 1"]),
        ("1.5,a,9007199254740993", "integer-beyond-float64", ["y", "line 3"]),
    ],
)
def test_a_fault_is_told_of_its_own_file(line, code, shown, tmp_path):
    files = [list(file) for file in SEVERAL]
    files[2].insert(2, line)
    where = [] if code == "missing-cells" else [f"{tmp_path}/2.csv"]
    with refused(code, *shown, *where):
        gradline.fit(folder(tmp_path, files), "y")


def test_files_in_doubt_are_looked_at_alone(tmp_path):
    """A column of codes in one of them makes codes of it in all; one of words and numbers is refused with both."""
    files = [["z,y", *(f"{z},{z}" for z in range(100, 104))], ["z,y", "007,1", "008,2"]]
    assert open_table(folder(tmp_path, files)).schema()["z"] == Column(Kind.TEXT, is_code=True)
    (tmp_path / "1.csv").write_text("z,y\nred,1\nblue,2\n")
    with refused("kinds-differ-between-files", "z", f"{tmp_path}/0.csv", f"{tmp_path}/1.csv"):
        gradline.fit(tmp_path, "y")


def test_decimal_commas_are_told_by_each_file(tmp_path):
    """Where semicolons stand between cells, each file shows its own notation, and none is read by its neighbour's."""
    files = [["a;y", "1,5;2", "2,25;3"], ["a;y", "1.5;2", "2.25;3"]]
    found = [cells(folder(tmp_path, files) / f"{i}.csv", ("a", "y")) for i in range(2)]
    assert_frame_equal(*found)
    assert_frame_equal(cells(tmp_path, ("a", "y")), pl.concat(found))
    folder(tmp_path, [["a;b", "1.250;1,5", "1.300;2,5"], ["a;b", "1.250;1.5", "1.300;2.5"]])
    with refused("text-in-number-column", "a", "1.250", f"{tmp_path}/0.csv"):
        list(open_table(tmp_path).batches({"a": Kind.NUMBER}))
