"""What MLflow shall know of a version or of a model's file: one entry for each run, as plain values."""

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from gradline.core.errors import FileError
from gradline.history.models import described, model_of
from gradline.history.store import Store
from gradline.history.version import Version
from gradline.model.model import LinearModel, load

IDENTITY = "gradline.identity"  # the tag by which a run is found again
_LONGEST_KEY = 200  # MLflow takes 250, and ours go before some
_LONGEST_PARAM = 6000  # characters that MLflow takes
_LONGEST_TAG = 8000
_FIGURES = ("optimal_loss", "gap", "digits", "rows", "dropped", "epochs")  # of `described`, one number each
_CHOICES = ("targets", "features", "solver", "scale", "objective")
_OURS = ("log_every", "output", "require_certified", "force")  # options that change no number


class Point(NamedTuple):
    """One value of a metric, at an epoch."""

    name: str
    value: float
    step: int


@dataclass(frozen=True)
class Entry:
    """One run to be.

    - `name` of the run; `identity`: the same for the same content, and for no other; `when`: milliseconds since 1970.
    - `params`, `tags`: texts by name; `points`: the metrics, those of the history epoch by epoch.
    - `files`: path → content, to be kept as artifacts; `model`: None in a version without one.
    """

    name: str
    identity: str
    when: int
    params: Mapping[str, str]
    points: Sequence[Point]
    tags: Mapping[str, str]
    files: Mapping[str, bytes]
    model: LinearModel | None


def entries(word: str | Path) -> list[Entry]:
    """The entries of a model's file, or of a version of the store, v3, a tag or latest: one for each of its models.

    Raises `FileError` for a file that is no model, `RequestError` for a version that is not there or keeps a model
    without its moments.
    """
    if Path(word).is_file():
        return [_of_file(Path(word))]
    store = Store.find()
    version = store.version(str(word))
    files = {f"files/{_inside(path)}": store.get(digest) for path, digest in version.files.items()}
    files["environment/requirements.txt"] = store.get(version.environment["requirements"])
    return [_of_version(store, version, path, files) for path in version.models or [None]]


def _of_file(path: Path) -> Entry:
    model = load(path)
    try:
        content, written = path.read_bytes(), path.stat().st_mtime
    except OSError as error:
        raise FileError(
            "file-unreadable", f"cannot read {path}: {error.strerror or error}", "check its permissions"
        ) from error
    known = described(model, moments=True)
    identity = hashlib.sha256(content).hexdigest()
    return Entry(
        name=path.name,
        identity=identity,
        when=int(written * 1000),
        params=_params(known),
        points=_points(known, model),
        tags=_texts({IDENTITY: identity, "gradline.status": known["status"], "gradline.model": path.name}),
        files={f"files/{path.name}": content},
        model=model,
    )


def _of_version(store: Store, version: Version, path: str | None, files: Mapping[str, bytes]) -> Entry:
    """The entry of a version's model `path`, or of one that holds no model."""
    known = {} if path is None else version.models[path]
    model = None if path is None else model_of(store, version, path)
    record = json.dumps([version.record(), version.number, path], sort_keys=True)
    identity = hashlib.sha256(record.encode()).hexdigest()
    noted = _Noted(version.logged)
    return Entry(
        name=f"{version.name} {path}" if len(version.models) > 1 else version.name,
        identity=identity,
        when=int(datetime.fromisoformat(version.when).timestamp() * 1000),
        params={**noted.params(), **_params(known)},
        points=[*noted.points(), *([] if model is None else _points(known, model))],
        tags=_texts({IDENTITY: identity, "gradline.status": known.get("status"), "gradline.model": path})
        | _version_tags(version),
        files=files,
        model=model,
    )


def _version_tags(version: Version) -> dict[str, str]:
    """What is said of a version; those in MLflow's own words are shown at the head of a run."""
    code = version.code or {}
    return _texts(
        {
            "mlflow.note.content": "\n\n".join(filter(None, [version.message, version.note])),
            "mlflow.source.git.commit": code.get("commit"),
            "mlflow.source.git.branch": code.get("branch"),
            "mlflow.source.name": version.notebook,
            "gradline.clean": json.dumps(code["clean"]) if code else None,
            "gradline.version": version.name,
            "gradline.message": version.message,
            "gradline.tags": ", ".join(version.tags),
            "gradline.project": version.logged.get("project"),
            "gradline.python": version.environment["python"],
            "gradline.platform": version.environment["platform"],
        }
    )


