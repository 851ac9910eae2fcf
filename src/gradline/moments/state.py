"""Moments: all that the rows can say to least squares, in at most k rows of k columns, that add and subtract."""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import chain, starmap
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar, Unpack, overload

import numpy as np

from gradline.core.blas_threads import one_blas_thread
from gradline.core.derived import Derived, cached_property
from gradline.core.errors import DataError, DigitsError, RequestError
from gradline.core.linalg.double_double import two_prod
from gradline.core.linalg.triangular import UNIT, removed, rounding, triangular
from gradline.core.memory_limit import expect
from gradline.core.parallel import ordered_map
from gradline.core.provided import Provided
from gradline.core.tensor_file import damaged, expect_card, expect_shapes, read_tensors, write_tensors
from gradline.data.design import Category, DesignSpec
from gradline.data.inputs import as_rows, rows_by
from gradline.data.row_block import ColumnBlock, LazyBlock, RowBlock
from gradline.data.row_stream import NotFinite, RowStream
from gradline.data.selection import UNSAID, Choice, Selection
from gradline.moments.block_factor import error_of_qr, factored
from gradline.moments.cholesky_qr2 import improved
from gradline.moments.cross_products import CrossProducts
from gradline.moments.extended import Products
from gradline.moments.gram import Summed, summed
from gradline.moments.merging import Part, Tree
from gradline.moments.product_sums import ProductSums
from gradline.moments.provenance import united, without
from gradline.moments.queried import Queried, together
from gradline.moments.statistics import RowStatistics
from gradline.moments.sums import FEWEST_DIGITS, Sums

BLOCK_CELLS = 1 << 18  # cells per block of QR: 2 MB of float64 stay in cache, and a block outweighs its merge
PASS_CELLS = 1 << 20  # and of cross-products, which are cut up further inside: a millisecond's work and more
EXACT_CELLS = 1 << 21  # and of exact sums, whose merge is longer
PASS_WORK = 1 << 27  # products per block of cross-products of many columns: some 4 ms
_PASS_ROWS = 1280  # and its rows at the least: fewer cost less to multiply than what comes of them to merge
_FEW = 32  # columns: see `calm_blas`


Found = TypeVar("Found")
Source = np.ndarray | Tree | Products  # R, or what R is made of


class _Factor:
    """The field `factor` of `Moments`: given as R or as what R is made of, which happens when it is asked for."""

    @overload
    def __get__(self, state: None, owner: type) -> "_Factor": ...
    @overload
    def __get__(self, state: "Moments", owner: type) -> np.ndarray: ...
    def __get__(self, state: "Moments | None", owner: type) -> "np.ndarray | _Factor":
        if state is None:
            raise AttributeError("factor")  # so that the field has no default
        return state.source if isinstance(state.source, np.ndarray) else state.source.factor

    def __set__(self, state: "Moments", value: Source) -> None:
        state.__dict__["_source"] = value


class RawFactor(NamedTuple):
    """The least-squares problem of all rows in at most k rows: loss(θ) = (‖A·θ − B‖² + ‖C‖²) / (m·W).

    θ stacks the bias (where there is one) on top of weightᵀ: A (·, q), B (·, m), C (·, m).
    """

    A: np.ndarray
    B: np.ndarray
    C: np.ndarray


