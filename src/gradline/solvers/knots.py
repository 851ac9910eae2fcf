"""The lasso's path exactly: the alphas at which a weight joins or leaves, between which every weight is a line."""

from typing import NamedTuple

import numpy as np

from gradline.core.linalg.triangular import UNIT


class Knots(NamedTuple):
    """The slopes `l1` (K,) at which the path of ½‖A·w − b‖² + l1·‖w‖₁ bends, falling to 0, and its weights (K, p)."""

    l1: np.ndarray
    weights: np.ndarray


def knots(A: np.ndarray, b: np.ndarray, positive: bool, most: int) -> Knots:
    """The knots from no weight on, at most `most` steps of them (Efron, Hastie, Johnstone, Tibshirani 2004).

    Along G·d = s, G the cross-products of the columns whose weights are not zero and s the signs of their slopes, all
    these slopes fall together, until another column's is as large, or a weight comes to zero.
    """
    p = A.shape[1]
    w, active, dropped = np.zeros(p), np.zeros(p, bool), -1
    floor = 64 * p * UNIT * float(np.max(np.abs(A.T @ b), initial=0.0))
    found: list[tuple[float, np.ndarray]] = []
    for _ in range(most + 1):
        slopes = A.T @ (b - A @ w)
        sizes = slopes if positive else np.abs(slopes)
        level = float(sizes[active].mean() if active.any() else np.max(sizes, initial=0.0))
        if level <= floor:
            found.append((0.0, w.copy()))
            break
        found.append((level, w.copy()))
        if dropped < 0 and (len(found) == 1 or not active.all()):
            outside = np.where(active, -np.inf, sizes)
            active[int(np.argmax(outside))] = True
        used = np.flatnonzero(active)
        columns = A[:, used]
        way = np.linalg.lstsq(columns.T @ columns, np.sign(slopes[used]), rcond=None)[0]
        step, dropped = level, -1
        rates = A.T @ (columns @ way)
        for j in np.flatnonzero(~active).tolist():
            for sign in (1.0,) if positive else (1.0, -1.0):
                rest, rate = level - sign * float(slopes[j]), 1.0 - sign * float(rates[j])
                if rate > 0 and floor < rest < step * rate:
                    step = rest / rate
        falling = np.flatnonzero(w[used] * way < 0)
        if len(falling):
            reach = -w[used][falling] / way[falling]
            first = int(np.argmin(reach))
            if reach[first] < step:
                step, dropped = float(reach[first]), int(used[falling[first]])
        w[used] += step * way
        if dropped >= 0:
            w[dropped], active[dropped] = 0.0, False
    return Knots(np.array([level for level, _ in found]), np.array([weights for _, weights in found]))
