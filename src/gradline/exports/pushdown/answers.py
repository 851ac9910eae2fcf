"""What the answers of the two SELECTs say: moments, and the residuals that prove an answer from them."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gradline.core.errors import DataError, FileError, MissingValuesError, RequestError
from gradline.core.linalg.double_double import Doubled
from gradline.core.text import listed
from gradline.data.design import DesignSpec
from gradline.exports.pushdown.queries import THIRD, PushedTable
from gradline.moments.cross_products import CrossProducts
from gradline.moments.gram import RowSums
from gradline.moments.queried import Queried, Residuals
from gradline.moments.rank import Rank, nearest_slopes
from gradline.moments.state import Moments

Answer = Sequence[Mapping[str, Any]]  # rows by the names of their columns, in small letters


@dataclass(frozen=True)
class _Rows:
    """How many rows were added up, and what was left out on the way."""

    rows: int
    dropped: int
    missing: Mapping[str, int]
    w: np.ndarray | None = None


def read_answer(path: str | Path) -> Answer:
    """The rows of an answer that a database's client has saved as CSV with names, or as JSON (an array or lines)."""
    path = Path(path)
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError("answer-unreadable", f"{path} cannot be read: {error}", "check the file") from error
    try:
        if text.lstrip().startswith("["):
            rows = json.loads(text)
        elif text.lstrip().startswith("{"):
            rows = [json.loads(line) for line in text.splitlines() if line.strip()]
        else:
            rows = list(csv.DictReader(text.splitlines()))
        return [{name.lower(): value for name, value in row.items()} for row in rows]
    except (ValueError, AttributeError) as error:
        raise FileError(
            "answer-unreadable", f"{path} holds no rows by names: {error}", "save the answer as CSV or JSON"
        ) from error


def moments_of(table: PushedTable, answer: Answer, missing: str = "error") -> Moments:
    """The moments that the first answer tells of.

    `error` bounds what sums of so many rows may be off, whatever their order: as many roundings as there are rows.
    Raises `DataError` for cells that are missing or infinite, and where the sums do not tell columns apart.
    """
    if len(answer) != 1:
        raise _no_answer(f"{len(answer)} rows, and the sums are one")
    design, (row,) = table.design, answer
    names, k = design.features + design.targets, table.k
    _expect_whole(row)
    total, complete = int(_number(row, "total")), int(_number(row, "complete"))
    absent = _absent(design, row, total)
    if missing != "drop" and total > complete:
        cells = listed(f"{name} {count:,}" for name, count in absent.items())
        raise MissingValuesError(
            "missing-cells",
            f"the table has cells that are missing or levels that are not named: {cells} ({total - complete:,} of "
            f"{total:,} rows)",
            "leave these rows out with --missing drop (missing='drop' in Python), or name the levels",
        )
    if not complete:
        raise DataError(
            "no-complete-row", f"no row is left to fit: all {total:,} have missing cells", "use others"
        )
    shift, low, high, sums = (_vector(row, what, k) for what in ("shift", "low", "high", "sum"))
    P = np.zeros((k, k))
    for i in range(k):
        for j in range(i, k):
            P[i, j] = P[j, i] = _number(row, f"product{i + 1}_{j + 1}")
    whole = [bool(np.isfinite(column).all()) for column in np.vstack([shift, low, high, sums, P]).T]
    if not all(whole):
        odd = [name for name, is_whole in zip(names, whole, strict=True) if not is_whole]
        raise DataError(
            "value-infinite",
            f"{listed(odd)} hold an infinity, or numbers whose squares float64 cannot hold",
            "mend or leave out these rows in a view",
        )
    found = RowSums(shift, low, high, Doubled.of(sums), Doubled.of(P), complete + 2, 0)
    products = CrossProducts.around_mean(found, _Rows(complete, total - complete, absent), names)
    factor = None if products is None else products.factor(len(design.features))
    if products is None or factor is None:
        raise DataError(
            "sums-collinear",
            "some column has one value, or follows from others to what the database's sums can tell",
            "leave such columns out: gradline doctor on some of the rows names them",
        )
    engine = Queried(table.warehouse.sql.title)
    statistics = replace(products.statistics, fingerprint=None)
    return Moments(design, statistics, factor.factor, factor.error, queried=engine)


def asked_at(moments: Moments) -> np.ndarray:
    """The coefficients (p + 1, m) around the means at which residuals are asked for: the answer of the moments."""
    if Rank.of(moments, True).deficiency:
        raise DataError(
            "sums-collinear",
            "some columns follow from others to what the database's sums can tell",
            "leave one of them out: gradline doctor on some of the rows names them",
        )
    slopes = nearest_slopes(moments, True)
    return np.vstack([np.zeros(moments.m), slopes.T])


def proved_by(moments: Moments, answer: Answer) -> Moments:
    """The moments with the residuals that the second answer tells of. Raises `DataError` where rows have changed."""
    p, m = moments.p, moments.m
    if not answer:
        raise _no_answer("no row")
    _expect_whole(answer[0])
    counts = [int(_number(row, "complete")) for row in answer]
    if sum(counts) != moments.rows:
        raise DataError(
            "table-has-changed",
            f"the residuals are those of {sum(counts):,} rows, and the moments of {moments.rows:,}",
            "run both queries on the same rows, in one transaction or on a snapshot",
        )
    every = range(1, m + 1)
    theta = np.array([[_number(answer[0], f"theta{j}_{t}") for t in every] for j in range(p + 1)])
    names = [[f"level{t}" for t in every], *([f"slope{j}_{t}" for t in every] for j in range(1, p + 1))]
    sums = np.array([[math.fsum(_number(row, name) for row in answer) for name in line] for line in names])
    squares = np.array([math.fsum(_number(row, f"square{t}") for row in answer) for t in every])
    if not (np.isfinite(sums).all() and np.isfinite(squares).all() and np.isfinite(theta).all()):
        raise _no_answer("what is no finite number")
    assert moments.queried is not None
    residuals = Residuals(theta, sums, squares, max(counts))
    queried = Queried(moments.queried.engine, residuals)
    return replace(moments, factor=moments.factor, queried=queried)


def _absent(design: DesignSpec, row: Mapping[str, Any], total: int) -> dict[str, int]:
    """How many cells of each column of the table are missing; a category's columns are missing together."""
    found: dict[str, int] = {}
    place = 0
    labels = [(label, len(term.names)) for term in design.terms for label in term.columns]
    for label, width in [*labels, *((target, 1) for target in design.targets)]:
        if width:
            count = total - int(_number(row, f"count{place + 1}"))
            found |= {label: count} if count else {}
        place += width
    return found


def _vector(row: Mapping[str, Any], what: str, k: int) -> np.ndarray:
    return np.array([_number(row, f"{what}{j}") for j in range(1, k + 1)])


def _number(row: Mapping[str, Any], name: str) -> float:
    if name not in row:
        raise _no_answer(f"no column {name}")
    try:
        return math.nan if row[name] in (None, "") else float(row[name])
    except (TypeError, ValueError) as error:
        raise _no_answer(f"{row[name]!r:.40} as {name}") from error


def _expect_whole(row: Mapping[str, Any]) -> None:
    """Raise `DataError` where numbers have lost digits on the way."""
    if _number(row, "third") != THIRD:
        raise DataError(
            "answer-cut",
            f"the answer's numbers have lost digits: a third came back as {row['third']}",
            "save it with all digits, as JSON, or with the client's setting for them",
        )


def _no_answer(what: str) -> RequestError:
    return RequestError(
        "answer-of-another-query",
        f"the answer holds {what}",
        "give the answer of the query that was printed for the same columns",
    )
