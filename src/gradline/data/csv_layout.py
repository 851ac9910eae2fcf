"""How a CSV file is laid out, told or found in its head: encoding, what stands between cells, where names are."""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from gradline.core.errors import DataError, NotationError, Notice
from gradline.core.text import counted, shell
from gradline.data import lines
from gradline.data.csv_records import regular_rows
from gradline.data.notation import WHITESPACE, Text
from gradline.data.schema import expect_distinct
from gradline.data.title import NUMBER, filled, header_at

ROW_NAMES = "(row names)"  # of R's write.table, whose header is one short
_SEPARATORS = ",;\t|"
_SHOWN = 1 << 16  # bytes that show that records are regular
_LOOK = 100  # records at the top that show how a file is laid out
# of columns, whose squares no machine holds; a file of one line may pack a thousand times as many
_MOST_COLUMNS = 1 << 20
_EXCEL = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # a line that Excel understands
REMARKS = ("#", "%", "//", "!", "--")


@dataclass(frozen=True)
class Layout:
    """The names of the columns, what separates cells, and the lines of the file before the first record.

    `has_blanks` says that blank lines are no records: in a table of one column they are missing cells. So many lines as
    `skip_last` says are left out at the end.
    """

    names: list[str]
    separator: str
    above: int
    has_blanks: bool
    skip_last: int = 0


