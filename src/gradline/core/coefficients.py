"""Coefficients of a linear model, or a figure for each of them: one record for weight and bias."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Coefficients:
    """`weight` (m, p, …) as in `nn.Linear`, and `bias` (m, …), or None in a model without one; NaN means nothing."""

    weight: np.ndarray
    bias: np.ndarray | None

    def each(self, compute: Callable[..., np.ndarray], *others: "Coefficients") -> "Coefficients":
        """`compute` of these figures and those of the others, which have a bias where these have one."""
        weight = compute(self.weight, *(other.weight for other in others))
        bias = None if self.bias is None else compute(self.bias, *(other.bias for other in others))
        return Coefficients(weight, bias)

    @property
    def stacked(self) -> np.ndarray:
        """(m, k, …), the bias first where there is one."""
        return self.weight if self.bias is None else np.concatenate([self.bias[:, None], self.weight], axis=1)


def feature_name(name: str) -> str:
    """What a feature is called beside a bias: one that is called bias itself stands in quotes."""
    return '"bias"' if name == "bias" else name
