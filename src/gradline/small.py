"""Small tables: their rows are kept while their moments are made, and their optimum is known to rounding."""

from collections.abc import Callable

from gradline.design import Recipe
from gradline.moments import Moments
from gradline.rank import Rank
from gradline.refinement import CELLS, Refined, refined
from gradline.rows import Block, Rows


class Keeper:
    """Watches the rows go by, and keeps those of a small table, which come in one block."""

    def __init__(self, watch: Callable[[Block], None] = lambda _: None) -> None:
        self.watch, self._seen = watch, 0
        self._block: Block | None = None

    def __call__(self, block: Block) -> None:
        """See a block."""
        self.watch(block)
        self._seen += 1
        small = self._seen == 1 and block.X.size + block.Y.size <= CELLS
        self._block = block if small else None

    def kept(self, before: Recipe, after: Recipe) -> Block | None:
        """What was kept, read by the recipe `before`, with the columns that `after` leaves of it."""
        if self._block is None or before is after:
            return self._block
        place = {name: j for j, name in enumerate(before.features)}
        return self._block._replace(X=self._block.X[:, [place[name] for name in after.features]])


def seen(rows: Rows) -> tuple[Moments, Block | None]:
    """The moments of the rows, and the rows themselves where they are few."""
    keeper = Keeper()
    moments = Moments.from_rows(rows, watch=keeper)
    return moments, keeper.kept(rows.recipe, rows.recipe)


def is_refinable(moments: Moments, bias: bool) -> bool:
    """Whether rows with these moments are few enough, and determine every coefficient."""
    rank = Rank.of(moments, bias)
    few = moments.rows * (moments.p + moments.m) <= CELLS
    return few and not rank.deficiency and moments.rows >= rank.rank + bias


def known_optimum(moments: Moments, small: Block | None, bias: bool) -> Refined | None:
    """The optimum to rounding, where the columns are independent: of a small table, or of extended moments."""
    if moments.products is not None and not Rank.of(moments, bias).deficiency:
        return moments.products.optimum(moments.m, bias)
    if small is None or not is_refinable(moments, bias):
        return None
    raw = moments.raw_factor(bias)
    found = refined(small.X, small.Y, small.w, raw.A, raw.B)
    return found if found.is_proven else None
