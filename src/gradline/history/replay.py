"""A model's full-batch training run again in closed form, or its penalised fit, on other rows or columns."""

import numpy as np

from gradline.core.errors import RequestError
from gradline.core.text import number
from gradline.model.model import LinearModel
from gradline.moments.state import Moments
from gradline.solvers import usual_solver
from gradline.solvers.best_rate import best_rate
from gradline.solvers.loop import INITS, initial
from gradline.solvers.problem import Problem, Scaling, unstacked
from gradline.solvers.trajectory import Trajectory


class UnrepeatableError(Exception):
    """No closed form gives this training on these rows; the text says why."""


def replayed(model: LinearModel, moments: Moments, bias: bool) -> tuple[np.ndarray, np.ndarray]:
    """weight (m, p) and bias (m,) where the model's settings end on these moments.

    With a penalty that is its best answer there. A rate that was left to gradline is chosen anew. The loss is a mean
    over targets: where `moments` have fewer than the model had, the rate falls in proportion, and a penalty rises, so
    that each target takes the same path. Raises `UnrepeatableError`.
    """
    settings, scaling = model.settings, Scaling.named(model.scale, moments, bias)
    if not model.loss.quadratic:
        raise UnrepeatableError("its loss needs the rows themselves")
    if not model.penalty.is_none:
        penalty = model.penalty.times(len(model.targets) / moments.m)
        try:
            problem = Problem.of(moments, None, bias, scaling, penalty=penalty)
        except RequestError as error:
            raise UnrepeatableError("its penalty names columns that are not there") from error
        theta = usual_solver(penalty).start(problem).theta
        return scaling.to_raw(*unstacked(theta, bias))
    if "lr" not in settings:
        raise UnrepeatableError("it was trained outside gradline")
    if "batch_size" in settings:
        raise UnrepeatableError("mini-batches follow no closed form")
    if {"betas", "schedule", "clip", "nesterov", "dampening"} & set(settings):
        raise UnrepeatableError("only a constant rate with momentum is gone again in closed form")
    if settings["init"] not in INITS:
        raise UnrepeatableError("its file does not hold the start of its training")
    problem = Problem.of(moments, None, bias, scaling)
    momentum = settings["momentum"]
    limit = problem.spectrum.lr_limit(momentum)
    start = initial(settings["init"], problem, settings["seed"])
    if model.config.get("lr") == "auto":
        lr = best_rate(problem, start, settings["epochs"], momentum)
    else:
        lr = settings["lr"] * moments.m / len(model.targets)
    if lr > limit:
        raise UnrepeatableError(
            f"its lr {number(lr)} is above {number(limit)}, the largest stable rate there"
        )
    point = Trajectory(problem.moments, lr, momentum, unstacked(start, bias), bias).at(settings["epochs"])
    return scaling.to_raw(point.weight, point.bias)
