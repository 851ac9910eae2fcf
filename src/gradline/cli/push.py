"""Push: versions and models to an MLflow tracking server."""

import os
from collections.abc import Sequence
from typing import Annotated

from gradline.cli.options import AsJson, argument, flag, frozen
from gradline.cli.terminal import out, out_json
from gradline.core.text import one_line


@frozen
class PushOptions:
    """What to log, and where."""

    versions: Annotated[Sequence[str], argument("v3, a tag or latest; or the file of a model.")]
    to: Annotated[str | None, flag("Address of the tracking server. Default: MLFLOW_TRACKING_URI.")] = None
    experiment: Annotated[str | None, flag("Its name. Default: MLFLOW_EXPERIMENT_NAME, or gradline.")] = None
    as_json: AsJson = False


def push(options: PushOptions) -> None:
    """Log versions to an MLflow tracking server: parameters, metrics, history, files and the model.

    What was pushed before is not pushed again. The server needs MLflow 3.

    Examples:

      gradline push latest --to http://127.0.0.1:5000

      gradline push crops.safetensors --to http://127.0.0.1:5000 --experiment crops
    """
    # A push speaks to the server that was named and to no other, and stdout is ours.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    from gradline.mlflow import push  # noqa: PLC0415 - MLflow takes seconds to load

    pushed = push(*options.versions, to=options.to, experiment=options.experiment)
    if options.as_json:
        out_json({"runs": [run._asdict() for run in pushed]})
        return
    for run in pushed:
        before = "" if run.is_new else ", pushed before"
        out(one_line(f"{run.name}: run {run.run_id} of {run.experiment}{before}"))
        if run.url:
            out(one_line(f"  {run.url}"))
