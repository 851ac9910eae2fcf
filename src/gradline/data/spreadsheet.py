"""Workbooks of Excel (.xlsx, .xlsb, .xls) and OpenDocument (.ods): one sheet is one table, its first row the header."""

import fnmatch
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from gradline.core.derived import cached_property
from gradline.core.errors import DataError, FileError, NotationError, Notice, RequestError
from gradline.core.text import counted, listed, nearest, shell
from gradline.data.cells import Spelling
from gradline.data.columnar import LazySource
from gradline.data.columns import agreed, column, first_cells
from gradline.data.extras import expect_extra
from gradline.data.notation import FOUND, OF_CELLS, Text
from gradline.data.schema import Column, Kind, expect_distinct
from gradline.data.source import Inner
from gradline.data.table import Table
from gradline.data.title import filled, header_at

_PATTERN = "*?"  # which no name of a sheet may hold in Excel
_LOOK = 100  # rows at the top that show where the names stand


@dataclass(frozen=True)
class Workbook(Inner):
    """The rows of one sheet: of the one asked for, or of the only one that is shown and has any.

    Of `read` it takes how many rows of the sheet stand above the table, and whether the first below them has names.
    """

    path: Path
    name: str
    read: Text = FOUND
    asked: str | None = None

    def told(self, read: Text) -> "Workbook":
        """See `Source`."""
        return replace(self, read=read)

    @property
    def may_tell(self) -> frozenset[str]:
        """See `Source`."""
        return OF_CELLS | {"skip", "skip_last", "header"}

    def within(self, table: Table) -> "Workbook":
        """The sheet that is asked for. Raises `RequestError` for a table or a query, which no workbook has."""
        if set(table.place) - {"sheet"}:
            raise RequestError("place-unknown", f"{self.name} is a workbook, no database", "use --sheet NAME")
        return replace(self, asked=table.place.get("sheet"))

    def places(self, table: Table) -> "tuple[Workbook, ...]":
        """The sheets of a pattern such as *, those that are shown and have rows, or the one that is asked for.

        Raises `RequestError` where no sheet is called so.
        """
        asked = table.place.get("sheet", "")
        if not set(asked) & set(_PATTERN):
            return (self.within(table),)
        known = [name for name in self._reader.sheet_names if self._has_rows(name)]
        if found := fnmatch.filter(known, asked):
            return tuple(replace(self, asked=name) for name in found)
        cause = f"no sheet of {self.name} with rows is called as {asked} says"
        raise RequestError("sheet-unknown", cause, nearest(asked, known, "the sheets are"))

    @property
    def notices(self) -> tuple[Notice, ...]:
        """Which sheet was read, where there are several and none was asked for."""
        last = self.read.left_out(self.name)
        if self.asked is not None or len(self._reader.sheet_names) == 1:
            return last
        said = f"{self.name}: read the sheet {self._chosen}, the only one with rows"
        return (Notice("sheet-chosen", said), *last)

    @cached_property
    def _reader(self) -> Any:
        expect_extra("excel", f"{self.name}, a workbook,", "fastexcel")
        import fastexcel  # noqa: PLC0415 - only for workbooks

        # It warns of a column without a value in a way that Python prints where nobody listens; that is said below.
        logging.getLogger("fastexcel").addHandler(logging.NullHandler())
        try:
            return fastexcel.read_excel(self.path)
        except fastexcel.FastExcelError as error:
            raise self._damaged(error) from error

    @cached_property
    def _chosen(self) -> str:
        known = list(self._reader.sheet_names)
        if self.asked is not None:
            if self.asked in known:
                return self.asked
            if self.asked.isdecimal() and 1 <= int(self.asked) <= len(known):
                return known[int(self.asked) - 1]
            raise RequestError(
                "sheet-unknown",
                f"{self.name} has no sheet {self.asked}",
                nearest(self.asked, known, "the sheets are"),
            )
        filled = [name for name in known if self._has_rows(name)]
        if len(filled) > 1:
            raise RequestError(
                "sheet-ambiguous",
                f"{self.name} has {len(filled)} sheets with rows: {listed(filled)}",
                f"name one, such as --sheet {filled[0]!r} (gradline.Table(…, sheet={filled[0]!r}) in Python), or read "
                "all as one table: --sheet '*'",
            )
        return filled[0] if filled else known[0]

    def _has_rows(self, sheet: str) -> bool:
        loaded = self._load(sheet, header_row=None, n_rows=2, dtypes="string")
        return loaded.visible == "visible" and loaded.total_height > 1

    @cached_property
    def found(self) -> LazySource:  # type: ignore[override]
        """The sheet, in memory: it holds a million rows at most."""
        name = f"sheet {self._chosen} of {self.name}"
        names, fields, body = self._header
        expect_distinct(names, f"the {name}")
        if self.read.skip_last:
            height = self._frame(self._chosen, dtypes="string", **body).height
            body["n_rows"] = max(0, height - self.read.skip_last)
        frame = self._cells(self._chosen, body)
        frame.columns = names
        if not frame.height:
            raise DataError(
                "no-rows",
                f"the {name} holds a header but no rows",
                "give a sheet with at least one row",
            )
        height = frame.height

        def above() -> int:
            """The lines of the sheet over the first row: a title, names, and what is skipped."""
            return self._height(1) - self.read.skip_last - height

        spelling, texts = Spelling.told(self.read), {s.name: s for s in frame if s.dtype == pl.String}

        def numbers(name: str) -> pl.Series:
            return self._numbers_in(texts[name], names.index(name), body)

        def sample(name: str) -> pl.Series:
            return first_cells(texts[name].filter(~numbers(name)), spelling)

        if not spelling.numerals.is_plain:
            frame = frame.with_columns(
                self._in_notation(s, numbers(name), spelling, above) for name, s in texts.items()
            )
        found = {name: column(first_cells(frame[name], spelling), spelling) for name in texts}
        mixed = agreed(found, sample, spelling)
        nameless = {
            name: Column(Kind.OTHER, "has no name in the header") for name in names if name not in fields
        }
        return LazySource(frame.lazy(), name, declared=mixed | nameless, spelling=spelling, above=above)

    @property
    def _header(self) -> tuple[list[str], list[str], dict[str, Any]]:
        """The names of the columns, the cells that they are from, and where the rows begin, as `load_sheet` is told."""
        skip = self.read.skip
        above = {"header_row": None, "skip_rows": skip or None}
        top = self._frame(self._chosen, **above, n_rows=_LOOK, dtypes="string")
        rows = [[(cell or "").strip() for cell in row] for row in top.rows()]
        first = next((i for i, row in enumerate(rows) if any(row)), None)
        if first is None:
            raise self._empty()
        if self.read.header is False:
            names = [f"column_{i}" for i in range(1, top.width + 1)]
            return names, names, {**above, "skip_rows": skip + first or None}
        if self.read.header is None:
            self._expect_names(rows[first:])
        fields = rows[first]
        names = [field or f"(column {i})" for i, field in enumerate(fields, 1)]
        return names, fields, {"header_row": skip + first}

    def _expect_names(self, rows: list[list[str]]) -> None:
        """Refuse a sheet with a title above its header, and name the option that skips it."""
        if not (at := header_at(rows)):
            return
        # The rows are counted as the sheet counts them, also those that are empty at its top.
        first = self._height(1) - self._height(0) if not self.read.skip else self.read.skip
        told = Text(skip=first + at)
        if replace(self, read=told)._header[1] != rows[at]:
            return
        raise NotationError(
            "sheet-rows-above-header",
            f"row {first + 1:,} of the sheet {self._chosen} of {self.name} has {counted(filled(rows[0]), 'cell')}, and "
            f"row {first + at + 1:,} has {filled(rows[at])}: the table seems to begin there",
            f"add {shell(told.words())} (read=gradline.{told} in Python)",
            told.to_dict(),
        )

    def _height(self, skip: int) -> int:
        """How many rows the sheet has, those that are skipped among them."""
        return self._load(self._chosen, header_row=None, skip_rows=skip or None, dtypes="string").total_height

    def _cells(self, sheet: str, body: dict[str, Any]) -> pl.DataFrame:
        """The columns in the types of their cells; what a type would empty, such as NA among numbers, as text."""
        typed = self._frame(sheet, schema_sample_rows=None, **body)
        if not any(s.null_count() for s in typed if s.dtype != pl.String):
            return typed
        text = self._frame(sheet, dtypes="string", **body)
        return pl.DataFrame(
            [
                s if s.null_count() == other.null_count() else other
                for s, other in zip(typed, text, strict=True)
            ]
        )

    def _numbers_in(self, cells: pl.Series, at: int, body: dict[str, Any]) -> pl.Series:
        """Which cells of a column that came as text are numbers in the sheet, as far as can be told by their digits."""
        import fastexcel  # noqa: PLC0415 - as above

        whole = {**body, "skip_whitespace_tail_rows": True}
        place = self._load(self._chosen, **body).available_columns()[at].absolute_index
        try:
            strict = self._reader.load_sheet(
                self._chosen, dtype_coercion="strict", use_columns=[place], **whole
            )
            is_text = pl.DataFrame(strict).to_series().dtype == pl.String
        except fastexcel.FastExcelError:  # of a column that holds both
            is_text = False
        if is_text:
            return pl.repeat(False, len(cells), eager=True)
        plain = cells.cast(pl.Float64, strict=False)
        return (plain.cast(pl.String).str.strip_suffix(".0") == cells).fill_null(False)

    def _in_notation(
        self, cells: pl.Series, is_number: pl.Series, spelling: Spelling, above: Callable[[], int]
    ) -> pl.Series:
        """Cells of text and, in a column that holds both, numbers as text of the same notation.

        Raises `DataError` for a cell that is 1.234 as a number and 1234 as text.
        """
        plain = cells.cast(pl.Float64, strict=False)
        other = spelling.numerals.plain(cells).cast(pl.Float64, strict=False)
        differs = (is_number & (other != plain)).fill_null(False)
        if differs.any():
            row = differs.arg_max() or 0
            cell = f"{cells[row]!r} (row {above() + row + 1:,} of sheet {self._chosen} of {self.name})"
            raise DataError(
                "number-notation-ambiguous",
                f"{cells.name} holds numbers beside text, and {cell} may be either: {plain[row]} or {other[row]:.15g}",
                "make numbers of all its cells in the spreadsheet",
            )
        return cells.zip_with(~is_number, cells.str.replace(".", spelling.numerals.decimal, literal=True))

    def _frame(self, sheet: str, **how: Any) -> pl.DataFrame:
        return pl.DataFrame(self._load(sheet, **how))

    def _load(self, sheet: str, **how: Any) -> Any:
        import fastexcel  # noqa: PLC0415 - as above

        try:
            return self._reader.load_sheet(sheet, skip_whitespace_tail_rows=True, **how)
        except fastexcel.InvalidParametersError as error:
            raise self._empty() from error
        except fastexcel.FastExcelError as error:
            raise self._damaged(error) from error

    def _empty(self) -> DataError:
        skip = self.read.skip
        below = f" below row {skip:,}" if skip else ""
        remedy = "give a smaller --skip" if skip else "name another with --sheet"
        return DataError("file-empty", f"the sheet {self._chosen} of {self.name} is empty{below}", remedy)

    def _damaged(self, error: Exception) -> FileError:
        return FileError(
            "file-damaged",
            f"{self.name} is damaged or no workbook: {str(error).splitlines()[0]}",
            "open it in a spreadsheet and save it again",
        )