@dataclass(frozen=True, eq=False)
class Moments(Derived):
    """The mergeable state of rows with features X (n, p), targets Y (n, m) and row weights w.

    With Z = [X Y], k = p + m and W = Σw (n without weights):

    - `design` says what the columns of X and Y are;
    - `statistics` holds counts, the weighted mean z̄, ranges, missing cells and the fingerprint;
    - `factor` R (r, k) is upper triangular with a non-negative diagonal and RᵀR = Σ w·(z − z̄)(z − z̄)ᵀ; of n rows that
      are no more than k it has n − 1, for n rows around their mean have no more directions;
    - `error` bounds, relative to their norms, how far the columns are off whose R it is: how rows entered, merged and
      left decides it;
    - `products`, where asked for (`extended`), hold the cross-products exactly, from which R is made;
    - `units` are the files whose rows they are, by key, where that is known (`States`): `+` then refuses rows that are
      there already, and `-` those that are not;
    - `queried` says which database added up the rows, where one did (`gradline.sql.moments`); such rows have no
      fingerprint, and only the residuals that it summed prove an answer.

    `a + b` is the state of both sets of rows, `a - b` that of the rows left when b's are taken away
    (Chan, Golub, LeVeque 1983). `sum` of states merges them as a tree, and R is made when it is asked for. The optimum,
    any epoch of descent and the errors of coefficients follow from the state without the rows.

    >>> import gradline
    >>> january = gradline.Moments.of([[1.0], [2.0]], [3.0, 5.0])
    >>> february = gradline.Moments.of([[4.0]], [9.0])
    >>> both = january + february
    >>> both.rows, both.mean.round(3).tolist()
    (3, [2.333, 5.667])
    >>> gradline.fit(both).weight.round(6).tolist()
    [[2.0]]
    >>> (both - february).rows
    2
    """

    design: DesignSpec
    statistics: RowStatistics
    factor: _Factor = _Factor()
    error: float = 0.0
    products: Products | None = None
    units: Mapping[str, str] = field(default_factory=dict[str, str])
    queried: Queried | None = None

    _kept = frozenset(["_known"])

    plot = Provided()  # figures: `moments.plot.rates()`, `moments.plot.ridge_path()`; see `gradline.plots`

    @classmethod
    def of(
        cls,
        data: Any,
        targets: Any = None,
        *,
        design: DesignSpec | None = None,
        extended: bool = False,
        **choice: Unpack[Choice],
    ) -> "Moments":
        """The moments of a table (path, frame) or of arrays; parameters as in `gradline.fit`.

        `extended` keeps exact cross-products beside R: merging, order, `-` and means far from zero then cost no digit,
        and the state is the same for every split of the rows. A pass takes six times the arithmetic.

        With `design`, that of other moments or of a model, a table is read by it, the same levels included,
        so that the two can be added.
        """
        if design is not None:
            rows = rows_by(design, data, choice.get("missing", "error"), read=choice.get("read"))
        else:
            rows = as_rows(Selection(data, targets, **choice), bias=None).rows
        return _extended(rows) if extended else cls.from_rows(rows)

    @classmethod
    def from_rows(
        cls,
        rows: RowStream,
        digits: float = 12.0,
        watch: Callable[[RowBlock | ColumnBlock], None] = lambda _: None,
        summed: Summed = summed,
    ) -> "Moments":
        """One pass over the rows, and a second one where the first did not keep enough digits.

        What fits one block goes through QR at once, and so do rows that are fewer than columns. More goes through
        cross-products, at the speed of a matrix product; their error grows with the scaled condition, so when fewer
        than `digits` are sure the rows are read again: at the same speed (`second_pass`), or block by block through QR
        where columns are near-collinear. `watch` sees each block, and `summed` adds up those of cross-products.
        """
        with calm_blas(_width(rows.design)):
            whole = _first_pass(rows, watch, summed)
            if isinstance(whole, Moments):
                return whole
            found = None if whole is None else whole.factor(len(rows.design.features))
            if whole is not None and found is not None and found.targets > 10**-digits:
                found = improved(rows, whole.statistics, found)
            if whole is not None and found is not None:
                return cls(rows.design, whole.statistics, found.factor, found.error)
        with one_blas_thread():
            parts = ordered_map(_blocks(rows, watch), lambda block: _from_block(block, rows.design))
            return reduce(Moments.__add__, parts, cls.empty(rows.design))

    @classmethod
    def of_sums(
        cls, design: DesignSpec, sums: Sums, units: Mapping[str, str] = MappingProxyType({})
    ) -> "Moments":
        """The moments of merged sums. Raises `DigitsError` where their rounding has left too little."""
        return cls(design, *sums.settled(len(design.features)), units=dict(units))

    @classmethod
    def empty(cls, design: DesignSpec) -> "Moments":
        """The moments of no row: what `+` leaves unchanged."""
        k = len(design.features) + len(design.targets)
        return cls(design, RowStatistics.empty(k), np.zeros((0, k)))

    @cached_property
    def features(self) -> tuple[str, ...]:
        """The names of the columns of X."""
        return self.design.features

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """The names of the columns of Y."""
        return self.design.targets

    @cached_property
    def p(self) -> int:
        """The number of features."""
        return len(self.features)

    @cached_property
    def m(self) -> int:
        """The number of targets."""
        return len(self.targets)

    @cached_property
    def rows(self) -> int:
        """The number of rows."""
        return self.statistics.rows

    @cached_property
    def weight_sum(self) -> float:
        """W, the sum of the row weights: the number of rows when they have none."""
        return self.statistics.weight_sum

    @cached_property
    def mean(self) -> np.ndarray:
        """The weighted mean of [X Y], (k,)."""
        return self.statistics.mean

    def __add__(self, other: object) -> "Moments":
        """The moments of both sets of rows: R is the triangular factor of [R₁; R₂; b], b between the means.

        Raises `RequestError` unless both have the same features and targets in the same order, and where their weights
        were told to mean different things.
        """
        if not isinstance(other, Moments):
            return NotImplemented
        self._expect_same_columns(other)
        statistics = self.statistics + other.statistics
        design, units = self._joint_design(other), united(self.units, other.units)
        if self.products and other.products:
            both = ProductSums(statistics, self.products + other.products)
            return Moments.of_sums(design, both, units)
        if min(self.rows, other.rows) == 0:  # nothing is merged, so nothing is rounded
            whole = self if other.rows == 0 else other
            return Moments(
                design, statistics, whole.source, whole.error, whole.products, units, whole.queried
            )
        tree, queried = self._tree + other._tree, together(self.queried, other.queried)
        return Moments(design, statistics, tree, tree.error, units=units, queried=queried)

    def _joint_design(self, other: "Moments") -> DesignSpec:
        """The design of the sum; weights of which one meaning is unsaid have none that is said, and rows without any
        weigh one whatever the others mean."""
        if self.design.weights_are == other.design.weights_are:
            return self.design
        said = [one.design for one in (self, other) if one.design.weights_are is not None]
        if len(said) < 2:
            return replace(self.design, weights=said[0].weights, weights_are=said[0].weights_are)
        if UNSAID not in (meanings := [design.weights_are for design in said]):
            raise RequestError(
                "weights-of-other-meaning",
                f"the weights of the two moments have different meanings, {' and '.join(map(str, meanings))}",
                "compute both with the same weights_are",
            )
        return replace(self.design, weights_are=UNSAID)

    @property
    def weights_are(self) -> str | None:
        """What the row weights mean, as it was said, or UNSAID; None where there are none."""
        unsaid = (
            UNSAID if self.weight_sum != self.rows else None
        )  # in files that recorded no array of weights
        return self.design.weights_are or unsaid

    def observations(self, weights_are: str | None) -> float:
        """The rows that inference counts where weights mean this: Σw of counts, NaN where nobody said."""
        if weights_are == UNSAID:
            return math.nan
        return self.weight_sum if weights_are == "counts" else float(self.rows)

    @property
    def source(self) -> Source:
        """R, or what it is made of when it is asked for."""
        return self.__dict__["_source"]

    @property
    def _tree(self) -> Tree:
        """What R is made of, for a merge: parts that wait for theirs, or R itself."""
        if isinstance(self.source, Tree):
            return self.source
        return Tree((Part(self.statistics, self.factor, self.error),))

    def __radd__(self, other: int) -> "Moments":
        """`sum` of several moments begins with 0."""
        return self if other == 0 else NotImplemented

    def __sub__(self, other: object) -> "Moments":
        """The moments of the rows that are left when those of `other` are taken away.

        Raises `DigitsError` when fewer than four digits would be left, `DataError` when `other` cannot be
        a part of these rows, `RequestError` when the columns differ.
        """
        if not isinstance(other, Moments):
            return NotImplemented
        self._expect_same_columns(other)
        units = without(self.units, other.units)
        statistics = self.statistics - other.statistics
        if statistics.rows == 0:
            return self.empty(self.design)
        if self.products and other.products:
            products = self.products - other.products
            if not products.is_possible(statistics.rows):
                raise _not_contained()
            return Moments.of_sums(self.design, ProductSums(statistics, products), units)
        rows = np.vstack([other.factor, statistics.between(other.statistics)])
        factor, cosine = removed(self.factor, rows)
        # Rounding may lift the cosine of a true part above 1, by some error·κ: 1e-6 lets factors pass that are known to
        # 1e-13 where κ is 1e7. What is worse is refused, and has hardly a digit to lose.
        if cosine > 1 + 1e-6:
            raise _not_contained()
        error = _error_after_removal(self.factor, rows, factor, max(self.error, other.error))
        queried = together(self.queried, other.queried)
        left = Moments(self.design, statistics, factor, error, units=units, queried=queried)
        if left.digits < FEWEST_DIGITS:
            raise DigitsError(
                "digits-lost",
                f"taking these {other.rows:,} rows away would leave {left.digits:.1f} correct digits: the "
                f"{statistics.rows:,} others vary too little beside all of them, in some direction",
                "compute the moments of the remaining rows from the rows themselves",
            )
        return left

    def scaled(self, center: np.ndarray, scale: np.ndarray) -> "Moments":
        """The moments of (X − center)/scale, with Y as it is."""
        padded = (np.concatenate([center, np.zeros(self.m)]), np.concatenate([scale, np.ones(self.m)]))
        statistics, factor = self.statistics.scaled(*padded), self.factor / padded[1]
        return replace(
            self, statistics=statistics, factor=factor, products=None, queried=together(self.queried)
        )

    def select(self, design: DesignSpec) -> "Moments":
        """The moments of a design whose features are some of these."""
        if design.features == self.features:
            kept = (self.statistics, self.source, self.error, self.products, self.units, self.queried)
            return Moments(design, *kept)
        kept = [self.features.index(name) for name in design.features] + list(range(self.p, self.p + self.m))
        factor, products = triangular(self.factor[:, kept]), self.products and self.products.select(kept)
        statistics, queried = self.statistics.select(kept), together(self.queried)
        return Moments(design, statistics, factor, self.error, products, self.units, queried)

    def has_level(self, term: Category, level: str) -> bool:
        """Whether some row has this level; the base is seen in that the other levels do not always sum to one."""
        if level != term.levels[0]:
            return bool(self.statistics.maximum[self.features.index(f"{term.column}={level}")] > 0)
        others = [self.features.index(name) for name in term.names]
        spread = np.linalg.norm(self.factor[:, others].sum(axis=1))
        # Where one row is of the base, the others sum to one but once: a spread of 1, above 1e-9·√W up to 10¹⁸ rows.
        always_one = spread <= 1e-9 * np.sqrt(self.weight_sum) and self.mean[others].sum() > 0.5
        return not always_one

    def slopes_factor(self, bias: bool) -> RawFactor:
        """The problem of the weights alone: R with a bias, which takes up the means, and QR of [√W·z̄; R] without.

        Its rows that reach X come first, at most p of them, and C is what lies below.
        """
        p, whole = self.p, self.factor
        if not bias:
            whole = triangular(np.vstack([np.sqrt(self.weight_sum) * self.mean, whole]))
        return RawFactor(whole[:p, :p], whole[:p, p:], whole[p:, p:])

    def raw_factor(self, bias: bool) -> RawFactor:
        """The problem of all rows in at most k + 1: [√W √W·z̄; 0 R] with a bias, QR of [√W·z̄; R] without."""
        slopes, p, root = self.slopes_factor(bias), self.p, np.sqrt(self.weight_sum)
        if not bias:
            return slopes
        A = np.zeros((len(slopes.A) + 1, p + 1))
        A[0, 0], A[0, 1:], A[1:, 1:] = root, root * self.mean[:p], slopes.A
        return RawFactor(A, np.concatenate([root * self.mean[None, p:], slopes.B]), slopes.C)

    def variation(self, bias: bool) -> np.ndarray:
        """Per target (m,): Σ w·(y − ȳ)², or Σ w·y² without a bias: the baseline of R²."""
        squares = self.squares_around[self.p :]
        return squares if bias else squares + self.weight_sum * self.mean[self.p :] ** 2

    def squares(self, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
        """Per target (m,): Σ w·(ŷ − y)² over the rows, for weight (m, p) and bias (m,)."""
        p = self.p
        with np.errstate(over="ignore", invalid="ignore"):
            residual = self.factor[:, :p] @ weight.T - self.factor[:, p:]
            level = self.level(weight, bias)
            found = (residual**2).sum(axis=0) + self.weight_sum * level**2
            return self.above_rounding(found, weight, bias)

    def above_rounding(self, squares: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
        """Sums of squared residuals (m,) of these coefficients, 0 where rounding alone may have left them.

        Predictions and targets are known to c·u of what they are made of, in norm Σ|wⱼ|‖xⱼ‖ + √W|b| + ‖y‖ over the
        rows, c = 4√k as in `rounding`: less than that says nothing, and would differ from processor to processor.
        Coefficients that only all but cancel may be large at will, so it must also be nothing beside the targets.
        """
        if (squares > self.unexplainable).all():
            return squares
        norms, p = self._norms, self.p
        sizes = np.abs(weight) @ norms[:p] + math.sqrt(self.weight_sum) * np.abs(bias) + norms[p:]
        least = np.minimum((rounding(len(norms)) * sizes) ** 2, self.unexplainable)
        return np.where(squares <= least, 0.0, squares)

    @cached_property
    def norms(self) -> np.ndarray:
        """Those (k,) of the columns around their means."""
        return np.sqrt(self.squares_around)

    @cached_property
    def squares_around(self) -> np.ndarray:
        """Σ w·(z − z̄)² (k,)."""
        return np.add.reduce(self.factor * self.factor, axis=0)

    @cached_property
    def _norms(self) -> np.ndarray:
        """Those (k,) of the columns as they are."""
        return np.hypot(self.norms, math.sqrt(self.weight_sum) * self.mean)

    @cached_property
    def unexplainable(self) -> np.ndarray:
        """Squares (m,) that are nothing beside the targets: 10⁻¹² of how they vary, or rounding of their own."""
        rounded = rounding(self.p + self.m) * self._norms[self.p :]
        return np.maximum(1e-12 * self.variation(True), rounded**2)

    def level(self, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
        """How far the bias (m,) lies above ȳ − Σ wⱼ·x̄ⱼ, of terms that may cancel all but their last bits."""
        p, (high, low) = self.p, two_prod(weight, np.broadcast_to(self.mean[: self.p], weight.shape))
        small = weight @ self.statistics.mean_low[:p] - self.statistics.mean_low[p:]
        terms = np.column_stack([bias, -self.mean[p:], small, high, low])
        if not np.isfinite(terms).all():
            return terms.sum(axis=1)
        return np.array([math.fsum(row) for row in terms.tolist()])

    @property
    def digits(self) -> float:
        """How many decimal digits of R's columns are sure: −log10 of `error`."""
        return max(0.0, float(-np.log10(min(1.0, max(self.error, UNIT)))))

    def save(self, path: str | Path) -> None:
        """Write the state to one safetensors file: five tensors and a card, no rows, no code."""
        write_tensors(path, self.tensors(), {"kind": "moments", **self.to_dict()})

    @classmethod
    def load(cls, path: str | Path) -> "Moments":
        """Read a state that `save` wrote. Raises `ModelFileError` for anything else."""
        tensors, card = read_tensors(path, "moments")
        return cls.from_tensors(path, tensors, card)

    def tensors(self) -> dict[str, np.ndarray]:
        """The arrays of the state by name."""
        extended = {} if self.products is None else self.products.tensors()
        extended |= {} if self.queried is None else self.queried.tensors()
        return {
            "factor": self.factor,
            **extended,
            **{name: getattr(self.statistics, name) for name in _VECTORS},
        }

    def to_dict(self) -> dict[str, Any]:
        """The rest of the state as plain JSON."""
        return {
            "recipe": self.design.to_dict(),
            "error": self.error,
            "rows": self.rows,
            "weight_sum": self.weight_sum,
            "fingerprint": self.statistics.mark,
            "dropped": self.statistics.dropped,
            "missing": dict(self.statistics.missing),
            **({"units": dict(self.units)} if self.units else {}),
            **({} if self.queried is None else {"engine": self.queried.engine}),
        }

    @classmethod
    def from_tensors(
        cls, path: str | Path, tensors: Mapping[str, np.ndarray], card: Mapping[str, Any]
    ) -> "Moments":
        """The state that `tensors` and `to_dict` hold; `path` is for messages."""
        from gradline.moments.card import MomentsCard  # noqa: PLC0415 - msgspec, only where a file is read

        expect_card(path, card, MomentsCard, "its moments")
        try:
            design, mark = DesignSpec.from_dict(card["recipe"]), card["fingerprint"]
        except ValueError as error:
            raise damaged(path, f"in its moments, recipe: {error}") from error
        k = len(design.features) + len(design.targets)
        kept = min(k, *np.shape(tensors.get("factor", ()))[:1])
        expect_shapes(path, tensors, {"factor": (kept, k), **dict.fromkeys(_VECTORS, (k,))})
        statistics = RowStatistics(
            rows=card["rows"],
            weight_sum=float(card["weight_sum"]),
            fingerprint=None if mark is None else int(mark, 16),
            dropped=card["dropped"],
            missing=card["missing"],
            **{name: tensors[name] for name in _VECTORS},
        )
        if (card["rows"] == 0) != (card["weight_sum"] == 0):
            raise damaged(path, "in its moments, weight_sum: rows have weight, and nothing else has")
        if not (card["rows"] == 0 or all(np.isfinite(tensors[name]).all() for name in ("factor", *_VECTORS))):
            raise damaged(path, "its moments hold what is no finite number")
        fault = statistics.fault_beside(tensors["factor"])
        if fault is not None:
            raise damaged(path, f"its moments hold {fault}")
        products = Products.from_tensors(path, tensors, k)
        units, queried, (p, m) = card.get("units", {}), None, (len(design.features), len(design.targets))
        if "engine" in card:
            queried = Queried.from_tensors(path, tensors, card["engine"], p, m)
        return cls(design, statistics, tensors["factor"], float(card["error"]), products, units, queried)

    def _expect_same_columns(self, other: "Moments") -> None:
        ours, theirs = self.features + self.targets, other.features + other.targets
        if (self.design.terms, self.targets) != (other.design.terms, other.targets):
            odd = sorted(set(ours) ^ set(theirs))
            what = ", ".join(odd) if odd else f"{', '.join(ours)} against {', '.join(theirs)}"
            raise RequestError(
                "moments-of-other-columns",
                f"the two moments differ in their columns: {what}",
                "compute the second with Moments.of(…, design=first.design)",
            )


_VECTORS = ("mean", "mean_low", "minimum", "maximum")


def _blocks(rows: RowStream, watch: Callable[[RowBlock | ColumnBlock], None]) -> Iterator[RowBlock]:
    for block in rows.blocks(block_rows(rows.design, BLOCK_CELLS)):
        watch(block)
        yield block


def block_rows(design: DesignSpec, cells: int) -> int:
    """The rows of a block: a fixed function of the width, so that no result depends on the file format."""
    return max(2 * _width(design), cells // _width(design))


def pass_rows(width: int) -> int:
    """The rows of a block of cross-products: few, so that all cores have enough; many, so that merging is little."""
    return max(min(PASS_CELLS // width, PASS_WORK // width**2), _PASS_ROWS)


def _width(design: DesignSpec) -> int:
    return len(design.features) + len(design.targets)


def _first_pass(
    rows: RowStream, watch: Callable[[RowBlock | ColumnBlock], None], summed: Summed
) -> Moments | CrossProducts | None:
    """The moments of few rows, the cross-products of many; None of several blocks that are fewer than the columns.

    Arrays and typed tables are not looked at cell by cell, unless what they come to says that one of them is no
    number. Of a large sparse matrix only the stored cells are summed.
    """
    csr = rows.csr
    with contextlib.suppress(NotFinite):
        if csr is not None and not is_one_block(csr.rows, _width(rows.design)):
            products = CrossProducts.of_sparse(csr, rows.design)
            if products is not None:
                return products
        assumed = rows.assume_finite()
        if assumed is not None:
            return _passed(assumed, watch, summed)
    return _passed(rows, watch, summed)


def _passed(
    rows: RowStream, watch: Callable[[RowBlock | ColumnBlock], None], summed: Summed
) -> Moments | CrossProducts | None:
    design, k = rows.design, _width(rows.design)
    coming = rows.lazy_blocks(pass_rows(k))
    head: list[LazyBlock] = []
    count = 0
    for parcel in coming:
        head.append(parcel)
        count += parcel.rows
        if count > k:  # fewer have cross-products that are more numbers, and singular
            break
    if is_one_block(count, k):
        if len(head) > 1:
            return None
        block = head[0].block()
        whole = _from_block(block, design)
        watch(block)
        return whole

    expect(16 * k * k, f"the products of {k:,} columns")  # two matrices of them: high parts and low parts

    def made_of(parcel: LazyBlock) -> tuple[RowBlock | ColumnBlock, CrossProducts]:
        block = parcel.columns()
        return block, CrossProducts.of(block, design, summed)

    def seen(block: RowBlock | ColumnBlock, products: CrossProducts) -> CrossProducts:
        watch(block)  # in the order of the rows, on one thread
        return products

    with one_blas_thread():
        return reduce(CrossProducts.taking, starmap(seen, ordered_map(chain(head, coming), made_of)))


def is_one_block(rows: int, columns: int) -> bool:
    """Whether QR takes the rows at once: few cells, or so few rows that cross-products would be more numbers."""
    return rows <= max(columns, BLOCK_CELLS // columns)


def _from_block(block: RowBlock, design: DesignSpec) -> Moments:
    """The moments of one block, through QR of its centred rows."""
    names = design.features + design.targets
    return Moments(design, *factored(block, names), error_of_qr(block.rows, len(names)))


def _extended(rows: RowStream) -> Moments:
    """The moments of the rows through exact cross-products; cells of typed rows are looked at where sums say so."""
    design, assumed = rows.design, rows.assume_finite()

    def part(parcel: LazyBlock) -> ProductSums:
        return ProductSums.of(parcel.columns(), design)

    def passed(rows: RowStream) -> Moments:
        parts = ordered_map(rows.lazy_blocks(block_rows(design, EXACT_CELLS)), part)
        return Moments.of_sums(design, reduce(ProductSums.taking, parts))

    with one_blas_thread():
        if assumed is not None:
            with contextlib.suppress(NotFinite):
                return passed(assumed)
        return passed(rows)


def calm_blas(columns: int) -> AbstractContextManager[Any]:
    """One BLAS thread for matrices of so many rows and columns: the last bits of what it computes depend on how many.

    The number is one for the whole process, and other fits at work set it to one; so no fit may count on more. Nor do
    they gain much: OpenBLAS's threads wait for work without sleep, for some 20 ms after the last, on a core that the
    next pass over rows is left without. Up to 32 columns it takes one thread by itself.
    """
    return one_blas_thread() if columns > _FEW else nullcontext()


def once(
    compute: Callable[[Moments, bool], Found],
) -> Callable[[Moments, bool], Found]:
    """`compute(moments, bias)`, computed once for each moments, which keep it."""

    def remembered(moments: Moments, bias: bool) -> Found:
        known, key = moments.__dict__.setdefault("_known", {}), (compute, bias)
        found = known.get(key)
        if found is None:
            found = known[key] = compute(moments, bias)
        return found

    return remembered


def _not_contained() -> DataError:
    return DataError(
        "rows-not-contained",
        "the rows to take away vary more than all rows do, so they are no part of them",
        "subtract a part of the same rows",
    )


def _error_after_removal(factor: np.ndarray, rows: np.ndarray, left: np.ndarray, error: float) -> float:
    """What is left of the digits, measured: the same removal from factors wrong by 16 times `error`.

    Small-sample condition estimation (Kenney, Laub 1994): the largest relative change of a column in four
    random perturbations. Sixteen is the margin that kept the claim below the truth in 720 random removals.
    """
    norms = np.linalg.norm(left, axis=0)
    if not (norms[np.linalg.norm(factor, axis=0) > 0] > 0).all():
        return 1.0
    random = np.random.default_rng(0)
    changes: list[float] = []
    for _ in range(4):
        shaken = (a * (1 + 16 * error * random.standard_normal(a.shape)) for a in (factor, rows))
        change = np.abs(removed(*shaken)[0] - left).max(axis=0)
        changes.append(float((change / np.where(norms > 0, norms, 1.0)).max(initial=0.0)))
    return max(error, *changes)
