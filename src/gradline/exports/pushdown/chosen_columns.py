"""Which columns of a table that is read elsewhere take part, as numbers, truth values or categories."""

import warnings
from collections.abc import Callable, Mapping, Sequence

from gradline.core.errors import DataError, GradlineWarning, RequestError
from gradline.core.text import nearest
from gradline.data.design import Category, DesignSpec, Number, Term
from gradline.data.schema import Kind

MOST_LEVELS = 50  # as for columns of text anywhere


def chosen_columns(
    name: str,
    kinds: Mapping[str, Kind],
    levels: Callable[[str], Sequence[str]],
    targets: str | Sequence[str],
    features: Sequence[str] | None,
    exclude: Sequence[str],
) -> DesignSpec:
    """The design of a table called `name`, whose text columns have the words that `levels` finds.

    By default all but the targets take part. What is left out for what it holds is told as a `GradlineWarning`; named
    among the features it is refused. Raises `RequestError` for an unknown column, and `DataError` for a target without
    numbers.
    """
    wanted = (targets,) if isinstance(targets, str) else tuple(targets)
    for column in (*wanted, *(features or ()), *exclude):
        if column not in kinds:
            raise RequestError(
                "column-unknown", f"{name} has no column {column}", nearest(column, list(kinds))
            )
    for column in wanted:
        if not kinds[column].is_numeric:
            raise _no_numbers(column)
    terms: list[Term] = []
    chosen = [column for column in kinds if column not in wanted] if features is None else features
    for column in (column for column in chosen if column not in exclude):
        found = _term(column, kinds[column], levels, features is not None)
        if found is None:
            text = f"{column} is left out: it holds neither numbers nor at most {MOST_LEVELS} levels"
            warnings.warn(GradlineWarning("column-left-out", text), stacklevel=3)
        elif found.names:
            terms.append(found)
    used = {*wanted, *(term.column for term in terms if isinstance(term, Number))}
    truths = tuple(
        (column, Kind.BOOLEAN) for column in kinds if column in used and kinds[column] == Kind.BOOLEAN
    )
    return DesignSpec(tuple(terms), wanted, kinds=truths)


def _term(column: str, kind: Kind, levels: Callable[[str], Sequence[str]], is_named: bool) -> Term | None:
    """The term of a column; None where it is left out unless it was named."""
    if kind.is_numeric:
        return Number(column)
    if kind != Kind.TEXT:
        if is_named:
            raise _no_numbers(column)
        return None
    words = tuple(sorted(levels(column), key=str.encode))
    return Category(column, words) if words and (len(words) <= MOST_LEVELS or is_named) else None


def _no_numbers(column: str) -> DataError:
    return DataError(
        "column-not-numeric", f"the column {column} holds no numbers", "leave it out, or cast it in a view"
    )
