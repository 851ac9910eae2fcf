"""Independent references, computed in the tests: rational least squares, fifty-digit descent, plain loops."""

from fractions import Fraction

import mpmath
import numpy as np


def rational_least_squares(X, Y, w=None, bias=True) -> list[list[Fraction]]:
    """The exact θ (q rows of m fractions) of the normal equations, by Gauss-Jordan elimination.

    Where the columns are dependent, the solution of least ‖weight‖₂, the bias free.
    """
    weights = [Fraction(1)] * len(X) if w is None else [Fraction(float(v)) for v in w]
    rows = [[*([Fraction(1)] if bias else []), *(Fraction(float(v)) for v in row)] for row in X]
    columns = [
        [*row, *(Fraction(float(v)) for v in np.atleast_1d(y))] for row, y in zip(rows, Y, strict=True)
    ]
    q = len(rows[0])
    table = [
        [
            sum((c * z[i] * z[j] for z, c in zip(columns, weights, strict=True)), Fraction())
            for j in range(len(columns[0]))
        ]
        for i in range(q)
    ]
    pivots = _eliminated(table, q)
    free = [j for j in range(q) if j not in pivots]
    particular = [
        table[pivots.index(j)][q:] if j in pivots else [Fraction()] * (len(table[0]) - q) for j in range(q)
    ]
    if not free:
        return particular
    null = [
        [-table[pivots.index(j)][f] if j in pivots else Fraction(int(j == f)) for j in range(q)] for f in free
    ]
    counted = range(int(bias), q)  # the bias does not count towards the norm
    gram = [
        [sum((a[j] * b[j] for j in counted), Fraction()) for b in null]
        + [sum((a[j] * particular[j][t] for j in counted), Fraction()) for t in range(len(particular[0]))]
        for a in null
    ]
    _eliminated(gram, len(null))
    return [
        [
            particular[j][t]
            - sum((gram[i][len(null) + t] * null[i][j] for i in range(len(null))), Fraction())
            for t in range(len(particular[0]))
        ]
        for j in range(q)
    ]


def _eliminated(table, width):
    """Reduce the table to row echelon form in place; the pivot columns."""
    pivots = []
    for j in range(width):
        i = len(pivots)
        row = next((k for k in range(i, len(table)) if table[k][j]), None)
        if row is None:
            continue
        table[i], table[row] = table[row], table[i]
        table[i] = [v / table[i][j] for v in table[i]]
        for k in range(len(table)):
            if k != i and table[k][j]:
                table[k] = [a - table[k][j] * b for a, b in zip(table[k], table[i], strict=True)]
        pivots.append(j)
    return pivots


def exact_from_integers(columns, y):
    """Coefficients of integer data in forty digits: exact integer sums, then elimination."""
    A, y = np.column_stack(columns).astype(np.int64), y.astype(np.int64)
    mpmath.mp.dps = 40
    gram = mpmath.matrix([[int(v) for v in row] for row in A.T @ A])
    return np.array([float(v) for v in mpmath.lu_solve(gram, mpmath.matrix([int(v) for v in A.T @ y]))])


def coefficients(theta):
    """weight (m, p) and bias (m,) of θ with the bias on top, as floats."""
    table = np.array([[float(v) for v in row] for row in theta])
    return table[1:].T, table[0]


def fifty_digit_descent(X, Y, lr, momentum, epoch, weight, bias):
    """Full-batch descent on the rows after `epoch` updates, by powers of its step matrix in 50+ digits."""
    mpmath.mp.dps = 80
    A = mpmath.matrix([[1, *map(float, row)] for row in X])
    B = mpmath.matrix(np.asarray(Y, float).reshape(len(X), -1).tolist())
    q, m = A.cols, B.cols
    H, c = (A.T * A) * 2 / (len(X) * m), (A.T * B) * 2 / (len(X) * m)
    optimum = mpmath.lu_solve(H, c) if m == 1 else _solve(H, c)
    start = mpmath.matrix(np.vstack([bias, np.asarray(weight).T]).tolist()) - optimum
    identity, lr, momentum = mpmath.eye(q), mpmath.mpf(lr), mpmath.mpf(momentum)
    step = mpmath.zeros(2 * q)
    step[:q, :q], step[:q, q:] = (1 + momentum) * identity - lr * H, -momentum * identity
    step[q:, :q] = identity
    # θ₁ follows from v₀ = 0; the pair (θ₁, θ₀) is then moved on by the step matrix.
    pair = mpmath.zeros(2 * q, m)
    pair[:q, :], pair[q:, :] = (identity - lr * H) * start, start
    error = (step ** (epoch - 1) * pair)[:q, :] if epoch else start
    theta = np.array((error + optimum).tolist(), dtype=float).reshape(q, m)
    return theta[1:].T, theta[0]


def _solve(H, c):
    columns = [mpmath.lu_solve(H, c[:, j]) for j in range(c.cols)]
    out = mpmath.zeros(H.rows, c.cols)
    for j, column in enumerate(columns):
        out[:, j] = column
    return out


def loop(X, Y, lr, epochs, weight, bias, momentum=0.0):
    """Full-batch descent over the rows, as in the tutorials: yields weight and bias before each update."""
    weight, bias = np.array(weight, float), np.array(bias, float)
    velocity = (np.zeros_like(weight), np.zeros_like(bias))
    for _ in range(epochs + 1):
        yield weight, bias
        residual = X @ weight.T + bias - Y
        gradient = 2 * residual.T @ X / residual.size, 2 * residual.sum(axis=0) / residual.size
        velocity = tuple(momentum * v + g for v, g in zip(velocity, gradient, strict=True))
        weight, bias = weight - lr * velocity[0], bias - lr * velocity[1]


def off(moments, exact):
    """The norm of RᵀR less the exact cross-products, of columns of unit norm."""
    k = len(exact)
    R = [[Fraction(float(cell)) for cell in row] for row in moments.factor]
    norms = [float(exact[j][j]) ** 0.5 for j in range(k)]
    E = [
        [float(sum(r[i] * r[j] for r in R) - exact[i][j]) / norms[i] / norms[j] for j in range(k)]
        for i in range(k)
    ]
    return np.linalg.norm(E, 2)


def exact_products(rows, times):
    """Σ times·(z − z̄)(z − z̄)ᵀ over rows z, in whole numbers: (n·Σ z·zᵀ − Σ z·Σ zᵀ)/n."""
    cells = [[Fraction(float(cell)) for cell in row] for row in rows]
    unit = max(cell.denominator for row in cells for cell in row)
    Z = np.array([[int(cell * unit) for cell in row] for row in cells], object)
    t = np.array([int(time) for time in times], object)
    n, total = int(t.sum()), t @ Z
    products = n * ((t[:, None] * Z).T @ Z) - np.outer(total, total)
    return [[Fraction(cell, n * unit**2) for cell in row] for row in products]
