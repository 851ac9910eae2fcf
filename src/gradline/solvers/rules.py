"""Step 4 of the five: how a gradient moves the parameters, as the optimisers of `torch.optim` do it."""

import math
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np

from gradline.core.arguments import is_real
from gradline.core.errors import UsageError
from gradline.solvers.spectrum import Spectrum

CLIP_EPS = 1e-6  # beside a norm that is divided by, as in torch.nn.utils.clip_grad_norm_


class Rule(Protocol):
    """A frozen record of settings; what changes is θ, and `slots` arrays of its shape that the rule remembers."""

    @property
    def slots(self) -> int:
        """How many arrays it remembers, at least one."""
        ...

    is_arithmetic: bool  # whether `moved` is plain arithmetic, on the arrays of a device too

    def moved(
        self, theta: np.ndarray, gradient: np.ndarray, memory: np.ndarray, lr: float, done: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """θ and the memory (slots, q, m) after the update that follows `done` others."""
        ...

    def stopped(self, memory: np.ndarray, back: np.ndarray, lr: float) -> np.ndarray:
        """The memory where a penalty then took θ back by `back` of what the update had moved it."""
        ...

    def numbers(self) -> tuple[float, ...]:
        """What the compiled loop knows it by: which it is, and five settings."""
        ...

    def params(self) -> dict[str, Any]:
        """The settings as plain JSON; of those that a run may do without, the ones asked for."""
        ...


@dataclass(frozen=True)
class HeavyBall:
    """v ← momentum·v + (1 − dampening)·g and θ ← θ − lr·v, with `nesterov` θ ← θ − lr·(g + momentum·v).

    That is `torch.optim.SGD`: the first update has v = g, whatever the dampening. Polyak 1964; Sutskever, Martens,
    Dahl, Hinton 2013.
    """

    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False

    slots = 1
    is_arithmetic = True

    def __post_init__(self) -> None:
        if not (is_real(self.momentum) and 0 <= self.momentum <= 1):
            raise UsageError("momentum-invalid", f"momentum is {self.momentum}", "give a number from 0 to 1")
        if not (is_real(self.dampening) and 0 <= self.dampening < 1):
            raise UsageError(
                "dampening-invalid",
                f"dampening is {self.dampening}",
                "give a number from 0 to below 1, at which no gradient but the first would count",
            )
        if self.nesterov and (not self.momentum or self.dampening):
            raise UsageError(
                "nesterov-without-momentum",
                f"nesterov with momentum {self.momentum:g} and dampening {self.dampening:g}: it looks ahead along what "
                "momentum carries on, undamped",
                "add momentum, such as 0.9, and no dampening",
            )

    def moved(
        self, theta: np.ndarray, gradient: np.ndarray, memory: np.ndarray, lr: float, done: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """θ and v after the update."""
        if not self.momentum:
            return theta - lr * gradient, gradient[None]
        kept = 1.0 if done == 0 else 1.0 - self.dampening
        memory = self.momentum * memory + kept * gradient
        step = gradient + self.momentum * memory[0] if self.nesterov else memory[0]
        return theta - lr * step, memory

    def stopped(self, memory: np.ndarray, back: np.ndarray, lr: float) -> np.ndarray:
        """v as θ really moved, so that a weight which its penalty holds at zero gathers no speed there."""
        return memory + back / lr if self.momentum and lr else memory

    def numbers(self) -> tuple[float, ...]:
        """Rule 0."""
        return (0.0, float(self.momentum), float(self.dampening), float(self.nesterov), 0.0, 0.0)

    def params(self) -> dict[str, Any]:
        """`momentum`, and what differs from the defaults."""
        found: dict[str, Any] = {"momentum": float(self.momentum)}
        if self.dampening:
            found["dampening"] = float(self.dampening)
        return found | ({"nesterov": True} if self.nesterov else {})

    @property
    def share(self) -> float:
        """What of each gradient but the first counts: at lr the rule is the undamped one at share·lr."""
        return 1.0 - self.dampening if self.momentum else 1.0

    def limit(self, spectrum: Spectrum) -> float:
        """The largest stable rate."""
        return spectrum.lr_limit(self.momentum, self.nesterov) / self.share

    def first_to_settle(self, spectrum: Spectrum) -> float:
        """The rate at which the slowest direction is fastest, or, looking ahead, at most nine tenths of the limit."""
        best = spectrum.best_lr(self.momentum) / self.share
        return min(best, 0.9 * self.limit(spectrum)) if self.nesterov else best

    def growth(self, spectrum: Spectrum, lr: float) -> float:
        """The factor by which the fastest growing error grows per update."""
        return spectrum.growth(self.share * lr, self.momentum, self.nesterov)


@dataclass(frozen=True)
class Adaptive:
    """m ← β₁·m + (1 − β₁)·g, s ← β₂·s + (1 − β₂)·g², θ ← θ − lr·m̂/(√ŝ + eps), m̂ = m/(1 − β₁ᵗ), ŝ = s/(1 − β₂ᵗ).

    That is `torch.optim.Adam`, and with `decay`, by which θ first shrinks as θ·(1 − lr·decay), `torch.optim.AdamW`;
    `amsgrad` divides by the largest s so far. Kingma, Ba 2015; Reddi, Kale, Kumar 2018; Loshchilov, Hutter 2019.
    """

    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    amsgrad: bool = False
    decay: float = 0.0

    is_arithmetic = False

    def __post_init__(self) -> None:
        pair = cast("tuple[Any, ...]", self.betas if isinstance(cast(object, self.betas), tuple) else ())
        if not (len(pair) == 2 and all(is_real(b) and 0 <= b < 1 for b in pair)):
            raise UsageError(
                "betas-invalid",
                f"betas is {pair}",
                "give two numbers from 0 to below 1, such as (0.9, 0.999)",
            )
        if not (is_real(self.eps) and self.eps > 0):
            raise UsageError(
                "eps-invalid", f"eps is {self.eps}", "give a small positive number, such as 1e-8"
            )

    @property
    def slots(self) -> int:
        """m, s, and the largest s."""
        return 2 + bool(self.amsgrad)

    def moved(
        self, theta: np.ndarray, gradient: np.ndarray, memory: np.ndarray, lr: float, done: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """θ and the moments after the update."""
        first, second = self.betas
        after = memory.copy()
        after[0] += (1 - first) * (gradient - after[0])
        after[1] = second * after[1] + (1 - second) * gradient * gradient
        if self.amsgrad:
            after[2] = np.maximum(after[2], after[1])
        size = np.sqrt(after[-1]) / math.sqrt(1 - second ** (done + 1)) + self.eps
        return theta * (1 - lr * self.decay) - lr / (1 - first ** (done + 1)) * (after[0] / size), after

    def stopped(self, memory: np.ndarray, back: np.ndarray, lr: float) -> np.ndarray:  # noqa: ARG002
        """No penalty takes anything back: those with kinks are refused."""
        return memory

    def params(self) -> dict[str, Any]:
        """All of them, and `weight_decay` where θ itself shrinks."""
        found = {
            "betas": ",".join(f"{float(share):g}" for share in self.betas),
            "eps": float(self.eps),
            "amsgrad": bool(self.amsgrad),
        }
        return found | ({"weight_decay": float(self.decay)} if self.decay else {})

    def numbers(self) -> tuple[float, ...]:
        """Rule 1."""
        return (1.0, *map(float, self.betas), float(self.eps), float(self.amsgrad), float(self.decay))


def clipped(gradient: np.ndarray, most: float) -> np.ndarray:
    """The gradient, or one as long as `most` in its direction where it is longer; as it is for 0.

    `torch.nn.utils.clip_grad_norm_(parameters, most)`, to the rounding of its 1e-6. Pascanu, Mikolov, Bengio 2013.
    """
    if not most:
        return gradient
    return gradient * min(1.0, most / (float(np.linalg.norm(gradient)) + CLIP_EPS))


def expect_clip(clip: Any) -> None:
    """Refuse a length that is none. Raises `UsageError`."""
    if not (is_real(clip) and clip >= 0):
        raise UsageError(
            "clip-invalid", f"clip is {clip}", "give the largest norm of a gradient; 0 clips none"
        )
