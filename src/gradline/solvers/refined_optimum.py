"""Rows kept while their moments are made: those of small tables, whose optimum is then known to rounding, and more."""

from collections.abc import Callable

from gradline.core.linalg.refinement import CELLS, Refined, refined
from gradline.data.design import DesignSpec
from gradline.data.row_block import ColumnBlock, RowBlock
from gradline.data.row_cache import RowBuffer
from gradline.data.row_stream import RowStream
from gradline.moments.rank import Rank
from gradline.moments.state import Moments


class RowCollector:
    """Watches the rows go by, and keeps those of a small table, which come in one block, and the first `most`."""

    def __init__(
        self, watch: Callable[[RowBlock | ColumnBlock], None] = lambda _: None, most: int = 0
    ) -> None:
        self.watch, self._seen = watch, 0
        self._store = RowBuffer(most)
        self._block: RowBlock | None = None

    def __call__(self, block: RowBlock | ColumnBlock) -> None:
        """See a block."""
        self.watch(block)
        self._seen += 1
        self._block = block.whole if self._seen == 1 and block.cells <= CELLS else None
        self._store.add(block)

    def first(self, rows: int) -> RowBlock | None:
        """The first rows, as many as the table has; None if they are too many. What passes by again comes after."""
        return self._store.first(rows)

    def kept(self, before: DesignSpec, after: DesignSpec) -> RowBlock | None:
        """What was kept, read by the design `before`, with the columns that `after` leaves of it."""
        if self._block is None or before is after:
            return self._block
        place = {name: j for j, name in enumerate(before.features)}
        return self._block._replace(X=self._block.X[:, [place[name] for name in after.features]])


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
