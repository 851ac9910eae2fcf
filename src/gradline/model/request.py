"""How to fit: the arguments of `fit` beside what to fit from, and the options that would ask for it again."""

import functools
from dataclasses import dataclass, field, fields
from typing import Any, cast

from gradline.core.arguments import is_real, is_whole
from gradline.core.errors import UsageError
from gradline.data.design import DesignSpec
from gradline.data.selection import Selection
from gradline.data.table import options_of, words_of
from gradline.engines import engine_of
from gradline.engines.engine import Engine
from gradline.solvers import Exact, Solver, decayed
from gradline.solvers.each_weight import as_options
from gradline.solvers.losses import SQUARED, Loss
from gradline.solvers.penalties import NONE

SCALES = ("auto", "none", "standard")


@dataclass(frozen=True)
class Request:
    """How to fit: the arguments of `fit` beside what to fit from, with its meaning."""

    solver: Solver = field(default_factory=Exact)
    bias: bool = True
    scale: str = "auto"
    holdout: float = 0.0
    seed: int = 0
    force: bool = False
    memory: int | str | None = None
    stop_after: int = 0
    stop_tolerance: float = 0.0
    penalty: Any = NONE  # a Penalty, or what chooses its alpha
    loss: Loss = SQUARED
    engine: str | Engine = "threads"

    def __post_init__(self) -> None:
        if isinstance(self.solver, type) or not hasattr(self.solver, "resolve"):
            raise UsageError(
                "solver-invalid",
                f"solver is {self.solver!r}",
                "give Exact(), GradientDescent(…) or SGD(…) from gradline",
            )
        if self.scale not in SCALES:
            raise UsageError("scale-invalid", f"scale is {self.scale!r}", f"use {', '.join(SCALES)}")
        if self.seed != 0 and not is_whole(self.seed, 0):
            raise UsageError("seed-invalid", f"seed is {self.seed}", "give a whole number from 0")
        if not isinstance(cast(object, self.bias), bool):
            raise UsageError("bias-invalid", f"bias is {self.bias!r}", "give True or False")
        if self.holdout != 0 and not (is_real(self.holdout) and 0 <= self.holdout < 1):
            raise UsageError(
                "holdout-invalid", f"holdout is {self.holdout}", "give a share from 0 to below 1, such as 0.2"
            )
        if not is_whole(self.stop_after, 0):
            raise UsageError(
                "stop-after-invalid",
                f"stop_after is {self.stop_after}",
                "give a whole number of epochs from 1",
            )
        if self.stop_after and not self.holdout:
            raise UsageError(
                "stop-after-without-holdout",
                "stop_after watches the loss over rows held out, and none are",
                "hold some out: --holdout 0.2 (holdout=0.2 in Python)",
            )
        if not (is_real(self.stop_tolerance) and self.stop_tolerance >= 0):
            raise UsageError(
                "stop-tolerance-invalid", f"stop_tolerance is {self.stop_tolerance}", "give a number from 0"
            )
        if self.stop_tolerance and not self.stop_after:
            raise UsageError(
                "stop-tolerance-alone",
                "stop_tolerance says which loss is better, and no number of epochs to wait for one is given",
                "add --stop-after 20 (stop_after=20 in Python)",
            )
        if self.stop_after:
            expect_epochs(self.solver, "stop_after")
        if self.chooses_alpha and not self.loss.quadratic:
            raise UsageError(
                "choice-of-other-loss",
                f"alpha is chosen from moments, which say all of the squared loss and not of the {self.loss.mean}",
                "give --alpha a number, and compare the models on rows held out: --holdout 0.2",
            )
        solver, penalty = decayed(self.solver, cast(Any, self.penalty))
        object.__setattr__(self, "solver", solver)
        object.__setattr__(self, "penalty", penalty)
        object.__setattr__(self, "seed", int(self.seed))  # which NumPy's numbers are not, and JSON needs
        object.__setattr__(self, "holdout", float(self.holdout))

    @functools.cached_property
    def device(self) -> Any:
        """The device that multiplies, where the engine has one."""
        engine: Any = engine_of(self.engine)
        if not engine.fits:
            raise UsageError(
                "engine-of-states",
                f"the engine is {self.engine!r}, which works on many files at once, and this is one fit",
                "use it for states, gradline moments make --engine ray, and fit those",
            )
        if not engine.multiplies:
            return None
        engine.expect_device()
        return engine

    @property
    def chooses_alpha(self) -> bool:
        """Whether the penalty has yet to find its alpha, as `CrossValidated` does, by the rows."""
        return hasattr(self.penalty, "choose")


