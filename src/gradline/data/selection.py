"""What to fit from: the data, and which of its columns and rows take part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, cast

from gradline.core.errors import UsageError
from gradline.data.notation import Text

# What weights mean, which no coefficient depends on: how often a row stands there; how precise it is, an inverse
# variance; how many of a population it stands for.
WEIGHTS_ARE = ("counts", "precision", "sampling")
UNSAID = "unsaid"


class Choice(TypedDict, total=False):
    """What may be chosen beside data and targets, wherever a function of gradline takes data.

    - `features`, `exclude`: which columns of a table take part; by default all but the targets. For an array X,
      `features` names its columns.
    - `weights`: a column name or an array (n,) of non-negative row weights.
    - `weights_are`: what the weights mean, "counts" (a weight of 2 is the row twice), "precision" (inverse variances)
      or "sampling" (rows of a population that a row stands for). Coefficients do not depend on it; standard errors,
      tests and intervals do, and are not told until it is said.
    - `missing`: "error" (default) refuses rows with missing cells and counts them, "drop" leaves them out.
    - `read`: how text files are written, such as `Text(decimal=",")`, and which rows are read, such as
      `Text(where="year >= 2000")`; None (default) finds the first in the file and reads all rows.
    - `category`: columns to take as categories, whatever their cells are.
    - `numeric`: columns to take as numbers, a currency, a percent sign or a unit beside them left away.
    - `also`: columns to use beside the others that would be left out, such as one of more than 50 levels.
    - `base`: of categories the level that has no coefficient, `{"town": "Bonn"}`, or as texts "town=Bonn".
    - `formula`: targets and terms as R writes them, such as "price ~ area * town + log(rooms)"; then no `features`.
    """

    features: Sequence[str] | None
    exclude: Sequence[str]
    weights: Any
    missing: str
    weights_are: str | None
    read: Text | None
    category: Sequence[str]
    numeric: Sequence[str]
    base: Mapping[str, str] | Sequence[str]
    also: Sequence[str]
    formula: str | None


@dataclass(frozen=True, eq=False)
class Selection:
    """Data and targets, and what is chosen of them.

    - `data`, `targets`: a table (path, glob, folder, frame of any library, mapping of columns) and the names of its
      target columns; or an array, tensor, frame or sparse matrix X (n, p) and Y (n,) or (n, m), row for row; or alone
      a torch `Dataset` or `DataLoader` of pairs (x, y).
    - the rest as in `Choice`.
    """

    data: Any
    targets: Any = None
    features: Sequence[str] | None = None
    exclude: Sequence[str] = ()
    weights: Any = None
    missing: str = "error"
    weights_are: str | None = None
    read: Text | None = None
    category: Sequence[str] = ()
    numeric: Sequence[str] = ()
    base: Mapping[str, str] | Sequence[str] = ()
    also: Sequence[str] = ()
    formula: str | None = None

    def __post_init__(self) -> None:
        if self.formula is not None and not isinstance(cast(object, self.formula), str):
            raise UsageError(
                "formula-not-text", f"formula is {self.formula!r}", "write it as 'price ~ area * town'"
            )
        if self.weights_are not in (None, *WEIGHTS_ARE):
            raise UsageError(
                "weights-are-invalid", f"weights_are is {self.weights_are!r}", f"use {', '.join(WEIGHTS_ARE)}"
            )

    @property
    def bases(self) -> list[str]:
        """The bases as options: NAME=LEVEL."""
        pairs = self.base.items() if isinstance(self.base, Mapping) else None
        return list(self.base) if pairs is None else [f"{name}={level}" for name, level in pairs]

    @property
    def meaning(self) -> str | None:
        """What the design records: the word given, UNSAID, or None without weights, where a word is a `UsageError`."""
        if self.weights is None and self.weights_are is not None:
            raise UsageError(
                "weights-are-without-weights",
                f"weights_are is {self.weights_are}, and no weights are given",
                "add --weights COLUMN (weights=… in Python), or leave it out",
            )
        return None if self.weights is None else self.weights_are or UNSAID


def unweighted(selection: Selection) -> Selection:
    """The selection, for what knows no row weights. Raises `UsageError` where it has some."""
    if selection.weights is not None:
        raise UsageError(
            "weights-not-taken", "weights were given, and every row counts alike here", "leave them out"
        )
    return selection
