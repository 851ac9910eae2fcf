"""Coordinate descent in arrays: ½‖A·w − b‖² + Ω(w) from wherever w is, for one Ω after another."""

from dataclasses import dataclass

import numpy as np

from gradline.core.derived import Derived, cached_property
from gradline.core.kernels.library import kernels
from gradline.core.linalg.triangular import (
    UNIT,
    Turned,
    back_substituted,
    column_norms,
    forward_substituted,
    rounding,
    triangular,
)
from gradline.solvers.penalties import Face, Penalty

_SWEEPS = 10  # over the weights at work, before a look at how far they have come
_FEWEST = 30  # of them before weights are solved for together, which costs as much as a sweep for every four weights
_ROUNDS = 1000  # of looks; what has not settled then is told by the gap
_APART = 1e-4  # of a column's norm, which the others must leave of it for normal equations: squared, 8 digits are left


@dataclass(frozen=True, eq=False)
class Columns(Derived):
    """A (n, p), each column in one piece, for targets b (n,)."""

    rows: np.ndarray  # (p, n): Aᵀ

    @classmethod
    def of(cls, A: np.ndarray) -> "Columns":
        """Those of A."""
        return cls(np.ascontiguousarray(A.T))

    @cached_property
    def squares(self) -> np.ndarray:
        """Their sums of squares (p,)."""
        return np.einsum("jr,jr->j", self.rows, self.rows)

    @cached_property
    def norms(self) -> np.ndarray:
        """Their norms (p,)."""
        return np.sqrt(self.squares)


