"""Share: `export` writes a model for other programs, and tries it before it is written."""

import atexit
import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gradline.cli import flags
from gradline.cli.terminal import guarded, say

if TYPE_CHECKING:
    from gradline.exports.probe import Trial
    from gradline.model.model import LinearModel

PANEL = "Share"
SUFFIXES = {"sql": ".sql", "onnx": ".onnx", "torch": ".pt"}
# How files of each kind begin, so that nothing else is written over.
STARTS = {"sql": b"-- A linear model for ", "onnx": b"\x08", "torch": b"PK"}


def register(app: typer.Typer) -> None:
    """Add this panel's command."""
    app.command(rich_help_panel=PANEL)(guarded(export))


def export(
    model: flags.Model,
    to: Annotated[str, typer.Option("--to", help="sql, onnx or torch.", show_default=False)],
    dialect: Annotated[
        str | None,
        typer.Option(help="duckdb, postgres, sqlite or mysql. Default: duckdb.", show_default=False),
    ] = None,
    table: Annotated[
        str | None, typer.Option(help="Table to select from. Default: data.", show_default=False)
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(help="Column to put before the predictions; may be repeated.", show_default=False),
    ] = None,
    unseen: Annotated[
        str | None,
        typer.Option(help="A level not seen in training: null or base. Default: null.", show_default=False),
    ] = None,
    output: flags.Output = None,
) -> None:
    """Write a model for other programs: a SELECT, an ONNX graph or a PyTorch state_dict.

    It is first tried on probe rows, where an engine for it is installed. SQL goes to standard output without -o.

    Examples:

      gradline export crops.safetensors --to sql --dialect postgres --table regions --keep id

      gradline export crops.safetensors --to onnx -o crops.onnx
    """
    from gradline.core.errors import UsageError  # noqa: PLC0415 - --help needs no numpy

    if to not in SUFFIXES:
        raise UsageError("export-kind-invalid", f"--to is {to!r}", f"use {', '.join(SUFFIXES)}")
    _expect_fitting(to, {"--dialect": dialect, "--table": table, "--keep": keep, "--unseen": unseen})
    path = _path(model, to, output)
    from gradline.model.model import load  # noqa: PLC0415

    loaded = load(model)
    if to == "sql":
        content, trial = _sql(loaded, dialect or "duckdb", table or "data", keep or [], unseen or "null")
    elif to == "onnx":
        content, trial = _onnx(loaded, unseen or "null")
    else:
        content, trial = _torch(loaded)
    _write(path, content)
    say(str(trial or "not tried: no engine for it is installed; compare some rows with gradline predict"))
    if path:
        say(f"saved: {path}")


def _sql(
    model: "LinearModel", dialect: str, table: str, keep: list[str], unseen: str
) -> tuple[bytes, "Trial | None"]:
    from gradline.exports import sql  # noqa: PLC0415
    from gradline.exports.probe import Probe  # noqa: PLC0415
    from gradline.exports.trial import sql_trial  # noqa: PLC0415

    atexit.unregister(gc.freeze)  # DuckDB complains at the end of all that was not collected
    text = sql(model, dialect, table=table, keep=keep, unseen=unseen)
    return text.encode(), sql_trial(Probe.of(model, unseen), text, dialect, table, keep)


def _onnx(model: "LinearModel", unseen: str) -> tuple[bytes, "Trial | None"]:
    from gradline.exports import onnx  # noqa: PLC0415
    from gradline.exports.probe import Probe  # noqa: PLC0415
    from gradline.exports.trial import onnx_trial  # noqa: PLC0415

    graph = onnx(model, unseen=unseen)
    return graph, onnx_trial(Probe.of(model, unseen), graph)


def _torch(model: "LinearModel") -> tuple[bytes, "Trial"]:
    from gradline.core.text import listed  # noqa: PLC0415
    from gradline.exports import state_dict  # noqa: PLC0415
    from gradline.exports.probe import Probe  # noqa: PLC0415
    from gradline.exports.trial import torch_trial  # noqa: PLC0415

    state = state_dict(model)
    trial = torch_trial(Probe.of(model), state)
    say(f"inputs, in this order: {listed(model.features, len(model.features))}")
    return state, trial


def _expect_fitting(to: str, given: dict[str, str | list[str] | None]) -> None:
    """Refuse what the kind of export has no use for."""
    from gradline.core.errors import UsageError  # noqa: PLC0415 - --help needs no numpy

    fitting = {"sql": ("--dialect", "--table", "--keep", "--unseen"), "onnx": ("--unseen",), "torch": ()}[to]
    for name, value in given.items():
        if value and name not in fitting:
            raise UsageError(
                "option-without-meaning", f"{name} has no meaning with --to {to}", f"leave out {name}"
            )


def _path(model: Path, to: str, output: str | None) -> Path | None:
    """Where to write; None for standard output. Refuses, before any work, what holds something else."""
    from gradline.core.errors import FileError  # noqa: PLC0415 - --help needs no numpy

    if output is None and to == "sql":
        return None
    path = Path(output or f"{model.stem}{SUFFIXES[to]}")
    if path.is_dir():
        raise FileError("path-is-folder", f"cannot write {path}: it is a folder", "add a file name")
    if path.is_file() and path.stat().st_size and not path.read_bytes().startswith(STARTS[to]):
        raise FileError(
            "output-exists", f"{path} exists and is no such export", "choose another name, or remove it first"
        )
    return path


def _write(path: Path | None, content: bytes) -> None:
    """The whole export, or nothing."""
    from gradline.core.tensor_file import replacing  # noqa: PLC0415 - --help needs no numpy

    if path is None:
        sys.stdout.buffer.write(content)
        return
    with replacing(path) as stream:
        stream.write(content)
