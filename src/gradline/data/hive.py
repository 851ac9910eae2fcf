"""Folders whose names hold values, such as `year=2024/region=north`: columns that the files in them do not repeat."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

import polars as pl

from gradline.core.errors import DataError, Notice
from gradline.data.cells import Spelling, converted
from gradline.data.columns import column, first_cells
from gradline.data.notation import FOUND, Text
from gradline.data.schema import Column, Kind
from gradline.data.source import Batch, Source

_MISSING = "__HIVE_DEFAULT_PARTITION__"  # how Hive writes a missing value

Values = Mapping[str, str | None]


def values_of(path: Path) -> dict[str, str | None]:
    """The values in the names of a path's folders."""
    pairs = [part.split("=", 1) for part in path.parent.parts if is_partition(part)]
    return {name: None if value == _MISSING else unquote(value) for name, value in pairs}


def is_partition(folder: str) -> bool:
    """Whether the folder's name is `column=value`."""
    return "=" in folder[1:]


def partitioned(parts: list[Source], values: list[Values], read: Text = FOUND) -> list[Source]:
    """The files with the columns of their folders, each read by the rule for text files: numbers, or words.

    `read` is how the values are written. Raises `DataError` where the folders do not name the same columns.
    """
    if not any(values):
        return parts
    names = list(values[0])
    for part, own in zip(parts, values, strict=True):
        if list(own) != names:
            raise DataError(
                "partitions-differ",
                f"the folders of {parts[0].name} hold the columns {', '.join(names) or 'none'}, those of {part.name} "
                f"{', '.join(own) or 'none'}",
                "put every file below folders with the same column=value names",
            )
    spelled = Spelling.told(read)
    columns = {
        name: column(first_cells(pl.Series([own[name] for own in values], dtype=pl.String), spelled), spelled)
        for name in names
    }
    return [PartitionedSource(part, own, columns, spelled) for part, own in zip(parts, values, strict=True)]


@dataclass(frozen=True)
class PartitionedSource(Source):
    """A file with one value a column beside its own."""

    part: Source
    values: Values
    columns: Mapping[str, Column]
    spelled: Spelling  # of the values

    @property
    def name(self) -> str:  # type: ignore[override]
        """The file's."""
        return self.part.name

    @property
    def may_tell(self) -> frozenset[str]:
        """What may be told of the file."""
        return self.part.may_tell

    @property
    def notices(self) -> tuple[Notice, ...]:
        """The file's."""
        return self.part.notices

    @property
    def spelling(self) -> Spelling:  # type: ignore[override]
        """The file's."""
        return self.part.spelling

    def told(self, read: Text) -> "PartitionedSource":
        """See `Source`."""
        return replace(self, part=self.part.told(read), spelled=Spelling.told(read))

    def names(self) -> list[str]:
        """The file's columns, and those of its folders."""
        return list(dict.fromkeys([*self.part.names(), *self.values]))

    def schema(self) -> dict[str, Column]:
        """The file's columns, and those of its folders."""
        return {**self.part.schema(), **self.columns}

    def batches(self, columns: Mapping[str, Kind]) -> Iterator[Batch]:
        """The file's rows. Raises `DataError` where it has a column of a folder itself, with another value."""
        present = self.part.names()
        own = {name: kind for name, kind in columns.items() if name in present}
        read = own or {present[0]: self.part.schema()[present[0]].kind}
        added = [name for name in columns if name in self.values]
        for batch in self.part.batches(read):
            frame = batch.frame
            for name in added:
                value = pl.Series(name, [self.values[name]], pl.String).new_from_index(0, frame.height)
                value = converted(value, columns[name], batch.place, self.spelled)
                if name in own:
                    self._expect_same(batch, value)
                frame = frame.with_columns(value)
            yield Batch(frame[list(columns)], batch.place)

    def _expect_same(self, batch: Batch, value: pl.Series) -> None:
        differs = (batch.frame[value.name] != value).fill_null(True)
        if differs.any():
            row = differs.arg_max() or 0
            raise DataError(
                "partition-differs",
                f"column {value.name}, {batch.place(row)}: {batch.frame[value.name][row]!r} stands in a folder of "
                f"{self.values[value.name]!r}",
                "move the row to its folder, or leave the column out of one of the two",
            )
