"""`poly(x, 3)`: polynomials orthonormal over the training rows, as in R; with `raw=TRUE` plain powers."""

from math import comb

import numpy as np

from gradline.core.derived import cached_property
from gradline.core.linalg.triangular import triangular
from gradline.data.terms.learned import LearnedTerm, Learner, options, refused, truth, whole
from gradline.data.terms.shapes import Pieces

_OPTIONS = ("degree", "raw")
MOST_DEGREES = 12  # powers on [−1, 1] have a condition of 1e5 there: eleven digits are left


class Polynomial(LearnedTerm):
    """The factor p₁(t), …, p_d(t) with t = (x − centre)/scale, by the recurrence of orthogonal polynomials

        b₀·p₀ = 1,  b₁·p₁ = (t − a₀)·p₀,  b_{k+1}·p_{k+1} = (t − a_k)·p_k − b_k·p_{k−1}

    (Stieltjes 1884; Kennedy, Gentle 1980, section 8.5, whose `coefs` R keeps). `learned` holds centre, scale, b₀, then
    a_k, b_{k+1} for k = 0, …, d − 1; of raw powers nothing.
    """

    @cached_property
    def degree(self) -> int:
        """d, the number of columns."""
        return _degree(self)

    @cached_property
    def is_raw(self) -> bool:
        """Whether the columns are x, x², …"""
        return _is_raw(self)

    @property
    def names(self) -> tuple[str, ...]:
        """Its columns, by degree."""
        return tuple(f"{self.text}[{k}]" for k in range(1, self.degree + 1))

    def columns(self, x: np.ndarray) -> np.ndarray:
        """The columns (n, d)."""
        if self.is_raw:
            return x[:, None] ** np.arange(1, self.degree + 1)
        centre, scale, first, *steps = self.learned
        t, before, last, b = (x - centre) / scale, np.zeros(len(x)), np.full(len(x), 1.0 / first), 0.0
        found = np.empty((len(x), self.degree))
        for k in range(self.degree):
            a, following = steps[2 * k : 2 * k + 2]
            before, last, b = last, ((t - a) * last - b * before) / following, following
            found[:, k] = last
        return found

    @property
    def shape(self) -> Pieces:
        """See `LearnedTerm`; raw powers are their own coefficients."""
        if self.is_raw:
            powers = np.eye(self.degree + 1)[None, 1:]
            return Pieces(self.over.node, (), np.array([[0.0, 1.0]]), powers)
        centre, scale = self.learned[:2]
        return Pieces.of(self.over.node, (centre - scale, centre + scale), self.columns, self.degree)

    def expect_learned(self) -> None:
        """See `LearnedTerm`."""
        wanted = 0 if self.is_raw else 3 + 2 * self.degree
        positive = self.learned[1:3] + self.learned[4::2]
        if len(self.learned) != wanted or not all(number > 0 for number in positive):
            raise ValueError(f"{self.text!r:.40} needs {wanted} numbers, scales and norms above 0")


def _degree(term: "Polynomial | PolynomialLearner") -> int:
    given = options(term.node, _OPTIONS)
    return whole(term.node, given["degree"], 1, MOST_DEGREES) if "degree" in given else 1


def _is_raw(term: "Polynomial | PolynomialLearner") -> bool:
    given = options(term.node, _OPTIONS)
    return truth(term.node, given["raw"]) if "raw" in given else False


class PolynomialLearner(Learner):
    """The triangular factor R of [1 t … t^d] over the rows so far, t their range brought to [−1, 1].

    Where the range grows, t' = αt + β has its powers as columns V' = V·T, so R' is the factor of R·T: one pass, and
    no square is ever taken.
    """

    def __init__(self, node) -> None:  # type: ignore[no-untyped-def] - see Learner
        super().__init__(node)
        self._degree, self._raw = _degree(self), _is_raw(self)
        self._factor = np.zeros((0, self._degree + 1))
        self._low, self._high = np.inf, -np.inf

    @property
    def _frame(self) -> tuple[float, float]:
        """Centre and scale of t."""
        half = (self._high - self._low) / 2
        return self._low + half, half or 1.0

    def add(self, x: np.ndarray, w: np.ndarray) -> None:
        """See `Learner`."""
        low, high = min(self._low, float(x.min())), max(self._high, float(x.max()))
        if (low, high) != (self._low, self._high):
            before = self._frame if len(self._factor) else (0.0, 1.0)
            self._low, self._high = low, high
            self._factor = self._factor @ self._turn(*before, *self._frame)
        centre, scale = self._frame
        V = np.vander((x - centre) / scale, self._degree + 1, increasing=True) * np.sqrt(w)[:, None]
        self._factor = triangular(np.vstack([self._factor, V]))

    def _turn(self, centre: float, scale: float, new_centre: float, new_scale: float) -> np.ndarray:
        """T with t'^j = Σᵢ C(j, i)·(αt)^i·β^(j−i)."""
        alpha, beta, size = scale / new_scale, (centre - new_centre) / new_scale, self._degree + 1
        return np.array(
            [
                [comb(j, i) * alpha**i * beta ** (j - i) if i <= j else 0.0 for j in range(size)]
                for i in range(size)
            ]
        )

    def learned(self) -> Polynomial:
        """See `Learner`: pₖ = Σᵢ Cᵢₖ·tⁱ with C = R⁻¹, and t·pₖ in terms of the others is R·(C one power up)."""
        if self._raw:
            return Polynomial(self.node, ())
        size, R = self._degree + 1, self._factor
        norms = np.linalg.norm(R, axis=0)
        if len(R) < size or (np.abs(np.diag(R)) <= 1e-12 * norms).any():
            raise refused(
                self.node, f"x has no more than {self._degree} different values, to rounding, to fit it to"
            )
        C = np.linalg.solve(R, np.eye(size))
        raised = np.vstack([np.zeros((1, size)), C[:-1]])[:, : size - 1]
        J = R @ raised
        steps = [float(number) for k in range(self._degree) for number in (J[k, k], J[k + 1, k])]
        return Polynomial(self.node, (*map(float, self._frame), float(R[0, 0]), *steps))
