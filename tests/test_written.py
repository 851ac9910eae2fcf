"""How text files are written: found where there is no doubt, told by options that a model keeps, else refused."""

import itertools

import numpy as np
import pytest
from refusals import refused, warned
from typer.testing import CliRunner

import gradline
from gradline.cli.commands import app
from gradline.core.errors import UsageError
from gradline.data import lines
from gradline.data.tables import open_table

Text = gradline.Text
ROWS = [(1.0, 0.5), (2.0, 1.25), (4.0, 1.75), (3.0, 2.5)]


def save(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def run(*words):
    done = CliRunner().invoke(app, list(map(str, words)))
    return done.exit_code, done.output


# What a file holds, and what was found or told; each gives the same cells.
FOUND = {
    "commas": ("y,x\n1,0.5\n2,1.25\n4,1.75\n3,2.5\n", {}),
    "semicolons and decimal commas": ("y;x\n1;0,5\n2;1,25\n4;1,75\n3;2,5\n", {}),
    "semicolons, and commas in a name": ('"y";"x"\n1;0,5\n2;1,25\n4;1,75\n3;2,5\n', {}),
    "one blank between cells": ("y x\n1 0.5\n2 1.25\n4 1.75\n3 2.5\n", {}),
    "R's write.table": ('"y" "x"\n"1" 1 0.5\n"2" 2 1.25\n"3" 4 1.75\n"4" 3 2.5\n', {}),
    "R's write.table with names": ('"y" "x"\n"Bonn" 1 0.5\n"Ulm" 2 1.25\n"A b" 4 1.75\n"D" 3 2.5\n', {}),
    "R's write.csv": ('"","y","x"\n"1",1,0.5\n"2",2,1.25\n"3",4,1.75\n"4",3,2.5\n', {}),
    "UTF-16 of Windows with tabs": ("y\tx\r\n1\t0.5\r\n2\t1.25\r\n4\t1.75\r\n3\t2.5\r\n".encode("utf-16"), {}),
    "UTF-32": ("y,x\n1,0.5\n2,1.25\n4,1.75\n3,2.5\n".encode("utf-32"), {}),
    "UTF-16 without a mark": ("y,x\n1,0.5\n2,1.25\n4,1.75\n3,2.5\n".encode("utf-16-le"), {"encoding": "utf-16-le"}),
    "aligned columns": ("  y    x\n  1  0.5\n  2 1.25\n  4 1.75\n  3  2.5\n", {"delimiter": "whitespace"}),
    "a mark of one's own": ("y~x\n1~0.5\n2~1.25\n4~1.75\n3~2.5\n", {"delimiter": "~"}),
    "comments between blanks": ("% a\n\n% b\ny,x\n1,0.5\n\n2,1.25\n  % c \"\n4,1.75\n3,2.5\n", {"comment": "%"}),
    "lines above with an open quote": ('the "table\n\n\ny,x\n1,0.5\n2,1.25\n4,1.75\n3,2.5\n', {"skip": 1}),
    "a header of numbers": ("7,8\n1,0.5\n2,1.25\n4,1.75\n3,2.5\n", {"header": True}),
    "no header": ("1,0.5\n2,1.25\n4,1.75\n3,2.5\n", {"header": False}),
}  # fmt: skip


@pytest.mark.parametrize("block", [lines.BLOCK, 16])
@pytest.mark.parametrize(("content", "told"), FOUND.values(), ids=FOUND)
def test_every_way_gives_the_same_cells(content, told, block, tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "BLOCK", block)
    source = open_table(save(tmp_path / "t.csv", content), Text(**told))
    kinds = {name: column.kind for name, column in source.schema().items() if column.kind.is_numeric}
    got = itertools.chain.from_iterable(batch.frame.rows() for batch in source.batches(kinds))
    assert list(got) == ROWS


def test_a_line_is_named_whatever_was_left_out_above(tmp_path):
    path = save(tmp_path / "t.csv", 'a title\n\ny,x,n\n1,2,"a\nb"\n\n# oh "\n2,3,c\n\n3,oops,c\n')
    with refused("text-in-number-column", "column x", "line 10 of", "'oops'"):
        gradline.fit(path, "y", read=Text(skip=1, comment="#"), category=["n"])


def test_ragged_lines_name_the_comment_mark(tmp_path):
    path = save(tmp_path / "t.csv", "y,x\n1,2\n# oh\n2,3\n3,5\n")
    with refused("csv-ragged-line", "line 3", "--comment '#'"):
        gradline.fit(path, "y")


def test_latin_1_is_read_and_said(tmp_path):
    path = save(tmp_path / "t.csv", "Größe,y\n1,2 €\n".encode("cp1252") * 1)
    assert open_table(path).names() == ["Größe", "y"]
    assert [notice.code for notice in open_table(path).notices] == ["encoding-found"]
    assert open_table(path, Text(encoding="latin-1")).notices == []
    assert open_table(path, Text(encoding="cp437")).names() == ["Gr÷▀e", "y"]


def test_a_late_character_that_is_no_utf_8_names_the_option(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "BLOCK", 64)
    path = save(tmp_path / "t.csv", b"y,x\n" + b"1,2\n" * 100 + b"\xe9,3\n")
    with refused("text-not-utf8", "line 102", "--encoding"):
        gradline.fit(path, "y")


def test_what_the_fit_was_told_the_model_keeps(tmp_path):
    content = "Umsatz\tFläche\tOrt\n" + "".join(f"{i}.000\t{i},5\tx{i % 2}\n" for i in range(1, 9))
    path = save(tmp_path / "t.csv", content.encode("latin-1"))
    told = Text(decimal=",", thousands=".", encoding="latin-1", na=["-"])
    model = gradline.fit(path, "Umsatz", read=told)
    model.save(tmp_path / "m")
    loaded = gradline.load(tmp_path / "m")
    assert loaded.read == told
    assert loaded.predict(path)[:, 0] == pytest.approx([1000.0 * i for i in range(1, 9)])
    assert loaded.evaluate(path).rows == 8
    assert gradline.verify(loaded, path).agrees
    other = save(tmp_path / "other.csv", "Fläche,Ort\n1.5,x0\n".encode("latin-1"))
    with refused("text-in-number-column", "'1.5'"):
        loaded.predict(other)
    assert loaded.predict(other, read=Text(delimiter=",")) == pytest.approx(1000.0)
    frame = {"Fläche": [1.5], "Ort": ["x1"]}  # whose cells have types
    assert loaded.predict(frame) == pytest.approx(1000.0)


def test_options_of_the_command_line_are_those_of_the_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "t.csv", "a title\ny;x;z\n1;$1,5;-\n2;$2,5;7\n3;$4,5;8\n5;$1.006,5;9\n")
    words = [
        "--skip",
        "1",
        "--thousands",
        ".",
        "--na",
        "-",
        "--na",
        "",
        "--numeric",
        "x",
        "--missing",
        "drop",
    ]
    code, said = run("fit", "t.csv", "-t", "y", *words, "-o", "m")
    assert code == 0, said
    model = gradline.load("m")
    assert (model.read, model.config["numeric"]) == (Text(skip=1, thousands=".", na=["-", ""]), ["x"])
    assert model.moments.rows == 3
    assert run("verify", "m", "t.csv")[0] == 0
    code, said = run("predict", "m", "t.csv", "--missing", "drop")
    assert (code, said.splitlines()[1]) == (0, "NaN")
    assert run("predict", "m", "t.csv", "--missing", "drop", "--skip", "0")[0] == 1  # what is told now wins
    (tmp_path / "run.toml").write_text(run("show", "m", "--config")[1])
    assert run("fit", "--config", "run.toml", "-o", "n")[0] == 0
    assert (tmp_path / "m").read_bytes() == (tmp_path / "n").read_bytes()


