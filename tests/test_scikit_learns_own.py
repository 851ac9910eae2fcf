"""scikit-learn's own tests pass on gradline's classes, but for those that `scikit_learns_own.py` gives a reason for."""

import pytest
from scikit_learns_own import FILES, outcome

# Of their tests of the weights of many targets, 14 of 3 s each do the same on a sparse X as one on a plain one.
_SELDOM = "not (sample_weight_consistency and MultiTask and csc)"


@pytest.mark.parametrize("only", [_SELDOM, pytest.param("", marks=pytest.mark.full)], ids=["", "whole"])
@pytest.mark.parametrize("file", FILES)
def test_of_scikit_learn_hold_for_the_classes_in_place_of_its_own(file, only):
    text, counts = outcome(file, "-k", only)
    assert counts.get("passed", 0) > 0, text
    assert not {"failed", "error", "errors"} & counts.keys(), text
