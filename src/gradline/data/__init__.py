"""Anything tabular as a restartable stream of named column batches."""

import os

from gradline.core.errors import DataError
from gradline.data.columnar import FrameSource, LazySource
from gradline.data.files import FilesSource, open_files
from gradline.data.source import Batch, Column, Kind, Source

__all__ = ["Batch", "Column", "Kind", "Source", "open_table"]


def open_table(data: object) -> Source:
    """The source behind a path, a list of paths, a frame of any library, a mapping of columns, a list of rows
    as mappings, or a source itself.

    Raises `FileError` when a path leads nowhere and `DataError` when the object is no table.
    """
    if isinstance(data, (str, os.PathLike)):
        return open_files(os.fspath(data))
    if (
        isinstance(data, (list, tuple))
        and data
        and all(isinstance(part, (str, os.PathLike)) for part in data)
    ):
        return FilesSource(tuple(open_files(os.fspath(part)) for part in data), f"the {len(data)} files")
    if callable(getattr(data, "batches", None)):
        return data  # type: ignore[return-value]
    import polars as pl  # noqa: PLC0415 - polars is loaded by the source anyway

    if isinstance(data, pl.LazyFrame):
        return LazySource(data, "the query")
    source = FrameSource.of(data)
    if source is None:
        raise DataError(
            "no-table",
            f"{type(data).__name__} is no table with named columns",
            "give a path, a pandas, polars or pyarrow frame, a mapping of columns, or arrays X and Y",
        )
    return source
