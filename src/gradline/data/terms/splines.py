"""`bs(x, df=4)`: B-splines with knots at quantiles of the training rows, as in R."""

from collections.abc import Sequence

import numpy as np

from gradline.core.derived import cached_property
from gradline.data.terms.learned import LearnedTerm, Learner, numbers, options, refused, whole
from gradline.data.terms.shapes import Pieces

_OPTIONS = ("df", "knots", "degree")
_MOST_VALUES = 1 << 22  # different ones that wait for their quantiles: 64 MB with their counts
_MOST_COLUMNS = 1000


class Spline(LearnedTerm):
    """The factor B₂(x), …, B_k(x): the B-spline basis of a degree without its first, whose sum with them is one.

    `learned` holds the knots: the least value, those inside, the largest. Beyond the range the outermost pieces go on
    as polynomials, as R has it (de Boor 1978, chapter X).
    """

    @cached_property
    def degree(self) -> int:
        """Of the pieces, 3 unless said."""
        return _degree(self)

    @property
    def names(self) -> tuple[str, ...]:
        """Its columns from the left."""
        return tuple(f"{self.text}[{k}]" for k in range(1, len(self.learned) - 1 + self.degree))

    def columns(self, x: np.ndarray) -> np.ndarray:
        """The columns (n, inner knots + degree): of each row degree + 1 that are not 0, by de Boor's recurrence."""
        inner, d = len(self.learned) - 2, self.degree
        low, *inside, high = self.learned
        knots = np.array([low] * (d + 1) + inside + [high] * (d + 1))
        span = d + np.searchsorted(inside, x, side="right")  # the piece that x lies in, or next to
        basis = np.zeros((len(x), d + 1))
        basis[:, 0] = 1.0
        for order in range(1, d + 1):
            saved = np.zeros(len(x))
            for r in range(order):
                right, left = knots[span + r + 1], knots[span + r + 1 - order]
                share = basis[:, r] / (right - left)
                basis[:, r] = saved + (right - x) * share
                saved = (x - left) * share
            basis[:, order] = saved
        found = np.zeros((len(x), inner + d + 1))
        np.put_along_axis(found, (span - d)[:, None] + np.arange(d + 1), basis, axis=1)
        return found[:, 1:]

    @property
    def shape(self) -> Pieces:
        """See `LearnedTerm`: a knot that stands twice ends one piece."""
        return Pieces.of(self.over.node, sorted(set(self.learned)), self.columns, self.degree)

    def expect_learned(self) -> None:
        """See `LearnedTerm`."""
        _, wanted = _knots(self)
        rising = all(a <= b for a, b in zip(self.learned, self.learned[1:], strict=False))
        if len(self.learned) != wanted + 2 or not rising or not self.learned[0] < self.learned[-1]:
            raise ValueError(f"{self.text!r:.40} needs {wanted + 2} knots that rise")


def _degree(term: "Spline | SplineLearner") -> int:
    given = options(term.node, _OPTIONS)
    return whole(term.node, given["degree"], 1, 10) if "degree" in given else 3


def _knots(term: "Spline | SplineLearner") -> tuple[list[float] | None, int]:
    """The inner knots as the formula names them, or None, and how many there are."""
    given, degree = options(term.node, _OPTIONS), _degree(term)
    if "knots" in given:
        if "df" in given:
            raise refused(term.node, "df and knots both say how many knots there are")
        named = sorted(numbers(term.node, given["knots"]))
        return named, len(named)
    freedom = whole(term.node, given["df"], degree, _MOST_COLUMNS) if "df" in given else degree
    return None, freedom - degree


class SplineLearner(Learner):
    """The different values and how often each came, for their quantiles; where knots are named the range alone."""

    def __init__(self, node) -> None:  # type: ignore[no-untyped-def] - see Learner
        super().__init__(node)
        self._named, self._inner = _knots(self)
        self._parts: list[tuple[np.ndarray, np.ndarray]] = []
        self._low, self._high = np.inf, -np.inf

    def add(self, x: np.ndarray, w: np.ndarray) -> None:
        """See `Learner`."""
        self._low, self._high = min(self._low, float(x.min())), max(self._high, float(x.max()))
        if self._named is None and self._inner:
            self._parts.append(_counted(x, w))
            while len(self._parts) > 1 and len(self._parts[-2][0]) <= 2 * len(self._parts[-1][0]):
                self._parts[-2:] = [
                    self._merged(self._parts[-2:])
                ]  # of a like size: each value is sorted seldom

    def _merged(self, parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
        values, counts = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
        found = _counted(values, counts)
        if len(found[0]) > _MOST_VALUES:
            raise refused(
                self.node,
                f"more than {_MOST_VALUES:,} different values are too many to find quantiles of: name knots=",
            )
        return found

    def learned(self) -> Spline:
        """See `Learner`."""
        if not self._low < self._high:
            raise refused(self.node, "its values do not vary over the training rows")
        inside = self._named if self._named is not None else self._quantiles()
        if any(not self._low < knot < self._high for knot in inside):
            raise refused(self.node, f"a knot lies outside {self._low:g} to {self._high:g}, or at its end")
        return Spline(self.node, (self._low, *inside, self._high))

    def _quantiles(self) -> list[float]:
        """At i/(knots + 1), between the two nearest values in proportion (Hyndman, Fan 1996, type 7: R's)."""
        if not self._inner:
            return []
        values, counts = self._merged(self._parts)
        ends = np.cumsum(counts)
        places = np.arange(1, self._inner + 1) / (self._inner + 1) * (ends[-1] - 1)
        lower = values[np.searchsorted(ends, np.floor(places), side="right")]
        upper = values[np.searchsorted(ends, np.minimum(np.floor(places) + 1, ends[-1] - 1), side="right")]
        return (lower + (places - np.floor(places)) * (upper - lower)).tolist()


def _counted(x: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different values, ascending, and the counts of each."""
    if (w == 1).all():  # as all rows but weighted ones: numbers sort faster than their places
        values, counts = np.unique(x, return_counts=True)
        return values, counts.astype(float)
    order = np.argsort(x, kind="stable")
    values = x[order]
    firsts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    return values[firsts], np.add.reduceat(w[order], firsts)
