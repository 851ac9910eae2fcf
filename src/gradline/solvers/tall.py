"""The rows of a problem in memory, their columns standardised, with the penalty as rows of its own below them."""

import math
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from gradline.core.linalg.double_double import two_prod
from gradline.core.linalg.triangular import UNIT
from gradline.data.row_block import RowBlock
from gradline.data.row_cache import pieces
from gradline.moments.rank import Rank
from gradline.solvers.problem import Problem


@dataclass(frozen=True, eq=False)
class Tall:
    """Σ w·ρ(y − A·θ) of each target: its loss and penalty, times m·W.

    A (n, q) has the ones of the bias first, then columns of mean 0 and variance 1; Y is (n, m), w (n,). ρ of each row
    is told by its `Slopes` low, high, width (n,), for below the `data` first rows stand those of the penalty: alpha·|w|
    and alpha/2·w² are losses too, of the residual 0 − w. θ are the bias, and slopes along the `basis` (q, p) of what
    the columns tell apart, None where they all are. `center`, `scale` (p,) lead back to raw units.
    """

    A: np.ndarray
    Y: np.ndarray
    w: np.ndarray
    low: np.ndarray
    high: np.ndarray
    width: np.ndarray
    data: int
    bias: bool
    basis: np.ndarray | None
    center: np.ndarray
    scale: np.ndarray
    columns: np.ndarray  # (n, p): the standardised ones, of which A has combinations
    X: np.ndarray  # (data, p): the columns as they are
    gram: np.ndarray  # (q, q): Aᵀ·W·A of the rows of data, from their moments

    @classmethod
    def of(cls, problem: Problem) -> "Tall":
        """The rows of a problem, each penalised weight a row more; made once for solver and judge."""
        found = _made.get(problem)
        if found is None:
            found = _made[problem] = cls._of(problem)
        return found

    @classmethod
    def _of(cls, problem: Problem) -> "Tall":
        moments, training, p = problem.moments, problem.scaling, problem.p
        rank = Rank.of(moments, problem.bias)
        block = in_one(problem)
        unit = np.where(rank.norms > 0, rank.norms / np.sqrt(moments.weight_sum), np.inf)
        center = moments.mean[:p] * training.scale + training.center if problem.bias else np.zeros(p)
        scale = np.where(rank.norms > 0, unit, 1.0) * training.scale
        columns = np.subtract(block.X, center)
        columns /= scale
        columns[:, rank.norms == 0] = 0.0
        below = _penalty_rows(problem, training.scale / scale)
        n, loss = len(columns), problem.loss.slopes
        if len(below):
            columns = np.vstack([columns, *(np.diag(slope) for slope, *_ in below)])
        basis = rank.kept if rank.deficiency and not below else None
        slopes = columns if basis is None else columns @ basis.T
        A = np.column_stack([np.arange(len(slopes)) < n, slopes]) if problem.bias else slopes
        w = np.ones(n) if block.w is None else np.asarray(block.w, float)

        def whole(first: np.ndarray | float, index: int) -> np.ndarray:
            return np.concatenate(
                [np.broadcast_to(first, n), *(np.broadcast_to(one[index], p) for one in below)]
            )

        return cls(
            np.ascontiguousarray(A),
            np.vstack([block.Y, np.zeros((len(A) - n, problem.m))]),
            *(whole(first, i) for i, first in enumerate((w, *loss), start=1)),
            data=n,
            bias=problem.bias,
            basis=basis,
            center=center,
            scale=scale,
            columns=columns,
            X=block.X,
            gram=_gram(rank, basis, problem.bias),
        )

    @property
    def sample(self) -> "Tall | None":
        """One row in so many, where there are far more than are needed to come near the answer; else None."""
        step = self.data // max(_SAMPLE, 50 * self.A.shape[1])
        if step < 4:  # then the rows themselves cost as little
            return None
        found = self.take(np.concatenate([np.arange(0, self.data, step), np.arange(self.data, len(self.A))]))
        w = np.where(np.arange(len(found.w)) < found.data, found.w, found.w / step)
        return replace(found, w=w, gram=self.gram / step)

    def take(self, which: np.ndarray) -> "Tall":
        """Some of the rows, by their numbers, which rise; `gram` stays that of all."""
        rows = {
            name: getattr(self, name)[which] for name in ("A", "Y", "w", "low", "high", "width", "columns")
        }
        data = int(np.count_nonzero(which < self.data))
        return replace(self, **rows, data=data, X=self.X[which[:data]])

    def raw(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """weight (m, p) and bias (m,) in raw units of θ (q, m)."""
        slopes = theta[int(self.bias) :]
        weight = (slopes if self.basis is None else self.basis.T @ slopes).T / self.scale
        level = theta[0] if self.bias else np.zeros(theta.shape[1])
        return weight, level - weight @ self.center

    def own(self, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
        """θ (q, m) of raw weight (m, p) and bias (m,)."""
        slopes = (weight * self.scale).T
        slopes = slopes if self.basis is None else self.basis @ slopes
        return np.vstack([bias + weight @ self.center, slopes]) if self.bias else slopes

    def residual(self, weight: np.ndarray, bias: float, j: int) -> tuple[np.ndarray, np.ndarray]:
        """Those (n,) of raw weight (p,) and bias for target j, and what rounding may have done to each.

        The level bias + weight·center is exact to rounding, so that columns far from zero cost no digit.
        """
        products, rests = two_prod(weight, self.center)
        level = math.fsum([bias, *products.tolist(), *rests.tolist()])
        off = self.Y[:, j].copy()
        off[: self.data] -= level
        moves = self.columns * (weight * self.scale)
        found = off - moves.sum(axis=1)
        known = (len(weight) + 4) * UNIT * (np.abs(off) + np.abs(moves).sum(axis=1))
        known[: self.data] += UNIT * abs(level)
        return found, known

    def touching(self, weight: np.ndarray, bias: float, j: int, r: np.ndarray) -> np.ndarray:
        """The rows that a line in float64 may mean to go through: their residual is a rounding of its terms."""
        return np.flatnonzero(np.abs(r) <= self.rounded(weight, bias, j))

    def rounded(self, weight: np.ndarray, bias: float, j: int) -> np.ndarray:
        """What rounding of the coefficients and of their products may make of a residual (n,) of zero."""
        terms, moves = np.abs(self.Y[:, j]), np.abs(weight * self.scale)
        level = abs(bias + float(weight @ self.center))
        terms[: self.data] += np.abs(self.X) @ np.abs(weight) + abs(bias)
        terms += np.abs(self.columns) @ moves + max(level, float(moves.max()))
        return 8 * UNIT * terms

    def exact_residual(self, weight: np.ndarray, bias: float, j: int, rows: np.ndarray) -> np.ndarray:
        """The residuals of some rows, each rounded once."""
        found = -(self.columns[rows] @ (weight * self.scale))  # of the penalty's, which are of one term
        lying = np.flatnonzero(rows < self.data)
        products, rests = two_prod(-self.X[rows[lying]], weight)
        terms = np.column_stack([self.Y[rows[lying], j], np.full(len(lying), -bias), products, rests])
        found[lying] = [math.fsum(row) for row in terms.tolist()]
        return found


_made: WeakKeyDictionary[Problem, Tall] = WeakKeyDictionary()  # a model keeps no problem, so it keeps no rows
_SAMPLE = 4000  # rows from which a first answer is found


def _gram(rank: Rank, basis: np.ndarray | None, bias: bool) -> np.ndarray:
    """Aᵀ·W·A of columns of mean 0 and variance 1, or of combinations of them, below the ones of a bias."""
    unit = rank.unit if basis is None else rank.unit @ basis.T
    slopes = rank.weight_sum * (unit.T @ unit)
    if not bias:
        return slopes
    whole = np.zeros((len(slopes) + 1, len(slopes) + 1))
    whole[0, 0], whole[1:, 1:] = rank.weight_sum, slopes
    return whole


def in_one(problem: Problem) -> RowBlock:
    """All rows of a problem at once."""
    rows, count = problem.expect_rows(), problem.moments.rows
    lying = rows.in_place
    if lying is not None and lying.rows == count:
        return lying
    return next(pieces(rows, count))


def _penalty_rows(problem: Problem, share: np.ndarray) -> list[tuple[np.ndarray, Any, float, float, float]]:
    """The kinds of rows that an elastic net is: of each the slopes (p,) on the diagonal, w, low, high and width."""
    net, cells = problem.penalty.threshold, problem.cells
    if net is None:
        return []
    found: list[tuple[np.ndarray, Any, float, float, float]] = []
    if np.any(net.l1):
        found.append((share, net.l1 * cells, -1.0, 1.0, 0.0))
    if np.any(net.curvature):
        found.append((share, net.curvature * cells, -np.inf, np.inf, 1.0))
    return found


def dual_slope(tall: Tall, r: np.ndarray) -> np.ndarray:
    """The slope of ρ at residuals r (n,); 0, or the nearest allowed to it, at a kink."""
    bent = tall.width > 0
    steep = np.where(r > 0, tall.high, np.where(r < 0, tall.low, 0.0))
    return np.where(bent, np.clip(r / np.where(bent, tall.width, 1.0), tall.low, tall.high), steep)


def losses(tall: Tall, r: np.ndarray) -> np.ndarray:
    """w·ρ (n,) of residuals r (n,)."""
    s = dual_slope(tall, r)
    return tall.w * s * (r - tall.width * s / 2)


def summed(terms: np.ndarray) -> np.ndarray:
    """The sum over the first axis, as a tree: rounding grows with the logarithm of the number of terms."""
    while len(terms) > 1:
        half = len(terms) // 2
        joined = terms[:half] + terms[half : 2 * half]
        terms = joined if len(terms) % 2 == 0 else np.concatenate([joined, terms[-1:]])
    return terms[0] if len(terms) else np.zeros(terms.shape[1:])
