"""Dates as people write them: read where their form is told, and refused with the form that reads them."""

import re
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
import xlsxwriter
from commands import command
from refusals import refused, warned

import gradline
from gradline.core.errors import UsageError
from gradline.data.dates import SERIAL, parsed, spellings
from gradline.data.notation import Text

DAYS = [date(2023, 11, 28) + timedelta(days=5 * i) for i in range(20)]  # with days above 12
EARLY = [date(2024, month, day) for month in (1, 4, 9) for day in (2, 5, 11)]
Y = [3.0 + 0.25 * i + (i % 3) for i in range(20)]
FORMS = [
    *("%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%y", "%m/%d/%y"),
    *("%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%B %d %Y", "%d. %b %Y", "%d%b%Y"),
    *("%Y%m%d", "%d.%m.%Y %H:%M", "%m/%d/%Y %I:%M %p", "%Y/%m/%d %H:%M:%S", "%d %b %Y, %H:%M"),
]


def save(path, cells, y=Y):
    path.write_text("when;y\n" + "".join(f"{cell};{value}\n" for cell, value in zip(cells, y, strict=True)))
    return path


def slope(path, **options):
    return gradline.fit(path, formula="y ~ days(when)", **options).weight[0, 0]


def expected(days, y=Y):
    return np.polyfit([(day - date(1970, 1, 1)).days for day in days], y, 1)[0]


@pytest.mark.parametrize("form", FORMS)
def test_the_form_is_named_and_then_read(form, tmp_path):
    path = save(tmp_path / "t.csv", [f"{day:{form}}" for day in DAYS])
    with refused("date-unreadable", "column when", "line 2", f"dates={form!r}"):
        slope(path)
    assert slope(path, read=Text(dates=form)) == pytest.approx(expected(DAYS), rel=1e-8)
    if form != "%Y%m%d":  # which are numbers, for whoever does not say days(when)
        with refused("no-feature-left"):
            gradline.fit(path, "y")


@pytest.mark.parametrize("mark", "./-")
def test_what_can_be_read_in_two_ways_is_refused(mark, tmp_path):
    form, other = f"%d{mark}%m{mark}%Y", f"%m{mark}%d{mark}%Y"
    y = Y[: len(EARLY)]
    path = save(tmp_path / "t.csv", [f"{day:{form}}" for day in EARLY], y)
    with refused("date-unreadable", "in 2 ways", f"{form!r}", f"{other!r}"):
        slope(path)
    assert slope(path, read=Text(dates=form)) == pytest.approx(expected(EARLY, y), rel=1e-8)
    turned = [date(day.year, day.day, day.month) for day in EARLY]
    assert slope(path, read=Text(dates=other)) == pytest.approx(expected(turned, y), rel=1e-8)


