"""Versions as rows of a table: one for each model, with the names that `--where` and `--sort` know."""

from collections.abc import Mapping, Sequence
from typing import Any

from gradline.core.errors import UsageError
from gradline.core.text import nearest
from gradline.history.filters import matching
from gradline.history.version import Version

_FACTS = (
    "solver",
    "lr",
    "epochs",
    "batch_size",
    "momentum",
    "scale",
    "loss",
    "gap",
    "digits",
    "rows",
    "status",
)


def rows_of(version: Version) -> list[dict[str, Any]]:
    """One row for each model of the version, or one without a model; what it has not is not in it.

    `rmse` and `r2` are those of the worst target. What was logged counts by its name where no model has that.
    """
    own = {
        "version": version.number,
        "when": version.when,
        "message": version.message,
        "note": version.note,
        "tag": " ".join(version.tags),
    }
    noted = {**version.logged.get("hyperparams", {}), **version.logged.get("metrics", {})}
    models = version.models or {None: {}}
    return [_known(noted | own | {"model": path} | _facts(model)) for path, model in models.items()]


def _facts(model: Mapping[str, Any]) -> dict[str, Any]:
    facts = {name: model.get(name) for name in _FACTS}
    for name, worst in (("rmse", max), ("r2", min)):
        figures = [value for value in model.get(name, ()) if value is not None]
        facts[name] = worst(figures, default=None)
    return _known(facts)


def _known(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if isinstance(value, (str, int, float))}


def chosen(rows: Sequence[dict[str, Any]], where: str | None, sort: str | None) -> list[dict[str, Any]]:
    """The rows for which `where` holds, in the order of `sort`, a name, with - in front for the largest first.

    Rows that lack the name come last. Raises `UsageError` for a condition that cannot be read or an unknown name.
    """
    names = sorted({*_FACTS, "rmse", "r2", "version", "when", "message", "note", "tag", "model"}.union(*rows))
    kept = list(rows) if where is None else matching(rows, where, names)
    if not sort:
        return kept
    name = sort.removeprefix("-")
    if name not in names:
        raise UsageError("field-unknown", f"no version has {name}", nearest(name, names, "the names are"))
    known = [row for row in kept if name in row]
    known.sort(key=lambda row: (isinstance(row[name], str), row[name]), reverse=sort.startswith("-"))
    return known + [row for row in kept if name not in row]
