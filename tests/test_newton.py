"""Newton's steps over rows in memory: every build of the compiled ones against the twin, and against fractions."""

from fractions import Fraction

import numpy as np
import pytest
from references import rational_least_squares

from gradline.core.kernels import library
from gradline.core.linalg.triangular import UNIT
from gradline.data.row_block import RowBlock
from gradline.moments import newton as by
from gradline.moments.newton import Newton
from gradline.moments.state import Moments

# Rows, features and targets below, at and above what lanes and tiles hold.
SHAPES = [(3, 1, 1), (7, 2, 1), (40, 5, 1), (128, 1, 2), (300, 9, 3)]
# Where columns lie, and how far from each other: the second leaves steps to take, the last one has no proof.
KINDS = {"plain": (1.0, 1.0), "offset": (1e7, 1.0), "near": (1.0, 1e-6), "nearer": (1.0, 1e-13)}


def problem(n, p, m, kind, weighted):
    """Rows of such a kind with their weights, whose last column is near to the first where it has another."""
    random = np.random.default_rng(n + p)
    offset, apart = KINDS[kind]
    X = offset + random.normal(size=(n, p))
    if p > 1:
        X[:, -1] = X[:, 0] + apart * random.normal(size=n)
    Y = X @ random.normal(size=(p, m)) + random.normal(size=(n, m))
    return X, Y, random.uniform(0.1, 9.0, n) if weighted else None


def steps(way, monkeypatch, newton, block, raw):
    """Where the steps end by this build, or by the twin."""
    monkeypatch.setattr(by, "kernels", lambda: way and library.build(way))
    return by.settled(newton, block, raw)


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "without"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", library.builds())
def test_compiled_steps_end_where_those_of_the_twin_do(way, kind, weighted, bias, monkeypatch):
    for n, p, m in SHAPES:
        X, Y, w = problem(n, p, m, kind, weighted)
        moments, block = Moments.of(X, Y, weights=w), RowBlock(X, Y, w)
        newton = Newton.of(moments, bias)
        raw = newton.start(moments)
        ours, theirs = (steps(one, monkeypatch, newton, block, raw) for one in (way, None))
        assert (ours.step is None) == (theirs.step is None)
        # From the answer of the factor the gap is what rounding left of it; from zeros it is what the columns explain.
        far, near = (steps(one, monkeypatch, newton, block, np.zeros_like(raw)) for one in (way, None))
        np.testing.assert_allclose(far.gap, near.gap, rtol=64 * UNIT)
        apart = far.first.sums.minus(near.first.sums)
        size = np.abs(near.first.sums.hi).max()
        assert np.abs(apart.hi + apart.lo).max() <= 2.0**-90 * size
        if far.step is not None and near.step is not None:
            np.testing.assert_allclose(far.step.squares, near.step.squares, rtol=(n + 16) * UNIT)
            explained = far.first.squares - far.step.squares
            np.testing.assert_allclose(
                far.gap, explained, rtol=0, atol=(n + 16) * UNIT * far.first.squares.max()
            )
        np.testing.assert_allclose(ours.first.squares, theirs.first.squares, rtol=(n + 8) * UNIT)
        if ours.step is None or theirs.step is None:
            continue
        # Both are right to their bounds, in coordinates of the basis; so they are no further apart than the two.
        apart = ours.step.theta.minus(theirs.step.theta)
        allowed = newton.lengths.max() * (ours.step.bound + theirs.step.bound)
        assert (np.abs(apart.hi + apart.lo)[1 - newton.first :] <= allowed + 2.0**-100).all()
        # The last correction is noise, in other digits for each; so are bounds, below what rounding an answer leaves.
        enough = UNIT / 8 * np.abs(theirs.step.raw).max(axis=0) / newton.lengths.min()
        assert (ours.step.bound <= np.maximum(4 * theirs.step.bound, enough)).all()
        np.testing.assert_allclose(ours.step.squares, theirs.step.squares, rtol=(n + 16) * UNIT)


