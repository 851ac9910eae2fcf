"""Corrections by passing rows: against rational arithmetic, and what large tables get of them."""

from fractions import Fraction

import numpy as np
import pytest
from references import exact_from_integers, rational_least_squares

import gradline
from gradline.data.inputs import as_rows
from gradline.data.selection import Selection
from gradline.moments import newton
from gradline.moments.rank import Rank
from gradline.moments.state import Moments
from gradline.solvers.refinement import refined

TABLE = 40_000  # rows of four columns: above the cells that are refined in memory


def problem(seed):
    """X, Y, w and whether there is a bias: any condition, origin and units, noise below and above the signal."""
    random = np.random.default_rng(seed)
    n, p = int(random.integers(50, 150)), int(random.integers(1, 5))
    right, _ = np.linalg.qr(random.normal(size=(p, p)))
    X = (random.normal(size=(n, p)) * np.geomspace(1, 10.0 ** -random.uniform(0, 12), p)) @ right
    X = (X + 10.0 ** random.uniform(0, 6) * random.integers(0, 2)) * 10.0 ** random.uniform(-100, 100, p)
    Y = (X / np.abs(X).max(axis=0)) @ random.normal(size=(p, 2))
    Y = Y + 10.0 ** random.uniform(-8, 1) * random.normal(size=(n, 2))
    w = random.integers(1, 5, n).astype(float) if seed % 2 else None
    return X, Y, w, bool(seed % 3)


@pytest.mark.slow
@pytest.mark.numeric
def test_random_problems_in_rational_arithmetic(monkeypatch):
    """No error exceeds its bound; 15 digits while the condition is below 1e7, and 10 of the worst or no answer."""
    monkeypatch.setattr(newton, "_CELLS", 64)
    seen = 0
    for seed in range(80):
        X, Y, w, bias = problem(seed)
        rows = as_rows(Selection(X, Y, weights=w)).rows
        moments = Moments.from_rows(rows)
        found, condition = refined(rows, moments, bias), Rank.of(moments, bias).condition_scaled
        if found is None:
            assert condition > 1e10
            continue
        exact = rational_least_squares(X, Y, w, bias)
        theta = np.vstack([found.bias, found.weight.T]) if bias else found.weight.T
        bound = np.vstack([found.bias_bound, found.weight_bound.T]) if bias else found.weight_bound.T
        for place in np.ndindex(theta.shape):
            truth = exact[place[0]][place[1]]
            error = abs(Fraction(float(theta[place])) - truth)
            assert error <= Fraction(float(bound[place])), (seed, place)
            if condition < 1e7:
                assert error <= abs(truth) / 10**15, (seed, condition)
        A = [[Fraction(1)] * bias + [Fraction(v) for v in row] for row in X]
        for t in range(2):
            squares = sum(
                (Fraction(y[t]) - sum(a * e[t] for a, e in zip(row, exact, strict=True))) ** 2
                * (1 if w is None else int(w[i]))
                for i, (row, y) in enumerate(zip(A, Y, strict=True))
            )
            assert abs(Fraction(found.squares[t]) - squares) <= squares / 10**13, seed
        seen += 1
    assert seen > 60


def near_collinear(apart):
    """Whole numbers whose second column is a hundred thousand times the first, and up to `apart` more."""
    random = np.random.default_rng(0)
    a, c = random.integers(1, 100, TABLE), random.integers(1, 1000, TABLE)
    X = np.column_stack([a, 100_000 * a + random.integers(0, apart, TABLE), c])
    y = 3 * a + c + random.integers(-500, 500, TABLE)
    return X, y


@pytest.mark.parametrize("apart", [2, 100, 10_000])
def test_a_large_near_collinear_table_is_certified(apart):
    """One pass leaves 4 to 9 digits of these; corrections leave them all."""
    X, y = near_collinear(apart)
    model = gradline.fit(X, y)
    assert model.certificate.status == "certified"
    assert model.certificate.digits >= 14
    exact = exact_from_integers([np.ones(TABLE), X], y)
    np.testing.assert_allclose([*model.bias, *model.weight[0]], exact, rtol=1e-14)
    assert gradline.verify(model, X, y).agrees


def test_digits_asked_for_are_reached_or_it_is_said():
    X, y = np.random.default_rng(0).normal(size=(2, TABLE, 3))
    y = y[:, 0]
    plain = gradline.fit(X, y)
    sure = gradline.fit(X, y, solver=gradline.Exact(digits=15))
    assert plain.certificate.digits < 15 < sure.certificate.digits
    np.testing.assert_allclose(plain.weight, sure.weight, rtol=10**-plain.certificate.digits)
    moments = Moments.of(X, y)
    (notice,) = gradline.fit(moments, solver=gradline.Exact(digits=15)).notices
    assert (
        "digits of the coefficients are sure where 15 were asked for: moments alone hold no more"
        in notice.text
    )


def test_rows_that_pass_by_in_a_file_give_the_same_bits(tmp_path):
    X, y = near_collinear(100)
    names = {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "y": y}
    header, rows = ",".join(names), np.column_stack(list(names.values()))
    (tmp_path / "t.csv").write_text(header + "\n" + "\n".join(",".join(map(str, row)) for row in rows) + "\n")
    model, same = gradline.fit(tmp_path / "t.csv", "y"), gradline.fit(names, "y")
    assert model.weight.tobytes() == same.weight.tobytes()
