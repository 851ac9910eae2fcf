"""A model as one SELECT: an expression for each target, which any row of a table goes through."""

from collections.abc import Iterable, Sequence
from importlib.metadata import version

from gradline.core.errors import RequestError
from gradline.data.cells import MISSING_WORDS
from gradline.data.terms.grammar import Name
from gradline.data.terms.shapes import Lookup
from gradline.exports import expressions
from gradline.exports.dialects import Dialect, dialect_named
from gradline.exports.parts import Computed, Numeric, Summand, expect_unseen, parts, same_words, spellings
from gradline.model.model import LinearModel
from gradline.model.status import Status

_CHAIN = 200  # SQLite and DuckDB refuse expressions nested 1,000 deep, and each + nests once


def sql(
    model: LinearModel,
    dialect: str = "duckdb",
    *,
    table: str = "data",
    keep: Sequence[str] = (),
    unseen: str = "null",
) -> str:
    """A SELECT whose columns are the model's predictions: bias + Σ weight · column, in float64.

    - `dialect`: duckdb, postgres, sqlite or mysql (also MariaDB).
    - `table`: the table's name, taken whole, dots included; "data" is a placeholder.
    - `keep`: columns of the table to put before the predictions, such as its key: no SELECT promises an order.
    - `unseen`: what a level that training did not see gives: "null", or with "base" what the base level gives.

    A NULL in a column of the model gives NULL, a NaN gives NaN, and what is no number is an error or NULL, as the
    engine has it. Text is compared as it stands, without the spaces around it.

    Raises `RequestError` where two columns are one to the database, or a coefficient is not finite, and `UsageError`
    for an unknown dialect.
    """
    chosen = dialect_named(dialect)
    expect_unseen(unseen)
    _expect_distinct(chosen, list(model.design.inputs))
    _expect_distinct(chosen, [*keep, *model.targets])
    found = parts(model)
    kept = [f"  t.{chosen.name(column)}" for column in keep]
    made = [
        f"  {_chained(_terms(model, found, chosen, j, unseen))}\n    AS {chosen.name(target)}"
        for j, target in enumerate(model.targets)
    ]
    columns = ",\n".join([*kept, *made])
    return f"{_comment(model, chosen, unseen)}SELECT\n{columns}\nFROM {chosen.name(table)} AS t;\n"


def _comment(model: LinearModel, chosen: Dialect, unseen: str) -> str:
    """What the reader must know. No name stands in it, so that none can end it."""
    certificate, ours = model.certificate, version("gradline")
    digits = f", sure to {int(certificate.digits)} digits" if certificate.status is Status.CERTIFIED else ""
    level = {
        "null": "A NULL, or a level that training did not see, gives NULL.",
        "base": "A NULL gives NULL; a level that training did not see counts as the base, the first of its list.",
    }
    return (
        f"-- A linear model for {chosen.title}, written by gradline {ours}: "
        f"{certificate.status}{digits}.\n-- {level[unseen]}\n"
    )


def _terms(model: LinearModel, found: Iterable[Summand], chosen: Dialect, j: int, unseen: str) -> list[str]:
    """The summands of target j, each with its sign before it."""
    terms = [_signed(chosen, model.bias[j])] if model.has_bias else []
    for part in found:
        if isinstance(part, Computed):
            terms.append(f"+ {_computed(model, part, chosen, j, unseen)}")
            continue
        cell = f"t.{chosen.name(part.column)}"
        if isinstance(part, Numeric):
            terms.append(f"{_signed(chosen, part.weight[j])} * {chosen.number.format(cell)}")
        else:
            each = [chosen.double(weight[j]) for weight in part.weight]
            words = spellings(part.levels, same_words(model, part.column), chosen.booleans)
            terms.append(f"+ {_case(words, chosen, chosen.word.format(cell), each, unseen)}")
    return terms


def _computed(model: LinearModel, part: Computed, chosen: Dialect, j: int, unseen: str) -> str:
    """A term of a formula; the columns of its first factor vary fastest, as `Product` has them."""
    counts = [len(factor.names) for factor in part.term.factors]

    def case(shape: Lookup, x: str, each: Sequence[str]) -> str:
        if shape.cells == "text":
            assert isinstance(shape.over, Name)
            words = spellings(shape.levels, same_words(model, shape.over.name), chosen.booleans)
            return _case(words, chosen, x, each, unseen)
        whens = " ".join(
            f"WHEN {chosen.double(float(level))} THEN {own}"
            for level, own in zip(shape.levels, each, strict=True)
        )
        # The base of what is missing is missing.
        rest = "NULL" if unseen == "null" else f"{each[0]} + {chosen.double(0.0)} * {x}"
        return f"CASE {x} {whens} ELSE {rest} END"

    weight = part.weight[:, j].reshape(counts[::-1]).transpose()
    return expressions.weighted(part.shapes, weight, chosen, case)


def _signed(chosen: Dialect, value: float) -> str:
    return f"{'-' if value < 0 else '+'} {chosen.double(abs(value))}"


def _case(
    words: Sequence[tuple[str, ...]], chosen: Dialect, cell: str, each: Sequence[str], unseen: str
) -> str:
    """What the cell's level, of which `words` has the spellings, has in `each`; the base comes first."""
    lines = [
        f"      WHEN {chosen.text(word)} THEN {own}"
        for spelled, own in zip(words, each, strict=True)
        for word in spelled
    ]
    rest = "NULL" if unseen == "null" else each[0]
    case = "\n".join([f"CASE {cell}", *lines, f"      ELSE {rest}", "    END"])
    if unseen == "null":
        return case
    known = {word.lower() for spelled in words for word in spelled}
    missing = ", ".join(chosen.text(word) for word in MISSING_WORDS if word not in known)
    return f"CASE WHEN LOWER({cell}) NOT IN ({missing}) THEN\n    {case} END"


def _chained(terms: Sequence[str]) -> str:
    """The sum, in groups where it is long."""
    if len(terms) <= _CHAIN:
        return _bare(terms)
    groups = (terms[start : start + _CHAIN] for start in range(0, len(terms), _CHAIN))
    return _bare([f"+ ({_bare(group)})" for group in groups])


def _bare(terms: Iterable[str]) -> str:
    return "\n    ".join(terms).removeprefix("+ ")


def _expect_distinct(chosen: Dialect, columns: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for column in columns:
        same = chosen.same(column)
        if same in seen:
            raise RequestError(
                "names-alike-in-sql",
                f"the columns {seen[same]} and {column} are one and the same to {chosen.title}",
                "rename one of them and fit the model again, or export it for another database",
            )
        seen[same] = column
