"""Conditions such as `loss < 2 and solver = 'sgd'` on the rows of the log: SQL, which polars reads and judges."""

import re
from collections.abc import Sequence
from typing import Any

from gradline.core.errors import UsageError
from gradline.core.text import nearest

_HOW = "write comparisons (= != < <= > >=) of names with numbers or 'texts', joined by and, or, not, ( )"
_TOKEN = re.compile(r"""'(?:[^']|'')*'|"[^"]*"|\d[\w.]*|[^\W\d]\w*""")
_WORDS = {"and", "or", "not", "in", "is", "like", "between", "null"}  # are no names, whatever was logged
_CHAIN = re.compile(r"[<>=]\s*-?\s*[\w.']+\s*[<>=!]")
_NOT = re.compile(r"\bnot\b(?!\s+(?:null|in|like|between)\b)", re.IGNORECASE)
_LONGEST = 1000  # characters


def matching(rows: Sequence[dict[str, Any]], text: str, names: Sequence[str]) -> list[dict[str, Any]]:
    """The rows for which a condition holds; `names` are those that rows may have.

    A comparison with what a row has not is unknown, and leaves the row out. Raises `UsageError` for what is no
    condition on such rows, and where it denies a comparison that is unknown.
    """
    import polars as pl  # noqa: PLC0415 - a log without a condition loads nothing heavy

    bare = _TOKEN.sub(lambda token: "''" if token[0][0] in "'\"" else token[0], text)
    if len(text) > _LONGEST:
        raise _refusal(text, "is too long", _HOW)
    if _CHAIN.search(bare):
        raise _refusal(text, "compares three at once", "write 0 < loss and loss < 1 for 0 < loss < 1")
    try:
        condition = pl.sql_expr(_TOKEN.sub(lambda token: _in_sql(token[0], names), text))
        used = dict.fromkeys(condition.meta.root_names())
        for name in used.keys() - set(names):
            raise UsageError("field-unknown", f"no version has {name}", nearest(name, names, "the names are"))
        columns = {name: [row.get(name) for row in rows] for name in used}
        table = pl.DataFrame({"": range(len(rows)), **columns}, strict=False)  # no name is empty
        answers = table.with_columns(condition.alias(""))[""]
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        how = f"{_HOW}; try_cast(name as double) is the number in a text"
        raise _refusal(text, f"cannot be judged: {_short(reason)}", how) from error
    if answers.dtype not in (pl.Boolean, pl.Null) or condition.meta.undo_aliases().meta != condition.meta:
        raise _refusal(text, "is no comparison", _HOW)
    lacking = [name for name in used if table[name].filter(answers.is_null()).has_nulls()]
    if lacking and _NOT.search(bare):
        raise _refusal(
            text,
            f"denies a comparison, and some versions have no {lacking[0]}",
            f"add: or {lacking[0]} is null (to list them), or: and {lacking[0]} is not null",
        )
    return [row for row, answer in zip(rows, answers, strict=True) if answer]


def _in_sql(token: str, names: Sequence[str]) -> str:
    """A name in quotes, since it may be a word of SQL, and a "text" in those of SQL."""
    if token[0] == '"':
        return "'" + token[1:-1].replace("'", "''") + "'"
    return f'"{token}"' if token in names and token.lower() not in _WORDS else token


def _refusal(text: str, what: str, remedy: str) -> UsageError:
    return UsageError("condition-unreadable", f"the condition {_short(text)!r} {what}", remedy)


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
