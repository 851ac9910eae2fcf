"""How versions look on a terminal: the table of `log`, and one version as `show` tells of it."""

import shutil
import sys
from collections.abc import Sequence
from typing import Any

from gradline.cli.fit import report
from gradline.cli.terminal import out, out_json
from gradline.core.text import counted, listed, one_line, printable, wrapped

_COLUMNS = ("version", "when (UTC)", "message", "solver", "loss", "RMSE", "R²", "rows", "status")
_TO_THE_RIGHT = ("loss", "RMSE", "R²", "rows")
_SHORTEST = 20  # characters of a message


def table(rows: Sequence[dict[str, Any]], versions: Sequence[Any]) -> str:
    """The rows of the log, aligned; on a terminal a message is cut to what its width leaves."""
    worst = "worst " if any(len(m["targets"]) > 1 for v in versions for m in v.models.values()) else ""
    several = any(len(version.models) > 1 for version in versions)
    columns = {name: [_cell(row, name) for row in rows] for name in _COLUMNS}
    if several:
        columns["model"] = [printable(row.get("model", "")) for row in rows]
    heads = {name: f"{worst if name in ('RMSE', 'R²') else ''}{name}" for name in columns}
    widths = {name: max(len(heads[name]), *map(len, cells)) for name, cells in columns.items()}
    if sys.stdout.isatty():
        others = sum(widths.values()) - widths["message"] + 2 * (len(widths) - 1)
        room = max(_SHORTEST, shutil.get_terminal_size().columns - others)
        widths["message"] = min(widths["message"], room)
    lines = [_line(heads, widths)]
    lines += [
        _line(dict(zip(columns, cells, strict=True)), widths) for cells in zip(*columns.values(), strict=True)
    ]
    return "\n".join(lines)


def _line(cells: dict[str, str], widths: dict[str, int]) -> str:
    parts = []
    for name, width in widths.items():
        cell = cells[name] if len(cells[name]) <= width else f"{cells[name][: width - 1]}…"
        parts.append(cell.rjust(width) if name in _TO_THE_RIGHT else cell.ljust(width))
    return "  ".join(parts).rstrip()


def _cell(row: dict[str, Any], name: str) -> str:
    match name:
        case "version":
            return f"v{row['version']} {printable(row['tag'])}".rstrip()
        case "when (UTC)":
            return row["when"][:16].replace("T", " ")
        case "message":
            return printable(row["message"])
        case "rows":
            return f"{row['rows']:,}" if "rows" in row else ""
        case "loss" | "RMSE":
            return _figure(row.get(name.lower()), ".6g")
        case "R²":
            return _figure(row.get("r2"), ".6f")
    return printable(str(row.get(name, "")))


def _figure(value: float | None, form: str) -> str:
    """A figure as the summary of a model shows it; nothing where there is none."""
    if value is None:
        return ""
    return f"{value:{form}}" if abs(value) < 10 else f"{value:.6g}"


def as_card(version: Any) -> dict[str, Any]:
    """A version as plain JSON."""
    later = {"tags": list(version.tags), "note": version.note, "archived": version.archived}
    return {"version": version.name, **version.record(), **later}


def show_version(store: Any, version: Any, weights_are: str | None, as_json: bool) -> None:
    """Print a version: what it is, and each of its models as `show` tells of them."""
    from gradline.history.models import model_of  # noqa: PLC0415 - `log` needs no numpy

    whole = [path for path, facts in version.models.items() if facts["moments"]]
    if as_json:
        reports = {path: report(model_of(store, version, path), None) for path in whole}
        out_json({**as_card(version), "reports": reports})
        return
    distributions = store.get(version.environment["requirements"]).count(b"\n")
    out("\n".join(map(one_line, _about(version, distributions))))
    for path in version.models:
        out(f"\n{one_line(path)}")
        if path in whole:
            model = model_of(store, version, path)
            out(account(model, model.infer(weights_are)))
        else:
            out(_without_moments(version.models[path]))


def account(model: Any, inference: Any, level: float = 0.95, errors: Any = None) -> str:
    """Everything that `show` tells of a model."""
    from gradline.model.coefficient_table import without_errors  # noqa: PLC0415 - `log` needs no numpy
    from gradline.model.inference_text import inflation  # noqa: PLC0415
    from gradline.model.summary import summary  # noqa: PLC0415

    mark = model.moments.statistics.mark
    fingerprint = (
        "Data fingerprint: unknown, since its files met the levels of a category one after the other."
        if mark is None
        else f"Data fingerprint: {mark}. It is computed from the rows, in any order: "
        "models of the same rows and columns share it, and gradline verify compares it."
    )
    told = [summary(model, inference, level=level, errors=errors)]
    if not model.verdict.status.is_estimate:  # which a summary leaves to the certificate
        told.append(without_errors(inference))
    told.append(inflation(inference))
    told.append(f"Minimised: {model.objective}.\n{wrapped(fingerprint)}")
    return "\n\n".join(told)


def _about(version: Any, distributions: int) -> list[str]:
    """What a version is besides its models, a line each."""
    environment, code = version.environment, version.code
    lines = [f"{version.name}  {version.when}  {printable(version.message)}".rstrip()]
    if version.tags:
        lines.append(f"tags: {listed(version.tags)}")
    if version.note:
        lines.append(f"note: {printable(version.note)}")
    if version.files:
        lines.append(f"files: {printable(listed(version.files))}")
    if code is not None:
        state = "clean" if code["clean"] else "with changes that are not in it"
        branch = "" if code["branch"] is None else f" on {code['branch']}"
        commit = "no commit yet" if code["commit"] is None else code["commit"][:12]
        lines.append(f"code: {commit}{branch}, {state}")
    installed = counted(distributions, "distribution")
    lines.append(f"environment: {environment['python']}, {environment['platform']}, {installed}")
    for kind, noted in version.logged.items():
        words = [noted] if isinstance(noted, str) else [f"{name} {value}" for name, value in noted.items()]
        lines.append(f"{kind}: {printable(listed(words))}")
    return lines


def _without_moments(facts: dict[str, Any]) -> str:
    """A model that was committed without its moments, in two lines."""
    rmse = zip(facts["targets"], facts["rmse"], strict=True)
    figures = ", ".join(f"{target} {_figure(value, '.6g') or 'none'}" for target, value in rmse)
    return (
        f"{listed(facts['targets'])} from {listed(facts['features'])}: {facts['solver']}, {facts['status']}\n"
        f"loss {_figure(facts['loss'], '.6g') or 'none'}; RMSE: {figures}; {counted(facts['rows'], 'row')}; "
        "kept without moments"
    )
