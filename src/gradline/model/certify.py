"""`certify`: the certificate of coefficients that were found elsewhere, by whatever means."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Unpack

import numpy as np

from gradline.core.arguments import is_real
from gradline.core.coefficients import Coefficients
from gradline.core.errors import DataError, RequestError, UsageError
from gradline.core.text import number
from gradline.data.inputs import Reading as Rows
from gradline.data.inputs import as_rows, is_array, numbers
from gradline.data.row_block import RowBlock
from gradline.data.row_stream import RowStream
from gradline.data.selection import Choice, Selection
from gradline.model.certificate import Certificate
from gradline.model.foreign import opened
from gradline.model.judge import Judged
from gradline.model.model import History, LinearModel
from gradline.model.probing import Asked, Reading, read
from gradline.model.status import Status
from gradline.model.training import Training
from gradline.model.witness import Witness, seen, witnessed
from gradline.moments.state import Moments
from gradline.solvers.problem import Scaling
from gradline.solvers.spectrum import Spectrum

_CELLS = 1 << 20  # of rows that a model is asked about at once
# Of the loss, by which a model's own is another: ten times what float32 does to most data, and too much.
_SAID, _REFUSED = 1e-6, 1e-3
_UNSEEN = 1e-10  # of the targets' variance, where the loss is next to none: no R² shows it


def certify(
    model: Any,
    data: Any,
    targets: Any = None,
    *,
    lr: float | None = None,
    momentum: float = 0.0,
    **choice: Unpack[Choice],
) -> Certificate:
    """How far coefficients found elsewhere are from the least-squares answer, and what is left to do.

    A model that computes is judged by what it computes, not by what its parameters are called: it is asked for its
    values at 0, along each column, at random points and at every row, and refused where they are no linear map. Where
    few digits make its own mean squared error another than the certificate's, a remark says both; by more than a
    thousandth it is refused.

    Parameters:
    - `model`: a module of PyTorch; a fitted regressor or pipeline of scikit-learn; results of statsmodels; a function
      of X; a `state_dict`; anything with `weight` and `bias`; or the pair itself, weight (m, p) and bias (m,) or None.
      Columns with names are matched by name.
    - `data`, `targets` and `choice` (`features`, `exclude`, `weights`, `missing`): the rows, as in `gradline.fit`;
      an array X may have rows of any shape, as the model takes them.
    - `lr`, `momentum`: how training would go on; half-lives and epochs left are for full batches at this rate. None
      (default) takes the rate of these columns that finishes first.

    Returns the `Certificate`. Raises `RequestError` for a model that is no linear map or has other columns, and what
    `gradline.fit` raises.

    >>> import gradline
    >>> certificate = gradline.certify(([[1.9]], [1.0]), [[1.0], [2.0], [3.0]], [3.0, 5.0, 7.0])
    >>> round(certificate.gap, 6), round(certificate.weight_error[0][0], 6), round(certificate.bias_error[0], 6)
    (0.046667, 0.1, 0.0)
    """
    case = _Case.of(model, Selection(data, targets, **choice))
    own, certificate = case.reading.own, judged(case.reading, case.moments, lr, momentum, case.witness)
    said = own_account(own, certificate.loss, case.moments)
    if own is None or said is None:
        return certificate
    if abs(own - certificate.loss) > _REFUSED * certificate.loss:
        raise RequestError(
            "outputs-rounded",
            said.rstrip("."),
            "let it compute in float64, as model.double() does, or take from its columns what lies far from zero",
        )
    return replace(certificate, remarks=[*certificate.remarks, said])


class _Case(NamedTuple):
    """A model beside the rows that it is judged by."""

    rows: Rows
    moments: Moments
    reading: Reading
    witness: Witness

    @classmethod
    def of(cls, model: Any, selection: Selection) -> "_Case":
        """The model asked about these rows."""
        selection, row_shape = _in_columns(selection)
        rows = as_rows(selection)
        moments, small = seen(rows.rows)
        if moments.rows == 0:
            raise DataError(
                "no-complete-row", "no complete row is left to judge by", "fill the missing cells"
            )
        named = not is_array(selection.data) or selection.features is not None
        reading = mapped(opened(model, moments, row_shape or (moments.p,), named), moments, rows.rows, small)
        return cls(rows, moments, reading, witnessed(small, moments, reading.found))


def _in_columns(selection: Selection) -> tuple[Selection, Sequence[int] | None]:
    """Rows of any shape as rows of numbers, and the shape they had: that of none is one number."""
    data = selection.data
    if not is_array(data) or np.ndim(selection.targets) == 0:
        return selection, None
    array = data if hasattr(data, "ndim") else numbers(data, "X")
    if array.ndim in (0, 2):
        return selection, None
    shape = tuple(array.shape[1:])
    return replace(selection, data=array.reshape(len(array), math.prod(shape))), shape


def mapped(model: Asked | Coefficients, moments: Moments, rows: RowStream, small: RowBlock | None) -> Reading:
    """The linear map of a model on these rows, of which `small` holds all where they are few."""
    if isinstance(model, Coefficients):
        return Reading(model, None)
    size = max(1, _CELLS // moments.p)
    blocks: Iterable[RowBlock] = rows.blocks(size) if small is None else [small]
    return read(model, moments, (block for block in blocks if block.rows))


def own_account(own: float | None, loss: float, moments: Moments) -> str | None:
    """What to say where a model's own mean squared error is not the `loss` of its map: it rounds what it gives."""
    if own is None or not math.isfinite(loss) or abs(own - loss) <= _unseen(loss, moments):
        return None
    return (
        f"The model rounds what it gives: its own mean squared error is {number(own, 7)}, "
        f"that of the line behind it {number(loss, 7)}."
    )


