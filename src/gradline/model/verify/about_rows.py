"""What a model says of its rows: how many, which, their means, ranges and cross-products."""

import csv
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gradline.core.linalg.double_double import Doubled
from gradline.core.text import counted, number
from gradline.data.notation import Text
from gradline.model.model import LinearModel
from gradline.model.verify.check import Check, all_near, near, same
from gradline.model.verify.row_sums import Evidence
from gradline.model.verify.tolerance import MARGIN, UNIT, likely_error

_WEIGHT = 1e-12  # a relative difference between sums of weights, which are added in some order
_CONSTANT = 1e3 * UNIT  # of the cells: what varies less may count as constant
_CENTRED = 2.0**-98  # of a square: what is left of its pair where the square of a mean was taken off
_PAIRS = 2.0**-90  # beside sizes: what is left of sums as pairs, some thousand operations later
_SMALL = 1 << 22  # bytes of a text file whose lines are counted again: a moment


def about_rows(model: LinearModel, found: Evidence, data: Any, read: Text) -> Iterator[Check]:
    """Counts, weights and the fingerprint."""
    statistics = model.moments.statistics
    yield same("rows", f"{statistics.rows:,}", f"{found.rows:,}", "the number of rows")
    if (lines := _counted(data, read)) is not None and not (
        model.config.get("holdout") or model.design.weights
    ):
        whole = f"{found.rows + found.dropped:,}"
        yield same("rows of the file", whole, f"{lines:,}", "the number of rows that Python's csv counts")
    missing = _cells(statistics.dropped, statistics.missing), _cells(found.dropped, found.missing)
    if dict(statistics.missing) != dict(found.missing):  # which texts may hide: a name may hold commas
        missing = f"{missing[0]}, others", missing[1]
    yield same("rows left out", *missing, "what was left out for missing cells")
    weights = statistics.weight_sum
    yield near("sum of weights", weights, found.weight_sum, _WEIGHT * abs(found.weight_sum))
    if statistics.mark is not None:
        yield same("fingerprint", statistics.mark, f"{found.fingerprint:016x}", "the fingerprint of the rows")
    yield _columns(model)


def about_moments(model: LinearModel, found: Evidence) -> Iterator[Check]:
    """Means, ranges and R: RᵀR against the centred cross-products, relative to the norms of the columns."""
    moments, frame, k = model.moments, found.frame, len(found.frame.units)
    share, C = found.means, found.centred
    norms, root = np.sqrt(np.maximum(np.diag(C), 0.0)), math.sqrt(found.mass)
    largest = np.ldexp(np.maximum(np.abs(found.low), np.abs(found.high)), -frame.units) * root
    likely = likely_error(k)
    # Rounding is beside what varies, but where that is itself rounding of the cells.
    cells = np.where(norms <= _CONSTANT * largest, 80 * UNIT * largest, 0.0)
    squares = np.diag(found.products.hi)[1:]  # which pairs know to a share, so the centred ones to less
    own = np.divide(_CENTRED * squares, norms, out=np.zeros_like(norms), where=norms > 0)
    sure = np.maximum(MARGIN * likely * norms + cells + own, 1e-150)
    R = np.ldexp(moments.factor, -frame.units)
    theirs = np.ldexp(R.T @ R, -frame.weight_unit)
    both = np.outer(sure, norms)
    apart = np.abs(theirs - C) / (both + both.T + np.outer(sure, sure))
    low = np.ldexp(moments.statistics.mean_low, -frame.units)
    apart_by = np.ldexp(moments.mean - frame.shift, -frame.units) - share.hi + (low - share.lo)
    means = np.abs(apart_by) * root / sure
    worst = float(max(apart.max(), means.max()))
    inside = bool(
        ((moments.statistics.minimum == found.low) & (moments.statistics.maximum == found.high)).all()
    )
    why = "."
    if not worst <= 1:
        why = f": they differ by {number(worst)} times what rounding explains."
    elif not inside:
        why = ": the range of a column is another."
    agrees = worst <= 1 and inside
    what = "Means, ranges and cross-products, on which intervals rest, are"
    shown = "differ" if not worst <= 1 else "agree" if inside else "other ranges"
    sentence = f"{what} {'' if agrees else 'not '}those of the rows{why}"
    yield Check("moments", f"to {number(MARGIN * likely)}", shown, agrees, sentence)
    yield from _exact_sums(model, found)


