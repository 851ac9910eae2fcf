"""`model.plot` and `moments.plot`: the figures with their first argument filled in."""

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import plotly.graph_objects as go

from gradline import plots
from gradline.core.errors import RequestError
from gradline.model.model import LinearModel
from gradline.model.path import COUNT, path_of
from gradline.moments.state import Moments
from gradline.solvers.loop import INITS, initial
from gradline.solvers.penalties import ElasticNet
from gradline.solvers.problem import Problem, Scaling, unstacked
from gradline.solvers.trajectory import Trajectory


@dataclass(frozen=True, eq=False)
class MomentsPlots:
    """The figures that moments can give; see the functions of the same names in `gradline.plots`."""

    moments: Moments

    def rates(self, momentum: float = 0.0, bias: bool = True) -> go.Figure:
        """See `gradline.plots.rates`."""
        return plots.rates(self.moments, momentum, bias)

    def ridge_path(self, target: str | None = None) -> go.Figure:
        """See `gradline.plots.ridge_path`."""
        return plots.ridge_path(self.moments, target)

    def loss_against(
        self, weight: Any, bias: Any, feature: str, target: str | None = None, lr: float | None = None
    ) -> go.Figure:
        """See `gradline.plots.loss_against`."""
        return plots.loss_against(self.moments, weight, bias, feature, target, lr)

    def rate_steps(
        self, weight: Any, bias: Any, feature: str, target: str | None = None, steps: int = 8
    ) -> go.Figure:
        """See `gradline.plots.rate_steps`."""
        return plots.rate_steps(self.moments, weight, bias, feature, target, steps)