@pytest.mark.parametrize("times", [0.5, 2.0])
@pytest.mark.parametrize("way", [*library.builds(), None], ids=lambda way: way or "numpy")
def test_a_factor_of_other_rows_is_no_proof(way, times, monkeypatch):
    X, Y, _ = problem(40, 3, 2, "plain", weighted=False)
    newton = Newton.of(Moments.of(times * X, Y), True)
    start = np.zeros((4, 2))
    assert steps(way, monkeypatch, newton, RowBlock(X, Y), start).step is None


@pytest.mark.parametrize("kind", ["plain", "offset", "near"])
@pytest.mark.parametrize("way", [*library.builds(), None], ids=lambda way: way or "numpy")
def test_bounds_hold_against_fractions(way, kind, monkeypatch):
    for n, p, m, bias in [(6, 2, 1, True), (9, 3, 2, True), (7, 3, 1, False), (20, 4, 1, True)]:
        X, Y, _ = problem(n, p, m, kind, weighted=False)
        moments = Moments.of(X, Y)
        newton = Newton.of(moments, bias)
        found = steps(way, monkeypatch, newton, RowBlock(X, Y), newton.start(moments))
        assert found.step is not None
        assert found.reached is not None
        answer = found.reached.refined(newton.first)
        exact = np.array(rational_least_squares(X, Y, None, bias), object)
        values, bounds = answer.weight.T, answer.weight_bound.T
        if bias:
            values, bounds = np.vstack([answer.bias, values]), np.vstack([answer.bias_bound, bounds])
        for value, bound, truth in zip(values.ravel(), bounds.ravel(), exact.ravel(), strict=True):
            assert abs(Fraction(float(value)) - truth) <= Fraction(float(bound))


# The exponents of columns and targets, and how far from zero the last column lies: coefficients of usual size, of less
# than the least normal number, and of more than the largest, where there is a bias.
SCALES = {
    "usual": (0, 0, 0),
    "small": (500, -500, 0),
    "large": (-500, 498, 0),
    "beyond": (-526, 498, 1 << 22),
}


def whole_numbers(x, y, away):
    """Whole numbers times powers of two: the second column explains nothing, and the last a millionth of a target."""
    X = np.random.default_rng(0).integers(-8, 9, (24, 3)).astype(float)
    X[12:] = X[:12] * [1, -1, 1]
    Y = np.stack([X[:, 0] - 2 * X[:, 2], X[:, 0] ** 2 + X[:, 2], X[:, 0] + 2.0**-24 * X[:, 2]], axis=1)
    X += [0, 0, away]
    X *= [max(1, away), max(1, away), 1]
    return np.ldexp(X, x), np.ldexp(Y, y)


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "without"])
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("way", library.builds())
def test_compiled_answers_are_those_of_the_twin_to_the_last_bit(way, scale, bias, monkeypatch):
    """In raw units, from one step: what float64 holds in part or not at all, and coefficients that are nothing."""
    X, Y = whole_numbers(*SCALES[scale])
    moments = Moments.of(X, Y)
    newton = Newton.of(moments, bias)
    found = steps(way, monkeypatch, newton, RowBlock(X, Y), newton.start(moments))
    assert found.step is not None
    twin, ours = newton.reached(found.step), found.reached
    assert (twin is None) == (ours is None) == (bias and scale == "beyond")
    if ours is None or twin is None:
        return
    for part, same in zip(ours, twin, strict=True):
        np.testing.assert_array_equal(part, same)
    nothing = ours.theta == 0
    assert not np.signbit(ours.theta[nothing]).any()
    if scale != "beyond":
        assert nothing[newton.first + 1].all()
        sizes = np.abs(ours.theta[~nothing])
        assert (scale == "small") == (sizes.min() < 2.0**-1021)


