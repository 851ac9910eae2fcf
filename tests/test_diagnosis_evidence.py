"""What losses tell of a cause, in bits: nothing where a smooth curve foretells them, by their gap where none does."""

import math

import numpy as np
import pytest

from gradline.pytorch.diagnosis.evidence import Known, closeness, given_before, told

K = np.arange(12.0)
TIGHT = np.full(12, 1e-9)


@pytest.mark.parametrize(
    ("values", "known", "foretold_from"),
    [
        (np.full(12, 3.0), Known(), 1),
        (5 - 0.3 * K, Known(), 2),
        (2 + 7 * 0.8**K, Known(), 3),
        (2 + 7 * 0.8**K, Known(levels=np.array([2.0])), 2),
        (9.0 * (-0.7) ** K, Known(), 3),
        (np.cos(K) + 0.4, Known(right=np.cos(K), right_slack=TIGHT), 1),
        (np.cos(K) + 4 * 0.9**K, Known(right=np.cos(K), right_slack=TIGHT), 3),
    ],
)
def test_what_goes_on_as_it_went_tells_nothing(values, known, foretold_from):
    bits = told(values, TIGHT, TIGHT, known)
    assert not bits[foretold_from:].any()


def test_each_loss_tells_the_gap_to_the_nearest_guess_in_widths():
    """A first loss 0.5 below the start, foretold to 0.001 by the cause and to nothing by the digits of the start."""
    bits = told(np.array([2.5]), np.array([1e-4]), np.array([1e-3]), Known(start=3.0))
    assert bits[0] == pytest.approx(math.log2(0.5 / 1e-3))
    near = Known(start=3.0, right=np.array([2.498]), right_slack=np.zeros(1))
    assert told(np.array([2.5]), np.array([1e-4]), np.array([1e-3]), near)[0] == pytest.approx(1.0)


def test_noise_within_the_digits_tells_nothing():
    random = np.random.default_rng(1)
    for _ in range(200):
        values = 4 + 2 * 0.7**K + 1e-3 * random.uniform(-1, 1, 12)
        assert told(values, np.full(12, 1e-3), np.full(12, 1e-3), Known())[3:].sum() < 2


def test_an_accident_gathers_b_bits_no_oftener_than_in_one_of_2_to_the_b():
    """Losses of an unknown cause and of one in the table, both at random: they fit within the width by accident."""
    random, width, trials = np.random.default_rng(2), 0.05, 20_000
    unknown, cause = random.uniform(0, 1, (trials, 2)), random.uniform(0, 1, (trials, 2))
    fits = np.flatnonzero((np.abs(unknown - cause) <= width / 2).all(axis=1))
    flat = np.full(2, width)
    bits = np.array([told(unknown[i], 0 * flat, flat, Known(start=1.0)).sum() for i in fits])
    for least in (1, 3, 5):
        assert (bits >= least).sum() / trials <= 2.0**-least


def test_the_digits_of_the_start_blur_a_loss_only_as_far_as_those_before_do_not_tell_them():
    """Against the Cholesky factor of the covariance of all losses together."""
    random = np.random.default_rng(0)
    sway, digits = random.standard_normal((9, 3)), random.uniform(0.1, 1, 9)
    factor = np.linalg.cholesky(np.diag(digits**2) + sway @ sway.T)
    np.testing.assert_allclose(given_before(digits, sway), np.diag(factor), rtol=1e-9)


def test_rivals_are_compared_by_how_far_they_are_off_and_not_beyond_the_digits():
    halves, tolerance = np.full(9, 1e-4), np.full(9, 1e-2)
    assert closeness(0.5, tolerance, halves) - closeness(1.0, tolerance, halves) == pytest.approx(4.0)
    assert closeness(1e-6, tolerance, halves) == closeness(1e-5, tolerance, halves)
