"""How text files are written: found where there is no doubt, told by options that a model keeps, else refused."""

import itertools
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from known import known
from refusals import refused, warned
from typer.testing import CliRunner

import gradline
from gradline.cli.commands import app
from gradline.core.errors import UsageError
from gradline.data import lines
from gradline.data.tables import open_table
from gradline.linear_model import LinearRegression

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


def test_what_stands_above_the_names_is_named(tmp_path):
    path = save(tmp_path / "t.csv", "a title\n\ny,x\n1,0.5\n2,1.25\n")
    with refused("csv-lines-above-header", "line 1", "line 3", "--skip 2"):
        gradline.fit(path, "y")
    save(path, "1,0.5\n2,1.25\n3,1\n")
    with refused("csv-header-doubtful", "line 1", "--no-header", "--header"):
        gradline.fit(path, "column_1")


def test_latin_1_is_read_and_said(tmp_path):
    path = save(tmp_path / "t.csv", "Größe,y\n1,2 €\n".encode("cp1252") * 1)
    assert open_table(path).names() == ["Größe", "y"]
    assert [notice.code for notice in open_table(path).notices] == ["encoding-found"]
    assert open_table(path, Text(encoding="latin-1")).notices == ()
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


def test_types_need_no_notation(tmp_path):
    frame = {"x": [1.0, 2.0, 4.0], "y": [1.0, 2.0, 3.0]}
    with refused("notation-of-types", "--skip 1"):
        gradline.fit(frame, "y", read=Text(skip=1, decimal=","))
    model = gradline.fit(
        frame, "y", read=Text(decimal=",")
    )  # which says how text is written, and there is none
    assert model.weight.tolist() == gradline.fit(frame, "y").weight.tolist()
    path = save(tmp_path / "t.ndjson", '{"x": 1, "y": 2}\n{"x": 2, "y": 5}\n')
    with refused("notation-of-types", "--delimiter ';' tells"):
        gradline.fit(path, "y", read=Text(delimiter=";", na=["-"]))


@pytest.mark.parametrize("kind", ["csv", "ndjson", "json", "xlsx", "parquet"])
def test_words_for_missing_are_told_of_every_format_with_words(kind, tmp_path):
    """A word, and a number that stands for one: the same answer from text, JSON, a workbook and Parquet."""
    frame = pl.DataFrame({"x": [1.0, -999, 2, 4, 3], "g": ["a", "b", "?", "b", "a"], "y": [1.0, 2, 3, 5, 8]})
    path = tmp_path / f"t.{kind}"
    (frame.write_excel if kind == "xlsx" else getattr(frame, f"write_{kind}"))(path)
    with refused("missing-cells", "x 1", "g 1", "2 of 5 rows"):
        gradline.fit(path, "y", read=Text(na=["?", "-999"]))
    model = gradline.fit(path, "y", read=Text(na=["?", "-999"]), missing="drop")
    assert (model.features, model.moments.rows) == (("x", "g=b"), 3)
    assert model.predict(path, missing="drop").shape == (5, 1)
    frame = frame.with_columns(pl.Series("g", ["a", "NA", "b", "b", "a"]), x=frame["y"] ** 2)
    (frame.write_excel if kind == "xlsx" else getattr(frame, f"write_{kind}"))(path)
    assert gradline.fit(path, "y", read=Text(na=[""])).features == ("x", "g=a", "g=b")


def test_text_in_json_and_workbooks_is_read_as_it_is_told(tmp_path):
    """They have numbers of their own, which stay; those that are written as text are read in their notation."""
    frame = pl.DataFrame({"x": ["20,5", "1,5", "3,25", "4,5"], "y": [1.0, 2, 3, 5]})
    frame.write_ndjson(tmp_path / "t.ndjson")
    frame.write_excel(tmp_path / "t.xlsx")
    expected = gradline.fit({"x": [20.5, 1.5, 3.25, 4.5], "y": [1.0, 2, 3, 5]}, "y")
    for name in ("t.ndjson", "t.xlsx"):
        with refused("number-notation", "decimal commas", "--decimal ,", "--category x"):
            gradline.fit(tmp_path / name, "y")
        model = gradline.fit(tmp_path / name, "y", read=Text(decimal=","))
        assert model.weight.tolist() == expected.weight.tolist()
        assert gradline.fit(tmp_path / name, "y", category=["x"]).features == ("x=20,5", "x=3,25", "x=4,5")


