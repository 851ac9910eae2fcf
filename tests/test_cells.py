"""Amounts in columns: what a remedy names reads them, and what is no one column of numbers is refused with two cells."""

import pytest
from refusals import refused

import gradline
from gradline import Text


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
    for chosen in ({}, {"numeric": ["p"]}):
        with pytest.raises(gradline.GradlineError) as caught:
            gradline.fit(path, "a", **chosen)
        assert all(part in str(caught.value) for part in shown), caught.value
        assert "--numeric" not in caught.value.remedy
    assert gradline.fit(path, "a", category=["p"]).features


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
