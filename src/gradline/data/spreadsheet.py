"""Workbooks of Excel (.xlsx, .xlsb, .xls) and OpenDocument (.ods): one sheet is one table, its first row the header."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from gradline.core.errors import DataError, FileError, Notice, RequestError
from gradline.core.text import listed, nearest
from gradline.data.cells import Spelling
from gradline.data.columnar import LazySource
from gradline.data.columns import column, first_cells
from gradline.data.extras import expect_extra
from gradline.data.notation import FOUND, Text
from gradline.data.schema import Column, Kind, expect_distinct
from gradline.data.source import Inner
from gradline.data.table import Table


@dataclass(frozen=True)
class Workbook(Inner):
    """The rows of one sheet: of the one asked for, or of the only one that is shown and has any."""

    path: Path
    name: str
    asked: str | None = None
    read: Text = FOUND

    def told(self, read: Text) -> "Workbook":
        """See `Source`."""
        return replace(self, read=read)

    def within(self, table: Table) -> "Workbook":
        """The sheet that is asked for. Raises `RequestError` for a table or a query, which no workbook has."""
        if set(table.place) - {"sheet"}:
            raise RequestError("place-unknown", f"{self.name} is a workbook, no database", "use --sheet NAME")
        return replace(self, asked=table.place.get("sheet"))

    @property
    def notices(self) -> tuple[Notice, ...]:
        """Which sheet was read, where there are several and none was asked for."""
        if self.asked is not None or len(self._reader.sheet_names) == 1:
            return ()
        return (
            Notice("sheet-chosen", f"{self.name}: read the sheet {self._chosen}, the only one with rows"),
        )

    @cached_property
    def _reader(self) -> Any:
        expect_extra("excel", f"{self.name}, a workbook,", "fastexcel")
        import fastexcel  # noqa: PLC0415 - only for workbooks

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
                f"name one, such as --sheet {filled[0]!r} (gradline.Table(…, sheet={filled[0]!r}) in Python)",
            )
        return filled[0] if filled else known[0]

    def _has_rows(self, sheet: str) -> bool:
        loaded = self._load(sheet, header_row=None, n_rows=2)
        return loaded.visible == "visible" and loaded.total_height > 1

    @cached_property
    def found(self) -> LazySource:  # type: ignore[override]
        """The sheet, in memory: it holds a million rows at most."""
        chosen = self._chosen
        header = self._frame(chosen, header_row=None, n_rows=1, dtypes="string")
        if not header.height or header.null_count().sum_horizontal().item() == header.width:
            raise DataError(
                "file-empty", f"the sheet {chosen} of {self.name} is empty", "name another with --sheet"
            )
        fields = [(cell or "").strip() for cell in header.row(0)]
        names = [field or f"(column {i})" for i, field in enumerate(fields, 1)]
        expect_distinct(names, f"the sheet {chosen} of {self.name}")
        frame = self._cells(chosen)
        frame.columns = names
        if not frame.height:
            raise DataError(
                "no-rows",
                f"the sheet {chosen} of {self.name} holds a header but no rows",
                "give a sheet with at least one row",
            )
        spelling = Spelling.told(self.read)
        if not spelling.numerals.is_plain:
            frame = frame.with_columns(
                self._in_notation(s, spelling, at) for at, s in enumerate(frame) if s.dtype == pl.String
            )
        mixed = {s.name: column(first_cells(s, spelling), spelling) for s in frame if s.dtype == pl.String}
        nameless = {
            name: Column(Kind.OTHER, "has no name in the header") for name in names if name not in fields
        }
        name = f"sheet {chosen} of {self.name}"
        return LazySource(frame.lazy(), name, declared=mixed | nameless, spelling=spelling)

    def _cells(self, sheet: str) -> pl.DataFrame:
        """The columns in the types of their cells; what a type would empty, such as NA among numbers, as text."""
        typed = self._frame(sheet, schema_sample_rows=None)
        if not any(s.null_count() for s in typed if s.dtype != pl.String):
            return typed
        text = self._frame(sheet, dtypes="string")
        return pl.DataFrame(
            [
                s if s.null_count() == other.null_count() else other
                for s, other in zip(typed, text, strict=True)
            ]
        )

    def _in_notation(self, cells: pl.Series, spelling: Spelling, at: int) -> pl.Series:
        """Cells of text and, in a column that holds both, numbers as text of the same notation.

        Raises `DataError` for a cell that is 1.234 as a number and 1234 as text.
        """
        import fastexcel  # noqa: PLC0415 - as above

        try:
            self._reader.load_sheet(self._chosen, use_columns=[at], dtype_coercion="strict")
            return cells
        except fastexcel.FastExcelError:
            pass
        plain = cells.cast(pl.Float64, strict=False)
        is_number = (plain.cast(pl.String).str.strip_suffix(".0") == cells).fill_null(False)
        other = spelling.numerals.plain(cells).cast(pl.Float64, strict=False)
        differs = (is_number & (other != plain)).fill_null(False)
        if differs.any():
            row = differs.arg_max() or 0
            cell = f"{cells[row]!r} (row {row + 1:,} of sheet {self._chosen} of {self.name})"
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
        except fastexcel.FastExcelError as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> FileError:
        return FileError(
            "file-damaged",
            f"{self.name} is damaged or no workbook: {str(error).splitlines()[0]}",
            "open it in a spreadsheet and save it again",
        )
