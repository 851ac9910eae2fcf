"""What every solver offers, the outcome as a value, and the one loop that runs them all."""

import math
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol, cast

import numpy as np

from gradline.core.arguments import is_whole
from gradline.core.errors import Notice, RateError, UsageError
from gradline.core.text import grown, number, raised
from gradline.solvers.course import Course
from gradline.solvers.heavy_ball import LAST_EPOCH
from gradline.solvers.problem import Problem, Scaling, stacked, unstacked
from gradline.solvers.rules import HeavyBall
from gradline.solvers.schedules import expect_rate, is_schedule

HISTORY = 1000  # losses kept: all of them up to here, then a thousand at logarithmic distances
INITS = ("zeros", "normal", "uniform", "linear", "torch", "torch-cuda")


class State(NamedTuple):
    """Where a solver stands: θ (q, m) with the bias on top, what it remembers of the way, and the epochs done."""

    theta: np.ndarray
    memory: np.ndarray
    epoch: int = 0


class Record(NamedTuple):
    """One epoch as observers see it: losses over all training and all held-out rows."""

    epoch: int
    loss: float
    holdout: float | None = None


Weights = Callable[[], tuple[np.ndarray, np.ndarray]]  # weight (m, p) and bias (m,) of now, in raw units


class Observer(Protocol):
    """Watches a solver; never changes a number, and may stop it by raising."""

    def on_start(self, epochs: int) -> None:
        """Before the first epoch."""
        ...

    def wants(self, epoch: int) -> bool:
        """Whether it wants to be told of this epoch; of the first and the last it always is."""
        ...

    def on_step(self, record: Record, weights: Weights) -> None:
        """After an epoch that it wants, and once before the first with epoch 0."""
        ...

    def on_end(self, solution: "Solution") -> None:
        """After the last epoch."""
        ...


class Solution(NamedTuple):
    """What a solver found and what it started from, in the units of its problem.

    `diverged_at` is the first epoch that ran away; `stopped_at` the one after which training was stopped early.
    """

    weight: np.ndarray
    bias: np.ndarray
    epochs: int
    history: list[Record]
    start: tuple[np.ndarray, np.ndarray]
    diverged_at: int | None = None
    stopped_at: int | None = None


class Standing(NamedTuple):
    """Training on its way: its state, all losses so far, and the state whose held-out loss was least."""

    state: State
    records: list[Record]
    best: State


class Keeper(Protocol):
    """Keeps training, so that another process can go on with it."""

    def resume(self) -> Standing | None:
        """Where it was left, None at the beginning."""
        ...

    def keep(self, standing: Standing, now: bool = False) -> None:
        """Keep it, `now` or when it is time."""
        ...


class Solver(Protocol):
    """A way to the optimum. It is a frozen record of its settings; `State` holds all that changes."""

    @property
    def name(self) -> str:
        """Its name on the command line."""
        ...

    @property
    def needs(self) -> tuple[str, ...]:
        """The members of `Problem` that it uses, "moments" or "rows": what lacks one is refused before any work."""
        ...

    @property
    def epochs(self) -> int:
        """How many steps the loop takes."""
        ...

    @property
    def scale(self) -> str:
        """The scale that it asks for when the user names none: "none" or "standard"."""
        ...

    def resolve(self, problem: Problem, force: bool) -> tuple["Solver", list[Notice]]:
        """The solver with every "auto" resolved for this problem; refuses what cannot work."""
        ...

    def start(self, problem: Problem) -> State:
        """The state before the first epoch."""
        ...

    def step(self, problem: Problem, state: State) -> State:
        """One epoch."""
        ...

    @property
    def course(self) -> Course | None:
        """The rule that runs, as a certificate may speak of it; None where nothing is trained."""
        ...

    def params(self) -> dict[str, Any]:
        """The settings as plain JSON."""
        ...


def solve(
    solver: Solver,
    problem: Problem,
    observers: Sequence[Observer] = (),
    holdout: Problem | None = None,
    stop_after: int = 0,
    keeper: Keeper | None = None,
    stop_tolerance: float = 0.0,
) -> Solution:
    """Run the solver: count, stop at the first non-finite loss, notify.

    `holdout` is the same problem over held-out rows; its loss is recorded beside the other. With `stop_after` training
    stops after so many epochs without a loss that is better by more than `stop_tolerance`, and what was found is the
    state at the last one that was (early stopping: Prechelt 1998). A run that diverged keeps the last finite weights.
    `keeper` keeps the run and lets it go on.
    """
    for observer in observers:
        observer.on_start(solver.epochs)
    first = solver.start(problem)
    standing = keeper.resume() if keeper else None
    state, history, best = standing or Standing(first, [], first)
    kept = None if stop_after or keeper else _kept_epochs(solver.epochs)
    record = history[-1] if history else None
    least = math.inf if holdout is None or not history else holdout.value(best.theta)
    diverged_at, stopped_at = None, None
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # a run that diverges ends with its loss
            for epoch in range(state.epoch + bool(history), solver.epochs + 1):
                if stop_after and epoch > best.epoch + stop_after:
                    stopped_at = state.epoch
                    break
                after = state if epoch == 0 else solver.step(problem, state)
                loss = problem.value(after.theta)
                if not math.isfinite(loss):  # as it is where some parameter is not
                    diverged_at = epoch
                    break
                record = Record(epoch, loss, None if holdout is None else holdout.value(after.theta))
                if kept is None or epoch in kept:
                    history.append(record)
                state = after
                if record.holdout is not None and record.holdout < least - stop_tolerance:
                    best, least = state, record.holdout
                for observer in observers:
                    if epoch in (0, solver.epochs) or observer.wants(epoch):
                        observer.on_step(record, partial(_raw, problem, state.theta))
                if keeper:
                    keeper.keep(Standing(state, history, best))
    finally:
        if keeper:
            keeper.keep(Standing(state, history, best), now=True)
    last = solver.epochs
    if stop_after and diverged_at is None:
        state, record, last = best, history[best.epoch], best.epoch
    solution = Solution(
        *unstacked(state.theta, problem.bias),
        state.epoch,
        history if record is None else thinned(history, record, last),
        unstacked(first.theta, problem.bias),
        diverged_at,
        stopped_at,
    )
    for observer in observers:
        observer.on_end(solution)
    return solution


