"""Every way to write numbers in every kind of file is read or refused as docs/guide/data.md says.

Ways of one kind take turns with the kinds of files; `make test-full` tries each with each.
`python tests/test_notations.py` writes the tables there.
"""

import re
import shlex
import warnings
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from notations import AMBIGUOUS, FEATURES, NOTATIONS, READ, Feature, Notation, lines_of
from refusals import refused
from sweeps import by_turns

import gradline
from gradline.core.errors import DataError
from gradline.core.text import shell
from gradline.data.infer_design import infer_design
from gradline.data.selection import Selection
from gradline.data.tables import open_table

PAGE = Path(__file__).parent.parent / "docs" / "guide" / "data.md"
REFUSED = [one for one in NOTATIONS if one.outcome != READ]
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


def kind(notation: Notation):
    """What a file of such numbers is taken for, and by which options it is read."""
    return notation.separator, notation.outcome, *notation.told


def name(thing: Notation | Feature) -> str:
    return thing.name


@pytest.mark.parametrize(
    ("notation", "feature"), by_turns(product(NOTATIONS, FEATURES), kind, name), ids=name
)
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


# What a refusal names: flags, and after them the same in Python.
NAMED = re.compile(r"(--(?:(?! \().)*) \(((?:read=|numeric=)(?:(?! in Python\)).)*) in Python\)")


def remedies(error: gradline.GradlineError) -> list[tuple[list[str], str]]:
    """Each remedy that a refusal names: what is typed, and what is written in Python."""
    return [(shlex.split(words), python) for words, python in NAMED.findall(error.remedy)]


def typed(words: list[str]) -> dict[str, Any]:
    """What the flags tell, as arguments of `Text`, and the columns that are numeric, a category, or left out."""
    found: dict[str, Any] = {}
    for flag, value in zip(words[::2], words[1::2], strict=True):
        assert flag.startswith("--"), words
        name = flag.removeprefix("--")
        found |= {name: [value] if name in ("numeric", "category", "exclude") else value}
    return found


def written(python: str) -> dict[str, Any]:
    """The same of what is written in Python."""
    told = eval(f"dict({python})", {"gradline": gradline, "dict": dict})
    return {**told.pop("read", gradline.Text()).to_dict(), **told}


def fitted(path, told):
    """The features of a fit that is told so much."""
    options = dict(told)
    chosen = {name: options.pop(name) for name in ("numeric", "category", "exclude") if name in options}
    target = "column_2" if options.get("header") is False else "y"
    with warnings.catch_warnings(action="ignore"):
        return gradline.fit(path, target, read=gradline.Text(**options), missing="drop", **chosen).features


def expect_remedies_that_work(path, told):
    """Whatever a refusal names is typed, and reads the file; likewise what takes the column for words."""
    with pytest.raises(DataError) as caught:
        fitted(path, told)
    named = remedies(caught.value)
    for words, python in named:
        as_typed, as_written = typed(words), written(python)
        assert gradline.Text.of(as_typed) == gradline.Text.of(as_written)
        assert as_typed.get("numeric") == as_written.get("numeric")
        fitted(path, {**told, **as_typed})
    (column,) = re.findall(r"(--category \S+)$", caught.value.remedy)
    assert any("=" in feature for feature in fitted(path, {**told, **typed(shlex.split(column))}))
    return named, caught.value


@pytest.mark.slow
@pytest.mark.parametrize(("notation", "feature"), by_turns(product(REFUSED, FEATURES), kind, name), ids=name)
def test_every_remedy_works(notation: Notation, feature: Feature, tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(feature.bytes_of(lines_of(notation)))
    named, _ = expect_remedies_that_work(path, feature.told)
    assert len(named) == (2 if notation.outcome == AMBIGUOUS else 1)


PAIRS = [
    (one, other)
    for one, other in product(REFUSED, NOTATIONS)
    if one is not other and one.separator == other.separator
]


@pytest.mark.slow
@pytest.mark.parametrize(("one", "other"), by_turns(PAIRS, name, kind), ids=name)
def test_every_remedy_works_beside_another_column(one: Notation, other: Notation, tmp_path):
    """What is named for one column reads the other, too, or it is said that nothing reads both."""
    mark = one.separator
    beside = [f'"{cell}"' if mark in cell else cell for cell in other.cells]
    lines = [f"{line}{mark}{cell}" for line, cell in zip(lines_of(one), ["z", *beside], strict=True)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines) + "\n")
    told: dict[str, Any] = {}
    if resolved(path, told, steps=0) is not None:
        return  # the other column leaves no doubt
    for _ in range(3):  # a column at a time may have a currency or a unit
        with pytest.raises(DataError) as caught:
            fitted(path, told)
        if caught.value.code == "number-notation-mixed":
            named = re.findall(r"--(?:exclude|category) (?:(?! or |\. To).)*", caught.value.remedy)
            assert len(named) > 2
            for words in map(shlex.split, named):
                kept = [name for name in told.get("numeric", ()) if name not in words]
                assert resolved(path, merged({**told, "numeric": kept}, typed(words)), steps=1) is not None, (
                    words
                )
            return
        named = remedies(caught.value)
        assert named, caught.value
        for words, _ in named[1:]:
            assert resolved(path, merged(told, typed(words))) is not None
        told = merged(told, typed(named[0][0]))
        if resolved(path, told, steps=0) is not None:
            return
    raise AssertionError(told)


def merged(told, more):
    """What was told, and more; columns that are named one after the other are named together."""
    numeric = [name for name in told.get("numeric", ()) if name not in more.get("category", ())]
    numeric += more.get("numeric", ())
    assert len(set(numeric)) == len(numeric), "the same advice again"
    return {**told, **more, "numeric": numeric}


def resolved(path, told, steps=2):
    """The features of a fit whose refusals are followed for so many steps; None where it is refused still."""
    try:
        return fitted(path, told)
    except DataError as error:
        named = remedies(error)
        return resolved(path, merged(told, typed(named[0][0])), steps - 1) if steps and named else None


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
