"""Models of other libraries: as functions that can be asked, or as the coefficients that they are."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradline.core.coefficients import Coefficients
from gradline.core.errors import RequestError
from gradline.core.provided import asker_of
from gradline.core.text import counted, listed
from gradline.data.inputs import matrix
from gradline.model.model import LinearModel
from gradline.model.probing import Asked, Function, mismatch, refusal
from gradline.moments.state import Moments

_WEIGHT_NAMES = ("weight", "weights", "w", "coef", "coefs", "coefficient", "coefficients", "kernel", "slope")
_BIAS_NAMES = ("bias", "biases", "b", "intercept", "offset", "const")


def opened(model: Any, moments: Moments, row_shape: Sequence[int], named: bool) -> Asked | Coefficients:
    """The model as a function of these columns, or its coefficients where they are all that it is.

    `row_shape` is the shape of one row as the model takes it, and `named` whether the columns have names of their own,
    by which those of the model are then found. Raises `RequestError` for whatever is no model of these columns.
    """
    if isinstance(model, LinearModel):
        return _own(model, moments, named)
    if isinstance(model, (tuple, list)):
        if len(model) != 2:
            raise RequestError(
                "not-a-pair", f"{len(model)} coefficients arrays were given", "give a pair (weight, bias)"
            )
        return pair(model[0], model[1], moments)
    if isinstance(model, Mapping):
        return state(model, moments)
    asker = asker_of(model)
    if asker is not None:
        return asker(model, moments, tuple(row_shape))
    if hasattr(getattr(model, "model", None), "exog_names") and hasattr(model, "params"):
        return _statsmodels(model, moments, named)
    if callable(getattr(model, "predict", None)) and not isinstance(model, type):
        return _estimator(model, moments, named)
    for weight, bias in (("coef_", "intercept_"), ("weight", "bias")):
        if hasattr(model, weight):
            return pair(getattr(model, weight), getattr(model, bias, None), moments)
    if callable(model) and not isinstance(model, type):
        name = getattr(model, "__name__", type(model).__name__)
        return Asked(name, lambda X: model(X.reshape(len(X), *row_shape)))
    raise refusal(f"{type(model).__name__} holds no coefficients, and computes nothing")


def pair(weight: Any, bias: Any, moments: Moments) -> Coefficients:
    """A weight and a bias, as numbers or arrays, checked against the columns."""
    weight = matrix(weight, "the model's weight")
    shape, m, p = weight.shape, moments.m, moments.p
    if m == 1 and weight.size == p:
        weight = weight.reshape(1, p)
    elif shape == (p, m):  # as in X @ weight; where p is m, it is as in nn.Linear
        weight = weight if p == m else weight.T
    if weight.shape != (m, p):
        raise mismatch(f"the model's weight has shape {shape}, and the data want {(m, p)}")
    if bias is None:
        return Coefficients(weight, None)
    bias = matrix(bias, "the model's bias").reshape(-1)
    if len(bias) not in (1, m):
        raise mismatch(f"the model's bias has {len(bias)} values for {m} targets")
    return Coefficients(weight, np.broadcast_to(bias, (m,)).copy())


def _own(model: LinearModel, moments: Moments, named: bool) -> Coefficients:
    """A model of gradline's, whose columns have names."""
    bias = model.bias if model.has_bias else None
    found = pair(model.weight, bias, moments)
    if not named or model.features == moments.features:
        return found
    order = _order(model.features, moments.features, "the model")
    return Coefficients(_put_back(found.weight, order), found.bias)


def state(tensors: Mapping[str, Any], moments: Moments) -> Coefficients:
    """A `state_dict` of one weight and one bias at most: of what else there is, nobody knows what it is for.

    The last part of a name tells which is which, and sizes do where they differ. In a + b·x both are one number, and
    names that are neither's tell nothing.
    """
    arrays = {name: matrix(value, name) for name, value in tensors.items()}
    words = {name: str(name).split(".")[-1].strip("_").lower() for name in arrays}
    m, cells = moments.m, moments.m * moments.p
    weights = [name for name in arrays if arrays[name].size == cells and words[name] not in _BIAS_NAMES]
    biases = [name for name in arrays if arrays[name].size == m and words[name] not in _WEIGHT_NAMES]
    if cells == m:
        unknown = [name for name in arrays if words[name] not in _WEIGHT_NAMES + _BIAS_NAMES]
        if unknown:
            raise RequestError(
                "ambiguous-names",
                f"the state holds {listed(arrays)}: {unknown[0]} may be the weight or the bias",
                "call them weight and bias, w and b, or coef and intercept, also behind a dot as in linear.weight; "
                "or give the pair (weight, bias)",
            )
    if len(weights) != 1 or len(biases) > 1 or len(arrays) != len(weights) + len(biases):
        shapes = listed(f"{name} {array.shape}" for name, array in arrays.items()) or "nothing"
        raise RequestError(
            "not-a-linear-model",
            f"the state holds {shapes}: no single weight of shape {(moments.m, moments.p)} with a bias",
            "give the module that it belongs to, so that it can be asked for what it computes",
        )
    return pair(arrays[weights[0]], arrays[biases[0]] if biases else None, moments)


