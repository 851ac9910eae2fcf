"""Learn: the training loop step by step on PyTorch, and the diagnosis of a loop of one's own."""

import os
import re
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from gradline.cli.options import (
    STARTS,
    AsJson,
    Exclude,
    Features,
    Missing,
    Momentum,
    Targets,
    Typed,
    argument,
    flag,
    frozen,
    read,
    typed,
)
from gradline.cli.start import start
from gradline.cli.terminal import expect_replaceable, expect_targets, out, out_json, patience, say
from gradline.core.errors import FileError, RequestError, UsageError


@frozen
class LessonOptions(Typed):
    """The loop to show, and how; each field that is an argument of `lesson` has its name."""

    data: Annotated[str | None, argument("Data as for fit. Default: example:crops.")] = None
    targets: Targets = ()
    by: Annotated[
        str,
        flag("How the loop is written: numpy, autograd, module, builtin or batches.", shows_default=True),
    ] = "autograd"
    mistake: Annotated[str | None, flag("Make this mistake; a wrong name lists them.")] = None
    lr: Annotated[
        float | None, flag("Learning rate. Default: a tenth of the largest stable one, to one digit.")
    ] = None
    epochs: Annotated[int, flag("Passes over the rows.", shows_default=True)] = 100
    batch_size: Annotated[int | None, flag("Rows per update, by batches. Default: 5.")] = None
    shuffle: Annotated[bool, flag("Draw the rows in a new order each epoch.", shows_default=True)] = True
    init: Annotated[
        str,
        flag(
            f"Where training starts: {STARTS}, or numbers: '[[0.5, -1.2]], [0.3]'.",
            shows_default=True,
        ),
    ] = "zeros"
    seed: Annotated[int, flag("Seed of a random start and of the shuffling.", shows_default=True)] = 0
    dtype: Annotated[str, flag("float32 or float64.", shows_default=True)] = "float32"
    device: Annotated[str, flag("cpu, cuda or auto.", shows_default=True)] = "cpu"
    features: Features = ()
    exclude: Exclude = ()
    missing: Missing = "error"
    steps: Annotated[int, flag("Updates to show in full when not in a terminal.", shows_default=True)] = 1
    script: Annotated[
        str | None,
        flag("Write the loop as a program without gradline: loop.py, or loop/ for three files."),
    ] = None
    graph: Annotated[Path | None, flag("Write the first step's computation graph as SVG.")] = None
    graph_of: Annotated[str, flag("What --graph draws: predictions, error or loss.", shows_default=True)] = (
        "loss"
    )


def lesson(options: LessonOptions) -> None:
    """Go through a training loop on PyTorch step by step: Enter goes on, b back, m makes a mistake.

    Examples:

      gradline lesson

      gradline lesson crops.csv -t apples --by builtin --mistake shape

      gradline lesson --by module --script loop.py

      gradline lesson example:line -t y --by builtin --lr 0.1 --epochs 1000 --script loop/
    """
    if options.steps < 0:
        raise UsageError("steps-invalid", f"steps is {options.steps}", "give a whole number from 0")
    _expect_torch()
    from gradline.cli.teaching import Teacher, play, tell  # noqa: PLC0415 - --help needs no PyTorch
    from gradline.pytorch.lessons.lesson import CROPS  # noqa: PLC0415

    data, targets, exclude = options.data, options.targets, options.exclude
    if data is None:
        data, targets = CROPS[0], targets or CROPS[1]
        exclude = [*exclude, *(name for name in CROPS[1] if name not in targets)]
    data = options.within(data)
    expect_targets(data, targets or options.formula, read(options))
    settings = {
        "by": options.by, "lr": options.lr, "epochs": options.epochs, "batch_size": options.batch_size,
        "shuffle": options.shuffle, "init": start(options.init), "seed": options.seed, "dtype": options.dtype,
        "device": options.device, "features": options.features or None, "exclude": exclude,
        "missing": options.missing, **typed(options),
    }  # fmt: skip
    _expect_files(options.script, options.graph)
    teacher = Teacher(data, targets, settings)
    if options.script or options.graph:
        _write(teacher.lesson(options.mistake), options)
    elif sys.stdin.isatty() and sys.stdout.isatty():
        play(teacher, options.mistake)
    else:
        tell(teacher, options.mistake, options.steps)


def _expect_torch() -> None:
    if find_spec("torch") is None:
        raise RequestError(
            "extra-not-installed",
            "the lesson runs on PyTorch, which is not installed",
            "pip install 'gradline[torch]'",
        )


def _expect_files(script: str | None, graph: Path | None) -> None:
    """Refuse, before any work, to write over what no lesson wrote, or both to one file."""
    if script is not None and Path(script) == graph:
        raise UsageError(
            "output-named-twice", f"--script and --graph both name {script}", "give each a name of its own"
        )
    if script is not None:
        for path in _programs(script):
            expect_replaceable(path, b"linear regression by gradient descent", "program of a lesson")
    if graph is not None:
        expect_replaceable(graph, b"<svg", "SVG")


def _programs(script: str) -> list[Path]:
    """The files that a script goes to: three in a folder, which ends in a slash or is there already."""
    if script.endswith(("/", os.sep)) or Path(script).is_dir():
        return [Path(script, name) for name in ("configuration.py", "data.py", "training.py")]
    return [Path(script)]


