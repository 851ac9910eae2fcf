"""Rows that are no observations: totals and means at the end of tables, told by their words or their numbers."""

import re
from typing import Any

import numpy as np
import polars as pl
import pytest
import xlsxwriter
from known import known
from refusals import refused, warned
from sklearn.datasets import load_iris

import gradline
from gradline.core.text import shell
from gradline.data import lines
from gradline.data.conditions import without
from gradline.data.csv_block import Block
from gradline.data.files import EXAMPLES
from gradline.data.notation import Text
from gradline.data.selection import Selection
from gradline.data.table_rows import TableRows
from gradline.data.tables import chosen_rows
from gradline.model import odd_rows, other_units, seen_rows, totals
from gradline.model.other_units import another_unit, lasting_change
from gradline.model.totals import summed

pytestmark = pytest.mark.filterwarnings("ignore::gradline.core.errors.GradlineWarning")
RANDOM = np.random.default_rng(3)
N = 30
SOLD = {
    "shop": [f"s{i}" for i in range(N)],
    "town": [("Bonn", "Ulm", "Kiel")[i % 3] for i in range(N)],
    "area": [round(float(x), 1) for x in RANDOM.uniform(20, 90, N)],
}
SOLD["price"] = [
    round(3 * x + float(e), 2) for x, e in zip(SOLD["area"], RANDOM.normal(0, 9, N), strict=True)
]
SUMS = [round(sum(SOLD[name]), 2) for name in ("area", "price")]
MEANS = [round(total / N, 2) for total in SUMS]


def told(table, **options):
    """The totals that a fit of price tells."""
    model = gradline.fit(table, "price", features=["area"], missing="drop", **options)
    return [notice.text for notice in model.notices if notice.code == "total-row"]


def frame(*rows):
    return pl.DataFrame(SOLD).vstack(pl.DataFrame(rows, schema=pl.DataFrame(SOLD).schema, orient="row"))


# What is a total, with what the message shows, and what is none.
@pytest.mark.parametrize(
    ("rows", "shown"),
    [
        ([("Total", None, *SUMS)], ["'Total' in shop", "sum of the rows above in area and price"]),
        ([(None, "Ulm", *SUMS)], ["sum of the rows above in area and price"]),
        ([(None, None, *MEANS)], ["mean of the rows above in area and price"]),
        ([("Summe", None, *SUMS), ("Mittelwert", None, *MEANS)], ["row 31", "'Summe'", "row 32", "'Mittelwert'"]),
        ([("Average:", None, 55.0, 171.0)], ["'Average:' in shop"]),
        ([("Gesamt 2024", None, SUMS[0] + 400.0, SUMS[1] - 900.0)], ["'Gesamt 2024' in shop"]),
        ([("Σ", "Ulm", 1.0, 2.0)], ["'Σ' in shop"]),
        ([(None, None, SUMS[0], MEANS[1] + 9)], ["sum of the rows above in area"]),
    ],
    ids=str,
)  # fmt: skip
def test_totals_are_told(rows, shown, tmp_path):
    (text,) = told(frame(*rows))
    assert all(word in text for word in shown)
    words = [row[0] for row in rows if row[0]]
    if words:
        condition = without("shop", words)
        assert shell(["--where", condition]) in text
        assert told(frame(*rows), read=Text(where=condition)) == []
        model = gradline.fit(frame(*rows), "price", features=["area"], read=Text(where=condition))
        assert model.moments.rows == N
    else:
        assert "Take it out of the table" in text
    frame(*rows).write_csv(tmp_path / "t.csv")
    with warned("total-row", f"line {N + 2} of", f"--skip-last {len(rows)}"):
        gradline.fit(tmp_path / "t.csv", "price", features=["area"], missing="drop")
    assert told(tmp_path / "t.csv", read=Text(skip_last=len(rows))) == []
    assert (
        gradline.fit(
            tmp_path / "t.csv", "price", features=["area"], read=Text(skip_last=len(rows))
        ).moments.rows
        == N
    )
    found = gradline.doctor(tmp_path / "t.csv", "price", features=["area"]).findings
    assert "total-row" in [finding.code for finding in found]


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [("s31", "Ulm", 55.0, 171.0)],
        [("Totally", "Ulm", 55.0, 171.0)],
        [("s31", "mean", 55.0, 171.0)],  # a level like others
        [("s31", "Ulm", None, None)],
        [("Total", None, SUMS[0], None)],  # dropped for its missing cell
    ],
    ids=str,
)
def test_what_is_no_total(rows):
    assert told(frame(*rows)) == []


