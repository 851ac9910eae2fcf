"""Combinations of columns that vanish, as sentences: of few columns, with whole coefficients where there are some."""

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from gradline.core.linalg.triangular import UNIT

WIDEST = 128  # a relation of more columns is taken as the basis has it: none of its sentence would be read
LISTED = 8  # more terms than these are not written out
TRIALS = 1000  # exchanges that are tried for simpler numbers: a second or two at 2,000 columns
DIGITS = 8  # a decimal of more digits is not recognised as meant
DENOMINATORS = (3, 6, 7, 9, 11, 12)  # those up to 12 that decimals do not cover
_UNKNOWN = 20.0  # the cost of a coefficient that is no simple number, in digits
_CUTS = (
    1e-6,
    1e-9,
    1e-12,
)  # what beside the largest entry may be rounding; the first that bears proof counts


class VaryingColumns(NamedTuple):
    """The columns (k, p) scaled to unit norm, their `norms` (p,) and what was taken off, `mean` (p,)."""

    unit: np.ndarray
    norms: np.ndarray
    mean: np.ndarray
    weight_sum: float


class Relation(NamedTuple):
    """left = Σ slopes·others + constant in every row, `left` and `others` being numbers of columns.

    `known` (k + 1,) says which of the slopes and, last, the constant are simple numbers that reproduce the
    relation to rounding. `digits` is None where it holds to rounding, or how many digits of it hold.
    """

    left: int
    others: np.ndarray
    slopes: np.ndarray
    constant: float
    known: np.ndarray
    digits: int | None

    @property
    def whole(self) -> bool:
        """Whether all its numbers are known whole numbers."""
        return bool(self.known.all() and (self._numbers == np.round(self._numbers)).all())

    @property
    def cost(self) -> float:
        """How many characters its numbers take, more for each that is not known."""
        numbers = zip(self._numbers, self.known, strict=True)
        return sum(len(_written(number, True)) if known else _UNKNOWN for number, known in numbers)

    @property
    def _numbers(self) -> np.ndarray:
        return np.append(self.slopes, self.constant)

    @property
    def columns(self) -> list[int]:
        """All its columns."""
        return sorted([self.left, *self.others.tolist()])

    def sentence(self, names: tuple[str, ...]) -> str:
        """Such as: exper = age − educ − 6; sleep_total + awake = 24; almost x3 = x1 + x2 (to 9 digits).

        "≈" says that a number was rounded to be written.
        """
        sign = "=" if self.known.all() else "≈"
        notes = [] if self.digits is None else [f"to {self.digits} digits"]
        if self.constant and (self.slopes == -1).all():
            terms = [names[j] for j in self.columns]
            text = f"{_summed(terms, notes)} {sign} {_written(self.constant, bool(self.known[-1]))}"
        else:
            text = f"{names[self.left]} {sign} {_summed(self._terms(names), notes)}"
        text += f" ({'; '.join(notes)})" if notes else ""
        return text if self.digits is None else f"almost {text}"

    def _terms(self, names: tuple[str, ...]) -> list[str]:
        """What stands right of the equals sign, what is added before what is taken away."""
        others: list[int] = self.others.tolist()
        known: list[bool] = self.known.tolist()
        parts = [
            (slope, _times(slope, names[j], exact))
            for slope, j, exact in zip(self.slopes, others, known[:-1], strict=True)
        ]
        if self.constant:
            parts.append((self.constant, _written(self.constant, known[-1])))
        return [text for _, text in sorted(parts, key=lambda part: part[0] < 0)]


def relations(
    columns: VaryingColumns, null: np.ndarray, tolerance: float, almost: bool = False
) -> list[Relation]:
    """As many relations as `null` (d, p) has rows, the shortest first.

    Its rows are an orthonormal basis of the combinations v of unit columns with ‖unit·v‖ ≤ tolerance·‖v‖.
    """
    search = _Search(columns, tolerance, almost)
    found = [search.of(row) for row in _shortened(_echelon(null), columns.norms)]
    search.simplify(found)
    return sorted(
        (part.relation for part in found), key=lambda relation: (len(relation.others), relation.left)
    )


