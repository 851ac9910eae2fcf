"""How a table is read, as far as its reader is told; what is not told is found, where there is no doubt."""

import codecs
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from gradline.core.errors import Notice, UsageError
from gradline.data.same_words import others

SERIAL = "excel"  # dates as days since 1899-12-30
WHITESPACE = "whitespace"  # a delimiter of any number of blanks and tabs
_LISTS = ("na", "dates", "same", "where")  # what may be told several times
_DELIMITERS = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}
_THOUSANDS = {"space": " ", "apostrophe": "'"}


def _is_mark(mark: str | None, never: str) -> bool:
    return mark is None or (len(mark) == 1 and mark.isascii() and mark not in never and not mark.isalnum())


def _is_form(form: str) -> bool:
    """Whether it tells a year and a month at least, or the days of spreadsheets."""
    day = datetime(2021, 11, 23, 20, 45)
    try:
        return form == SERIAL or datetime.strptime(day.strftime(form), form).strftime("%Y-%m") == "2021-11"
    except ValueError:
        return False


@dataclass(frozen=True)
class Text:
    """How text files are written, and which rows of any table are read. None, the default, leaves a thing to be found.

    - `delimiter`: what stands between cells, one character, or "whitespace" for any number of blanks.
    - `decimal`: the mark before decimals, "." or ",".
    - `thousands`: the mark between groups of three digits: ",", ".", " " or "'". By default there is none.
    - `encoding`: of the characters, such as "latin-1" or "utf-16"; any that Python knows.
    - `skip`: how many lines at the top are no part of the table. Default: 0.
    - `skip_last`: how many lines at the end, such as totals, are no part of it. Default: 0.
    - `comment`: what lines begin with that are no part of the table, such as "#".
    - `na`: the cells that are missing beside empty ones, just as they are written. By default NA, N/A, #N/A, NaN, null
      and None, in any case; `na=[""]` leaves the empty cell alone.
    - `dates`: how dates are written that are not as 2024-05-31, such as "%d.%m.%Y", in the letters of Python's
      `strptime`; several forms, or "excel" for the days that spreadsheets count. By default there are no others. Months
      (%b, %B) may have English, German, French, Spanish, Italian, Portuguese or Dutch names.
    - `header`: whether the first line holds the names of the columns. Without it they are `column_1`, `column_2` …
    - `same`: words of a column that are one: "town: Bonn = bonn, BN" reads bonn and BN as Bonn; one text a word, with
      quotes where a name or a word holds a comma, a colon or an equals sign. By default each word is its own.
    - `where`: conditions that hold of every row that is read, as SQL writes them: `region != "Total"`, `year >= 2000`,
      `town IN ("Bonn", "Ulm")`, `name NOT LIKE "Sum%"`, `price IS NOT NULL`; one text with AND, or several. A missing
      cell is equal to nothing and less than nothing: `!=`, `NOT IN` and `NOT LIKE` keep it. By default all rows.

    Where cells have types, `decimal`, `thousands`, `na` and `dates` tell how text is written, and `na` also which
    numbers and dates stand for a missing cell; the others are for lines alone. Of a
    workbook `skip` and `skip_last` count rows of the sheet, and `header` says whether the first of the others has the
    names; `same` and `where` are for every table. Raises `UsageError` for what no file can be written in.

    >>> import gradline
    >>> gradline.Text(decimal=",", delimiter=";")
    Text(delimiter=';', decimal=',')
    """

    delimiter: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    encoding: str | None = None
    skip: int = 0
    skip_last: int = 0
    comment: str | None = None
    na: Sequence[str] | None = None
    dates: Sequence[str] | None = None
    header: bool | None = None
    same: Sequence[str] | None = None
    where: Sequence[str] | None = None

    def __post_init__(self) -> None:
        self._settle("delimiter", _DELIMITERS)
        self._settle("thousands", _THOUSANDS)
        if self.na is not None:
            words = [self.na] if isinstance(self.na, str) else self.na
            object.__setattr__(self, "na", tuple(str(word).strip() for word in words))
        if self.dates is not None:
            forms = [self.dates] if isinstance(self.dates, str) else self.dates
            object.__setattr__(self, "dates", tuple(map(str, forms)))
            remedy = "give a day and what else stands there, such as %d.%m.%Y or '%d %b %Y %H:%M', or excel"
            self._expect("dates", all(map(_is_form, self.dates)), remedy)
        for name in ("same", "where"):
            if (given := getattr(self, name)) is not None:
                object.__setattr__(self, name, tuple(map(str, [given] if isinstance(given, str) else given)))
        if self.same is not None:
            others(self.same)  # says what is wrong with it
        is_mark = self.delimiter == WHITESPACE or _is_mark(self.delimiter, '"\r\n')
        self._expect("delimiter", is_mark, "give one character, such as ';', or tab, space or whitespace")
        self._expect("decimal", self.decimal in (None, ".", ","), "give . or ,")
        known = self.thousands in (None, ".", ",", " ", "'", "_")
        self._expect("thousands", known, "give one of , . ' and space")
        if self.thousands is not None and self.thousands == self.decimal:
            raise UsageError(
                "notation-contradicts-itself",
                f"decimal and thousands are both {self.decimal!r}",
                "give two different marks",
            )
        for name in ("skip", "skip_last"):
            count = getattr(self, name)
            self._expect(name, type(count) is int and count >= 0, "give a whole number of lines from 0")
        wrong = self.comment is not None and (not self.comment.strip() or "\n" in self.comment)
        self._expect("comment", not wrong, "give what such lines begin with, such as '#'")
        if self.encoding is not None:
            try:
                text = codecs.lookup(self.encoding)._is_text_encoding
            except LookupError:
                text = False
            self._expect("encoding", text, "give one that Python knows, such as utf-8, latin-1 or utf-16")

    def _settle(self, name: str, words: Mapping[str, str]) -> None:
        """A mark that was given by its name, as what it is."""
        value = getattr(self, name)
        object.__setattr__(self, name, words.get(value, value))

    def _expect(self, name: str, holds: bool, remedy: str) -> None:
        if not holds:
            raise UsageError("notation-invalid", f"{name} is {getattr(self, name)!r}", remedy)

    def __repr__(self) -> str:
        return f"Text({', '.join(f'{name}={value!r}' for name, value in self.to_dict().items())})"

    def left_out(self, name: str) -> tuple[Notice, ...]:
        """What to say of a file whose last lines are left out, as these are easily no totals in another file."""
        if not self.skip_last:
            return ()
        what = "the last line" if self.skip_last == 1 else f"the last {self.skip_last:,} lines"
        said = f"{what} of {name} {'is' if self.skip_last == 1 else 'are'} left out: --skip-last {self.skip_last}"
        return (Notice("last-lines-left-out", said),)

    def to_dict(self) -> dict[str, Any]:
        """What was told, as plain JSON: flags of the command line and keys of a model's config."""
        given = {one.name: getattr(self, one.name) for one in fields(self)}
        told = {
            name: value
            for name, value in given.items()
            if value is not None and not (name.startswith("skip") and value == 0)
        }
        lists = {name: list(value) for name in _LISTS if (value := getattr(self, name)) is not None}
        return told | lists

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "Text":
        """How a file is written by some options, those of other things apart."""
        given = {one.name: options.get(one.name) for one in fields(cls)}
        return cls(**{name: value for name, value in given.items() if value is not None})

    def only(self, names: Collection[str]) -> "Text":
        """What was told of these."""
        return Text(**{name: value for name, value in self.to_dict().items() if name in names})

    @property
    def of_all_rows(self) -> "Text":
        """The same without conditions on rows."""
        return replace(self, where=None)

    def words(self) -> list[str]:
        """The flags that tell the same."""
        found: list[str] = []
        for name, value in self.to_dict().items():
            if name == "header":
                found.append("--header" if value else "--no-header")
            else:
                for one in value if name in _LISTS else [value]:
                    found += [f"--{name.replace('_', '-')}", "tab" if one == "\t" else str(one)]
        return found


FOUND = Text()  # all of it
# What may be told: of lines of text, and of cells of text wherever they stand.
OF_TEXT = frozenset(one.name for one in fields(Text))
OF_CELLS = frozenset({"na", "dates", "decimal", "thousands", "same", "where"})