def thinned(history: list[Record], last: Record, epochs: int) -> list[Record]:
    """The losses that are kept of a run of so many epochs, up to the last one."""
    kept = _kept_epochs(epochs)
    return [one for one in history if one.epoch < last.epoch and (kept is None or one.epoch in kept)] + [last]


def _raw(problem: Problem, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """weight (m, p) and bias (m,) in raw units."""
    return problem.scaling.to_raw(*unstacked(theta, problem.bias))


def _kept_epochs(epochs: int) -> frozenset[int] | None:
    """The epochs whose loss is kept; None for all."""
    if epochs <= HISTORY:
        return None
    return frozenset([0, *np.unique(np.geomspace(1, epochs, HISTORY).round().astype(int)).tolist()])


def initial(init: Any, problem: Problem, seed: int) -> np.ndarray:
    """θ₀ (q, m), on the scale of training.

    - "zeros": every prediction is 0. The default: reproducible, and no start is better for a convex loss.
    - "normal": standard normal, as `torch.randn` in the tutorials.
    - "uniform": uniform on [0, 1), as `rng.random` in the NumPy tutorial.
    - "linear": uniform on ±1/√p, the numbers with which `nn.Linear(p, m)` begins after `torch.manual_seed(seed)`.
    - "torch": the numbers that `torch.manual_seed(seed)` and `torch.randn` draw, the bias first, as in tutorial 003;
      "torch-cuda": those of a GPU. See `core.torch_draws`.
    - a pair weight (m, p), bias (m,) in raw units.

    A weight that the penalty does not allow begins at the nearest that it does.
    """
    return problem.allowed(_drawn(init, problem, seed), 0.0)


def _drawn(init: Any, problem: Problem, seed: int) -> np.ndarray:
    p, m = problem.moments.p, problem.moments.m
    q = p + problem.bias
    if isinstance(init, str):
        draws = {
            "zeros": lambda: np.zeros((q, m)),
            "normal": lambda: np.random.default_rng(seed).standard_normal((q, m)),
            "uniform": lambda: np.random.default_rng(seed).random((q, m)),
        }
        if init in draws:
            return draws[init]()
        from gradline.core import torch_draws  # noqa: PLC0415 - it loads NumPy's random numbers, and few begin so

        return torch_draws.start(init, seed, p, m, problem.bias)
    theta = stacked(init, problem.moments, problem.bias)
    if problem.scaling.is_none:
        return theta
    return stacked(problem.scaling.to_view(*unstacked(theta, problem.bias)), problem.moments, problem.bias)


def init_word(init: Any) -> str | None:
    """A start that is a word or a path, as text; None for one that is given in numbers."""
    return str(cast(object, init)) if isinstance(init, (str, os.PathLike)) else None


def check_settings(lr: Any, epochs: Any, momentum: Any, init: Any, seed: Any) -> None:
    """Refuse settings outside their range, before any data are read. Raises `UsageError`."""
    if not is_schedule(lr):
        expect_rate(lr)
    if not is_whole(epochs, 0) or epochs > LAST_EPOCH:
        raise UsageError(
            "epochs-invalid",
            f"epochs is {epochs}",
            "give a whole number from 0 (0 evaluates the untrained model) to 10^18",
        )
    if lr == "auto" and momentum == 1:
        raise UsageError(
            "momentum-without-damping",
            "momentum is 1 and lr is auto: without damping no rate arrives",
            "use less momentum, or give an lr",
        )
    if not is_whole(seed, 0):
        raise UsageError("seed-invalid", f"seed is {seed}", "give a whole number from 0")
    name = init_word(init)
    if name is not None and name not in INITS and not os.path.exists(name):
        raise UsageError(
            "init-invalid",
            f"init is {str(name)!r}, which is no way to start and no file",
            f"use {', '.join(INITS)}, a pair (weight, bias), or the file of a saved model",
        )


def refuse_unstable(problem: Problem, lr: float, rule: HeavyBall, what: str) -> None:
    """Refuse a rate above the largest stable one of a rule, before any step. Raises `RateError`."""
    spectrum = problem.spectrum
    limit = rule.limit(spectrum)
    if lr <= limit:
        return
    digits = next(many for many in range(3, 18) if number(lr, many) != number(limit, many) or many == 17)
    most = number(limit, digits)
    remedy = f"use a rate below {most}, or lr auto"
    if problem.scaling.is_none:
        scaling = Scaling.standard(problem.moments, problem.bias)
        eased = Problem.of(problem.moments, None, problem.bias, scaling, penalty=problem.penalty).spectrum
        remedy += f", or scale standard, which raises the limit to {number(rule.limit(eased))}"
    carried = f" at {'Nesterov ' * rule.nesterov}momentum {rule.momentum:g}" if rule.momentum else ""
    raise RateError(
        "rate-unstable",
        f"lr {number(lr, digits)} is above {most}, the largest stable rate of these data{carried}: the error would "
        f"grow {grown(rule.growth(spectrum, lr))} per {what}. {raised(spectrum.limited_by())}",
        f"{remedy}; --force (force=True in Python) trains anyway and shows it explode",
    )
