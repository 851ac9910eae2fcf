"""Analysis of variance: what each term of a model explains, and whether that is more than chance."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradline.core.derived import cached_property
from gradline.core.errors import RequestError, UsageError
from gradline.core.text import listed
from gradline.data.design import Term
from gradline.model.inference.student import f_tail
from gradline.moments.basis import Basis
from gradline.moments.rank import Rank
from gradline.moments.state import Moments


@dataclass(frozen=True)
class TermTest:
    """One term, all of its columns together.

    `squares` (by target): by how much the sum of squared residuals is larger without it; `F` = squares/degrees/s² on
    `degrees` and the model's freedom. `gvif`: the generalised variance inflation of its columns (Fox, Monette 1992),
    det of their correlations times det of the others' over det of all: of one column its VIF.
    """

    label: str
    degrees: int
    squares: tuple[float, ...]
    F: tuple[float, ...]
    p_value: tuple[float, ...]
    gvif: float


@dataclass(frozen=True)
class Anova:
    """The terms of a model tested one by one, and what is left of the targets (SSR, on `freedom` degrees).

    - "I": each term beside those before it, in the order of the design, as `anova` in R;
    - "II": beside all that do not contain it (an interaction contains its parts), as `Anova` of R's package car;
    - "III": beside all others, interactions with it included. What that says of a term in an interaction depends on the
      coding of categories: write `C(town, sum)` for tests that do not.

    s² is that of the whole model in each. Fox 2016, section 8.2; without interactions II and III are the same.
    """

    kind: str
    targets: tuple[str, ...]
    terms: tuple[TermTest, ...]
    residual: tuple[float, ...]
    freedom: float

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        terms = [{**vars(term)} for term in self.terms]
        return {"kind": self.kind, "terms": terms, "residual": list(self.residual), "freedom": self.freedom}


def anova(moments: Moments, bias: bool, freedom: float, sigma: np.ndarray, kind: str = "II") -> Anova:
    """Test the terms of the design of moments, with the residual standard errors `sigma` (m,) on `freedom` degrees.

    Raises `UsageError` for another kind, `RequestError` where the data do not determine all coefficients.
    """
    if kind not in _WAYS:
        raise UsageError("anova-kind-invalid", f"the kind of analysis is {kind!r}", f"use {', '.join(_WAYS)}")
    case = _Case(moments, bias)
    determined = Rank.of(moments, bias).determined
    if not determined.all():
        loose = [name for name, known in zip(moments.features, determined, strict=True) if not known]
        raise RequestError(
            "coefficient-undetermined",
            f"the data do not determine the coefficients of {listed(loose)}",
            "leave out a column",
        )
    terms = [_tested(case, label, squares, freedom, sigma) for label, squares in _WAYS[kind](case).items()]
    residual = tuple((sigma**2 * freedom).tolist())
    return Anova(kind, moments.targets, tuple(terms), residual, freedom)


def _tested(case: "_Case", label: str, squares: np.ndarray, freedom: float, sigma: np.ndarray) -> TermTest:
    degrees = len(case.columns[label])
    F = squares / degrees / sigma**2
    p = f_tail(F, degrees, freedom)
    squares, F, p = (tuple(each.tolist()) for each in (squares, F, p))
    return TermTest(label, degrees, squares, F, p, case.gvif(label))


@dataclass(frozen=True, eq=False)
class _Case:
    """Moments by term: which columns are whose, and what they explain."""

    moments: Moments
    bias: bool

    @cached_property
    def columns(self) -> dict[str, list[int]]:
        """The places of the columns of each term, by what it is called."""
        found: dict[str, list[int]] = {}
        place = iter(range(self.moments.p))
        for term in self.moments.design.terms:
            found.setdefault(term.label, []).extend(next(place) for _ in term.names)
        return {label: places for label, places in found.items() if places}

    def in_order(self) -> dict[str, np.ndarray]:
        """Σ of the squares of Qᵀy at a term's columns, where R has them in order: what they add to those before."""
        added = self.moments.slopes_factor(self.bias).B ** 2
        return {label: added[places].sum(axis=0) for label, places in self.columns.items()}

    def beside_all(self) -> dict[str, np.ndarray]:
        """Beside all other columns."""
        return dict(_explained(self.moments, self.bias, self.columns))

    def beside_uncontaining(self) -> dict[str, np.ndarray]:
        """Beside all columns but those of terms that contain it: one model for each set of such terms."""
        containing = {label: frozenset(self._containing(label)) for label in self.columns}
        found: dict[str, np.ndarray] = {}
        for without in sorted(set(containing.values()), key=sorted):
            left = [term for term in self.moments.design.terms if term.label not in without]
            rest = self.moments.select(replace(self.moments.design, terms=tuple(left)))
            own = [label for label, others in containing.items() if others == without]
            places = _Case(rest, self.bias).columns
            found.update(_explained(rest, self.bias, {label: places[label] for label in own}))
        return {label: found[label] for label in self.columns}

    def _containing(self, label: str) -> Iterator[str]:
        parts = {term.label: _parts(term) for term in self.moments.design.terms}
        return (other for other, whole in parts.items() if parts[label] < whole)

    def gvif(self, label: str) -> float:
        """See `TermTest`: by the logarithms of singular values, for a determinant of many columns overflows."""
        places = self.columns[label]
        basis, columns = Basis.of(self.moments, self.bias), self.moments.slopes_factor(self.bias).A
        own = _log_size(columns[:, places]) + _log_size(basis.root[places].T)
        return math.exp(2 * own)


def _parts(term: Term) -> frozenset[str]:
    factors: Sequence[Any] = getattr(term, "factors", ())
    return frozenset(factor.text for factor in factors) or frozenset((term.label,))


def _log_size(matrix: np.ndarray) -> float:
    return float(np.log(np.linalg.svd(matrix, compute_uv=False)).sum())


def _explained(
    moments: Moments, bias: bool, columns: dict[str, list[int]]
) -> Iterable[tuple[str, np.ndarray]]:
    """By how much the squared residuals (m,) are less with some columns, beside all others of these moments.

    The squared length of their coefficients b in units of their errors, bᵀ(root·rootᵀ)⁻¹b, which no subtraction of two
    sums of squares has made.
    """
    weight = Rank.of(moments, bias).least_squares(moments.slopes_factor(bias).B)
    root = Basis.of(moments, bias).root
    for label, places in columns.items():
        sizes = np.linalg.norm(root[places], axis=1)
        left, spread, _ = np.linalg.svd(root[places] / sizes[:, None], full_matrices=False)
        along = left.T @ (weight[places] / sizes[:, None]) / spread[:, None]
        yield label, (along**2).sum(axis=0)


_WAYS = {"I": _Case.in_order, "II": _Case.beside_uncontaining, "III": _Case.beside_all}