def test_months_and_days_of_spreadsheets(tmp_path):
    months = [date(2022 + i // 12, i % 12 + 1, 1) for i in range(20)]
    path = save(tmp_path / "t.csv", [f"{day:%Y-%m}" for day in months])
    with refused("date-unreadable", "dates='%Y-%m'"):
        slope(path)
    assert slope(path, read=Text(dates="%Y-%m")) == pytest.approx(expected(months), rel=1e-8)
    serial = [(day - date(1899, 12, 30)).days for day in DAYS]
    path = save(tmp_path / "t.csv", serial)
    with refused("date-unreadable", repr(str(serial[0])), "2023-11-28", "dates='excel'"):
        slope(path)
    assert slope(path, read=Text(dates="excel")) == pytest.approx(expected(DAYS), rel=1e-8)
    assert parsed(pl.Series(["45443.75"]), SERIAL).to_list() == [datetime(2024, 5, 31, 18)]


def test_files_of_two_spellings(tmp_path):
    """Both are dates; the form that is told stands beside that of ISO 8601, and several may be told."""
    save(tmp_path / "a.csv", map(str, DAYS[:10]), Y[:10])
    save(tmp_path / "b.csv", [f"{day:%d %b %Y}" for day in DAYS[10:]], Y[10:])
    with refused("date-unreadable", "b.csv", "dates='%d %b %Y'"):
        slope(tmp_path)
    model = gradline.fit(tmp_path, formula="y ~ days(when)", read=Text(dates="%d %b %Y"))
    assert model.weight[0, 0] == pytest.approx(expected(DAYS), rel=1e-8)
    assert gradline.verify(model, tmp_path).agrees
    assert model.config["dates"] == ["%d %b %Y"]
    model.save(tmp_path / "m")
    assert gradline.load(tmp_path / "m").read == Text(dates=["%d %b %Y"])
    save(tmp_path / "a.csv", [f"{day:%d.%m.%Y}" for day in DAYS[:10]], Y[:10])
    both = Text(dates=["%d %b %Y", "%d.%m.%Y"])
    assert slope(tmp_path, read=both) == pytest.approx(expected(DAYS), rel=1e-8)
    save(tmp_path / "b.csv", ["soon"] * 10, Y[10:])
    with refused("kinds-differ-between-files", "dates in", "text in", "--dates", "--category when"):
        slope(tmp_path)
    with refused("feature-unusable", "dates in", "text in"):
        slope(tmp_path, numeric=["when"])


def test_a_slip_among_dates_is_named(tmp_path):
    cells = [f"{day:%d.%m.%Y}" for day in DAYS]
    cells[7] = "31.02.2024"
    with refused("date-unreadable", "line 9", "'31.02.2024'", "2024-05-31"):
        slope(save(tmp_path / "t.csv", cells), read=Text(dates="%d.%m.%Y"))
    cells[7], cells[0] = cells[0], "about 2023"
    with refused("date-unreadable", "dates='%d.%m.%Y'"):
        slope(save(tmp_path / "t.csv", cells))


def test_iso_is_not_what_the_file_means_where_another_order_is_told(tmp_path):
    path = save(tmp_path / "t.csv", [f"{day:%Y-%d-%m}" for day in EARLY], Y[: len(EARLY)])
    assert slope(path, read=Text(dates="%Y-%d-%m")) == pytest.approx(
        expected(EARLY, Y[: len(EARLY)]), rel=1e-8
    )
    path.write_text("when;y\n2024-31-05;1\n2024-05-31;2\n2024-01-05;4\n")
    with refused("date-unreadable", "line 3", "'2024-05-31'"):
        slope(path, read=Text(dates="%Y-%d-%m"))


@pytest.mark.parametrize("clock", ["0:16:05", "48:21:00", "16:05"])
def test_durations_are_called_so(clock, tmp_path):
    path = save(tmp_path / "t.csv", [clock, "1:05:00", "0:12:30"], Y[:3])
    ways: list[dict[str, Any]] = [
        {"formula": "y ~ when"},
        {"formula": "y ~ days(when)"},
        {"targets": "y", "features": ["when"]},
    ]
    for told in ways:
        with refused("feature-unusable", "times of the day or durations", "minutes", "to_timedelta"):
            gradline.fit(path, **told)


def test_cells_of_a_workbook(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "t.xlsx") as book:
        sheet = book.add_worksheet()
        for i, row in enumerate([("when", "y"), *zip([f"{d:%d.%m.%Y}" for d in DAYS], Y, strict=True)]):
            sheet.write_row(i, 0, row)
    with refused("date-unreadable", "dates='%d.%m.%Y'"):
        slope(tmp_path / "t.xlsx")
    assert slope(tmp_path / "t.xlsx", read=Text(dates="%d.%m.%Y")) == pytest.approx(expected(DAYS), rel=1e-8)


def test_the_option_of_the_command_line(tmp_path):
    save(tmp_path / "t.csv", [f"{day:%d %b %Y}" for day in DAYS])
    done = command("fit", "t.csv", "y ~ days(when)", folder=tmp_path)
    assert (done.code, "--dates '%d %b %Y'" in done.err) == (1, True)
    done = command("fit", "t.csv", "y ~ days(when)", "--dates", "%d %b %Y", "-o", "m", folder=tmp_path)
    assert done.code == 0
    done = command("predict", "m", "t.csv", folder=tmp_path)
    assert (done.code, len(done.out.splitlines())) == (0, 21)


@pytest.mark.parametrize("form", ["", "%d.%m", "%H:%M", "%Q", "yesterday", "%Y"])
def test_what_tells_no_day_is_refused(form):
    with refused("notation-invalid", kind=UsageError):
        Text(dates=form)


@pytest.mark.parametrize(
    "cells",
    [["1.5", "2.5"], ["hello"], ["2023", "2024"], ["1.12", "2.11"], ["12", "13"], ["1,5"], ["A-1-2"]],
    ids=str,
)
def test_what_is_no_date(cells):
    assert spellings(pl.Series(cells)) is None


@pytest.mark.parametrize("kind", ["csv", "another form", "ndjson", "excel", "parquet", "frame"])
def test_a_date_that_stands_for_a_missing_cell_is_one_in_every_spelling(kind, tmp_path):
    """As the fit advises it: in the form of ISO 8601, whatever the form or the type of the column."""
    days, form = [*DAYS[1:], date(1900, 1, 1)], "%d.%m.%Y" if kind == "another form" else None
    frame, path = (
        pl.DataFrame({"when": days, "y": Y}),
        tmp_path / ("t.xlsx" if kind == "excel" else f"t.{kind}"),
    )
    if form:
        save(path, [f"{day:{form}}" for day in days])
    elif kind != "frame":
        getattr(frame, f"write_{kind}")(path)
    data = frame if kind == "frame" else path
    with warned("sentinel-value", "1900-01-01 in 1 row", "--na 1900-01-01 --missing drop"):
        slope(data, read=Text(dates=form))
    read = Text(dates=form, na="1900-01-01")
    assert slope(data, read=read, missing="drop") == pytest.approx(expected(DAYS[1:], Y[:-1]), rel=1e-8)


# As people write them in each language, a form of `strptime` beside them; January to December.
MONTHS = {
    "de": ("%d. %B %Y", "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"),
    "at": ("%d. %B %Y", "Jänner Feber März April Mai Juni Juli August September Oktober November Dezember"),
    "de, short": ("%d.%b.%Y", "Jan Feb Mrz Apr Mai Jun Jul Aug Sep Okt Nov Dez"),
    "de, points": ("%d. %b %Y", "Jan. Feb. Mär. Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez."),
    "fr": (
        "%d %B %Y",
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    ),
    "fr, short": ("%d %b %Y", "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc."),
    "es": (
        "%d de %B de %Y",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    ),
    "es, short": ("%d-%b-%Y", "ene feb mar abr may jun jul ago sep oct nov dic"),
    "it": (
        "%d %B %Y",
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    ),
    "pt": (
        "%d de %B de %Y",
        "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    ),
    "nl": (
        "%d %B %Y",
        "januari februari maart april mei juni juli augustus september oktober november december",
    ),
    "de, capitals": ("%d%b%Y", "JAN FEB MRZ APR MAI JUN JUL AUG SEP OKT NOV DEZ"),
}
YEAR = [date(2023, month, 13 + month) for month in range(1, 13)]


def in_words(day, form, names):
    """The day with the name of its month, and the rest of the form as it is."""
    return day.strftime(form.replace("%B", "{}").replace("%b", "{}")).format(names.split()[day.month - 1])


@pytest.mark.parametrize("language", MONTHS)
def test_months_have_names_in_many_languages(language, tmp_path):
    """The form that is named reads every month, and without it the column is known for dates."""
    form, names = MONTHS[language]
    y = Y[: len(YEAR)]
    path = save(tmp_path / "t.csv", [in_words(day, form, names) for day in YEAR], y)
    with refused("date-unreadable", "column when", "line 2") as caught:
        slope(path)
    for known in (*re.findall(r"dates='([^']*)'", caught.value.remedy), form):
        assert slope(path, read=Text(dates=known)) == pytest.approx(expected(YEAR, y), rel=1e-8)
    with refused("no-feature-left"):
        gradline.fit(path, "y")


def test_a_month_that_is_part_of_a_word_is_none():
    cells = pl.Series(["3 marsh 2024", "3 Maier 2024", "3 mars 2024"])
    assert parsed(cells, "%d %B %Y").to_list() == [None, None, datetime(2024, 3, 3)]


def test_a_point_that_a_form_has_must_stand_there():
    cells = pl.Series(["3 janv. 2024", "3 janv 2024"])
    assert parsed(cells, "%d %b. %Y").to_list() == [datetime(2024, 1, 3), None]
    assert parsed(cells, "%d %b %Y").to_list() == [datetime(2024, 1, 3)] * 2
