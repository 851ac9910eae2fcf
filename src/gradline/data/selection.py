"""What to fit from: the data, and which of its columns and rows take part."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from gradline.core.errors import UsageError


class Choice(TypedDict, total=False):
    """What may be chosen beside data and targets, wherever a function of gradline takes data.

    - `features`, `exclude`: which columns of a table take part; by default all but the targets. For an array X,
      `features` names its columns.
    - `weights`: a column name or an array (n,) of non-negative row weights; a weight of 2 is the row twice.
    - `missing`: "error" (default) refuses rows with missing cells and counts them, "drop" leaves them out.
    """

    features: Sequence[str] | None
    exclude: Sequence[str]
    weights: Any
    missing: str


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


def unweighted(selection: Selection) -> Selection:
    """The selection, for what knows no row weights. Raises `UsageError` where it has some."""
    if selection.weights is not None:
        raise UsageError(
            "weights-not-taken", "weights were given, and every row counts alike here", "leave them out"
        )
    return selection