def test_a_word_in_the_middle_is_told_though_no_term_needs_its_column():
    table = frame(("Total", "Ulm", 55.0, 171.0), ("s32", "Bonn", 40.0, 122.0))
    (text,) = told(table)
    assert "shop is 'Total' in some rows" in text
    assert told(table, read=Text(where="shop != Total")) == []


def test_units_of_several_kinds_are_told_beside_their_numbers():
    """As a category, too, which makes no number another; and once, whatever else is said of the rows."""
    units = ["kg"] * (N - 2) + ["g", "lb"]
    table = frame().with_columns(pl.Series("unit", units))
    for features in (["area"], ["area", "unit"]):
        model = gradline.fit(table, "price", features=features)
        (notice,) = [notice for notice in model.notices if notice.code == "units-differ"]
        assert f"'kg' in {N - 2} rows, 'g' in 1 row and 'lb' in 1 row" in notice.text
        left = table.filter(pl.col("unit") == "kg")
        assert "units-differ" not in [
            one.code for one in gradline.fit(left, "price", features=["area"]).notices
        ]


def test_the_last_complete_row_counts(tmp_path):
    table = frame(("Total", "Ulm", 55.0, 171.0), ("note", "Bonn", None, None))
    assert "'Total' in shop" in told(table)[0]
    table.write_csv(tmp_path / "t.csv")
    assert "--skip-last" not in told(tmp_path / "t.csv")[0]  # which would cut off the note


def test_a_level_may_be_the_word():
    table = frame(("Total", "Ulm", 55.0, 171.0))
    model = gradline.fit(table, "price", features=["area", "shop"])
    assert "total-row" in [notice.code for notice in model.notices]


def test_means_of_whole_numbers_are_no_evidence():
    """A row of 5, 5 below ones whose mean is 5 happens; the mean to the last of many digits does not."""
    whole = pl.DataFrame({"area": [1.0, 4, 6, 9, 5], "price": [9.0, 6, 4, 1, 5]})
    assert told(whole) == []
    ones = {"area": [0.0, 0, 1, 0, 1], "price": [1.0, 0, 0, 0, 1]}
    assert told(pl.DataFrame(ones)) == []


def test_rows_of_chance_are_seldom_totals():
    """Whole numbers of few values, where sums and means agree most easily: none of many tables."""
    random, agree = np.random.default_rng(0), 0
    for _ in range(5000):
        cells = random.integers(-3, 4, (random.integers(4, 12), random.integers(1, 4))).astype(float)
        row, body = cells[-1], cells[:-1]
        agree += bool(((row == body.sum(axis=0)) | (row == body.mean(axis=0))).all())
        assert summed(row, body) is None
    assert agree > 50


def test_each_file_has_its_total(tmp_path):
    for month in range(3):
        part = pl.DataFrame(SOLD)[10 * month : 10 * month + 10]
        sums = [round(part[name].sum(), 2) for name in ("area", "price")]
        whole = part.vstack(pl.DataFrame([("total", None, *sums)], schema=part.schema, orient="row"))
        whole.write_csv(tmp_path / f"{month}.csv")
    (text,) = told(tmp_path)
    assert "line 12 of" in text
    assert "2 more files" in text
    assert "--skip-last 1" in text
    model = gradline.fit(tmp_path, "price", features=["area"], read=Text(skip_last=1))
    assert model.moments.rows == N
    assert model.weight == pytest.approx(gradline.fit(SOLD, "price", features=["area"]).weight)
    pl.DataFrame(SOLD).write_csv(tmp_path / "3.csv")
    (text,) = told(tmp_path)
    assert "--skip-last" not in text  # which would cut a row off the last file
    assert """--where 'shop != "total"'""" in text
    model = gradline.fit(tmp_path, "price", features=["area"], read=Text(where='shop != "total"'))
    assert model.moments.rows == 2 * N
    assert "total-row" not in [notice.code for notice in model.notices]


def test_the_rows_of_weight_and_holdout(tmp_path):
    frame(("Total", "Ulm", *SUMS)).write_csv(tmp_path / "t.csv")
    assert "'Total'" in told(tmp_path / "t.csv", holdout=0.3)[0]


def test_a_total_of_weight_zero_counts_for_nothing():
    table = frame(("Total", None, *SUMS), ("s31", "Ulm", 55.0, 171.0)).with_columns(w=pl.lit(1.0))
    ending = table[:-1].with_columns(w=pl.Series([1.0] * N + [0.0]))
    assert told(table[:-1], weights="w")
    assert told(ending, weights="w") == []
    found = gradline.doctor(ending, "price", features=["area"], weights="w").findings
    assert "total-row" not in [one.code for one in found]


