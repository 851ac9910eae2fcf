"""Push: entries become runs on an MLflow tracking server, each once."""

import http.client
import json
import os
import ssl
import textwrap
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple

from mlflow import MlflowClient
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelOutput,
    LoggedModelStatus,
    Metric,
    Param,
    Run,
    RunTag,
)
from mlflow.exceptions import MlflowException
from mlflow.models import Model

from gradline.core.cleanup import scratch_folder
from gradline.core.errors import RequestError, UsageError
from gradline.exports.mlflow.entries import IDENTITY, Entry, entries
from gradline.exports.mlflow.flavour import columns, save_model
from gradline.model.model import LinearModel

_SHOWN = 400  # characters of what a server says, which may be a whole page


class Pushed(NamedTuple):
    """A run on the server: `is_new` unless an earlier push made it; `url` of its page, None for a store of files."""

    name: str
    run_id: str
    experiment: str
    is_new: bool
    url: str | None


def push(*words: str | Path, to: str | None = None, experiment: str | None = None) -> list[Pushed]:
    """Log versions of the store, or files of models, to an MLflow tracking server: a run for each model.

    Parameters:
    - `words`: v3, a tag, latest or latest~1; or a path.
    - `to`: the server's address, such as http://127.0.0.1:5000; None (default) is that in MLFLOW_TRACKING_URI.
    - `experiment`: a name, made where it is new; None (default) is that in MLFLOW_EXPERIMENT_NAME, or gradline.

    What was pushed before is found again by its identity, and only its tags are renewed, for notes may have come later.
    Raises `UsageError` for no address; `RequestError` where there is no such version, no server answers, or the
    server refuses.
    """
    address = _address(to)
    name = experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or "gradline"
    gathered = [entry for word in words for entry in entries(word)]
    _expect_answer(address)
    try:
        experiment_id = _experiment(client := MlflowClient(address), name)
        runs = [_run(client, experiment_id, entry) for entry in gathered]
    except MlflowException as error:
        raise RequestError(
            "server-refused",
            f"the tracking server at {address} refused: {textwrap.shorten(error.message, _SHOWN)}",
            "mend that, and push again",
        ) from error
    pages = f"{address.rstrip('/')}/#/experiments/{experiment_id}/runs/" if _is_web(address) else None
    return [
        Pushed(entry.name, run, name, new, pages and pages + run)
        for entry, (run, new) in zip(gathered, runs, strict=True)
    ]


def _address(to: str | None) -> str:
    address = to or os.environ.get("MLFLOW_TRACKING_URI")
    if not address:
        raise UsageError(
            "no-server-named", "no tracking server is named", "give --to ADDRESS, or set MLFLOW_TRACKING_URI"
        )
    if "://" not in address and not address.startswith("databricks"):
        raise UsageError(
            "server-address-invalid",
            f"{address} is no address of a server",
            f"begin it with its scheme: http://{address}",
        )
    return address


def _is_web(address: str) -> bool:
    return address.startswith(("http://", "https://"))


def _expect_answer(address: str) -> None:
    """Refuse at once where nothing answers: MLflow itself would try for minutes."""
    if not _is_web(address):
        return
    try:
        urllib.request.urlopen(f"{address.rstrip('/')}/health", timeout=10).close()
    except urllib.error.HTTPError as error:  # it answers; whether it lets us in, MLflow will see
        error.close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        why = getattr(error, "reason", error)
        if isinstance(why, ssl.SSLError):  # MLflow has settings of its own for certificates
            return
        raise RequestError(
            "server-not-answering",
            f"no tracking server answers at {address}: {why}",
            "start it (mlflow server), or name another with --to",
        ) from error


def _experiment(client: MlflowClient, name: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is None:
        return client.create_experiment(name)
    if found.lifecycle_stage != "active":
        raise RequestError(
            "experiment-deleted",
            f"the experiment {name} was deleted",
            "restore it (mlflow experiments restore), or give --experiment NAME",
        )
    return found.experiment_id


def _run(client: MlflowClient, experiment_id: str, entry: Entry) -> tuple[str, bool]:
    """The run of an entry, and whether it is new. What an interrupted push left half done is made anew."""
    for run in client.search_runs([experiment_id], f"tags.`{IDENTITY}` = '{entry.identity}'"):
        if run.info.status == "FINISHED":
            client.log_batch(run.info.run_id, tags=[RunTag(*tag) for tag in entry.tags.items()])
            return run.info.run_id, False
        for output in run.outputs.model_outputs if run.outputs else []:
            client.delete_logged_model(output.model_id)
        client.delete_run(run.info.run_id)
    run = client.create_run(experiment_id, start_time=entry.when, tags=dict(entry.tags), run_name=entry.name)
    _log(client, run, entry)
    client.set_terminated(run.info.run_id, "FINISHED", end_time=entry.when)
    return run.info.run_id, True


def _log(client: MlflowClient, run: Run, entry: Entry) -> None:
    run_id = run.info.run_id
    last = max((point.step for point in entry.points), default=0)
    model_id = None if entry.model is None else _log_model(client, run, entry, entry.model, last)
    if entry.model is not None:
        client.log_inputs(run_id, [_data_set(entry.model)])
    metrics = [
        Metric(point.name, point.value, entry.when, point.step, model_id if point.step == last else None)
        for point in entry.points
    ]
    # The client sends them in parts of at most 1,000 metrics and 100 parameters, which is what a server takes.
    client.log_batch(run_id, metrics=metrics, params=[Param(*param) for param in entry.params.items()])
    with scratch_folder() as folder:
        for path, content in entry.files.items():
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        client.log_artifacts(run_id, str(folder))


def _log_model(client: MlflowClient, run: Run, entry: Entry, model: LinearModel, step: int) -> str:
    """Log the model as one that the run made.

    As `log_model` does, which however speaks to the server of the whole process, and to its active run.
    """
    run_id = run.info.run_id
    logged = client.create_logged_model(
        run.info.experiment_id, name="model", source_run_id=run_id, params=dict(entry.params)
    )
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step)])
    about = Model(
        artifact_path=logged.artifact_location,
        run_id=run_id,
        model_uuid=logged.model_id,
        model_id=logged.model_id,
    )
    with scratch_folder() as folder:
        save_model(model, str(folder), mlflow_model=about)
        client.log_model_artifacts(logged.model_id, str(folder))
    client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
    return logged.model_id


def _data_set(model: LinearModel) -> DatasetInput:
    """The training rows by name, fingerprint, columns and number; not one of them goes along."""
    data = str(model.config.get("data") or "rows")
    data_set = Dataset(
        name=Path(data).name or data,
        digest=model.moments.statistics.mark or "unknown",
        source_type="local",
        source=json.dumps({"uri": data}),
        schema=json.dumps({"mlflow_colspec": columns(model).to_dict()}),
        profile=json.dumps({"num_rows": model.moments.rows}),
    )
    return DatasetInput(data_set, [InputTag("mlflow.data.context", "training")])
