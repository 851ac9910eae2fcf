"""Thirty ways to write numbers and the features of the files they stand in: what gradline reads, and what it refuses.

The table in docs/guide/data.md is made of this one.
"""

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

READ, REFUSED, AMBIGUOUS = "read", "number-notation", "number-notation-ambiguous"


@dataclass(frozen=True)
class Notation:
    """Cells of a column, what they are, what stands between cells, and what becomes of the file.

    `told` are the options that read it where it is refused: those of `gradline.Text`, and `numeric`.
    """

    name: str
    cells: list[str]
    values: list[float]
    outcome: str = READ
    told: Mapping[str, Any] = field(default_factory=dict)
    separator: str = ","


NUMERIC = {"numeric": ["x"]}
NOTATIONS = [
    Notation("whole numbers", ["950", "1250", "-2100", "12500"], [950, 1250, -2100, 12500]),
    Notation("decimal points", ["0.5", "1.25", "-2.1", ".5"], [0.5, 1.25, -2.1, 0.5]),
    Notation("exponents", ["1e3", "2.5E-2", "-1e+2", "3"], [1000, 0.025, -100, 3]),
    Notation("a sign before every number", ["+5", "-3", "+2.5", "-0.5"], [5, -3, 2.5, -0.5]),
    Notation("three decimals", ["1.250", "2.100", "0.870", "12.500"], [1.25, 2.1, 0.87, 12.5]),
    Notation("semicolons and decimal points", ["0.5", "1.25", "-2.1", "3"], [0.5, 1.25, -2.1, 3], separator=";"),
    Notation("semicolons and three decimals below one", ["0.125", "0.250", "0.375", "1.000"], [0.125, 0.25, 0.375, 1], separator=";"),
    Notation("semicolons and decimal commas", ["20,5", "41,0", "-61,25", "7"], [20.5, 41, -61.25, 7], separator=";"),
    Notation("semicolons and decimal commas below one", ["0,125", "0,250", "0,375", "1,000"], [0.125, 0.25, 0.375, 1], separator=";"),
    Notation("tabs and decimal points", ["0.5", "1.25", "-2.1", "3"], [0.5, 1.25, -2.1, 3], separator="\t"),
    Notation("bars and decimal points", ["0.5", "1.25", "-2.1", "3"], [0.5, 1.25, -2.1, 3], separator="|"),
    Notation("true and false", ["true", "FALSE", "True", "false"], [1, 0, 1, 0]),
    Notation("tabs and decimal commas", ["20,5", "41,0", "-61,25", "7"], [20.5, 41, -61.25, 7], REFUSED, {"decimal": ","}, "\t"),
    Notation("decimal commas in quotes", ["20,5", "41,0", "-61,25", "7"], [20.5, 41, -61.25, 7], REFUSED, {"decimal": ","}),
    Notation("commas between thousands", ["950", "1,234,567", "-2,100", "12,500"], [950, 1234567, -2100, 12500], REFUSED, {"thousands": ","}),
    Notation("commas between thousands and decimals", ["950.5", "1,250.25", "-2,100.75", "0.5"], [950.5, 1250.25, -2100.75, 0.5], REFUSED, {"thousands": ","}),
    Notation("points between thousands and decimal commas", ["950,5", "1.250,25", "-2.100,75", "0,5"], [950.5, 1250.25, -2100.75, 0.5], REFUSED, {"thousands": "."}, ";"),
    Notation("points between thousands twice", ["950", "1.234.567", "-2.100", "12.500"], [950, 1234567, -2100, 12500], REFUSED, {"thousands": "."}, ";"),
    Notation("blanks between thousands", ["950", "1 234 567", "-2 100", "12 500"], [950, 1234567, -2100, 12500], REFUSED, {"thousands": " "}),
    Notation("blanks that do not break", ["950,5", "1\u00a0250,25", "-2\u202f100,75", "0,5"], [950.5, 1250.25, -2100.75, 0.5], REFUSED, {"thousands": " "}, ";"),
    Notation("apostrophes between thousands", ["950.5", "1'250.25", "-2'100.75", "0.5"], [950.5, 1250.25, -2100.75, 0.5], REFUSED, {"thousands": "'"}),
    Notation("a currency before", ["$950", "$1250.25", "-$2100", "$0.5"], [950, 1250.25, -2100, 0.5], REFUSED, NUMERIC),
    Notation("a currency after", ["950 €", "1250.25 €", "-2100 €", "0.5 €"], [950, 1250.25, -2100, 0.5], REFUSED, NUMERIC),
    Notation("a currency and commas between thousands", ["$950.00", "$1,250.25", "-$2,100.00", "$0.50"], [950, 1250.25, -2100, 0.5], REFUSED, {"thousands": ",", **NUMERIC}),
    Notation("a currency, commas and three digits", ["$950", "$1,250", "-$2,100", "$12,500"], [950, 1250, -2100, 12500], AMBIGUOUS, {"thousands": ",", **NUMERIC}),
    Notation("points, three digits and a currency", ["950 €", "1.250 €", "-2.100 €", "12.500 €"], [950, 1250, -2100, 12500], AMBIGUOUS, {"thousands": ".", **NUMERIC}, ";"),
    Notation("a unit that one cell lacks", ["12 kg", "13.5", "-2 kg", "0.5 kg"], [12, 13.5, -2, 0.5], REFUSED, NUMERIC),
    Notation("percent signs", ["12 %", "13.5 %", "-2 %", "0.5 %"], [12, 13.5, -2, 0.5], REFUSED, NUMERIC),
    Notation("a unit", ["12 kg", "13.5 kg", "-2 kg", "0.5 kg"], [12, 13.5, -2, 0.5], REFUSED, NUMERIC),
    Notation("an accountant's brackets", ["950.5", "(1250.25)", "(2100)", "0.5"], [950.5, -1250.25, -2100, 0.5], REFUSED, NUMERIC),
    Notation("U+2212 for a minus", ["950.5", "−1250.25", "−2100", "0.5"], [950.5, -1250.25, -2100, 0.5], REFUSED, NUMERIC),
    Notation("points and three digits", ["950", "1.250", "-2.100", "12.500"], [950, 1250, -2100, 12500], AMBIGUOUS, {"thousands": "."}, ";"),
    Notation("points and three digits everywhere", ["1.250", "2.100", "-3.300", "12.500"], [1.25, 2.1, -3.3, 12.5], AMBIGUOUS, {"decimal": "."}, ";"),
    Notation("commas and three digits", ["950", "1,250", "-2,100", "12,500"], [950, 1250, -2100, 12500], AMBIGUOUS, {"thousands": ","}),
    Notation("commas and three digits with semicolons", ["1,250", "2,100", "-3,300", "12,500"], [1.25, 2.1, -3.3, 12.5], AMBIGUOUS, {"decimal": ","}, ";"),
]  # fmt: skip