def test_types_need_no_notation():
    with refused("notation-of-types", "--decimal"):
        gradline.fit({"x": [1.0, 2.0, 4.0], "y": [1.0, 2.0, 3.0]}, "y", read=Text(decimal=","))


@pytest.mark.parametrize(
    "told",
    [
        {"delimiter": "ab"},
        {"delimiter": "a"},
        {"decimal": ";"},
        {"thousands": "x"},
        {"decimal": ",", "thousands": ","},
        {"encoding": "klingon"},
        {"encoding": "base64"},
        {"skip": -1},
        {"comment": " "},
    ],
    ids=str,
)
def test_what_no_file_is_written_in_is_refused(told):
    with pytest.raises(UsageError):
        Text(**told)


def test_words_that_are_told_are_the_only_ones(tmp_path):
    path = save(
        tmp_path / "t.csv", "x,promo,y\n" + "".join(f"{i},{('None', 'SALE')[i % 2]},{i}\n" for i in range(8))
    )
    assert gradline.fit(path, "y", read=Text(na=[""])).features == ("x", "promo=SALE")
    save(path, "x,y\n1,2\nNaN,3\n3,4\n2,2\n")
    with refused("text-in-number-column", "'NaN'"):
        gradline.fit(path, "y", read=Text(na=[""]))
    save(path, "x,y\n1,2\n-999,3\n3,4\n2,2\n")
    with refused("missing-cells", "x 1"):
        gradline.fit(path, "y", read=Text(na=["-999"]))


