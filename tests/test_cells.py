"""Cells of text, in whatever source: amounts, other notations and words for missing cells are read once told."""

import json

import polars as pl
import pytest
import xlsxwriter
from containers import excel, in_duckdb, in_sqlite, open_document
from refusals import refused, warned

import gradline
from gradline import Text
from gradline.core.errors import NotationError
from gradline.data.schema import Kind
from gradline.data.tables import open_table


def table(tmp_path, cells, mark=","):
    path = tmp_path / "t.csv"
    quoted = [f'"{cell}"' if mark in cell else cell for cell in cells]
    path.write_text(f"a{mark}p\n" + "".join(f"{i}{mark}{cell}\n" for i, cell in enumerate(quoted, 1)))
    return path


# Cells in two readings: those of `decimal`, and those of `thousands`.
TWO_WAYS = {
    "a currency": (["$2,400", "$3,600", "$1,800", "$700"], ",", ","),
    "a unit behind tabs": (["2,400 kg", "3,600 kg", "1,800 kg", "700 kg"], ",", "\t"),
    "a unit that one lacks": (["2,400 kg", "3,600 kg", "1,800 kg", "700"], ",", "\t"),
    "points and a currency": (["2.400 €", "3.600 €", "1.800 €", "700 €"], ".", ";"),
}


@pytest.mark.parametrize(("cells", "mark", "between"), TWO_WAYS.values(), ids=TWO_WAYS)
def test_thousands_beside_a_mark_are_read_once_they_are_told(cells, mark, between, tmp_path):
    path = table(tmp_path, cells, between)
    with refused(
        "number-notation-ambiguous", "p", f"--thousands {mark} --numeric p", f"--decimal {mark} --numeric p"
    ):
        gradline.fit(path, "p")
    for read, values in ((Text(thousands=mark), [2400, 3600, 1800]), (Text(decimal=mark), [2.4, 3.6, 1.8])):
        model = gradline.fit(path, "p", numeric=["p"], read=read)
        expected = gradline.fit({"a": [1, 2, 3, 4], "p": [*map(float, values), 700.0]}, "p")
        assert model.weight == pytest.approx(expected.weight)


UNEVEN = {
    "two currencies": (["$12", "€15", "$14", "€19"], "two currencies ($ and €)", "'$12' (line 2", "'€15' (line 3"),
    "a currency in two spellings": (["12 €", "15", "14 €", "19 EUR"], "two currencies (€ and EUR)", "'19 EUR' (line 5"),
    "two units": (["12 km", "15 km", "9 mi", "19 km"], "two units (km and mi)", "'9 mi' (line 4"),
    "percent signs here and there": (["12%", "0.15", "14%", "19%"], "percent signs", "'0.15' (line 3", "'12%' (line 2"),
    "a factor": (["1.2k", "950", "3k", "2k"], "a factor (k)", "line 2", "'1.2k'"),
    "a factor everywhere": (["1.2 Mio. €", "3 Mio. €", "2 Mio. €"], "a factor (Mio. €)"),
    "a factor and a currency": (["950 €", "1.2k€", "3k€", "2k€"], "a factor (k€)", "line 3"),
}  # fmt: skip


@pytest.mark.parametrize(("cells", "shown"), [(one[0], one[1:]) for one in UNEVEN.values()], ids=UNEVEN)
def test_what_is_no_one_column_of_numbers_is_refused(cells, shown, tmp_path):
    path = table(tmp_path, cells)
    for numeric in ([], ["p"]):
        with pytest.raises(gradline.GradlineError) as caught:
            gradline.fit(path, "a", numeric=numeric)
        assert all(part in str(caught.value) for part in shown), caught.value
        assert "--numeric" not in caught.value.remedy
    assert gradline.fit(path, "a", category=["p"]).features


@pytest.mark.parametrize(("first", "second"), [("$", "€"), ("%", ""), (" km", " mi")])
def test_files_in_two_currencies_or_units_are_refused(first, second, tmp_path):
    """In either order: each file alone is one column of numbers."""
    for name, mark in (("a", first), ("b", second)):
        (tmp_path / f"{name}.csv").write_text("a,p\n" + "".join(f"{i},{i * i}{mark}\n" for i in range(1, 5)))
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for data in (paths, paths[::-1]):
        with refused("amounts-differ", f"'1{first}' in {paths[0]}", f"'1{second}' in {paths[1]}"):
            gradline.fit(data, "a", numeric=["p"])
    assert gradline.fit(paths[:1], "a", numeric=["p"]).features == ("p",)


def test_a_unit_that_cells_lack_is_said(tmp_path):
    path = table(tmp_path, ["12 kg", "13", "15 kg", "19 kg"])
    with refused("number-notation", "--numeric p"):
        gradline.fit(path, "a")
    model = gradline.fit(path, "a", numeric=["p"])
    assert [(one.code, "'13'" in one.text) for one in model.notices] == [("amounts-unmarked", True)]


