"""Models in the store: what is known of one without opening it, and how it comes back."""

import json
from pathlib import Path
from typing import Any

from gradline.core.cleanup import scratch_folder
from gradline.core.coefficients import Coefficients
from gradline.core.errors import FileError, RequestError
from gradline.core.tensor_file import CARD, expect_shapes, read_tensors, write_tensors
from gradline.core.text import listed
from gradline.history.store import NAME, Store
from gradline.history.version import Version
from gradline.model.certificate import finite
from gradline.model.model import LinearModel, load

_LONGEST_NAME = 60  # characters, at most 240 bytes, which every file system takes


def described(model: LinearModel, moments: bool) -> dict[str, Any]:
    """What `log`, `diff` and `push` need of a model without opening its file, as plain JSON.

    `moments` says whether the file keeps them. `rmse` and `r2` are lists, one figure for each target.
    """
    training, certificate = model.training, model.certificate
    return finite(
        {
            "targets": list(model.targets),
            "features": list(model.features),
            "bias": model.has_bias,
            "solver": model.solver,
            "settings": dict(model.settings),
            "lr": model.settings.get("lr"),
            "epochs": certificate.epochs,
            "batch_size": model.settings.get("batch_size"),
            "momentum": model.settings.get("momentum"),
            "scale": model.scale,
            "objective": model.objective,
            "status": certificate.status,
            "loss": training.loss,
            "optimal_loss": certificate.optimal_loss,
            "gap": certificate.gap,
            "digits": certificate.digits,
            "rmse": training.rmse,
            "r2": training.r2,
            "rows": model.moments.rows,
            "dropped": model.moments.statistics.dropped,
            "holdout": None if model.holdout is None else model.holdout._asdict(),
            "fingerprint": model.moments.statistics.mark,
            "config": dict(model.config),
            "moments": moments,
            **({} if certificate.penalty is None else {"penalty": certificate.penalty}),
        }
    )


def is_model(content: bytes) -> bool:
    """Whether the bytes are a file that holds a gradline model: a header of safetensors with the card of one."""
    try:
        length = int.from_bytes(content[:8], "little")
        return json.loads(json.loads(content[8 : 8 + length])["__metadata__"][CARD])["kind"] == "model"
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def opened(content: bytes, name: str) -> LinearModel:
    """The model that a file of that name holds."""
    with scratch_folder() as folder:
        path = Path(folder) / name[-_LONGEST_NAME:]  # messages speak of it
        path.write_bytes(content)
        return load(path)


def saved(model: LinearModel, moments: bool) -> bytes:
    """The model's file as bytes: as `save` writes it, or without its moments and what follows from them alone."""
    with scratch_folder() as folder:
        path = Path(folder) / "model.safetensors"
        model.save(path)
        if not moments:
            tensors, card = read_tensors(path, "model")
            kept = {name: tensors[name] for name in ("weight", "bias")}
            write_tensors(path, kept, card)
        return path.read_bytes()


def model_of(store: Store, version: Version, path: str | None = None) -> LinearModel:
    """A version's model, its moments inside.

    Parameters: `path` as in `version.models`; needed only where there are several. Raises `RequestError` where there
    is no such model, or it was committed without moments.

    >>> import gradline
    >>> from gradline import history
    >>> model = gradline.fit("example:crops", ["apples", "oranges"])
    >>> version = gradline.commit("least squares", model=model, notebook=None)
    >>> kept = history.model_of(history.Store.find(), version)
    >>> bool((kept.weight == model.weight).all()), kept.moments.rows
    (True, 15)
    """
    path = _chosen(version, path)
    if not version.models[path]["moments"]:
        raise RequestError(
            "moments-not-kept",
            f"{version.name} keeps {path} without its moments",
            "commit it again without --no-moments",
        )
    model, facts = opened(store.get(version.files[path]), Path(path).name), version.models[path]
    if (list(model.targets), list(model.features)) != (facts["targets"], facts["features"]):
        raise FileError(
            "store-record-unreadable",
            f"the record of {version.name} tells of other columns than {path} has",
            f"copy {NAME}/versions again from where this store came from",
        )
    return model


def coefficients_of(store: Store, version: Version, path: str | None = None) -> Coefficients:
    """The coefficients of a version's model, weight (m, p) and bias (m,) or None, also without its moments.

    Parameters and errors as in `model_of`.

    >>> import gradline
    >>> from gradline import history
    >>> model = gradline.fit("example:crops", ["apples", "oranges"])
    >>> version = gradline.commit("least squares", model=model, notebook=None, moments=False)
    >>> history.coefficients_of(history.Store.find(), version).bias.round(2).tolist()
    [2.21, -5.04]
    """
    path = _chosen(version, path)
    with scratch_folder() as folder:
        file = Path(folder) / Path(path).name[-_LONGEST_NAME:]
        file.write_bytes(store.get(version.files[path]))
        tensors, _ = read_tensors(file, "model")
        facts = version.models[path]
        m, p = len(facts["targets"]), len(facts["features"])
        expect_shapes(file, tensors, {"weight": (m, p), "bias": (m,)})
    return Coefficients(tensors["weight"], tensors["bias"] if facts["bias"] else None)


def _chosen(version: Version, path: str | None) -> str:
    """The path of the model that is meant."""
    models = list(version.models)
    if path is not None and path in models:
        return path
    if path is None and len(models) == 1:
        return models[0]
    if models:
        cause = f"has {len(models)} models" if path is None else f"has no model {path}"
        raise RequestError(
            "version-model-unclear", f"{version.name} {cause}", f"name one of {listed(models)}"
        )
    files = f"its files are {listed(version.files)}" if version.files else "it has no file at all"
    raise RequestError(
        "version-lacks-model", f"{version.name} has no model", f"commit one with the model's file; {files}"
    )