def _write(lesson: Any, options: LessonOptions) -> None:
    from gradline.core.tensor_file import replacing  # noqa: PLC0415 - --help needs no numpy

    script, graph = options.script, options.graph
    drawn = lesson.graph(next(iter(lesson)), options.graph_of) if graph else None
    if script:
        paths = _programs(script)
        made = lesson.files() if len(paths) > 1 else {paths[0].name: lesson.script()}
        if len(paths) > 1:
            _make_folder(Path(script))
        for path in paths:
            with replacing(path) as stream:
                stream.write(made[path.name].encode())
            say(f"saved: {path}")
    if graph and drawn:
        drawn.save(graph)
        say(f"saved: {graph}")


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise FileError(
            "file-unwritable", f"cannot make the folder {path}: {error.strerror}", "choose another"
        ) from error


@frozen
class DiagnoseOptions(Typed):
    """What a loop printed, and what is known of it."""

    losses: Annotated[str, argument("Text file of what the loop printed; - for stdin.")]
    data: Annotated[str, argument("Data as for fit.")]
    lr: Annotated[float, flag("The learning rate of the loop.")]
    targets: Targets = ()
    init: Annotated[
        str | None,
        flag(
            f"The start, as for fit: {STARTS}, the file of a model, or weight and bias in "
            "numbers: '[[0.5, -1.2]], [0.3]'. Default: unknown."
        ),
    ] = None
    seed: Annotated[int, flag("Of a random start.", shows_default=True)] = 0
    weight: Annotated[
        Sequence[str],
        flag("The start's weights, a row for each target: 0.5,-1.2,0.3; may be repeated."),
    ] = ()
    bias: Annotated[str | None, flag("The start's bias, a value for each target.")] = None
    batch_size: Annotated[
        int | None, flag("Rows of each mini-batch of the loop. Default: all rows at once.")
    ] = None
    momentum: Momentum = 0.0
    features: Features = ()
    exclude: Exclude = ()
    missing: Missing = "error"
    as_json: AsJson = False


def diagnose(options: DiagnoseOptions) -> None:
    """Find what a loop really did, from the losses or weights that it printed, its start and its rate.

    Example:

      gradline diagnose printed.txt example:iphone -t sales --lr 1e-5 --weight 0.7765,-0.1135,0.7029 --bias 0.4655
    """
    from gradline.pytorch.diagnosis.verdict import diagnose as judge  # noqa: PLC0415 - --help needs no numpy

    losses, named = _in_order(options.losses, options.data, options.targets)
    data = options.within(named)
    expect_targets(data, options.targets or options.formula, read(options))
    with patience("comparing the losses with those of loops: mini-batches may take half a minute"):
        found = judge(
            _printed(losses),
            data,
            options.targets,
            lr=options.lr,
            init=_start(options.init, options.weight, options.bias),
            batch_size=options.batch_size,
            momentum=options.momentum,
            seed=options.seed,
            features=options.features or None,
            exclude=options.exclude,
            missing=options.missing,
            **typed(options),
        )
    if options.as_json:
        out_json(found.to_dict())
    else:
        out(str(found))


def _in_order(losses: str, data: str, targets: Sequence[str]) -> tuple[str, str]:
    """The losses, then the data: taken the other way round, and said so, where only the first has the targets."""
    if not _has(losses, targets) or _has(data, targets):
        return losses, data
    say(
        f"{losses} holds the data, so {data} is taken for what the loop printed. Losses come first, then the data."
    )
    return data, losses


def _has(source: str, targets: Sequence[str]) -> bool:
    """Whether this is an example, a table in binary form, or a text whose first line names all the targets."""
    if source.startswith("example:") or source.endswith((".parquet", ".arrow", ".feather")):
        return True
    try:
        with open(source, encoding="utf-8") as lines:
            first = lines.readline()
    except (OSError, UnicodeDecodeError):
        return False
    return bool(targets) and all(target in first for target in targets)


def _printed(losses: str) -> str:
    """What the loop printed, from a file or from standard input."""
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
    if not weight and bias is None:
        begun = None if init is None else start(init)
        if not isinstance(begun, str) or not Path(begun).exists():
            return begun
        from gradline.model.model import load  # noqa: PLC0415

        model = load(begun)
        return model.weight, model.bias
    if init is not None or not weight or bias is None:
        raise UsageError(
            "start-half-said",
            "the start is half said",
            "give --weight (a row for each target) and --bias, or --init alone",
        )
    try:
        return [_numbers(row) for row in weight], _numbers(bias)
    except ValueError as error:
        raise UsageError(
            "start-not-numbers",
            f"the start holds {error}",
            "write numbers with commas between, a --weight for each target: 0.5,-1.2,0.3",
        ) from error


def _numbers(row: str) -> list[float]:
    """A row of numbers, also as PyTorch prints a tensor of one."""
    plain = re.sub(r"tensor\(|, *(requires_grad|grad_fn|dtype|device)=[^,)]*|[\[\]() ]", "", row)
    cells = plain.split(",")
    wrong = next((cell for cell in cells if not _is_number(cell)), None)
    if wrong is not None:
        raise ValueError(f"{wrong!r}, which is no number")
    return [float(cell) for cell in cells]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
