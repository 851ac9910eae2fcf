"""What a loop's loss function is, found by asking it: a loss of residuals, times what, averaged or summed."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

from gradline.core.errors import RequestError
from gradline.core.text import number
from gradline.model.probing import first_line
from gradline.solvers.losses import SQUARED, Absolute, Huber, Loss, Quantile

LossFunction = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

_FAR, _NEAR = (
    2.0**60,
    2.0**-60,
)  # residuals beyond every kink, and closer to zero than any; float32 holds their squares
_SAME = 1e-6  # of a slope, by which two are told apart
_DIGITS = 12  # of scales and kinks, which float64 reads off to more
# Of a loss and its slopes, which is rounding: in float64, and where a function runs in its own type alone.
_EXACT, _ROUGH = 1e-9, 1e-3
_DRAWN = 64  # residuals, from far below to far above the kink


class AskedLoss(NamedTuple):
    """`scale` times the mean, or with `is_sum` the sum, of `loss` over the cells of a batch."""

    loss: Loss
    scale: float = 1.0
    is_sum: bool = False

    def times(self, rows: float, targets: int) -> float:
        """How many times the mean loss of a batch of so many rows it gives."""
        return self.scale * (rows * targets if self.is_sum else 1.0)

    @property
    def remark(self) -> str | None:
        """What must be known to compare its values with those told here; None where they are the same."""
        if not self.is_sum and self.scale == 1:
            return None
        factor = "" if self.scale == 1 else f"{number(self.scale, 6)} times "
        if self.is_sum:
            return f"loss_fn gives {factor}a sum over rows and targets; losses told here are the {self.loss.mean}."
        return f"loss_fn gives {factor}the {self.loss.mean}; losses told here are that mean itself."


def asked_loss(loss_fn: LossFunction, predictions: torch.Tensor, targets: torch.Tensor) -> AskedLoss:
    """The loss that `loss_fn` computes for batches like this one.

    Its slope is taken by autograd at residuals far beyond every kink, on both sides, and close to zero: from these
    follow which loss it can be, where its kink is and what it is multiplied by; from a row beside another, whether rows
    are averaged. That guess must then give its value and its slopes for residuals of all sizes, for this batch and for
    one of its rows. Raises `RequestError` where no loss known here does.
    """
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        probes = _Probe.all(loss_fn, targets)
        for probe in probes:
            found = probe.guess()
            if found is not None and probe.agrees(found, predictions, targets):
                return found
        said = probes[-1].value(predictions.detach(), targets).item()
    raise RequestError(
        "loss-unknown",
        f"loss_fn gives {said:.6g} for the first batch, and is no multiple of a mean or a sum of squared errors, "
        "absolute errors, Huber or pinball losses",
        "use nn.MSELoss, L1Loss, HuberLoss or SmoothL1Loss, of whatever reduction; what is added to a loss for small "
        "weights goes to the optimiser as weight_decay",
    )


class _Probe(NamedTuple):
    """A loss function that is asked about errors of the shape of `like`, in a type in which it runs."""

    loss_fn: LossFunction
    like: torch.Tensor
    tolerance: float

    @classmethod
    def all(cls, loss_fn: LossFunction, targets: torch.Tensor) -> "list[_Probe]":
        """In float64, where it runs so, and in the type of the targets."""
        like = targets.detach()
        own, exact = cls(loss_fn, like, _ROUGH), cls(loss_fn, like.cpu().double().to(like.device), _EXACT)
        try:
            _ = exact.slopes(torch.zeros_like(exact.like))
        except (RequestError, TypeError):  # the latter of a device without float64
            return [own]
        return [exact, own]

    def value(self, predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """What it gives. Raises `RequestError` where that is no number."""
        try:
            found: Any = self.loss_fn(predictions, targets)
        except Exception as error:  # whatever somebody's function may raise
            raise RequestError(
                "loss-fails",
                f"loss_fn fails for a batch: {first_line(error)}",
                "give a function of (predictions, targets)",
            ) from error
        if not isinstance(found, torch.Tensor) or found.numel() != 1:
            what = (
                f"a tensor of shape {tuple(found.shape)}"
                if isinstance(found, torch.Tensor)
                else type(found).__name__
            )
            raise RequestError(
                "loss-not-a-number",
                f"loss_fn gives {what}, and training needs one number for a batch",
                'give the mean, as nn.MSELoss() does, or reduction="mean"',
            )
        return found

    def slopes(self, errors: torch.Tensor, targets: torch.Tensor | None = None) -> tuple[float, np.ndarray]:
        """Its value and its derivative by each prediction, where predictions are off by these errors."""
        targets = torch.zeros_like(errors) if targets is None else targets
        predictions = (targets + errors).detach().requires_grad_(True)
        value = self.value(predictions, targets)
        if not value.requires_grad:
            raise RequestError(
                "loss-without-gradient",
                "what loss_fn gives does not depend on the predictions as autograd sees it",
                "compute it by tensors, without .item(), .detach() or NumPy",
            )
        (slope,) = torch.autograd.grad(value, predictions, allow_unused=True)
        found = torch.zeros_like(errors) if slope is None else slope
        return value.item(), found.detach().cpu().double().numpy()

    def slope(self, error: float, rows: int = 1) -> float:
        """The derivative by the first prediction of so many rows, which alone is off."""
        errors = torch.zeros((rows, *self.like.shape[1:]), dtype=self.like.dtype, device=self.like.device)
        errors.view(-1)[0] = error
        return float(self.slopes(errors)[1].reshape(-1)[0])

    def guess(self) -> AskedLoss | None:
        """The only loss known here that has its slopes at these few residuals."""
        cells = self.like[0].numel()
        near, above, below = self.slope(_NEAR), self.slope(_FAR), self.slope(-_FAR)
        if not all(map(np.isfinite, (near, above, below))) or not near > 0 > below:
            return None
        shape = _shaped(near, above, below, self.slope(_NEAR / 2), self.slope(2 * _FAR))
        if shape is None:
            return None
        loss, scale = shape
        is_sum = _is_same(self.slope(_FAR, 2), above)
        return AskedLoss(loss, _rounded(scale if is_sum else scale * cells), is_sum)

    def agrees(self, found: AskedLoss, predictions: torch.Tensor, targets: torch.Tensor) -> bool:
        """Whether it is that loss, at residuals of all sizes, at this batch and at one row of it."""
        like, random = self.like, np.random.default_rng(0)
        unit = float(found.loss.slopes.high) if found.loss.slopes.width == 1 else 1.0
        cases = []
        for rows in {1, len(like)}:
            shape = (rows, *like.shape[1:])
            for _ in range(max(1, _DRAWN // int(np.prod(shape)))):
                sizes = unit * 10.0 ** random.uniform(-2, 2, shape) * random.choice([-1, 1], shape)
                cases.append((torch.as_tensor(sizes).to(like), None))
        errors = (predictions.detach() - targets).to(like)
        if torch.isfinite(errors).all():
            cases.append((errors, targets.detach().to(like)))
        return all(self._is(found, *case) for case in cases)

    def _is(self, found: AskedLoss, errors: torch.Tensor, targets: torch.Tensor | None) -> bool:
        value, slopes = self.slopes(errors, targets)
        y = np.zeros(errors.shape) if targets is None else targets.cpu().double().numpy()
        r = (torch.zeros_like(errors) if targets is None else targets) + errors
        eta = r.cpu().double().numpy()
        times = found.times(len(y), y[0].size)
        wanted, steep = times * found.loss.value(y, eta).mean(), times / y.size * found.loss.gradient(y, eta)
        bound = self.tolerance * np.abs(steep).max(initial=0.0)
        apart = np.abs(slopes - steep)[eta != y]  # at a kink functions choose their slope
        return bool(abs(value - wanted) <= self.tolerance * abs(wanted)) and bool((apart <= bound).all())


def _shaped(
    near: float, above: float, below: float, nearer: float, beyond: float
) -> tuple[Loss, float] | None:
    """The loss of a single cell, and what it is multiplied by, from its slopes near zero and far from it."""
    if not _is_same(above, beyond):
        return (SQUARED, near / _NEAR / 2) if _is_same(near / _NEAR, above / _FAR) else None
    is_even = _is_same(above, -below)
    if _is_same(near, above):
        # The slopes by ŷ are 1 − quantile above the target and −quantile below it, times the scale.
        return (
            (Absolute(), above) if is_even else (Quantile(_rounded(-below / (above - below))), above - below)
        )
    if is_even and _is_same(near, 2 * nearer):
        return Huber(_rounded(above * _NEAR / near)), near / _NEAR
    return None


def _is_same(a: float, b: float) -> bool:
    return abs(a - b) <= _SAME * max(abs(a), abs(b))


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
