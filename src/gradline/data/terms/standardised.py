"""`scale(x)`: a number less its mean over training rows, in its standard deviations (divisor n − 1), as in R."""

import numpy as np

from gradline.data.terms.learned import LearnedTerm, Learner, options, refused, truth
from gradline.data.terms.shapes import Pieces

_OPTIONS = ("center", "scale")


class Standardised(LearnedTerm):
    """The factor (x − mean) / deviation; `learned` holds the two."""

    @property
    def names(self) -> tuple[str, ...]:
        """Its one column."""
        return (self.text,)

    def columns(self, x: np.ndarray) -> np.ndarray:
        """The column (n, 1)."""
        mean, deviation = self.learned
        return ((x - mean) / deviation)[:, None]

    @property
    def shape(self) -> Pieces:
        """See `LearnedTerm`."""
        return Pieces.plain(self.over.node, *self.learned)

    def expect_learned(self) -> None:
        """See `LearnedTerm`."""
        if len(self.learned) != 2 or not self.learned[1] > 0:
            raise ValueError(f"{self.text!r:.40} needs a mean and a deviation above 0")


class StandardisedLearner(Learner):
    """Mean and squared deviations, merged batch by batch (Chan, Golub, LeVeque 1983)."""

    count = mean = squares = 0.0

    def add(self, x: np.ndarray, w: np.ndarray) -> None:
        """See `Learner`."""
        count = w.sum()
        mean = (w @ x) / count
        total, step = self.count + count, mean - self.mean
        self.squares += w @ (x - mean) ** 2 + step**2 * self.count * count / total
        self.mean += step * count / total
        self.count = total

    def learned(self) -> Standardised:
        """See `Learner`. Without center=TRUE R divides by the root mean square, √(Σx²/(n − 1))."""
        given = {key: truth(self.node, value) for key, value in options(self.node, _OPTIONS).items()}
        centred, scaled = given.get("center", True), given.get("scale", True)
        squares = self.squares + (0.0 if centred else self.count * self.mean**2)
        deviation = float(np.sqrt(squares / (self.count - 1))) if scaled and self.count > 1 else 1.0
        if not deviation > 0:
            raise refused(self.node, "its values do not vary over the training rows")
        return Standardised(self.node, (float(self.mean) if centred else 0.0, deviation))
