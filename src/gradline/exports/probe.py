"""Rows to try an export on, and how far what comes out may lie from the model's own predictions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradline.core.errors import DataError, DigitsError
from gradline.core.text import number
from gradline.exports.cells import Drawn, drawn, most_levels
from gradline.model.model import LinearModel

ROWS = 64
_INCOMPLETE = 16  # the last rows lack a cell, or have a level that training did not see
LARGEST = 1e-12  # of the sum of a prediction's terms: rounding in another order stays far below it


@dataclass(frozen=True)
class Trial:
    """An export that an engine ran over so many rows, and the largest difference, as `Probe.compare` has it."""

    engine: str
    rows: int
    difference: float

    def __str__(self) -> str:
        return (
            f"tried on {self.rows} probe rows in {self.engine}: largest difference {number(self.difference, 2)} "
            "of the sum of a prediction's terms"
        )


@dataclass(frozen=True, eq=False)
class Probe:
    """Rows with the columns that a model needs, None where a cell is missing, and what it says of them.

    - `inputs` X (n, p) and `expected` (n, m): NaN where there is no prediction.
    - `size` (n, m): |bias| + Σ |weight · x|, what a difference is measured by.
    """

    columns: dict[str, list[Any]]
    inputs: np.ndarray
    expected: np.ndarray
    size: np.ndarray

    @classmethod
    def of(cls, model: LinearModel, unseen: str = "null") -> "Probe":
        """Rows across the ranges of training with every level, missing cells, and levels that it did not see.

        `unseen` as the export has it: such a level gives no prediction ("null"), or that of the base ("base").
        """
        n = max(ROWS, most_levels(model) + _INCOMPLETE)
        columns = drawn(model, n)
        _forget_undefined(model, columns)
        given, known = ({name: list(column.cells) for name, column in columns.items()} for _ in range(2))
        names = list(columns)
        for row in range(n - _INCOMPLETE, n):
            name = names[row % len(names)]
            cell, taken, levels = None, None, columns[name].levels
            if levels is not None and row // len(names) % 2 == 0:
                cell = max(levels, key=len) + "?"  # longer than every level
                taken = levels[0] if unseen == "base" else None
            given[name][row], known[name][row] = cell, taken
        batches = list(model.predictions(known, missing="drop"))
        X = np.concatenate([batch.inputs for batch in batches])
        size = np.abs(X) @ np.abs(model.weight).T + np.abs(model.bias)
        return cls(given, X, np.concatenate([batch.values for batch in batches]), size)

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.expected)

    def compare(self, engine: str, values: Sequence[Sequence[float | None]] | np.ndarray) -> Trial:
        """The largest |value − expected| / size over rows and targets, for values (n, m), None or NaN for no value.

        Raises `DigitsError` where it is above 1e-12, or a value is there that should not be, or the reverse.
        """
        found = np.array(values, np.float64)
        if found.shape != self.expected.shape:
            raise DigitsError(
                "export-shape-differs",
                f"{engine} gives {found.shape} values for {self.expected.shape}",
                _REMEDY,
            )
        odd = np.argwhere(np.isnan(found) != np.isnan(self.expected))
        if len(odd):
            i, j = odd[0]
            raise DigitsError(
                "export-missing-differs",
                f"{engine} says {found[i, j]} where the model says {self.expected[i, j]}, in probe row {i + 1}",
                _REMEDY,
            )
        with np.errstate(invalid="ignore", divide="ignore"):
            far = np.nan_to_num(np.abs(found - self.expected) / self.size, posinf=np.inf)
        difference = float(far.max(initial=0.0))
        if difference > LARGEST:
            raise DigitsError(
                "export-differs",
                f"{engine} differs from the model by {number(difference, 2)} of the sum of a prediction's terms",
                _REMEDY,
            )
        return Trial(engine, self.rows, difference)


_REMEDY = "do not use this export there; nothing was written"


def _forget_undefined(model: LinearModel, columns: dict[str, Drawn]) -> None:
    """Empty the rows in which some term has no value, such as log(a - b): there is no prediction to compare with."""
    for row in range(len(next(iter(columns.values())).cells)) if _is_undefined(model, columns) else ():
        one = {name: Drawn(column.cells[row : row + 1], None) for name, column in columns.items()}
        if _is_undefined(model, one):
            for column in columns.values():
                column.cells[row] = None


def _is_undefined(model: LinearModel, columns: dict[str, Drawn]) -> bool:
    """Whether some row gives some term no value."""
    try:
        model.predict({name: column.cells for name, column in columns.items()})
    except DataError:
        return True
    return False
