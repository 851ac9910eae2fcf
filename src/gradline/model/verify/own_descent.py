"""A model's own descent: the path of gradient descent that its settings lead along, over its rows."""

import math
from dataclasses import dataclass

import numpy as np

from gradline.core import torch_draws
from gradline.core.derived import cached_property
from gradline.model.model import LinearModel
from gradline.model.verify.descent import envelope, left, lost
from gradline.model.verify.newton_step import Whereabouts
from gradline.model.verify.row_sums import Evidence
from gradline.model.verify.spectrum import Spectrum
from gradline.model.verify.tolerance import CURVES, MARGIN, ON_A_PATH, UNIT

_OTHERWISE = {
    "schedule",
    "clip",
    "nesterov",
    "dampening",
}  # settings with which no formula here foretells the path
_UNKNOWN = 0.01  # a share that is rounding, beyond which a figure says nothing


@dataclass(frozen=True, eq=False)
class Descent:
    """A path of gradient descent on these columns: a model's own, as its settings say."""

    model: LinearModel
    at: Whereabouts
    spectrum: Spectrum
    cells: float

    @classmethod
    def of(cls, model: LinearModel, evidence: Evidence, at: Whereabouts) -> "Descent":
        """That of a model with such evidence."""
        spectrum = Spectrum.of(at.pivots, evidence, model.scale == "standard")
        weights = float(np.ldexp(evidence.mass, evidence.frame.weight_unit))
        return cls(model, at, spectrum, len(model.targets) * weights)

    @property
    def curvatures(self) -> np.ndarray:
        """λ (r,) of the loss."""
        return 2 * self.spectrum.sigma**2 / self.cells

    @property
    def momentum(self) -> float:
        """μ of the settings."""
        return float(self.model.settings.get("momentum", 0.0))

    @property
    def lr(self) -> float:
        """The rate of the settings, or the one that finishes first where none was set."""
        curvatures = self.curvatures
        best = 2 / (curvatures[0] + curvatures[-1]) if len(curvatures) else 1.0
        return float(self.model.settings.get("lr", best))

    @property
    def is_plain(self) -> bool:
        """Whether it is a constant rate, and momentum, of all rows: what a formula here foretells."""
        return self.model.solver == "gd" and not _OTHERWISE & set(self.model.settings)

    @property
    def limit(self) -> float | None:
        """The largest stable rate, of which looking ahead bears less and damped steps more; None of other rules."""
        settings, momentum = self.model.settings, self.momentum
        if self.model.solver in ("adam", "adamw") or {"schedule", "clip", "average"} & set(settings):
            return None
        largest = float(self.curvatures[0]) if len(self.curvatures) else 0.0
        kept = (1 - float(settings.get("dampening", 0.0))) if momentum else 1.0
        ahead = 1 + 2 * momentum if settings.get("nesterov") else 1.0
        return 2 * (1 + momentum) / (ahead * kept * largest) if largest else math.inf

    @property
    def steps(self) -> np.ndarray:
        """a = lr·λ (r,)."""
        return self.lr * self.curvatures

    @cached_property
    def theta(self) -> np.ndarray:
        """The coefficients (q, m) in the units of training, the bias first."""
        model = self.model
        raw = np.vstack([model.bias, model.weight.T]) if model.has_bias else model.weight.T
        return self.spectrum.view(raw)

    @cached_property
    def here(self) -> np.ndarray:
        """The error (r, m) of the coefficients, in what it costs."""
        return self.costs(self.spectrum.view(self.at.distance))

    @cached_property
    def first(self) -> np.ndarray | None:
        """The coefficients (q, m) in the units of training where it began; None where the file does not say it."""
        init, (q, m) = self.model.settings.get("init"), self.theta.shape
        p, random = len(self.model.features), np.random.default_rng(int(self.model.settings.get("seed", 0)))
        if init == "zeros":
            return np.zeros((q, m))
        if init == "normal":
            return random.standard_normal((q, m))
        if init == "uniform":
            return random.random((q, m))
        if init in ("linear", "torch", "torch-cuda"):
            return torch_draws.start(init, int(self.model.settings.get("seed", 0)), p, m, self.model.has_bias)
        return None

    @cached_property
    def start(self) -> np.ndarray | None:
        """The error (r, m) there."""
        return None if self.first is None else self.costs(self.first - self.spectrum.view(self.at.optimum))

    @property
    def astray(self) -> float:
        """How far training went along what no row can tell, where no gradient leads, as a share of how far it went."""
        assert self.first is not None
        way, along = self.theta - self.first, self.spectrum.right
        rest = way - along.T @ (along @ way)
        size = max(float(np.linalg.norm(self.theta)), float(np.linalg.norm(self.first)), 5e-324)
        return float(np.linalg.norm(rest)) / size

    def costs(self, distance: np.ndarray) -> np.ndarray:
        """A distance (q, m) in the units of training along the directions, times σ: its squares are what it costs."""
        return self.spectrum.sigma[:, None] * (self.spectrum.right @ distance)

    def loss(self, epoch: int, lr: float | None = None) -> float:
        """The loss after so many epochs from the start, at the rate of the settings or another."""
        assert self.start is not None
        steps = self.steps if lr is None else lr * self.curvatures
        with np.errstate(over="ignore", invalid="ignore"):
            squares = (left(steps, self.momentum, epoch)[:, None] * self.start) ** 2
        gap = float(squares.sum()) / self.cells
        return self.at.optimal_loss + gap if math.isfinite(gap) else math.inf

    @property
    def sure(self) -> float:
        """The relative error of the columns in the units of training: rounding of the means is much to few units."""
        far = float((np.abs(self.spectrum.center) / self.spectrum.scale).max(initial=0.0))
        return self.at.likely + 4 * UNIT * far

    @property
    def curvature_error(self) -> float:
        """The relative error of the least curvature, and of times: of columns of unit norm, and of singular values."""
        columns = self.sure * self.at.pivots.condition**2
        return CURVES + MARGIN * (columns + 8 * UNIT * self.spectrum.condition)

    @property
    def steeper(self) -> np.ndarray:
        """How many times as steep as each direction the steepest is, (r,)."""
        return self.spectrum.sigma[:1] / self.spectrum.sigma

    def noise(self, epoch: int) -> float:
        """The part of the loss that roundings near the start may have become by then."""
        assert self.start is not None
        with np.errstate(over="ignore", invalid="ignore"):
            grown = np.maximum(np.abs(left(self.steps, self.momentum, epoch)), 1.0) * self.steeper
            error = MARGIN * self.sure * np.linalg.norm(grown) * np.linalg.norm(self.start)
            size = np.linalg.norm(self.spectrum.view(self.at.optimum))
            error += MARGIN * UNIT * np.linalg.norm(grown / self.steeper * self.spectrum.sigma) * size
        return min(float(error), 1e140) ** 2 / self.cells

    def slack(self, epoch: int, loss: float) -> float:
        """How far a claim of this loss after so many epochs may be off: rounding of path, start and optimum."""
        noise = self.noise(epoch)
        path = (ON_A_PATH + 1e3 * lost(self.momentum, epoch)) * loss
        return path + 2 * math.sqrt(loss * noise) + noise + float(self.at.left_rounding.sum()) / self.cells

    def blur(self, epochs: int, end: np.ndarray) -> np.ndarray:
        """What rounding may have done to the error (r, m) at the end: a step's is of the size of predictions.

        Along a flat direction it goes as far as along a steep one, and momentum carries it on.
        """
        assert self.start is not None
        reach = sum(np.linalg.norm(part, axis=0) for part in (self.start, end, self.costs(self.theta)))
        passed = np.minimum(epochs, 1 / np.maximum(self.steps, UNIT)) * self.spectrum.sigma
        grown = np.maximum(np.abs(left(self.steps, self.momentum, epochs)), 1.0)
        size = np.linalg.norm(self.theta, axis=0) + np.linalg.norm(
            self.spectrum.view(self.at.distance), axis=0
        )
        if self.model.has_bias:  # and so is the way to raw units
            size = size + np.abs(self.model.weight) @ np.abs(self.spectrum.center)
        passed += self.spectrum.sigma  # the distance, too, is rounded
        rounded = np.outer(self.sure * self.steeper * grown, reach) + UNIT * len(self.theta) * np.outer(
            passed, size
        )
        flat = np.where(self.sure * self.steeper > _UNKNOWN, np.inf, 1.0)  # a direction that rounding decides
        return MARGIN * rounded * flat[:, None] / (1 - min(self.momentum, 0.999))

    def bound(self, epoch: int) -> float:
        """What is above the least loss after so many more epochs, at most: momentum swings within an envelope."""
        with np.errstate(over="ignore", invalid="ignore"):
            kept = envelope(self.steps, self.momentum, epoch)[:, None] * self.here
            return float((kept**2).sum()) / self.cells
