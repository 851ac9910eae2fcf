"""The loss that a model names, defined anew, over its rows: its value, and how far down a line can still go."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradline.data.row_stream import RowStream
from gradline.model.verify.own_penalty import OwnPenalty
from gradline.model.verify.row_sums import BLOCK_ROWS, residual_of
from gradline.model.verify.tolerance import UNIT

_NEWTON = 40  # steps downhill of a loss whose slope bends
_EDGES = 60  # steps along edges, and as many times the coefficients over 4, of one whose slope jumps
_TOUCH = 16 * UNIT  # of its terms: a residual that rounding of the coefficients makes of none
_FLAT = 1e-12  # of what goes downhill, less is rounding


@dataclass(frozen=True)
class OwnLoss:
    """ρ(r) with the slopes low and high far from zero, and where `near` is above zero, r²/2 up to there."""

    low: float
    high: float
    near: float

    @classmethod
    def of(cls, params: dict[str, Any]) -> "OwnLoss":
        """The loss of these settings, as PyTorch and scikit-learn define them."""
        name = params.get("loss")
        if name == "huber":
            return cls(-params["delta"], params["delta"], params["delta"])
        share = params["quantile"] if name == "quantile" else None
        return cls(-1.0, 1.0, 0.0) if share is None else cls(share - 1, share, 0.0)

    def each(self, r: np.ndarray) -> np.ndarray:
        """ρ."""
        if not self.near:
            return np.where(r > 0, self.high, self.low) * r
        size = np.abs(r)
        return np.where(size <= self.near, r * r / 2, self.near * (size - self.near / 2))

    def slope(self, r: np.ndarray) -> np.ndarray:
        """ρ', 0 at a kink."""
        if not self.near:
            return np.where(r > 0, self.high, np.where(r < 0, self.low, 0.0))
        return np.clip(r, self.low, self.high)


@dataclass(frozen=True, eq=False)
class OwnRows:
    """All rows beside a model's coefficients, centred and scaled by what they are, penalty rows below.

    A (n, q) and residuals R (n, m) of the model, exact to a rounding; T (n, m) are the sizes of their terms.
    `raw` (q,) turns slopes along A into those of the columns as they are.
    """

    A: np.ndarray
    R: np.ndarray
    T: np.ndarray
    w: np.ndarray
    kind: np.ndarray  # (n,): 0 a row of data, 1 a weight's |w|, 2 its w²/2
    raw: np.ndarray
    center: np.ndarray
    bias: bool

    @classmethod
    def of(
        cls, rows: RowStream, columns: list[int], weight: np.ndarray, bias: np.ndarray, has_bias: bool
    ) -> "OwnRows":
        """The rows, read once."""
        parts: list[tuple[np.ndarray, ...]] = []
        for block in rows.blocks(BLOCK_ROWS):
            if len(block.Y):
                X = block.X[:, columns]
                rest, terms = residual_of(
                    type(block)(X, block.Y), weight, bias, np.zeros(len(weight), np.int64)
                )
                w = np.ones(len(X)) if block.w is None else block.w
                parts.append((X, rest.hi, terms, w))
        X, R, T, w = (np.concatenate(part) for part in zip(*parts, strict=True))
        center = np.average(X, axis=0, weights=w) if has_bias else np.zeros(X.shape[1])
        X = X - center
        unit = np.sqrt(np.average(X * X, axis=0, weights=w))
        cells = np.abs(X).max(axis=0) if not has_bias else np.abs(X + center).max(axis=0)
        varies = unit > 1e3 * UNIT * cells
        unit = np.where(varies, unit, 1.0)
        A = X * varies / unit
        A = np.column_stack([np.ones(len(A)), A]) if has_bias else A
        raw = np.concatenate([[1.0] * has_bias, 1 / unit])
        return cls(A, R, T, w, np.zeros(len(A)), raw, center, has_bias)

    def with_penalty(
        self, omega: OwnPenalty, weight: np.ndarray, scale: np.ndarray, cells: float
    ) -> "OwnRows":
        """The same with rows whose losses are the penalty of each weight."""
        first, p, found = int(self.bias), weight.shape[1], self
        for kind, strength in ((1.0, omega.steep), (2.0, omega.bend)):
            if strength.any():
                A = np.zeros((p, found.A.shape[1]))
                A[:, first:] = np.diag(scale * self.raw[first:])
                below = -(weight * scale).T
                found = OwnRows(
                    np.vstack([found.A, A]),
                    np.vstack([found.R, below]),
                    np.vstack([found.T, np.abs(below)]),
                    np.concatenate([found.w, strength * cells]),
                    np.concatenate([found.kind, np.full(p, kind)]),
                    self.raw,
                    self.center,
                    self.bias,
                )
        return found

    def each(self, loss: OwnLoss, r: np.ndarray) -> np.ndarray:
        """w·ρ of each row at residuals r (n,)."""
        rho = np.where(self.kind == 0, loss.each(r), np.where(self.kind == 1, np.abs(r), r * r / 2))
        return self.w * rho

    def slope(self, loss: OwnLoss, r: np.ndarray) -> np.ndarray:
        """w·ρ' of each row."""
        rise = np.where(self.kind == 0, loss.slope(r), np.where(self.kind == 1, np.sign(r), r))
        return self.w * rise

    def sides(self, loss: OwnLoss) -> tuple[np.ndarray, np.ndarray]:
        """The slopes on either side of a kink, times w."""
        low = np.where(self.kind == 0, loss.low, -1.0)
        return self.w * low, self.w * np.where(self.kind == 0, loss.high, 1.0)


