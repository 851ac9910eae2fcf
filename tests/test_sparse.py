"""Sparse matrices give what the same numbers give as an array, without ever being one."""

import numpy as np
import pytest
import scipy.sparse
from references import exact_products, off
from refusals import refused

import gradline
from gradline import Moments
from gradline.data import row_stream as rows
from gradline.data.inputs import by_rows
from gradline.linear_model import LinearRegression

N, P = 40_000, 60


def thin(random, n=N, p=P, share=0.03):
    """X of mostly zeros, some of them stored, one of them negative."""
    X = scipy.sparse.random_array(
        (n, p), density=share, rng=random, data_sampler=random.standard_normal
    ).tocsr()
    X.data[::7], X.data[3] = np.round(X.data[::7]), -0.0
    return X


@pytest.fixture(scope="module")
def table():
    random = np.random.default_rng(0)
    X = thin(random)
    y = X @ random.standard_normal(P) + 5 + random.standard_normal(N)
    return X, y


def agree(ours, theirs):
    np.testing.assert_allclose(ours.mean, theirs.mean, rtol=1e-12, atol=1e-14)
    size = np.linalg.norm(theirs.factor, axis=0)
    assert (np.abs(ours.factor - theirs.factor) <= 1e-12 * size).all()
    for name in ("rows", "weight_sum", "fingerprint"):
        assert getattr(ours.statistics, name) == getattr(theirs.statistics, name)
    np.testing.assert_array_equal(ours.statistics.minimum, theirs.statistics.minimum)
    np.testing.assert_array_equal(ours.statistics.maximum, theirs.statistics.maximum)


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("form", ["csr_array", "csc_matrix", "coo_array", "lil_matrix"])
def test_moments(table, form, weighted, monkeypatch):
    X, y = table
    w = np.random.default_rng(1).integers(0, 3, N) * 1.0 if weighted else None
    theirs = Moments.of(X.toarray(), y, weights=w)
    monkeypatch.setattr(rows, "dense", lambda _: pytest.fail("it was made an array"))
    agree(Moments.of(getattr(scipy.sparse, form)(X), y, weights=w), theirs)


@pytest.mark.parametrize("case", ["dense", "small", "far from zero", "deficient"])
def test_what_gains_nothing_from_it_is_read_piece_by_piece(case):
    random = np.random.default_rng(2)
    n, share = (300, 0.02) if case == "small" else (20_000, 0.5 if case == "dense" else 0.05)
    X = thin(random, n, 20, share)
    if case == "far from zero":
        X = scipy.sparse.hstack([X, np.full((n, 1), 1e9) + random.standard_normal((n, 1))]).tocsr()
    if case == "deficient":
        X = scipy.sparse.hstack([X, X[:, :1] - X[:, 1:2], np.zeros((n, 1))]).tocsr()
    y = random.standard_normal(n)
    agree(Moments.of(X, y), Moments.of(X.toarray(), y))


@pytest.mark.parametrize(
    "solver", [gradline.Exact(), gradline.GradientDescent(epochs=50), gradline.SGD(epochs=2, batch_size=64)]
)
@pytest.mark.filterwarnings("ignore::gradline.GradlineWarning")
def test_fits_predicts_verifies(table, solver):
    X, y = table
    sparse, dense = (gradline.fit(X, y, solver=solver) for X in (X, X.toarray()))
    np.testing.assert_allclose(sparse.weight, dense.weight, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(sparse.predict(X), dense.predict(X.toarray()), rtol=1e-9)
    assert sparse.evaluate(X, y).loss == pytest.approx(dense.evaluate(X.toarray(), y).loss, rel=1e-9)
    assert gradline.verify(sparse, X, y).agrees


def test_cells_that_are_no_numbers():
    X, y = thin(np.random.default_rng(3)), np.ones(N)
    X.data[100] = np.nan
    row = int(np.searchsorted(X.indptr, 100, side="right")) - 1
    with refused("missing-cells", f"x{X.indices[100] + 1} 1", f"1 of {N:,}"):
        Moments.of(X, y)
    assert Moments.of(X, y, missing="drop").rows == N - 1
    X.data[100] = np.inf
    with refused("value-infinite", f"X[{row}, {X.indices[100]}]", "inf"):
        Moments.of(X, y)
    with refused("columns-do-not-match"):
        gradline.fit(np.arange(5.0)[:, None], np.ones(5)).predict(X)


def test_rows_without_weight_are_refused_as_they_are_in_an_array(table):
    X, y = table
    for data in (X, X.toarray()):
        with refused("weights-all-zero"):
            gradline.fit(data, y, weights=np.zeros(N))


def test_duplicates_count_together_and_the_matrix_stays_as_it_was():
    X = scipy.sparse.coo_array(([1.0, 2.0, 3.0], ([0, 0, 1], [1, 1, 0])), shape=(2, 2)).tocsr()
    again = scipy.sparse.csr_array(
        (np.array([1.0, 2.0]), np.array([0, 0]), np.array([0, 2, 2])), shape=(2, 1)
    )
    assert by_rows(again).data.tolist() == [3.0]
    assert again.data.tolist() == [1.0, 2.0]
    np.testing.assert_array_equal(by_rows(X).toarray(), [[0, 3], [3, 0]])


def test_linear_model(table):
    X, y = table
    ours, theirs = (LinearRegression().fit(X, y) for X in (X, X.toarray()))
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X.toarray()), rtol=1e-9)


@pytest.mark.parametrize("order", ["sorted", "in turns"])
def test_the_claimed_error_holds_where_few_rows_repeat(order, monkeypatch):
    """RᵀR of a sparse table against the exact cross-products: SciPy adds row after row."""
    monkeypatch.setattr(rows, "dense", lambda _: pytest.fail("it was made an array"))
    random = np.random.default_rng(12)
    for p in (20, 24):
        distinct = np.zeros((2 * p, p + 1))
        distinct[np.arange(2 * p), np.arange(2 * p) % p] = np.round(random.normal(size=2 * p), 2) + 3
        distinct[:, -1] = np.round(random.normal(size=2 * p), 1)
        times = random.integers(1, 10_000, 2 * p)
        times[0] += 200_000  # one row is most of them
        Z = np.repeat(distinct, times, axis=0)
        if order == "in turns":
            Z = random.permutation(Z)
        moments = Moments.of(scipy.sparse.csr_matrix(Z[:, :-1]), Z[:, -1])
        assert off(moments, exact_products(distinct, times)) <= 2 * moments.error
        assert moments.error < 1e-9
