"""Learn: the training loop step by step on PyTorch, and the diagnosis of a loop of one's own."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from gradline.cli import flags
from gradline.cli.terminal import expect_targets, guarded, out, out_json, say

PANEL = "Learn"


def register(app: typer.Typer) -> None:
    """Add this panel's commands."""
    app.command(rich_help_panel=PANEL)(guarded(lesson))
    app.command(rich_help_panel=PANEL)(guarded(diagnose))


def lesson(
    data: Annotated[
        str | None, typer.Argument(help="Data as for fit. Default: example:crops.", show_default=False)
    ] = None,
    target: flags.Targets = None,
    by: Annotated[
        str, typer.Option(help="How the loop is written: numpy, autograd, module, builtin or batches.")
    ] = "autograd",
    mistake: Annotated[
        str | None, typer.Option(help="Make this mistake; a wrong name lists them.", show_default=False)
    ] = None,
    lr: Annotated[
        float | None,
        typer.Option(help="Default: a tenth of the largest stable rate, one digit.", show_default=False),
    ] = None,
    epochs: Annotated[int, typer.Option(help="Passes over the rows.")] = 100,
    batch_size: Annotated[
        int | None, typer.Option(help="Rows per update, by batches. Default: 5.", show_default=False)
    ] = None,
    shuffle: Annotated[bool, typer.Option("--shuffle/--no-shuffle", help="A new order each epoch.")] = True,
    init: Annotated[str, typer.Option(help="zeros, normal, uniform or linear.")] = "zeros",
    seed: Annotated[int, typer.Option(help="Of a random start and of the shuffling.")] = 0,
    dtype: Annotated[str, typer.Option(help="float32 or float64.")] = "float32",
    device: Annotated[str, typer.Option(help="cpu, cuda or auto.")] = "cpu",
    feature: flags.Features = None,
    exclude: flags.Exclude = None,
    missing: flags.Missing = None,
    steps: Annotated[int, typer.Option(help="Updates to show in full when not in a terminal.")] = 1,
    script: Annotated[
        Path | None, typer.Option(help="Write the loop as a program without gradline.", show_default=False)
    ] = None,
    graph: Annotated[
        Path | None,
        typer.Option(help="Write the first loss's computation graph as SVG.", show_default=False),
    ] = None,
) -> None:
    """A training loop on PyTorch, step by step: Enter goes on, b back, m makes a mistake.

    Examples:

      gradline lesson

      gradline lesson crops.csv -t apples --by builtin --mistake shape

      gradline lesson --by module --script loop.py
    """
    from gradline.core.errors import UsageError  # noqa: PLC0415 - --help needs no PyTorch

    if steps < 0:
        raise UsageError("steps-invalid", f"steps is {steps}", "give a whole number from 0")
    _expect_torch()
    from gradline.cli.teaching import Teacher, play, tell  # noqa: PLC0415
    from gradline.pytorch.lessons.lesson import CROPS  # noqa: PLC0415

    if data is None:
        data, target = CROPS[0], target or CROPS[1]
        exclude = [*(exclude or []), *(name for name in CROPS[1] if name not in target)]
    expect_targets(data, target or [])
    settings = {
        "by": by, "lr": lr, "epochs": epochs, "batch_size": batch_size, "shuffle": shuffle, "init": init,
        "seed": seed, "dtype": dtype, "device": device, "features": feature or None,
        "exclude": exclude or [], "missing": missing or "error",
    }  # fmt: skip
    teacher = Teacher(data, target or [], settings)
    if script or graph:
        _write(teacher.lesson(mistake), script, graph)
    elif sys.stdin.isatty() and sys.stdout.isatty():
        play(teacher, mistake)
    else:
        tell(teacher, mistake, steps)


def _expect_torch() -> None:
    import importlib.util  # noqa: PLC0415 - --help needs it not

    from gradline.core.errors import RequestError  # noqa: PLC0415

    if importlib.util.find_spec("torch") is None:
        raise RequestError(
            "extra-not-installed",
            "the lesson runs on PyTorch, which is not installed",
            "pip install 'gradline[torch]'",
        )


