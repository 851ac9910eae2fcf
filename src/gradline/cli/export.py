"""Share: `export` writes a model for other programs, and tries it before it is written."""

import atexit
import gc
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from gradline.cli.options import Model, Output, flag, frozen
from gradline.cli.terminal import Stdout, say
from gradline.core.errors import FileError, UsageError
from gradline.core.text import listed

if TYPE_CHECKING:
    from gradline.exports.probe import Trial
    from gradline.model.model import LinearModel

SUFFIXES = {"sql": ".sql", "onnx": ".onnx", "torch": ".pt"}
# How files of each kind begin, so that nothing else is written over.
STARTS = {"sql": b"-- A linear model for ", "onnx": b"\x08", "torch": b"PK"}


@frozen
class ExportOptions:
    """A model, the program that it is for, and where it goes; None where a kind of export has its own default."""

    model: Model
    to: Annotated[str, flag("sql, onnx or torch.")]
    dialect: Annotated[str | None, flag("duckdb, postgres, sqlite or mysql. Default: duckdb.")] = None
    table: Annotated[str | None, flag("Table to select from. Default: data.")] = None
    keep: Annotated[Sequence[str], flag("Column to put before the predictions; may be repeated.")] = ()
    unseen: Annotated[str | None, flag("A level not seen in training: null or base. Default: null.")] = None
    output: Output | None = None


def export(options: ExportOptions) -> None:
    """Write a model for other programs: a SELECT, an ONNX graph or a PyTorch state_dict.

    It is first tried on probe rows, where an engine for it is installed. SQL goes to standard output without -o.

    Examples:

      gradline export crops.safetensors --to sql --dialect postgres --table regions --keep id

      gradline export crops.safetensors --to onnx -o crops.onnx
    """
    to, dialect, table, keep, unseen = (
        options.to, options.dialect, options.table, options.keep, options.unseen,
    )  # fmt: skip
    if to not in SUFFIXES:
        raise UsageError("export-kind-invalid", f"--to is {to!r}", f"use {', '.join(SUFFIXES)}")
    _expect_fitting(to, {"--dialect": dialect, "--table": table, "--keep": keep, "--unseen": unseen})
    path = _path(options.model, to, options.output)
    from gradline.model.model import load  # noqa: PLC0415 - --help needs no numpy

    model = load(options.model)
    if to == "sql":
        content, trial = _sql(model, dialect or "duckdb", table or "data", keep, unseen or "null")
    elif to == "onnx":
        content, trial = _onnx(model, unseen or "null")
    else:
        content, trial = _torch(model)
    _write(path, content)
    say(str(trial or "not tried: no engine for it is installed; compare some rows with gradline predict"))
    if path:
        say(f"saved: {path}")


def _sql(
    model: "LinearModel", dialect: str, table: str, keep: Sequence[str], unseen: str
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
    from gradline.exports import state_dict  # noqa: PLC0415
    from gradline.exports.probe import Probe  # noqa: PLC0415
    from gradline.exports.trial import torch_trial  # noqa: PLC0415

    state = state_dict(model)
    trial = torch_trial(Probe.of(model), state)
    say(f"inputs, in this order: {listed(model.features, len(model.features))}")
    return state, trial


def _expect_fitting(to: str, given: dict[str, str | Sequence[str] | None]) -> None:
    """Refuse what the kind of export has no use for."""
    fitting = {"sql": ("--dialect", "--table", "--keep", "--unseen"), "onnx": ("--unseen",), "torch": ()}[to]
    for name, value in given.items():
        if value and name not in fitting:
            raise UsageError(
                "option-without-meaning", f"{name} has no meaning with --to {to}", f"leave out {name}"
            )


def _path(model: Path, to: str, output: str | None) -> Path | None:
    """Where to write; None for standard output. Refuses, before any work, what holds something else."""
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
        Stdout().write(content)
        return
    with replacing(path) as stream:
        stream.write(content)