def _unseen(loss: float, moments: Moments) -> float:
    """By how much another loss may differ without being another."""
    spread = float((moments.factor[:, moments.p :] ** 2).sum()) / (moments.m * moments.weight_sum)
    return _SAID * loss + _UNSEEN * spread


def judged(
    reading: Reading,
    moments: Moments,
    lr: float | None = None,
    momentum: float = 0.0,
    witness: Witness | None = None,
) -> Certificate:
    """The certificate of a map against moments, and the optimum that the rows tell of; `lr`, `momentum` as above."""
    if lr is not None and not (is_real(lr) and lr > 0):
        raise UsageError("lr-invalid", f"lr is {lr}", "give a positive number")
    found = reading.found
    rate = Spectrum.of(moments, found.bias is not None).best_lr(momentum) if lr is None else float(lr)
    training = Training(rate, momentum, None, moments, Scaling.none(moments.p), math.inf)
    certificate = Judged(moments, found, training, witness or Witness(None), reading.error).certificate
    has_arrived = certificate.status in (Status.CERTIFIED, Status.RANK_DEFICIENT)
    optimal = certificate.optimal_loss
    excess = 0.0 if reading.own is None else min(reading.own, certificate.loss) - optimal
    if has_arrived and excess > _unseen(optimal, moments):
        # Coefficients read off few digits may be those of the optimum, but the loss tells that they are not.
        certificate = replace(certificate, status=Status.STOPPED)
    if certificate.status is not Status.STOPPED:
        return certificate
    carried = f" and momentum {momentum:g}" if momentum else ""
    said = f"These epochs are of gradient descent over all rows from rest, at lr {number(rate)}{carried}."
    return replace(certificate, remarks=[said])


def from_torch(
    cls: type[LinearModel],
    module: Any,
    data: Any,
    targets: Any = None,
    **choice: Unpack[Choice],
) -> LinearModel:
    """The model of a module that computes a linear map, judged by the rows that it was trained on.

    `data`, `targets` and the rest as in `certify`. Raises `RequestError` where what the module computes is no linear
    map of the columns. It is `LinearModel.from_torch`.
    """
    case = _Case.of(module, Selection(data, targets, **choice))
    found, moments = case.reading.found, case.moments
    return cls(
        weight=found.weight,
        bias=np.zeros(moments.m) if found.bias is None else found.bias,
        has_bias=found.bias is not None,
        design=case.rows.rows.design,
        moments=moments,
        certificate=judged(case.reading, moments, witness=case.witness),
        solver="torch",
        settings={},
        scale="none",
        history=History(()),
        config={},
        notices=tuple(case.rows.notices),
    )