@pytest.mark.parametrize("shape", ["numbers", "levels", "names"])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_rows_that_the_fit_has_kept_tell_the_same(shape, count, tmp_path):
    """Of random tables, with totals and blocks in another unit and without; and nothing is read again to find none."""
    random, seen = np.random.default_rng(count), set()
    for trial in range(12):
        n = int(random.integers(16, 60))
        table = {name: np.round(np.exp(random.normal(5, 0.5, n)), 2) for name in ("a", "b", "y")}
        if trial % 2:
            table["a"][3:10] *= 1000
        sums = {name: [round(values.sum(), 2)] * count for name, values in table.items()}
        table = {name: [*values.tolist(), *sums[name]] for name, values in table.items()}
        if shape != "numbers":
            table["word"] = [
                *("uvw"[i % 3] if shape == "levels" else f"s{i}" for i in range(n)),
                *["v"] * count,
            ]
        if trial % 3 == 0:
            table["b"][5] = None
        features = ["a", "b", "word"] if shape == "levels" else ["a", "b"]
        pl.DataFrame(table).write_csv(tmp_path / "t.csv")
        for data in (pl.DataFrame(table), tmp_path / "t.csv"):
            rows, _ = chosen_rows(Selection(data, "y", features, missing="drop"))
            (block,) = rows.blocks(1000)
            read, kept = (odd_rows.odd_rows(rows, block.rows, [], known) for known in (None, block))
            assert [(one.code, one.text) for one in kept] == [(one.code, one.text) for one in read]
            seen |= {one.code for one in kept}
    assert seen == {*(["unit-jump"] if count < 3 else []), *(["total-row"] if count else [])}


def test_a_table_is_read_again_for_nothing(monkeypatch):
    """Where numbers tell of no total and no block in another unit, and no word can."""
    passes = []
    reading = TableRows.lazy_blocks
    monkeypatch.setattr(TableRows, "lazy_blocks", lambda self, size: passes.append(1) or reading(self, size))
    monkeypatch.setattr(
        seen_rows.SeenRows, "_read", property(lambda _: pytest.fail("the table is read again"))
    )
    gradline.fit(pl.DataFrame(SOLD).drop("shop"), "price", features=["area", "town"])
    gradline.fit("example:crops", ["apples", "oranges"])
    assert len(passes) == 2


def test_many_files_are_read_once_more_together(tmp_path, monkeypatch):
    """For the look at the ends of all of them: as many decodings as for the fit, whatever the number of files."""
    for month in range(9):
        part = pl.DataFrame(SOLD)[3 * month : 3 * month + 3 + month % 2]
        part.drop("shop").write_csv(tmp_path / f"{month}.csv")
    decodings = []
    decode = Block.decode
    monkeypatch.setattr(Block, "decode", lambda self, dtypes: decodings.append(1) or decode(self, dtypes))
    gradline.fit(tmp_path, "price", features=["area"])
    assert len(decodings) <= 4  # the kinds of columns; their numbers; numbers and words at the ends


def test_what_is_looked_at_closer_is_all_that_may_be_found():
    """Whatever `summed` and `_run` find, the fast looks let through; and of chance little more."""
    random, looked = np.random.default_rng(2), 0
    for trial in range(400):
        n, k = int(random.integers(4, 60)), int(random.integers(1, 4))
        values = np.round(random.normal(random.choice([0, 100]), 20, (n, k)), int(random.integers(0, 4)))
        most = min(4, n - 3)
        count = int(random.integers(1, most + 1))
        body = values[: n - count]
        values[n - count :] = np.round([body.sum(axis=0), body.mean(axis=0)][trial % 2], 3)
        if any(summed(values[-1], values[: n - i]) for i in range(1, most + 1)):
            assert totals._may_be_summed(values, most)
        values = random.normal(50, 4, (n, 4))
        first, length = int(random.integers(0, n)), int(random.integers(1, 20))
        values[first : first + length, :2] *= [10, 1.2]
        found = other_units._may_have_runs(values)
        looked += {2, 3} <= {*found}
        for j, column in enumerate(values.T):
            if any(other_units._run(scale) for scale in other_units._scales(column)):
                assert j in found
    assert looked < 40