class _Candidate(NamedTuple):
    """A proven combination v (p,) of unit columns, and what it says."""

    v: np.ndarray
    relation: Relation


class _Search(NamedTuple):
    """What every step of the search needs."""

    columns: VaryingColumns
    tolerance: float
    almost: bool

    def of(self, row: np.ndarray) -> _Candidate:
        """The relation behind a row that vanishes."""
        used, entries, gap = _proven(self.columns.unit, row, self.tolerance)
        v = np.zeros(len(row))
        v[used] = entries
        return _Candidate(v, _solved(self.columns, used, entries, self.tolerance, gap, self.almost))

    def simplify(self, found: list[_Candidate]) -> None:
        """Exchange relations for others as short, with simpler numbers: one column eliminated by another relation.

        From z = 19·x + 4·y and u = 3·x − y alone could also come 19·u = 3·z − 31·y, just as short.
        """
        trials = TRIALS
        waiting = list(range(len(found)))
        while waiting:
            i = waiting.pop()
            relation = found[i].relation
            if relation.whole or len(relation.columns) > LISTED:
                continue
            others = [part.v for j, part in enumerate(found) if j != i]
            for row in itertools.islice(_eliminations(found[i].v, others), trials):
                trials -= 1
                other = self.of(row)
                if other.relation.cost < relation.cost:
                    found[i], waiting = other, list(range(len(found)))
                    break


def _eliminations(v: np.ndarray, others: list[np.ndarray]) -> Iterator[np.ndarray]:
    """v less multiples of one or two others, each of which removes a column, where no more columns are left."""
    most = np.count_nonzero(v)
    wider: list[np.ndarray] = []
    for row in _without_a_column(v, others):
        if np.count_nonzero(row) <= most:
            yield row
        if np.count_nonzero(row) <= most + 1:
            wider.append(row)
    for row in wider:
        yield from (again for again in _without_a_column(row, others) if np.count_nonzero(again) <= most)


def _without_a_column(v: np.ndarray, others: list[np.ndarray]) -> Iterator[np.ndarray]:
    for other in others:
        for k in np.flatnonzero((v != 0) & (other != 0)):
            row = v - v[k] / other[k] * other
            row[np.abs(row) <= _CUTS[-1] * np.abs(row).max()] = 0.0
            if np.count_nonzero(row) > 1:
                yield row


def _echelon(null: np.ndarray) -> np.ndarray:
    """The same space, each row with a dependent column that the other rows do not have, the last one possible.

    A column can be chosen when it is at least a hundredth of the largest that is left, which bounds growth.
    """
    left = null.copy()
    chosen: list[int] = []
    for _ in range(len(null)):
        sizes = np.linalg.norm(left, axis=0)
        chosen.append(int(np.flatnonzero(sizes >= 0.01 * sizes.max())[-1]))
        direction = left[:, chosen[-1]] / sizes[chosen[-1]]
        left -= np.outer(direction, direction @ left)
    return np.linalg.solve(null[:, chosen], null)


def _shortened(basis: np.ndarray, norms: np.ndarray) -> np.ndarray:
    """The rows made shorter by one another, until no multiple of one row shortens another.

    The shortest basis of all is a hard problem; this finds t = s + 1 where s and t are the same long sum.
    Fewer columns that read as more, as when a sum of neighbours is broken up, are no gain.
    """
    rows = basis / np.abs(basis).max(axis=1, keepdims=True)
    used = np.abs(rows) > _CUTS[0]
    changed = True
    while changed:
        changed = False
        shared = used.astype(float) @ used.T
        # Of i less a multiple of j, no fewer columns are left than the two have apart.
        for i, j in np.argwhere(used.sum(axis=1)[None, :] < 2 * shared):
            both = used[i] & used[j]
            if i == j or not both.any():
                continue
            factor, cancelled = _commonest(rows[i, both] / rows[j, both])
            if (used[i] | used[j]).sum() - cancelled >= used[i].sum():
                continue
            row = rows[i] - factor * rows[j]
            row /= np.abs(row).max()
            if _length(row, norms) <= _length(rows[i], norms):
                rows[i], used[i], changed = row, np.abs(row) > _CUTS[0], True
    return rows


