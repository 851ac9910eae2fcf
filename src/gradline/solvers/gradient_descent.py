"""Full-batch gradient descent: the five steps of the tutorials, on moments instead of rows."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradline.core.derived import cached_property
from gradline.core.errors import Notice
from gradline.solvers.best_rate import best_rate_of
from gradline.solvers.course import Course, expect_decay, expect_served, guaranteed
from gradline.solvers.loop import State, check_settings, init_word, initial, refuse_unstable
from gradline.solvers.problem import Problem
from gradline.solvers.rules import HeavyBall, clipped, expect_clip
from gradline.solvers.schedules import Chebyshev, Rate, is_left_to_gradline, is_schedule, rate_of, rate_params


@dataclass(frozen=True)
class GradientDescent:
    """θ ← θ − lr·v, v ← momentum·v + ∇L(θ), every epoch over all rows.

    The rows enter through their raw factor: a few pseudo-rows whose loss and gradient are those of all
    rows, so that an epoch costs O(k²) however many rows there are. The same numbers as a loop over the rows
    with `torch.optim.SGD` and `MSELoss`. A penalty takes part: ridge in the gradient of step 3, one with kinks by its
    prox after step 4 (proximal gradient), where momentum carries on what θ really moved.

    Parameters:
    - `lr`: learning rate, as in `torch.optim.SGD`, on the columns as they are, or a schedule of rates such as
      `gradline.Cosine(1e-5)`. "auto" (default) trains on standardised columns at the constant rate with the least loss
      after these epochs; see `best_rate`.
    - `epochs`: updates, 100 as in the tutorials; 0 evaluates the untrained model.
    - `momentum`: 0 to 1, PyTorch's; with `dampening`, and `nesterov`, as there.
    - `weight_decay`: that of an optimiser whose parameter group leaves out the bias: ridge, the penalty of this alpha.
    - `clip`: the largest norm of a gradient, as in `clip_grad_norm_`; 0 (default) clips none.
    - `init`: "zeros", "normal", "uniform", "linear" (the numbers of `torch.manual_seed(seed)` and `nn.Linear`),
      "torch" (of `torch.randn`, the bias first), a pair weight (m, p) and bias (m,), or a saved model.
    - `seed`: of a random init.

    Raises `UsageError` for a setting outside its range. Cauchy 1847; Polyak 1964; Beck, Teboulle 2009.

    >>> import gradline
    >>> solver = gradline.GradientDescent(lr=1e-5, epochs=100)
    >>> model = gradline.fit("example:crops", ["apples", "oranges"], solver=solver)
    >>> [round(record.loss, 2) for record in model.history[:3]]
    [8310.67, 5754.63, 4031.07]
    """

    lr: Rate = "auto"
    epochs: int = 100
    momentum: float = 0.0
    init: Any = "zeros"
    seed: int = 0
    dampening: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    clip: float = 0.0

    name = "gd"
    needs = ("moments", "squared loss")

    def __post_init__(self) -> None:
        check_settings(self.lr, self.epochs, self.momentum, self.init, self.seed)
        expect_decay(self.weight_decay)
        expect_clip(self.clip)
        _ = self.rule

    @property
    def scale(self) -> str:
        """Standardised columns when the rate is left to gradline, else the columns as they are."""
        return "standard" if is_left_to_gradline(self.lr) else "none"

    @cached_property
    def rule(self) -> HeavyBall:
        """Step 4."""
        return HeavyBall(self.momentum, self.dampening, self.nesterov)

    @property
    def course(self) -> Course:
        """The rule that runs, as a certificate may speak of it."""
        return Course(self.lr, self.rule, self.clip)

    def resolve(self, problem: Problem, force: bool) -> tuple["GradientDescent", list[Notice]]:
        """The rates resolved, or refused where one is above the limit."""
        expect_served(problem, self.course)
        lr, notices = self.lr, list[Notice]()
        if isinstance(lr, Chebyshev):
            lr, notices = guaranteed(lr, problem, self.epochs)
        elif isinstance(lr, str):
            start = initial(self.init, problem, self.seed)
            lr = best_rate_of(problem, start, self.epochs, self.rule)
        elif is_schedule(lr):
            lr = lr.resolved(self.epochs, self.rule.first_to_settle(problem.spectrum))
        if not force and not isinstance(lr, Chebyshev):
            refuse_unstable(problem, rate_of(lr, 0), self.rule, "epoch")
        return replace(self, lr=lr), notices

    def start(self, problem: Problem) -> State:
        """The start."""
        theta = initial(self.init, problem, self.seed)
        return State(theta, np.zeros((1, *theta.shape)))

    def step(self, problem: Problem, state: State) -> State:
        """One epoch."""
        theta, memory, epoch = state
        lr = rate_of(self.lr, epoch)
        # 1. Predict, 2. loss, 3. gradient, over all rows.
        gradient = clipped(problem.gradient(theta), self.clip)
        # 4. Update.
        theta, memory = self.rule.moved(theta, gradient, memory, lr, epoch)
        if problem.has_kinks:  # and what of the penalty has no gradient
            there, theta = theta, problem.allowed(theta, lr)
            memory = self.rule.stopped(memory, there - theta, lr)
        # 5. Reset: the next epoch computes its gradient afresh; only what the rule remembers is carried on.
        return State(theta, memory, epoch + 1)

    def params(self) -> dict[str, Any]:
        """The settings as plain JSON; of those that a run may do without, the ones asked for."""
        return {
            **rate_params(self.lr),
            "epochs": int(self.epochs),
            **self.rule.params(),
            **({"clip": float(self.clip)} if self.clip else {}),
            "init": init_word(self.init) or "given",
            "seed": int(self.seed),
        }
