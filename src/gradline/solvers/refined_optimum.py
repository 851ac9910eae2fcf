"""The optimum to rounding, of a small table whose rows are kept as they pass, or of extended moments."""

from gradline.core.linalg.refinement import CELLS, Refined, refined
from gradline.data.row_block import RowBlock
from gradline.data.row_cache import RowCollector
from gradline.data.row_stream import RowStream
from gradline.moments.rank import Rank
from gradline.moments.state import Moments


def seen(rows: RowStream) -> tuple[Moments, RowBlock | None]:
    """The moments of the rows, and the rows themselves where they are few."""
    keeper = RowCollector()
    moments = Moments.from_rows(rows, watch=keeper)
    return moments, keeper.kept(rows.design, rows.design)


def is_refinable(moments: Moments, bias: bool) -> bool:
    """Whether rows with these moments are few enough, and determine every coefficient."""
    rank = Rank.of(moments, bias)
    few = moments.rows * (moments.p + moments.m) <= CELLS
    return few and not rank.deficiency and moments.rows >= rank.rank + bias


def refined_optimum(moments: Moments, small: RowBlock | None, bias: bool) -> Refined | None:
    """The optimum to rounding, where the columns are independent: of a small table, or of extended moments."""
    if moments.products is not None and not Rank.of(moments, bias).deficiency:
        return moments.products.optimum(moments.m, bias)
    if small is None or not is_refinable(moments, bias):
        return None
    raw = moments.raw_factor(bias)
    found = refined(small.X, small.Y, small.w, raw.A, raw.B)
    return found if found.is_proven else None