def test_one_notation_reads_all_columns_of_a_file(tmp_path):
    """What is named for one column reads the others, too; and points beside decimal commas stand between thousands."""
    rows = zip(["20,5", "41,0", "61,25", "7,1"], ["1.250", "950", "2.100", "12.500"], strict=True)
    path = save(tmp_path / "t.csv", "y;x;z\n" + "".join(f"{i};{a};{b}\n" for i, (a, b) in enumerate(rows)))
    with refused("number-notation", "z", "--thousands .") as caught:
        gradline.fit(path, "y")
    assert "--decimal" not in str(caught.value)
    found = gradline.fit(path, "y", read=Text(thousands="."))
    expected = gradline.fit(
        {"x": [20.5, 41, 61.25, 7.1], "z": [1250, 950, 2100, 12500], "y": [0, 1, 2, 3]}, "y"
    )
    assert found.weight.tolist() == expected.weight.tolist()
    save(path, 'y,x,z\n1,"20,5",1.25\n2,"41,0",3.5\n3,"6,25",1.75\n')
    with refused("number-notation-mixed", "x", "z", "--exclude x", "--exclude z --decimal ,"):
        gradline.fit(path, "y")
    save(path, "y;x;z\n1;0.5;1.250\n2;1.5;3.500\n3;2.25;1.750\n")  # decimal points, as x shows
    assert gradline.fit(path, "y").features == ("x", "z")


def test_commas_that_part_cells_and_stand_before_decimals_are_told(tmp_path):
    path = save(tmp_path / "t.csv", "y,x\n1,5,2,5\n2,5,3,5\n3,5,1,5\n")
    with refused("csv-ragged-line", "decimal commas", "semicolons"):
        gradline.fit(path, "y")
    save(path, "y,x\n1,2\n2,a,b\n")
    with refused("csv-ragged-line", "line 3") as caught:
        gradline.fit(path, "y")
    assert "decimal" not in str(caught.value)


def test_options_of_text_reach_the_files_of_folders_with_values(tmp_path):
    for year in (2023, 2024):
        (tmp_path / f"year={year}").mkdir()
        save(tmp_path / f"year={year}" / "t.csv", "y~x\n1~0,5\n2~1,25\n5~3,5\n")
    model = gradline.fit(tmp_path, "y", read=Text(delimiter="~", decimal=","))
    assert (model.features, model.moments.rows) == (("x", "year"), 6)
    (tmp_path / "year=2024").rename(tmp_path / "year=2023,5")  # the values in their names, too
    assert gradline.fit(tmp_path, "y", read=Text(delimiter="~", decimal=",")).features == ("x", "year")


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
    contradicts = told.get("decimal") == told.get("thousands", 0)
    with refused("notation-contradicts-itself" if contradicts else "notation-invalid", kind=UsageError):
        Text(**told)


def test_aligned_columns_name_the_option(tmp_path):
    path = save(tmp_path / "t.csv", "  y    x\n  1  0.5\n  2 1.25\n")
    with refused("csv-aligned-by-blanks", "--delimiter whitespace"):
        gradline.fit(path, "y")


def test_the_base_is_chosen(tmp_path):
    path = save(tmp_path / "t.csv", "town,y,x\na,1,1\nb,2,2\nc,3,1\na,5,3\nb,1,2\n")
    assert gradline.fit(path, "y", base={"town": "b"}).features == ("town=a", "town=c", "x")
    model = gradline.fit(path, "y", base=["town=c"])
    assert (model.features, model.config["base"]) == (("town=a", "town=b", "x"), ["town=c"])
    assert gradline.verify(model, path).agrees
    with refused("base-unknown", "town", "'d'"):
        gradline.fit(path, "y", base=["town=d"])
    with refused("base-of-no-category", "x", "--category"):
        gradline.fit(path, "y", base=["x=1"])
    model = gradline.fit(path, "y", base=["x=2"], category=["x"], exclude=["town"])
    assert model.features == ("x=1", "x=3")


# In either order, the same: what the second file of the first says, and what comes of both.
FILES = {
    "truth and 0 or 1": ("true\nfalse\n", "0\n1\n", ("b",)),
    "codes and numbers": ("007\n012\n", "34\n34\n56\n", ("b=012", "b=34", "b=56")),
    "nothing and numbers": ('NA\n""\n', "34\n56\n", ("b",)),
}


