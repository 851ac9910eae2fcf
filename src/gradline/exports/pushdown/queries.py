"""The two SELECTs that stand for reading a table: its moments, and the residuals at given coefficients."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gradline.core.derived import Derived, cached_property
from gradline.core.errors import RequestError
from gradline.data.design import Category, DesignSpec, Number
from gradline.data.schema import Kind
from gradline.exports.parts import spellings
from gradline.exports.pushdown.warehouses import Warehouse
from gradline.moments.state import Moments

_CHAIN = 200  # DuckDB and SQLite refuse expressions nested 1,000 deep, and each + nests once
THIRD = 1 / 3  # which comes back only where no digit of an answer is cut off


@dataclass(frozen=True, eq=False)
class PushedTable(Derived):
    """A table of a database as a design sees it; `table` is its name, the schema's before it."""

    warehouse: Warehouse
    table: tuple[str, ...]
    design: DesignSpec

    def __post_init__(self) -> None:
        if not self.design.features:
            raise RequestError(
                "no-features",
                "no column is left to predict from",
                "name some: -f area (features=[…] in Python)",
            )
        widest, wide = self.warehouse.widest, len(_moment_names(self.k)) + 1
        if widest is not None and wide > widest:
            raise RequestError(
                "answer-too-wide",
                f"the sums of {self.k} columns are {wide:,} numbers, and an answer of {self.warehouse.sql.title} has "
                f"{widest:,} columns at most",
                "choose fewer columns, or send the rows: psql -c 'copy … to stdout csv header' | gradline fit -",
            )

    @cached_property
    def k(self) -> int:
        """The number of columns of [X Y]."""
        return len(self.design.features) + len(self.design.targets)

    def moments(self) -> str:
        """A SELECT of one row: counts, ranges, sums and products of differences from a shift near the means.

        The shift is the mean of each column as the database finds it: what it is off costs nothing, and what is summed
        is no larger than the column varies.
        """
        every = range(1, self.k + 1)
        shift = ", ".join(f"COUNT(c{j}) AS count{j}, AVG(c{j}) AS shift{j}" for j in every)
        around = ", ".join(f"c{j}, c{j} - shift{j} AS d{j}" for j in every)
        sums = [f"MIN(c{j}) AS low{j}, MAX(c{j}) AS high{j}, SUM(d{j}) AS sum{j}" for j in every]
        sums += [f"SUM(d{i} * d{j}) AS product{i}_{j}" for i in every for j in every if i <= j]
        return (
            f"WITH cells AS ({self._cells}),\n"
            f"shift AS (SELECT COUNT(*) AS total, {shift} FROM cells),\n"
            f"around AS (SELECT {around} FROM cells CROSS JOIN shift WHERE {self._complete}),\n"
            f"sums AS (SELECT COUNT(*) AS complete,\n  {_lines(sums)}\n  FROM around)\n"
            f"SELECT {self._double(THIRD)} AS third, {', '.join(_moment_names(self.k))}\n"
            "FROM shift CROSS JOIN sums;\n"
        )

    def residuals(self, moments: Moments, theta: np.ndarray) -> str:
        """A SELECT of up to 1,024 rows, each of a group of the table's: sums of residuals at θ (p + 1, m).

        With d = x − x̄ and r = y − ȳ − θ₀ − Σ θ·d: Σ r, Σ d·r and Σ r², and θ as it was written.
        """
        p, every = len(self.design.features), range(1, self.k + 1)
        around = ", ".join(
            f"c{j} - {self._double(mean)} AS d{j}" for j, mean in zip(every, moments.mean, strict=True)
        )
        columns = [f"d{j}" for j in range(1, p + 1)]
        left, sums, told = [], [], []
        for t, own in enumerate(theta.T, 1):
            terms = [f"{self._double(x)} * {d}" for x, d in zip(own[1:], columns, strict=True)]
            left.append(f"d{p + t} - {self._sum([self._double(own[0]), *terms])} AS r{t}")
            sums += [f"SUM(r{t}) AS level{t}, SUM(r{t} * r{t}) AS square{t}"]
            sums += [f"SUM({d} * r{t}) AS slope{j}_{t}" for j, d in enumerate(columns, 1)]
            told += [f"{self._double(x)} AS theta{j}_{t}" for j, x in enumerate(own)]
        return (
            f"WITH cells AS ({self._cells}),\n"
            f"around AS (SELECT {around}, {self.warehouse.group} AS own FROM cells WHERE {self._complete}),\n"
            f"residuals AS (SELECT own, {', '.join(columns)},\n  {_lines(left)}\n  FROM around),\n"
            f"sums AS (SELECT own, COUNT(*) AS complete,\n  {_lines(sums)}\n  FROM residuals GROUP BY own)\n"
            f"SELECT {self._double(THIRD)} AS third, sums.*,\n  {_lines(told)}\nFROM sums;\n"
        )

    @property
    def _cells(self) -> str:
        found = [f"{cell} AS c{j}" for j, cell in enumerate(self._expressions(), 1)]
        table = ".".join(map(self.warehouse.sql.name, self.table))
        return f"SELECT\n  {_lines(found)}\n  FROM {table} AS t"

    @property
    def _complete(self) -> str:
        return " AND ".join(f"c{j} IS NOT NULL" for j in range(1, self.k + 1))

    def _expressions(self) -> Iterator[str]:
        """The columns of [X Y] as doubles: NULL where a cell is missing, or a level that is not named."""
        kinds = self.design.columns
        for term in self.design.terms:
            if isinstance(term, Category):
                yield from self._dummies(term.column, term.levels)
            elif isinstance(term, Number):
                yield from self._number(term.column, kinds[term.column])
            else:
                raise RequestError(
                    "term-not-pushed-down",
                    f"{term.label} is no column of the table",
                    "compute it in a view, and name that as the table",
                )
        for target in self.design.targets:
            yield from self._number(target, kinds[target])

    def _number(self, column: str, kind: Kind) -> Iterator[str]:
        if kind == Kind.BOOLEAN:
            yield from self._dummies(column, ("false", "true"))
        else:
            chosen = self.warehouse.sql
            yield self.warehouse.known.format(chosen.number.format(f"t.{chosen.name(column)}"))

    def _dummies(self, column: str, levels: Sequence[str]) -> Iterator[str]:
        """A column of zeros and ones for each level but the first."""
        chosen = self.warehouse.sql
        cell, words = chosen.word.format(f"t.{chosen.name(column)}"), spellings(levels, {}, chosen.booleans)
        for own in range(1, len(levels)):
            whens = " ".join(
                f"WHEN {chosen.text(word)} THEN {self._double(float(place == own))}"
                for place, spelled in enumerate(words)
                for word in spelled
            )
            yield f"CASE {cell} {whens} END"

    def _double(self, value: float) -> str:
        """A literal that nothing before it can change."""
        return f"({self.warehouse.sql.double(float(value))})"

    def _sum(self, terms: Sequence[str]) -> str:
        groups = [" + ".join(terms[first : first + _CHAIN]) for first in range(0, len(terms), _CHAIN)]
        return f"({' + '.join(f'({group})' for group in groups)})"


def _moment_names(k: int) -> list[str]:
    """The columns of the first answer after `third`."""
    every = range(1, k + 1)
    names = ["total", "complete"]
    names += [f"{what}{j}" for what in ("count", "shift", "low", "high", "sum") for j in every]
    return [*names, *(f"product{i}_{j}" for i in every for j in every if i <= j)]


def _lines(parts: Sequence[str]) -> str:
    return ",\n  ".join(parts)
