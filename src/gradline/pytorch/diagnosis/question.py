"""What `diagnose` is asked: the setup as stated, what was printed, the loop that was meant, and what is known."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradline.moments.state import Moments
from gradline.pytorch.diagnosis.loops import Loop
from gradline.pytorch.diagnosis.printed import Printed
from gradline.pytorch.diagnosis.simulation import StatedSetup
from gradline.solvers.spectrum import Spectrum

START = "give the start, weight and bias before the first update (--weight and --bias, or --init)"
MEND = "The fix: "

# A verdict, and the sentences that say it.
Said = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class Question:
    """A loop to be judged, by what it printed."""

    case: StatedSetup
    moments: Moments
    printed: Printed
    base: Loop
    start_known: bool

    @cached_property
    def limit(self) -> float:
        """The largest rate that the data bear."""
        return Spectrum.of(self.moments).lr_limit(self.case.momentum)

    @cached_property
    def least(self) -> float:
        """The least mean of squares on these rows."""
        A, Y = self.case.A, self.case.Y
        return float(((Y - A @ np.linalg.lstsq(A, Y, rcond=None)[0]) ** 2).mean())
