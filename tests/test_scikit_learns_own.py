"""scikit-learn's own tests pass on gradline's classes, but for those that `scikit_learns_own.py` gives a reason for."""

import pytest
from scikit_learns_own import FILES, outcome


@pytest.mark.parametrize("file", FILES)
def test_of_scikit_learn_hold_for_the_classes_in_place_of_its_own(file):
    text, counts = outcome(file)
    assert counts.get("passed", 0) > 0, text
    assert not {"failed", "error", "errors"} & counts.keys(), text
