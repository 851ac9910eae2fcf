"""Student's t and F without SciPy: against SciPy's, against integrals in 50 digits, and what quantiles invert."""

import math

import mpmath
import numpy as np
import pytest
from refusals import refused
from scipy import special

from gradline.model.inference.student import f_tail, quantile, two_sided

EPSILON = 2.0**-52


@pytest.mark.parametrize("freedom", [1, 2, 3.5, 11, 100, 1e4, 1e6, 1e9])
def test_the_tail_of_t_is_the_integral_of_its_density(freedom):
    """Relative to itself; its logarithm is a product of doubles, whose rounding the exponential carries over."""
    with mpmath.workdps(50):
        n = mpmath.mpf(freedom)
        constant = mpmath.exp(mpmath.loggamma((n + 1) / 2) - mpmath.loggamma(n / 2)) / mpmath.sqrt(
            mpmath.pi * n
        )
        for t in (0.01, 0.9, 1.7, 1.8, 4.0, 9.0):
            inside = mpmath.quad(
                lambda u: (1 + u * u / n) ** (-(n + 1) / 2), mpmath.linspace(0, mpmath.mpf(t), 12)
            )
            exact = 1 - 2 * constant * inside
            ours = float(two_sided(t, freedom))
            allowed = 50 * EPSILON * (1 + abs(math.log(exact)))
            assert abs(ours - exact) <= allowed * exact, (t, ours)


@pytest.mark.parametrize("degrees", [1, 2, 7, 60, 500])
@pytest.mark.parametrize("freedom", [1, 3, 40, 1000])
def test_the_tail_of_f_is_that_of_scipy(degrees, freedom):
    F = np.array([1e-4, 0.3, 0.9, 1.0, 1.1, 1.5, 3.0, 20.0])
    np.testing.assert_allclose(f_tail(F, degrees, freedom), special.fdtrc(degrees, freedom, F), rtol=1e-11)


@pytest.mark.parametrize("freedom", [1, 2, 7, 30.5, 1e3, 1e6])
@pytest.mark.parametrize("level", [1e-6, 0.3, 0.5, 0.95, 0.999, 1 - 1e-9])
def test_a_quantile_holds_its_share(level, freedom):
    """Half of the level below one half, where it is small, and of what is left above: each to its own digits."""
    t = quantile(level, freedom)
    outside = float(two_sided(t, freedom))
    assert math.isclose(1 - outside, level, rel_tol=1e-13, abs_tol=4 * EPSILON)
    assert math.isclose(outside, 1 - level, rel_tol=1e-13)


def test_what_has_closed_forms():
    t = np.array([0.0, 1e-300, 0.2, 1.0, 7.0, 1e150, np.inf, np.nan])
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(two_sided(t, 1), 2 / math.pi * np.arctan2(1, t), rtol=1e-13)  # Cauchy's
    np.testing.assert_allclose(f_tail(t[2:5], 2, 10), (1 + t[2:5] / 5) ** -5, rtol=1e-13)
    np.testing.assert_allclose(two_sided(-t, 5), two_sided(t, 5), rtol=0)
    assert quantile(0.5, 1) == pytest.approx(1, rel=1e-14)


def test_what_means_nothing():
    assert np.isnan([float(two_sided(1.0, 0)), float(f_tail(1.0, 0, 5)), quantile(0.95, 0)]).all()
    for level in (0.0, 1.0, 95, math.nan):
        with refused("level-invalid"):
            quantile(level, 5)
