"""A part: the sums over the rows of a unit, with the levels that they have, aligned where parts are merged."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from types import MappingProxyType
from typing import Any

import numpy as np

from gradline.core.blas_threads import one_blas_thread
from gradline.core.errors import DataError, Notice
from gradline.core.parallel import ordered_map
from gradline.core.tensor_file import damaged, expect_card, expect_shapes, packed, unpacked
from gradline.data.design import DesignSpec
from gradline.data.infer_design import MOST_LEVELS
from gradline.data.row_block import ColumnBlock
from gradline.data.row_stream import NotFinite
from gradline.data.source import Source
from gradline.data.table_rows import TablePiece, TableRows
from gradline.moments.cross_products import CrossProducts
from gradline.moments.product_sums import ProductSums
from gradline.moments.state import EXACT_CELLS, Moments, block_rows, pass_rows
from gradline.moments.statistics import RowStatistics, fingerprint
from gradline.moments.sums import Sums
from gradline.states.recipe import Met, Recipe

_VECTORS = ("mean", "mean_low", "minimum", "maximum")


@dataclass(frozen=True, eq=False)
class Part:
    """Sums over rows by `recipe.wide(levels)`; their fingerprint is that of rows by `recipe.narrow(levels)`."""

    recipe: Recipe
    levels: Met
    sums: Sums

    @classmethod
    def of(cls, source: Source, recipe: Recipe) -> "Part":
        """The part of a table: one pass over its rows, and no look at a column that the recipe does not use.

        Raises what reading raises; a table without rows has the part of none.
        """
        recipe.design.match(source, targets=True)
        rows = TableRows(source, recipe.design, recipe.missing)
        with one_blas_thread():
            assumed = rows.assume_finite()
            if assumed is not None:
                with contextlib.suppress(NotFinite):
                    return cls._passed(assumed, recipe)
            return cls._passed(rows, recipe)

    @classmethod
    def _passed(cls, rows: TableRows, recipe: Recipe) -> "Part":
        width = len(recipe.design.features) + len(recipe.design.targets)
        size = block_rows(recipe.design, EXACT_CELLS) if recipe.exact else pass_rows(width)
        try:
            blocks = ordered_map(rows.groups(size), lambda pieces: cls._of_block(rows, pieces, recipe))
            return reduce(Part.joined, blocks)
        except DataError as error:
            if error.code != "no-rows":
                raise
            return cls._nothing(recipe, 0, {})

    @classmethod
    def _of_block(cls, rows: TableRows, pieces: Sequence[TablePiece], recipe: Recipe) -> "Part":
        met = dict(_met(pieces, recipe))
        wide = recipe.wide(met)
        block = replace(rows, design=wide).encoded(pieces)
        if not block.rows:
            return cls._nothing(recipe, block.dropped, block.missing)
        sums = _kind(recipe).of(block, wide)
        if recipe.open:
            mark = fingerprint(_narrowed(block, wide, recipe.narrow(met)).whole)
            sums = replace(sums, statistics=replace(sums.statistics, fingerprint=mark))
        return cls(recipe, met, sums)

    @classmethod
    def _nothing(cls, recipe: Recipe, dropped: int, missing: Mapping[str, int]) -> "Part":
        met: Met = dict.fromkeys(recipe.open, ())
        wide = recipe.wide(met)
        empty = RowStatistics.empty(len(wide.features) + len(wide.targets))
        statistics = replace(empty, dropped=dropped, missing=dict(missing))
        return cls(recipe, met, _kind(recipe).nothing(statistics))

    @property
    def statistics(self) -> RowStatistics:
        """Counts, means and ranges."""
        return self.sums.statistics

    def joined(self, other: "Part") -> "Part":
        """The part of both; the levels of either are those of both, and neither is used again."""
        met = {
            name: _union(self.levels[name], other.levels[name], name in self.recipe.named)
            for name in self.levels
        }
        sums = self._aligned(met).sums.taking(other._aligned(met).sums)
        return Part(self.recipe, met, sums)

    def like(self, whole: "Part") -> "Part":
        """The part with the levels of a larger one."""
        return self._aligned(whole.levels)

    def _aligned(self, met: Met) -> "Part":
        """The same rows with columns for these levels, zeros where no row has one."""
        if met == self.levels:
            return self
        own, wide = self.recipe.wide(self.levels), self.recipe.wide(met)
        statistics = self.statistics
        if statistics.rows:
            statistics = replace(statistics, fingerprint=None)
        return Part(self.recipe, met, _columns_of(replace(self.sums, statistics=statistics), own, wide))

    def design(self) -> tuple[DesignSpec, list[Notice]]:
        """The design that the levels settle, and what the user should know of that.

        Raises `RequestError` where no feature is left.
        """
        return self.recipe.settled(self.levels, self.statistics.rows)

    def moments(self, design: DesignSpec, units: Mapping[str, str] = MappingProxyType({})) -> Moments:
        """The moments of the rows by that design, with the units that they are of.

        Raises `DigitsError` where sums of float64 have too few digits.
        """
        sums = self.sums
        if design.features != self.recipe.narrow(self.levels).features:
            sums = replace(sums, statistics=replace(sums.statistics, fingerprint=None))
        sums = _columns_of(sums, self.recipe.wide(self.levels), design)
        return Moments.of_sums(design, sums, units)

    def to_bytes(self) -> bytes:
        """The part as a file: tensors and a card."""
        statistics = self.statistics
        card: dict[str, Any] = {
            "kind": "part",
            "levels": {name: levels and list(levels) for name, levels in self.levels.items()},
            "rows": statistics.rows,
            "weight_sum": statistics.weight_sum,
            "fingerprint": statistics.mark,
            "dropped": statistics.dropped,
            "missing": dict(statistics.missing),
        }
        vectors = {name: getattr(statistics, name) for name in _VECTORS}
        return packed({**vectors, **self.sums.tensors()}, card)

    @classmethod
    def from_bytes(cls, path: str, content: bytes, recipe: Recipe) -> "Part":
        """The part of a file that `path` names in messages. Raises `ModelFileError` where it is damaged."""
        from gradline.states.card import PartCard  # noqa: PLC0415 - msgspec, only where a file is read

        tensors, card = unpacked(path, content, "part")
        expect_card(path, card, PartCard)
        met = {name: None if levels is None else tuple(levels) for name, levels in card["levels"].items()}
        if met.keys() != {*recipe.open}:
            raise damaged(path, "it has levels of other columns than the ledger")
        wide = recipe.wide(met)
        k = len(wide.features) + len(wide.targets)
        expect_shapes(path, tensors, dict.fromkeys(_VECTORS, (k,)))
        mark = card["fingerprint"]
        statistics = RowStatistics(
            rows=card["rows"],
            weight_sum=card["weight_sum"],
            fingerprint=None if mark is None else int(mark, 16),
            dropped=card["dropped"],
            missing=card["missing"],
            **{name: tensors[name] for name in _VECTORS},
        )
        return cls(recipe, met, _kind(recipe).from_tensors(path, tensors, statistics))


def _kind(recipe: Recipe) -> Any:
    return ProductSums if recipe.exact else CrossProducts


def _met(pieces: Sequence[TablePiece], recipe: Recipe) -> Iterator[tuple[str, tuple[str, ...] | None]]:
    """The levels of each open column: those that the first files had, and those of these rows."""
    for name, known in recipe.known.items():
        own = {level for piece in pieces for level in piece.batch.levels(name)}
        yield name, _union(known, tuple(own), name in recipe.named)


def _union(
    one: tuple[str, ...] | None, other: tuple[str, ...] | None, is_named: bool
) -> tuple[str, ...] | None:
    """The levels of both in byte order; None where there are more than a column may have that nobody named."""
    if one == other:
        return one
    if one is None or other is None:
        return None
    both = {*one, *other}
    return tuple(sorted(both, key=str.encode)) if is_named or len(both) <= MOST_LEVELS else None


def _columns_of(sums: Sums, own: DesignSpec, wanted: DesignSpec) -> Sums:
    """The sums of the columns of another design, zeros where they are none of these."""
    places = {name: place for place, name in enumerate((*own.features, *own.targets))}
    kept = np.array([places.get(name, -1) for name in (*wanted.features, *wanted.targets)])
    return sums.at(kept, sums.statistics.at(kept))


def _narrowed(block: ColumnBlock, wide: DesignSpec, narrow: DesignSpec) -> ColumnBlock:
    """The block without the columns of base levels."""
    places = {name: place for place, name in enumerate((*wide.features, *wide.targets))}
    kept = [places[name] for name in (*narrow.features, *narrow.targets)]
    pieces = [[piece[place] for place in kept] for piece in block.pieces]
    return ColumnBlock(pieces, len(narrow.features), block.w, block.dropped, block.missing)
