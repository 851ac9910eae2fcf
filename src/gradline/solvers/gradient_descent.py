"""Full-batch gradient descent: the five steps of the tutorials, on moments instead of rows."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradline.core.errors import Notice
from gradline.solvers.best_rate import best_rate
from gradline.solvers.loop import State, check_settings, init_word, initial, refuse_unstable
from gradline.solvers.problem import Problem


@dataclass(frozen=True)
class GradientDescent:
    """θ ← θ − lr·v, v ← momentum·v + ∇L(θ), every epoch over all rows.

    The rows enter through their raw factor: a few pseudo-rows whose loss and gradient are those of all
    rows, so that an epoch costs O(k²) however many rows there are. The same numbers as a loop over the rows
    with `torch.optim.SGD(lr=lr, momentum=momentum)` and `MSELoss`.

    Parameters:
    - `lr`: learning rate, as in `torch.optim.SGD`, on the columns as they are. "auto" (default) trains on
      standardised columns at the constant rate with the least loss after these epochs; see `best_rate`.
    - `epochs`: updates, 100 as in the tutorials; 0 evaluates the untrained model.
    - `momentum`: 0 to 1, PyTorch's (dampening 0).
    - `init`: "zeros", "normal", "uniform", "linear" (the numbers of `torch.manual_seed(seed)` and `nn.Linear`),
      "torch" (of `torch.randn`, the bias first), a pair weight (m, p) and bias (m,), or a saved model.
    - `seed`: of a random init.

    Raises `UsageError` for a setting outside its range. Cauchy 1847; Polyak 1964.

    >>> import gradline
    >>> solver = gradline.GradientDescent(lr=1e-5, epochs=100)
    >>> model = gradline.fit("example:crops", ["apples", "oranges"], solver=solver)
    >>> [round(record.loss, 2) for record in model.history[:3]]
    [8310.67, 5754.63, 4031.07]
    """

    lr: float | str = "auto"
    epochs: int = 100
    momentum: float = 0.0
    init: Any = "zeros"
    seed: int = 0

    name = "gd"
    needs = ("moments", "squared loss", "no penalty")

    def __post_init__(self) -> None:
        check_settings(self.lr, self.epochs, self.momentum, self.init, self.seed)

    @property
    def scale(self) -> str:
        """Standardised columns when the rate is left to gradline, else the columns as they are."""
        return "standard" if self.lr == "auto" else "none"

    def resolve(self, problem: Problem, force: bool) -> tuple["GradientDescent", list[Notice]]:
        """The rate resolved, or refused when it is above the limit."""
        if self.lr == "auto":
            start = initial(self.init, problem, self.seed)
            return replace(self, lr=best_rate(problem, start, self.epochs, self.momentum)), []
        if not force:
            refuse_unstable(problem, float(self.lr), self.momentum, "epoch")
        return self, []

    def start(self, problem: Problem) -> State:
        """The start."""
        theta = initial(self.init, problem, self.seed)
        return State(theta, np.zeros_like(theta))

    def step(self, problem: Problem, state: State) -> State:
        """One epoch."""
        theta, velocity, epoch = state
        # 1. Predict, 2. loss, 3. gradient, over all rows.
        gradient = problem.gradient(theta)
        # 4. Update.
        velocity = self.momentum * velocity + gradient if self.momentum else gradient
        theta = theta - float(self.lr) * velocity
        # 5. Reset: the next epoch computes its gradient afresh; only the velocity is carried on.
        return State(theta, velocity, epoch + 1)

    def params(self) -> dict[str, Any]:
        """The settings as plain JSON."""
        init = init_word(self.init) or "given"
        return {
            "lr": self.lr if self.lr == "auto" else float(self.lr),
            "epochs": int(self.epochs),
            "momentum": float(self.momentum),
            "init": init,
            "seed": int(self.seed),
        }
