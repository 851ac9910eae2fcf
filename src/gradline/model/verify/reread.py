"""The rows of a model, read again by its own design."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from gradline.core.arguments import is_real, is_whole
from gradline.core.errors import GradlineError, ModelFileError
from gradline.data.design import Category, DesignSpec
from gradline.data.inputs import as_rows, rows_by
from gradline.data.notation import Text
from gradline.data.row_stream import Holdout, RowStream, SeenLevels, Split
from gradline.data.selection import Selection
from gradline.data.source import Source
from gradline.model.model import LinearModel

# The options that choose columns, and the rows that count.
_CHOICE = ("features", "exclude", "formula", "category", "numeric", "base", "also", "missing")


class Reread(NamedTuple):
    """The rows by the model's design: those of training, and those held out from it, if any were.

    `selects` says whether the model's options choose its columns of them, as far as a table has more than these.
    """

    rows: RowStream
    held_out: RowStream | None
    selects: bool


def reread(model: LinearModel, data: Any, targets: Any, weights: Any, read: Text) -> Reread:
    """The rows of a model."""
    selects = True
    holdout = _holdout(model)
    unseen = "nan" if holdout else "error"
    rows = rows_by(model.design, data, "drop", unseen, read, targets=targets, weights=weights)
    wide = model.design
    if rows.table is not None:
        learned = _learned(model, rows.table, holdout)
        selects = learned is not None
        wide = learned or wide
    if holdout is None:
        return Reread(rows.seen_by(wide), None, selects)
    training = Split(rows.seen_by(wide), *holdout, held_out=False)
    return Reread(SeenLevels(training), SeenLevels(Split(rows, *holdout, held_out=True)), selects)


def _holdout(model: LinearModel) -> Holdout | None:
    """The rows that were held out, as the model says. Raises `ModelFileError` where that cannot be."""
    share, seed = model.config.get("holdout", 0.0), model.config.get("seed", 0)
    if not share:
        return None
    if not (is_real(share) and 0 < share < 1 and is_whole(seed, 0)):
        raise ModelFileError(
            "model-file-damaged",
            f"the model says that a share of {share!r} was held out with seed {seed!r}",
            "fit the model again",
        )
    return Holdout(share, seed)


def _learned(model: LinearModel, source: Source, holdout: Holdout | None) -> DesignSpec | None:
    """The design that the table was read by, before the levels without a complete row were left out of the model.

    Its fingerprint counts their columns of zeros. None where the model's options do not lead to its own.
    """
    config, own = model.config, model.design
    try:
        chosen = {name: config[name] for name in _CHOICE if name in config}
        selection = Selection(source, config.get("targets"), weights=own.weights, **chosen)
        wide = as_rows(selection, holdout, model.has_bias).rows.design
        wide = replace(wide, weights_are=own.weights_are)
    except GradlineError:
        return None
    levels = {term.column: term.levels for term in own.terms if isinstance(term, Category)}

    def has_level(term: Category, level: str) -> bool:
        return level in levels.get(term.column, ())

    found = wide.drop_unused_levels(has_level)
    if found == own:
        return wide
    return own if _alike(found.to_dict(), own.to_dict()) else None


def _alike(one: Any, other: Any) -> bool:
    """Whether two designs as JSON are one but for the rounding of what terms learned, from rows in another order.

    That is a part in 10⁹ of the largest number beside it: sums over 10⁷ rows have no more, and whether the columns
    that these numbers make are the model's is told by the fingerprint and the moments.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[key], other[key]) for key in one)
    if not (isinstance(one, list) and isinstance(other, list)):
        return one == other
    if len(one) != len(other):
        return False
    if one and all(isinstance(part, float) for part in (*one, *other)):
        return bool(np.abs(np.subtract(one, other)).max() <= 1e-9 * np.abs(one).max())
    return all(_alike(*pair) for pair in zip(one, other, strict=True))
