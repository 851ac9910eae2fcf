"""The notebook that is running, found by the session's own means, and notebooks without their outputs."""

import json
import os
import sys
import sysconfig
import warnings
from pathlib import Path
from typing import Any

from gradline.core.errors import FileError, GradlineWarning, RequestError

_TRACES = ("execution", "ExecuteTime")  # when a cell ran, in the metadata of cells


def session() -> Path | None:
    """The notebook, or else the script, that is running; None in a terminal or where neither is the user's own.

    JupyterLab and Notebook name it in the kernel's environment, VS Code in its namespace. Raises `RequestError` in
    a kernel that names none, such as Colab's.
    """
    main, shell = sys.modules["__main__"], _shell()
    if shell is None:
        return _script(getattr(main, "__file__", None))
    named = getattr(main, "__vsc_ipynb_file__", None) or os.environ.get("JPY_SESSION_NAME")
    # The kernel runs in the notebook's folder, whatever folder the name is relative to.
    for path in (Path(named), Path(Path(named).name)) if named else ():
        if path.suffix == ".ipynb" and path.is_file():
            _warn_if_unsaved(path, shell)
            return path
    raise RequestError(
        "notebook-not-found",
        f"the running notebook cannot be found: the session names {_named(named)}",
        'save it, and pass notebook="name.ipynb", or notebook=None to record none',
    )


def _named(named: str | None) -> str:
    if "google.colab" in sys.modules:
        return "none, since Colab keeps it elsewhere"
    return "none" if not named else f"{Path(named).name}, and there is no such notebook here"


def _shell() -> Any:
    """The shell of a notebook's kernel; None in a terminal."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell if hasattr(shell, "kernel") else None


def _script(file: str | None) -> Path | None:
    """The script, unless it is a program that is installed, such as pytest or gradline itself."""
    if file is None or not Path(file).is_file():
        return None
    path, folders = Path(file).absolute(), sysconfig.get_paths()
    installed = {Path(folders[kind]) for kind in ("scripts", "purelib", "platlib", "stdlib")}
    return None if installed & set(path.parents) else path


def _warn_if_unsaved(path: Path, shell: Any) -> None:
    """Say so where the file lacks the cell that is running, and so is older than what the user sees."""
    running = shell.history_manager.input_hist_raw[-1]
    try:
        cells = json.loads(path.read_bytes())["cells"]
        known = any("".join(cell["source"]).strip() == running.strip() for cell in cells)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return  # what is no notebook is refused when it is read
    if not known:
        text = f"{path.name} on the disk lacks the cell that is running: save the notebook, then commit it"
        warnings.warn(GradlineWarning("notebook-unsaved", text), stacklevel=4)


def without_outputs(content: bytes, name: str) -> bytes:
    """A notebook without outputs, execution counts, widgets' states and times; as it is where it has none.

    It is written as Jupyter writes notebooks. Raises `FileError` for what is no notebook of format 4.
    """
    try:
        notebook = json.loads(content)
        cells = notebook["cells"]
        cleaned = {**notebook, "cells": [_cleaned(cell) for cell in cells]}
        cleaned["metadata"] = _without(notebook.get("metadata", {}), ("widgets",))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FileError(
            "notebook-unreadable", f"{name} is no notebook of format 4", "save it with a current Jupyter"
        ) from error
    if cleaned == notebook:
        return content
    return (json.dumps(cleaned, ensure_ascii=False, indent=1) + "\n").encode()


def _cleaned(cell: dict[str, Any]) -> dict[str, Any]:
    cell = {**cell, "metadata": _without(cell.get("metadata", {}), _TRACES)}
    return cell | {"outputs": [], "execution_count": None} if cell["cell_type"] == "code" else cell


def _without(metadata: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in metadata.items() if name not in names}
