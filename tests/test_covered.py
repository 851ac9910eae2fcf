"""Bounds hold as often as they promise where what they assume is true, and as seldom as the guide says where not."""

import numpy as np
import pytest
from covered import EXPERIMENTS, coverage

CHANCE = 4 * np.sqrt(0.05 * 0.95 / EXPERIMENTS)  # four standard errors of a share of independent experiments


@pytest.mark.parametrize("n", [30, 200])
def test_normal_errors(n):
    found = coverage("normal", n, seed=n)
    assert found.plain == pytest.approx(0.95, abs=CHANCE)
    assert found.new == pytest.approx(0.95, abs=CHANCE)
    assert found.refused == pytest.approx(0.05, abs=CHANCE)


@pytest.mark.parametrize(
    ("errors", "column", "test"), [("unequal", "hc3", "refused_hc3"), ("in groups", "cluster", None)]
)
def test_errors_that_plain_intervals_are_wrong_for(errors, column, test):
    """Many rows and groups, of which the theory of the others speaks; 1 % more than chance for what it leaves."""
    found = coverage(errors, 2_000, seed=1)
    assert found.plain < 0.85
    assert getattr(found, column) == pytest.approx(0.95, abs=CHANCE + 0.01)
    if test:
        assert getattr(found, test) == pytest.approx(0.05, abs=CHANCE + 0.01)
