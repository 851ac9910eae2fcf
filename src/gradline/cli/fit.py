"""Fit: `gradline fit` trains a model, proves it and saves it."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from gradline.cli import flags
from gradline.cli.terminal import Progress, expect_targets, guarded, out, out_json, say, tell_notices

PANEL = "Fit"


def register(app: typer.Typer) -> None:
    """Add this panel's commands."""
    app.command(rich_help_panel=PANEL)(guarded(fit))


def fit(
    data: flags.Data = None,
    target: flags.Targets = None,
    feature: flags.Features = None,
    exclude: flags.Exclude = None,
    solver: flags.Solver = None,
    lr: flags.Lr = None,
    epochs: flags.Epochs = None,
    batch_size: flags.BatchSize = None,
    momentum: flags.Momentum = None,
    shuffle: flags.Shuffle = None,
    decay: flags.Decay = None,
    dtype: flags.Dtype = None,
    scale: flags.Scale = None,
    init: flags.Init = None,
    bias: flags.Bias = None,
    weights: flags.Weights = None,
    holdout: flags.Holdout = None,
    seed: flags.Seed = None,
    missing: flags.Missing = None,
    digits: flags.Digits = None,
    log_every: flags.LogEvery = None,
    config: flags.Config = None,
    memory: flags.Memory = None,
    force: flags.Force = None,
    require_certified: flags.RequireCertified = None,
    output: flags.Output = None,
    commit: flags.Commit = False,
    message: flags.Message = "",
    as_json: flags.AsJson = False,
) -> None:
    """Fit a linear model to a table, and prove the answer.

    Examples:

      gradline fit example:crops -t apples -t oranges

      gradline fit example:crops -t apples -t oranges --lr 1e-5 --epochs 100 --log-every 10

      gradline fit flights.csv -t arr_delay -f dep_delay -f carrier --missing drop -o delay.safetensors
    """
    from gradline.cli.options import FitOptions  # noqa: PLC0415 - --help needs no numpy
    from gradline.core.tensor_file import expect_writable  # noqa: PLC0415

    given = {
        "data": data, "targets": target, "features": feature, "exclude": exclude, "solver": solver, "lr": lr,
        "epochs": epochs, "batch_size": batch_size, "momentum": momentum, "shuffle": shuffle, "decay": decay,
        "dtype": dtype,
        "scale": scale, "init": init, "bias": bias, "weights": weights, "holdout": holdout, "seed": seed,
        "missing": missing, "digits": digits, "memory": memory, "force": force, "log_every": log_every,
        "require_certified": require_certified, "output": output,
    }  # fmt: skip
    options = FitOptions.merged(given, config)
    expect_targets(options.data, options.targets)
    if options.output:
        expect_writable(options.output)
    record = _recorder(commit, message, config)
    _finish(_run(options), options, record, as_json)


def _recorder(commit: bool, message: str, config: Path | None) -> Callable[[Any, str], str] | None:
    """What records a model under the name of a file and returns the version's name; None if nobody asked."""
    from gradline.core.errors import UsageError  # noqa: PLC0415 - --help needs it not

    if not commit:
        if message:
            raise UsageError(
                "message-without-commit", "-m gives a message, and nothing is to be recorded", "add --commit"
            )
        return None
    from gradline.history.recording import commit as record  # noqa: PLC0415 - --help needs no numpy
    from gradline.history.store import Store  # noqa: PLC0415

    Store.make().expect_writable()
    files = [] if config is None else [config]
    return lambda model, name: record(message, files, {name: model}, notebook=None).name


def _run(options: Any) -> Any:
    from gradline.model.fit import run  # noqa: PLC0415 - --help needs no numpy

    progress = Progress(options.log_every)
    try:
        return run(
            options.data,
            options.targets,
            options.request,
            [progress],
            lambda block: progress.on_rows(block.rows),
        )
    finally:
        progress.clear()


def _finish(model: Any, options: Any, record: Callable[[Any, str], str] | None, as_json: bool) -> None:
    """Save the model and record it unless it failed, print it, and set the exit code."""
    from gradline.model.fit import command  # noqa: PLC0415 - --help needs no numpy

    tell_notices(model.notices)
    status = model.certificate.status
    failed = status == "diverged" or (options.require_certified and status != "certified")
    is_kept = not failed or options.request.force
    saved = options.output if is_kept else None
    version = None
    if not as_json:
        out(model.summary())
        if status in ("stopped", "diverged"):
            words = command(options.data, options.targets, options.request)
            out(f"To the optimum at once: {shlex.join(words)}")
    if saved:
        model.save(saved)
        say(f"saved: {saved}")
    elif failed and options.output:
        say(f"not saved: the fit is {status}")
    elif not as_json and record is None:
        say(f"not saved: add -o {_file_name(options.data)}.safetensors")
    if record is not None and is_kept:
        version = record(model, str(saved or f"{_file_name(options.data)}.safetensors"))
        say(f"recorded: {version}")
    elif record is not None:
        say(f"not recorded: the fit is {status}")
    if as_json:
        out_json(report(model, saved) | ({} if version is None else {"version": version}))
    if failed:
        raise typer.Exit(3)


def _file_name(data: str) -> str:
    stem = Path(data.split(":")[-1]).stem
    return stem if stem.replace("-", "").replace("_", "").isalnum() else "model"


def report(model: Any, saved: Path | None) -> dict[str, Any]:
    """The model as the JSON of design section 7."""
    from gradline.model.certificate import finite  # noqa: PLC0415 - --help needs no numpy

    settings, training = model.settings, model.training
    return finite(
        {
            "targets": list(model.targets),
            "features": list(model.features),
            "weight": model.weight.tolist(),
            "bias": model.bias.tolist(),
            "rows": model.moments.rows,
            "dropped": model.moments.statistics.dropped,
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
            "certificate": model.certificate.to_dict(),
            "inference": model.inference.to_dict(),
            "history": [
                {"epoch": r.epoch, "loss": r.loss} | ({} if r.holdout is None else {"holdout": r.holdout})
                for r in model.history
            ],
            "holdout": None if model.holdout is None else model.holdout._asdict(),
            "model": None if saved is None else str(saved),
            "notices": [notice.text for notice in model.notices],
        }
    )
