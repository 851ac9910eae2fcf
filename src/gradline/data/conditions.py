"""Conditions on the cells of a row, as SQL writes them after WHERE: `region != "Total" AND year >= 2000`."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, NoReturn

from gradline.core.errors import RequestError, UsageError
from gradline.core.text import nearest, shell

_VALUE = r"""(?:'(?:[^']|'')*'|"(?:[^"]|"")*"|[^\s'"(),](?:(?!\s+(?:and|or)\s)[^(),])*)"""
_TESTS = (  # what may stand after the name of a column: an operator, and values
    r"\s+(is\s+(?:not\s+)?null)\b",
    rf"\s+((?:not\s+)?in)\s*\(\s*({_VALUE}(?:\s*,\s*{_VALUE})*)\s*\)",
    rf"\s+((?:not\s+)?like)\s+({_VALUE})",
    rf"\s*(<=|>=|<>|!=|==|=|<|>)\s*({_VALUE})",
)
_SPELLINGS = {"<>": "!=", "==": "="}
_QUOTED_NAME = re.compile(r'"((?:[^"]|"")*)"|`([^`]*)`')
_REMEDY = (
    "write NAME = VALUE (or != < <= > >=), NAME IN (VALUE, …), NAME LIKE 'Total%' or NAME IS NULL, with NOT before IN, "
    "LIKE and NULL; join several by AND, or repeat the option"
)
OF_NOTHING = ("!=", "NOT IN", "NOT LIKE", "IS NULL")  # the operators that hold of a missing cell


class Condition(NamedTuple):
    """What the cells of a column must be: an operator, in capitals, and the values beside it."""

    column: str
    operator: str
    values: tuple[str, ...] = ()


def parsed(texts: Iterable[str], names: Sequence[str]) -> list[Condition]:
    """The conditions in some texts about columns with these names.

    Raises `UsageError` for what is no condition, and `RequestError` where a column is unknown.
    """
    return [condition for text in texts if text.strip() for condition in _conditions(text, names)]


def _conditions(text: str, names: Sequence[str]) -> Iterator[Condition]:
    rest = text.strip()
    while True:
        name, rest = _name(rest, text, names)
        match = next(filter(None, (re.match(pattern, rest, re.IGNORECASE) for pattern in _TESTS)), None)
        if match is None:
            _refuse(text)
        operator, *listed = match.groups()
        operator = " ".join(operator.upper().split())
        values = re.findall(_VALUE, listed[0]) if listed else []
        yield Condition(name, _SPELLINGS.get(operator, operator), tuple(map(_bare, values)))
        rest = rest[match.end() :].strip()
        if not rest:
            return
        after = re.match(r"and\s+", rest, re.IGNORECASE)
        if after is None:
            _refuse(text)
        rest = rest[after.end() :]


def _name(rest: str, text: str, names: Sequence[str]) -> tuple[str, str]:
    """The column with which a condition begins, the longest name that fits, and what follows it."""
    if match := _QUOTED_NAME.match(rest):
        name = match[2] if match[1] is None else match[1].replace('""', '"')
        if name in names:
            return name, rest[match.end() :]
    fitting = [name for name in names if rest.startswith(name) and re.match(r"[\s<>=!]", rest[len(name) :])]
    if fitting:
        name = max(fitting, key=len)
        return name, rest[len(name) :]
    match = re.match(r"(.*?)\s*(?:[<>=!]|\s(?:is|in|not|like)\s)", rest, re.IGNORECASE)
    if match is None or not match[1]:
        _refuse(text)
    name = match[1].strip("\"`'")
    cause = f"where asks for {name}, and there is no such column"
    raise RequestError("column-unknown", cause, f"{nearest(name, names)}; --where '' reads all rows")


def _bare(value: str) -> str:
    """A value without its quotes, which are doubled inside of them."""
    mark = value[0]
    return value[1:-1].replace(2 * mark, mark) if mark in "'\"" else value.strip()


def _refuse(text: str) -> NoReturn:
    remedy = _REMEDY
    if re.search(r"\sor\s", text, re.IGNORECASE):
        remedy = "there is no OR: for several values of one column write NAME IN (VALUE, VALUE)"
    raise UsageError("where-unreadable", f"where is {text!r}, which is no condition on a column", remedy)


def without(column: str, cells: Sequence[str]) -> str:
    """The condition that leaves out the rows with one of these cells."""
    values = ['"' + cell.replace('"', '""') + '"' for cell in cells]
    return f"{column} != {values[0]}" if len(cells) == 1 else f"{column} NOT IN ({', '.join(values)})"


def leaving_out(column: str, cells: Sequence[str]) -> str:
    """The option that tells that condition, in a shell and in Python."""
    return f"{shell(['--where', without(column, cells)])} (read=gradline.Text(where=…) in Python)"
