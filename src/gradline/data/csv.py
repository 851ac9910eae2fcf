"""CSV and TSV text: regular blocks are decoded by polars, anything irregular is found line by line."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from gradline.core.derived import cached_property
from gradline.core.errors import DataError
from gradline.core.parallel import ordered_map
from gradline.data import cells, lines
from gradline.data.schema import EMPTY, Column, Kind
from gradline.data.source import Batch, Source

_SEPARATORS = ",;\t|"
_NEWLINE, _RETURN = ord("\n"), ord("\r")
# The spellings that polars turns into nulls by itself; the rarer ones (any case) are left to `numbers`.
_MOST_COLUMNS = (
    1 << 20
)  # whose squares no machine holds; a file of one line may pack a thousand times as many
_USUAL_MISSING = ["NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL", "None", "na"]


class _Header(NamedTuple):
    names: list[str]
    separator: str
    length: int  # lines


@dataclass(frozen=True)
class CsvSource(Source):
    """Rows of one CSV file; every record must have as many fields as the header."""

    path: Path
    name: str
    separator: str = ","  # expected; another one is taken when the header holds none of these

    @cached_property
    def _header(self) -> _Header:
        first = next(lines.lines(self.path, self.name, quoted=True), None)
        if first is None:
            raise DataError("file-empty", f"{self.name} is empty", "give a file with a header line and rows")
        data = first.data.decode()
        header = data.partition("\n")[0].rstrip("\r")
        if not header.strip():
            raise DataError(
                "csv-header-blank",
                f"the first line of {self.name} is blank",
                "begin the file with its header line",
            )
        separator = self._separator_of(header)
        if header.count(separator) >= _MOST_COLUMNS:
            raise DataError(
                "too-many-columns",
                f"the header of {self.name} has {header.count(separator) + 1:,} columns",
                "look for a line end that is missing, or turn rows and columns around",
            )
        reader = csv.reader(io.StringIO(data, newline="\n"), delimiter=separator, strict=True)
        try:
            fields = [field.strip() for field in next(reader)]
        except csv.Error as error:
            raise _unreadable(f"the header of {self.name}", error) from error
        names = [field or f"(column {i})" for i, field in enumerate(fields, 1)]
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise DataError(
                "column-name-twice",
                f"{self.name} has more than one column named {twice[0]}",
                "rename one of them",
            )
        return _Header(names, separator, reader.line_num)

    def _separator_of(self, header: str) -> str:
        if self.separator in header:
            return self.separator
        return max(_SEPARATORS, key=lambda mark: (header.count(mark), mark == self.separator))

    def names(self) -> list[str]:
        """The header's fields."""
        return list(self._header.names)

    def schema(self) -> dict[str, Column]:
        """The header's columns; a column is numeric when most of its first 1,000 non-missing cells are."""
        return dict(self._schema)

    @cached_property
    def _schema(self) -> dict[str, Column]:
        names, columns = self._header.names, {}
        for block in self._blocks():
            open_names = [name for name in names if name not in columns]
            frame = block.decode(dict.fromkeys(open_names, pl.String()))
            found = {name: cells.column(frame[name]) for name in open_names}
            columns |= {name: column for name, column in found.items() if column.kind != Kind.OTHER}
            if len(columns) == len(names):
                break
        for name in names:
            if name.startswith("(column "):
                columns[name] = Column(Kind.OTHER, "has no name in the header")
            columns.setdefault(name, EMPTY)
        return {name: columns[name] for name in names}

    def batches(self, columns: Mapping[str, Kind]) -> Iterator[Batch]:
        """The rows in blocks of about 4 MB, each decoded and proved to be regular by one core."""

        def batch(whole: lines.Lines) -> Batch:
            block = _Block(whole, self._header, self.name)
            return Batch.of(cells.decoded(block.decode, columns), columns, block.place)

        return ordered_map(self._lines(), batch)

    def _blocks(self) -> Iterator["_Block"]:
        """The blocks, each checked."""
        return (_Block.checked(whole, self._header, self.name) for whole in self._lines())

    def _lines(self) -> Iterator[lines.Lines]:
        """Blocks of whole records, the header cut off. Raises `DataError` when there is no row at all."""
        header = self._header
        blocks = lines.lines(self.path, self.name, quoted=True)
        head = next(blocks)
        start = 0
        for _ in range(header.length):
            start = head.data.find(b"\n", start) + 1
        body = lines.Lines(head.data[start:], header.length + 1)
        rest = chain([body] if body.data else [], blocks)
        first = next(rest, None)
        if first is None:
            raise DataError(
                "no-rows", f"{self.name} holds a header but no rows", "give a file with at least one row"
            )
        yield first
        yield from rest


