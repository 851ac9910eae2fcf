"""Tables as a user names them: the source behind each, and its rows by a design that is learned or known."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from gradline.core.errors import DataError, Notice, RequestError
from gradline.core.text import nearest, shell
from gradline.data.arrow_stream import frames_of, is_stream, kept
from gradline.data.chosen_rows import chosen
from gradline.data.columnar import FAULTS, FrameSource, LazySource
from gradline.data.design import DesignSpec
from gradline.data.doubts import Doubt
from gradline.data.files import FilesSource, open_files
from gradline.data.infer_design import infer_design
from gradline.data.notation import FOUND, Text
from gradline.data.row_stream import Holdout
from gradline.data.same_words import others
from gradline.data.schema import Kind
from gradline.data.selection import UNSAID, Selection
from gradline.data.source import Source
from gradline.data.table import Table
from gradline.data.table_rows import TableRows

WEIGHTS = "(weights)"  # what an array of weights beside a frame is called


def open_table(data: object, read: Text | None = None) -> Source:
    """The source behind a path, a list of paths, a `Table` in a file or a database, a frame of any library, a mapping
    of columns, a list of rows as mappings, or a source itself; `read` is how text files are written, and which rows
    are read.

    Raises `FileError` when a path leads nowhere and `DataError` when the object is no table.
    """
    if callable(getattr(data, "batches", None)):
        return data  # type: ignore[return-value]
    return chosen(_opened(data, read or FOUND), read)


def _opened(data: object, told: Text) -> Source:
    if isinstance(data, Table):
        parts = [part.told(told) for part in open_files(os.fspath(data.data), told).places(data)]
        return parts[0] if len(parts) == 1 else FilesSource(tuple(parts), os.fspath(data.data))
    if isinstance(data, (str, os.PathLike)):
        return open_files(os.fspath(data), told).told(told)
    if (
        isinstance(data, (list, tuple))
        and data
        and all(isinstance(part, (str, os.PathLike)) for part in data)
    ):
        parts = tuple(open_files(os.fspath(part), told) for part in data)
        return FilesSource(parts, f"the {len(data)} files").told(told)
    if isinstance(data, pl.LazyFrame):
        return LazySource(data, "the query").told(told)
    if is_stream(data):
        return _kept_stream(data).told(told)
    source = FrameSource.of(data)
    if source is None:
        raise DataError(
            "no-table",
            f"{type(data).__name__} is no table with named columns",
            "give a path, a pandas, polars or pyarrow frame, a mapping of columns, or arrays X and Y",
        )
    return source.told(told)


def chosen_rows(
    selection: Selection,
    beside: Mapping[str, np.ndarray] | None = None,
    holdout: Holdout | None = None,
) -> tuple[TableRows, list[Notice]]:
    """The rows of a table by a design that is learned from it, and what the user should know of that.

    `beside` the frame X stand its targets by name; weights are a column's name or an array (n,) of numbers. Terms of
    a formula learn nothing from the rows of `holdout`, whose levels that no training row has are NaN.
    """
    names, weights = selection.targets, selection.weights
    if beside is None:
        source = _told(open_table(selection.data, selection.read), selection)
        names = [names] if isinstance(names, str) else list(names or [])
    else:
        source, names = _frame(selection.data, "X").told(selection.read or FOUND), list(beside)
        if twice := [name for name in names if name in source.names()]:
            raise DataError(
                "column-name-twice", f"{twice[0]} is a column of X and also a target", "rename one of the two"
            )
        source = source.beside(beside)
    if weights is not None and not isinstance(weights, str):
        frame = (
            source
            if isinstance(source, FrameSource)
            else _frame(selection.data, "a table with an array of weights").told(selection.read or FOUND)
        )
        source, weights = frame.beside({WEIGHTS: weights}), WEIGHTS
    if isinstance(source, FrameSource):  # to which columns were put
        source = chosen(source, selection.read)
    _expect_words(source, selection)
    named = replace(selection, targets=names, weights=weights)
    if writes_formula(named, source):
        from gradline.data.formulas import infer_formula  # noqa: PLC0415 - most fits have no formula

        design, notices = infer_formula(source, named, holdout)
    else:
        design, notices = infer_design(source, named)
    rows = TableRows(source, design, selection.missing, "nan" if holdout else "error")
    return rows, [*source.notices, *notices, *_unmarked(source, named)]


def _expect_words(source: Source, selection: Selection) -> None:
    """Refuse words of columns that the table has not, or that hold no words."""
    for name in others(selection.read.same or ()) if selection.read else ():
        column = source.schema().get(name)
        if column is None:
            remedy = f"{nearest(name, source.names())}; --same '' reads all words as they stand"
            raise RequestError(
                "column-unknown", f"same speaks of {name}, and there is no such column", remedy
            )
        if column.kind != Kind.TEXT and name not in selection.category:
            cause = f"same speaks of words of {name}, which {column.note or f'holds {column.what}s'}"
            raise RequestError(
                "same-of-no-words", cause, f"leave it out, or add {shell(['--category', name])}"
            )


def _unmarked(source: Source, selection: Selection) -> Iterator[Notice]:
    """What is said of amounts of which some have no currency or unit, and the others have one."""
    schema = source.schema() if selection.numeric else {}
    for name in selection.numeric:
        doubt = schema[name].doubt
        way = doubt.ways[0] if isinstance(doubt, Doubt) else None
        if way is not None and way.unmarked is not None:
            text = f"some cells of {name}, such as {way.unmarked!r}, have no {way.mark}: they count as the others do"
            yield Notice("amounts-unmarked", text, about=name)


def writes_formula(selection: Selection, source: Source) -> bool:
    """Whether a formula chooses, or a target or a feature is no column and written as a term of one: `log(area)`."""
    if selection.formula is not None:
        return True
    named = (*selection.targets, *(selection.features or ()), *selection.also)
    odd = [name for name in named if _MARKS.search(name)]
    return bool(odd) and not set(odd) <= set(source.names())


_MARKS = re.compile(r"[(:*^/]|^\.$")


def _told(source: Source, selection: Selection) -> Source:
    """The source, refused where somebody says how its lines are written, and it has none."""
    told = selection.read or FOUND
    beside = told.only(told.to_dict().keys() - source.may_tell)
    if beside != FOUND:
        raise RequestError(
            "notation-of-types",
            f"{source.name} holds typed cells, and {shell(beside.words())} tells how lines are written",
            "leave it out",
        )
    return source


def rows_by(
    design: DesignSpec,
    data: Any,
    missing: str,
    unseen: str,
    read: Text | None,
    beside: Mapping[str, np.ndarray],
    weights: np.ndarray | None,
) -> TableRows:
    """The rows of a table read by a design that is known, beside a frame with columns and weights that are arrays."""
    if weights is not None:
        name = design.weights or WEIGHTS
        design = replace(design, weights=name, weights_are=design.weights_are or UNSAID)
        beside = {**beside, name: weights}
    source = (
        chosen(_frame(data, "a table with arrays beside it").told(read or FOUND).beside(beside), read)
        if beside
        else open_table(data, read)
    )
    return TableRows(source, design, missing, unseen).read_by(design)


def _kept_stream(data: object) -> Source:
    """The rows of an Arrow stream, which passes once."""
    try:
        frames = frames_of(data)
    except (*FAULTS, ValueError) as error:
        raise DataError(
            "no-table", f"{type(data).__name__} is no table: {error}", "give a frame of named columns"
        ) from error
    return kept(frames, "the stream", _broken_off)


def _broken_off(error: BaseException) -> DataError:
    return DataError("stream-broken-off", f"the stream ends with an error: {error}", "give it again, whole")


def _frame(data: Any, what: str) -> FrameSource:
    source = (
        data if isinstance(data, FrameSource) else None if isinstance(data, str) else FrameSource.of(data)
    )
    if source is None:
        raise DataError(
            "not-an-array",
            f"{type(data).__name__} cannot be {what}",
            "give an array (n, p) or a frame with named columns",
        )
    return source
