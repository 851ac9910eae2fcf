"""Whole records of a CSV file: regular ones are decoded by polars, anything irregular is found line by line."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np
import polars as pl

from gradline.core.derived import cached_property
from gradline.core.errors import NotationError
from gradline.core.text import shell
from gradline.data import lines
from gradline.data.csv_layout import REMARKS, Layout, unreadable
from gradline.data.csv_records import regular_rows
from gradline.data.notation import Text

# The spellings that polars turns into nulls by itself; the rarer ones (any case) are left to `cells`.
_USUAL_MISSING = ["NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL", "None", "na"]


_MOST_NOTES = 20  # lines below a table; of more the table itself may be ragged


@dataclass(frozen=True)
class Block:
    """Whole records, each with the layout's number of fields: `decode` and `rows` refuse any other.

    `numbers` are those of the lines where blank ones were taken out between them; None where none were.
    """

    whole: lines.Lines
    layout: Layout
    name: str
    numbers: np.ndarray | None = None

    @classmethod
    def checked(cls, block: lines.Lines, layout: Layout, name: str) -> "Block":
        """The block, proved to be regular before any cell is read."""
        checked = cls(block, layout, name)
        _ = checked.rows
        return checked

    @cached_property
    def rows(self) -> int | None:
        """How many records; None where quotes stand where RFC 4180 does not want them, and polars cannot read them.

        Raises `DataError` for the first record with another number of fields.
        """
        if self._solid is not self:
            return self._solid.rows
        if self._regular is None:
            self._refuse_ragged()
        return self._regular

    @cached_property
    def _regular(self) -> int | None:
        return regular_rows(self.whole.data, len(self.layout.names), self.layout.separator)

    @property
    def _solid(self) -> "Block":
        """The block without its blank lines; itself where it has none, as a regular one cannot."""
        return self._shortened or self

    @cached_property
    def _shortened(self) -> "Block | None":
        """The block without its blank lines, None where it has none: one that kept itself would stay in memory."""
        if self._regular is not None or not self.layout.has_blanks or self.numbers is not None:
            return None
        data, kept = self.whole.data, self._records_kept()
        if kept is None or len(kept) == lines.newlines(data):
            return None
        pieces = data.split(b"\n")
        solid = b"".join(pieces[i] + b"\n" for i in kept)
        return Block(
            lines.Lines(solid, self.whole.first),
            self.layout,
            self.name,
            np.array(kept, int) + self.whole.first,
        )

    def _records_kept(self) -> list[int] | None:
        """The places of the lines of records that are not blank; None where their quotes cannot be told."""
        blank = b"\r" if self.layout.separator in " \t" else b"\r "
        if b'"' not in self.whole.data:
            return [i for i, line in enumerate(self.whole.data.split(b"\n")[:-1]) if line.strip(blank)]
        kept, begin, reader = [], 0, self._reader()
        try:
            for record in reader:
                if len(record) > 1 or (record and record[0].strip(blank.decode())):
                    kept.extend(range(begin, reader.line_num))
                begin = reader.line_num
        except csv.Error:
            return None
        return kept

    def decode(self, dtypes: Mapping[str, pl.DataType]) -> pl.DataFrame:
        """The named columns as these types; raises polars' own error where a cell is not of its type."""
        proves = self._reading_proves(dtypes)
        if not proves and self._solid is not self:
            return self._solid.decode(dtypes)
        if not self.whole.data:
            return pl.DataFrame(schema=dict(dtypes))
        if not proves and self.rows is None:
            return self._decode_irregular(dtypes)
        try:
            frame = self._read(dtypes)
        except pl.exceptions.PolarsError:
            if self._solid is not self:
                return self._solid.decode(dtypes)
            if self.rows is not None and any(dtype != pl.String for dtype in dtypes.values()):
                raise  # a cell is no number; as text it can be read
            return self._decode_irregular(dtypes)
        if proves and frame.height == lines.newlines(self.whole.data) and not frame[:, -1].null_count():
            return frame[list(dtypes)]
        if self._solid is not self:
            return self._solid.decode(dtypes)
        # A second opinion on what a record is; where the two differ, the csv module decides.
        return frame[list(dtypes)] if frame.height == self.rows else self._decode_irregular(dtypes)

    def _reading_proves(self, dtypes: Mapping[str, pl.DataType]) -> bool:
        """Whether polars cannot read a ragged record unnoticed.

        It refuses a record that is too long when all columns are read, and leaves the last cell of a short one null.
        """
        data = self.whole.data
        return len(dtypes) == len(self.layout.names) and b'"' not in data and b"\r" not in data

    def _read(self, dtypes: Mapping[str, pl.DataType]) -> pl.DataFrame:
        data, names = self.whole.data, self.layout.names
        return pl.read_csv(
            data,
            has_header=False,
            schema={name: dtypes.get(name, pl.String()) for name in names},
            columns=[place for place, name in enumerate(names) if name in dtypes],
            separator=self.layout.separator,
            null_values=_USUAL_MISSING if _may_be_missing(data, dtypes) else None,
        )

    def _decode_irregular(self, dtypes: Mapping[str, pl.DataType]) -> pl.DataFrame:
        """Records with a quote inside an unquoted field, such as `6" nail`: read by the csv module."""
        places = {name: self.layout.names.index(name) for name in dtypes}
        records = [record or [""] for record in self._reader()]
        cells = {name: [record[place] for record in records] for name, place in places.items()}
        return pl.DataFrame(cells, schema=dict.fromkeys(dtypes, pl.String()))

    def place(self, row: int) -> str:
        """The line on which a row begins."""
        block, line = self._solid, row
        if b'"' in block.whole.data:  # a quoted field may span lines
            reader = block._reader()
            for _ in islice(reader, row):
                pass
            line = reader.line_num
        return f"line {block._number(line):,} of {self.name}"

    def _number(self, line: int) -> int:
        """The number in the file of a line of the block, counted from 0."""
        return self.whole.first + line if self.numbers is None else int(self.numbers[line])

    def _reader(self) -> Any:
        stream = io.StringIO(self.whole.data.decode(), newline="\n")
        return csv.reader(stream, delimiter=self.layout.separator, strict=True)

    def _refuse_ragged(self) -> None:
        expected, reader, begin = len(self.layout.names), self._reader(), 0
        try:
            for record in reader:
                if len(record) != expected and (record or expected > 1):
                    raise self._ragged(self._number(begin), record, chain([record], reader))
                begin = reader.line_num
        except csv.Error as error:
            raise unreadable(f"line {self._number(begin):,} of {self.name}", error) from error

    def _may_be_decimals(self, record: Sequence[str]) -> bool:
        """Whether the record would have as many fields as the header if some of its commas were decimal ones."""
        places, pairs = iter(range(len(record) - 1)), 0
        for i in places:
            if re.fullmatch(r"\s*[+-]?\d+", record[i]) and re.fullmatch(r"\d+\s*", record[i + 1]):
                pairs += 1
                next(places, None)
        return self.layout.separator == "," and 0 < len(record) - len(self.layout.names) <= pairs

    def _below(self, records: Iterable[Sequence[str]]) -> int:
        """How many lines notes below the table have, where these records are nothing else; 0 where they are more."""
        try:
            filled = [record for record in records if any(map(str.strip, record))]
        except csv.Error:
            return 0
        are_notes = all(len(record) < len(self.layout.names) for record in filled)
        return len(filled) if are_notes and len(filled) <= _MOST_NOTES else 0

    def _ragged(self, line: int, record: Sequence[str], rest: Iterable[Sequence[str]]) -> NotationError:
        found, expected = len(record), len(self.layout.names)
        fields = "is blank" if found == 0 else f"has {found} field{'s' * (found != 1)}"
        if found > expected and self._may_be_decimals(record):
            fields += " (decimal commas seem to stand between cells that are parted by commas, too)"
            remedy = "write semicolons between cells, or put such cells in quotes and add --decimal ,"
        elif found > expected:
            remedy = "mend the line (a separator inside a field needs double quotes around the field)"
        else:
            remedy = "mend or remove the line"
        mark = next((mark for mark in REMARKS if record and record[0].lstrip().startswith(mark)), None)
        if mark is not None:
            remedy = f"if such lines are no part of the table, add --comment {shell([mark])}"
        told: dict[str, Any] | None = {"comment": mark} if mark else None
        if mark is None and (below := self._below(rest)):
            told = {"skip_last": below + self.layout.skip_last}
            remedy += f", or, as a note below the table, leave it out: add {shell(Text(**told).words())}"
        return NotationError(
            "csv-ragged-line",
            f"line {line:,} of {self.name} {fields}, the header has {expected}",
            remedy,
            told,
        )


def _may_be_missing(data: bytes, dtypes: Mapping[str, pl.DataType]) -> bool:
    """Whether polars should look for missing words: among numbers, as text is looked through anyway.

    To look for them costs a quarter of the time, and every one of them has this letter.
    """
    return any(dtype != pl.String for dtype in dtypes.values()) and (b"N" in data or b"n" in data)
