"""The moments of each part of some rows by one pass, and those of all other parts by merges alone."""

from collections.abc import Iterator
from functools import reduce

from gradline.core.blas_threads import one_blas_thread
from gradline.core.errors import RequestError
from gradline.core.parallel import ordered_map
from gradline.data.design import DesignSpec
from gradline.data.folds import STRIPE, Deal, Others, PartRows, split
from gradline.data.row_block import LazyBlock
from gradline.data.row_stream import RowStream
from gradline.moments.cross_products import CrossProducts
from gradline.moments.state import Moments, is_one_block

_BLOCK = (
    8 * STRIPE
)  # rows that are dealt out together: of ten parts each has some 800, enough for a fast product
_DIGITS = 12  # as `Moments.from_rows` asks for: with fewer a part is read again by itself


def moments_by_part(rows: RowStream, deal: Deal, count: int, design: DesignSpec) -> list[Moments]:
    """The moments of each part of `count` rows; a part's `design` has no column of labels.

    Parts of few rows go through QR; of many, all by one pass of cross-products. A part of which that leaves too few
    digits is read again by itself. Raises `RequestError` where a part has no row.
    """
    width = len(design.features) + len(design.targets)
    if is_one_block(count // deal.count, width):
        found = [Moments.from_rows(PartRows(rows, deal, part, design)) for part in range(deal.count)]
    else:
        found = list(_by_one_pass(rows, deal, design))
    empty = sum(part.rows == 0 for part in found)
    if empty:
        raise RequestError(
            "fold-without-rows",
            f"{empty} of {deal.count} folds have no row",
            "ask for fewer folds, or give more groups",
        )
    return found


def _by_one_pass(rows: RowStream, deal: Deal, design: DesignSpec) -> Iterator[Moments]:
    p = len(design.features)

    def made(numbered: tuple[int, LazyBlock]) -> list[CrossProducts | None]:
        number, parcel = numbered
        parts = split(deal, number * _BLOCK, parcel.block(), p)
        return [CrossProducts.of(part, design) if part.rows else None for part in parts]

    def joined(one: CrossProducts | None, other: CrossProducts | None) -> CrossProducts | None:
        return one.taking(other) if one and other else one or other

    def both(
        ones: list[CrossProducts | None], others: list[CrossProducts | None]
    ) -> list[CrossProducts | None]:
        return list(map(joined, ones, others))

    with one_blas_thread():
        sums = reduce(both, ordered_map(enumerate(rows.lazy_blocks(_BLOCK)), made))
    for part, whole in enumerate(sums):
        factor = None if whole is None else whole.factor(p)
        if whole is None:
            yield Moments.empty(design)
        elif factor is None or factor.targets > 10**-_DIGITS:
            yield Moments.from_rows(PartRows(rows, deal, part, design))
        else:
            yield Moments(design, whole.statistics, factor.factor, factor.error)


def folds_of(rows: RowStream, deal: Deal, count: int, design: DesignSpec) -> list[tuple[Moments, Moments]]:
    """For each part the moments of all others, to train on, and its own, to test on.

    Those of the others come by merging. Where rows are no more than columns, what is merged is as large as the rows:
    these are read again instead.
    """
    parts = moments_by_part(rows, deal, count, design)
    if count > len(design.features):
        return list(zip(all_but_each(parts), parts, strict=True))
    others = (PartRows(rows, Others(deal, part), 0, design) for part in range(deal.count))
    return [(Moments.from_rows(rest), own) for rest, own in zip(others, parts, strict=True)]


def all_but_each(parts: list[Moments]) -> list[Moments]:
    """The moments of all parts but one, for each: of those before it and those after it, without any subtraction."""
    before, after = [parts[0]], [parts[-1]]
    for part in parts[1:-1]:
        before.append(before[-1] + part)
    for part in reversed(parts[1:-1]):
        after.append(part + after[-1])
    after.reverse()
    middle = [one + other for one, other in zip(before[:-1], after[1:], strict=True)]
    return [after[0], *middle, before[-1]]


def each_before(parts: list[Moments]) -> list[Moments]:
    """The moments of all parts before each but the first."""
    found = [parts[0]]
    for part in parts[1:-1]:
        found.append(found[-1] + part)
    return found
