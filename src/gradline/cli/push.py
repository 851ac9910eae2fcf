"""Push: versions and models to an MLflow tracking server."""

import os
from typing import Annotated

import typer

from gradline.cli import flags
from gradline.cli.terminal import guarded, out, out_json

PANEL = "Versions"


def register(app: typer.Typer) -> None:
    """Add this panel's command."""
    app.command(rich_help_panel=PANEL)(guarded(push))


def push(
    versions: Annotated[
        list[str], typer.Argument(help="v3, a tag or latest; or the file of a model.", show_default=False)
    ],
    to: Annotated[
        str | None,
        typer.Option(
            help="Address of the tracking server. Default: MLFLOW_TRACKING_URI.", show_default=False
        ),
    ] = None,
    experiment: Annotated[
        str | None,
        typer.Option(help="Its name. Default: MLFLOW_EXPERIMENT_NAME, or gradline.", show_default=False),
    ] = None,
    as_json: flags.AsJson = False,
) -> None:
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

    pushed = push(*versions, to=to, experiment=experiment)
    if as_json:
        out_json({"runs": [run._asdict() for run in pushed]})
        return
    for run in pushed:
        before = "" if run.is_new else ", pushed before"
        out(f"{run.name}: run {run.run_id} of {run.experiment}{before}")
        if run.url:
            out(f"  {run.url}")
