"""Many CSV files with one header: what each costs by itself is paid for many of them at once."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import polars as pl

from gradline.core.errors import GradlineError
from gradline.data import cells, lines
from gradline.data.cells import Spelling
from gradline.data.columns import SAMPLE, sure_kinds
from gradline.data.csv import CsvSource
from gradline.data.csv_block import Block
from gradline.data.csv_records import regular_rows
from gradline.data.schema import Column, Kind
from gradline.data.source import Batch, FileRows, Source

_SMALL = 1 << 16  # bytes of a file up to which the call that decodes it costs more than its cells


class _Text(NamedTuple):
    """Some records of the file with this number among the others."""

    number: int
    source: CsvSource
    records: lines.Lines


def schemas(parts: Sequence[Source]) -> list[dict[str, Column]]:
    """The columns of each of several files, looked for in many of them at once.

    A file with a column that is in doubt is looked at by itself.
    """
    for group in _groups(parts, whole=False) if len(parts) > 1 else ():
        names = group[0].source.names()
        frame = _joint(group).decode(dict.fromkeys(names, pl.String()))
        for text, kinds in zip(group, sure_kinds(frame, _starts(group)), strict=True):
            if len(kinds) == len(names):
                text.source.known({name: Column(kind) for name, kind in kinds.items()})
    return [part.schema() for part in parts]


def batches(parts: Sequence[Source], columns: Mapping[str, Kind]) -> Iterator[tuple[Batch, list[FileRows]]]:
    """The rows of several files in turn, those of small ones in one batch; each with the files that its rows are of.

    Files that cannot be read so are read one by one, and say why.
    """
    done = 0
    for group in _groups(parts, whole=True) if Kind.AMOUNT not in columns.values() else ():
        if len(group) > 1 and (batch := _batch(group, columns)):
            yield from _one_by_one(parts, range(done, group[0].number), columns)
            counts = (after - start for start, after in pairwise([*_starts(group), batch.frame.height]))
            yield batch, [(text.number, count) for text, count in zip(group, counts, strict=True)]
            done = group[-1].number + 1
    yield from _one_by_one(parts, range(done, len(parts)), columns)


def _one_by_one(
    parts: Sequence[Source], numbers: Iterable[int], columns: Mapping[str, Kind]
) -> Iterator[tuple[Batch, list[FileRows]]]:
    for number in numbers:
        for batch in parts[number].batches(columns):
            yield batch, [(number, batch.frame.height)]


def _groups(parts: Sequence[Source], *, whole: bool) -> Iterator[list[_Text]]:
    """Neighbours with one layout, each with its first records or all of them, about 4 MB; other files are left out."""
    group: list[_Text] = []
    size = 0
    for number, part in enumerate(parts):
        text = _text(number, part, whole)
        is_next = text and group and _are_alike(text, group[0])
        if group and (not is_next or size > lines.BLOCK):
            yield group
            group, size = [], 0
        if text:
            group.append(text)
            size += len(text.records.data)
    if group:
        yield group


def _are_alike(text: _Text, other: _Text) -> bool:
    one, two = text.source, other.source
    return (one.layout.names, one.layout.separator, one.read) == (
        two.layout.names,
        two.layout.separator,
        two.read,
    )


def _text(number: int, part: Source, whole: bool) -> _Text | None:
    """The first records of a file, or all of them; None where they cannot stand beside those of others."""
    if not isinstance(part, CsvSource):
        return None
    try:
        if not part.is_told or not (_is_small(part) if whole else _is_plain(part)):
            return None
        records = part.records()
        first = next(records)
        if not whole:
            first = lines.Lines(lines.first_of(first.data, SAMPLE), first.first)
        elif next(records, None):
            return None
    except (GradlineError, OSError):
        return None  # which whoever reads the file by itself raises in its turn
    is_regular = regular_rows(first.data, len(part.names()), part.layout.separator) == lines.newlines(
        first.data
    )
    return _Text(number, part, first) if is_regular else None


def _is_small(part: CsvSource) -> bool:
    return part.path.stat().st_size <= _SMALL


def _is_plain(part: CsvSource) -> bool:
    """Whether all columns have names, and numbers and missing cells are written in the usual way."""
    return Spelling.told(part.read).is_plain and not any(name.startswith("(") for name in part.names())


def _starts(group: Sequence[_Text]) -> list[int]:
    """The row with which each file begins."""
    return [0, *accumulate(lines.newlines(text.records.data) for text in group)][:-1]


def _joint(group: Sequence[_Text]) -> Block:
    """The records of all files as if they were one."""
    data = b"".join(text.records.data for text in group)
    return Block(lines.Lines(data, 1), group[0].source.layout, "")


def _batch(group: Sequence[_Text], columns: Mapping[str, Kind]) -> Batch | None:
    """The rows of all files, None where some cell is not as it should be."""
    starts = _starts(group)

    def place(row: int) -> str:
        which = bisect_right(starts, row) - 1
        text = group[which]
        return Block(text.records, text.source.layout, text.source.name).place(row - starts[which])

    spelling = Spelling.told(group[0].source.read)
    try:
        frame = cells.decoded(_joint(group).decode, columns, spelling)
        return Batch.of(frame, columns, place, spelling)
    except (GradlineError, pl.exceptions.PolarsError):
        return None
