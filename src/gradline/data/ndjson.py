"""Newline-delimited JSON: one object a line, columns matched by key."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from gradline.core.derived import cached_property
from gradline.core.errors import DataError
from gradline.data import cells, lines
from gradline.data.cells import Spelling
from gradline.data.columns import agreed, column, first_cells
from gradline.data.notation import FOUND, Text
from gradline.data.schema import Column, Kind
from gradline.data.source import Batch, Source


@dataclass(frozen=True)
class NdjsonSource(Source):
    """Rows of one newline-delimited JSON file; a key that a row lacks is a missing cell."""

    path: Path
    name: str
    read: Text = FOUND
    unit = "line"

    def told(self, read: Text) -> "NdjsonSource":
        """See `Source`."""
        return replace(self, read=read)

    @property
    def spelling(self) -> Spelling:  # type: ignore[override]
        """See `Source`."""
        return Spelling.told(self.read)

    def schema(self) -> dict[str, Column]:
        """The keys of the first block's rows; numeric when most of the first 1,000 values are numbers."""
        return dict(self._schema)

    @cached_property
    def _schema(self) -> dict[str, Column]:
        block = next(self._blocks(), None)
        if block is None:
            raise DataError("file-empty", f"{self.name} is empty", "give a file with one JSON object per row")
        rows = self._objects(block)
        names = dict.fromkeys(name for row in rows for name in row)
        found = {name: self._column([row.get(name) for row in rows]) for name in names}

        def sample(name: str) -> pl.Series:
            texts = [text for row in rows if isinstance(text := row.get(name), str)]
            return first_cells(pl.Series(texts, dtype=pl.String), self.spelling)

        return agreed(found, sample, self.spelling)

    def _column(self, values: list[object]) -> Column:
        if any(isinstance(value, (list, dict)) for value in values):
            return Column(Kind.OTHER, "holds lists or objects")
        texts = pl.Series([self._spelled(value) for value in values], dtype=pl.String)
        return column(first_cells(texts, self.spelling), self.spelling)

    def _spelled(self, value: object) -> str | None:
        """A value as text; where numbers in text are written in another notation, those of JSON are written so too."""
        if value is None or isinstance(value, str):
            return value
        told = json.dumps(value)
        return told if isinstance(value, bool) else told.replace(".", self.spelling.numerals.decimal)

    def _blocks(self) -> Iterator[lines.Lines]:
        """The objects, one a line."""
        return lines.lines(self.path, self.name, quoted=False)

    def batches(self, columns: Mapping[str, Kind]) -> Iterator[Batch]:
        """The rows in blocks of about 4 MB."""
        spelling = self.spelling.of(self)
        for block in self._blocks():

            def place(row: int, first: int = block.first) -> str:
                return f"{self.unit} {first + row:,} of {self.name}"

            def decode(dtypes: Mapping[str, pl.DataType], block: lines.Lines = block) -> pl.DataFrame:
                if not spelling.numerals.is_plain:
                    rows = self._objects(block)
                    texts = {name: [self._spelled(row.get(name)) for row in rows] for name in dtypes}
                    return pl.DataFrame(texts, schema=dict.fromkeys(dtypes, pl.String()))
                frame = pl.read_ndjson(block.data, schema=dict(dtypes))
                if frame.height != block.data.count(b"\n"):  # polars passes over blank lines
                    self._objects(block)
                return frame

            try:
                yield Batch.of(cells.decoded(decode, columns, spelling), columns, place, spelling)
            except pl.exceptions.PolarsError as error:
                self._objects(block)
                raise DataError(
                    "ndjson-unreadable", f"{self.name} cannot be read: {error}", "mend the file"
                ) from error

    def _objects(self, block: lines.Lines) -> list[dict[str, object]]:
        """The block's objects; raises `DataError` with the line that is none."""
        rows = []
        for line, record in enumerate(block.data.splitlines(), block.first):
            try:
                row = json.loads(record)
                if b"\\u" in record:  # half of a pair of surrogates is no character
                    json.dumps(row, ensure_ascii=False).encode()
            except (ValueError, RecursionError) as error:
                raise DataError(
                    "ndjson-line-unreadable",
                    f"{self.unit} {line:,} of {self.name} is not JSON: {error}",
                    "mend it",
                ) from error
            if not isinstance(row, dict):
                raise DataError(
                    "ndjson-line-not-object",
                    f"{self.unit} {line:,} of {self.name} is not a JSON object",
                    "write one {…} object per row",
                )
            rows.append(row)
        return rows
