"""From a line to the best corner: it goes through as many rows as it has coefficients, and no edge leads lower."""

from typing import Any

import numpy as np

from gradline.solvers.tall import Tall

_EDGES = (
    1000  # that are tried, at most, and ten times the coefficients; what is open then the certificate tells
)
_ZERO = 64 * 2.0**-53  # of the terms of a residual: what is less is none
_APART = 1e-8  # κ⁻¹ of the rows of a first corner, as far as others are to be had
_OUTSIDE = 1e-9  # of the range of slopes: what a slope may lie outside it, which is rounding


def vertex(tall: Tall, theta: np.ndarray, j: int, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """θ (q,) of the best corner near θ, and the rows (q,) that it goes through; s (n,) are slopes of the dual.

    Rows whose slope is open come first; among them, those that tell the coefficients apart. If a slope of a row of the
    corner then lies outside its range, leaving that row goes downhill, along the edge on which the line still goes
    through the others, as far as the lowest point: there it meets another row (Barrodale, Roberts 1973).
    """
    rows = _through(tall, theta, j, s)
    if len(rows) < tall.A.shape[1]:
        return theta, rows
    y, w, q = tall.Y[:, j], tall.w, tall.A.shape[1]
    for _ in range(_EDGES + 10 * q):
        B = tall.A[rows]
        theta = _refined(B, y[rows])
        r = y - tall.A @ theta
        r[rows] = 0.0
        r[np.abs(r) <= _ZERO * (np.abs(y) + np.abs(tall.A) @ np.abs(theta))] = 0.0
        lean = w * np.where(r > 0, tall.high, np.where(r < 0, tall.low, 0.0))
        own = np.linalg.solve(B.T, -(tall.A.T @ lean)) / w[rows]
        over = np.maximum(own - tall.high[rows], tall.low[rows] - own) * w[rows]
        k = int(np.argmax(over))
        if over[k] <= _OUTSIDE * w[rows[k]]:
            break
        edge = np.zeros(q)
        edge[k] = 1.0 if own[k] < tall.low[rows[k]] else -1.0
        way = np.linalg.solve(B, edge)
        entering = _met(tall, r, tall.A @ way, float(over[k]), rows)
        if entering is None:
            break
        rows = np.concatenate([np.delete(rows, k), [entering]])
    theta[tall.A[rows[rows >= tall.data]].any(axis=0)] = 0.0  # weights at the kink of their penalty
    return theta, rows


def _through(tall: Tall, theta: np.ndarray, j: int, s: np.ndarray) -> np.ndarray:
    """As many rows (q,) as there are coefficients, which determine θ: open slopes and small residuals first."""
    from scipy import linalg  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs] - few losses need it

    qr: Any = linalg
    q = tall.A.shape[1]
    open_ = np.minimum(s - tall.low, tall.high - s) / (tall.high - tall.low)
    r = np.abs(tall.Y[:, j] - tall.A @ theta)
    share = open_ / (r + 1e-12 * (r.mean() or 1.0))
    first = np.argsort(-share, kind="stable")[: 4 * q + 20]
    for chosen, least in ((first, _APART), (np.arange(len(r)), q * 2.0**-53)):
        weighted = tall.A[chosen] * np.sqrt(np.maximum(share[chosen], 1e-12 * share.max()))[:, None]
        _, R, pivots = qr.qr(weighted.T, mode="economic", pivoting=True)
        size = np.abs(R.diagonal())
        if len(size) == q and size[-1] > least * size[0]:
            return chosen[pivots[:q]]
    return np.zeros(0, int)


def _refined(B: np.ndarray, y: np.ndarray) -> np.ndarray:
    """B⁻¹·y, once corrected."""
    theta = np.linalg.solve(B, y)
    return theta + np.linalg.solve(B, y - B @ theta)


def _met(tall: Tall, r: np.ndarray, move: np.ndarray, fall: float, rows: np.ndarray) -> int | None:
    """The row that a line meets at the lowest point of a way, along which the sum falls by `fall` at first.

    Each row that is met on the way takes w·|move|·(high − low) from the fall; of those through which the line goes
    already, and which stay behind, the fall has been told.
    """
    move = np.where(np.abs(move) > 1e-12 * np.abs(move).max(), move, 0.0)
    move[rows] = 0.0
    ahead = np.flatnonzero(r * move > 0)
    beside = np.flatnonzero((r == 0) & (move != 0))
    for i in beside:  # rows without a residual turn at once
        fall -= tall.w[i] * abs(move[i]) * (tall.high[i] if move[i] < 0 else -tall.low[i])
        if fall <= 0:
            return int(i)
    far = r[ahead] / move[ahead]
    order = np.argsort(far, kind="stable")
    drop = (tall.w * np.abs(move) * (tall.high - tall.low))[ahead][order]
    over = np.flatnonzero(np.cumsum(drop) >= fall)
    return None if not len(over) else int(ahead[order[over[0]]])