def test_a_single_cell_in_another_notation_is_no_reason_to_read_all_so(tmp_path):
    """What reads one cell must read the others too, else no option is named."""
    for odd in ("1,5", "2%", "3k"):
        path = table(tmp_path, ["1.25", "2.5", "3.75", "1.5", odd])
        with pytest.raises(gradline.GradlineError, match=odd) as caught:
            gradline.fit(path, "a")
        assert not {"--decimal", "--numeric", "--thousands"} & set(caught.value.remedy.split())


AMOUNTS = pl.DataFrame(
    {
        "a": [3.0, 1.0, -999.0, 4.0, 2.0, 6.0],
        "cost": ["$2,400", "$3,600", "$1,800", "-", "$2,200", "$950"],
        "share": ["12 %", "13.5 %", "15 %", "9 %", "n.a.", "7 %"],
        "town": ["Ulm", "Bonn", "-", "Bonn", "Ulm", "Ulm"],
    }
)
COSTS, SHARES = [2400.0, 3600, 1800, None, 2200, 950], [12.0, 13.5, 15, 9, None, 7]
GUISES = {
    "CSV": lambda d: save(d / "t.csv", AMOUNTS.write_csv),
    "Parquet": lambda d: save(d / "t.parquet", AMOUNTS.write_parquet),
    "Arrow stream": lambda d: save(d / "t.arrows", AMOUNTS.write_ipc_stream),
    "NDJSON": lambda d: save(d / "t.ndjson", AMOUNTS.write_ndjson),
    "JSON array": lambda d: save(d / "t.json", AMOUNTS.write_json),
    "Excel": lambda d: excel(d / "t.xlsx", AMOUNTS),
    "OpenDocument": lambda d: open_document(d / "t.ods", AMOUNTS),
    "SQLite": lambda d: gradline.Table(f"sqlite:///{in_sqlite(d / 't.db', AMOUNTS)}", table="t"),
    "DuckDB": lambda d: gradline.Table(
        in_duckdb(d / "t.duckdb", AMOUNTS), query="SELECT * FROM t ORDER BY place"
    ),
    "two files": lambda d: [
        save(d / f"{i}.parquet", AMOUNTS[3 * i : 3 * i + 3].write_parquet) for i in (0, 1)
    ],
    "polars": lambda _: AMOUNTS,
    "polars lazy": lambda _: AMOUNTS.lazy(),
    "pandas": lambda _: AMOUNTS.to_pandas(),
    "stream": lambda _: AMOUNTS.to_arrow().to_reader(),
}


def save(path, write):
    write(path)
    return path


READ = Text(thousands=",", na=["-", "n.a.", "-999"])


@pytest.mark.parametrize("guise", GUISES.values(), ids=GUISES)
def test_text_is_text_wherever_it_stands(guise, tmp_path):
    """Notation, words and codes for missing cells, and amounts: the same from every source."""
    source = open_table(guise(tmp_path), READ)
    kinds = {"a": Kind.NUMBER, "cost": Kind.AMOUNT, "share": Kind.AMOUNT, "town": Kind.TEXT}
    frame = pl.concat([batch.frame for batch in source.batches(kinds)])
    expected = [[3, 1, None, 4, 2, 6], COSTS, SHARES, ["Ulm", "Bonn", None, "Bonn", "Ulm", "Ulm"]]
    assert [series.to_list() for series in frame] == expected
    model = gradline.fit(source, "a", features=["cost", "town"], numeric=["cost"], missing="drop")
    assert (model.moments.rows, model.features) == (4, ("cost", "town=Ulm"))


@pytest.mark.parametrize("guise", ["Parquet", "NDJSON", "Excel", "DuckDB", "polars"])
def test_the_refusal_of_text_names_what_reads_it(guise, tmp_path):
    data = GUISES[guise](tmp_path)
    # In a file points stand before decimals, as 13.5 % shows; of columns that have types each is asked alone.
    is_file = guise in ("NDJSON", "Excel")
    code = "number-notation" if is_file else "number-notation-ambiguous"
    with refused(code, "--thousands , --numeric cost", "--category cost"):
        gradline.fit(data, "a", features=["cost"])
    with refused("number-notation", "'12 %'", "--numeric share"):
        gradline.fit(data, "share", features=["a"])
    with refused("text-in-number-column", "'n.a.'", "--na n.a."):
        gradline.fit(data, "share", features=["a"], numeric=["share"])
    with refused("notation-of-types", "--delimiter"):
        gradline.fit(data, "a", read=Text(delimiter=";", na=["-"]))


