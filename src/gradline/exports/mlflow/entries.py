"""What MLflow shall know of a version or of a model's file: one entry for each run, as plain values."""

import hashlib
import json
import math
import re
from collections.abc import Mapping
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
_FIGURES = ("optimal_loss", "gap", "digits", "dropped", "epochs")  # of `described`, one number each
_CHOICES = ("targets", "features", "solver", "scale", "objective", "bias")
_OURS = ("log_every", "log", "output", "require_certified", "force")  # options that change no number


class MetricPoint(NamedTuple):
    """One value of a metric, at an epoch."""

    name: str
    value: float
    step: int


@dataclass(frozen=True)
class Entry:
    """One run to be.

    - `name` of the run; `identity`: the same for the same content, and for no other; `when`: milliseconds since 1970.
    - `about`: further tags; `files`: path → content, to be kept as artifacts.
    - `known` of the model, and itself; nothing and None in a version without one. `noted` by `log_metrics` and its kin.
    """

    name: str
    identity: str
    when: int
    about: Mapping[str, Any]
    files: Mapping[str, bytes]
    known: Mapping[str, Any]
    model: LinearModel | None
    noted: Mapping[str, Any]

    @property
    def tags(self) -> dict[str, str]:
        """The tags of the run."""
        own = {IDENTITY: self.identity, "gradline.status": self.known.get("status")}
        return _texts({**own, **self.about}, _LONGEST_TAG)

    @property
    def params(self) -> dict[str, str]:
        """What was noted as words, and what was chosen: options and settings.

        Where both name one, the setting, which is what the solver used.
        """
        known, params = (
            self.known,
            {key: value for key, value in self.noted.items() if not _is_metric(key, value)},
        )
        if known:
            params |= {name: value for name, value in known["config"].items() if name not in _OURS}
            params |= {**known["settings"], **{name: known[name] for name in _CHOICES}}
        return _texts(params, _LONGEST_PARAM)

    @property
    def points(self) -> list[MetricPoint]:
        """What was noted as numbers; the history; the figures of the finished model at its last epoch."""
        series = [(key, 0, value) for key, value in self.noted.items() if _is_metric(key, value)]
        if self.model is not None:
            series += [("loss", record.epoch, record.loss) for record in self.model.history]
            series += [("holdout_loss", record.epoch, record.holdout) for record in self.model.history]
            last = max((record.epoch for record in self.model.history), default=0)
            seen = {name for name, _, value in series if value is not None}
            figures = _figures(self.known, self.model).items()
            series += [(name, last, value) for name, value in figures if name not in seen]
        return [MetricPoint(name, float(value), step) for name, step, value in series if _is_known(value)]


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
    return Entry(
        name=path.name,
        identity=hashlib.sha256(content).hexdigest(),
        when=int(written * 1000),
        about={"gradline.model": path.name},
        files={f"files/{path.name}": content},
        known=described(model, moments=True),
        model=model,
        noted={},
    )


def _of_version(store: Store, version: Version, path: str | None, files: Mapping[str, bytes]) -> Entry:
    """The entry of a version's model `path`, or of one that holds no model."""
    record = json.dumps([version.record(), version.number, path], sort_keys=True)
    return Entry(
        name=f"{version.name} {path}" if len(version.models) > 1 else version.name,
        identity=hashlib.sha256(record.encode()).hexdigest(),
        when=int(datetime.fromisoformat(version.when).timestamp() * 1000),
        about={"gradline.model": path} | _version_tags(version),
        files=files,
        known={} if path is None else version.models[path],
        model=None if path is None else model_of(store, version, path),
        noted={
            f"{kind}.{key}": value
            for kind in ("dataset", "hyperparams", "metrics")
            for key, value in _keyed(version.logged.get(kind, {})).items()
        },
    )


def _version_tags(version: Version) -> dict[str, Any]:
    """What is said of a version; those in MLflow's own words are shown at the head of a run."""
    code = version.code or {}
    return {
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


def _figures(known: Mapping[str, Any], model: LinearModel) -> dict[str, Any]:
    """The figures of a finished model; those of several targets as rmse/apples and rmse/oranges, drawn side by side."""
    figures = {name: known[name] for name in _FIGURES}
    figures |= {"lr_limit": model.certificate.lr_limit, "condition": model.certificate.condition}
    for prefix, source in (("", known), ("holdout_", known["holdout"] or {})):
        for name in ("rmse", "r2") if source else ():
            values = _keyed(dict(zip(model.targets, source[name], strict=True)))
            several = len(values) > 1
            figures |= {
                f"{prefix}{name}/{key}" if several else f"{prefix}{name}": values[key] for key in values
            }
        figures |= {f"{prefix}{name}": source[name] for name in ("loss", "rows") if source}
    return figures


def _is_metric(key: str, value: Any) -> bool:
    return key.startswith("metrics.") and _is_known(value)


def _is_known(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _keyed(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values by names in the letters that MLflow allows, numbered where two would be the same."""
    keys = [re.sub(r"[^\w.\- ]", "_", name).strip(". ")[:_LONGEST_KEY] or "_" for name in values]
    if len(set(keys)) < len(keys):
        keys = [f"{i} {key}" for i, key in enumerate(keys, 1)]
    return dict(zip(keys, values.values(), strict=True))


def _texts(values: Mapping[str, Any], longest: int) -> dict[str, str]:
    """Those that say something, as text that is no longer than MLflow takes."""
    said = {}
    for name, value in values.items():
        if value not in (None, ""):
            text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
            said[name] = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return said


def _inside(path: str) -> str:
    """The path without the steps that would lead out of a folder."""
    return "/".join(part for part in path.split("/") if part not in ("", ".", ".."))