def _length(row: np.ndarray, norms: np.ndarray) -> int:
    """How many terms a reader meets: neighbours with one coefficient read as three, first + … + last."""
    used = np.flatnonzero(np.abs(row) > _CUTS[0])
    raw = row[used] / norms[used]
    broken = (np.diff(used) > 1) | (np.abs(np.diff(raw)) > _CUTS[0] * np.abs(raw[1:]))
    runs = np.diff(np.flatnonzero(np.concatenate([[True], broken, [True]])))
    return int(np.minimum(runs, 3).sum())


def _commonest(ratios: np.ndarray) -> tuple[float, int]:
    """The value that most of these have, to six digits, and how many have it."""
    ordered = np.sort(ratios)
    starts = np.flatnonzero(np.diff(ordered, prepend=-np.inf) > _CUTS[0] * np.abs(ordered))
    counts = np.diff(starts, append=len(ordered))
    most = int(np.argmax(counts))
    return float(ordered[starts[most]]), int(counts[most])


def _proven(unit: np.ndarray, row: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray, float]:
    """The columns behind a row, its entries there (of norm one), and the next larger singular value.

    Of all that might be rounding as much is dropped as leaves a combination that vanishes on its own; its
    entries are then found anew from these columns alone, where no other near-collinearity blurs them.
    """
    size = np.abs(row).max()
    used = np.flatnonzero(np.abs(row) > _CUTS[-1] * size)
    for cut in _CUTS:
        kept = np.flatnonzero(np.abs(row) > cut * size)
        if not 1 < len(kept) <= WIDEST:
            continue
        _, singular, right = np.linalg.svd(unit[:, kept], full_matrices=False)
        if singular[-1] <= tolerance < singular[-2]:
            return kept, right[-1], float(singular[-2])
    return used, row[used] / np.linalg.norm(row[used]), 0.01


def _solved(
    columns: VaryingColumns, used: np.ndarray, v: np.ndarray, tolerance: float, gap: float, almost: bool
) -> Relation:
    """The combination solved for the column that leaves the simplest coefficients.

    Among several, for the one that varies most, which is the whole rather than a part; then for the last.
    """
    norms, mean = columns.norms[used], columns.mean[used]
    raw = v / norms
    values, known, size = _simplest(columns.unit[:, used], norms, raw, tolerance, gap)
    alike = np.abs(np.abs(values) - 1) <= _CUTS[0]
    left = int(np.flatnonzero(alike & (norms >= norms[alike].max() * (1 - _CUTS[0])))[-1])
    rest = np.arange(len(used)) != left
    slopes = -values[rest] / values[left]
    parts = slopes * mean[rest]
    constant = mean[left] - parts.sum()
    # The rounding of the means, what the relation is off by in a row, and what its slopes may be off by.
    error = 16 * UNIT * (np.abs(parts).sum() + abs(mean[left]))
    error += tolerance / size / math.sqrt(columns.weight_sum)
    unsure = np.where(known, 0.0, tolerance / (gap * size * norms))
    error += float((unsure * np.abs(mean)).sum())
    constants, costs = _recognised(np.array([constant]), np.array([error]))
    none = abs(constant) <= error
    sure = bool(costs[0] < _UNKNOWN) or none
    constant = 0.0 if none else float(constants[0])
    residual = float(np.linalg.norm(columns.unit[:, used] @ v))
    digits = math.floor(-math.log10(max(residual, UNIT))) if almost else None
    return Relation(int(used[left]), used[rest], slopes, constant, np.append(known[rest], sure), digits)