class File(NamedTuple):
    """A file and how its bytes become lines of UTF-8."""

    path: Path
    name: str
    read: Text
    encoding: str

    @classmethod
    def of(cls, path: Path, name: str, read: Text) -> "File":
        """A file whose encoding is told or found."""
        return cls(path, name, read, read.encoding or lines.encoding_of(path, name))

    def blocks(self) -> Iterator[lines.Lines]:
        """Blocks of whole records; lines that are no part of the table are blank."""
        tidy = _tidy(self.read) if self.read.skip or self.read.comment or self.is_aligned else None
        found = lines.lines(self.path, self.name, quoted=True, encoding=self.encoding, tidy=tidy)
        return lines.without_last(found, self.read.skip_last) if self.read.skip_last else found

    @property
    def is_aligned(self) -> bool:
        """Whether any number of blanks stands between cells."""
        return self.read.delimiter == WHITESPACE

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What was found that could be otherwise."""
        last = self.read.left_out(self.name)
        if self.read.encoding is not None or self.encoding != lines.LATIN1:
            return last
        text = (
            f"{self.name} is no UTF-8 and was read as Latin-1 (Windows-1252); --encoding says what else it is"
        )
        return (Notice("encoding-found", text), *last)


def _tidy(read: Text) -> Callable[[bytes, int], bytes]:
    """What makes lines above the table and comments blank, and one tab of blanks between cells."""
    remark = (
        None
        if read.comment is None
        else re.compile(rb"(?m)^[ \t]*" + re.escape(read.comment.encode()) + rb".*$")
    )

    def tidied(data: bytes, first: int) -> bytes:
        if first <= read.skip:
            above = data.split(b"\n", read.skip - first + 1)
            data = b"\n" * (len(above) - 1) + above[-1]
        if remark is not None:
            data = remark.sub(b"", data)
        if read.delimiter == WHITESPACE:
            data = re.sub(rb"(?m)^[ \t]+|[ \t]+(?=\r?$)", b"", data)
            data = re.sub(
                rb'"[^"\n]*"|[ \t]+', lambda found: found[0] if found[0][:1] == b'"' else b"\t", data
            )
        return data

    return tidied


class _Record(NamedTuple):
    """A record of the head: the line on which it begins, counted from 0, that after its end, and its fields."""

    begin: int
    end: int
    fields: list[str]


def layout(file: File, expected: str) -> Layout:
    """The layout of a file, `expected` being what its name says of the separator.

    Raises `DataError` where it is empty, its header cannot be read, or it is laid out in a way that must be told.
    """
    plain = _plain_layout(file, expected)
    if plain is not None:
        return plain
    head = _head(file)
    texts = head.split("\n")
    start = next(i for i, text in enumerate(texts) if text.strip("\r "))
    excel = _EXCEL.fullmatch(texts[start].rstrip("\r"))
    start += excel is not None
    separator = "\t" if file.is_aligned else file.read.delimiter or (excel and excel[1])
    if separator is None:
        separator = _separator(head, start, expected)
    if separator not in texts[start] and file.read.delimiter is None:
        _expect_no_alignment(file, texts[start], texts[start + 1 :])
    if (count := texts[start].count(separator) + 1) > _MOST_COLUMNS:
        raise DataError(
            "too-many-columns",
            f"the header of {file.name} has {count:,} columns",
            "look for a line end that is missing, or turn rows and columns around",
        )
    records = _records(head, separator, _LOOK + 1, start, file.name)
    header, *rows = records
    if file.read.header is None:
        if not _is_regular(records) or header_at(_stripped(records)):
            _expect_header_first(file, head, start, separator)
        _expect_names(file, header, rows)
    if file.read.header is False:
        names = [f"column_{i}" for i in range(1, len(header.fields) + 1)]
        return Layout(names, separator, header.begin, _has_blanks(file, names), file.read.skip_last)
    names = [field.strip() or f"(column {i})" for i, field in enumerate(header.fields, 1)]
    if _has_row_names(header, rows):
        names = [ROW_NAMES, *names]
    expect_distinct(names, file.name)
    return Layout(names, separator, header.end, _has_blanks(file, names), file.read.skip_last)


def _plain_layout(file: File, expected: str) -> Layout | None:
    """The layout of a file whose first line can only be its header, None where there is a doubt.

    It has names without a gap, parted by the only mark in it that could part them, and the records below have as many
    fields. Then a look at each of them finds the same, which takes longer than all else that a small file needs.
    """
    read, head = file.read, next(file.blocks(), lines.Lines(b"", 1)).data
    first, _, rest = head.partition(b"\n")
    text = first.decode().rstrip("\r")
    marks = [mark for mark in dict.fromkeys((expected, *_SEPARATORS)) if mark in text]
    if len(marks) != 1 or read.delimiter not in (None, *marks) or read.header is False:
        return None
    names = [field.strip() for record in _records(text, marks[0], 1) for field in record.fields]
    if not names or not all(names) or len(set(names)) < len(names) or all(map(NUMBER.fullmatch, names)):
        return None
    shown = rest if len(rest) <= _SHOWN else rest[: rest.rfind(b"\n", 0, _SHOWN) + 1]
    return Layout(names, marks[0], 1, has_blanks=True) if regular_rows(shown, len(names), marks[0]) else None


def _has_blanks(file: File, names: Sequence[str]) -> bool:
    return len(names) > 1 or file.read.comment is not None


def _head(file: File) -> str:
    """The text at the top, of so many lines as show how a file is laid out. Raises `DataError` where all are blank."""
    text = ""
    for block in file.blocks():
        text += block.data.decode()
        if text.count("\n") > _LOOK and not text.isspace():
            break
    if not text.strip():
        raise DataError("file-empty", f"{file.name} is empty", "give a file with a header line and rows")
    return text


def _records(head: str, separator: str, most: int, start: int = 0, name: str = "") -> list[_Record]:
    """The first records from a line on, blank ones apart; with a `name` a header that cannot be read is refused."""
    stream = io.StringIO(head, newline="\n")
    for _ in range(start):
        stream.readline()
    reader, begin, found = csv.reader(stream, delimiter=separator, strict=True), start, []
    while len(found) < most:
        try:
            record = next(reader, None)
        except csv.Error as error:
            if name and not found:
                raise unreadable(f"the header of {name}", error) from error
            break  # whoever reads the rows says where
        if record is None:
            break
        if any(map(str.strip, record)) or len(record) > 1:
            found.append(_Record(begin, start + reader.line_num, record))
        begin = start + reader.line_num
    return found


def unreadable(where: str, error: csv.Error) -> DataError:
    """The refusal of text that is no CSV."""
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


def _separator(head: str, start: int, expected: str) -> str:
    """What separates cells: what all records at the top have as often as the header.

    Of several marks that which leaves most numbers, then the one that is expected. A blank is one only where there is
    no other mark, and each record has a number.
    """
    header = head.split("\n")[start]
    marks = [mark for mark in dict.fromkeys((expected, *_SEPARATORS)) if mark in header]
    read = {mark: _records(head, mark, _LOOK, start) for mark in marks or (" ",)}
    fitting = {mark: _numbers(records) for mark, records in read.items() if _is_regular(records)}
    if not marks:
        spaced = read[" "][1:]
        is_spaced = fitting and all(any(map(NUMBER.fullmatch, row.fields)) for row in spaced)
        return " " if is_spaced else expected
    if fitting:
        return max(fitting, key=lambda mark: (fitting[mark], mark == expected))
    return expected if expected in header else max(marks, key=header.count)


def _numbers(records: Sequence[_Record]) -> int:
    """How many cells are numbers in some notation."""
    return sum(bool(NUMBER.fullmatch(cell.strip())) for record in records for cell in record.fields)


def _is_regular(records: Sequence[_Record]) -> bool:
    if len(records) < 2:
        return False
    widths = {len(record.fields) for record in records}
    return (len(widths) == 1 and widths != {1}) or _has_row_names(records[0], records[1:])


def _has_row_names(header: _Record, rows: Sequence[_Record]) -> bool:
    """Whether every record has one field more than the header, the first of them a name: R's write.table."""
    if not rows or any(len(row.fields) != len(header.fields) + 1 for row in rows):
        return False
    names = [row.fields[0] for row in rows]
    counted = names == [str(i) for i in range(1, len(names) + 1)]
    return counted or (len(set(names)) == len(names) and not any(map(NUMBER.fullmatch, names)))


