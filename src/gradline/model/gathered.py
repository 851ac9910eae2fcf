"""What a fit works on: moments, the rows where they are wanted, and what is held out."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple, cast

from gradline.core import memory_limit
from gradline.core.errors import DataError, Notice, RequestError
from gradline.core.linalg.refined import CELLS
from gradline.core.text import listed
from gradline.data.design import Category, DesignSpec
from gradline.data.inputs import as_rows
from gradline.data.row_block import ColumnBlock, RowBlock
from gradline.data.row_cache import RowCollector, in_memory, kept_rows
from gradline.data.row_stream import Holdout, RowStream, SeenLevels, Split
from gradline.data.selection import UNSAID, Selection
from gradline.model.request import Request
from gradline.model.suspects import suspects
from gradline.moments.gram import Summed, summed, summed_on
from gradline.moments.state import Moments

_FOLDED = 1 << 24  # cells that wait to be dealt into folds: 128 MB; more are read once more


class Gathered(NamedTuple):
    """The training data: moments always, rows unless only moments were given, held-out ones if asked for.

    `small` are the rows of a table that is small enough to be refined.
    """

    moments: Moments
    rows: RowStream | None
    small: RowBlock | None
    held_out: Moments | None
    design: DesignSpec
    notices: list[Notice]
    held_rows: RowStream | None = None


def gather(
    selection: Selection, request: Request, watch: Callable[[RowBlock | ColumnBlock], None]
) -> Gathered:
    """One pass over the rows, and more where levels turn out to be unused or rows are held out."""
    if callable(settled := getattr(selection.data, "settled", None)):  # a ledger of states
        moments, notices = cast(tuple[Moments, list[Notice]], settled())
        gathered = gather(replace(selection, data=moments), request, watch)
        return gathered._replace(notices=[*notices, *gathered.notices])
    if isinstance(selection.data, Moments):
        return _of_moments(selection, request)
    by, device = summed, request.device
    if device is not None:
        by, lying = summed_on(device), None if request.holdout else device.rows_of(selection)
        if lying is not None:
            return _on_device(lying, by, watch)
    holdout = Holdout(request.holdout, request.seed) if request.holdout else None
    rows, notices = as_rows(selection, holdout, request.bias)
    if rows.assume_finite() is not None and rows.in_place is not None and not request.holdout:
        return _in_place(rows, rows.in_place, by, watch)
    # Rows in memory may pass by twice; others are kept on their way, as far as somebody wants them.
    most = 0 if rows.in_place is not None else _most_rows(rows.design, request)
    collector = RowCollector(watch, most)
    moments = Moments.from_rows(_trained_on(rows, holdout), watch=collector, summed=by)
    if holdout is None:
        _expect_rows(moments)
    design = _used(rows.design, moments) if moments.rows else rows.design
    told = _left_out(rows.design, design, bool(request.holdout))
    seen, held_out, held_rows = rows.seen_by(design), None, None
    if holdout is not None:
        held_rows = SeenLevels(Split(seen, *holdout, held_out=True))
        held_out = Moments.from_rows(held_rows, watch=watch)
        told += _not_evaluated(moments, held_out, holdout)
    training, used = _trained_on(seen, holdout), moments.select(design)
    told += suspects(seen, used)
    if rows.table is not None:
        from gradline.model.odd_rows import odd_rows  # noqa: PLC0415 - arrays need no reader of tables

        whole = None if request.holdout else collector.kept(rows.design, rows.design)
        told += odd_rows(rows, moments.rows, notices, whole)
    kept = collector.first(moments.rows) if design == rows.design else None
    small = collector.kept(rows.design, design)
    del collector  # whose rows make room for those that are read again
    most = _most_rows(design, request)
    return Gathered(
        used,
        in_memory(training, moments.rows, most) if kept is None else kept_rows(kept, training),
        small,
        held_out,
        design,
        notices + told,
        held_rows,
    )


def _trained_on(rows: RowStream, holdout: Holdout | None) -> RowStream:
    """The rows that are not held out."""
    return rows if holdout is None else Split(rows, *holdout, held_out=False)


def _on_device(rows: RowStream, by: Summed, watch: Callable[[RowBlock | ColumnBlock], None]) -> Gathered:
    """Tensors, which stay where they are; of a small table the rows come to be refined."""
    moments = _expect_rows(Moments.from_rows(rows, watch=watch, summed=by))
    small = moments.rows * (moments.p + moments.m) <= CELLS
    block = next(rows.blocks(moments.rows)) if small else None
    return Gathered(moments, rows, block, None, rows.design, suspects(rows, moments))


def _in_place(
    rows: RowStream, lying: RowBlock, by: Summed, watch: Callable[[RowBlock | ColumnBlock], None]
) -> Gathered:
    """Arrays of which no row can be left out: nothing need be kept that does not lie there already."""
    moments = _expect_rows(Moments.from_rows(rows, watch=watch, summed=by))
    small = lying if lying.X.size + lying.Y.size <= CELLS else None
    return Gathered(moments, rows, small, None, rows.design, suspects(rows, moments))


def _used(design: DesignSpec, moments: Moments) -> DesignSpec:
    """The design without the levels that no complete row has; refused where nothing is left of it."""
    used = design.drop_unused_levels(moments.has_level)
    if not used.terms:
        raise RequestError(
            "features-all-constant", "every feature has one value in all complete rows", "use other features"
        )
    return used


def _of_moments(selection: Selection, request: Request) -> Gathered:
    if request.holdout:
        raise RequestError(
            "rows-needed", "moments hold no rows to keep out", "fit from the data, or without holdout"
        )
    chosen = (selection.targets, selection.features, selection.weights, selection.formula)
    if selection.exclude or any(part is not None for part in chosen):
        raise RequestError(
            "moments-have-columns",
            "moments have their columns and weights already",
            "choose them when the moments are computed",
        )
    moments = _with_meaning(_expect_rows(selection.data), selection.weights_are)
    design = moments.design.drop_unused_levels(moments.has_level)
    return Gathered(moments.select(design), None, None, None, design, [])


def _with_meaning(moments: Moments, weights_are: str | None) -> Moments:
    """The moments with what their weights mean, where that is said only now."""
    known = moments.weights_are
    if weights_are in (None, known):
        return moments
    if known != UNSAID:
        what = "rows without weights" if known is None else f"weights that are {known}"
        raise RequestError(
            "weights-of-other-meaning",
            f"weights_are is {weights_are}, and the moments are those of {what}",
            "leave it out, or compute the moments again",
        )
    return moments.select(replace(moments.design, weights_are=weights_are))


def _most_rows(design: DesignSpec, request: Request) -> int:
    """How many rows the solver would have in memory, or the folds that choose an alpha, so that none is read twice.

    Folds of whole groups need the column of groups, which no model has.
    """
    columns = len(design.features) + len(design.targets)
    most = getattr(request.solver, "most_rows", None)
    if most is not None:
        return most(columns)
    if not request.chooses_alpha or request.penalty.groups is not None:
        return 0
    room = memory_limit.room(columns)
    return _FOLDED // columns if room is None else min(_FOLDED // columns, room // (8 * (columns + 2)))


def _not_evaluated(training: Moments, held_out: Moments, holdout: Holdout) -> list[Notice]:
    """How many rows held out have a level that no training row has. Refused where no row is left on a side."""
    count = held_out.statistics.dropped
    whole = held_out.rows + count
    if training.rows == 0 or whole == 0:
        raise RequestError(
            "holdout-leaves-none",
            f"a holdout of {holdout.share:g} leaves {training.rows:,} rows to train on and {whole:,} to hold out",
            "choose another share, or train on all rows",
        )
    if held_out.rows == 0:
        raise RequestError(
            "holdout-leaves-none",
            "every held-out row has a level that no training row has",
            "choose another share or seed, or train on all rows",
        )
    if not count:
        return []
    have = "has a level" if count == 1 else "have levels"
    text = f"{count:,} of {whole:,} held-out rows {have} that no training row has: not evaluated"
    return [Notice("held-out-level-unseen", text, is_warning=True)]


def _expect_rows(moments: Moments) -> Moments:
    if moments.rows == 0:
        if moments.statistics.dropped == 0:
            raise DataError(
                "weights-all-zero", "every row has weight zero", "give some row a positive weight"
            )
        raise DataError(
            "no-complete-row",
            f"no row is left to fit: all {moments.statistics.dropped:,} have missing cells",
            "use fewer columns, or fill the cells",
        )
    return moments


def _left_out(before: DesignSpec, after: DesignSpec, has_holdout: bool) -> list[Notice]:
    """The levels that no row has from which the model learns."""
    levels = {term.column: term.levels for term in after.terms if isinstance(term, Category)}
    notices = []
    for term in before.terms:
        if isinstance(term, Category) and levels.get(term.column) != term.levels:
            gone = [level for level in term.levels if level not in levels.get(term.column, ())]
            notices.append(
                Notice(
                    "level-without-rows",
                    f"no {'training' if has_holdout else 'complete'} row has {term.column} = {listed(gone)}: "
                    "no coefficient for it",
                )
            )
    return notices