@dataclass(frozen=True)
class _Block:
    """Whole records, each with the header's number of fields: `decode` and `rows` refuse any other."""

    whole: lines.Lines
    header: _Header
    name: str

    @classmethod
    def checked(cls, block: lines.Lines, header: _Header, name: str) -> "_Block":
        """The block, proved to be regular before any cell is read."""
        checked = cls(block, header, name)
        _ = checked.rows
        return checked

    @cached_property
    def rows(self) -> int | None:
        """How many records; None where quotes stand where RFC 4180 does not want them, and polars cannot read them.

        Raises `DataError` for the first record with another number of fields.
        """
        rows = _regular_rows(self.whole.data, len(self.header.names), self.header.separator)
        if rows is None:
            self._refuse_ragged()
        return rows

    def decode(self, dtypes: Mapping[str, pl.DataType]) -> pl.DataFrame:
        """The named columns as these types; raises polars' own error where a cell is not of its type."""
        proves = self._reading_proves(dtypes)
        if not proves and self.rows is None:
            return self._decode_irregular(dtypes)
        try:
            frame = self._read(dtypes)
        except pl.exceptions.PolarsError:
            if self.rows is not None and any(dtype != pl.String for dtype in dtypes.values()):
                raise  # a cell is no number; as text it can be read
            return self._decode_irregular(dtypes)
        if proves and frame.height == lines.newlines(self.whole.data) and not frame[:, -1].null_count():
            return frame[list(dtypes)]
        # A second opinion on what a record is; where the two differ, the csv module decides.
        return frame[list(dtypes)] if frame.height == self.rows else self._decode_irregular(dtypes)

    def _reading_proves(self, dtypes: Mapping[str, pl.DataType]) -> bool:
        """Whether polars cannot read a ragged record unnoticed.

        It refuses a record that is too long when all columns are read, and leaves the last cell of a short one null.
        """
        data = self.whole.data
        return len(dtypes) == len(self.header.names) and b'"' not in data and b"\r" not in data

    def _read(self, dtypes: Mapping[str, pl.DataType]) -> pl.DataFrame:
        data, names = self.whole.data, self.header.names
        return pl.read_csv(
            data,
            has_header=False,
            schema={name: dtypes.get(name, pl.String()) for name in names},
            columns=[place for place, name in enumerate(names) if name in dtypes],
            separator=self.header.separator,
            # To look for them costs a quarter of the time, and every one of them has this letter.
            null_values=_USUAL_MISSING if b"N" in data or b"n" in data else None,
        )

    def _decode_irregular(self, dtypes: Mapping[str, pl.DataType]) -> pl.DataFrame:
        """Records with a quote inside an unquoted field, such as `6" nail`: read by the csv module."""
        places = {name: self.header.names.index(name) for name in dtypes}
        records = [record or [""] for record in self._reader()]
        cells = {name: [record[place] for record in records] for name, place in places.items()}
        return pl.DataFrame(cells, schema=dict.fromkeys(dtypes, pl.String()))

    def place(self, row: int) -> str:
        """The line on which a row begins."""
        line = self.whole.first + row
        if b'"' in self.whole.data:  # a quoted field may span lines
            reader = self._reader()
            for _ in islice(reader, row):
                pass
            line = self.whole.first + reader.line_num
        return f"line {line:,} of {self.name}"

    def _reader(self) -> Any:
        stream = io.StringIO(self.whole.data.decode(), newline="\n")
        return csv.reader(stream, delimiter=self.header.separator, strict=True)

    def _refuse_ragged(self) -> None:
        expected, reader, begin = len(self.header.names), self._reader(), self.whole.first
        try:
            for record in reader:
                if len(record) != expected and (record or expected > 1):
                    raise self._ragged(begin, len(record))
                begin = self.whole.first + reader.line_num
        except csv.Error as error:
            raise _unreadable(f"line {begin:,} of {self.name}", error) from error

    def _ragged(self, line: int, found: int) -> DataError:
        expected = len(self.header.names)
        fields = "is blank" if found == 0 else f"has {found} field{'s' * (found != 1)}"
        return DataError(
            "csv-ragged-line",
            f"line {line:,} of {self.name} {fields}, the header has {expected}",
            "mend the line (a separator inside a field needs double quotes around the field)"
            if found > expected
            else "mend or remove the line",
        )


def _unreadable(where: str, error: csv.Error) -> DataError:
    if "new-line character" in str(error):
        return DataError(
            "csv-bare-carriage-return",
            f"{where} has a bare carriage return",
            "save the file with Unix line ends",
        )
    return DataError(
        "csv-quote-open",
        f"{where} cannot be read: {error}",
        "look for a double quote there that opens and never closes, or stands inside a quoted field",
    )


def _regular_rows(data: bytes, fields: int, separator: str) -> int | None:
    """The number of records, if each has this many fields and every quote opens or closes a field.

    Then separators and newlines outside quotes come in the fixed rhythm of `fields − 1` separators and
    one newline, which two vectorised comparisons can tell.
    """
    codes = np.frombuffer(data, np.uint8)
    mark = ord(separator)
    ends = (codes == mark) | (codes == _NEWLINE)
    inside = None
    if b'"' in data:
        quotes = codes == ord('"')
        inside = np.logical_xor.accumulate(quotes)
        if inside[-1] or not _quotes_are_regular(codes, quotes, inside, mark):
            return None
        ends &= ~inside
    if b"\r" in data and not _returns_are_regular(codes, inside):
        return None
    positions = np.flatnonzero(ends)
    if len(positions) % fields:
        return None
    is_newline = (codes[positions] == _NEWLINE).reshape(-1, fields)
    rhythmic = is_newline[:, -1].all() and int(is_newline.sum()) == len(is_newline)
    return len(is_newline) if rhythmic else None


def _quotes_are_regular(codes: np.ndarray, quotes: np.ndarray, inside: np.ndarray, mark: int) -> bool:
    at = np.flatnonzero(quotes)
    opening, closing = at[inside[at]], at[~inside[at]]
    before = codes[opening - 1][opening > 0]
    after = codes[closing + 1]  # a block ends with a newline, so there is always one
    border = np.array([mark, _NEWLINE, ord('"')], np.uint8)
    return bool(np.isin(before, border).all() and np.isin(after, np.append(border, _RETURN)).all())


def _returns_are_regular(codes: np.ndarray, inside: np.ndarray | None) -> bool:
    """Whether every carriage return outside quotes is followed by a newline."""
    at = np.flatnonzero(codes == _RETURN)
    if inside is not None:
        at = at[~inside[at]]
    return bool((codes[at + 1] == _NEWLINE).all())


def opener(separator: str) -> Callable[[Path, str], CsvSource]:
    """How to open a file whose name promises this separator."""
    return lambda path, name: CsvSource(path, name, separator)
