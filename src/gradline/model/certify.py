"""`certify`: the certificate of coefficients that were found elsewhere, by whatever means."""

import math
from typing import Any, Unpack

import numpy as np

from gradline.core.arguments import is_real
from gradline.core.coefficients import Coefficients
from gradline.core.errors import DataError, RequestError, UsageError
from gradline.core.linalg.refined import Refined
from gradline.data.inputs import as_rows, matrix
from gradline.data.selection import Choice, Selection
from gradline.model.certificate import Certificate
from gradline.model.judge import Judged, Training
from gradline.model.model import History, Kept, LinearModel
from gradline.moments.state import Moments
from gradline.solvers.exact import refined_optimum, seen
from gradline.solvers.problem import Scaling
from gradline.solvers.spectrum import Spectrum


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

    Parameters:
    - `model`: an `nn.Linear` or a module that holds one weight and one bias; a fitted scikit-learn regressor;
      anything with `weight` and `bias`; or the pair itself, weight (m, p) and bias (m,).
    - `data`, `targets` and `choice` (`features`, `exclude`, `weights`, `missing`): the rows, as in `gradline.fit`.
    - `lr`, `momentum`: how training would go on; half-lives and epochs left are for full batches at this rate. None
      (default) takes the rate of these columns that finishes first.

    Returns the `Certificate`. Raises `RequestError` for a model without a linear map or of another shape, and what
    `gradline.fit` raises.

    >>> import gradline
    >>> certificate = gradline.certify(([[1.9]], [1.0]), [[1.0], [2.0], [3.0]], [3.0, 5.0, 7.0])
    >>> round(certificate.gap, 6), round(certificate.weight_error[0][0], 6), round(certificate.bias_error[0], 6)
    (0.046667, 0.1, 0.0)
    """
    moments, small = seen(as_rows(Selection(data, targets, **choice)).rows)
    found = coefficients(model, moments)
    return judged(
        found, moments, lr, momentum, optimum=refined_optimum(moments, small, found.bias is not None)
    )


def judged(
    found: Coefficients,
    moments: Moments,
    lr: float | None = None,
    momentum: float = 0.0,
    batch_size: int | None = None,
    optimum: Refined | None = None,
) -> Certificate:
    """The certificate of coefficients against moments, or an optimum known better; `lr` as in `certify`.

    With mini-batches, of `batch_size` rows, no formula foretells the epochs that are left; None is the full batch.
    """
    if moments.rows == 0:
        raise DataError("no-complete-row", "no complete row is left to judge by", "fill the missing cells")
    if lr is not None and not (is_real(lr) and lr > 0):
        raise UsageError("lr-invalid", f"lr is {lr}", "give a positive number")
    rate = Spectrum.of(moments, found.bias is not None).best_lr(momentum) if lr is None else float(lr)
    scaling = Scaling.none(moments.p)
    training = Training(rate, momentum, None, moments, scaling, math.inf, batch_size=batch_size)
    return Judged(moments, found, training, optimum).certificate


def from_torch(
    cls: type[LinearModel],
    module: Any,
    data: Any,
    targets: Any = None,
    **choice: Unpack[Choice],
) -> LinearModel:
    """The model of a module with one linear layer, judged by the rows that it was trained on.

    `data`, `targets` and the rest as in `gradline.fit`. Raises `RequestError` where the module is no single linear
    map, or has another shape than the columns. It is `LinearModel.from_torch`.
    """
    reading = as_rows(Selection(data, targets, **choice))
    moments, small = seen(reading.rows)
    found = coefficients(module, moments)
    optimum = refined_optimum(moments, small, found.bias is not None)
    return cls(
        weight=found.weight,
        bias=np.zeros(moments.m) if found.bias is None else found.bias,
        has_bias=found.bias is not None,
        design=reading.rows.design,
        moments=moments,
        verdict=Kept(judged(found, moments, optimum=optimum)),
        solver="torch",
        settings={},
        scale="none",
        history=History(()),
        config={},
        notices=tuple(reading.notices),
    )


def coefficients(model: Any, moments: Moments) -> Coefficients:
    """weight and bias out of a module, an estimator or a pair, checked against the columns."""
    weight, bias = _pair(model)
    weight = matrix(weight, "the model's weight")
    weight = weight[None, :] if weight.ndim == 1 else weight
    shape = (moments.m, moments.p)
    if weight.shape != shape:
        raise RequestError(
            "coefficients-do-not-match",
            f"the model's weight has shape {weight.shape}, and the data want {shape}",
            f"give the {moments.p} features and {moments.m} targets that it was trained on, in its order",
        )
    if bias is None:
        return Coefficients(weight, None)
    bias = matrix(bias, "the model's bias").reshape(-1)
    if len(bias) not in (1, moments.m):
        raise RequestError(
            "coefficients-do-not-match",
            f"the model's bias has {len(bias)} values for {moments.m} targets",
            "give one for each target",
        )
    return Coefficients(weight, np.broadcast_to(bias, (moments.m,)).copy())


def _pair(model: Any) -> tuple[Any, Any]:
    if isinstance(model, (tuple, list)):
        if len(model) != 2:
            raise RequestError(
                "not-a-pair", f"{len(model)} coefficients arrays were given", "give a pair (weight, bias)"
            )
        return model[0], model[1]
    if hasattr(model, "coef_"):
        return model.coef_, model.intercept_
    if callable(getattr(model, "state_dict", None)):
        return _parameters(model)
    if hasattr(model, "weight") and hasattr(model, "bias"):
        return model.weight, model.bias if getattr(model, "has_bias", True) else None
    raise RequestError(
        "not-a-linear-model",
        f"{type(model).__name__} holds no coefficients",
        "give a module such as nn.Linear, a fitted regressor, or a pair (weight, bias)",
    )


def _parameters(module: Any) -> tuple[Any, Any]:
    """The one weight and the one bias, if any, of a module, under the names in use for them."""
    state = module.state_dict()
    weights = [name for name in state if name.split(".")[-1] in ("weight", "w")]
    biases = [name for name in state if name.split(".")[-1] in ("bias", "b")]
    if len(weights) != 1 or len(biases) > 1 or len(state) > 2:
        raise RequestError(
            "not-a-linear-model",
            f"{type(module).__name__} has the parameters {', '.join(state) or 'none'}: no single linear map",
            "give a module with one weight and one bias, such as nn.Linear or nn.Sequential(nn.Linear(…))",
        )
    return state[weights[0]], state[biases[0]] if biases else None
