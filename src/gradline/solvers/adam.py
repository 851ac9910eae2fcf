"""Adam and AdamW, whose steps have a length of their own for each weight: over all rows, or in mini-batches."""

import math
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from gradline.core.derived import cached_property
from gradline.core.errors import Notice
from gradline.solvers.course import Course, Run, expect_decay, expect_full_batch, expect_served
from gradline.solvers.loop import State, check_settings, init_word, initial
from gradline.solvers.mini_batches import MiniBatches
from gradline.solvers.problem import Problem
from gradline.solvers.rules import Adaptive, clipped, expect_clip
from gradline.solvers.schedules import Cosine, Rate, is_left_to_gradline, is_schedule, rate_of, rate_params

# How many times the way to the best weights the rates of lr="auto" go, all together: of 2, 4, … 64 the one that left
# least of the loss on four tables in 30 to 1,000 epochs. The first, large gradients shorten the later steps.
_WAYS = 8.0


@dataclass(frozen=True)
class _Adaptive:
    """What both have in common; they differ in what weight decay is."""

    lr: Rate = 1e-3
    epochs: int = 100
    batch_size: int | None = None
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    amsgrad: bool = False
    weight_decay: float = 0.0
    shuffle: bool = True
    seed: int = 0
    init: Any = "zeros"
    clip: float = 0.0

    def __post_init__(self) -> None:
        check_settings(self.lr, self.epochs, 0.0, self.init, self.seed)
        expect_decay(self.weight_decay)
        expect_clip(self.clip)
        expect_full_batch(self.lr)
        if self.lr == "auto":
            object.__setattr__(self, "lr", Cosine())
        _ = self.rule, self.batches

    @property
    def needs(self) -> tuple[str, ...]:
        """The squared loss, and rows for mini-batches of them."""
        return ("moments", "squared loss") if self.batch_size is None else ("moments", "rows", "squared loss")

    @property
    def scale(self) -> str:
        """Standardised columns when the rate is left to gradline, else the columns as they are."""
        return "standard" if is_left_to_gradline(self.lr) else "none"

    @property
    def shrinks(self) -> float:
        """By what weight decay shrinks the weights themselves, beside every step."""
        return 0.0

    @cached_property
    def rule(self) -> Adaptive:
        """Step 4."""
        return Adaptive(self.betas, self.eps, self.amsgrad, self.shrinks)

    @cached_property
    def batches(self) -> MiniBatches | None:
        """How the rows pass by; None where all of them make one gradient."""
        if self.batch_size is None:
            return None
        return MiniBatches(self.batch_size, self.shuffle, self.seed, "float64")

    @property
    def course(self) -> Course:
        """The rule that runs, as a certificate may speak of it."""
        return Course(self.lr, self.rule, self.clip)

    def most_rows(self, columns: int) -> int:
        """How many rows of X and Y with so many columns are kept in memory."""
        return 0 if self.batches is None else self.batches.most_rows(columns)

    def resolve(self, problem: Problem, force: bool) -> tuple[Self, list[Notice]]:  # noqa: ARG002 - no rate explodes
        """The rate resolved: "auto" is a cosine whose rates go eight times the way to the farthest best weight."""
        expect_served(problem, self.course)
        notices = [_heads_elsewhere(self.shrinks)] if self.shrinks else []
        if not is_left_to_gradline(self.lr):
            lr = self.lr.resolved(self.epochs, 0.0) if is_schedule(self.lr) else self.lr
            return replace(self, lr=lr), notices
        A, B, _ = problem.factor
        start = initial(self.init, problem, self.seed)
        way = float(np.abs(np.linalg.lstsq(A, B - A @ start, rcond=None)[0]).max(initial=0.0))
        updates = self.epochs * (1 if self.batches is None else self.batches.count(problem))
        lr = 2 * _WAYS * way / max(updates, 1) or 1e-3  # a cosine is half of its first rate on average
        return replace(self, lr=self.lr.resolved(self.epochs, lr) if is_schedule(self.lr) else lr), notices

    def start(self, problem: Problem) -> State:
        """The start."""
        theta = initial(self.init, problem, self.seed)
        return State(theta, np.zeros((self.rule.slots, *theta.shape)))

    def step(self, problem: Problem, state: State) -> State:
        """One epoch: an update, or one for each batch."""
        lr = rate_of(self.lr, state.epoch)
        if self.batches is not None:
            return self.batches.epoch(problem, state, Run(lr, math.inf, self.rule, float(self.clip)))
        theta, memory, epoch = state
        # 1. Predict, 2. loss, 3. gradient, over all rows.
        gradient = clipped(problem.gradient(theta), self.clip)
        # 4. Update.
        theta, memory = self.rule.moved(theta, gradient, memory, lr, epoch)
        # 5. Reset: the next epoch computes its gradient afresh; only what the rule remembers is carried on.
        return State(theta, memory, epoch + 1)

    def params(self) -> dict[str, Any]:
        """The settings as plain JSON; of those that a run may do without, the ones asked for."""
        rows = {"seed": int(self.seed)}
        if self.batches is not None:
            rows = {name: value for name, value in self.batches.params().items() if name != "dtype"}
        return {
            **rate_params(self.lr),
            "epochs": int(self.epochs),
            **rows,
            **self.rule.params(),
            **({"clip": float(self.clip)} if self.clip else {}),
            "init": init_word(self.init) or "given",
        }


