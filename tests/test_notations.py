"""Every way to write numbers in every kind of file is read or refused as docs/guide/data.md says.

`python tests/test_notations.py` writes the tables there.
"""

import re
from pathlib import Path

import pytest
from notations import AMBIGUOUS, FEATURES, NOTATIONS, READ, Feature, Notation, lines_of
from refusals import refused

import gradline
from gradline.core.errors import DataError
from gradline.core.text import shell
from gradline.data.infer_design import infer_design
from gradline.data.selection import Selection
from gradline.data.tables import open_table

PAGE = Path(__file__).parent.parent / "docs" / "guide" / "data.md"
WHAT = {READ: "read", "number-notation": "refused", AMBIGUOUS: "refused: nobody can tell"}


def numbers(path, told):
    """The cells of x, by the design that is learned when y is the target."""
    options = dict(told)
    numeric = options.pop("numeric", [])
    names = [f"column_{i}" for i in (1, 2, 3)] if options.get("header") is False else list("nyx")
    numeric = [names[2]] if numeric else []
    source = open_table(path, gradline.Text(**options))
    selection = Selection(None, [names[1]], features=[names[2]], numeric=numeric)
    design = infer_design(source, selection).design
    return [value for batch in source.batches(design.columns) for value in batch.frame[names[2]].to_list()]


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
@pytest.mark.parametrize("notation", NOTATIONS, ids=lambda notation: notation.name)
def test_numbers_are_read_or_refused(notation: Notation, feature: Feature, tmp_path):
    path = tmp_path / ("t.csv.gz" if feature.name == "gzip" else "t.csv")
    path.write_bytes(feature.bytes_of(lines_of(notation)))
    expected = [*notation.values, *([None] if feature.is_incomplete else [])]
    if notation.outcome != READ:
        name = "column_3" if feature.told.get("header") is False else "x"
        with refused(notation.outcome, name, *flags(notation), kind=DataError):
            numbers(path, feature.told)
    assert numbers(path, {**notation.told, **feature.told}) == expected
    if (
        feature.told and "header" not in feature.told
    ):  # without which the file is refused, and the option named
        with pytest.raises(DataError, match=shell(gradline.Text(**feature.told).words())):
            numbers(path, notation.told)


def flags(notation: Notation) -> list[str]:
    """The words that a refusal must show: the options that read the file."""
    told = dict(notation.told)
    words = ["--numeric"] if told.pop("numeric", None) else []
    spelled = {" ": "space", "'": "apostrophe"}
    return words + [f"--{name} {spelled.get(mark, mark)}" for name, mark in told.items()]


def tables() -> str:
    """What docs/guide/data.md shows."""
    rows = [
        "| numbers | in the file | what happens | the options that read it |",
        "| --- | --- | --- | --- |",
    ]
    between = {",": "", ";": " (;)", "\t": " (tab)", "|": " (bar)"}
    for one in NOTATIONS:
        cells = " · ".join(f"`{cell}`" for cell in one.cells[:3])
        options = " ".join(f"`{word}`" for word in flags(one)).replace("`--numeric`", "`--numeric NAME`")
        rows.append(f"| {one.name} | {cells}{between[one.separator]} | {WHAT[one.outcome]} | {options} |")
    rows += ["", "| files | the options that read it |", "| --- | --- |"]
    for feature in FEATURES:
        words = shell(gradline.Text(**feature.told).words())
        rows.append(f"| {feature.name} | {f'`{words}`' if words else ''} |")
    return "\n".join(rows)


MARKED = re.compile(r"(<!-- notations -->\n).*?(\n<!-- end -->)", re.DOTALL)


def test_the_page_shows_these_tables():
    assert MARKED.sub(lambda found: f"{found[1]}{tables()}{found[2]}", PAGE.read_text()) == PAGE.read_text()


if __name__ == "__main__":
    PAGE.write_text(MARKED.sub(lambda found: f"{found[1]}{tables()}{found[2]}", PAGE.read_text()))