@pytest.mark.parametrize(("first", "second", "features"), FILES.values(), ids=FILES)
def test_the_order_of_files_changes_nothing(first, second, features, tmp_path):
    a, b = (
        save(
            tmp_path / f"{i}.csv",
            "y,b\n" + "".join(f"{j + i},{cell}\n" for j, cell in enumerate(cells.split())),
        )
        for i, cells in enumerate((first, second))
    )
    models = [gradline.fit(paths, "y", missing="drop") for paths in ([a, b], [b, a])]
    assert [model.features for model in models] == [features, features]
    np.testing.assert_allclose(models[0].weight, models[1].weight, atol=1e-12)


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)], ids=["numbers first", "words first"])
def test_files_that_disagree_are_refused_in_either_order(order, tmp_path):
    paths = [
        save(tmp_path / f"{i}.csv", f"y,b\n1,{a}\n2,{b}\n3,{a}\n")
        for i, (a, b) in enumerate((("1", "2"), ("u", "v")))
    ]
    with refused("kinds-differ-between-files", "b", "number", "text", "--category b"):
        gradline.fit(paths[order], "y")
    assert gradline.fit(paths[order], "y", category=["b"]).features == ("b=2", "b=u", "b=v")


def test_truth_is_no_other_number(tmp_path):
    a = save(tmp_path / "1.csv", "y,b\n1,true\n2,false\n")
    b = save(tmp_path / "2.csv", "y,b\n3,1\n4,7\n")
    with refused("text-in-number-column", "column b", "line 3", "7"):
        gradline.fit([a, b], "y")


DECLARED = {
    "pandas": lambda cells, levels: pd.DataFrame({"g": pd.Categorical(cells, categories=levels)}),
    "polars": lambda cells, levels: pl.DataFrame(
        {"g": pl.Series(list(map(str, cells)), dtype=pl.Enum(list(map(str, levels))))}
    ),
    "pyarrow": lambda cells, levels: pa.table(
        {"g": pa.DictionaryArray.from_arrays(pa.array([levels.index(x) for x in cells]), pa.array(levels))}
    ),
}  # fmt: skip


@pytest.mark.parametrize("declare", DECLARED.values(), ids=DECLARED)
@pytest.mark.parametrize("levels", [["low", "mid", "high"], [30, 10, 20]], ids=["words", "numbers"])
def test_declared_categories_keep_their_order(declare, levels):
    frame = declare([*levels, levels[0], levels[2]], levels)
    y = np.array([1.0, 2, 3, 2, 1])
    model = gradline.fit(frame, y)
    assert model.features == (f"g={levels[1]}", f"g={levels[2]}")
    assert model.predict(frame)[:, 0] == pytest.approx([1.5, 2, 2, 1.5, 2])
    unused = declare([levels[1], levels[2]] * 3, levels)
    assert gradline.fit(unused, np.arange(6.0)).features == (f"g={levels[2]}",)


def test_words_of_types_are_levels():
    """Where a cell is missing is for the types to say: a null, not a word."""
    frame = {"promo": ["None", "SALE", "NA", ""] * 3, "y": [1.0, 2, 4, 8] * 3}
    assert gradline.fit(frame, "y").features == ("promo=NA", "promo=None", "promo=SALE")


def test_missing_cells_are_counted_before_a_column_is_judged(tmp_path):
    path = save(
        tmp_path / "t.csv", "x,promo,y\n" + "".join(f"{i},{('None', 'SALE')[i % 2]},{i}\n" for i in range(8))
    )
    with refused("missing-cells", "promo 4", "4 of 8 rows"):
        gradline.fit(path, "y")
    with warned("column-left-out", "promo", "'SALE'", "4 are missing"):
        model = gradline.fit(path, "y", missing="drop")
    assert model.moments.rows == 8
    assert gradline.verify(model, path).agrees
    save(path, "x,who,y\n1,ann,1\n2,bob,2\n3,,4\n4,cy,4\n")
    with refused("missing-cells", "who 1"):
        gradline.fit(path, "y")


@pytest.mark.filterwarnings("ignore::gradline.GradlineWarning")
def test_rows_held_out_teach_no_level(tmp_path):
    rows = [f"{i},{i * i % 7},{'z9' if i == 11 else f'z{i % 3}'}" for i in range(40)]
    path = save(tmp_path / "t.csv", "x,y,zip\n" + "\n".join(rows) + "\n")
    for seed in range(6):
        model = gradline.fit(path, "y", holdout=0.4, seed=seed)
        codes = [notice.code for notice in model.notices]
        if "held-out-level-unseen" not in codes:
            assert "zip=z9" in model.features
            continue
        assert model.features == ("x", "zip=z1", "zip=z2")
        assert known(model.holdout).rows == 15
        assert gradline.verify(model, path).agrees
        with refused("level-unseen", "'z9'"):
            model.predict(path)
        break
    else:
        raise AssertionError("no seed held the level out")


def test_held_out_rows_of_unseen_levels_alone():
    frame = {"k": ["a", "b"] * 4 + ["c"], "y": [float(i) for i in range(9)]}
    seed = next(s for s in range(200) if list(np.random.default_rng([s, 0]).permutation(9)[:1]) == [8])
    with refused("holdout-leaves-none", "level"):
        gradline.fit(frame, "y", holdout=0.1, seed=seed)


