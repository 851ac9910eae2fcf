"""A penalty that falls on the bias, too: the bias as the weight of a column of ones, in a model without one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from gradline.core.coefficients import Coefficients
from gradline.data.design import DesignSpec, Number
from gradline.data.row_block import RowBlock
from gradline.data.row_stream import RowStream, dense
from gradline.model.certificate import Certificate
from gradline.model.judge import Judged
from gradline.moments.state import Moments
from gradline.solvers.problem import Scaling

_ONES = "bias"  # as `Spectrum` calls it


@dataclass(frozen=True, eq=False)
class BesideOnes(RowStream):
    """Rows (1, x) of rows x."""

    rows: RowStream
    design: DesignSpec

    @classmethod
    def of(cls, rows: RowStream) -> "BesideOnes":
        """Those of these rows."""
        name = _ONES if _ONES not in (*rows.design.features, *rows.design.targets) else f"({_ONES})"
        return cls(rows, replace(rows.design, terms=(Number(name), *rows.design.terms)))

    def blocks(self, size: int) -> Iterator[RowBlock]:
        """See `RowStream`."""
        for block in self.rows.blocks(size):
            X = dense(block.X)
            yield replace(block, X=np.column_stack([np.ones(len(X)), X]))


def with_bias(found: Coefficients) -> Coefficients:
    """Weight (m, 1 + p) of which the first column is the bias."""
    assert found.bias is not None
    return Coefficients(np.column_stack([found.bias, found.weight]), None)


def shared(weight: float, bias: float, features: int) -> Scaling:
    """The scale on which one ridge of `weight` is that of `bias` for the column of ones."""
    scale = np.ones(features + 1)
    scale[0] = np.sqrt(bias / weight)
    return Scaling(np.zeros(features + 1), scale, np.ones(features + 1, bool))


def apart(certificate: Certificate, moments: Moments, found: Coefficients) -> Certificate:
    """The certificate of weights (1 + p) as that of weight and bias; what it says of columns is of the rows' own."""
    own = Judged(moments, found)
    of_columns = {
        "rank": own.rank.rank,
        "combinations": own.rank.combinations(),
        "near_combinations": own.rank.near_combinations(),
        "constant": own.rank.constant,
        "condition": own.condition,
        "condition_scaled": own.rank.condition_scaled,
        "hessian_condition": own.condition**2,
    }
    return replace(
        certificate,
        weight_error=[row[1:] for row in certificate.weight_error],
        bias_error=[row[0] for row in certificate.weight_error],
        determined=certificate.determined[1:],
        zero=None if certificate.zero is None else [row[1:] for row in certificate.zero],
        **of_columns,
    )
