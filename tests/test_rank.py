"""What many columns tell apart: the inverse says what the singular value decomposition would, and knows when not to."""

import numpy as np
import pytest
from known import known

import gradline
from gradline import Moments
from gradline.core.linalg.triangular import WIDE
from gradline.moments.basis import Basis
from gradline.moments.rank import Rank

P = WIDE + 8


@pytest.fixture(scope="module")
def table():
    """Columns of any unit and origin that share a little, and two targets."""
    random = np.random.default_rng(0)
    X = random.normal(size=(2 * P, P)) + 0.3 * random.normal(size=(2 * P, 1)) + 3
    Y = X @ random.normal(size=(P, 2)) + random.normal(size=(2 * P, 2))
    return X * 10.0 ** random.integers(-3, 4, P), Y


@pytest.mark.parametrize("bias", [True, False])
def test_many_columns_by_their_inverse(table, bias):
    X, Y = table
    model = gradline.fit(X, Y, bias=bias)
    rank, certificate = Rank.of(model.moments, bias), model.certificate
    columns = X - X.mean(axis=0) if bias else X
    unit = columns / np.linalg.norm(columns, axis=0)
    _, s, right = np.linalg.svd(unit, full_matrices=False)
    assert rank.inverse is not None
    assert (rank.rank, rank.deficiency, rank.relations, rank.almost) == (P, 0, [], [])
    assert rank.determined.all()
    assert certificate.condition_scaled == pytest.approx(s[0] / s[-1], rel=2e-3)
    np.testing.assert_allclose(rank.singular, s, rtol=1e-12)
    A = np.column_stack([np.ones(len(X)), X]) if bias else X
    s = np.linalg.svd(A, compute_uv=False)
    assert certificate.condition == pytest.approx(s[0] / s[-1], rel=2e-3)
    within = Basis.of(model.moments, bias).rows(X)
    assert np.abs(within.T @ within - np.eye(P + bias)).max() <= 1e-10
    inverse = (right.T / np.linalg.svd(unit, compute_uv=False)) / np.linalg.norm(columns, axis=0)[:, None]
    residual = Y - model.predict(X)
    sigma = np.sqrt((residual**2).sum(axis=0) / (len(X) - P - bias))
    expected = np.outer(sigma, np.linalg.norm(inverse, axis=1))
    np.testing.assert_allclose(known(model.inference.weight_stderr), expected, rtol=1e-8)
    np.testing.assert_allclose(
        np.array(certificate.weight_error), np.array(certificate.weight_error_stderr) * expected, rtol=1e-8
    )


def test_many_columns_of_which_one_depends_on_others(table):
    X, Y = table
    X = X.copy()
    X[:, -1] = X[:, 0] + 2 * X[:, 5]
    rank = Rank.of(Moments.of(X, Y), bias=True)
    assert rank.inverse is None
    assert (rank.rank, rank.deficiency) == (P - 1, 1)
    assert sorted(rank.relations[0].columns) == [0, 5, P - 1]
    assert np.flatnonzero(~rank.determined).tolist() == [0, 5, P - 1]


def test_many_columns_of_which_one_all_but_depends_on_others(table):
    X, Y = table
    X = X.copy()
    noise = np.random.default_rng(1).normal(size=len(X))
    X[:, -1] = X[:, 0] + X[:, 5] + 1e-10 * noise * X[:, [0, 5]].std()
    rank = Rank.of(Moments.of(X, Y), bias=True)
    assert rank.deficiency == 0
    assert rank.condition_scaled > 1e8
    assert sorted(rank.almost[0].columns) == [0, 5, P - 1]
