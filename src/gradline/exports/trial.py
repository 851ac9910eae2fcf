"""An export run over probe rows, in whatever engine is installed here."""

import contextlib
import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradline.core.errors import RequestError
from gradline.exports.dialects import DIALECTS
from gradline.exports.probe import Probe, Trial

# Engines that Python runs in memory, by dialect: the module with Python's database interface, and its version.
_MODULES = {"sqlite": ("sqlite3", "sqlite_version"), "duckdb": ("duckdb", "__version__")}
_SEALED = {
    "enable_external_access": "false",
    "lock_configuration": "true",
}  # DuckDB then opens no file, whatever it reads


def sql_trial(probe: Probe, text: str, dialect: str, table: str, keep: Sequence[str] = ()) -> Trial | None:
    """The SELECT over a table of the probe rows; None where no engine for its dialect is installed.

    Raises `RequestError` where the engine refuses it, `DigitsError` as `Probe.compare`.
    """
    name, version = _MODULES.get(dialect, ("", ""))
    if not name or importlib.util.find_spec(name) is None:
        return None
    module = importlib.import_module(name)
    engine = f"{name.removesuffix('3')} {getattr(module, version)}"
    columns = {**{column: range(probe.rows) for column in keep}, **probe.columns}
    how = {"config": _SEALED} if name == "duckdb" else {}
    with contextlib.closing(module.connect(":memory:", **how)) as base:
        if name == "sqlite3":
            base.setlimit(
                module.SQLITE_LIMIT_ATTACHED, 0
            )  # nor does SQLite, which loads no extension unasked
        try:
            _fill(base, DIALECTS[dialect].name, table, columns)
            rows = base.execute(text).fetchall()
        except module.Error as error:
            raise _refused(engine, error) from error
    return probe.compare(engine, [row[len(keep) :] for row in rows])


def onnx_trial(probe: Probe, graph: bytes) -> Trial | None:
    """The graph over the probe rows; None where onnxruntime is not installed. Raises as `sql_trial`."""
    if importlib.util.find_spec("onnxruntime") is None:
        return None
    import onnxruntime  # noqa: PLC0415 - no dependency

    engine = f"onnxruntime {onnxruntime.__version__}"
    feeds = {name: _fed(cells) for name, cells in probe.columns.items()}
    try:
        session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
        outputs = session.run(None, feeds)
    except Exception as error:  # its errors have no class in common
        raise _refused(engine, error) from error
    return probe.compare(engine, np.column_stack([np.asarray(output) for output in outputs]))


def torch_trial(probe: Probe, state: bytes) -> Trial:
    """The layer that loads the file, over the probe rows as columns of X. Raises `DigitsError`."""
    from gradline.pytorch.state_dict import applied, version  # noqa: PLC0415 - torch takes seconds to load

    return probe.compare(version(), applied(state, probe.inputs))


def _fill(base: Any, quoted: Any, table: str, columns: Mapping[str, Sequence[Any]]) -> None:
    """Make the table: its columns DOUBLE, VARCHAR and BOOLEAN, words that both engines know."""
    kinds = {name: _TYPES[_type_of(cells)] for name, cells in columns.items()}
    declared = ", ".join(f"{quoted(name)} {kind}" for name, kind in kinds.items())
    base.execute(f"CREATE TABLE {quoted(table)} ({declared})")
    places = ", ".join("?" * len(columns))
    rows = [list(row) for row in zip(*columns.values(), strict=True)]
    base.executemany(f"INSERT INTO {quoted(table)} VALUES ({places})", rows)


_TYPES: dict[type, str] = {float: "DOUBLE", str: "VARCHAR", bool: "BOOLEAN"}


def _type_of(cells: Sequence[Any]) -> type:
    """What most of a column is made of: words, truth values or numbers."""
    return next((kind for kind in (str, bool) if any(isinstance(cell, kind) for cell in cells)), float)


def _fed(cells: Sequence[Any]) -> np.ndarray:
    """A column (rows, 1) as onnxruntime takes it: a missing word is empty, a missing number NaN; truth is a word."""
    if _type_of(cells) is bool:
        cells = [None if cell is None else str(cell).lower() for cell in cells]
    if _type_of(cells) is str:
        return np.array([cell or "" for cell in cells], object)[:, None]
    return np.array(cells, np.float64)[:, None]


def _refused(engine: str, error: Exception) -> RequestError:
    return RequestError(
        "export-refused",
        f"{engine} refuses the export: {error}",
        "nothing was written; export it for another engine",
    )