@functools.cache
def _usual(kind: type[Request]) -> list[tuple[str, Any]]:
    """What can be asked for, and its default; solver, seed, penalty and loss are told by themselves."""
    told = ("solver", "seed", "penalty", "loss", "engine")  # of which the last changes no answer
    return [(one.name, one.default) for one in fields(kind) if one.name not in told]


def expect_epochs(solver: Solver, what: str) -> None:
    """Refuse what only training in epochs can do. Raises `UsageError`."""
    if "lr" not in solver.params():
        raise UsageError(
            "option-of-training",
            f"{what} is about training in epochs, and the {solver.name} solver goes to the answer at once",
            "leave it out, or train: --lr, --epochs or --batch-size",
        )


def command(selection: Selection, bias: bool) -> list[str]:
    """The words of the command that fits the same columns of a file exactly."""
    words, targets = ["gradline", "fit", *words_of(selection.data)], selection.targets or ()
    if selection.formula is not None:
        from gradline.data.terms.algebra import target_nodes  # noqa: PLC0415 - most fits have no formula

        words.append(selection.formula)
        targets = () if target_nodes(selection.formula) else targets
    chosen = (
        ("-t", targets),
        ("-f", selection.features or ()),
        ("--exclude", selection.exclude),
    )
    for flag, names in chosen:
        words += [word for name in names for word in (flag, name)]
    if isinstance(selection.weights, str):
        words += ["--weights", selection.weights]
        words += [] if selection.weights_are is None else ["--weights-are", selection.weights_are]
    for name in ("category", "numeric", "also"):
        words += [word for column in getattr(selection, name) for word in (f"--{name}", column)]
    words += [word for base in selection.bases for word in ("--base", base)]
    if selection.missing != "error":
        words += ["--missing", selection.missing]
    if selection.read is not None:
        words += selection.read.words()
    if not bias and selection.formula is None:
        words.append("--no-bias")
    return words


def config_of(selection: Selection, design: DesignSpec, request: Request) -> dict[str, Any]:
    """What reproduces the fit: the flags of `gradline fit`, as far as they differ from the defaults."""
    config: dict[str, Any] = dict(options_of(selection.data))
    config["targets"] = list(design.targets)
    config |= {
        "solver": request.solver.name,
        **request.solver.params(),
        **as_options(request.penalty.params()),
    }
    if config.get("init") == "given":
        del config["init"]  # arrays have no place in a file of options
    if request.holdout:  # whose rows another seed, such as the solver's, would not find again
        config["seed"] = request.seed
    config |= {
        name: value for name, usual in _usual(type(request)) if (value := getattr(request, name)) != usual
    }
    if selection.missing != Selection.missing:
        config["missing"] = selection.missing
    if selection.formula is not None:
        config["formula"] = selection.formula
    if selection.features is not None:
        config["features"] = list(selection.features)
    if selection.exclude:
        config["exclude"] = list(selection.exclude)
    if isinstance(selection.weights, str):
        config["weights"] = selection.weights
    if selection.weights_are is not None:
        config["weights_are"] = selection.weights_are
    for name in ("category", "numeric", "also"):
        if getattr(selection, name):
            config[name] = list(getattr(selection, name))
    if selection.base:
        config["base"] = selection.bases
    return config | ({} if selection.read is None else selection.read.to_dict())
