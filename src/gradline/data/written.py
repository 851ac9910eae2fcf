"""Rows of results, batch by batch, as CSV, Parquet, Arrow or Excel, whole or not at all."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

import numpy as np
import polars as pl

from gradline.core.cleanup import scratch_folder
from gradline.core.errors import DataError
from gradline.data.cells import PLAIN
from gradline.data.extras import expect_extra
from gradline.data.schema import LARGEST_INTEGER

_SHEET = 1 << 20  # the rows of a sheet, its header among them
_FORMULA = r"^[=+\-@\t\r]"  # how a cell begins that a spreadsheet takes for a formula


class Stream(Protocol):
    """What takes bytes."""

    def write(self, content: bytes, /) -> int:
        """Take the whole of it."""
        ...


class Results(NamedTuple):
    """Columns of text that were kept from the data, columns of numbers, and the cells of both, batch by batch."""

    kept: Sequence[str]
    numbers: Sequence[str]
    batches: Iterable[tuple[pl.DataFrame | None, np.ndarray]]

    def frames(self) -> Iterator[pl.DataFrame]:
        """The rows of each batch."""
        for kept, cells in self.batches:
            found = pl.DataFrame(cells, schema=list(self.numbers))
            yield found if kept is None else pl.DataFrame([*kept.cast(pl.String), *found])

    @property
    def empty(self) -> pl.DataFrame:
        """The columns without a row."""
        return pl.DataFrame(
            schema=dict.fromkeys(self.kept, pl.String()) | dict.fromkeys(self.numbers, pl.Float64())
        )


def write_csv(stream: Stream, results: Results, escape: bool = False) -> None:
    """Write the rows under one header, which stands there without any row, too; a missing number is NaN.

    With `escape` an apostrophe goes before text that a spreadsheet would run as a formula, and before no number.
    """
    names = [*results.kept, *results.numbers]
    header = list(_escaped(pl.Series(names, dtype=pl.String)) if escape else names)
    for number, batch in enumerate(
        chain(results.frames(), [results.empty])
    ):  # no header before a first batch
        if escape:
            batch = batch.with_columns(_escaped(batch[name]) for name in results.kept)
        batch.columns = header
        stream.write(batch.write_csv(include_header=number == 0).encode())


def write_parquet(stream: IO[bytes], results: Results) -> None:
    """Write a Parquet file; a missing number is null."""
    with scratch_folder() as folder:
        _typed(results, folder).sink_parquet(stream)


def write_arrow(stream: IO[bytes], results: Results) -> None:
    """Write an Arrow IPC file (Feather version 2)."""
    with scratch_folder() as folder:
        _typed(results, folder).sink_ipc(stream)


def write_excel(stream: IO[bytes], results: Results) -> None:
    """Write a workbook of one sheet; a missing number is an empty cell, and no text is a formula."""
    expect_extra("excel", "a workbook", "xlsxwriter")
    import xlsxwriter  # noqa: PLC0415 - only for workbooks

    with scratch_folder() as folder:
        rows = _typed(results, folder)
        count = rows.select(pl.len()).collect().item()
        if count >= _SHEET:
            raise DataError(
                "sheet-full",
                f"a sheet of Excel holds {_SHEET - 1:,} rows below its header, and there are {count:,}",
                "choose a name with .csv or .parquet",
            )
        with xlsxwriter.Workbook(stream, {"constant_memory": True, "tmpdir": str(folder)}) as book:
            sheet = book.add_worksheet("predictions")
            for column, name in enumerate(results.empty.columns):
                sheet.write_string(0, column, name)
            for row, cells in enumerate(_rows(rows), 1):
                for column, cell in enumerate(cells):
                    if isinstance(cell, str):
                        sheet.write_string(row, column, cell)
                    elif cell is not None:
                        sheet.write_number(row, column, cell)


def _rows(rows: pl.LazyFrame) -> Iterator[tuple[Any, ...]]:
    for first in range(0, _SHEET, step := 1 << 14):
        part = rows.slice(first, step).collect()
        yield from part.iter_rows()
        if part.height < step:
            return


def _typed(results: Results, folder: Path) -> pl.LazyFrame:
    """The rows, laid down in a folder; kept text that is nothing but numbers, as they are written, is numbers again."""
    whole, real = set(results.kept), set(results.kept)
    parts = [folder / "0.arrow"]
    results.empty.write_ipc(parts[0])
    for number, batch in enumerate(results.frames(), 1):
        parts.append(folder / f"{number}.arrow")
        batch.with_columns(pl.col(pl.Float64).fill_nan(None)).write_ipc(parts[-1])
        for name in results.kept:
            cells = batch[name].alias(PLAIN).drop_nulls()
            is_whole = _returns(cells, pl.Int64())
            whole -= set() if is_whole.all() else {name}
            small = (
                cells.cast(pl.Int64, strict=False)
                .is_between(-LARGEST_INTEGER, LARGEST_INTEGER)
                .fill_null(False)
            )
            real -= set() if (_returns(cells, pl.Float64()) | (is_whole & small)).all() else {name}
    kinds = {name: pl.Int64() if name in whole else pl.Float64() for name in whole | real}
    return pl.scan_ipc(parts).cast(kinds)  # type: ignore[arg-type]


def _returns(cells: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Which cells are numbers of this type that would be written as they stand: not 007, nor 1e400."""
    return (cells.cast(dtype, strict=False).cast(pl.String) == cells).fill_null(False)


def _escaped(cells: pl.Series) -> pl.Series:
    plain = cells.alias(PLAIN)
    runs = plain.str.contains(_FORMULA) & plain.cast(pl.Float64, strict=False).is_null()
    return pl.select(pl.when(runs).then("'" + plain).otherwise(plain)).to_series().alias(cells.name)


# By the ending of a file's name; any other is CSV.
WRITERS: dict[str, Callable[[IO[bytes], Results], None]] = {
    ".parquet": write_parquet,
    ".arrow": write_arrow,
    ".feather": write_arrow,
    ".xlsx": write_excel,
}
