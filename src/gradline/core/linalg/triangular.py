"""Algebra of triangular factors: making, solving, measuring and removing.

R is upper triangular with a non-negative diagonal, or trapezoidal where rows are fewer than columns, and RᵀR is the
matrix of centred cross-products.
"""

import math
from collections.abc import Callable
from typing import NamedTuple, cast

import numpy as np

from gradline.core.errors import DigitsError

UNIT = 2.0**-53  # unit roundoff of float64
WIDE = 64  # columns up to which singular values cost a millisecond
_BLOCK = 256  # rows of a triangle that are solved at once
TOGETHER = 128  # rows that QR reduces together, of few columns
_SMALL_BLOCK = (
    64  # and those whose inverses are kept for substitutions to come, or that two products read at once
)
_WIDE_BLOCK = 512  # rows of what is multiplied as if it were no triangle
_STEPS = 300  # of Lanczos: few spectra need a tenth of them for three digits
_LOOK = 4  # steps between two looks at what they have found
_NEAR = 2e-3  # share of an eigenvalue that its estimate may be too small


def triangular(rows: np.ndarray) -> np.ndarray:
    """R (r, k) with RᵀR = rowsᵀ·rows, by Householder QR; r is k, or the number of rows where those are fewer.

    Many rows are taken piece by piece, and the factors of the pieces together again (Demmel, Grigori, Hoemmen, Langou
    2012): the sums in a reflection then have few terms, and rounding does not grow with the rows.
    """
    k = rows.shape[1]
    length = max(TOGETHER, 4 * k)
    if len(rows) >= 2 * length:
        whole = len(rows) // length * length
        factors = np.linalg.qr(rows[:whole].reshape(-1, length, k), mode="r")
        return triangular(np.vstack([np.reshape(factors, (-1, k)), rows[whole:]]))
    if not len(rows):
        return np.zeros((0, k))
    # What LAPACK leaves, transposed and with its reflections beside R: NumPy takes three times as long to part the two.
    whole = np.linalg.qr(rows, mode="raw")[0]
    signs = np.where(whole.diagonal() < 0, -1.0, 1.0)[:, None]
    upper = cast("np.ndarray", np.arange(k) >= np.arange(len(signs))[:, None])
    return np.multiply(signs, whole.T[: len(signs)], out=np.zeros(upper.shape), where=upper)


def rounding(columns: int) -> float:
    """A bound on what one QR or one matrix product does to a column, relative to its norm."""
    return 4 * math.sqrt(columns) * UNIT