def _params(known: Mapping[str, Any]) -> dict[str, str]:
    """What was chosen: options and settings; where both name one, the setting, which is what the solver used."""
    if not known:
        return {}
    options = {name: value for name, value in known["config"].items() if name not in _OURS}
    chosen = {name: known[name] for name in _CHOICES} | {"bias": known["bias"]}
    return _texts({**options, **known["settings"], **chosen}, _LONGEST_PARAM)


def _points(known: Mapping[str, Any], model: LinearModel) -> list[Point]:
    """The history, and the figures of the finished model at its last epoch; what is no number is left out."""
    series: list[tuple[str, int, Any]] = [("loss", record.epoch, record.loss) for record in model.history]
    series += [("holdout_loss", record.epoch, record.holdout) for record in model.history]
    last = max((record.epoch for record in model.history), default=0)
    figures = {name: known[name] for name in _FIGURES} | _by_target(model.targets, known)
    figures |= {"lr_limit": model.certificate.lr_limit, "condition": model.certificate.condition}
    if not model.history:
        figures["loss"] = known["loss"]
    if known["holdout"] is not None:
        figures |= _by_target(model.targets, known["holdout"], "holdout_")
        figures["holdout_rows"] = known["holdout"]["rows"]
        if not any(record.holdout is not None for record in model.history):
            figures["holdout_loss"] = known["holdout"]["loss"]
    series += [(name, last, value) for name, value in figures.items()]
    return [Point(name, float(value), step) for name, step, value in series if _is_known(value)]


def _by_target(targets: Sequence[str], known: Mapping[str, Any], prefix: str = "") -> dict[str, float | None]:
    """rmse and r2, of several targets as rmse/apples and rmse/oranges, which MLflow draws side by side."""
    keys = [f"/{key}" for key in _keys(targets)] if len(targets) > 1 else [""]
    return {
        f"{prefix}{name}{key}": value
        for name in ("rmse", "r2")
        for key, value in zip(keys, known[name], strict=True)
    }


class _Noted:
    """What `log_dataset`, `log_hyperparams` and `log_metrics` noted, under names of its own."""

    def __init__(self, logged: Mapping[str, Any]) -> None:
        self._values = {
            f"{kind}.{key}": value
            for kind in ("dataset", "hyperparams", "metrics")
            for key, value in zip(_keys(logged.get(kind, {})), logged.get(kind, {}).values(), strict=True)
        }

    def points(self) -> list[Point]:
        return [Point(name, float(value), 0) for name, value in self._values.items() if self._is_metric(name)]

    def params(self) -> dict[str, str]:
        rest = {name: value for name, value in self._values.items() if not self._is_metric(name)}
        return _texts(rest, _LONGEST_PARAM)

    def _is_metric(self, name: str) -> bool:
        return name.startswith("metrics.") and _is_known(self._values[name])


def _is_known(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _keys(names: Iterable[str]) -> list[str]:
    """The names in the letters that MLflow allows, numbered where two would be the same."""
    keys = [re.sub(r"[^\w.\- ]", "_", name).strip(". ")[:_LONGEST_KEY] or "_" for name in names]
    return keys if len(set(keys)) == len(keys) else [f"{i} {key}" for i, key in enumerate(keys, 1)]


def _texts(values: Mapping[str, Any], longest: int = _LONGEST_TAG) -> dict[str, str]:
    """Those that say something, as text that is no longer than MLflow takes."""
    said = {name: _text(value) for name, value in values.items() if value not in (None, "")}
    return {name: text if len(text) <= longest else f"{text[: longest - 1]}…" for name, text in said.items()}


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value)


def _inside(path: str) -> str:
    """The path without the steps that would lead out of a folder."""
    return "/".join(part for part in path.split("/") if part not in ("", ".", ".."))
