"""Words of a column that are read as one: `town: Bonn = bonn, BN`."""

import re
from collections.abc import Mapping, Sequence
from typing import NoReturn

from gradline.core.errors import UsageError
from gradline.core.text import shell

_QUOTED = r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`"""
_WORD = rf"(?:{_QUOTED}|[^'\"`=,:\s](?:[^=,:]*[^=,:\s])?)"
_TEXT = re.compile(rf"\s*({_QUOTED}|.+?)\s*:\s*({_WORD})\s*=\s*({_WORD}(?:\s*,\s*{_WORD})*)\s*", re.DOTALL)
_MARKS = re.compile(r"""^['"`]|[=,:]|^\s|\s$""")


def others(texts: Sequence[str]) -> dict[str, dict[str, str]]:
    """By column and by the word that stands there: the word as which it is read.

    Raises `UsageError` for a text that does not say so, and where it says two things of one word.
    """
    found: dict[str, dict[str, str]] = {}
    for text in filter(str.strip, texts):
        match = _TEXT.fullmatch(text)
        if match is None:
            remedy = (
                "write NAME: WORD = OTHER, OTHER, such as 'town: Bonn = bonn, BN'; quote what holds , : or ="
            )
            raise UsageError("same-unreadable", f"same is {text!r}", remedy)
        read_as, word = found.setdefault(_bare(match[1]), {}), _bare(match[2])
        for other in map(_bare, re.findall(_WORD, match[3])):
            if read_as.setdefault(other, word) != word:
                _contradicts(f"{other!r} of {_bare(match[1])} is {read_as[other]!r} and also {word!r}")
    for column, read_as in found.items():
        for other, word in read_as.items():
            if word in read_as:
                _contradicts(f"{other!r} of {column} is {word!r}, and that is {read_as[word]!r}")
    return found


def _contradicts(told: str) -> NoReturn:
    raise UsageError("same-contradicts-itself", f"same says that {told}", "name each word once")


def spelled(texts: Sequence[str], column: str) -> Mapping[str, list[str]]:
    """By a word of the column: the other words that are read as it."""
    found: dict[str, list[str]] = {}
    for other, word in others(texts).get(column, {}).items():
        found.setdefault(word, []).append(other)
    return found


def joining(column: str, groups: Sequence[Sequence[str]]) -> str:
    """The option that makes one word of each group, its first, in a shell and in Python."""
    flags: list[str] = []
    for word, *others in groups:
        rest = ", ".join(map(_quoted, others))
        flags += ["--same", f"{_quoted(column)}: {_quoted(word)} = {rest}"]
    return f"{shell(flags)} (read=gradline.Text(same=…) in Python)"


def _quoted(word: str) -> str:
    return '"' + word.replace('"', '""') + '"' if _MARKS.search(word) else word


def _bare(word: str) -> str:
    """A word without its quotes, which are doubled inside of them."""
    mark = word[0]
    return word[1:-1].replace(2 * mark, mark) if mark in "'\"`" else word