def test_unseen_levels_are_counted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "t.csv", "k,x,y\na,1,1\nb,2,3\na,3,3\nb,5,6\n")
    save(tmp_path / "new.csv", "k,x,y\na,1,1\nc,2,2\nd,3,3\nb,1,2\n")
    assert run("fit", "t.csv", "-t", "y", "-o", "m")[0] == 0
    code, said = run("predict", "m", "new.csv", "--unseen", "missing")
    assert (code, said.splitlines()[2:4]) == (0, ["NaN", "NaN"])
    assert "2 rows have a level of k that training did not see: no prediction" in said
    code, said = run("predict", "m", "new.csv", "--unseen", "base")
    assert "NaN" not in said
    assert "2 rows have a level of k that training did not see: counted as the base a" in said
    assert "counted as the base a" in run("evaluate", "m", "new.csv", "--unseen", "base")[1]
    code, said = run("evaluate", "m", "new.csv", "--unseen", "missing", "--json")
    assert (code, '"rows": 2' in said, '"dropped": 2' in said) == (0, True, True)


def test_what_comes_once_is_evaluated_and_its_levels_are_counted(tmp_path):
    save(tmp_path / "t.csv", "k,x,y\na,1,1\nb,2,3\na,3,3\nb,5,6\n")
    run("fit", str(tmp_path / "t.csv"), "-t", "y", "-o", str(tmp_path / "m"))
    words = [sys.executable, "-m", "gradline", "evaluate", str(tmp_path / "m"), "-", "--unseen", "base"]
    done = subprocess.run(
        words, input="k,x,y\na,1,1\nc,2,2\nb,1,2\n", capture_output=True, text=True, check=True
    )
    assert "3 rows of -" in done.stdout
    assert done.stderr.splitlines() == [
        "note: 1 row has a level of k that training did not see: counted as the base a"
    ]


def test_a_feature_may_be_called_y():
    X = pd.DataFrame({"x": [0, 1, 2, 3, 5], "y": [1, 0, 2, 1, 4]})
    height = pd.Series([1.0, 2, 3, 5, 8], name="height")
    assert LinearRegression().fit(X, height).model_.targets == ("height",)
    assert LinearRegression().fit(X, height.to_numpy()).model_.targets == ("target",)
    assert gradline.fit(X, height.to_numpy()).targets == ("target",)
    assert gradline.fit(X[["x"]], height.to_numpy()).targets == ("y",)
    both = np.column_stack([height, height])
    assert gradline.fit(X.rename(columns={"x": "y1"}), both).targets == ("target1", "target2")
    assert gradline.fit(X, pd.DataFrame({"h": height, "k": height})).targets == ("h", "k")


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


def test_a_code_for_missing_cells_is_warned_of_and_read(tmp_path):
    rows = [f"{40 + 2 * i},{10 * i + 11 if i % 7 else '-999.0'}" for i in range(30)]
    path = save(tmp_path / "t.csv", "price,area\n" + "\n".join(rows) + "\n")
    with warned("sentinel-value", "area is -999 in 5 rows", "--na -999"):
        gradline.fit(path, "price")
    model = gradline.fit(path, "price", read=Text(na=["-999"]), missing="drop")
    assert (model.moments.rows, round(float(model.weight[0, 0]), 12)) == (25, 0.2)
    assert not [notice for notice in model.notices if notice.code == "sentinel-value"]


def test_row_numbers_and_copies_are_named():
    draws = np.random.default_rng(0).normal(size=(20, 2))
    frame = {"id": list(range(1, 21)), "x": draws[:, 0], "y": draws[:, 1], "cents": 100 * draws[:, 1]}
    found = {notice.code: notice.text for notice in gradline.fit(frame, "y").notices}
    assert "--exclude id" in found["identifier-column"]
    assert "--exclude cents" in found["copy-of-target"]
    del frame["cents"]
    assert {notice.code for notice in gradline.fit(frame, "y", exclude=["id"]).notices} == set()


def test_what_is_left_out_can_be_used_beside_the_others(tmp_path):
    rows = [f"{i},k{i % 60},{i % 9}" for i in range(200)]
    path = save(tmp_path / "t.csv", "y,k,x\n" + "\n".join(rows) + "\n")
    with warned("column-left-out", "k", "more than 50 levels", "--also k"):
        assert gradline.fit(path, "y").features == ("x",)
    model = gradline.fit(path, "y", also=["k"])
    assert len(model.features) == 60
    assert model.config["also"] == ["k"]
    assert gradline.verify(model, path).agrees
