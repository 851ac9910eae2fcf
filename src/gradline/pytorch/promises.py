"""Whether parameters of so few digits can go the way that a certificate promises: what rounding holds up on it."""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch

from gradline.core.text import number
from gradline.model.certificate import Certificate
from gradline.pytorch.asking import rounding
from gradline.solvers.heavy_ball import LAST_EPOCH
from gradline.solvers.problem import Problem, stacked
from gradline.solvers.trajectory import LOSS_EXCESS, WEIGHTS_SHRINK, Trajectory

_HELD = 0.1  # of an error that is to be left: of 1,500 runs in 16 and 32 bits none below it ended above 1.01 for 1 %

_TIED = 1 + 1e-9  # with momentum all directions that swing fade at one rate


@dataclass(frozen=True, eq=False)
class Way:
    """The updates of `path` that are to come, in numbers of the type of `weight`."""

    path: Trajectory
    problem: Problem
    weight: torch.Tensor

    def kept(self, certificate: Certificate) -> Certificate:
        """The certificate with those of its times that this type can keep, and why it cannot keep the others.

        What rounding holds up, all updates together, must stay below a tenth of the error that is promised to be left:
        in the loss, in the slowest direction, and in each direction where it has halved.
        """
        near, far = certificate.epochs_to_loss, certificate.epochs_to_weights
        if far is None or math.isinf(far):
            return certificate
        held, parts = self.path.held(self._rounded(far)), self.path.parts()
        order, slowest = np.argsort(-parts, kind="stable"), self.path.rates >= _TIED * self.path.rates.max()
        pairs = zip(order, certificate.directions, strict=False)
        halves = [d if held[i] <= _HELD**2 * parts[i] / 4 else d._replace(half_life=None) for i, d in pairs]
        certificate = replace(certificate, directions=halves)
        is_near, allowed = near is not None and math.isfinite(near), LOSS_EXCESS * self.path.optimal_loss
        if near is not None and is_near and held.sum() > _HELD**2 * allowed * self.problem.cells:
            return _without(certificate, f"No epochs are promised: {self._why(near, held)}.")
        if held[slowest].sum() <= (_HELD / WEIGHTS_SHRINK) ** 2 * parts[slowest].sum():
            return certificate
        why = self._why(far, np.where(slowest, held, 0.0))
        if not is_near:
            return _without(certificate, f"No epochs are promised: {why}.")
        said = f"No time is promised for the slowest error: {why}."
        return replace(certificate, epochs_to_weights=None, remarks=[*certificate.remarks, said])

    def _rounded(self, epochs: float) -> np.ndarray:
        """How far rounding may take θ (q, m) from where an update should, from here to that epoch.

        That is half the spacing of its type; and lr/(1 − μ) times what it does to the gradient, a unit of what that is
        the sum of, at most 2/(m·W)·‖x_j‖·(Σ‖x_k‖·|θ_k| + ‖y‖).
        """
        A, B, C = self.problem.factor
        norms, targets = (
            np.linalg.norm(A, axis=0),
            np.hypot(np.linalg.norm(B, axis=0), np.linalg.norm(C, axis=0)),
        )
        largest = np.maximum(np.abs(self._theta(0)), np.abs(self._theta(epochs)))
        size = 2.0 / self.problem.cells * norms[:, None] * (norms @ largest + targets)
        own, exact = torch.finfo(self.weight.dtype), torch.get_float32_matmul_precision() == "highest"
        unit = own.eps / 2 if exact else rounding(self.weight.dtype, self.weight.device)
        return own.eps / 2 * _power(np.maximum(largest, own.tiny)) + self._reach * unit * size

    @property
    def _reach(self) -> float:
        """lr/(1 − μ), by which a gradient that stays moves θ in the end."""
        return self.path.lr / (1 - self.path.momentum) if self.path.momentum < 1 else math.inf

    def _theta(self, epochs: float) -> np.ndarray:
        point = self.path.at(int(min(epochs, LAST_EPOCH)))
        return stacked((point.weight, point.bias), self.problem.moments, self.problem.bias)

    def _why(self, epochs: float, held: np.ndarray) -> str:
        """Where it fails: the parameter that rounding moves most in the direction that it holds up most."""
        rounded, theta = self._rounded(epochs), self._theta(epochs)
        along = np.abs(self.path.spectrum.directions[:, int(np.argmax(held))])
        j, target = np.unravel_index(np.argmax(along[:, None] * rounded), rounded.shape)
        gradient = self.problem.gradient(theta) + self.path.weight_decay * theta
        name = self.path.spectrum.parameters[j]
        name = name if name == "bias" else f"weight of {name}"
        kind = str(self.weight.dtype).removeprefix("torch.")
        return (
            f"{kind} rounds the {name}, {number(theta[j, target])}, by up to {number(rounded[j, target])} an update, "
            f"too much beside the {number(abs(self._reach * gradient[j, target]))} by which the last ones there move it"
        )


def _without(certificate: Certificate, remark: str) -> Certificate:
    """It without any time, and the remark."""
    directions = [d._replace(half_life=None) for d in certificate.directions]
    return replace(
        certificate,
        lr_limit=None,
        epochs_to_loss=None,
        epochs_to_weights=None,
        directions=directions,
        remarks=[*certificate.remarks, remark],
    )


def _power(values: np.ndarray) -> np.ndarray:
    """The largest power of two that is not above each."""
    return np.exp2(np.floor(np.log2(values)))
