"""How coefficients were trained, if they were: where they began, and where that rule goes on from here."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradline.core.coefficients import Coefficients
from gradline.model.certificate import NO_TIME_LEFT
from gradline.moments.state import Moments
from gradline.solvers.penalties import NONE, Penalty
from gradline.solvers.problem import Scaling
from gradline.solvers.trajectory import Trajectory

GROWN = (
    1e-9  # a loss above its start by this share has grown: far more than rounding, far less than one bad step
)
_DIRECTIONS = 12  # kept in a certificate, largest share first


@dataclass(frozen=True, eq=False)
class Training:
    """The rule that ran, and its columns: what the judge needs to speak of time left.

    - `lr`, `momentum`, `nesterov`, `weight_decay`, `dampening`, `batch_size` as in `torch.optim.SGD`; no `lr` where the
      rule that ran is none whose path is known, no `batch_size` where it took all rows at once, whose path is a closed
      form; `penalty` what was added to the loss, which with kinks leaves no path known.
    - `epochs`: None where nobody counted them; `diverged_at`: the first whose loss was no number.
    - `view`: the moments on the scale of training, and `scaling` the way from and to raw coefficients.
    - `started_at`: the loss before the first epoch; `tenfold_loss`: that after ten times as many.
    - `velocity`: of weight and bias, which momentum carries on.
    """

    lr: float | None
    momentum: float
    epochs: int | None
    view: Moments
    scaling: Scaling
    started_at: float
    diverged_at: int | None = None
    batch_size: int | None = None
    tenfold_loss: float | None = None
    nesterov: bool = False
    weight_decay: float = 0.0
    velocity: tuple[np.ndarray, np.ndarray] | None = None
    dampening: float = 0.0
    penalty: Penalty = NONE

    def has_grown(self, found: Coefficients, loss: float) -> bool:
        """Whether the loss ended above where it began, by more than its rounding.

        A full batch whose rule is known to be stable only overshoots: momentum does.
        """
        if not self.epochs:
            return False
        is_known = self.lr is not None and self.batch_size is None and self.penalty.quadratic
        if self.lr is not None and is_known and self.lr <= self.path(found).lr_limit:
            return False
        return loss > (1 + GROWN) * self.started_at

    def time_left(self, found: Coefficients) -> dict[str, Any]:
        """What training on would bring: the gap by direction, and the epochs that are left."""
        left = dict(NO_TIME_LEFT)
        if not self.penalty.quadratic:
            return left
        path = self.path(found)
        left["directions"] = path.directions()[:_DIRECTIONS]
        if self.lr is not None:
            left["lr_limit"] = path.lr_limit
        if self.lr is not None and self.batch_size is None:
            left |= {
                "tenfold_loss": self.tenfold_loss,
                "epochs_to_loss": path.epochs_to_loss(),
                "epochs_to_weights": path.epochs_to_weights(),
            }
        else:
            left["directions"] = [d._replace(half_life=None) for d in left["directions"]]
        return left

    def path(self, found: Coefficients) -> Trajectory:
        """Where training goes on from these coefficients."""
        bias = np.zeros(self.view.m) if found.bias is None else found.bias
        return Trajectory(
            self.view,
            1.0 if self.lr is None else self.lr,  # the shares of the gap are the same at any rate
            self.momentum,
            self.scaling.to_view(found.weight, bias),
            found.bias is not None,
            self.nesterov,
            self.weight_decay,
            self.velocity,
            self.dampening,
            self.penalty,
        )