@dataclass(frozen=True)
class Feature:
    """A feature of a file: how its lines become bytes, the options it needs, and whether a last cell is missing."""

    name: str
    bytes_of: Callable[[list[str]], bytes]
    told: Mapping[str, Any] = field(default_factory=dict)
    is_incomplete: bool = False


def text(lines: list[str], end: str = "\n") -> str:
    return end.join([*lines, ""])


def quoted(lines: list[str]) -> bytes:
    """Every cell in quotes, also where it holds no separator; cells of the table below hold no quote of their own."""
    mark = lines[0][1]
    cells = [[cell.strip('"') for cell in _cells(line, mark)] for line in lines]
    return text([mark.join(f'"{cell}"' for cell in row) for row in cells]).encode()


def _cells(line: str, mark: str) -> list[str]:
    name, y, x = line.split(mark, 2)
    return [name, y, x]


FEATURES = [
    Feature("plain lines", lambda lines: text(lines).encode()),
    Feature("every cell in quotes", quoted),
    Feature("blank lines between and at the end", lambda lines: text([*lines[:2], "", *lines[2:], "", ""]).encode()),
    Feature("a blank line at the top", lambda lines: text(["", *lines]).encode()),
    Feature("Windows line ends", lambda lines: text(lines, "\r\n").encode()),
    Feature("Windows line ends and blank lines", lambda lines: text([*lines[:3], "", *lines[3:]], "\r\n").encode()),
    Feature("a byte order mark", lambda lines: text(lines).encode("utf-8-sig")),
    Feature("no line end after the last row", lambda lines: text(lines).rstrip("\n").encode()),
    Feature("a last cell that is empty", lambda lines: text([*lines, f"e{lines[0][1]}5{lines[0][1]}"]).encode(), is_incomplete=True),
    Feature("a last cell that is NA", lambda lines: text([*lines, f"e{lines[0][1]}5{lines[0][1]}NA"], "\r\n").encode(), is_incomplete=True),
    Feature("UTF-16", lambda lines: text(lines).encode("utf-16")),
    Feature("gzip", lambda lines: gzip.compress(text(lines).encode())),
    Feature("sep= in the first line", lambda lines: text([f"sep={lines[0][1]}", *lines]).encode()),
    Feature("comments", lambda lines: text(["# from a ledger", *lines[:2], '# it said "so', *lines[2:]]).encode(), {"comment": "#"}),
    Feature("two lines above the table", lambda lines: text(["Prices of a town", "", *lines]).encode(), {"skip": 2}),
    Feature("no names", lambda lines: text(lines[1:]).encode(), {"header": False}),
]  # fmt: skip


def lines_of(notation: Notation) -> list[str]:
    """The file's lines: n, y, and the numbers in the last column x."""
    mark = notation.separator
    cells = [f'"{cell}"' if mark in cell else cell for cell in notation.cells]
    rows = zip("abcd", (3, 1, 4, 2), cells, strict=True)
    return [f"n{mark}y{mark}x", *(f"{name}{mark}{y}{mark}{cell}" for name, y, cell in rows)]
