"""The rows of a model, read again by its own design."""

from dataclasses import replace
from typing import Any

from gradline.core.errors import DataError, GradlineError
from gradline.data import Source, open_table
from gradline.data.design import Category, DesignSpec
from gradline.data.inputs import as_rows, is_array
from gradline.data.row_stream import ArrayRows, RowStream, Split, TableRows
from gradline.model.model import LinearModel


def reread(model: LinearModel, data: Any, targets: Any, weights: Any) -> tuple[RowStream, RowStream | None]:
    """The rows by the model's design: those of training, and those held out from it, if any were."""
    if is_array(data) or targets is not None or not (weights is None or isinstance(weights, str)):
        rows = as_rows(data, targets, None, (), weights, "drop").rows
    else:
        rows = TableRows(open_table(data), model.design, "drop")
    if isinstance(rows, TableRows):
        model.design.match(rows.source, targets=True)
        rows = replace(rows, design=_learned(model, rows.source))
    rows = _by_position(model, rows)
    share, seed = model.config.get("holdout", 0.0), model.config.get("seed", 0)
    if not share:
        return rows, None
    return Split(rows, share, seed, held_out=False), Split(rows, share, seed, held_out=True)


def _learned(model: LinearModel, source: Source) -> DesignSpec:
    """The design that the table was read by, before the levels without a complete row were left out of the model.

    Its fingerprint counts their columns of zeros. Where none can be found that leads to the model's, the model's.
    """
    config, own = model.config, model.design
    try:
        features, exclude = config.get("features"), config.get("exclude", ())
        wide = as_rows(source, config.get("targets"), features, exclude, own.weights).rows.design
    except GradlineError:
        return own
    levels = {term.column: term.levels for term in own.terms if isinstance(term, Category)}

    def has_level(term: Category, level: str) -> bool:
        return level in levels.get(term.column, ())

    return wide if wide.drop_unused_levels(has_level) == own else own


def _by_position(model: LinearModel, rows: RowStream) -> RowStream:
    """Rows of arrays under the names that the model has; raises `DataError` where there are more or fewer columns."""
    if not isinstance(rows, ArrayRows):
        return rows
    have, want = (rows.X.shape[1], rows.Y.shape[1]), (len(model.features), len(model.targets))
    if have != want:
        raise DataError(
            "columns-do-not-match",
            f"the arrays have {have[0]} features and {have[1]} targets, the model {want[0]} and {want[1]}",
            "give the columns that it was trained on, in its order",
        )
    return replace(rows, design=model.design)
