"""CSV and TSV text as a source of rows, whatever way it is written."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import polars as pl

from gradline.core.derived import cached_property
from gradline.core.errors import DataError, Notice
from gradline.core.parallel import ordered_map
from gradline.data import cells, lines
from gradline.data.cells import Spelling
from gradline.data.columns import SAMPLE, agreed, column, first_cells, sure_kinds
from gradline.data.csv_block import Block
from gradline.data.csv_layout import ROW_NAMES, File, Layout, layout
from gradline.data.notation import FOUND, OF_TEXT, Text
from gradline.data.numerals import written
from gradline.data.schema import Column, Kind
from gradline.data.source import Batch, Source


@dataclass(frozen=True)
class CsvSource(Source):
    """Rows of one CSV file; every record must have as many fields as the header."""

    path: Path
    name: str
    separator: str = ","  # expected; another one is taken when the header holds none of these
    read: Text = FOUND

    @cached_property
    def _file(self) -> File:
        return File.of(self.path, self.name, self.read)

    @cached_property
    def layout(self) -> Layout:
        """How it is laid out, as told or found."""
        return layout(self._file, self.separator)

    def told(self, read: Text) -> "CsvSource":
        """See `Source`."""
        return self if read == self.read else replace(self, read=read)

    def names(self) -> list[str]:
        """The header's fields."""
        return list(self.layout.names)

    def schema(self) -> dict[str, Column]:
        """The header's columns; a column is numeric when most of its first 1,000 non-missing cells are."""
        return dict(self._columns)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """See `Source`."""
        return self._file.notices

    @property
    def may_tell(self) -> frozenset[str]:
        """See `Source`."""
        return OF_TEXT

    @property
    def _sample(self) -> dict[str, pl.Series]:
        """The first cells of each column that are not missing, out of the first block that has any."""
        return self._looked_at[0]

    @cached_property
    def _looked_at(self) -> tuple[dict[str, pl.Series], dict[str, Kind]]:
        """The first cells of each column, and the columns of which these are beyond doubt."""
        names, found, sure = self.layout.names, {}, dict[str, Kind]()
        spelling = Spelling.told(self.read)
        for block, fewest in self._looks():
            frame = block.decode({name: pl.String() for name in names if name not in found})
            kinds = sure_kinds(frame.head(SAMPLE))[0] if spelling.is_plain else {}
            firsts = {
                series.name: head
                if kinds.get(series.name) == Kind.NUMBER and _is_full(head := series.head(SAMPLE))
                else first_cells(series, spelling)
                for series in frame
            }
            found |= {name: first for name, first in firsts.items() if len(first) >= fewest}
            sure |= {name: kind for name, kind in kinds.items() if name in found}
            if len(found) == len(names):
                break
        nothing = pl.Series("cells", [], pl.String)
        return {name: found.get(name, nothing) for name in names}, sure

    @cached_property
    def spelling(self) -> Spelling:  # type: ignore[override]
        """How the cells are spelled: as was told, or as the first of them show."""
        told = Spelling.told(self.read)
        if self.layout.separator == ";" and self.read.decimal is None and _has_commas(self._sample.values()):
            return replace(told, numerals=told.numerals._replace(decimal=","))
        return told

    @cached_property
    def _columns(self) -> dict[str, Column]:
        doubted = self.layout.separator if self.read.decimal is None and self.read.thousands is None else ""
        spelling, found = self.spelling, {}
        sample, sure = self._looked_at
        for name, first in sample.items():
            is_sure = name in sure and spelling.is_plain
            found[name] = Column(sure[name]) if is_sure else column(first, spelling, doubted)
        found = agreed(found, sample.__getitem__, spelling)
        for name in found:
            if name.startswith("(column "):
                found[name] = Column(Kind.OTHER, "has no name in the header")
            if name == ROW_NAMES:
                found[name] = Column(Kind.OTHER, "holds the names that R gives to rows")
        return found

    @property
    def is_told(self) -> bool:
        """Whether how its cells are spelled depends on none of them."""
        return self.layout.separator != ";" or self.read.decimal is not None

    def known(self, columns: dict[str, Column]) -> None:
        """Keep what was found of its columns where it was looked at beside others."""
        object.__setattr__(self, "_columns", columns)

    def first_cells(self, column: str) -> list[str]:
        """See `Source`."""
        return self._sample[column].to_list()

    def batches(self, columns: Mapping[str, Kind]) -> Iterator[Batch]:
        """The rows in blocks of about 4 MB, each decoded and proved to be regular by one core."""
        spelling = self.spelling.of(self)

        def batch(whole: lines.Lines) -> Batch:
            block = Block(whole, self.layout, self.name)
            return Batch.of(cells.decoded(block.decode, columns, spelling), columns, block.place, spelling)

        return ordered_map(self.records(), batch)

    def _looks(self) -> Iterator[tuple[Block, int]]:
        """The blocks, each checked, and of how many cells a column must be in one that nobody looks at the next.

        Before the first come its first records, which most often show all that it does and are soon decoded.
        """
        for number, whole in enumerate(self.records()):
            head = lines.first_of(whole.data, SAMPLE)
            if number == 0 and len(head) < len(whole.data) and b'"' not in head:
                yield Block.checked(lines.Lines(head, whole.first), self.layout, self.name), SAMPLE
            yield Block.checked(whole, self.layout, self.name), 1

    def records(self) -> Iterator[lines.Lines]:
        """Blocks of whole records yet to be checked, what stands above them cut off.

        Raises `DataError` when there is no row at all.
        """
        above, blocks = self.layout.above, self._file.blocks()
        head = lines.Lines(b"", above + 1)
        for block in blocks:
            if block.first + lines.newlines(block.data) > above + 1:
                head = block
                break
        start = 0
        for _ in range(above + 1 - head.first):
            start = head.data.find(b"\n", start) + 1
        body = lines.Lines(head.data[start:], max(head.first, above + 1))
        rest = chain([body] if body.data else [], blocks)
        first = next(rest, None)
        if first is None:
            raise DataError(
                "no-rows", f"{self.name} holds a header but no rows", "give a file with at least one row"
            )
        yield first
        yield from rest


def _is_full(numbers: pl.Series) -> bool:
    """Whether no cell of some numbers is missing, in whatever words."""
    values = numbers.cast(pl.Float64, strict=False)
    return not values.null_count() and math.isfinite(values.sum())


def _has_commas(samples: Iterable[pl.Series]) -> bool:
    """Whether a file with semicolons has decimal commas: where some column has, and none has decimal points."""
    has_commas = False
    for sample in samples:
        ways = written(sample.to_list()) if sample.str.contains(r"[.,]\d").any() else []
        if len(ways) == 1:
            if ways[0].numerals.decimal == "." and sample.str.contains(".", literal=True).any():
                return False
            has_commas |= ways[0].numerals.decimal == ","
    return has_commas


def opener(separator: str) -> Callable[[Path, str, Text], CsvSource]:
    """How to open a file whose name promises this separator."""
    return lambda path, name, read: CsvSource(path, name, separator, read)
