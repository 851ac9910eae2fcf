"""Descent with momentum in closed form equals its recurrence in eighty digits."""

import mpmath
import numpy as np
import pytest

from gradline.solvers.heavy_ball import envelope, progress, rates

EPOCHS = [0, 1, 2, 3, 10, 101, 1000, 10_000, 10**6, 10**9]


def recurrence(a, momentum, epoch):
    """e_k by powers of the recurrence's matrix."""
    mpmath.mp.dps = 80
    a, momentum = mpmath.mpf(a), mpmath.mpf(momentum)
    if epoch == 0:
        return mpmath.mpf(1)
    step = mpmath.matrix([[1 + momentum - a, -momentum], [1, 0]])
    return (step ** (epoch - 1) * mpmath.matrix([1 - a, 1]))[0]


def steps(momentum):
    """a = lr·λ over the stable range, crowded around the double roots."""
    root = np.sqrt(momentum)
    doubles = [(1 - root) ** 2, (1 + root) ** 2]
    near = [d * (1 + s) for d in doubles for s in (-1e-3, -1e-9, -1e-12, -1e-15, 0, 1e-15, 1e-12, 1e-9)]
    plain = [0.0, 1e-18, 1e-12, 1e-8, 1e-4, 0.01, 0.1, 0.5, 0.99, 1.0, 1.01, 1.5, 1.89, 1.99]
    return [a for a in plain + (near if momentum else []) if 0 <= a < 2 * (1 + momentum)]


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9, 0.99, 1.0])
@pytest.mark.parametrize("epoch", EPOCHS)
def test_against_eighty_digits(momentum, epoch):
    # At momentum 1 nothing is damped: the phase k·φ is only known to k roundings.
    tolerance = max(1e-10, epoch * 1e-15) if momentum == 1 else 1e-10
    for a in steps(momentum):
        exact = float(recurrence(a, momentum, epoch))
        got = progress(np.array([a]), momentum, epoch)
        assert abs(got.left[0] - exact) <= tolerance * max(1, abs(exact)), a
        assert abs(got.covered[0] - (1 - exact)) <= tolerance * max(1, abs(exact)), a


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9, 1.0])
def test_beyond_the_limit_it_grows_at_the_rate(momentum):
    a = np.array([2.02 * (1 + momentum), 17.9])
    growth = np.exp(rates(a, momentum))
    assert (growth > 1).all()
    early, late = (progress(a, momentum, epoch).left for epoch in (100, 101))
    np.testing.assert_allclose(np.abs(late / early), growth, rtol=1e-6)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9, 0.99, 1.0])
@pytest.mark.parametrize("epoch", [1, 2, 10, 1000, 10**6])
def test_what_is_covered_keeps_its_digits_in_slow_directions(momentum, epoch):
    for a in (1e-18, 1e-15, 1e-12, 1e-9, 1e-6, 1e-4):
        exact = 1 - recurrence(a, momentum, epoch)
        assert abs(progress(np.array([a]), momentum, epoch).covered[0] / float(exact) - 1) < 1e-11, a


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_the_envelope_bounds_all_that_follows(momentum):
    a = np.array([1e-3, 0.01, 0.1, 1.0, 1.9])
    bound = envelope(a, momentum, 20)
    for epoch in range(20, 200):
        assert (np.abs(progress(a, momentum, epoch).left) <= bound * (1 + 1e-9)).all()