def mean_of(loss: OwnLoss, rows: OwnRows) -> tuple[float, float]:
    """The mean loss over rows of data, and what rounding of the terms of residuals may have done to it."""
    cells = rows.R.shape[1] * float(rows.w.sum())
    steep = max(loss.high, -loss.low) * float(rows.w @ rows.T.sum(axis=1))
    total = math.fsum(float(rows.w @ loss.each(r)) for r in rows.R.T)
    return total / cells, 64 * rows.A.shape[1] * UNIT * steep / cells


def way_down(rows: OwnRows, loss: OwnLoss, j: int) -> np.ndarray:
    """A change (q,) of target j's coefficients along A that lowers the loss as far as it is found to go."""
    r = rows.R[:, j]
    if loss.near:
        return _by_newton(rows, loss, r)
    return _by_edges(rows, loss, r, np.abs(r) <= _TOUCH * rows.T[:, j])


def fall(rows: OwnRows, loss: OwnLoss, j: int, way: np.ndarray) -> float:
    """By how much the sum is lower at the end of a way."""
    r = rows.R[:, j]
    return math.fsum((rows.each(loss, r) - rows.each(loss, r - rows.A @ way)).tolist())


def _by_newton(rows: OwnRows, loss: OwnLoss, r: np.ndarray) -> np.ndarray:
    """Steps of reweighted least squares, which never rise, and of Newton's where those fall further."""
    A, total = rows.A, np.zeros(rows.A.shape[1])
    for _ in range(_NEWTON):
        s = rows.slope(loss, r)
        steady = np.divide(s, r, out=rows.w.copy(), where=r != 0)
        near = np.where(rows.kind == 0, np.abs(r) <= loss.near, True)
        steps = [_step(A, weights, s) for weights in (np.where(near, rows.w, 0.0), steady)]
        before = rows.each(loss, r)
        falls = [math.fsum((before - rows.each(loss, r - A @ step)).tolist()) for step in steps]
        best = int(np.argmax(falls))
        if not falls[best] > 0:
            break
        total, r = total + steps[best], r - A @ steps[best]
    return total


def _step(A: np.ndarray, weights: np.ndarray, s: np.ndarray) -> np.ndarray:
    """The d of (Aᵀ·W·A)·d = Aᵀ·s, of least norm."""
    return np.linalg.lstsq((A * weights[:, None]).T @ A, A.T @ s, rcond=1e-13)[0]


def _by_edges(rows: OwnRows, loss: OwnLoss, r: np.ndarray, met: np.ndarray) -> np.ndarray:
    """Steepest ways on which the line still goes through the rows met, each as far as the next turn of the sum."""
    A, (low, high) = rows.A, rows.sides(loss)
    total, held = np.zeros(A.shape[1]), np.flatnonzero(met)
    r = np.where(met, 0.0, r)
    for _ in range(_EDGES + A.shape[1] * _EDGES // 4):
        best, turn = 0.0, None
        for way in _ways(A, held, A.T @ np.where(r > 0, high, np.where(r < 0, low, 0.0))):
            move = A @ way
            move = np.where(np.abs(move) > _FLAT * np.abs(move).max(initial=0.0), move, 0.0)
            down = np.where(r > 0, high, np.where(r < 0, low, np.where(move > 0, low, high))) * move
            slope = float(down.sum())
            if slope > _FLAT * float(np.abs(down).sum()) and slope / np.linalg.norm(way) > best:
                best, turn = slope / float(np.linalg.norm(way)), (way, move, slope)
        if turn is None:
            break
        way, move, slope = turn
        ahead = np.flatnonzero(r * move > 0)
        far = r[ahead] / move[ahead]
        order = np.argsort(far)
        over = np.flatnonzero(np.cumsum(((high - low) * np.abs(move))[ahead][order]) >= slope)
        if not len(over):
            break
        t = float(far[order[over[0]]])
        total, r = total + t * way, r - t * move
        r[ahead[order[over[0]]]] = 0.0
        r[np.abs(r) <= _TOUCH * np.abs(t * move)] = 0.0
        held = np.flatnonzero(r == 0)
    return total


def _ways(A: np.ndarray, held: np.ndarray, pull: np.ndarray) -> Iterator[np.ndarray]:
    """Where the rows held leave a way open, the one that pulls most; else the edges of the corner that they make."""
    q = A.shape[1]
    if len(held):
        _, size, V = np.linalg.svd(A[held], full_matrices=True)
        rank = int((size > 1e-11 * size[0]).sum())
    else:
        rank, V = 0, np.eye(q)
    if rank < q:
        way = V[rank:].T @ (V[rank:] @ pull)
        if np.linalg.norm(way) > _FLAT * np.linalg.norm(pull):
            yield way
            return
    if rank == q:
        chosen = _independent(A[held], q)
        edges = np.linalg.inv(A[held][chosen]).T
        yield from (sign * edge for edge in edges for sign in (1.0, -1.0))


def _independent(rows: np.ndarray, q: int) -> np.ndarray:
    """The numbers of q rows that determine a point: each the one furthest from what the ones before span."""
    left, chosen = rows.copy(), list[int]()
    for _ in range(q):
        i = int(np.argmax((left**2).sum(axis=1)))
        chosen.append(i)
        unit = left[i] / np.linalg.norm(left[i])
        left = left - np.outer(left @ unit, unit)
    return np.array(chosen)