def _exact_sums(model: LinearModel, found: Evidence) -> Iterator[Check]:
    """Sums that a state of exact products keeps, taken to the frame of those of the rows, as pairs.

    A row (1, z) of the frame is (1, (x − s)·2⁻ᵉ), so with σ = s·2⁻ᵉ its products are those of (1, x·2⁻ᵉ), less σ times
    the row of sums, from both sides.
    """
    products = model.moments.products
    if products is None:
        return
    frame, what = found.frame, "the exact sums over the rows are"
    units = np.concatenate([[0], frame.units])
    sigma = np.ldexp(np.concatenate([[0.0], frame.shift]), -units)
    claimed = products.pairs.ldexp(-units[:, None] - units - frame.weight_unit)
    sizes = np.abs(claimed.hi) + np.outer(np.abs(sigma), np.abs(claimed.hi[0]))
    sizes += np.outer(sizes[:, 0], np.abs(sigma))
    for _ in range(2):  # the second time from the other side
        row = Doubled(*(np.broadcast_to(part[0], claimed.hi.shape).copy() for part in claimed))
        moved = claimed.minus(row.times(np.broadcast_to(sigma[:, None], claimed.hi.shape).copy()))
        claimed = Doubled(moved.hi.T.copy(), moved.lo.T.copy())
    apart = claimed.minus(found.products).hi
    yield all_near("exact sums", apart + found.products.hi, found.products.hi, _PAIRS * sizes, what)


def _counted(data: Any, read: Text) -> int | None:
    """The rows of a small CSV file by Python's own reader, what is no row apart; None for other data.

    None also where rows are chosen by their cells or by their distance from the end.
    """
    if not isinstance(data, (str, os.PathLike)) or read.where or read.skip_last:
        return None
    path = Path(data)
    if path.suffix.lower() not in (".csv", ".tsv") or not path.is_file() or path.stat().st_size > _SMALL:
        return None
    try:
        with path.open(newline="", encoding=read.encoding or "utf-8-sig") as lines:
            rows = csv.reader(_records(lines, read), delimiter=_delimiter(path, read), strict=True)
            widths = [len(row) for row in rows]
            names = 0 if read.header is False else 1
            return len(widths) - names - widths.count(0) if widths[:1] > [1] else None
    except (UnicodeError, csv.Error, TypeError):  # of another encoding, or laid out in a way that was found
        return None


def _delimiter(path: Path, read: Text) -> str:
    if read.delimiter is not None:
        return read.delimiter
    return "\t" if path.suffix.lower() == ".tsv" else ","


def _records(lines: Iterable[str], read: Text) -> Iterator[str]:
    """The lines of the table: without those above it and comments."""
    for place, line in enumerate(lines):
        if place >= read.skip and not (read.comment and line.lstrip().startswith(read.comment)):
            yield line


def _cells(dropped: int, missing: Mapping[str, int]) -> str:
    cells = ", ".join(f"{name} {count:,}" for name, count in sorted(missing.items()))
    return f"{dropped:,}" + (f" ({cells})" if cells else "")


def _columns(model: LinearModel) -> Check:
    """Whether the coefficients and the moments are of the same columns, in the same order."""
    ours, theirs = ((*d.features, *d.targets) for d in (model.design, model.moments.design))
    odd = [pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]]
    agrees = not odd and len(ours) == len(theirs) and model.design == model.moments.design
    said = counted(len(ours), "column")
    found = said if agrees else f"{odd[0][1]} for {odd[0][0]}" if odd else counted(len(theirs), "column")
    sentence = (
        f"The coefficients and the sums over the rows are {'' if agrees else 'not '}of the same columns."
    )
    return Check("columns", said, found, agrees, sentence)
