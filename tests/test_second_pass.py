"""A second pass over the rows: R is right where its cross-products are not, against sums of whole numbers."""

import mpmath
import numpy as np
import pytest

from gradline import Moments
from gradline.core.linalg.triangular import UNIT
from gradline.data.design import DesignSpec, Number
from gradline.data.row_stream import ArrayRows
from gradline.moments import cholesky_qr2

ROWS = 70_000  # with four columns more than go through QR at once


def exact_factor(Z, w):
    """R of whole numbers in sixty digits: exact sums, centred, by Cholesky."""
    mpmath.mp.dps = 60
    Z, w = Z.astype(object), w.astype(object)
    total, sums, products = int(w.sum()), w @ Z, (Z * w[:, None]).T @ Z
    k = len(sums)
    centred = [
        [mpmath.mpf(total * products[i, j] - sums[i] * sums[j]) / total for j in range(k)] for i in range(k)
    ]
    return np.array(mpmath.cholesky(mpmath.matrix(centred)).T.tolist())


def table(apart, share):
    """Whole X (n, 3), two of its columns near each other, Y (n, 1) of which X leaves little, and weights."""
    random = np.random.default_rng(0)
    a, c = random.integers(0, 1000, (2, ROWS))
    X = np.column_stack([a, apart * a + random.integers(0, 100, ROWS), c])
    y = share * (a + c) + random.integers(-3, 4, ROWS)
    return X, y[:, None], random.integers(1, 4, ROWS)


def from_rows(X, Y, w):
    names = tuple(Number(f"x{j}") for j in range(X.shape[1]))
    return Moments.from_rows(
        ArrayRows(X.astype(float), Y.astype(float), w.astype(float), DesignSpec(names, ("y",)))
    )


# Which columns are taken again, and whole numbers that make it so.
ROUTES = [("_with_targets", 0, 100_000), ("_orthogonalised", 10_000, 1), ("_orthogonalised", 10_000, 100_000)]


@pytest.mark.parametrize(("route", "apart", "share"), ROUTES)
def test_every_entry_of_r_is_right(route, apart, share, monkeypatch):
    taken, pass_over = [], getattr(cholesky_qr2, route)
    monkeypatch.setattr(cholesky_qr2, route, lambda *rest: taken.append(route) or pass_over(*rest))
    X, Y, w = table(apart, share)
    moments, exact = from_rows(X, Y, w), exact_factor(np.hstack([X, Y]), w)
    assert taken == [route]
    norms = np.linalg.norm(exact.astype(float), axis=0)
    off = np.abs(moments.factor - exact)
    assert (off / norms).max() <= 1e-10
    assert (np.diag(off) / np.diag(exact)).max() <= 1e-9  # cross-products leave 2 to 6 digits of these
    products = np.abs(moments.factor.T @ moments.factor - exact.T @ exact)
    assert (products / np.outer(norms, norms)).max() <= 4 * moments.error
    # As `CrossProducts` derives it, from chains of 64 rows and a shift that is off by two standard errors of 128.
    assert moments.error < (64 + 12 + 2 * 64 * 2 / np.sqrt(128)) * 4 * UNIT


def test_several_targets_one_of_them_without_noise():
    X, Y, w = table(0, 100_000)
    Y = np.column_stack([Y, X @ [1, 0, 2], Y + X[:, :1]])
    moments = Moments.of(X.astype(float), Y.astype(float), weights=w.astype(float))
    exact = exact_factor(np.hstack([X, Y[:, :1]]), w).astype(float)
    norms, left = np.linalg.norm(moments.factor[:, 3:], axis=0), moments.factor[3:, 3:]
    squares = left.T @ left
    assert squares[0, 0] == pytest.approx(exact[3, 3] ** 2, rel=1e-9)
    assert squares[0, 2] == pytest.approx(exact[3, 3] ** 2, rel=1e-9)  # the same but for a column of X
    assert np.sqrt(squares[1, 1]) <= 1e-14 * norms[1]
    np.testing.assert_array_equal(moments.factor, np.triu(moments.factor))