def test_files_that_differ_in_notation_are_one_table(tmp_path):
    save(tmp_path / "1.csv", "y,x\n1,0.5\n2,1.25\n")
    save(tmp_path / "2.csv", "y;x\n4;1,75\n3;2,5\n")
    model = gradline.fit(tmp_path, "y")
    expected = gradline.fit(np.array([[row[1]] for row in ROWS]), [row[0] for row in ROWS])
    np.testing.assert_array_equal(model.weight, expected.weight)


def test_doctor_shows_the_first_lines_as_each_notation_reads_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "t.csv", "y;menge\n1;950\n2;1.250\n3;2.100\n")
    code, said = run("doctor", "t.csv", "-t", "y")
    assert code == 1
    assert "--decimal .\n  y  menge\n  1    950\n  2   1.25\n" in said
    assert "--decimal , --thousands .\n  y  menge\n  1    950\n  2   1250\n" in said
    save(tmp_path / "t.csv", "Prices\n\ny,x\n1,$2.50\n2,$1.00\n3,.\n")
    code, said = run("doctor", "t.csv", "-t", "y")
    assert "--skip 2 --na . --numeric x\n  y        x\n  1      2.5\n  2        1\n  3  missing\n" in said


def test_numbers_that_cannot_be_told_from_thousands(tmp_path):
    """Points between commas are decimals, as a comma stands between cells, unless cells differ in their decimals."""
    path = tmp_path / "t.csv"
    for cells, mark, is_read in (
        (["1.250", "2.100", "12.500"], ",", True),
        (["950", "1.250", "12.500"], ",", False),
        (["950", "1.25", "12.5"], ",", True),
        (["2", "1.125", "12.375"], ",", True),
        (["1.250", "2.100", "12.500"], ";", False),
        (["1.250", "2.100", "0.500"], ";", True),
        (["1.250", "2.100", "1250"], ";", True),
        (["1.250", "2.100", "1.25"], ";", True),
    ):
        save(path, f"y{mark}x\n" + "".join(f"{i}{mark}{cell}\n" for i, cell in enumerate(cells)))
        if is_read:
            gradline.fit(path, "y")
        else:
            with refused("number-notation-ambiguous", "x", "--thousands"):
                gradline.fit(path, "y")


def test_a_category_of_amounts_is_asked_for(tmp_path):
    path = save(tmp_path / "t.csv", "dose,y\n5 mg,1\n10 mg,2\n5 mg,3\n10 mg,5\n")
    with refused("number-notation", "dose", "--numeric dose", "--category dose"):
        gradline.fit(path, "y")
    assert gradline.fit(path, "y", category=["dose"]).features == ("dose=5 mg",)
    assert gradline.fit(path, "y", numeric=["dose"]).weight == pytest.approx(0.3)


def test_codes_are_categories_and_said(tmp_path):
    path = save(tmp_path / "t.csv", "zip,y\n02134,1\n90210,2\n02134,3\n90210,5\n")
    model = gradline.fit(path, "y")
    assert model.features == ("zip=90210",)
    assert "--numeric zip" in model.notices[0].text
    assert gradline.fit(path, "y", numeric=["zip"]).features == ("zip",)
    save(path, "zip,y\n2134,1\n90210,2\n2134,3\n90210,5\n")
    assert gradline.fit(path, "y").features == ("zip",)


def test_dates_are_named_as_such(tmp_path):
    path = save(tmp_path / "t.csv", "day,x,y\n2026-01-01,1,2\n2026-01-01,2,3\n2026-01-03,4,4\n")
    with warned("column-left-out", "day", "dates"):
        assert gradline.fit(path, "y").features == ("x",)
    assert gradline.fit(path, "y", category=["day"], features=["day"]).features == ("day=2026-01-03",)