class Descent:
    """Weights w (p,) on their way, with the residual b − A·w and the slopes Aᵀ(b − A·w) as they were last looked at.

    No slope has changed since by more than its column's norm times the way of the residual, `stale` (p,): what this
    leaves below its kink need not be looked at (the gap-safe idea of Ndiaye, Fercoq, Gramfort, Salmon 2017, along the
    path instead of around an optimum). Sweeps go over the weights that may move alone, and where those are slow to
    end, the weights off their kinks are solved for together.
    """

    def __init__(self, columns: Columns, b: np.ndarray, start: np.ndarray | None = None) -> None:
        p = len(columns.rows)
        self.columns, self.b = columns, np.ascontiguousarray(b, np.float64)
        self.w = np.zeros(p) if start is None else np.array(start, np.float64)
        self.slope, self.stale = np.zeros(p), np.zeros(p)
        self.residual = self._told = np.empty(0)
        self._settle()
        self._seen = self.residual.copy()
        self._look(np.arange(p))

    def minimise(self, omega: Penalty, enough: float, ahead: float = 0.0) -> float:
        """Take w to where the objective is at most `enough` above the least, and return how far it may be.

        With an `enough` of 0 it goes on to the last digit. A slope within `ahead` of its kink is taken to be one that
        the new penalty lets go; who guesses wrong is found out, and costs another round.
        """
        self._begin(omega)
        at_work = ~omega.keeps(self.w, self.slope, np.full_like(self.slope, ahead))
        for _ in range(_ROUNDS):
            order = np.flatnonzero(at_work & (self.columns.squares > 0))
            self._descend(omega, order, 0.9 * enough)
            self._watch(omega, order)
            missed = self._wrong(omega)
            missed[order] = False
            if not missed.any() and (self.gap(omega) <= enough or not self._wrong(omega).any()):
                break
            at_work |= missed
        return self.gap(omega)

    def _begin(self, omega: Penalty) -> None:
        """Move what may not be where it is to the nearest that it may; a column of zeros moves nothing else."""
        if omega.threshold is not None:
            self._told = np.array([np.broadcast_to(one, self.w.shape) for one in omega.threshold], float)
        allowed = omega.prox(np.where(self.columns.squares > 0, self.w, 0.0), 0.0)
        if (allowed != self.w).any():
            self.w = allowed
            self._settle()
            self._look(np.arange(len(allowed)))

    def go_on(self, before: np.ndarray, share: float) -> None:
        """Move on from weights `before` through those that are now, by this share, as far as no sign changes."""
        same = np.sign(before) * np.sign(self.w) > 0
        moved = self.w + share * (self.w - before) * same
        self.w = np.where(moved * self.w > 0, moved, 0.0)
        self._settle()
        self._look(np.flatnonzero(self.w))

    def gap(self, omega: Penalty) -> float:
        """The duality gap: how far the objective is above the least, at most, but for rounding.

        Ω(w) − g·w + sup over v of g·v − Ω(v), g the slopes, v no larger than the objective lets any weights be.
        """
        return max(0.0, self._gap_within(omega, np.flatnonzero(~self._is_sure(omega))))

    def _is_sure(self, omega: Penalty) -> np.ndarray:
        return omega.keeps(self.w, self.slope, self.stale)

    def _wrong(self, omega: Penalty) -> np.ndarray:
        """Which weights could gain, beyond what rounding of their slopes explains."""
        norms = self.columns.norms
        sizes = float(norms @ np.abs(self.w)) + float(np.linalg.norm(self.b))
        bound = rounding(len(self.w)) * norms * sizes
        return (omega.distance(self.w, self.slope) > bound) & ~self._is_sure(omega)

    def _descend(self, omega: Penalty, order: np.ndarray, enough: float) -> None:
        """Minimise over the weights of this order."""
        least = UNIT * UNIT * float(self.b @ self.b)
        swept = 0
        for look in range(1, _ROUNDS):
            sweeps = min(2 * look, _SWEEPS)  # a loose end comes soon, and a look costs half a sweep
            moved = self._sweep(omega, order, sweeps, least)
            swept += sweeps
            self._look(order)
            if enough and self._gap_within(omega, order) <= enough:
                return
            if moved <= least or 4 * swept >= max(4 * _FEWEST, np.count_nonzero(self.w)):
                self._solve(omega)
                self._look(order)
                swept = 0
                if not self._wrong(omega)[order].any():
                    return

    def _gap_within(self, omega: Penalty, order: np.ndarray) -> float:
        """The duality gap of the problem that has these weights alone."""
        value = float(self.residual @ self.residual) / 2 + omega.value(self.w)
        w, slope, omega = self.w[order], self.slope[order], omega.take(order)
        return omega.value(w) - float(slope @ w) + omega.surplus(slope, value)

    def _sweep(self, omega: Penalty, order: np.ndarray, sweeps: int, least: float) -> float:
        """Take each of these weights to its best, in turn and where it lies; the largest (‖a‖·step)² of the last."""
        compiled, net = kernels(), omega.threshold
        columns, squares = self.columns.rows, self.columns.squares
        if compiled is not None and net is not None:
            arrays = columns, squares, self.w, self.residual, order, self._told
            return compiled.descend(*arrays, len(order), len(self.residual), len(squares), sweeps, least)
        alone, largest = {j: omega.take(np.array([j])) for j in order.tolist()}, 0.0
        for _ in range(sweeps):
            largest = 0.0
            for j in order.tolist():
                aim = self.w[j : j + 1] + (columns[j] @ self.residual) / squares[j]
                best = float(alone[j].prox(aim, 1 / squares[j])[0])
                step = best - self.w[j]
                if step:
                    self.w[j] = best
                    self.residual -= step * columns[j]
                    largest = max(largest, float(step * step * squares[j]))
            if largest <= least:
                break
        return largest

    def _settle(self) -> None:
        """The residual of w anew: that of many steps has the rounding of all of them."""
        used = np.flatnonzero(self.w)
        self.residual = self.b - self.w[used] @ self.columns.rows[used]

    def _look(self, order: np.ndarray) -> None:
        """The slopes of these columns as they are now; those of others are as much staler as the residual has moved."""
        moved = float(np.linalg.norm(self.residual - self._seen))
        if moved:
            self.stale += self.columns.norms * moved
            self._seen = self.residual.copy()
        self.stale[order] = 0.0
        compiled = kernels()
        if compiled is None:
            self.slope[order] = self.columns.rows[order] @ self.residual
        else:
            compiled.slopes(
                self.columns.rows, self.residual, order, self.slope, len(order), len(self.residual)
            )

    def _watch(self, omega: Penalty, fresh: np.ndarray) -> None:
        """Look at the slopes of which it is not sure that they are below their kinks; those of `fresh` are known."""
        unsure = ~self._is_sure(omega)
        unsure[fresh] = False
        self._look(np.flatnonzero(unsure))

    def _solve(self, omega: Penalty) -> None:
        """The best weights with the zeros and signs of w, or those that the kinks on the way there leave."""
        squares, w = self.columns.squares, self.w
        for _ in range(len(w)):
            face = omega.face(w)
            free = np.flatnonzero(face.free & (squares > 0))
            low, high, at = face.low[free], face.high[free], w[free]
            aim = self._of_face(omega, face, free)
            aim = self._along_what_vanishes(omega, face, free) if aim is None else aim
            if aim is None:
                break
            beyond = (aim < low) | (aim > high)
            if not beyond.any():
                w[free] = aim
                break
            kink = np.where(aim < low, low, high)
            share = np.where(beyond, (kink - at) / np.where(aim == at, 1.0, aim - at), 1.0)
            first = int(np.argmin(share))
            w[free] = at + share[first] * (aim - at)
            w[free[first]] = kink[first]
        self._settle()

    def _of_face(self, omega: Penalty, face: Face, free: np.ndarray) -> np.ndarray | None:
        """The w of least ½‖A·w − b‖² + slope·w + curvature/2·w² over the free weights; None where many are as good.

        By normal equations, corrected twice from the residual, where the columns are far from dependent (Björck 1987);
        else by QR.
        """
        rows, k, bend, b = self.columns.rows[free], len(free), self._bends(omega, free), self._left_to(free)
        if not k:
            return np.zeros(0)
        if np.count_nonzero(bend == 0) > rows.shape[1]:
            return None
        sizes, pull = np.sqrt(self.columns.squares[free] + bend), face.slope[free]
        G = rows @ rows.T
        G.flat[:: k + 1] += bend
        try:
            R = np.linalg.cholesky(G).T
        except np.linalg.LinAlgError:
            return _by_qr(rows, b, bend, pull)
        if (R.diagonal() < _APART * sizes).any():
            return _by_qr(rows, b, bend, pull)
        found, turned = np.zeros(k), Turned.of(R)
        for _ in range(3):
            left = rows @ (b - found @ rows) - pull - bend * found
            found += turned.solve(turned.solve_transposed(left))
        return found

    def _bends(self, omega: Penalty, free: np.ndarray) -> np.ndarray:
        """The curvature of Ω for each of these weights."""
        return np.broadcast_to(np.asarray(omega.curvature, float), self.w.shape)[free]

    def _left_to(self, free: np.ndarray) -> np.ndarray:
        """What the weights that stay at their kinks, other than zero, leave of b to the free ones."""
        rest = self.w.copy()
        rest[free] = 0.0
        fixed = np.flatnonzero(rest)
        return self.b - rest[fixed] @ self.columns.rows[fixed] if len(fixed) else self.b

    def _along_what_vanishes(self, omega: Penalty, face: Face, free: np.ndarray) -> np.ndarray | None:
        """Weights far off along a combination of columns that vanishes, so that the penalty alone changes, and falls.

        On the way some weight meets its kink: so the columns of the others become independent. None where none does.
        """
        at = self.w[free]
        way = _vanishing(_bent(self.columns.rows[free], self._bends(omega, free)))
        fall = float(face.slope[free] @ way)
        for sign in (1.0, -1.0) if fall == 0 else (-np.sign(fall),):
            step = sign * way
            kink = np.where(step < 0, face.low[free], face.high[free])
            meets = np.isfinite(kink) & (np.abs(step) > UNIT * len(free))
            if meets.any():
                far = 2 * float(np.max(np.abs(kink - at)[meets] / np.abs(step)[meets])) + 1.0
                return at + far * step
        return None