@pytest.mark.parametrize("block", [8, 40, 4 << 20])
@pytest.mark.parametrize("end", ["", "\n", "\n\n  \n\r\n"])
def test_last_lines_are_cut_off_wherever_blocks_end(block, end, tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "BLOCK", block)
    (tmp_path / "t.csv").write_text('y,n\n1,a\n2,"b\nc"\n4,d\n\nsum,7\n(c) the office' + end)
    read = Text(skip_last=2)
    model = gradline.fit(tmp_path / "t.csv", "y", category=["n"], read=read)
    assert (model.moments.rows, model.moments.mean[-1]) == (3, pytest.approx(7 / 3))
    assert [notice.code for notice in model.notices].count("last-lines-left-out") == 1
    with refused("no-rows"):
        gradline.fit(tmp_path / "t.csv", "y", read=Text(skip_last=6))


def test_last_rows_of_a_sheet(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "t.xlsx") as book:
        sheet = book.add_worksheet()
        for i, row in enumerate([list(SOLD), *frame(("Total", None, *SUMS)).rows()]):
            sheet.write_row(i, 0, row)
    (text,) = told(tmp_path / "t.xlsx")
    assert "'Total' in shop" in text
    assert "--skip-last 1" in text
    assert (
        gradline.fit(tmp_path / "t.xlsx", "price", features=["area"], read=Text(skip_last=1)).moments.rows
        == N
    )
    pl.DataFrame(SOLD).write_parquet(tmp_path / "t.parquet")
    with refused("notation-of-types", "--skip-last 1"):
        gradline.fit(tmp_path / "t.parquet", "price", read=Text(skip_last=1))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.csv")), ids=lambda path: path.stem)
def test_no_false_alarm_in_the_examples(path):
    for target, column in pl.read_csv(path, null_values="NA").schema.items():
        if column.is_numeric():
            model = gradline.fit(path, target, missing="drop")
            assert not {"total-row", "unit-jump"} & {notice.code for notice in model.notices}


# Blocks in another unit

DAYS = 240
SALES = np.exp(RANDOM.normal(6, 0.5, DAYS))
CELSIUS = RANDOM.normal(12, 7, DAYS)
CHANGES = {
    "a thousandth of": (SALES, lambda x: x / 1000),
    "100 times": (SALES, lambda x: 100 * x),
    "a tenth of": (np.abs(RANDOM.normal(50, 4, DAYS)), lambda x: x / 10),
    "about 1,000 times": (np.where(np.arange(DAYS) % 31 == 0, -1.0, SALES), lambda x: 1000 * x),
    "in °F and elsewhere in °C": (CELSIUS, lambda x: 1.8 * x + 32),
    "in °C and elsewhere in °F": (1.8 * CELSIUS + 32, lambda x: (x - 32) / 1.8),
    "in K and elsewhere in °C": (CELSIUS, lambda x: x + 273.15),
}


def blocks(table, **options):
    """The blocks that a fit of y tells."""
    model = gradline.fit(table, "y", **options)
    return [notice.text for notice in model.notices if notice.code == "unit-jump"]


def table_of(column):
    return pl.DataFrame({"x": column, "y": np.arange(DAYS) % 7 + 0.5})


@pytest.mark.parametrize("unit", CHANGES)
@pytest.mark.parametrize("rows", [slice(100, 120), slice(0, 12), slice(200, 240), slice(50, 140)], ids=str)
def test_rows_in_another_unit(unit, rows):
    column, change = CHANGES[unit]
    whole = np.array(column)
    whole[rows] = change(whole[rows])
    (text,) = blocks(table_of(whole))
    assert unit in text
    first, last = (int(word) for word in text.split() if word.isdecimal() and f"row {word} of" in text)
    assert abs(first - rows.start - 1) <= 2  # where chance values stand at the border
    assert abs(last - rows.stop) <= 2
    found = [
        finding for finding in gradline.doctor(table_of(whole), "y").findings if finding.code == "unit-jump"
    ]
    assert len(found) == 1


@pytest.mark.parametrize("unit", CHANGES)
@pytest.mark.parametrize("odd", [[5], [0], [3, 11]], ids=str)
def test_files_in_another_unit(unit, odd, tmp_path):
    column, change = CHANGES[unit]
    values = {True: [], False: []}  # in the other unit, and not
    for month in range(12):
        part = table_of(column)[20 * month : 20 * month + 20]
        part = part.with_columns(x=change(part["x"].to_numpy())) if month in odd else part
        values[month in odd] += part["x"].to_list()
        part.write_csv(tmp_path / f"{month:02}.csv")
    (text,) = blocks(tmp_path)
    assert unit in text
    assert all(f"{month:02}.csv" in text for month in odd)
    condition = re.search(r"--where '(x [<>]= \S+)'", text)
    is_parted = max(values[True]) < min(values[False]) or max(values[False]) < min(values[True])
    assert bool(condition) == is_parted
    if condition:
        model = gradline.fit(tmp_path, "y", read=Text(where=condition[1]))
        assert model.moments.rows == DAYS - 20 * len(odd)


