"""Rows that are chosen by conditions on their cells: the model is that of a table which holds these rows alone."""

import json
import sqlite3

import numpy as np
import polars as pl
import pytest
import xlsxwriter
from commands import command
from refusals import refused

import gradline
from gradline.data.conditions import Condition, leaving_out, parsed, without
from gradline.data.notation import Text

pytestmark = pytest.mark.filterwarnings("ignore::gradline.core.errors.GradlineWarning")
RANDOM = np.random.default_rng(5)
N = 60
TABLE = pl.DataFrame(
    {
        "region": [("North", "South", "Total", 'a "b"', None)[i % 5] for i in range(N)],
        "year": [1990 + i % 30 for i in range(N)],
        "is new": [i % 3 == 0 for i in range(N)],
        "sold": [f"2024-{i % 12 + 1:02}-15" for i in range(N)],
        "price": np.round(RANDOM.normal(50, 9, N), 2),
    }
)
DAYS = pl.col("sold").str.to_datetime("%Y-%m-%d")
# A condition, and what polars calls the same.
SAME = {
    'region != "Total"': pl.col("region").ne_missing("Total"),
    "region <> 'Total'": pl.col("region").ne_missing("Total"),
    "region=North": pl.col("region") == "North",
    'region = "a ""b"""': pl.col("region") == 'a "b"',
    "region IN (North, 'South')": pl.col("region").is_in(["North", "South"]),
    'region not in ("Total")': pl.col("region").ne_missing("Total"),
    "region LIKE '%o%'": pl.col("region").str.contains("o"),
    "region not like 'S_uth'": pl.col("region").ne_missing("South"),
    "region IS NULL": pl.col("region").is_null(),
    "region is not null": pl.col("region").is_not_null(),
    "year >= 2000": pl.col("year") >= 2000,
    "year<2000.5": pl.col("year") < 2000.5,
    "year IN (1990, 1991.0)": pl.col("year").is_in([1990, 1991]),
    "year > 1995 AND year <= 2010 and region != Total": pl.col("year").is_between(1996, 2010)
    & pl.col("region").ne_missing("Total"),
    "is new = true": pl.col("is new"),
    '"is new" != 1': ~pl.col("is new"),
    "`sold` >= 2024-06-01": pl.datetime(2024, 6, 1) <= DAYS,
    "price != 'none'": pl.lit(True),
}


def fitted(data, **options):
    return gradline.fit(data, "price", features=["year"], **options)


def written(table, tmp_path):
    """The table in each kind of source."""
    table.write_csv(tmp_path / "t.csv")
    table.write_parquet(tmp_path / "t.parquet")
    table.write_ndjson(tmp_path / "t.ndjson")
    with sqlite3.connect(tmp_path / "t.db") as base:
        base.execute(f"CREATE TABLE t ({', '.join(map('[{}]'.format, table.columns))})")
        base.executemany(f"INSERT INTO t VALUES ({','.join('?' * table.width)})", table.rows())
    with xlsxwriter.Workbook(tmp_path / "t.xlsx") as book:
        sheet = book.add_worksheet()
        for i, row in enumerate([table.columns, *table.rows()]):
            sheet.write_row(i, 0, row)
    parts = [tmp_path / "a.csv", tmp_path / "b.csv"]
    table[:20].write_csv(parts[0])
    table[20:].write_csv(parts[1])
    yield from (tmp_path / "t.csv", tmp_path / "t.parquet", tmp_path / "t.ndjson", tmp_path / "t.xlsx")
    yield from (f"sqlite:{tmp_path / 't.db'}", parts, table, table.to_pandas(), table.lazy())


@pytest.mark.parametrize("condition", SAME)
def test_the_rows_are_those_of_a_table_without_the_others(condition, tmp_path):
    whole = TABLE.with_columns(sold=DAYS) if "sold" in condition else TABLE
    expected = fitted(TABLE.filter(SAME[condition]))
    for data in written(TABLE, tmp_path):
        if "sold" in condition and not str(data).endswith("csv"):
            continue  # text of a typed table stays text
        found = fitted(data, read=Text(where=condition))
        assert found.moments.rows == expected.moments.rows, data
        assert found.moments.statistics.fingerprint == expected.moments.statistics.fingerprint
        assert found.weight.tolist() == expected.weight.tolist()
    typed = fitted(whole, read=Text(where=condition))
    assert typed.moments.statistics.fingerprint == expected.moments.statistics.fingerprint


