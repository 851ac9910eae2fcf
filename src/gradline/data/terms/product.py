"""The term of a formula that is more than a column: a product of factors, each of one or more columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from gradline.core.derived import cached_property
from gradline.core.errors import RequestError
from gradline.data.schema import Kind, joint_kinds
from gradline.data.terms.categories import Levels
from gradline.data.terms.families import Factor, read_back

if TYPE_CHECKING:
    from gradline.data.source import Batch


@dataclass(frozen=True)
class Product:
    """The products of one column of each factor, those of the first varying fastest: `area:town=B`, `log(area)`."""

    factors: tuple[Factor, ...]

    @property
    def label(self) -> str:
        """How a formula writes it."""
        return ":".join(factor.text for factor in self.factors)

    @property
    def inputs(self) -> dict[str, Kind]:
        """The columns of the table that it needs, with their kinds."""
        return joint_kinds(chain.from_iterable(factor.inputs.items() for factor in self.factors))

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of those columns."""
        return tuple(self.inputs)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the design columns."""
        return self._names

    @cached_property
    def _names(self) -> tuple[str, ...]:
        names = ("",)
        for factor in reversed(self.factors):
            names = tuple(f"{own}:{rest}" if rest else own for rest in names for own in factor.names)
        return names

    @property
    def bases(self) -> dict[str, str]:
        """The base level of each of its categories that has one."""
        return {name: level for factor in self.factors for name, level in factor.bases.items()}

    def unseen(self, batch: "Batch") -> dict[str, np.ndarray]:
        """Which rows (n,) have a level that training did not see, by what is a category in it."""
        found = (factor for factor in self.factors if isinstance(factor, Levels))
        return {factor.label: factor.unseen(batch) for factor in found}

    def encode(self, batch: "Batch", out: np.ndarray, *, unseen: str = "error") -> None:
        """Fill `out` (n, k) with the columns of a batch without missing cells."""
        parts = [factor.encode(batch, unseen) for factor in self.factors]
        out[:] = reduce(_row_products, parts)

    def to_dict(self) -> dict[str, Any]:
        """The term as plain JSON."""
        return {"term": "product", "factors": [factor.to_dict() for factor in self.factors]}

    @classmethod
    def from_dict(cls, card: Mapping[str, Any]) -> "Product":
        """The term that `to_dict` described. Raises `ValueError` for one that cannot be."""
        try:
            found = cls(tuple(map(read_back, card["factors"])))
            _ = found.inputs, found.names
        except RequestError as error:
            raise ValueError(str(error)) from error
        if not found.factors:
            raise ValueError("a product has no factor")
        return found


def _row_products(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Row by row all products of a column of each, the left one varying fastest."""
    return (right[:, :, None] * left[:, None, :]).reshape(len(left), left.shape[1] * right.shape[1])
