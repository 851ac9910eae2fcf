"""What levels show that nobody meant: rows that sum up others, cells that stand for none, dates in typed tables."""

import warnings
from datetime import date, timedelta

import polars as pl
import pytest
from refusals import refused

import gradline
from gradline.core.errors import GradlineWarning
from gradline.data.levels import alike, similar, sums, without_value


@pytest.mark.parametrize(
    ("levels", "found"),
    [
        (
            ["North", "North Total", "South", "South Total", "Grand Total"],
            ["North Total", "South Total", "Grand Total"],
        ),
        (["Nord", "Nord Ergebnis", "Süd", "Gesamtergebnis"], ["Nord Ergebnis", "Gesamtergebnis"]),
        (["a", "b", "Total a", "total  B", "Sous-total"], ["Total a", "total  B", "Sous-total"]),
        (["a", "b", "Zwischensumme:"], ["Zwischensumme:"]),
        (["partial", "total loss", "totalled"], []),  # words like others
        (["Total Energies", "Shell"], []),
    ],
)
def test_sums_are_known_by_the_group_that_they_name(levels, found):
    assert sums(levels) == found


@pytest.mark.parametrize(
    ("levels", "found"),
    [
        (["a", "n.d."], ["n.d."]),
        (["a", "b", "-", "k.A.", "?"], ["-", "k.A.", "?"]),
        (["+", "-"], []),  # a sign
        (["nd1", "missing link", "n", "d"], []),
    ],
)
def test_levels_without_a_value(levels, found):
    assert without_value(levels) == found


@pytest.mark.parametrize(
    ("levels", "found"),
    [
        (
            ["Africa", "Afirca", "Asia"],
            [("Africa", "Afirca"), ("Afirca", "Africa")],
        ),  # which of both, counts tell
        (["Amercias", "Americas"], [("Amercias", "Americas"), ("Americas", "Amercias")]),
        (["Bad", "Med.", "Medium"], [("Med.", "Medium")]),
        (["Y", "Yes", "No", "N"], [("Y", "Yes"), ("N", "No")]),
        (["NY", "New York", "York"], [("NY", "New York")]),
        (["A", "AB", "B", "0"], []),  # blood groups
        (["S", "M", "L", "XL"], []),
        (["line 1", "line 2"], []),
        (["North", "South", "East", "West"], []),
        (["Guinea", "Guinea-Bissau"], []),
        (["Iran", "Iraq"], []),
        (["PG", "PG-13"], []),
        (["M", "Male", "Married"], []),  # of two words none alone
    ],
)
def test_levels_that_may_be_slips(levels, found):
    assert similar(levels) == found


@pytest.mark.parametrize(
    ("levels", "found"),
    [
        (["PG-13", "PG13", "pg-13", "PG"], [["PG-13", "PG13", "pg-13"]]),
        (["01", "1", "10", "010", "0"], [["01", "1"], ["10", "010"]]),
        (["1.5", "15", "1-5"], []),
        (["0.5", "0.05", "5"], []),
        (["Cloudy/Misty", "cloudy / misty"], [["Cloudy/Misty", "cloudy / misty"]]),
        (["+", "-", "±"], []),
        (["a+", "a-", "a"], [["a-", "a"]]),
    ],
)
def test_levels_that_are_written_in_several_ways(levels, found):
    assert alike(levels) == found


def fitted(data, **options):
    """A model, whose warnings it holds as notices, too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GradlineWarning)
        return gradline.fit(data, "y", **options)


def notices(data, **options):
    return {notice.code: notice for notice in fitted(data, **options).notices}


def test_subtotals_in_the_middle_are_told(tmp_path):
    path = tmp_path / "t.csv"
    rows = [f"{region},{i},{i * i}" for region in ("North", "South") for i in (*range(6), 15)]
    rows[6], rows[13] = "North Total,15,55", "South Total,15,55"
    path.write_text("\n".join(["region,x,y", *rows]) + "\n")
    assert "'North Total'" in notices(path)["total-row"].cause
    path.write_text("\n".join(["region,x,y", *rows[:6], *rows[7:13]]) + "\n")
    assert "total-row" not in notices(path)


def test_a_level_that_stands_for_missing_cells_is_told_with_what_ends_it(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("g,x,y\na,1,1\nb,2,3\nn.d.,3,2\na,4,4\nNA,5,5\nb,6,7\na,7,8\nb,8,8\n")
    told = notices(path, missing="drop")["sentinel-value"]
    assert "--na n.d. --na NA --missing drop" in told.remedy
    model = gradline.fit(path, "y", missing="drop", read=gradline.Text(na=["n.d.", "NA"]))
    assert list(model.features) == ["g=b", "x"]


def test_a_total_is_no_missing_cell(tmp_path):
    """What stands in a row of a column of numbers is named for what it is, with what leaves out that row alone."""
    path = tmp_path / "t.csv"
    path.write_text("n,y\n" + "".join(f"{i},{i * i}\n" for i in range(5)) + "Total,30\n")
    with refused("text-in-number-column", "line 7", "Total", """--where 'n != "Total"'""") as caught:
        gradline.fit(path, "y")
    assert "--na" not in caught.value.remedy
    assert gradline.fit(path, "y", read=gradline.Text(where='n != "Total"')).moments.rows == 5
    gradline.fit(path, "y", read=gradline.Text(skip_last=1))


def test_codes_are_codes_whatever_word_stands_beside_them(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("zip,x,y\n" + "".join(f"0{i % 3}001,{i},{i * i}\n" for i in range(9)) + "abroad,9,81\n")
    assert [name for name in gradline.fit(path, "y").features if name.startswith("zip=")] == [
        "zip=01001",
        "zip=02001",
        "zip=abroad",
    ]


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d.%m.%Y", "%d %b %Y"])
def test_dates_are_dates_in_typed_tables_too(form, tmp_path):
    """The same rows give the same model from CSV, Parquet and a frame."""
    days = [date(2024, 1, 13) + timedelta(days=17 * i) for i in range(12)]
    frame = pl.DataFrame(
        {"when": [f"{day:{form}}" for day in days] * 2, "x": range(24), "y": [i % 7 for i in range(24)]}
    )
    frame.write_csv(tmp_path / "t.csv")
    frame.write_parquet(tmp_path / "t.parquet")
    models = [fitted(data) for data in (tmp_path / "t.csv", tmp_path / "t.parquet", frame)]
    assert [list(model.features) for model in models] == [["x"]] * 3
    for model in models:
        assert any(
            notice.code == "column-left-out" and "days(when)" in notice.remedy for notice in model.notices
        )
    trends = [
        fitted(data, also=["days(when)"], read=gradline.Text(dates=[form]))
        for data in (tmp_path / "t.csv", tmp_path / "t.parquet", frame)
    ]
    assert len({model.weight.tobytes() for model in trends}) == 1
    assert len(fitted(frame, category=["when"]).features) == 12
