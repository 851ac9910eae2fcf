"""The curvature of the loss by direction: the rates that the data can bear, and what is slow."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradline.core.linalg.triangular import finite, thin_svd
from gradline.core.text import joined, listed, percent
from gradline.moments.rank import determined_factor
from gradline.moments.state import Moments, once
from gradline.solvers.heavy_ball import rates

_PART = 0.005  # of the limit: less is no part worth telling


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Curvature of the loss by direction: H = 2/(m·W)·AᵀA = Q·diag(λ)·Qᵀ, largest first.

    λ comes from the singular values of the raw factor A, not from H, which would square its condition.
    Directions that the data leave undetermined are left out. A parameter is called "bias" or
    by its feature.
    """

    parameters: tuple[str, ...]
    curvatures: np.ndarray
    singular: np.ndarray
    left: np.ndarray
    directions: np.ndarray

    @classmethod
    def of(cls, moments: Moments, bias: bool = True) -> "Spectrum":
        """The spectrum of these moments, with or without a bias."""
        return _spectrum(moments, bias)

    @property
    def largest(self) -> float:
        """λmax."""
        return float(self.curvatures.max(initial=0.0))

    @property
    def smallest(self) -> float:
        """λmin, over the directions that the data determine."""
        return float(self.curvatures.min()) if len(self.curvatures) else 0.0

    @property
    def condition(self) -> float:
        """σmax/σmin of [1 X], over the directions that count; the Hessian's condition is its square."""
        return math.sqrt(self.largest / self.smallest) if self.smallest else 1.0

    def lr_limit(self, momentum: float = 0.0, nesterov: bool = False) -> float:
        """2·(1 + momentum)/λmax: the full batch is stable below it and only below it (Polyak 1964).

        Nesterov's roots, of z² − (1 + μ)(1 − a)·z + μ·(1 − a), a = lr·λ, reach −1 at a = (2 + 2μ)/(1 + 2μ).
        """
        ahead = 1.0 + 2.0 * momentum if nesterov else 1.0
        return 2.0 * (1.0 + momentum) / ahead / self.largest if self.largest else math.inf

    def best_lr(self, momentum: float = 0.0) -> float:
        """2·(1 + momentum)/(λmax + λmin): the rate that finishes first, at which the slowest direction is fastest.

        Always below the limit, also where λmin is lost beside λmax in float64.
        """
        if not self.largest:
            return 1.0
        best = 2.0 * (1.0 + momentum) / (self.largest + self.smallest)
        return min(best, math.nextafter(self.lr_limit(momentum), 0.0))

    @property
    def whitening(self) -> np.ndarray:
        """V (q, r) with VᵀHV the identity, over the directions that the data determine."""
        return self.directions / np.sqrt(self.curvatures)

    def mean_square_limit(self, M: np.ndarray, noise: float) -> float:
        """The largest lr with lr·[(1 − noise)·H² + noise·M] ≼ 2H: batches whose noise shrinks in mean square.

        M is the second moment of one row's Hessian, given as VᵀMV (r, r), V the `whitening`; `noise` is its share,
        (n − b)/(b(n − 1)) for b of n rows. At noise 0 it is 2/λmax. Without momentum.
        """
        matrix = (1.0 - noise) * np.diag(self.curvatures) + noise * M
        return float(2.0 / np.linalg.eigvalsh(finite(matrix)).max()) if len(matrix) else math.inf

    def growth(self, lr: float, momentum: float = 0.0, nesterov: bool = False) -> float:
        """The factor by which the fastest growing error grows per epoch; below one all errors shrink."""
        steps = lr * self.curvatures
        kept = momentum * (1 - steps) if nesterov else momentum
        return float(np.exp(rates(steps, kept).max(initial=-math.inf)))

    def shares(self) -> list[tuple[str, float]]:
        """How much each parameter has of the direction that limits the rate, largest first."""
        squares = self.directions[:, 0] ** 2
        order = np.argsort(-squares, kind="stable")
        return [(self.parameters[j], float(squares[j])) for j in order]

    def limited_by(self) -> str:
        """Which parameters set the limit of the rate, as a clause: those with half a per cent of it, six at most."""
        return limit_set_by(self.shares(), "this limit")

    def columns(self, i: int) -> str:
        """The columns behind direction i: those that carry it, one sign against the other."""
        vector = self.directions[:, i]
        squares = vector**2
        order = np.argsort(-squares, kind="stable")
        needed = int(np.searchsorted(np.cumsum(squares[order]), 0.97)) + 1
        carried = [j for j in order[:needed] if squares[j] >= 0.02 * squares[order[0]]][:6]
        sides = [[self._name(j) for j in carried if np.sign(vector[j]) == sign] for sign in (1, -1)]
        first, second = sides if np.sign(vector[order[0]]) > 0 else sides[::-1]
        return joined(first) + (f" against {joined(second)}" if second else "")

    def _name(self, j: int) -> str:
        name = self.parameters[j]
        return "the bias" if name == "bias" and j == 0 else name


def limit_set_by(shares: Sequence[tuple[str, float]], limit: str) -> str:
    """`Spectrum.limited_by` of these shares."""
    told = listed([f"{name} {percent(share)}" for name, share in shares if share >= _PART], 6)
    return f"what sets {limit}: {told}; large values lower it"


@once
def _spectrum(moments: Moments, bias: bool) -> Spectrum:
    left, singular, right = thin_svd(determined_factor(moments, bias).A)
    names = (("bias",) if bias else ()) + moments.features
    curvatures = 2.0 * singular**2 / (moments.m * moments.weight_sum)
    return Spectrum(names, curvatures, singular, left, right.T)
