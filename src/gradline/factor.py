"""Algebra of triangular factors: merging and removing.

R is upper triangular with a non-negative diagonal, and RᵀR is the matrix of centred cross-products.
"""

import numpy as np

UNIT = 2.0**-53  # unit roundoff of float64
WIDE = 512  # columns up to which singular values cost milliseconds


def triangular(rows: np.ndarray) -> np.ndarray:
    """R (k, k) with RᵀR = rowsᵀ·rows, by Householder QR; rows of zeros where `rows` has fewer than k."""
    k = rows.shape[1]
    factor = np.zeros((k, k))
    if len(rows):
        reduced = np.linalg.qr(rows, mode="r")
        signs = np.where(np.diag(reduced) < 0, -1.0, 1.0)
        factor[: len(reduced)] = signs[:, None] * reduced
    return factor


def rounding(columns: int) -> float:
    """A bound on what one QR or one matrix product does to a column, relative to its norm."""
    return float(4 * np.sqrt(columns) * UNIT)


def thin_svd(square: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The singular value decomposition of a factor, without the rows of zeros at its foot.

    left (k, r), singular (r,) descending, right (r, k): with fewer rows of data than columns r is small.
    """
    filled = np.flatnonzero(square.any(axis=1))
    rows = int(filled[-1]) + 1 if len(filled) else 0
    left = np.zeros((len(square), rows))
    left[:rows], singular, right = np.linalg.svd(square[:rows], full_matrices=False)
    return left, singular, right


def row_norms(rows: np.ndarray) -> np.ndarray:
    """The norm of each row, also where the square of an entry is beyond float64."""
    largest = np.abs(rows).max(axis=1, initial=0.0)
    unit = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
    return unit * np.linalg.norm(rows / unit[:, None], axis=1)


def condition_number(factor: np.ndarray) -> float:
    """σmax/σmin of a factor whose rows are independent but for those of zeros; 1 where there is none.

    Beyond `WIDE` columns it comes from an inverse, to about a thousandth: all singular values would cost more than
    the factor itself did.
    """
    filled = factor[: np.flatnonzero(factor.any(axis=1)).max(initial=-1) + 1]
    rows, columns = filled.shape
    if not rows:
        return 1.0
    if rows < columns or columns <= WIDE:
        s = np.linalg.svd(filled, compute_uv=False)
        return float(s[0] / s[-1]) if s[-1] > 0 else np.inf
    try:
        return _largest_singular_value(filled) * _largest_singular_value(np.linalg.inv(filled))
    except np.linalg.LinAlgError:
        return np.inf


def _largest_singular_value(square: np.ndarray) -> float:
    """By subspace iteration from a few random vectors (Golub, Van Loan 2013, section 8.2.4)."""
    found = np.random.default_rng(0).standard_normal((len(square), 8))
    for _ in range(24):
        found, _ = np.linalg.qr(square.T @ (square @ found))
    return float(np.linalg.norm(square @ found, 2))


def removed(factor: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, float]:
    """The factor of what is left, RᵀR − rowsᵀ·rows, by orthogonal downdating, and the largest s.

    With S = R⁻ᵀ·rowsᵀ and its singular value decomposition U·s·Vᵀ, what is left is RᵀU(1 − s²)UᵀR
    (Stewart 1979; Bojanczyk, Brent, Van Dooren, de Hoog 1987). 1 − s² is formed as (1 − s)(1 + s).
    Where R is singular, rows lie in its row space and the pseudo-inverse takes the place of R⁻¹. An s above one
    says that the rows are no part of what R stands for.
    """
    norms = np.linalg.norm(factor, axis=0)
    scale = np.where(norms > 0, norms, 1.0)
    _, s, right = np.linalg.svd(factor / scale)
    used = s > len(s) * 8 * UNIT * (s[0] if len(s) else 0.0)
    inverse = np.where(used, 1.0 / np.where(used, s, 1.0), 0.0)
    # factor/scale = L·s·right, so S in the coordinates of L is s⁻¹·right·(rows/scale)ᵀ.
    S = inverse[:, None] * (right @ (rows / scale).T)
    U, cosines, _ = np.linalg.svd(S)
    cosines = np.concatenate([cosines, np.zeros(len(s) - len(cosines))]) if len(cosines) < len(s) else cosines
    kept = np.sqrt(np.maximum(0.0, (1.0 - cosines) * (1.0 + cosines)))
    left = triangular(kept[:, None] * (U.T @ (s[:, None] * right))) * scale
    return left, float(cosines.max(initial=0.0))