def _estimator(model: Any, moments: Moments, named: bool) -> Asked:
    """What predicts as scikit-learn's regressors and pipelines do."""
    name, names = type(model).__name__, getattr(model, "feature_names_in_", None)
    names = None if names is None else [str(column) for column in names]
    count = getattr(model, "n_features_in_", moments.p)
    if count != moments.p:
        raise mismatch(f"{name} was fitted to {counted(count, 'column')}, and the data have {moments.p}")
    order = list(range(moments.p))
    if names is not None and (named or set(names) == set(moments.features)):
        order = _order(names, moments.features, name)
    coefficients = _arrays(model, "coef_", moments, (moments.m, moments.p))
    return Asked(
        name,
        _on_table(model.predict, order, names),
        [_put_back(weight, order) for weight in coefficients],
        _arrays(model, "intercept_", moments, (moments.m,)),
        _fits_intercept(model),
    )


def _on_table(predict: Any, order: list[int], names: Sequence[str] | None) -> Function:
    """`predict` of arrays, or of frames where the columns have names and pandas is there."""
    pandas = sys.modules.get("pandas")
    if names is None or pandas is None:
        return lambda X: predict(X[:, order])
    return lambda X: predict(pandas.DataFrame(X[:, order], columns=list(names)))


def _fits_intercept(model: Any) -> bool:
    """Whether the last regressor of what may be a pipeline has a bias of its own, even if it is zero."""
    while True:
        steps = getattr(model, "steps", None)
        inner = (
            steps[-1][1] if steps else getattr(model, "regressor_", getattr(model, "best_estimator_", None))
        )
        if inner is None:
            return bool(getattr(model, "fit_intercept", False))
        model = inner


def _arrays(model: Any, name: str, moments: Moments, shape: tuple[int, ...]) -> list[np.ndarray]:
    """An attribute of that many numbers, if it is one."""
    try:
        found = np.asarray(getattr(model, name, None), float)
    except (TypeError, ValueError):
        return []
    fits = found.size == np.prod(shape) and (moments.m == 1 or found.shape == shape)
    return [found.reshape(shape)] if fits else []


def _statsmodels(results: Any, moments: Moments, named: bool) -> Asked:
    """Results of statsmodels, with its constant among the columns or beside them; by formula, on a frame."""
    name, model, p = type(results).__name__, results.model, moments.p
    exog, constant = [str(column) for column in model.exog_names], getattr(model.data, "const_idx", None)
    if hasattr(model, "formula"):
        asked = _on_table(results.predict, list(range(p)), moments.features)
        return Asked(name, asked, has_bias=constant is not None)
    beside = constant is not None and len(exog) == p + 1
    place = 0 if constant is None else int(constant)
    if len(exog) != p + beside:
        raise mismatch(f"{name} has the columns {listed(exog)}, and the data have {listed(moments.features)}")
    columns = [column for i, column in enumerate(exog) if not (beside and i == place)]
    is_named = named or set(columns) == set(moments.features)
    order = _order(columns, moments.features, name) if is_named else list(range(p))

    def predict(X: np.ndarray) -> Any:
        table = X[:, order]
        return results.predict(np.insert(table, place, 1.0, axis=1) if beside else table)

    values = np.asarray(results.params, float).reshape(-1)
    own = np.delete(values, place) if beside and len(values) == p + 1 else values
    weights = [_put_back(own.reshape(1, p), order)] if len(own) == p else []
    return Asked(name, predict, weights, [values[[place]]] if beside else [], beside)


def _order(names: Sequence[str], features: Sequence[str], name: str) -> list[int]:
    """Where each of the model's columns is among the features."""
    if sorted(names) != sorted(features):
        raise mismatch(f"{name} takes {listed(names)}, and the data give {listed(features)}")
    return [list(features).index(column) for column in names]


def _put_back(weight: np.ndarray, order: Sequence[int]) -> np.ndarray:
    """Weights by the model's order of columns in that of the features."""
    return weight[:, np.argsort(order)]
