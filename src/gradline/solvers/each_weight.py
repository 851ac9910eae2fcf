"""What is told of single weights by their names: bounds, and factors of a penalty, put in the order of the columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard, cast

import numpy as np

from gradline.core.arguments import is_real
from gradline.core.errors import RequestError, UsageError
from gradline.core.text import listed


@dataclass(frozen=True)
class Bounds:
    """lower ≤ w ≤ upper for the weights of the columns as they are; for `bounds=` of `gradline.ElasticNet`.

    Parameters: `lower`, `upper`: a number for every weight, or numbers by the names of features, such as
    `{"area": 0.0}`, where the others are free; the name of a category stands for all of its levels. None (default)
    bounds nothing on that side. With both alike a weight is fixed. Raises `UsageError` for what is no number.

    The least squares with bounds are `ElasticNet(bounds=Bounds(0.0, 1.0))`. Stark, Parker 1995.

    >>> import gradline
    >>> bounds = gradline.Bounds(lower=0.0, upper={"humidity": 0.5})
    >>> penalty = gradline.ElasticNet(bounds=bounds)
    >>> model = gradline.fit("example:crops", "apples", features=["temp", "rainfall", "humidity"], penalty=penalty)
    >>> model.weight.round(3), model.certificate.at_bound
    (array([[0.   , 0.945, 0.5  ]]), [[False, False, True]])
    """

    lower: Any = None
    upper: Any = None

    def __post_init__(self) -> None:
        for name in ("lower", "upper"):
            object.__setattr__(self, name, checked(getattr(self, name), name, -np.inf))
        if is_real(self.lower) and is_real(self.upper) and self.lower > self.upper:
            raise _crossed("every weight", self.lower, self.upper)

    def on(self, features: Sequence[str], scale: np.ndarray, least: float) -> "Bounds":
        """Those of columns (p,) divided by a scale, in their order; nothing is below the `least`."""
        lower = np.maximum(in_order(self.lower, features, -np.inf), least)
        upper = in_order(self.upper, features, np.inf)
        for name, low, high in zip(features, lower, upper, strict=True):
            if low > high:
                raise _crossed(f"the weight of {name}", low, high)
        return Bounds(lower * scale, upper * scale)

    def take(self, which: np.ndarray) -> "Bounds":
        """Those of some columns; a number is that of all."""
        return Bounds(
            *(one[which] if isinstance(one, np.ndarray) else one for one in (self.lower, self.upper))
        )

    def params(self) -> dict[str, Any]:
        """Its settings as plain JSON."""
        return {name: told for name in ("lower", "upper") if (told := getattr(self, name)) is not None}

    def words(self) -> list[str]:
        """What is allowed, of each weight that is named."""
        signs = {"lower": "≥", "upper": "≤"}
        said: list[str] = []
        for side, told in self.params().items():
            if is_by_name(told):
                said += [f"{name} {signs[side]} {value:g}" for name, value in told.items()]
            else:
                said.append(f"no weight {'below' if side == 'lower' else 'above'} {told:g}")
        return said


def _crossed(what: str, low: float, high: float) -> UsageError:
    return UsageError(
        "bounds-crossed",
        f"{what} must be at least {low:g} and at most {high:g}, which none is",
        "give a lower bound that is no larger than the upper one",
    )


def is_by_name(told: Any) -> TypeGuard[Mapping[str, Any]]:
    """Whether it is told of weights by name."""
    return isinstance(told, Mapping)


def checked(told: Any, what: str, least: float) -> Any:
    """A number, or numbers by name, as plain floats; arrays are in order already. Raises `UsageError`."""
    if isinstance(told, np.ndarray):
        return cast(Any, told)
    if told is None or told == {}:
        return None
    values: dict[Any, Any] = dict(told) if is_by_name(told) else {"": told}
    odd = next((value for value in values.values() if not (is_real(value) and value >= least)), None)
    if odd is not None or not all(isinstance(name, str) for name in values):
        from_zero = " from 0" if least == 0 else ""
        raise UsageError(
            "number-of-weight-invalid",
            f"{what} is {told!r}",
            f"give a number{from_zero}, or numbers by the names of features: {{'area': 1.0}}",
        )
    floats = {name: float(value) for name, value in values.items()}
    return floats if is_by_name(told) else floats[""]


def in_order(told: Any, features: Sequence[str], usual: float) -> np.ndarray:
    """What is told (p,) of each feature, `usual` where nothing is.

    The name of a category stands for all of its levels. Raises `RequestError` for a name that is none.
    """
    if isinstance(told, np.ndarray):
        return cast(np.ndarray, told)
    found = np.full(len(features), usual if told is None or is_by_name(told) else told)
    for name, value in told.items() if is_by_name(told) else ():
        meant = [j for j, one in enumerate(features) if one == name or one.startswith(f"{name}=")]
        if not meant:
            raise RequestError(
                "penalty-of-other-column",
                f"no feature is called {name}, of which the penalty or a bound speaks",
                f"use a feature of the model: {listed(features)}",
            )
        found[meant] = value
    return found


def as_options(params: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a penalty as options of the command line, where a name and its number are one word."""
    bounds = params.get("bounds", {})
    by_name = {
        "factor": params.get("factors"),
        "at_least": bounds.get("lower"),
        "at_most": bounds.get("upper"),
    }
    words = {option: _words(told) for option, told in by_name.items() if told is not None}
    return {name: value for name, value in params.items() if name not in ("factors", "bounds")} | words


def _words(told: Any) -> list[str]:
    return [f"{name}={value!r}" for name, value in told.items()] if is_by_name(told) else [f"{told!r}"]


def of_words(words: Sequence[str], option: str) -> Any:
    """The number, or the numbers by name, that words NAME=NUMBER are. Raises `UsageError` for another word."""
    found: dict[str, float] = {}
    for word in words:
        name, _, number = word.rpartition("=")
        try:
            found[name] = float(number)
        except ValueError as error:
            raise UsageError(
                "number-of-column-invalid",
                f"--{option} is {word!r}",
                f"give a feature and a number: --{option} area=0.5",
            ) from error
    if "" in found and len(found) > 1:
        raise UsageError(
            "number-of-all-and-some",
            f"--{option} gives {found['']:g} for every weight, and others for some by name",
            "name every feature, or none",
        )
    return found.get("", found or None)
