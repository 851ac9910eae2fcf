"""The table of `diagnose`: all that a hand-written loop may have done, right steps first."""

from gradline.pytorch.diagnosis.hypothesis import Hypothesis
from gradline.pytorch.diagnosis.losses import OTHER_LOSSES
from gradline.pytorch.diagnosis.other_rows import OTHER_ROWS
from gradline.pytorch.diagnosis.updates import UPDATES

HYPOTHESES: dict[str, Hypothesis] = UPDATES | OTHER_LOSSES | OTHER_ROWS