@pytest.mark.parametrize("way", [*library.builds(), None], ids=lambda way: way or "numpy")
def test_a_coefficient_that_says_something_is_not_made_zero(way, monkeypatch):
    """However little it moves the answer: beside a column that explains all, in rows where that one is zero."""
    signs = np.array([1.0, 1.0, -1.0, -1.0])
    ends = np.array([1.0, -1.0, 1.0, -1.0])
    for less in (0, 20, 52, 60, 80, 95, 110, 300):
        X = np.zeros((8, 2))
        X[:4, 0], X[4:, 1] = signs, 2.0**40 * ends
        y = np.concatenate([np.add(signs, [0.5, 0, 0, 0]), 2.0**-less * np.add(ends, [0.25, 0, 0, 0])])
        moments, block = Moments.of(X, y), RowBlock(X, y[:, None])
        newton = Newton.of(moments, False)
        reached = steps(way, monkeypatch, newton, block, newton.start(moments)).reached
        assert reached is not None
        exact = rational_least_squares(X, y[:, None], None, False)
        for value, bound, truth in zip(reached.theta[:, 0], reached.bound[:, 0], exact, strict=True):
            assert abs(Fraction(float(value)) - truth[0]) <= Fraction(float(bound))
        if less < 90:  # of 106 bits what rounding in pairs leaves
            assert abs(Fraction(float(reached.theta[1, 0])) / exact[1][0] - 1) < 1e-3


def test_what_is_made_zero_had_no_sure_digit():
    """Of steps with any bounds: what may be true by the old bounds may be true by those that are told."""
    random, X = np.random.default_rng(0), np.random.default_rng(1).normal(size=(30, 3)) * [1, 1e-6, 1e12]
    w = np.random.default_rng(2).uniform(0.1, 1e4, 30)
    Y = np.random.default_rng(3).normal(size=(30, 50))
    newton, zeros = Newton.of(Moments.of(X, Y, weights=w), True), 0
    for _ in range(20):
        raw = random.normal(size=(4, 50)) * 10.0 ** random.uniform(-22, 0, (4, 50))
        bound = 10.0 ** random.uniform(-20, -12, 50)
        told = newton.reached(by.Step(by.Doubled.of(raw), raw, np.ones(50), bound))
        assert told is not None
        theta, old = np.ldexp(raw, newton.units), np.ldexp(newton.lengths[:, None] * bound, newton.units)
        rounding = 1 + 4 * UNIT
        assert (np.abs(told.theta - theta) + old <= told.bound * rounding).all()
        nothing = told.theta == 0
        assert (np.abs(theta)[nothing] <= old[nothing] * rounding).all()
        zeros += nothing.sum()
    assert zeros > 100


@pytest.mark.parametrize("kind", ["plain", "offset", "near"])
@pytest.mark.parametrize("way", library.builds())
def test_compiled_biases_are_what_is_left_at_the_origin_rounded_once(way, kind, monkeypatch):
    for n, p, m in SHAPES:
        X, Y, w = problem(n, p, m, kind, weighted=True)
        moments = Moments.of(X, Y, weights=w)
        newton = Newton.of(moments, True)
        found = steps(way, monkeypatch, newton, RowBlock(X, Y, w), newton.start(moments))
        if found.step is None:
            continue
        theta, center = found.step.theta, [Fraction(x) for x in newton.view.center.tolist()]
        for t in range(m):
            level, *slopes = (
                Fraction(a) + Fraction(b) for a, b in zip(theta.hi[:, t], theta.lo[:, t], strict=True)
            )
            # The slopes that are told are their high parts; what they predict at the center leaves the bias.
            left = level + center[p + t] - sum(s * c for s, c in zip(slopes, center, strict=False))
            assert abs(Fraction(float(found.step.raw[0, t])) - left) <= Fraction(1, 2**53) * abs(left) * (
                1 + Fraction(1, 2**40)
            )
        np.testing.assert_array_equal(found.step.raw[1:], theta.hi[1:])
