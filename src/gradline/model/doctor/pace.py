"""How fast gradient descent can be on the columns as they are, scaled, centred, and both."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from gradline.moments.state import Moments
from gradline.solvers.problem import Scaling
from gradline.solvers.spectrum import Spectrum
from gradline.solvers.trajectory import Trajectory


class Pace(NamedTuple):
    """One view of the columns: the condition of its Hessian, its rates, and the epochs at the one that finishes first.

    `hessian_condition` is λmax/λmin; the epochs are those of full-batch gradient descent from zeros (`Trajectory`).
    """

    view: str
    hessian_condition: float
    lr_limit: float
    best_lr: float
    epochs_to_loss: float
    epochs_to_weights: float


RAW, SCALED, CENTRED, STANDARD = "as they are", "scaled only", "centred only", "centred and scaled"


def paces(moments: Moments, bias: bool) -> dict[str, Pace]:
    """The pace by view. Without a bias nothing is centred: that would change the model."""
    return {view: _pace(view, scaling.moments(moments), bias) for view, scaling in _scalings(moments, bias)}


def _scalings(moments: Moments, bias: bool) -> Iterator[tuple[str, Scaling]]:
    both = Scaling.standard(moments, bias)
    none = Scaling.none(moments.p)
    yield RAW, none
    yield SCALED, replace(both, center=np.zeros(moments.p), varies=none.varies)
    if bias:
        yield CENTRED, replace(both, scale=none.scale)
        yield STANDARD, both


def _pace(view: str, moments: Moments, bias: bool) -> Pace:
    spectrum = Spectrum.of(moments, bias)
    path = Trajectory(moments, spectrum.best_lr(), bias=bias)
    return Pace(
        view,
        spectrum.condition**2,
        path.lr_limit,
        path.lr,
        path.epochs_to_loss(),
        path.epochs_to_weights(),
    )