def _heads_elsewhere(decay: float) -> Notice:
    """What to say of a decay that is no penalty."""
    text = (
        f"weight decay {decay:g} of AdamW shrinks weights and bias beside each step, which no penalty describes: the "
        "certificate is about the loss alone"
    )
    return Notice("decay-beside-steps", text)


@dataclass(frozen=True)
class Adam(_Adaptive):
    """θ ← θ − lr·m̂/(√ŝ + eps), m̂ and ŝ running means of the gradient and of its square, freed of their start at 0.

    The same numbers as a loop with `torch.optim.Adam` and `MSELoss`. On a quadratic loss no constant rate arrives: the
    steps end in swings as long as lr, so take a schedule, or "auto". `gradline.Exact` is the shorter way.

    Parameters:
    - `lr`: learning rate, 1e-3 as in PyTorch: about how far a weight moves in one update. Or a schedule by epochs;
      "auto" trains on standardised columns by a cosine whose rates go eight times the way to the best weights.
    - `epochs`: passes over the rows, 100; `batch_size` rows an update, None (default) for all of them.
    - `betas`, `eps`, `amsgrad`: as in `torch.optim.Adam`.
    - `weight_decay`: that of an optimiser whose parameter group leaves out the bias: ridge, the penalty of this alpha.
    - `shuffle`, `seed`, `init`, `clip`: as in `SGD`.

    A penalty with kinks is refused. Raises `UsageError` for a setting outside its range. Kingma, Ba 2015.

    >>> import gradline
    >>> model = gradline.fit("example:crops", ["apples", "oranges"], solver=gradline.Adam("auto", epochs=300))
    >>> model.certificate.gap < 1e-3
    True
    """

    name = "adam"


@dataclass(frozen=True)
class AdamW(_Adaptive):
    """Adam, whose weights and bias shrink by 1 − lr·weight_decay beside every step.

    The same numbers as a loop with `torch.optim.AdamW` and `MSELoss`. What so shrinks is no ridge: with all rows the
    weights go to the best ones of the loss alone, as long as none exceeds 1/weight_decay (Xie, Li 2024), and the
    noise of mini-batches lets them shrink by more. No penalty says how much, so they are judged by the loss alone.

    Parameters: those of `Adam`, with `weight_decay` 0.01 as in PyTorch.

    Raises `UsageError` for a setting outside its range. Loshchilov, Hutter 2019.

    >>> import gradline
    >>> model = gradline.fit("example:crops", ["apples", "oranges"], solver=gradline.AdamW("auto", epochs=300))
    >>> model.settings["weight_decay"], model.penalty.is_none
    (0.01, True)
    """

    weight_decay: float = 0.01

    name = "adamw"

    @property
    def shrinks(self) -> float:
        """All of it."""
        return float(self.weight_decay)