@dataclass(frozen=True, eq=False)
class ModelPlots:
    """The figures that a model can give; see the functions of the same names in `gradline.plots`.

    Those of training show the path that trained the model, on the columns as trained. They raise `RequestError` where
    no closed form follows it: for an exact model, for mini-batches, and for a start that was given as arrays.
    """

    model: LinearModel

    def fitted(
        self, data: Any, target: str | None = None, feature: str | None = None, rows: int = 2000
    ) -> go.Figure:
        """See `gradline.plots.fitted`."""
        return plots.fitted(self.model, data, target, feature, rows)

    def product(self, data: Any, rows: int = 5) -> go.Figure:
        """See `gradline.plots.product`."""
        return plots.product(self.model, data, rows)

    def predictions(self, data: Any, target: str | None = None, rows: int = 2000) -> go.Figure:
        """See `gradline.plots.predictions`."""
        return plots.predictions(self.model, data, target, rows)

    def coefficients(self, level: float = 0.95) -> go.Figure:
        """See `gradline.plots.coefficients`."""
        return plots.coefficients(self.model, level)

    def alpha_errors(self) -> go.Figure:
        """See `gradline.plots.alpha_errors`. Raises `RequestError` where the alpha was not chosen by rows held out."""
        if self.model.choice is None:
            raise RequestError(
                "alpha-not-chosen",
                "the alpha of this model was given, so there are no errors of others",
                "fit with penalty=gradline.CrossValidated(…), or --alpha cv",
            )
        return plots.alpha_errors(self.model.choice)

    def alpha_path(self, target: str | None = None, penalty: ElasticNet | None = None) -> go.Figure:
        """See `gradline.plots.alpha_path`: of the model's own penalty, of the lasso where it has none."""
        model, own = self.model, cast(Any, self.model.penalty)
        kind = penalty or (ElasticNet(l1_ratio=1.0) if own.is_none else replace(own, alpha=0.0))
        path = path_of(model.moments, model.has_bias, kind, COUNT, model.scale)
        return plots.alpha_path(path, target, own.params().get("alpha"))

    def residuals(self, data: Any, target: str | None = None) -> go.Figure:
        """See `gradline.plots.residuals`."""
        return plots.residuals(self.model, data, target)

    def quantiles(self, data: Any, target: str | None = None) -> go.Figure:
        """See `gradline.plots.quantiles`."""
        return plots.quantiles(self.model, data, target)

    def scale_location(self, data: Any, target: str | None = None) -> go.Figure:
        """See `gradline.plots.scale_location`."""
        return plots.scale_location(self.model, data, target)

    def leverage(self, data: Any, target: str | None = None) -> go.Figure:
        """See `gradline.plots.leverage`."""
        return plots.leverage(self.model, data, target)

    def loss_against(self, feature: str, target: str | None = None, lr: float | None = None) -> go.Figure:
        """See `gradline.plots.loss_against`, at the model's own coefficients."""
        bias = self.model.bias if self.model.has_bias else None
        return plots.loss_against(self.model.moments, self.model.weight, bias, feature, target, lr)

    def table(self, data: Any, rows: int = 10) -> go.Figure:
        """See `gradline.plots.table`."""
        return plots.table(self.model, data, rows)

    def split(
        self,
        training: Any,
        validation: Any,
        target: str | None = None,
        feature: str | None = None,
        rows: int = 2000,
    ) -> go.Figure:
        """See `gradline.plots.split`."""
        return plots.split(self.model, training, validation, target, feature, rows)

    def rules(self, data: Any, target: str | None = None) -> go.Figure:
        """See `gradline.plots.rules`."""
        return plots.rules(self.model, data, target)

    def losses(self) -> go.Figure:
        """See `gradline.plots.losses`."""
        return plots.losses(self.model)

    def loss_bowl(self, epochs: int | None = None) -> go.Figure:
        """See `gradline.plots.loss_bowl`; as many epochs as were trained, unless others are given."""
        return plots.loss_bowl(self._path, self._epochs(epochs))

    def loss_curve(self, epochs: int | None = None) -> go.Figure:
        """See `gradline.plots.loss_curve`; as many epochs as were trained, unless others are given."""
        return plots.loss_curve(self._path, self._epochs(epochs))

    def weight_curves(self, epochs: int | None = None, target: str | None = None) -> go.Figure:
        """See `gradline.plots.weight_curves`; as many epochs as were trained, unless others are given."""
        made = plots.weight_curves(self._path, self._epochs(epochs), target)
        if self.model.scale == "standard":
            made.update_yaxes(title_text="weight, on standardised columns")
        return made

    def gap(self, epochs: int | None = None) -> go.Figure:
        """See `gradline.plots.gap`; as many epochs as were trained, unless others are given."""
        return plots.gap(self._path, self._epochs(epochs))

    def loss_surface(self, epochs: int | None = None) -> go.Figure:
        """See `gradline.plots.loss_surface`; as many epochs as were trained, unless others are given."""
        return plots.loss_surface(self._path, self._epochs(epochs))

    def _epochs(self, epochs: int | None) -> int:
        return max(1, self.model.settings["epochs"]) if epochs is None else epochs

    @property
    def _path(self) -> Trajectory:
        """The path that trained the model."""
        model, settings = self.model, self.model.settings
        remedy = (
            "give gradline.plots the path: gradline.Trajectory(model.moments, lr, momentum, (weight, bias))"
        )
        if "lr" not in settings:
            raise RequestError(
                "path-not-by-descent",
                "the model was not trained by gradient descent, so it has no path",
                remedy,
            )
        if "batch_size" in settings:
            raise RequestError("path-of-mini-batches", "mini-batches follow no closed form", remedy)
        if settings["init"] not in INITS:
            raise RequestError(
                "path-start-unknown", "the file of a model does not hold the start of its training", remedy
            )
        if "momentum" not in settings or {"schedule", "clip"} & set(settings) or not model.penalty.quadratic:
            raise RequestError(
                "path-of-other-rule",
                "no formula foretells the path of the rule that trained the model",
                remedy,
            )
        scaling = Scaling.named(model.scale, model.moments, model.has_bias)
        problem = Problem.of(model.moments, None, model.has_bias, scaling, penalty=model.penalty)
        theta: np.ndarray = initial(settings["init"], problem, settings["seed"])
        start = unstacked(theta, model.has_bias)
        return Trajectory(
            problem.moments, settings["lr"], settings["momentum"], start, model.has_bias,
            settings.get("nesterov", False), dampening=settings.get("dampening", 0.0), penalty=problem.penalty,
        )  # fmt: skip
