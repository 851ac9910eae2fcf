"""Which standard errors a fit is asked for, and what follows from that for its columns and its rows."""

from dataclasses import replace
from typing import Any

from gradline.cli.terminal import say
from gradline.core.errors import UsageError
from gradline.core.text import joined


def errors_asked(options: Any) -> Any:
    """Those of the options of `fit`. Raises `UsageError` for rows that cannot be read again."""
    from gradline.model.errors_asked import ErrorsAsked  # noqa: PLC0415 - --help needs no numpy

    asked = ErrorsAsked.of(vars(options))
    if asked and options.holdout:
        raise UsageError(
            "errors-with-holdout",
            f"{asked.flags} is of the rows trained on, and --holdout keeps some out of them",
            "leave one of the two out",
        )
    if asked and options.data == "-":
        raise UsageError(
            "errors-read-again",
            f"{asked.flags} reads the rows a second time, and standard input comes once",
            "write them to a file first",
        )
    return asked


def without_columns(selection: Any, asked: Any) -> Any:
    """The selection without the columns of clusters and of time, unless its features are named."""
    names = [*asked.cluster, *([] if asked.time is None else [asked.time])]
    if not names or selection.features is not None or selection.formula is not None:
        return selection
    new = [name for name in names if name not in selection.exclude and name not in selection.also]
    if new:
        what = "no feature" if len(new) == 1 else "no features"
        say(
            f"note: {joined(new)} taken for standard errors alone, {what}: name all features with -f otherwise"
        )
    return replace(selection, exclude=(*selection.exclude, *new))


def errors_found(model: Any, selection: Any, asked: Any) -> Any:
    """The errors of a fit, by a second look at its rows; None where the plain ones are asked for."""
    if not asked:
        return None
    from gradline.data.tables import open_table  # noqa: PLC0415 - --help needs no numpy
    from gradline.model.other_errors import other_errors  # noqa: PLC0415

    source = open_table(selection.data, selection.read)
    return other_errors(model, source, asked, missing=selection.missing)