def test_what_stands_in_the_other_rows_disturbs_nobody(tmp_path):
    """Headers that stand there again, totals of text, infinite sums: neither kinds nor cells nor levels know them."""
    rows = [f"{name},2024-01-{i + 1:02},{i % 7 + i / 3:.2f}" for i, name in enumerate("abcabcabcabc")]
    clean = "name,sold,price\n" + "\n".join(rows) + "\n"
    dirty = [*rows[:5], "name,sold,price", *rows[5:], "Total,,1e999", "Total,,n.d."]
    (tmp_path / "clean.csv").write_text(clean)
    (tmp_path / "dirty.csv").write_text("name,sold,price\n" + "\n".join(dirty) + "\n")
    features = ["name", "days(sold)"]
    read = Text(where="name NOT IN (name, Total)")
    one = gradline.fit(tmp_path / "clean.csv", "price", features=features)
    two = gradline.fit(tmp_path / "dirty.csv", "price", features=features, read=read)
    assert two.weight.tolist() == one.weight.tolist()
    assert [notice.text for notice in two.notices if notice.code == "rows-left-out"] == [
        f"3 of 15 rows of {tmp_path / 'dirty.csv'} are left out: --where 'name NOT IN (name, Total)'"
    ]
    assert gradline.verify(two, tmp_path / "dirty.csv").agrees
    assert two.evaluate(tmp_path / "dirty.csv").rows == 12
    assert len(two.predict(tmp_path / "clean.csv")) == 12  # every row


def test_a_remedy_leaves_out_the_row_that_it_names(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,price\n1,2\n2,3\nx,price\n3,5\n4,4\n5,7\n")
    condition = without("x", ["x"])
    with refused("text-in-number-column", "line 4", f"--where '{condition}'"):
        gradline.fit(path, "price")
    assert gradline.fit(path, "price", read=Text(where=condition)).moments.rows == 5


@pytest.mark.parametrize(
    "names", [["a", "a b", "a b c"], ["is", "a=b", 'q"'], ["Umsatz (€)", "Umsatz"]], ids=str
)
@pytest.mark.parametrize("cells", [["x"], ["it's", 'a "q"'], ["1,5", "and", " or "], ["%", "()"]], ids=str)
def test_what_is_written_is_read_back(names, cells):
    for name in names:
        operator = "!=" if len(cells) == 1 else "NOT IN"
        values = tuple(cells)
        assert parsed([without(name, cells)], names) == [Condition(name, operator, values)]
        assert "--where" in leaving_out(name, cells)


@pytest.mark.parametrize(
    ("condition", "code", "shown"),
    [
        ("regio = x", "column-unknown", "Did you mean region"),
        ("region = a OR region = b", "where-unreadable", "IN (VALUE, VALUE)"),
        ("region", "where-unreadable", "NAME = VALUE"),
        ("region = 'a' or", "where-unreadable", "NAME = VALUE"),
        ("region = ", "where-unreadable", "NAME = VALUE"),
        ("region = 'a", "where-unreadable", "NAME = VALUE"),
        ("region > b", "where-on-words", "Words are compared by"),
        ("year > b", "where-on-words", "12.5"),
        ("region = x", "no-rows", "leaves no row"),
    ],
)  # fmt: skip
def test_conditions_that_cannot_be(condition, code, shown, tmp_path):
    TABLE.write_csv(tmp_path / "t.csv")
    with refused(code, shown):
        fitted(tmp_path / "t.csv", read=Text(where=condition))


def test_rows_of_arrays_beside_a_frame_are_chosen_with_it():
    y, w = TABLE["price"].to_numpy(), np.arange(N) + 1.0
    read = Text(where="year >= 2000")
    kept = TABLE["year"].to_numpy() >= 2000
    chosen = gradline.fit(TABLE[["year"]], y, weights=w, read=read)
    expected = gradline.fit(TABLE[["year"]].filter(kept), y[kept], weights=w[kept])
    assert chosen.weight.tolist() == expected.weight.tolist()
    assert gradline.verify(chosen, TABLE[["year"]], y, weights=w).agrees


def test_the_command_line_keeps_what_was_told_for_all_but_predictions(tmp_path):
    TABLE.write_csv(tmp_path / "t.csv")
    TABLE[["year", "price"]].write_csv(tmp_path / "other.csv")

    def called(*words):
        return command(*words, folder=tmp_path)

    fit = ("fit", "t.csv", "-t", "price", "-f", "year", "-o", "m.safetensors")
    done = called(*fit, "--where", 'region != "Total"', "--where", "year >= 2000")
    assert done.code == 0, done.err
    rows = TABLE.filter(pl.col("region").ne_missing("Total") & (pl.col("year") >= 2000)).height
    assert json.loads(called("evaluate", "m.safetensors", "t.csv", "--json").out)["rows"] == rows
    assert called("verify", "m.safetensors", "t.csv").code == 0
    shown = called("show", "m.safetensors", "--config").out
    (tmp_path / "run.toml").write_text(shown)
    assert called("fit", "t.csv", "--config", "run.toml").code == 0
    for data in ("t.csv", "other.csv"):
        done = called("predict", "m.safetensors", data)
        assert len(done.out.splitlines()) == N + 1
        assert "year >= 2000" in done.err
    assert len(called("predict", "m.safetensors", "t.csv", "--where", "year = 1990").out.split()) == 3
    lacking = called("evaluate", "m.safetensors", "other.csv")
    assert lacking.code == 1
    assert "--where ''" in lacking.err
    assert called("evaluate", "m.safetensors", "other.csv", "--where", "").code == 0
