"""Losses per cell: what is minimised, before it is averaged over rows and targets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from gradline.core.arguments import is_real
from gradline.core.errors import UsageError


class Slopes(NamedTuple):
    """A loss of the residual r = y − ŷ by its slopes: ρ(r) = max over low ≤ s ≤ high of s·r − width/2·s².

    Its slope at r is r/width, cut off at low and at high. Every loss here is of this kind, and so are ½w² and |w| of a
    weight w. From these three numbers solvers and judges have all that they need: ρ, and its dual width/2·s².
    """

    low: float
    high: float
    width: float


class Loss(Protocol):
    """ρ(y − ŷ), convex, for each cell; arrays are of one shape.

    One more loss is a class with these members and a row in `LOSSES`.
    """

    @property
    def quadratic(self) -> bool:
        """Whether `Moments` say all about it, so that no row need be read again."""
        ...

    @property
    def slopes(self) -> Slopes:
        """What it is, in three numbers."""
        ...

    def value(self, y: np.ndarray, eta: np.ndarray) -> np.ndarray:
        """ρ of targets y and predictions ŷ = eta."""
        ...

    def gradient(self, y: np.ndarray, eta: np.ndarray) -> np.ndarray:
        """The derivative by the prediction; at a kink, one between those on its sides."""
        ...

    def curvature(self, y: np.ndarray, eta: np.ndarray) -> np.ndarray:
        """The second derivative by the prediction, where there is one."""
        ...

    @property
    def mean(self) -> str:
        """What its mean over the cells is called."""
        ...

    @property
    def term(self) -> str:
        """The loss of a cell, as it stands in the objective."""
        ...

    @property
    def meaning(self) -> str:
        """What the letters of `term` stand for, after a comma; "" where they need no explanation."""
        ...

    def params(self) -> dict[str, Any]:
        """Its name and settings as plain JSON; none for the squared loss, which is the usual one."""
        ...


@dataclass(frozen=True)
class SquaredLoss:
    """(ŷ − y)² per cell; the loss of a data set is its weighted mean over rows and targets.

    Σ wᵢ·‖ŷᵢ − yᵢ‖² / (m·Σw): PyTorch's `MSELoss(reduction="mean")`, without the ½ of some textbooks.
    """

    quadratic = True  # so Moments say all about it, and compiled loops know it
    slopes = Slopes(-np.inf, np.inf, 0.5)
    mean = "mean squared error"
    term = "(ŷ − y)²"
    meaning = ""

    def value(self, y: np.ndarray, eta: np.ndarray) -> np.ndarray:
        """(ŷ − y)² for targets y and predictions ŷ = eta of one shape."""
        return (eta - y) ** 2

    def gradient(self, y: np.ndarray, eta: np.ndarray) -> np.ndarray:
        """The derivative by the prediction: 2(ŷ − y)."""
        return 2.0 * (eta - y)

    def curvature(self, y: np.ndarray, eta: np.ndarray) -> np.ndarray:
        """2 everywhere."""
        return np.full(np.broadcast(y, eta).shape, 2.0)

    def params(self) -> dict[str, Any]:
        """None."""
        return {}


@dataclass(frozen=True)
class Huber:
    """½r² up to |r| = delta and delta·(|r| − ½·delta) beyond, so that a far row pulls no harder than one at delta.

    PyTorch's `HuberLoss(delta=delta)`: the mean over rows and targets, r = ŷ − y.

    Parameters: `delta`, the residual from which on a row counts as far, in units of the target. None (default) takes
    1.35 times the typical error, which is estimated together with the weights as in scikit-learn's `HuberRegressor`:
    where errors are normal, the answer then varies by 5 % more than that of least squares. Raises `UsageError` for a
    delta that is no positive number. Huber 1964; Owen 2007 (the two together).

    >>> import gradline
    >>> X, y = [[0.0], [1.0], [2.0], [3.0], [4.0]], [0.0, 1.0, 2.0, 3.0, 90.0]
    >>> model = gradline.fit(X, y, loss=gradline.Huber(delta=0.5))
    >>> model.weight.round(2), model.certificate.status
    (array([[1.25]]), 'certified')
    """

    delta: float | None = None

    quadratic = False
    mean = "mean Huber loss"
    term = "h(ŷ − y)"

    def __post_init__(self) -> None:
        if self.delta is not None and not (is_real(self.delta) and self.delta > 0):
            raise UsageError(
                "delta-invalid",
                f"delta is {self.delta}",
                "give the residual from which on a row counts as far: a positive number in units of the target",
            )

    @property
    def slopes(self) -> Slopes:
        """Those of ½r², cut off at delta."""
        return Slopes(-self._delta, self._delta, 1.0)

    @property
    def _delta(self) -> float:
        """Until the loss meets its rows, by which delta is chosen, no row is far."""
        return np.inf if self.delta is None else float(self.delta)

    @property
    def meaning(self) -> str:
        """What h is."""
        delta = self._delta
        return f", h(r) = r²/2 up to |r| = {delta:g} and {delta:g}·(|r| − {delta / 2:g}) beyond"

    def value(self, y: np.ndarray, eta: np.ndarray) -> np.ndarray:
        """½r², or delta·(|r| − ½·delta)."""
        size = np.abs(eta - y)
        near = np.minimum(size, self._delta)
        return near * (size - near / 2)

    def gradient(self, y: np.ndarray, eta: np.ndarray) -> np.ndarray:
        """ŷ − y, cut off at delta."""
        return np.clip(eta - y, -self._delta, self._delta)

    def curvature(self, y: np.ndarray, eta: np.ndarray) -> np.ndarray:
        """1 up to delta, 0 beyond."""
        return (np.abs(eta - y) <= self._delta).astype(float)

    def params(self) -> dict[str, Any]:
        """Its name and delta."""
        return {"loss": "huber"} | ({} if self.delta is None else {"delta": float(self.delta)})


@dataclass(frozen=True)
class Quantile:
    """quantile·r above zero and (quantile − 1)·r below, r = y − ŷ: the line below which that share of the rows lies.

    Scikit-learn's `mean_pinball_loss(alpha=quantile)`. Parameters: `quantile`, the share, between 0 and 1; 0.5
    (default) is the median, whose loss is half that of `Absolute`. Raises `UsageError` for another. Koenker, Bassett
    1978.

    >>> import gradline
    >>> X, y = [[0.0], [1.0], [2.0], [3.0], [4.0]], [0.0, 1.0, 2.0, 3.0, 90.0]
    >>> model = gradline.fit(X, y, loss=gradline.Quantile(0.5))
    >>> model.weight, model.bias
    (array([[1.]]), array([0.]))
    """

    quantile: float = 0.5

    quadratic = False
    term = "q(y − ŷ)"

    def __post_init__(self) -> None:
        if not (is_real(self.quantile) and 0 < self.quantile < 1):
            raise UsageError(
                "quantile-invalid",
                f"quantile is {self.quantile}",
                "give the share of rows that lie below the line, such as 0.9",
            )

    @property
    def slopes(self) -> Slopes:
        """From quantile − 1 to quantile."""
        share = float(self.quantile)
        return Slopes(share - 1, share, 0.0)

    @property
    def mean(self) -> str:
        """Which quantile it is of."""
        return f"mean pinball loss of the quantile {self.quantile:g}"

    @property
    def meaning(self) -> str:
        """What q is."""
        return f", q(r) = {self.quantile:g}·r above zero and −{1 - self.quantile:g}·r below"

    def value(self, y: np.ndarray, eta: np.ndarray) -> np.ndarray:
        """quantile·r, or (quantile − 1)·r."""
        return _tilted(self.slopes, y, eta)

    def gradient(self, y: np.ndarray, eta: np.ndarray) -> np.ndarray:
        """−quantile where y is above ŷ, 1 − quantile where it is below."""
        return _tilt(self.slopes, y, eta)

    def curvature(self, y: np.ndarray, eta: np.ndarray) -> np.ndarray:
        """None."""
        return np.zeros(np.broadcast(y, eta).shape)

    def params(self) -> dict[str, Any]:
        """Its name and quantile."""
        return {"loss": "quantile", "quantile": float(self.quantile)}


@dataclass(frozen=True)
class Absolute:
    """|ŷ − y| per cell: PyTorch's `L1Loss`. Far rows pull no harder than near ones; the answer is a median line.

    >>> import gradline
    >>> X, y = [[0.0], [1.0], [2.0], [3.0], [4.0]], [0.0, 1.0, 2.0, 3.0, 90.0]
    >>> gradline.fit(X, y, loss=gradline.Absolute()).certificate.loss
    17.2
    """

    quadratic = False
    slopes = Slopes(-1.0, 1.0, 0.0)
    mean = "mean absolute error"
    term = "|ŷ − y|"
    meaning = ""

    def value(self, y: np.ndarray, eta: np.ndarray) -> np.ndarray:
        """|ŷ − y|."""
        return np.abs(eta - y)

    def gradient(self, y: np.ndarray, eta: np.ndarray) -> np.ndarray:
        """The sign of ŷ − y."""
        return _tilt(self.slopes, y, eta)

    def curvature(self, y: np.ndarray, eta: np.ndarray) -> np.ndarray:
        """None."""
        return np.zeros(np.broadcast(y, eta).shape)

    def params(self) -> dict[str, Any]:
        """Its name."""
        return {"loss": "absolute"}


def _tilted(slopes: Slopes, y: np.ndarray, eta: np.ndarray) -> np.ndarray:
    """The larger of low·r and high·r."""
    r = y - eta
    return np.maximum(slopes.low * r, slopes.high * r)


def _tilt(slopes: Slopes, y: np.ndarray, eta: np.ndarray) -> np.ndarray:
    """Its derivative by the prediction; 0 at the kink."""
    r = y - eta
    return np.where(r > 0, -slopes.high, np.where(r < 0, -slopes.low, 0.0))


SQUARED = SquaredLoss()
LOSSES: dict[str, Any] = {"squared": SquaredLoss, "huber": Huber, "quantile": Quantile, "absolute": Absolute}


def loss_of(params: Mapping[str, Any]) -> Loss:
    """The loss of such `params`, the squared one where they name none.

    Raises `UsageError` for an unknown name, or a setting that the named loss does not have.
    """
    name = params.get("loss", "squared")
    if name not in LOSSES:
        raise UsageError("loss-invalid", f"there is no loss {name}", f"use {', '.join(LOSSES)}")
    settings = {key: value for key, value in params.items() if key != "loss"}
    foreign = next((key for key in settings if key not in LOSSES[name].__dataclass_fields__), None)
    if foreign is not None:
        owner = next(known for known, one in LOSSES.items() if foreign in one.__dataclass_fields__)
        raise UsageError(
            "option-of-other-loss",
            f"the {name} loss has no {foreign}",
            f"leave it out, or choose --loss {owner}",
        )
    return LOSSES[name](**settings)
