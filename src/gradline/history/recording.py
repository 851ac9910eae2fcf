"""Commit: files, models, notebook, environment and code become one version."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gradline.core.errors import FileError, RequestError, UsageError
from gradline.history import pending
from gradline.history.code import code_of
from gradline.history.environment import environment
from gradline.history.models import described, is_model, opened, saved
from gradline.history.names import fault_of
from gradline.history.notebook import session, without_outputs
from gradline.history.store import Store, now
from gradline.history.version import Version
from gradline.model.model import LinearModel

_DATA = (
    ".csv", ".tsv", ".parquet", ".arrow", ".feather", ".ndjson", ".jsonl", ".json", ".xlsx", ".xls", ".ods",
    ".arrows", ".xlsm", ".xlsb", ".zip", ".npy", ".npz", ".pkl", ".h5", ".dta", ".sav",
    ".db", ".sqlite", ".sqlite3", ".duckdb",
)  # fmt: skip
_COMPRESSED = (".gz", ".zst", ".bz2", ".xz")

Models = LinearModel | Mapping[str, LinearModel] | None
Files = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


def commit(
    message: str = "",
    files: Files = (),
    model: Models = None,
    notebook: str | os.PathLike[str] | None = "auto",
    *,
    moments: bool = True,
    outputs: bool = False,
    data: bool = False,
) -> Version:
    """Record a version: files and models, the environment, the Git commit, and what `log_metrics` and its kin noted.

    Parameters:
    - `message`: what to remember of it.
    - `files`: one path or several, also of saved models, whose figures the log then shows.
    - `model`: a model that need not be saved, kept as model.safetensors, or several by the name to keep them under.
    - `notebook`: "auto" (default) is the running notebook or script, if any; a path, or None for none.
    - `moments`: whether models keep theirs, from which a diff explains what moved the coefficients (default: yes).
    - `outputs`: whether notebooks keep their outputs, which may show rows and secrets (default: no).
    - `data`: whether files of data may be kept; a model's fingerprint tells data apart without them (default: no).

    Returns the version. Raises `RequestError` where there is nothing to record or the running notebook cannot be
    found, `UsageError` for a file of data, a folder or what is no model, `FileError` where one cannot be read or
    written.

    >>> import gradline
    >>> model = gradline.fit("example:crops", ["apples", "oranges"])
    >>> version = gradline.commit("least squares", model=model, notebook=None)
    >>> version.name, version.message, list(version.models)
    ('v1', 'least squares', ['model.safetensors'])
    """
    store = Store.make()
    kept = _Kept(store.project, moments, outputs, data)
    for path in [files] if isinstance(files, (str, os.PathLike)) else files:
        kept.take(Path(path))
    for name, one in _by_name(model).items():
        kept.take_model(Path(name), one)
    running = session() if notebook == "auto" else notebook
    own = None if running is None else kept.take(Path(running))
    noted = pending.noted()
    if not kept.files and noted.keys() <= {"project"}:
        raise RequestError(
            "nothing-to-record", "there is nothing to record", "name files, or give a model or a notebook"
        )
    version = _version(message, kept, own, noted, store)
    recorded = store.record(version, kept.contents)
    pending.reset()
    return recorded


def _by_name(model: Models) -> Mapping[str, LinearModel]:
    models = model if isinstance(model, Mapping) else {} if model is None else {"model.safetensors": model}
    for one in models.values():
        if not isinstance(one, LinearModel):
            raise UsageError(
                "not-a-model",
                f"model is a {type(one).__name__}, and no gradline model",
                "give what gradline.fit or gradline.LinearModel.from_torch returned; a model's file belongs to files",
            )
    return models


def _version(message: str, kept: "_Kept", own: str | None, noted: dict[str, Any], store: Store) -> Version:
    facts, requirements = environment()
    return Version(
        number=0,  # the store gives it
        when=now(),
        message=message,
        files=kept.files,
        models=kept.models,
        environment={**facts, "requirements": kept.digest(requirements.encode())},
        code=code_of(store.project, {store.project / name for name in kept.files}, store.folder),
        notebook=own if own and own.endswith(".ipynb") else None,
        logged=noted,
    )


@dataclass
class _Kept:
    """What a version will hold, gathered in memory, so that nothing is written before all is known to be there."""

    project: Path
    moments: bool
    outputs: bool
    data: bool
    files: dict[str, str] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)

    def take(self, path: Path) -> str:
        """Take a file as it is, but a notebook or a model as asked; returns the name it is kept under."""
        if not self.data and _is_data(path):
            raise UsageError(
                "data-file-not-kept",
                f"{path} is a file of data, and a version records what was learned from data, not their rows",
                "leave it out, since a model's fingerprint tells its data apart, or add --data (data=True in Python)",
            )
        content = _read(path)
        if is_model(content):
            model = opened(content, path.name)
            return self._keep_model(path, model, content if self.moments else saved(model, moments=False))
        if path.suffix == ".ipynb" and not self.outputs:
            content = without_outputs(content, path.name)
        return self._keep(path, content)

    def take_model(self, path: Path, model: LinearModel) -> str:
        """Take a model under the name of a file, which need not exist."""
        return self._keep_model(path, model, saved(model, self.moments))

    def digest(self, content: bytes) -> str:
        """The digest of a content, which is kept."""
        digest = hashlib.sha256(content).hexdigest()
        self.contents[digest] = content
        return digest

    def _keep_model(self, path: Path, model: LinearModel, content: bytes) -> str:
        name = self._keep(path, content)
        self.models[name] = described(model, self.moments)
        return name

    def _keep(self, path: Path, content: bytes) -> str:
        name, digest = self._name(path), self.digest(content)
        fault = fault_of(name)
        if fault is not None:
            raise UsageError("kept-name-reserved", f"{name} {fault}", "keep it under another name")
        if self.files.setdefault(name, digest) != digest:
            raise UsageError("kept-name-twice", f"two files would be kept as {name}", "rename one of them")
        return name

    def _name(self, path: Path) -> str:
        """The path as recorded: relative to the project, or the bare name of a file that lies elsewhere."""
        for absolute in (os.path.abspath(path), os.path.realpath(path)):
            if Path(absolute).is_relative_to(self.project):
                return Path(absolute).relative_to(self.project).as_posix()
        return path.name


def _is_data(path: Path) -> bool:
    name = path.name.lower()
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    return name.endswith(_DATA)


def _read(path: Path) -> bytes:
    if path.is_dir():
        raise UsageError(
            "folder-not-kept", f"{path} is a folder", "name the files in it that the version should hold"
        )
    if path.exists() and not path.is_file():
        raise FileError(
            "file-not-regular", f"{path} is a device or a pipe, which may never end", "name a file"
        )
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise FileError(
            "file-not-found", f"there is no file {path}", "check the name and the folder"
        ) from error
    except OSError as error:
        raise FileError(
            "file-unreadable", f"cannot read {path}: {error.strerror}", "check its permissions"
        ) from error
