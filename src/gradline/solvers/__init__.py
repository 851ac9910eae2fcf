"""The solvers by name, and the one that "auto" stands for, with its reason."""

from dataclasses import replace
from typing import Any, cast

from gradline.core.errors import UsageError
from gradline.solvers.adam import Adam, AdamW
from gradline.solvers.coordinate_descent import CoordinateDescent
from gradline.solvers.each_weight import Bounds
from gradline.solvers.exact import Exact
from gradline.solvers.gradient_descent import GradientDescent
from gradline.solvers.interior_point import InteriorPoint
from gradline.solvers.loop import Observer, Record, Solution, Solver, State, solve
from gradline.solvers.losses import LOSSES, SQUARED, Absolute, Huber, Loss, Quantile, loss_of
from gradline.solvers.newton import Newton
from gradline.solvers.penalties import NONE, ElasticNet, Penalty
from gradline.solvers.schedules import Chebyshev, Cosine, Exponential, Schedule, Step
from gradline.solvers.sgd import SGD

__all__ = [
    "LOSSES",
    "NONE",
    "SGD",
    "SQUARED",
    "Absolute",
    "Adam",
    "AdamW",
    "Bounds",
    "Chebyshev",
    "CoordinateDescent",
    "Cosine",
    "ElasticNet",
    "Exact",
    "Exponential",
    "GradientDescent",
    "Huber",
    "InteriorPoint",
    "Loss",
    "Newton",
    "Observer",
    "Penalty",
    "Quantile",
    "Record",
    "Schedule",
    "Solution",
    "Solver",
    "State",
    "Step",
    "decayed",
    "loss_of",
    "named",
    "solve",
    "usual_solver",
]

SOLVERS: dict[str, Any] = {
    kind.name: kind
    for kind in (Exact, CoordinateDescent, Newton, InteriorPoint, GradientDescent, SGD, Adam, AdamW)
}


def usual_solver(penalty: Penalty, loss: Loss = SQUARED) -> Solver:
    """The solver that goes to the best answer at once, by loss and penalty.

    `Exact` for the squared loss, or `CoordinateDescent` where the penalty has kinks; `Newton` for a loss whose slope
    bends, `InteriorPoint` for one whose slope jumps. Raises `UsageError` for what is no penalty, or no loss.
    """
    if isinstance(penalty, type) or not hasattr(penalty, "quadratic"):
        raise UsageError(
            "penalty-invalid",
            f"penalty is {penalty!r}",
            "give gradline.ElasticNet(alpha, l1_ratio)",
        )
    if isinstance(loss, type) or not hasattr(loss, "slopes"):
        raise UsageError(
            "loss-invalid",
            f"loss is {loss!r}",
            "give gradline.Huber(delta), gradline.Quantile(quantile) or gradline.Absolute()",
        )
    if not loss.quadratic:
        return Newton() if loss.slopes.width else InteriorPoint()
    return Exact() if penalty.quadratic else CoordinateDescent()


def decayed(solver: Solver, penalty: Penalty) -> tuple[Solver, Penalty]:
    """The solver without a weight decay that is ridge, and the penalty that it is.

    lr·decay·w beside the gradient of the loss is that of ½·decay·‖w‖², of which the bias is free here. Raises
    `UsageError` where there is another penalty, too.
    """
    decay = float(getattr(solver, "weight_decay", 0.0)) - float(getattr(solver, "shrinks", 0.0))
    if not decay:
        return solver, penalty
    if not penalty.is_none:
        raise UsageError(
            "weight-decay-and-penalty",
            f"weight_decay {decay:g} is ridge of that alpha, and there is a penalty, too",
            "leave one of them out: --alpha with --l1-ratio shares out both",
        )
    return replace(cast(Any, solver), weight_decay=0.0), ElasticNet(alpha=decay)


def named(name: str, settings: dict[str, Any], penalty: Penalty = NONE, loss: Loss = SQUARED) -> Solver:
    """The solver of this name with these settings.

    "auto" is `usual_solver`, which is as fast as one epoch and needs no rate, unless a setting belongs to training:
    `betas`, `eps` or `amsgrad` mean Adam, `batch_size`, `shuffle`, `decay`, `dtype` or `average` SGD, and the others of
    training (`lr`, `epochs`, `momentum`, `init`, …) gradient descent.
    Raises `UsageError` for an unknown name, or a setting that the named solver does not have.
    """
    if name not in ("auto", *SOLVERS):
        raise UsageError("solver-invalid", f"there is no solver {name}", f"use auto, {', '.join(SOLVERS)}")
    if name == "auto":
        training = next((n for n in ("adam", "sgd", "gd") if set(settings) & _OWN[n]), None)
        name = training or usual_solver(penalty, loss).name
    solver = SOLVERS[name]
    fields = set(getattr(solver, "__dataclass_fields__", {}))
    foreign = next((setting for setting in settings if setting not in fields and setting != "seed"), None)
    if foreign is not None:
        flag = f"--{'no-' if settings[foreign] is False else ''}{foreign.replace('_', '-')}"
        owners = [n for n, other in SOLVERS.items() if foreign in other.__dataclass_fields__]
        raise UsageError(
            "option-of-other-solver",
            f"the {name} solver has no {flag}",
            f"leave it out, or choose --solver {' or '.join(owners)}",
        )
    return solver(**{setting: value for setting, value in settings.items() if setting in fields})


_OWN = {
    "sgd": {"batch_size", "shuffle", "decay", "dtype", "average"},
    "gd": {"lr", "epochs", "momentum", "init", "dampening", "nesterov", "clip", "weight_decay"},
    "adam": {"betas", "eps", "amsgrad"},
}