def _simplest(
    unit: np.ndarray, norms: np.ndarray, raw: np.ndarray, tolerance: float, gap: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """raw/size for that size among |raw| which leaves the fewest digits, which of them are known, and the size.

    Simple numbers take the place of what was computed only if with them the combination still vanishes.
    """
    order = np.argsort(np.abs(raw))
    sizes = np.abs(raw[order])
    groups = np.split(order, np.flatnonzero(np.diff(sizes) > _CUTS[0] * sizes[1:]) + 1)
    # Of coefficients of one size the column that varies most has the one that is known best.
    chosen = [group[np.argmax(norms[group])] for group in groups[:LISTED]]
    best: tuple[float, np.ndarray, np.ndarray, float] | None = None
    for size in np.abs(raw[[*chosen, np.argmax(np.abs(raw * norms))]]).tolist():
        values, costs = _recognised(raw / size, tolerance / (gap * size * norms))
        if best is None or costs.sum() < best[0]:
            best = costs.sum(), values, costs < _UNKNOWN, size
    assert best is not None
    _, values, known, size = best
    tried = np.where(known, values, raw / size)
    weights = tried * norms
    if np.linalg.norm(unit @ weights) <= 4 * tolerance * np.linalg.norm(weights):
        return tried, known, size
    return raw / size, np.zeros(len(raw), dtype=bool), size


def _recognised(values: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The simplest number within `errors` of each value, and how many digits it costs.

    A number of k digits is looked for only where the error is below a thousandth of its last digit, so that
    meeting one by chance is rare.
    """
    simple, costs = values.copy(), np.full(len(values), _UNKNOWN)
    magnitude = np.floor(np.log10(np.where(values == 0, 1.0, np.abs(values)) * (1 + 1e-12)))
    for digits in range(1, DIGITS + 1):
        places = digits - 1 - magnitude
        up, down = 10.0 ** np.maximum(places, 0), 10.0 ** np.maximum(-places, 0)
        near = np.round(values * up / down) / up * down
        found = (np.abs(values - near) <= errors) & (errors <= 1e-3 * down / up) & (costs == _UNKNOWN)
        simple[found], costs[found] = (
            near[found],
            np.where(near == np.round(near), digits, digits + 0.5)[found],
        )
    for denominator in DENOMINATORS:
        near = np.round(values * denominator) / denominator
        found = (np.abs(values - near) <= errors) & (errors <= 1e-3 / denominator) & (costs == _UNKNOWN)
        found &= (near != 0) & (np.abs(near) < 100)
        simple[found], costs[found] = near[found], 4.0
    costs[np.abs(simple) == 1] = 0.0
    return simple, costs


def _summed(terms: list[str], notes: list[str]) -> str:
    """The terms with their signs between them; where they are many, the first and the last."""
    if len(terms) > LISTED:
        plain = not any("·" in term or term.startswith("−") for term in terms)
        notes.insert(0, f"{'sum of ' if plain else ''}{len(terms)} {'columns' if plain else 'terms'}")
        terms = [*terms[: 1 if plain else LISTED - 1], "…", terms[-1]]
    first, *rest = terms
    return first + "".join(f" − {term[1:]}" if term.startswith("−") else f" + {term}" for term in rest)


def _times(slope: float, name: str, known: bool) -> str:
    if abs(slope) == 1:
        return name if slope > 0 else f"−{name}"
    return f"{_written(slope, known)}·{name}"


def _written(value: float, known: bool) -> str:
    """A known number in full, as a decimal or p/q; any other to six digits."""
    text = f"{value:.{DIGITS if known else 6}g}"
    if known and not math.isclose(float(text), value, rel_tol=1e-14):
        text = str(Fraction(value).limit_denominator(max(DENOMINATORS)))
    elif known and value == round(value):
        text = f"{value:.0f}"
    return text.replace("-", "−", 1) if value < 0 else text