def _bent(rows: np.ndarray, bend: np.ndarray) -> np.ndarray:
    """The columns with √bend below each, so that a square of their combination has the curvature of both."""
    return np.vstack([rows.T, np.diag(np.sqrt(bend))]) if bend.any() else rows.T


def _by_qr(rows: np.ndarray, b: np.ndarray, bend: np.ndarray, pull: np.ndarray) -> np.ndarray | None:
    """That of `_of_face` by QR; None where a column depends on those before it."""
    k, columns = len(rows), _bent(rows, bend)
    whole = np.column_stack([columns, np.pad(b, (0, len(columns) - len(b)))])
    R = triangular(whole)
    sizes = column_norms(whole[:, :k])
    if len(R) < k or (R.diagonal()[:k] <= 8 * k * UNIT * sizes).any():
        return None
    right = R[:k, k] - forward_substituted(R[:k, :k], pull[:, None])[:, 0]
    return back_substituted(R[:k, :k], right[:, None])[:, 0]


def _vanishing(A: np.ndarray) -> np.ndarray:
    """A combination (k,) of the columns that vanishes: of the first that depends on those before it, and of them."""
    R, k = triangular(A), A.shape[1]
    small = np.flatnonzero(R.diagonal() <= 8 * k * UNIT * column_norms(R)[: len(R)])
    first = int(small[0]) if len(small) else len(R)
    way = np.zeros(k)
    way[first] = -1.0
    way[:first] = back_substituted(R[:first, :first], R[:first, first : first + 1])[:, 0]
    return way / np.linalg.norm(way)
