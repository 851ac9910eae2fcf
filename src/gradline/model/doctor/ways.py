"""The ways in which a refused text file can be read: for each that fits, the options and the first rows."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

from gradline.core.errors import GradlineError, NotationError
from gradline.core.text import one_line, shell
from gradline.data.inputs import open_table
from gradline.data.notation import FOUND, WHITESPACE, Text
from gradline.data.schema import Kind
from gradline.model.summary import aligned

_ROWS = 3  # that are shown
_MOST = 6  # ways that are shown
_COLUMNS = 8  # that are shown of a wide table


class Way(NamedTuple):
    """A way to read a file: the options, and its first rows, each cell as it was read."""

    options: tuple[str, ...]
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        columns = [[name, *cells] for name, *cells in zip(self.names, *self.rows, strict=True)][:_COLUMNS]
        told = shell(self.options) or "as it is"
        shown = aligned([list(map(one_line, column)) for column in columns])
        return f"{told}\n" + "\n".join(f"  {line}" for line in shown.splitlines())


def ways(data: Any, read: Text | None) -> list[Way]:
    """The ways that fit a text file; those that read it alike are one. Empty for whatever is no text file."""
    if not isinstance(data, (str, os.PathLike)) or os.fspath(data) == "-" or "://" in os.fspath(data):
        return []  # standard input is gone, and what is far away would come again for each trial
    found: dict[tuple[Any, ...], Way] = {}
    for text in _layouts(data, read or FOUND):
        for written in _numerals(text):
            way = _way(data, written)
            if way is not None:
                found.setdefault((way.names, way.rows), way)
    return list(found.values())[:_MOST]


def _layouts(data: Any, read: Text) -> Iterator[Text]:
    """What could be told of the lines: what stands between cells, and what refusals name."""
    for mark in (read.delimiter,) if read.delimiter else (None, ",", ";", "\t", "|", WHITESPACE):
        yield from _remedied(data, replace(read, delimiter=mark))


def _remedied(data: Any, read: Text, trials: int = 3) -> Iterator[Text]:
    """The text, with what its refusal names where it is refused; nothing where that cannot be read either."""
    try:
        source = open_table(data, read)
        if source.is_text and len(source.schema()) > 1:
            yield read
    except NotationError as error:
        if error.code == "csv-header-doubtful":
            for header in (True, False):
                yield from _remedied(data, replace(read, header=header), 0)
        elif error.told and trials:
            yield from _remedied(data, replace(read, **error.told), trials - 1)
    except GradlineError:
        return


def _numerals(read: Text) -> Iterator[Text]:
    """What could be told of numbers."""
    yield read
    decimals = (read.decimal,) if read.decimal else (".", ",")
    for decimal in decimals:
        for mark in (read.thousands,) if read.thousands else (None, ",", ".", " ", "'"):
            if mark != decimal:
                yield replace(read, decimal=decimal, thousands=mark)


def _way(data: Any, read: Text, trials: int = 4) -> Way | None:
    """The first rows read so, None where a column then is in doubt."""
    source = open_table(data, read)
    try:
        schema = source.schema()
        kinds, words = {}, read.words()
        for name, column in schema.items():
            doubt = column.doubt and column.doubt.beside_marks
            if doubt is not None:
                return None
            kinds[name] = Kind.AMOUNT if column.doubt else column.kind
            words += ["--numeric", name] if column.doubt else []
        if not any(kind.is_numeric for kind in kinds.values()):
            return None
        shown = {name: kind if kind.is_feature else Kind.TEXT for name, kind in kinds.items()}
        batch = next(iter(source.batches(shown)))
    except NotationError as error:
        na = [*(read.na or ()), *error.told.get("na", ())]
        return _way(data, replace(read, **{**error.told, "na": na}), trials - 1) if trials else None
    except GradlineError:
        return None
    rows = tuple(tuple(map(_cell, row)) for row in islice(batch.frame.iter_rows(), _ROWS))
    return Way(tuple(words), tuple(shown), rows)


def _cell(value: Any) -> str:
    if value is None:
        return "missing"
    return repr(value) if isinstance(value, str) else f"{value:.15g}"


def told(found: Sequence[Way], name: str) -> str:
    """The ways in words, empty where there are none."""
    if not found:
        return ""
    listing = "\n\n".join(map(str, found))
    return f"{name} can be read in {'this way' if len(found) == 1 else f'{len(found)} ways'}:\n\n{listing}\n"