def _write(lesson: Any, script: Path | None, graph: Path | None) -> None:
    from gradline.core.tensor_file import replacing  # noqa: PLC0415 - --help needs no numpy

    if script:
        with replacing(script) as stream:
            stream.write(lesson.script().encode())
        say(f"saved: {script}")
    if graph:
        lesson.graph(next(iter(lesson))).save(graph)
        say(f"saved: {graph}")


def diagnose(
    losses: Annotated[str, typer.Argument(help="Text file of what the loop printed; - for stdin.")],
    data: Annotated[str, typer.Argument(help="Data as for fit.")],
    lr: Annotated[float, typer.Option(help="The learning rate of the loop.", show_default=False)],
    target: flags.Targets = None,
    init: Annotated[
        str | None,
        typer.Option(help="The start: zeros, or the file of a model. Default: unknown.", show_default=False),
    ] = None,
    weight: Annotated[
        list[str] | None,
        typer.Option(
            help="The start's weights, a row for each target: 0.5,-1.2,0.3; may be repeated.",
            show_default=False,
        ),
    ] = None,
    bias: Annotated[
        str | None, typer.Option(help="The start's bias, a value for each target.", show_default=False)
    ] = None,
    batch_size: flags.BatchSize = None,
    momentum: flags.Momentum = None,
    feature: flags.Features = None,
    exclude: flags.Exclude = None,
    missing: flags.Missing = None,
    as_json: flags.AsJson = False,
) -> None:
    """From the losses that a loop printed, its start and its rate: what the loop really did.

    Example:

      gradline diagnose printed.txt example:iphone -t sales --lr 1e-5 --weight 0.7765,-0.1135,0.7029 --bias 0.4655
    """
    from gradline.pytorch.diagnosis.verdict import diagnose as judge  # noqa: PLC0415 - --help needs no numpy

    expect_targets(data, target or [])
    found = judge(
        _printed(losses),
        data,
        target,
        lr=lr,
        init=_start(init, weight or [], bias),
        batch_size=batch_size,
        momentum=momentum or 0.0,
        features=feature or None,
        exclude=exclude or [],
        missing=missing or "error",
    )
    if as_json:
        out_json(found.to_dict())
    else:
        out(str(found))


def _printed(losses: str) -> str:
    """What the loop printed, from a file or from standard input."""
    from gradline.core.errors import FileError  # noqa: PLC0415 - --help needs it not

    try:
        return sys.stdin.read() if losses == "-" else Path(losses).read_text(encoding="utf-8")
    except OSError as error:
        raise FileError(
            "file-unreadable", f"cannot read {losses}: {error.strerror}", "check the name and the folder"
        ) from error
    except UnicodeDecodeError as error:
        raise FileError(
            "losses-not-utf8", f"{losses} is no UTF-8 text", "give a text file of what the loop printed"
        ) from error


def _start(init: str | None, weight: Sequence[str], bias: str | None) -> Any:
    """The start as it was said: numbers as they were printed, zeros, or a saved model's coefficients."""
    from gradline.core.errors import UsageError  # noqa: PLC0415 - --help needs it not

    if not weight and bias is None:
        if init is None or init == "zeros":
            return init
        from gradline.model.model import load  # noqa: PLC0415

        model = load(init)
        return model.weight, model.bias
    if init is not None or not weight or bias is None:
        raise UsageError(
            "start-half-said",
            "the start is half said",
            "give --weight (a row for each target) and --bias, or --init alone",
        )
    try:
        return [[float(cell) for cell in row.split(",")] for row in weight], [
            float(b) for b in bias.split(",")
        ]
    except ValueError as error:
        raise UsageError(
            "start-not-numbers", f"the start holds {error}", "write numbers with commas between: 0.5,-1.2,0.3"
        ) from error