@pytest.mark.parametrize(
    "column",
    [
        SALES,
        np.sort(SALES),
        np.exp(np.arange(DAYS) / 30),  # growth
        12
        - 14 * np.cos(np.arange(DAYS) / DAYS * 2 * np.pi)
        + RANDOM.normal(0, 3, DAYS),  # a year of temperatures
        RANDOM.standard_cauchy(DAYS),
        np.exp(RANDOM.normal(0, 3, DAYS)),
        np.cumsum(RANDOM.normal(size=DAYS)),
        np.repeat([1.0, 10, 100], DAYS // 3),  # doses
        np.where(np.arange(DAYS) // 20 == 4, SALES * 5, SALES),  # more, but of no unit
        np.where(np.arange(DAYS) // 20 == 4, 700.0, SALES),
        (np.arange(DAYS) // 100).astype(float),
    ],
    ids=range(11),
)
def test_no_other_unit(column, tmp_path):
    assert blocks(table_of(column)) == []
    for month in range(12):
        table_of(column)[20 * month : 20 * month + 20].write_csv(tmp_path / f"{month:02}.csv")
    assert blocks(tmp_path) == []


@pytest.mark.parametrize("factor", [2.204623, 12.0, 1 / 2.54, 1000.0])
def test_a_lasting_change_of_unit_is_told_by_its_factor(factor):
    column = RANDOM.uniform(50, 60, 80)
    column[30:] *= factor
    row, found = known(lasting_change(column))
    assert row == 30
    assert found == pytest.approx(factor, rel=0.1)  # each part scatters by a twentieth
    assert lasting_change(np.r_[column[:30], 1.8 * RANDOM.uniform(50, 60, 50)]) is None  # no unit


def test_groups_of_rows_are_no_change_of_unit():
    """As those of irises, whose petals are both longer, 3.3 times as it happens, and wider from row 51 on."""
    iris: Any = load_iris(as_frame=True)
    flowers = iris.frame
    for target in flowers.columns[:2]:
        assert "unit-jump" not in [one.code for one in gradline.doctor(flowers, target).findings]


def test_chance_is_seldom_another_unit():
    """Walks, trends and groups of any level: of thousands hardly one has a part that a unit explains."""
    random, found = np.random.default_rng(1), 0
    for _ in range(600):
        steps = random.normal(size=120)
        level = np.exp(random.normal(0, 1.5, 12)).repeat(10)
        for column in (np.cumsum(steps), np.exp(np.cumsum(steps) / 4), level * np.exp(steps / 4)):
            rows = other_units._run(np.log10(np.abs(column)))
            found += rows is not None and bool(
                another_unit(column[rows], np.concatenate([column[: rows.start], column[rows.stop :]]))
            )
    assert found <= 6


# Notes below a table: how the last lines of a CSV file look, and how many lines there are to leave out.
NOTES = {
    "of one cell": ("Source: the office\n", 1),
    "after a blank line": ("\n* preliminary, see below\n(c) the office\n", 2),
    "as wide as the table": ("Source: the office,,\n", 1),
    "below another": ("Source: the office,,\n(c) 2024,,\n", 2),
}


@pytest.mark.parametrize("note", NOTES)
def test_notes_below_a_table_are_left_out_by_the_option_that_is_named(note, tmp_path):
    text, count = NOTES[note]
    rows = "".join(
        f"s{i},{x},{y}\n" for i, (x, y) in enumerate(zip(SOLD["area"], SOLD["price"], strict=True))
    )
    path = tmp_path / "t.csv"
    path.write_text(f"shop,area,price\n{rows}{text}")
    with pytest.raises(gradline.GradlineError, match=f"--skip-last {count}"):
        gradline.fit(path, "price")
    assert gradline.fit(path, "price", read=Text(skip_last=count)).moments.rows == N
    path.write_text(f"shop,area,price\n{text}{rows}")
    with pytest.raises(gradline.GradlineError) as caught:  # in the middle it is no note below
        gradline.fit(path, "price")
    assert "--skip-last" not in caught.value.remedy
    if count > 1:
        path.write_text(f"shop,area,price\n{rows}{text}")
        with pytest.raises(gradline.GradlineError, match=f"--skip-last {count}"):
            gradline.fit(path, "price", read=Text(skip_last=1))
