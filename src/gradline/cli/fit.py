"""Fit: `gradline fit` trains a model, proves it and saves it."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from gradline.cli.terminal import Progress, guarded, out, out_json, say, tell_notices

PANEL = "Fit"


def register(app: typer.Typer) -> None:
    """Add this panel's commands."""
    app.command(rich_help_panel=PANEL)(guarded(fit))


def fit(
    data: Annotated[
        str | None,
        typer.Argument(help="File, glob, folder, - for CSV on stdin, or example:crops.", show_default=False),
    ] = None,
    target: Annotated[
        list[str] | None, typer.Option("-t", "--target", help="Column to predict; may be repeated.")
    ] = None,
    feature: Annotated[
        list[str] | None, typer.Option("-f", "--feature", help="Column to predict from. Default: all others.")
    ] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Column to leave out.")] = None,
    solver: Annotated[str | None, typer.Option(help="auto, exact, gd or sgd. Default: auto.")] = None,
    lr: Annotated[str | None, typer.Option(help="Learning rate, as in torch.optim.SGD, or auto.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the rows. Default: gd 100, sgd 20.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Rows per update; chooses sgd.")] = None,
    momentum: Annotated[float | None, typer.Option(help="0 to 1, PyTorch's.")] = None,
    shuffle: Annotated[
        bool | None,
        typer.Option("--shuffle/--no-shuffle", help="A new order each epoch (sgd).", show_default=False),
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option(help="Columns to train on: none or standard. Default: standard where lr is auto."),
    ] = None,
    init: Annotated[
        str | None, typer.Option(help="zeros, normal, uniform, linear, or the file of a model to go on from.")
    ] = None,
    bias: Annotated[
        bool | None, typer.Option("--bias/--no-bias", help="Whether the model has one.", show_default=False)
    ] = None,
    weights: Annotated[str | None, typer.Option(help="Column of row weights.")] = None,
    holdout: Annotated[
        float | None, typer.Option(help="Share of rows to keep out and evaluate, such as 0.2.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of shuffling, random starts and the holdout. Default: 0.")
    ] = None,
    missing: Annotated[
        str | None, typer.Option(help="Rows with missing cells: error or drop. Default: error.")
    ] = None,
    digits: Annotated[
        float | None, typer.Option(help="Digits for the exact solver to keep. Default: 12.")
    ] = None,
    log_every: Annotated[int | None, typer.Option(help="Print the loss every so many epochs.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file with these options; flags win over it.")
    ] = None,
    force: Annotated[
        bool | None, typer.Option("--force", help="Train even above the largest stable rate.")
    ] = None,
    require_certified: Annotated[
        bool | None, typer.Option("--require-certified", help="Exit 3 unless certified.")
    ] = None,
    output: Annotated[str | None, typer.Option("-o", "--output", help="Where to save the model.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Fit a linear model to a table, and prove the answer.

    Examples:

      gradline fit example:crops -t apples -t oranges

      gradline fit example:crops -t apples -t oranges --lr 1e-5 --epochs 100 --log-every 10

      gradline fit flights.csv -t arr_delay -f dep_delay -f carrier --missing drop -o delay.safetensors
    """
    from gradline.cli.options import FitOptions  # noqa: PLC0415 - --help needs no numpy

    flags = {
        "data": data, "targets": target, "features": feature, "exclude": exclude, "solver": solver, "lr": lr,
        "epochs": epochs, "batch_size": batch_size, "momentum": momentum, "shuffle": shuffle, "scale": scale,
        "init": init, "bias": bias, "weights": weights, "holdout": holdout, "seed": seed, "missing": missing,
        "digits": digits, "force": force, "log_every": log_every, "require_certified": require_certified,
        "output": output,
    }  # fmt: skip
    options = FitOptions.merged(flags, config)
    if not options.targets:
        _list_columns(options.data)
    _finish(_run(options), options, as_json)


def _run(options: Any) -> Any:
    from gradline.fitting import run  # noqa: PLC0415 - --help needs no numpy

    progress = Progress(options.log_every)
    try:
        return run(
            options.data,
            options.targets,
            options.request,
            [progress],
            lambda block: progress.on_rows(len(block.X)),
        )
    finally:
        progress.clear()


def _finish(model: Any, options: Any, as_json: bool) -> None:
    """Save the model unless it failed, print it, and set the exit code."""
    tell_notices(model.notices)
    status = model.certificate.status
    failed = status == "diverged" or (options.require_certified and status != "certified")
    saved = options.output if not failed or options.request.force else None
    if saved:
        model.save(saved)
    if as_json:
        out_json(report(model, saved))
    else:
        out(model.summary())
        if status in ("stopped", "diverged"):
            out(f"To the optimum at once: {_exact_command(options)}")
    if saved:
        say(f"saved: {saved}")
    elif failed and options.output:
        say(f"not saved: the fit is {status}")
    elif not as_json:
        say(f"not saved: add -o {Path(options.data.split(':')[-1]).stem or 'model'}.safetensors")
    if failed:
        raise typer.Exit(3)


def _list_columns(data: str) -> None:
    """Say what could be a target, and refuse."""
    from gradline.data import open_table  # noqa: PLC0415 - --help needs no numpy
    from gradline.errors import UsageError  # noqa: PLC0415

    source = open_table(data)
    columns = "\n".join(
        f"  {name}  {column.kind}{f' ({column.note})' if column.note else ''}"
        for name, column in source.schema().items()
    )
    raise UsageError(
        f"no target is named; {source.name} has these columns:\n{columns}", "name one or more with -t COLUMN"
    )


def _exact_command(options: Any) -> str:
    """The command that fits the same columns exactly."""
    request = options.request
    words = ["gradline", "fit", options.data]
    for flag, names in (
        ("-t", options.targets),
        ("-f", request.features or []),
        ("--exclude", request.exclude),
    ):
        words += [word for name in names for word in (flag, name)]
    if request.weights:
        words += ["--weights", request.weights]
    if request.missing != "error":
        words += ["--missing", request.missing]
    if not request.bias:
        words.append("--no-bias")
    return shlex.join(words)


def report(model: Any, saved: Path | None) -> dict[str, Any]:
    """The model as the JSON of design section 7."""
    from gradline.certificate import finite  # noqa: PLC0415 - --help needs no numpy

    settings, training = model.settings, model.training
    return finite(
        {
            "targets": list(model.targets),
            "features": list(model.features),
            "weight": model.weight.tolist(),
            "bias": model.bias.tolist(),
            "rows": model.moments.rows,
            "dropped": model.moments.tally.dropped,
            "loss": training.loss,
            "rmse": training.rmse,
            "r2": training.r2,
            "solver": model.solver,
            "lr": settings.get("lr"),
            "epochs": model.certificate.epochs,
            "batch_size": settings.get("batch_size"),
            "momentum": settings.get("momentum"),
            "scale": model.scale,
            "seconds": model.seconds,
            "objective": model.objective,
            "certificate": model.certificate.card(),
            "history": [
                {"epoch": r.epoch, "loss": r.loss} | ({} if r.holdout is None else {"holdout": r.holdout})
                for r in model.history
            ],
            "holdout": None if model.holdout is None else model.holdout._asdict(),
            "model": None if saved is None else str(saved),
            "notices": [notice.text for notice in model.notices],
        }
    )
