"""The selftest scores what it says, and this machine passes it."""

import json

import numpy as np
import pytest
from known import known

from gradline.model.nist import NAMES
from gradline.model.selftest import WAYS, digits, selftest


@pytest.fixture(scope="module")
def scores():
    return selftest()


@pytest.mark.parametrize("name", NAMES)
def test_the_exact_solver_on_nist(name, scores):
    (score,) = (score for score in scores if (score.name, score.way) == (name, "exact"))
    assert score.coefficients >= 15.0
    assert known(score.stderr) >= 13.0
    assert known(score.residual_stderr) >= 13.0


def test_no_claim_is_above_the_truth(scores):
    assert len(scores) == len(NAMES) * len(WAYS)
    for score in scores:
        assert score.claimed <= score.coefficients + 0.5, score


def test_digits_count_what_is_right():
    assert digits([1.0, 2.0], [1.0, 2.0]) == 16.0
    assert digits([1.0, 2.002], [1.0, 2.0]) == pytest.approx(3.0)
    assert digits(1e-7, 0.0) == pytest.approx(7.0)
    assert digits([np.nan], [1.0]) == 0.0


@pytest.mark.slow
def test_the_command(gradline):
    done = gradline("selftest", "--json")
    assert done.code == 0
    assert {score["name"] for score in json.loads(done.out)["scores"]} == set(NAMES)
    assert "Longley" in gradline("selftest").out