def thin_svd(factor: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The singular value decomposition of a factor, without the rows of zeros at its foot.

    left (n, r), singular (r,) descending, right (r, k) for a factor of n rows: r is the smaller of n and k, or less.
    """
    if len(factor) and factor[-1].any():
        return np.linalg.svd(finite(factor), full_matrices=False)
    filled = np.flatnonzero(factor.any(axis=1))
    rows = int(filled[-1]) + 1 if len(filled) else 0
    left = np.zeros((len(factor), min(rows, factor.shape[1])))
    left[:rows], singular, right = np.linalg.svd(finite(factor[:rows]), full_matrices=False)
    return left, singular, right


def finite(factor: np.ndarray) -> np.ndarray:
    """The matrix. Raises `DigitsError` for infinities, with which LAPACK searches without end, or gives up."""
    if not np.isfinite(factor).all():
        raise DigitsError(
            "factor-beyond-float64",
            "the columns differ by more than float64 can hold once they are scaled",
            "rescale the largest or the smallest column",
        )
    return factor


def column_norms(rows: np.ndarray) -> np.ndarray:
    """The norm of each column: what `np.linalg.norm` returns, in half its time for a small matrix."""
    return np.sqrt(np.add.reduce(rows * rows, axis=0))


def row_norms(rows: np.ndarray) -> np.ndarray:
    """The norm of each row, also where the square of an entry is beyond float64."""
    squares = np.einsum("ij,ij->i", rows, rows)
    known = squares.tolist()
    if not known or (min(known) > 1e-250 and max(known) < math.inf):  # of less, float64 lost some
        return np.sqrt(squares)
    largest = np.abs(rows).max(axis=1, initial=0.0)
    unit = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
    return unit * np.linalg.norm(rows / unit[:, None], axis=1)


def back_substituted(R: np.ndarray, B: np.ndarray) -> np.ndarray:
    """R⁻¹·B for R (k, k) upper triangular and B (k, m), block by block: nearly all of it is products of matrices.

    Raises `LinAlgError` where R has a zero on its diagonal.
    """
    X = np.empty_like(B)
    for block in reversed(_blocks(R)):
        rest = slice(block.stop, None)
        X[block] = np.linalg.solve(R[block, block], B[block] - R[block, rest] @ X[rest])
    return X


def forward_substituted(R: np.ndarray, B: np.ndarray) -> np.ndarray:
    """R⁻ᵀ·B in the same way."""
    X = np.empty_like(B)
    for block in _blocks(R):
        done = slice(block.start)
        left = B[block] - R[done, block].T @ X[done]
        # Turned by half a circle, for of an upper triangle LU takes no pivots, and is substitution.
        X[block] = np.linalg.solve(R[block, block].T[::-1, ::-1], left[::-1])[::-1]
    return X


def inverted(R: np.ndarray) -> np.ndarray:
    """R⁻¹ of R (k, k) upper triangular, block by block; raises as `back_substituted` does."""
    X = np.zeros_like(R)
    for block in _blocks(R):
        X[block, block] = np.linalg.inv(R[block, block])
        product = R[: block.start, block] @ X[block, block]
        for done in _blocks(product, _WIDE_BLOCK):  # below and left of which X has nothing but zeros
            X[done, block] = -X[done, done.start : block.start] @ product[done.start :]
    return X


def multiplied(R: np.ndarray, S: np.ndarray) -> np.ndarray:
    """R·S of two upper triangles, block by block."""
    P = np.zeros_like(R)
    for block in _blocks(R):
        above = slice(block.stop)
        P[above, block] = R[above, above] @ S[above, block]
    return P


def _blocks(R: np.ndarray, size: int = _BLOCK) -> list[slice]:
    return [slice(first, min(first + size, len(R))) for first in range(0, len(R), size)]


def root(G: np.ndarray) -> np.ndarray:
    """C (m, m) upper triangular with CᵀC = G up to rounding, also where rounding left G not quite positive."""
    scale = np.sqrt(np.maximum(np.diag(G), 0.0))
    scale = np.where(scale > 0, scale, 1.0)
    values, vectors = np.linalg.eigh(G / np.outer(scale, scale))
    return triangular(np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T) * scale


def assembled(R: np.ndarray, B: np.ndarray, C: np.ndarray) -> np.ndarray:
    """[R B; 0 C]."""
    p = len(R)
    whole = np.zeros((p + len(C), p + len(C)))
    whole[:p, :p], whole[:p, p:], whole[p:, p:] = R, B, C
    return whole


class Extremes(NamedTuple):
    """σmax and σmin of a factor."""

    largest: float
    smallest: float

    @property
    def condition(self) -> float:
        """σmax/σmin; 1 of no rows."""
        if not self.largest:
            return 1.0
        return self.largest / self.smallest if self.smallest else np.inf


def extremes(factor: np.ndarray, inverse: np.ndarray | None = None) -> Extremes:
    """The extreme singular values of a factor whose rows are independent but for those of zeros.

    Beyond `WIDE` columns a square one is triangular, and they are estimated by way of its inverse, which may be known:
    all singular values would cost more than the factor itself did. One of fewer rows than columns has those of the
    factor of its transpose.
    """
    filled = factor[: np.flatnonzero(factor.any(axis=1)).max(initial=-1) + 1]
    rows, columns = filled.shape
    if not rows:
        return Extremes(0.0, 0.0)
    if rows < columns:
        return extremes(triangular(filled.T))
    if columns <= WIDE:
        s = np.linalg.svd(finite(filled), compute_uv=False)
        return Extremes(float(s[0]), float(s[-1]))
    try:
        return estimated(filled, inverted(filled) if inverse is None else inverse)
    except np.linalg.LinAlgError:
        return Extremes(_largest_singular_value(filled), 0.0)


def estimated(factor: np.ndarray, inverse: np.ndarray) -> Extremes:
    """Those of an upper triangle and its inverse: σmax up to a thousandth too small, σmin too large."""
    return Extremes(_largest_singular_value(factor), 1.0 / _largest_singular_value(inverse))


def smallest_singular_value(R: np.ndarray) -> float:
    """σmin of R (k, k) upper triangular without a zero on its diagonal; beyond `WIDE` columns as in `extremes`."""
    if len(R) <= WIDE:
        return float(np.linalg.svd(R, compute_uv=False)[-1])
    turned = Turned.of(R)
    return 1.0 / math.sqrt(_largest_eigenvalue(lambda v: turned.solve(turned.solve_transposed(v)), len(R)))


class Turned(NamedTuple):
    """R (k, k) upper triangular and the inverses of the blocks on its diagonal: what many substitutions share."""

    R: np.ndarray
    blocks: list[slice]
    inverses: list[np.ndarray]

    @classmethod
    def of(cls, R: np.ndarray) -> "Turned":
        """Those of R; raises `LinAlgError` where it has a zero on its diagonal."""
        blocks = _blocks(R, _SMALL_BLOCK)
        return cls(R, blocks, [np.linalg.inv(R[block, block]) for block in blocks])

    def solve(self, b: np.ndarray) -> np.ndarray:
        """R⁻¹·b for b (k,)."""
        x = np.empty_like(b)
        for block, inverse in zip(reversed(self.blocks), reversed(self.inverses), strict=True):
            rest = slice(block.stop, None)
            x[block] = inverse @ (b[block] - self.R[block, rest] @ x[rest])
        return x

    def solve_transposed(self, b: np.ndarray) -> np.ndarray:
        """R⁻ᵀ·b for b (k,)."""
        left = b.copy()
        for block, inverse in zip(self.blocks, self.inverses, strict=True):
            left[block] = left[block] @ inverse
            left[block.stop :] -= left[block] @ self.R[block, block.stop :]
        return left


def _largest_singular_value(R: np.ndarray) -> float:
    """σmax of R (k, k) upper triangular, up to a thousandth too small."""
    return math.sqrt(_largest_eigenvalue(lambda v: _squared_times(R, v), len(R)))


def _squared_times(R: np.ndarray, v: np.ndarray) -> np.ndarray:
    """RᵀR·v for v (k,): what is in cache for one of the two products is there for the other."""
    w = np.zeros_like(v)
    for block in _blocks(R, _SMALL_BLOCK):
        rows = R[block, block.start :]
        w[block.start :] += (rows @ v[block.start :]) @ rows
    return w


def _largest_eigenvalue(product: Callable[[np.ndarray], np.ndarray], size: int) -> float:
    """That of a symmetric matrix without negative ones, up to two thousandths too small; `product` multiplies by it.

    By Lanczos steps from a random vector, all of them kept orthogonal, until the residual of the eigenvector says that
    an eigenvalue is as near (Golub, Van Loan 2013, section 10.1).
    """
    steps = min(size, _STEPS)
    space, T, found = np.zeros((steps, size)), np.zeros((steps + 1, steps + 1)), 0.0
    v = np.random.default_rng(0).standard_normal(size)
    v /= np.linalg.norm(v)
    for i in range(steps):
        space[i] = v
        w = product(v)
        T[i, i] = v @ w
        for _ in range(2):  # the second time for what rounding left
            w -= (space[: i + 1] @ w) @ space[: i + 1]
        left = float(np.linalg.norm(w))
        if i % _LOOK == _LOOK - 1 or i == steps - 1 or left == 0:
            values, vectors = np.linalg.eigh(T[: i + 1, : i + 1])
            found = float(values[-1])
            if left * abs(float(vectors[-1, -1])) <= _NEAR * found:
                break
        T[i + 1, i] = T[i, i + 1] = left
        v = w / left
    return found


def removed(factor: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, float]:
    """The factor of what is left, RᵀR − rowsᵀ·rows, by orthogonal downdating, and the largest s.

    With S = R⁻ᵀ·rowsᵀ and its singular value decomposition U·s·Vᵀ, what is left is RᵀU(1 − s²)UᵀR
    (Stewart 1979; Bojanczyk, Brent, Van Dooren, de Hoog 1987). 1 − s² is formed as (1 − s)(1 + s).
    Where R is singular, rows lie in its row space and the pseudo-inverse takes the place of R⁻¹. An s above one
    says that the rows are no part of what R stands for.
    """
    norms = np.linalg.norm(factor, axis=0)
    scale = np.where(norms > 0, norms, 1.0)
    _, s, right = np.linalg.svd(factor / scale, full_matrices=False)
    used = s > len(s) * 8 * UNIT * (s[0] if len(s) else 0.0)
    inverse = np.where(used, 1.0 / np.where(used, s, 1.0), 0.0)
    # factor/scale = L·s·right, so S in the coordinates of L is s⁻¹·right·(rows/scale)ᵀ.
    S = inverse[:, None] * (right @ (rows / scale).T)
    U, cosines, _ = np.linalg.svd(S)
    cosines = np.concatenate([cosines, np.zeros(len(s) - len(cosines))]) if len(cosines) < len(s) else cosines
    kept = np.sqrt(np.maximum(0.0, (1.0 - cosines) * (1.0 + cosines)))
    left = triangular(kept[:, None] * (U.T @ (s[:, None] * right))) * scale
    return left, float(cosines.max(initial=0.0))
