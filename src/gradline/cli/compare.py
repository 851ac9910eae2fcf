"""Versions: what changed between them, and why the coefficients moved."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from gradline.cli.options import AsJson, argument, flag, frozen
from gradline.cli.share import expect_page
from gradline.cli.terminal import out, out_json, say
from gradline.cli.versions import named
from gradline.core.errors import UsageError


@frozen
class DiffOptions:
    """What to compare, and how it is told."""

    names: Annotated[Sequence[str], argument("v3, 3, a tag, latest, or a model's file.", metavar="A B …")]
    average: Annotated[
        bool, flag("Take the causes in every order and average, not in one order.", "--average")
    ] = False
    html: Annotated[Path | None, flag("Write the same as one page to this file.")] = None
    as_json: AsJson = False


def diff(options: DiffOptions) -> None:
    """Show what differs between two versions, most important first, and why the coefficients moved.

    Their change is split into data (other rows), columns (others, or a bias) and training (how far each model stopped
    from its own least-squares answer), which sum to the whole. More than two versions are shown side by side.

    Examples:

      gradline diff v1 v2

      gradline diff january.safetensors latest --average --html diff.html
    """
    names, html = options.names, options.html
    if len(names) < 2:
        raise UsageError(
            "single-version-named", f"only {names[0]} is named", "name two or more to compare, such as v1 v2"
        )
    if options.average and len(names) > 2:
        raise UsageError(
            "average-of-several",
            "--average explains one change, and there are several",
            "name two versions, or leave it out",
        )
    if html is not None:
        expect_page(html)
    subjects, store = _subjects(names)
    if len(names) == 2:
        from gradline.history.comparison import compare  # noqa: PLC0415 - --help needs no numpy

        _show(compare(subjects[0], subjects[1], store, average=options.average), html, options.as_json)
    else:
        from gradline.history.comparison import side_by_side  # noqa: PLC0415

        _show_several(side_by_side(subjects, store), html, options.as_json)


def _subjects(names: Sequence[str]) -> tuple[list[Any], Any]:
    """The versions and files of these names, and the store of the versions, None where there are only files."""
    subjects, store = [], None
    for name in names:
        found = named(Path(name))
        store = found[0] if found else store
        subjects.append(found[1] if found else Path(name))
    return subjects, store


def _show(comparison: Any, html: Path | None, as_json: bool) -> None:
    if html is not None:
        from gradline.pages.difference import difference  # noqa: PLC0415 - an extra, and plotly

        difference(comparison).save(html)
        say(f"saved: {html}")
    if as_json:
        out_json(comparison.to_dict())
    elif html is None:
        out(str(comparison))


def _show_several(tables: list[Any], html: Path | None, as_json: bool) -> None:
    if html is not None:
        from gradline.pages.difference import several  # noqa: PLC0415 - an extra

        several(tables).save(html)
        say(f"saved: {html}")
    if as_json:
        from gradline.model.certificate import finite  # noqa: PLC0415 - --help needs no numpy

        out_json(finite({"tables": [table.to_dict() for table in tables]}))
    elif html is None:
        from gradline.history.text import render_several  # noqa: PLC0415

        out(render_several(tables))
