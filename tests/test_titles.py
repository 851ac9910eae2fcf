"""Lines above a table: the option that is named reads the table, whatever marks its numbers have."""

import pytest
from refusals import refused

import gradline
from gradline import Text
from gradline.core.errors import NotationError
from gradline.data.tables import open_table
from gradline.model.doctor.ways import ways

ROWS = ["1;10,5;3,25;Ulm", "2;11,5;4,5;Bonn", "3;9,75;5,0;Ulm", "4;8,25;7,5;Ulm", "5;7,5;9,25;Bonn"]
ENGLISH = ["1,10.5,3.25,Ulm", "2,11.5,4.5,Bonn", "3,9.75,5.0,Ulm", "4,8.25,7.5,Ulm", "5,7.5,9.25,Bonn"]
# The lines above, the header and the rows, and how many lines are to be skipped.
TITLES = {
    "a title": (["Kosten 2023"], "n;y;x;ort", ROWS, 1),
    "a title and a blank line": (["Kosten 2023", ""], "n;y;x;ort", ROWS, 2),
    "a title as wide as the table": (["Kosten 2023;;;"], "n;y;x;ort", ROWS, 1),
    "titles and an empty row as wide": (["Kosten;;;", "Stand: Mai;2023;;", ";;;"], "n;y;x;ort", ROWS, 3),
    "a title with commas": (["Kosten, brutto, 2023"], "n;y;x;ort", ROWS, 1),
    "commas": (["Costs in 2023", "as of May"], "n,y,x,town", ENGLISH, 2),
    "commas and a title as wide": (["Costs in 2023,,,"], "n,y,x,town", ENGLISH, 1),
}


@pytest.mark.parametrize(("above", "header", "rows", "skip"), TITLES.values(), ids=TITLES)
def test_the_lines_to_skip_are_counted_by_what_reads_the_table(
    above, header, rows, skip, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text("\n".join([*above, header, *rows, ""]))
    with refused("csv-lines-above-header", f"--skip {skip}") as caught:
        gradline.fit("t.csv", "y", features=["x"])
    assert isinstance(caught.value, NotationError)
    model = gradline.fit("t.csv", "y", features=["x"], read=Text(**caught.value.told))
    (tmp_path / "t.csv").write_text("\n".join([header, *rows, ""]))
    expected = gradline.fit("t.csv", "y", features=["x"])
    assert model.weight.tolist() == expected.weight.tolist()
    (tmp_path / "t.csv").write_text("\n".join([*above, header, *rows, ""]))
    assert [way.options for way in ways("t.csv", None)] == [("--skip", str(skip))]


def test_a_line_of_units_below_the_names_is_no_header(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["Kosten 2023", "", "n;y;x;ort", ";€;m²;", *ROWS, ""]))
    with refused("csv-lines-above-header", "--skip 2"):
        gradline.fit(path, "y")


@pytest.mark.parametrize("header", [";a;b", "a;;", "a;b;"])
def test_a_table_with_columns_that_have_no_name_has_no_title(header, tmp_path):
    """Where nothing below looks like names, the first line has them."""
    path = tmp_path / "t.csv"
    path.write_text("\n".join([header, "1;2;3", "2;1;4", "3;3;5"]))
    assert open_table(path).names() == [
        name or f"(column {i})" for i, name in enumerate(header.split(";"), 1)
    ]
