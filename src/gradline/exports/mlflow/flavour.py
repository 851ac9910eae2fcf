"""The gradline flavour of MLflow: a model's file in a folder that `mlflow.pyfunc` and `mlflow models serve` open."""

import platform
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow import artifacts, pyfunc
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.models.model import ModelInfo
from mlflow.models.utils import _save_example  # what every flavour saves its example with
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

from gradline.core.errors import FileError, GradlineError, RequestError
from gradline.core.text import listed
from gradline.data.schema import Kind
from gradline.model.model import LinearModel, load

FLAVOUR = "gradline"
_DATA = "model.safetensors"
_TYPES = {Kind.TEXT: "string", Kind.TIME: "datetime"}  # numbers are double
_PYTHON_ENVIRONMENT = "python: {python}\nbuild_dependencies:\n- pip\ndependencies:\n- -r requirements.txt\n"
_CONDA = "name: gradline\nchannels:\n- conda-forge\ndependencies:\n- python={python}\n- pip\n- pip:\n{pip}\n"


def save_model(
    model: LinearModel,
    path: str | Path,
    *,
    input_example: Any = None,
    pip_requirements: Sequence[str] | None = None,
    mlflow_model: Model | None = None,
) -> None:
    """Write a model as a folder in MLflow's format.

    Parameters:
    - `model`: the model; its columns become the signature, numbers as double and categories as string.
    - `path`: a folder that does not exist yet, or is empty.
    - `input_example`: rows by column name, such as a pandas frame, that MLflow shows and tries; None (default) for
      none, since it would put rows of data beside a model that holds none.
    - `pip_requirements`: what serving it needs; None (default) is this version of gradline alone.
    - `mlflow_model`: the entry that MLflow made for it; `log_model` gives it.

    Raises `FileError` where the folder holds something or cannot be made.

    >>> import gradline
    >>> from gradline import mlflow
    >>> model = gradline.fit("example:crops", ["apples", "oranges"])
    >>> mlflow.save_model(model, "crops")
    """
    folder, entry = Path(path), Model() if mlflow_model is None else mlflow_model
    _make(folder)
    entry.signature = signature(model)
    _save_example(entry, input_example, str(folder))
    model.save(folder / _DATA)
    environments = {"conda_env": "conda.yaml", "python_env": "python_env.yaml"}
    pyfunc.add_to_model(entry, loader_module="gradline.mlflow", data=_DATA, **environments)
    entry.add_flavor(FLAVOUR, data=_DATA, gradline_version=version("gradline"))
    entry.model_size_bytes = (folder / _DATA).stat().st_size
    entry.save(str(folder / "MLmodel"))
    _write_environment(folder, pip_requirements or ["gradline[mlflow]==" + version("gradline")])


def log_model(model: LinearModel, name: str = "model", **saving: Any) -> ModelInfo:
    """Log a model to the active run of MLflow, or to a new one, and return what MLflow says of it.

    Parameters: `name` of the model on the server; `saving`: `input_example` and `pip_requirements` as in `save_model`,
    and what `mlflow.models.Model.log` takes, such as `registered_model_name`, `tags` or `step`.
    """
    this = sys.modules[__name__]  # MLflow wants the module with `save_model` in it
    return Model.log(artifact_path=None, name=name, flavor=this, model=model, **saving)


def load_model(model_uri: str, dst_path: str | None = None) -> LinearModel:
    """The `LinearModel` that was saved or logged: certificate, moments and all.

    Parameters: `model_uri`, a folder or an address such as `models:/crops/1` or `runs:/RUN/model`; `dst_path`, a folder
    to download to (default: a temporary one). Raises `RequestError` for a model of another flavour.

    >>> import gradline
    >>> from gradline import mlflow
    >>> model = gradline.fit("example:crops", ["apples", "oranges"])
    >>> mlflow.save_model(model, "crops")
    >>> bool((mlflow.load_model("crops").weight == model.weight).all())
    True
    """
    folder = Path(artifacts.download_artifacts(artifact_uri=model_uri, dst_path=dst_path))
    flavours = Model.load(str(folder)).flavors
    if FLAVOUR not in flavours:
        raise RequestError(
            "model-foreign",
            f"{model_uri} is no model of gradline's; its flavours are {listed(flavours)}",
            "open it with mlflow.pyfunc.load_model",
        )
    return load(folder / _DATA)


def columns(model: LinearModel) -> Schema:
    """The columns of a table that the model predicts from, by name and type."""
    return Schema([ColSpec(_TYPES.get(kind, "double"), name) for name, kind in model.design.inputs.items()])


def signature(model: LinearModel) -> ModelSignature:
    """The columns by name and type, the targets as double, and `missing` and `unseen` of `LinearModel.predict`."""
    return ModelSignature(
        inputs=columns(model),
        outputs=Schema([ColSpec("double", target) for target in model.targets]),
        params=ParamSchema([ParamSpec(name, "string", "error") for name in ("missing", "unseen")]),
    )


class _Predictor:
    """What `mlflow.pyfunc` calls: a frame by column name in, a frame of targets out."""

    def __init__(self, model: LinearModel) -> None:
        self._model = model

    def predict(self, frame: pd.DataFrame, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        try:
            values = self._model.predict(frame, **(params or {}))
        except GradlineError as error:  # only of MLflow's own does a server tell the words
            raise MlflowException.invalid_parameter_value(str(error)) from error
        return pd.DataFrame(values, columns=list(self._model.targets), index=frame.index)


def _load_pyfunc(path: str) -> _Predictor:
    """Open the model's file for `mlflow.pyfunc.load_model`."""
    return _Predictor(load(path))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = any(folder.iterdir())
    except OSError as error:
        raise FileError(
            "file-unwritable", f"cannot write {folder}: {error.strerror or error}", "choose another folder"
        ) from error
    if taken:
        raise FileError(
            "output-exists", f"{folder} exists and is not empty", "choose another folder, or remove it first"
        )


def _write_environment(folder: Path, requirements: Sequence[str]) -> None:
    """The three files from which MLflow makes an environment for a model."""
    python = platform.python_version()
    pip = "\n".join(f"  - {requirement}" for requirement in requirements)
    (folder / "requirements.txt").write_text("\n".join([*requirements, ""]))
    (folder / "python_env.yaml").write_text(_PYTHON_ENVIRONMENT.format(python=python))
    (folder / "conda.yaml").write_text(_CONDA.format(python=python, pip=pip))