def test_the_numbers_of_json_and_of_workbooks_are_no_text(tmp_path):
    """1.5 is a number there, whatever marks the text beside it has; 1.234 may be either in a column of both."""
    cells = [1.5, "1,5", "2.400", 2, "7,25", -999]
    expected = [1.5, 1.5, 2400, 2, 7.25, None]
    told = Text(decimal=",", thousands=".", na=["-999"])
    rows = "".join(json.dumps({"p": cell}) + "\n" for cell in cells)
    for path in (save(tmp_path / "t.ndjson", lambda path: path.write_text(rows)), workbook(tmp_path, cells)):
        frames = open_table(path, told).batches({"p": Kind.NUMBER})
        assert [value for batch in frames for value in batch.frame["p"]] == expected
    with refused("number-notation-ambiguous", "'1.234'", "row 3", "1234"):
        open_table(workbook(tmp_path, ["1,5", 1.234]), told).schema()
    text = workbook(tmp_path, ["1,5", "1.234"])
    assert next(iter(open_table(text, told).batches({"p": Kind.NUMBER}))).frame["p"].to_list() == [1.5, 1234]


def workbook(folder, cells):
    path = folder / "t.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for row, cell in enumerate(["p", *cells]):
            (sheet.write_string if isinstance(cell, str) else sheet.write)(row, 0, cell)
    return path


def test_advice_of_one_word_for_missing_cells_keeps_the_others(tmp_path):
    """`--na` ends the usual words, so those that stand in the file are listed with it."""
    rows = ["1,1,Ulm", "2,?,Ulm", "3,3,NA", "4,4,Bonn", "5,--,null", "7,6,Bonn", "8,8,Ulm", "9,8,N/A"]
    path = save(tmp_path / "t.csv", lambda path: path.write_text("\n".join(["y,x,town", *rows])))
    with refused("text-in-number-column", "--na '?' --na -- --na NA --na null --na N/A") as caught:
        gradline.fit(path, "y", missing="drop")
    assert isinstance(caught.value, NotationError)
    model = gradline.fit(path, "y", missing="drop", read=Text(**caught.value.told))
    assert (model.moments.rows, model.features) == (4, ("x", "town=Ulm"))
    with refused("text-in-number-column", "--na -- --na '?'"):
        gradline.fit(path, "y", read=Text(na=["?"]))


def test_a_code_for_missing_cells_keeps_the_words(tmp_path):
    rows = [f"{i},{10 * i if i % 5 else -999},{'NA' if i == 7 else 'ab'[i % 2]}" for i in range(1, 21)]
    path = save(tmp_path / "t.csv", lambda path: path.write_text("\n".join(["y,x,g", *rows])))
    with warned("sentinel-value", "--na -999 --na NA --missing drop"):
        gradline.fit(path, "y", features=["x"])
    frame = pl.read_csv(path, null_values="NA", schema_overrides={"x": pl.Float64})
    with warned("sentinel-value", "--na -999 --missing drop"):
        gradline.fit(frame, "y", features=["x"])
    assert gradline.fit(frame, "y", features=["x"], missing="drop", read=Text(na=["-999"])).moments.rows == 16
    frame.write_parquet(tmp_path / "t.parquet")
    trusted = open_table(tmp_path / "t.parquet", Text(na=["-999"])).assume_finite()
    assert trusted is not None  # so that nobody looks at the numbers one by one, but for these codes
    assert sum(batch.frame["x"].null_count() for batch in trusted.batches({"x": Kind.NUMBER})) == 4


def test_one_notation_reads_all_text_of_json_and_of_workbooks(tmp_path):
    """What is named for one column reads the text of the others, too; the numbers beside it have none."""
    both = {
        "y": [0.5, 1, 2, 3],
        "x": ["20,5", "41,0", "61,25", "7,1"],
        "z": ["1.250", "950", "2.100", "12.500"],
    }
    for path in written(tmp_path, both):
        with refused("number-notation", "--thousands ."):
            gradline.fit(path, "y")
        expected = gradline.fit({**both, "x": [20.5, 41, 61.25, 7.1], "z": [1250, 950, 2100, 12500]}, "y")
        assert gradline.fit(path, "y", read=Text(thousands=".")).weight.tolist() == expected.weight.tolist()
    for path in written(tmp_path, {**both, "z": ["1.25", "3.5", "1.75", "2.25"]}):
        with refused("number-notation-mixed", "x", "z", "--exclude z --decimal ,"):
            gradline.fit(path, "y")
        assert gradline.fit(path, "y", exclude=["z"], read=Text(decimal=",")).features == ("x",)
    for path in written(tmp_path, {**both, "z": [1.25, 3.5, "NA", 2.25]}):
        with refused("number-notation", "--decimal ,"):
            gradline.fit(path, "y")
        model = gradline.fit(path, "y", read=Text(decimal=","), missing="drop")
        assert (model.features, model.moments.rows) == (("x", "z"), 3)


def written(folder, columns):
    """The same rows as JSON and as a workbook whose table begins in its second column."""
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    path = folder / "t.ndjson"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with xlsxwriter.Workbook(folder / "t.xlsx") as book:
        sheet = book.add_worksheet()
        for at, cells in enumerate([list(columns), *(row.values() for row in rows)]):
            for place, cell in enumerate(cells, 1):
                (sheet.write_string if isinstance(cell, str) else sheet.write)(at, place, cell)
    return [path, folder / "t.xlsx"]
