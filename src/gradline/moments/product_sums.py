"""Exact products of rows with their statistics: sums that are the same for every split of the rows, to the bit."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gradline.core.linalg.triangular import rounding
from gradline.core.tensor_file import damaged
from gradline.data.design import DesignSpec
from gradline.data.row_block import ColumnBlock, RowBlock
from gradline.moments.exact_sums import exact_sums
from gradline.moments.extended import Products
from gradline.moments.statistics import RowStatistics, refuse_extreme
from gradline.moments.sums import Settled, Sums


@dataclass(frozen=True, eq=False)
class ProductSums(Sums):
    """`Products`, and statistics whose weights and means follow from them at the end."""

    products: Products

    @classmethod
    def of(cls, block: RowBlock | ColumnBlock, design: DesignSpec) -> "ProductSums":
        """See `Sums`; here there may be no row."""
        names = design.features + design.targets
        statistics = replace(
            RowStatistics.empty(len(names)), dropped=block.dropped, missing=dict(block.missing)
        )
        if not block.rows:
            return cls.nothing(statistics)
        sums = exact_sums(block)
        refuse_extreme(sums.low, sums.high, block.w, names)
        statistics = replace(
            statistics, rows=block.rows, minimum=sums.low, maximum=sums.high, fingerprint=sums.fingerprint
        )
        return cls(statistics, Products(sums.products, np.zeros(len(names) + 1)))

    @classmethod
    def nothing(cls, statistics: RowStatistics) -> "ProductSums":
        """See `Sums`."""
        return cls(statistics, Products.none(len(statistics.mean)))

    def taking(self, other: Any) -> "ProductSums":
        """See `Sums`; what both were is left as it is."""
        return ProductSums(self.statistics + other.statistics, self.products + other.products)

    def at(self, places: np.ndarray, statistics: RowStatistics) -> "ProductSums":
        """See `Sums`."""
        return ProductSums(statistics, self.products.at(places))

    def settled(self, p: int) -> Settled:  # noqa: ARG002 - they have digits enough whatever the columns are
        """See `Sums`: means and R follow from the products, so that they are the same for every split of rows."""
        statistics, (mean, low) = self.statistics, self.products.mean
        if statistics.rows:
            statistics = replace(statistics, weight_sum=self.products.weight_sum, mean=mean, mean_low=low)
        return Settled(statistics, self.products, rounding(len(mean)), self.products)

    def tensors(self) -> dict[str, np.ndarray]:
        """See `Sums`."""
        return self.products.tensors()

    @classmethod
    def from_tensors(
        cls, path: str | Path, tensors: Mapping[str, np.ndarray], statistics: RowStatistics
    ) -> "ProductSums":
        """See `Sums`."""
        products = Products.from_tensors(path, tensors, len(statistics.mean))
        if products is None:
            raise damaged(path, "it holds no products")
        return cls(statistics, products)