def _expect_names(file: File, header: _Record, rows: Sequence[_Record]) -> None:
    """Refuse a first line that holds numbers only: nobody knows whether it has the names."""
    if not rows or not all(NUMBER.fullmatch(field.strip()) for field in header.fields):
        return
    raise NotationError(
        "csv-header-doubtful",
        f"line {header.begin + 1:,} of {file.name} holds numbers only, {', '.join(header.fields[:3])}…, so it may be "
        "the first row or the names of the columns",
        "add --no-header (read=gradline.Text(header=False) in Python) if the file has no names, or --header",
    )


def _without_later_remarks(head: str, start: int) -> str:
    """The lines, blank where one between the records begins as the first line does, if that is a remark."""
    lines = head.split("\n")
    mark = next((mark for mark in REMARKS if lines[start].lstrip().startswith(mark)), None)
    if mark is None:
        return head
    is_remark = [line.lstrip().startswith(mark) for line in lines]
    names = next((i for i in range(start, len(lines)) if not is_remark[i]), len(lines))
    return "\n".join("" if i > names and is_remark[i] else line for i, line in enumerate(lines))


def _expect_header_first(file: File, head: str, start: int, separator: str) -> None:
    """Refuse a file with lines above its header, and name the option that skips them.

    Of several marks between cells that which leaves most numbers below; what is named has been tried.
    """
    marks = [separator] if file.read.delimiter is not None else [separator, *_SEPARATORS]
    head = _without_later_remarks(head, start)
    found = []
    for mark in dict.fromkeys(marks):
        records = _records(head, mark, _LOOK, start)
        at = _header_below(records)
        if at is not None and (numbers := _numbers(records[at + 1 :])):
            found.append((numbers, at, records))
    for _, at, records in sorted(found, key=lambda one: -one[0]):
        above = [records[i].fields[0].strip() for i in range(at)]
        remark = next((mark for mark in REMARKS if all(text.startswith(mark) for text in above)), None)
        line = records[at].begin
        told = Text(comment=remark) if remark else Text(skip=line)
        if not _leads_to(file, told, records[at].fields, separator):
            continue
        first, names = (filled(row) for row in _stripped([records[0], records[at]]))
        raise NotationError(
            "csv-lines-above-header",
            f"line {records[0].begin + 1:,} of {file.name} has {counted(first, 'cell')}, and line {line + 1:,} has "
            f"{names}: the table seems to begin there",
            f"add {shell(told.words())} (read=gradline.{told} in Python)",
            told.to_dict(),
        )


def _stripped(records: Sequence[_Record]) -> list[list[str]]:
    return [[field.strip() for field in record.fields] for record in records]


def _header_below(records: Sequence[_Record]) -> int | None:
    """The place of the names where other lines stand above them.

    They are the first record of the table's width, or stand below a title that empty cells fill up to this width.
    """
    widths = [len(record.fields) for record in records]
    width = Counter(widths).most_common(1)[0][0] if widths else 0
    at = len(widths) - next((i for i, other in enumerate(reversed(widths)) if other != width), len(widths))
    if width < 2 or at >= len(records) - 1 or max(widths[:at], default=0) >= width:
        return None
    if below := header_at(_stripped(records[at:])):
        return at + below
    return at if at and _are_names(records[at]) else None


def _are_names(record: _Record) -> bool:
    """Whether the fields could be names of columns: different words."""
    names = [name.strip() for name in record.fields]
    return not any(map(NUMBER.fullmatch, names)) and len(set(names)) == len(names)


def _leads_to(file: File, told: Text, names: Sequence[str], expected: str) -> bool:
    """Whether the file, read as told, has these names."""
    try:
        found = layout(file._replace(read=replace(file.read, **told.to_dict())), expected).names
    except DataError:
        return False
    return [name for name in found if name != ROW_NAMES] == [
        name.strip() or f"(column {i})" for i, name in enumerate(names, 1)
    ]


def _expect_no_alignment(file: File, header: str, rows: Sequence[str]) -> None:
    """Refuse a file of columns that blanks align, and name the option that reads it."""
    shown = [row.split() for row in rows[:_LOOK] if row.strip()]
    count = len(header.split())
    if count < 2 or "  " not in header.strip() or any(len(row) != count for row in shown):
        return
    raise NotationError(
        "csv-aligned-by-blanks",
        f"the columns of {file.name} are aligned by blanks: its first line is {header.strip()!r}",
        "add --delimiter whitespace (read=gradline.Text(delimiter='whitespace') in Python)",
        {"delimiter": WHITESPACE},
    )
