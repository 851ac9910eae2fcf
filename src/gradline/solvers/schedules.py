"""Schedules: rates that change from epoch to epoch, as `torch.optim.lr_scheduler` has them, and the best ones."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol, Self, TypeGuard

import numpy as np

from gradline.core.arguments import is_real, is_whole
from gradline.core.errors import UsageError


class Schedule(Protocol):
    """The rates of a run. It is a frozen record; `resolved` has every number that they depend on.

    One more schedule is a class with these members and a row in `SCHEDULES`.
    """

    word: str  # what the command line calls it

    @property
    def lr(self) -> float | str:
        """The rate of the first epoch, "auto" until it is resolved."""
        ...

    def resolved(self, epochs: int, lr: float) -> Self:
        """Itself for a run of so many epochs; `lr` is the rate where "auto" was asked for."""
        ...

    def rates(self, first: int, count: int) -> np.ndarray:
        """The rates (count,) of the epochs from `first` on; the first of all is 0."""
        ...

    def params(self) -> dict[str, Any]:
        """The settings as plain JSON, but for `lr`."""
        ...


def expect_rate(lr: Any) -> None:
    """Refuse what is no rate. Raises `UsageError`."""
    if lr != "auto" and not (is_real(lr) and lr > 0):
        raise UsageError("lr-invalid", f"lr is {lr}", "give a positive number, or auto")


@dataclass(frozen=True)
class Step:
    """lr·gammaᵏ after k·`step_size` epochs: `torch.optim.lr_scheduler.StepLR`.

    Parameters: `lr` of the first epochs, "auto" (default) for that which settles first; `step_size` epochs at each
    rate, 30; `gamma` from 0 to 1, 0.1 as in PyTorch. Raises `UsageError` for one outside its range.

    >>> import gradline
    >>> gradline.Step(0.1, step_size=2).rates(0, 5).round(4).tolist()
    [0.1, 0.1, 0.01, 0.01, 0.001]
    """

    lr: float | str = "auto"
    step_size: int = 30
    gamma: float = 0.1

    word = "step"

    def __post_init__(self) -> None:
        expect_rate(self.lr)
        _expect_gamma(self.gamma)
        if not is_whole(self.step_size, 1):
            raise UsageError(
                "step-size-invalid", f"step_size is {self.step_size}", "give a whole number of epochs from 1"
            )

    def resolved(self, epochs: int, lr: float) -> "Step":  # noqa: ARG002 - its rates need no end
        """Itself, with its rate."""
        return replace(self, lr=float(lr if self.lr == "auto" else self.lr))

    def rates(self, first: int, count: int) -> np.ndarray:
        """lr·gamma^⌊epoch/step_size⌋."""
        return float(self.lr) * float(self.gamma) ** (np.arange(first, first + count) // self.step_size)

    def params(self) -> dict[str, Any]:
        """The settings as plain JSON, but for `lr`."""
        return {"schedule": self.word, "step_size": int(self.step_size), "gamma": float(self.gamma)}


@dataclass(frozen=True)
class Exponential:
    """lr·gammaᵏ in epoch k, counted from 0: `torch.optim.lr_scheduler.ExponentialLR`.

    Parameters: `lr` of the first epoch, "auto" (default) for that which settles first; `gamma` from 0 to 1, 0.95.
    Raises `UsageError` for one outside its range.

    >>> import gradline
    >>> gradline.Exponential(0.1, gamma=0.5).rates(0, 3).tolist()
    [0.1, 0.05, 0.025]
    """

    lr: float | str = "auto"
    gamma: float = 0.95

    word = "exponential"

    def __post_init__(self) -> None:
        expect_rate(self.lr)
        _expect_gamma(self.gamma)

    def resolved(self, epochs: int, lr: float) -> "Exponential":  # noqa: ARG002 - its rates need no end
        """Itself, with its rate."""
        return replace(self, lr=float(lr if self.lr == "auto" else self.lr))

    def rates(self, first: int, count: int) -> np.ndarray:
        """lr·gamma^epoch."""
        return float(self.lr) * float(self.gamma) ** np.arange(first, first + count)

    def params(self) -> dict[str, Any]:
        """The settings as plain JSON, but for `lr`."""
        return {"schedule": self.word, "gamma": float(self.gamma)}


@dataclass(frozen=True)
class Cosine:
    """eta_min + (lr − eta_min)·(1 + cos(π·epoch/N))/2 over the N epochs of the run.

    That is `torch.optim.lr_scheduler.CosineAnnealingLR` with T_max = N. Loshchilov, Hutter 2017.

    Parameters: `lr` of the first epoch, "auto" (default) for that which settles first; `eta_min`, where it ends, 0;
    `epochs` N, None (default) for those of the run. Raises `UsageError` for one outside its range.

    >>> import gradline
    >>> gradline.Cosine(0.1, epochs=4).rates(0, 4).round(4).tolist()
    [0.1, 0.0854, 0.05, 0.0146]
    """

    lr: float | str = "auto"
    eta_min: float = 0.0
    epochs: int | None = None

    word = "cosine"

    def __post_init__(self) -> None:
        expect_rate(self.lr)
        highest = math.inf if self.lr == "auto" else float(self.lr)
        if not (is_real(self.eta_min) and 0 <= self.eta_min <= highest):
            raise UsageError("eta-min-invalid", f"eta_min is {self.eta_min}", "give a number from 0 to lr")
        if self.epochs is not None and not is_whole(self.epochs, 1):
            raise UsageError("epochs-invalid", f"epochs is {self.epochs}", "give a whole number from 1")

    def resolved(self, epochs: int, lr: float) -> "Cosine":
        """Itself, with its rate and its end."""
        rate = float(lr if self.lr == "auto" else self.lr)
        return replace(self, lr=rate, epochs=max(epochs, 1) if self.epochs is None else self.epochs)

    def rates(self, first: int, count: int) -> np.ndarray:
        """Half a wave."""
        wave = (1 + np.cos(np.pi * np.arange(first, first + count) / (self.epochs or 1))) / 2
        return self.eta_min + (float(self.lr) - self.eta_min) * wave

    def params(self) -> dict[str, Any]:
        """The settings as plain JSON, but for `lr`."""
        return {"schedule": self.word, "eta_min": float(self.eta_min)}


@dataclass(frozen=True)
class Chebyshev:
    """The N rates after which the worst error is least: inverse roots of the Chebyshev polynomial on the curvatures.

    1/lr_k = (λmax + λmin)/2 + (λmax − λmin)/2·cos((2k − 1)π/2N). After all N epochs every error is at most 1/T_N(x) of
    what it was, x = (λmax + λmin)/(λmax − λmin), which no other N rates reach (Young 1953). Many of the rates alone are
    far above the limit: their order keeps what one adds small enough for the others to take away (in pairs and triples
    of mirrored roots, Lebedev, Finogenov 1971). So it is all N epochs or none.

    Parameters: `lowest` and `highest`, the curvatures between which errors should shrink; None (default) for those of
    the data. `epochs` N, None (default) for those of the run.

    >>> import gradline
    >>> rates = gradline.Chebyshev(1.0, 9.0, epochs=4)
    >>> rates.rates(0, 4).round(3).tolist(), round(rates.factor, 4)
    ([0.115, 0.767, 0.153, 0.288], 0.1245)
    """

    lowest: float | None = None
    highest: float | None = None
    epochs: int | None = None

    word = "chebyshev"

    def __post_init__(self) -> None:
        for name in ("lowest", "highest"):
            value = getattr(self, name)
            if value is not None and not (is_real(value) and value > 0):
                raise UsageError(
                    "curvature-invalid", f"{name} is {value}", "give a positive curvature, or none"
                )

    @property
    def lr(self) -> float | str:
        """The first rate."""
        return "auto" if None in (self.lowest, self.highest, self.epochs) else float(self.rates(0, 1)[0])

    def resolved(self, epochs: int, lr: float) -> "Chebyshev":  # noqa: ARG002 - it has rates of its own
        """Itself, for so many epochs."""
        return replace(self, epochs=max(epochs, 1) if self.epochs is None else self.epochs)

    def rates(self, first: int, count: int) -> np.ndarray:
        """Those of its epochs, and after the last one the same again."""
        rates = _inverse_roots(float(self.lowest or 0), float(self.highest or 0), int(self.epochs or 1))
        return rates[np.arange(first, first + count) % len(rates)]

    @property
    def factor(self) -> float:
        """1/T_N(x): the share of an error, of any curvature between the two, that is left at most."""
        low, high = float(self.lowest or 0), float(self.highest or 0)
        if low == high:
            return 0.0
        # arccosh of x = (1 + r)/(1 − r), r = low/high: log((1 + √r)/(1 − √r)), without cancellation.
        root = math.sqrt(low / high)
        swing = int(self.epochs or 1) * (math.log1p(root) - math.log1p(-root))
        return 2 * math.exp(-swing) / (1 + math.exp(-2 * swing))

    def params(self) -> dict[str, Any]:
        """The settings as plain JSON, but for `lr`."""
        return {"schedule": self.word}


@lru_cache(maxsize=8)
def _inverse_roots(low: float, high: float, count: int) -> np.ndarray:
    """The rates (count,) in their order."""
    roots = np.cos((2 * np.asarray(stable_order(count)) + 1) * np.pi / (2 * count))
    return 1 / ((high + low) / 2 + (high - low) / 2 * roots)


def stable_order(count: int) -> Sequence[int]:
    """The numbers 0 to count − 1 of Chebyshev's roots, so that no product of the first few, or of the last, is large.

    An even number is that of half as many, each beside its mirror image; of three times as many each beside the two
    with which it makes a root of a third of the degree; of other odd numbers the middle one comes last.
    """
    if count == 1:
        return [0]
    if count % 2 == 0:
        return [j for i in stable_order(count // 2) for j in (i, count - 1 - i)]
    if count % 3 == 0:
        third = count // 3
        return [j for i in stable_order(third) for j in (i, 2 * third - 1 - i, 2 * third + i)]
    middle = count // 2
    return [i + (i >= middle) for i in stable_order(count - 1)] + [middle]


SCHEDULES = {kind.word: kind for kind in (Step, Exponential, Cosine, Chebyshev)}


def is_schedule(lr: "Rate") -> TypeGuard[Schedule]:
    """Whether a rate is a schedule of rates."""
    return hasattr(lr, "rates")


def is_left_to_gradline(lr: "Rate") -> bool:
    """Whether the rate is "auto", or that with which a schedule begins."""
    return (lr.lr if is_schedule(lr) else lr) == "auto"


def rate_of(lr: "Rate", epoch: int) -> float:
    """The rate of an epoch, counted from 0, of a constant or a schedule."""
    return float(lr.rates(epoch, 1)[0]) if is_schedule(lr) else float(lr)  # type: ignore[arg-type]


def rate_params(lr: "Rate") -> dict[str, Any]:
    """A constant or a schedule as plain JSON: its first rate, and how it goes on."""
    if is_schedule(lr):
        return {"lr": lr.lr, **lr.params()}
    return {"lr": lr if isinstance(lr, str) else float(lr)}  # type: ignore[arg-type]


Rate = float | str | Schedule


def _expect_gamma(gamma: Any) -> None:
    if not (is_real(gamma) and 0 < gamma <= 1):
        raise UsageError(
            "gamma-invalid",
            f"gamma is {gamma}",
            "give a number above 0 and up to 1: rates that rise are not served",
        )
