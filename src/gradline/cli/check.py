"""Check: what training would do before any of it, this machine's digits, and whether a model's claims hold."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from gradline.cli.fit import rate
from gradline.cli.options import (
    AsJson,
    Bias,
    Data,
    Exclude,
    Features,
    Lr,
    Memory,
    Missing,
    Model,
    Momentum,
    Scale,
    Targets,
    Typed,
    Weights,
    Written,
    argument,
    chosen,
    flag,
    frozen,
    read,
    read_as,
)
from gradline.cli.terminal import Progress, expect_data, expect_targets, out, out_json, say, tell_notices
from gradline.core.errors import GradlineError, UsageError
from gradline.core.memory_limit import limited

DISAGREES = 3


@frozen
class TrajectoryOptions(Typed):
    """Which columns, which rate, and the epochs to look at."""

    data: Annotated[str, argument("Data as for fit.")]
    targets: Targets = ()
    lr: Lr = "auto"
    at: Annotated[Sequence[int], flag("Epoch to look at; may be repeated.")] = ()
    as_ridge: Annotated[
        bool, flag("Read each epoch as a penalty: its degrees of freedom, and the ridge it is nearest to.")
    ] = False
    momentum: Momentum = 0.0
    scale: Scale | None = None
    features: Features = ()
    exclude: Exclude = ()
    bias: Bias = True
    weights: Weights | None = None
    missing: Missing = "error"
    memory: Memory | None = None
    as_json: AsJson = False


def trajectory(options: TrajectoryOptions) -> None:
    """Tell the loss of gradient descent at any epoch, 1 or a billion, by a formula instead of a run.

    All rows are in each step, and training starts from zeros.

    Example:

      gradline trajectory example:crops -t apples -t oranges --lr 1e-5 --at 100 --at 84000000
    """
    from gradline.data.inputs import as_rows, keeps_bias  # noqa: PLC0415 - --help needs no numpy
    from gradline.moments.state import Moments  # noqa: PLC0415
    from gradline.solvers.best_rate import best_rate  # noqa: PLC0415
    from gradline.solvers.problem import Problem, Scaling, stacked  # noqa: PLC0415
    from gradline.solvers.trajectory import Trajectory  # noqa: PLC0415

    selection = chosen(options, options.data)
    expect_targets(selection.data, options.targets or options.formula, selection.read)
    bias = keeps_bias(selection, options.bias)
    lr, momentum = rate(options.lr), options.momentum
    scale = options.scale or ("standard" if lr == "auto" else "none")
    if scale not in ("none", "standard"):
        raise UsageError("scale-invalid", f"scale is {scale!r}", "use none or standard")
    reading = as_rows(selection, bias=bias)
    tell_notices(reading.notices)
    with limited(options.memory):
        moments = Moments.from_rows(reading.rows)
    moments = moments.select(moments.design.drop_unused_levels(moments.has_level))
    scaling = Scaling.named(scale, moments, bias)
    problem = Problem.of(moments, None, bias, scaling)
    epochs = options.at or [0, 1, 10, 100, 1000, 10_000]
    start = stacked(None, problem.moments, bias)
    step = best_rate(problem, start, max(epochs), momentum) if lr == "auto" else float(lr)
    path = Trajectory(problem.moments, step, momentum, None, bias)
    points = [path.at(epoch) for epoch in epochs]
    ridges = [path.as_ridge(epoch) for epoch in epochs] if options.as_ridge else []
    if options.as_json:
        out_json(_report(path, points, scaling, ridges))
    else:
        _print(path, points, ridges)


def _print(path: Any, points: list[Any], ridges: list[Any]) -> None:
    from gradline.core.text import grown, number, raised, wrapped  # noqa: PLC0415
    from gradline.model.best_after import BestAfter, settling  # noqa: PLC0415
    from gradline.model.certificate import largest_stable, time_left  # noqa: PLC0415 - --help needs no numpy
    from gradline.model.summary import aligned  # noqa: PLC0415

    columns = [
        ["epoch", *(f"{point.epoch:,}" for point in points)],
        ["loss", *(f"{point.loss:.6g}" for point in points)],
        ["above the best possible", *(f"{point.gap:.3g}" for point in points)],
    ]
    out(aligned(columns + [[title, *cells] for title, cells in _as_ridge(ridges)]))
    said = [f"The best possible loss is {number(path.optimal_loss, 6)}."]
    if path.lr > path.lr_limit:
        growth = grown(path.spectrum.growth(path.lr, path.momentum))
        said.append(f"At lr {number(path.lr)} training diverges: the error grows {growth} per epoch.")
    else:
        ahead = time_left(path.epochs_to_loss(), path.epochs_to_weights(), path.optimal_loss, path.last)
        said.append(" ".join(ahead))
    said.append(f"{largest_stable(path.lr_limit)} {raised(path.spectrum.limited_by())}.")
    if last := max(point.epoch for point in points):
        said.append(str(BestAfter.of(path, last)))
    said.append(settling(path))
    if ridges:
        said += _about_ridges(ridges, path.bias)
    out("\n".join(["", *map(wrapped, said)]))


def _as_ridge(ridges: list[Any]) -> list[tuple[str, list[str]]]:
    """The columns of `--as-ridge`: the ridge with as many degrees of freedom, and that of 1/(lr·epoch)."""
    from gradline.core.text import number  # noqa: PLC0415 - --help needs no numpy

    def cells(values: list[float | None]) -> list[str]:
        return ["–" if value is None else number(value) for value in values]

    named = {
        "degrees of freedom": [ridge.freedom for ridge in ridges],
        "alpha of as many": [ridge.alpha for ridge in ridges],
        "apart": [ridge.apart for ridge in ridges],
        "alpha 1/(lr·epoch)": [ridge.time_alpha for ridge in ridges],
        "apart from it": [ridge.time_apart for ridge in ridges],
    }
    return [(title, cells(values)) for title, values in named.items()] if ridges else []


def _about_ridges(ridges: list[Any], bias: bool) -> list[str]:
    """What those columns mean."""
    from gradline.core.text import number  # noqa: PLC0415 - --help needs no numpy

    said = [
        "Stopping early is like ridge: what the data say least of is learned last, as a penalty shrinks it most. Apart "
        "is how far the predictions of the epoch and of gradline fit --alpha differ (root mean square); the targets "
        f"vary by {number(ridges[0].spread)}."
    ]
    if bias:
        said.append(
            "Ridge leaves the bias free and training has to find it: at first that is most of the difference."
        )
    if any(ridge.alpha is None for ridge in ridges):
        said.append("Where a – stands, no ridge with a free bias uses as few degrees of freedom.")
    worst = [ridge.risk for ridge in ridges if ridge.risk is not None]
    if worst:
        said.append(
            "Whatever the true weights, the expected error of the predictions, the bias aside, is at most "
            f"{number(max(worst))} times that of ridge at alpha 1/(lr·epoch)."
        )
    return said


def _report(path: Any, points: list[Any], scaling: Any, ridges: list[Any]) -> dict[str, Any]:
    from gradline.model.certificate import finite  # noqa: PLC0415 - --help needs no numpy

    rows: list[dict[str, Any]] = []
    for point in points:
        weight, bias = scaling.to_raw(point.weight, point.bias)
        rows.append(
            {
                "epoch": point.epoch,
                "loss": point.loss,
                "gap": point.gap,
                "weight": weight.tolist(),
                "bias": bias.tolist(),
            }
        )
    for row, ridge in zip(rows, ridges, strict=False):
        row["as_ridge"] = ridge._asdict()
    return finite(
        {
            "targets": list(path.moments.targets),
            "features": list(path.moments.features),
            "lr": path.lr,
            "momentum": path.momentum,
            "lr_limit": path.lr_limit,
            "best_lr": path.best_lr,
            "optimal_loss": path.optimal_loss,
            "epochs_to_loss": path.epochs_to_loss(),
            "epochs_to_weights": path.epochs_to_weights(),
            "shares": dict(path.spectrum.shares()),
            "points": rows,
        }
    )


@frozen
class SelftestOptions:
    """How the scores are told."""

    as_json: AsJson = False


def selftest(options: SelftestOptions) -> None:
    """Check this machine's digits on NIST's eleven reference regressions, by each way to an answer.

    Exits 3 when the exact solver has fewer than 15 in any coefficient.
    """
    from gradline.model.selftest import EXPECTED  # noqa: PLC0415 - --help needs no numpy
    from gradline.model.selftest import selftest as scores_of_all  # noqa: PLC0415
    from gradline.model.summary import aligned  # noqa: PLC0415

    scores = scores_of_all()
    if options.as_json:
        out_json({"scores": [score._asdict() for score in scores]})
    else:
        columns = [["set", *(score.name for score in scores)], ["way", *(score.way for score in scores)]]
        for title, name in (
            ("coefficients", "coefficients"),
            ("claimed", "claimed"),
            ("std. errors", "stderr"),
            ("residual", "residual_stderr"),
        ):
            values = [getattr(score, name) for score in scores]
            columns.append([title, *("–" if value is None else f"{max(value, 0.0):.1f}" for value in values)])
        out("Correct decimal digits, the fewest over the coefficients of a set (float64 holds 16):\n")
        out(aligned(columns))
    worst = min(score.coefficients for score in scores if score.way == "exact")
    if worst < EXPECTED:
        say(f"gradline: the exact solver has {worst:.1f} digits where it should have {EXPECTED:g}")
        raise typer.Exit(3)


@frozen
class DoctorOptions(Typed):
    """Which columns to examine, a rate to judge, or a finding to explain; or a model and its rows."""

    data: Data | None = None
    targets: Targets = ()
    features: Features = ()
    exclude: Exclude = ()
    bias: Bias = True
    weights: Weights | None = None
    missing: Annotated[str, flag("Rows with missing cells: error or drop. Default: drop.")] = "drop"
    lr: Annotated[float | None, flag("A learning rate to judge. Default: the best.")] = None
    explain: Annotated[str | None, flag("Explain a finding by its code, such as slow.", metavar="CODE")] = (
        None
    )
    memory: Memory | None = None
    as_json: AsJson = False


def doctor(options: DoctorOptions) -> None:
    """Check your data before training: safe learning rates, likely problems, and what to run.

    Of a model and the rows that it was trained on: whether what its standard errors assume holds.

    Examples:

      gradline doctor example:crops -t apples -t oranges --lr 1e-5

      gradline doctor crops.safetensors example:crops

      gradline doctor --explain far-from-zero
    """
    if options.explain is not None:
        _explain(options.explain, options.as_json)
        return
    if str(options.data).endswith(".safetensors"):
        _hold_against_rows(options)
        return
    selection = chosen(options, expect_data(options.data, "doctor"))
    expect_targets(selection.data, options.targets or options.formula, selection.read)
    try:
        with limited(options.memory):
            report = _examined(selection, options.bias, options.lr)
    except GradlineError as error:
        if not options.as_json and error.code != "memory-exceeded":  # which no way of reading helps
            _tell_ways(selection)
        raise
    if options.as_json:
        out_json(report.to_dict())
    else:
        out(str(report))


def _hold_against_rows(options: DoctorOptions) -> None:
    """The assumptions of a model's standard errors."""
    from gradline.data.tables import open_table  # noqa: PLC0415 - --help needs no numpy
    from gradline.model.assumptions import assumptions  # noqa: PLC0415
    from gradline.model.certificate import finite  # noqa: PLC0415
    from gradline.model.model import load  # noqa: PLC0415

    model = load(expect_data(options.data, "doctor"))
    rows = options.formula  # what stands second
    if rows is None:
        raise UsageError(
            "rows-of-model-needed",
            f"{options.data} is a model, and holds no rows",
            f"add the rows that it was trained on: gradline doctor {options.data} DATA",
        )
    with limited(options.memory):
        source = open_table(options.within(rows), read_as(options, model))
        found = assumptions(model, source, missing=options.missing)
    if options.as_json:
        out_json(finite(found.to_dict()))
    else:
        out(str(found))


def _tell_ways(selection: Any) -> None:
    """Before a refusal: how the first lines of a text file read in each way that fits."""
    from gradline.model.doctor.ways import told, ways  # noqa: PLC0415 - only where something was refused

    if text := told(ways(selection.data, selection.read), selection.data):
        out(text)


def _explain(code: str, as_json: bool) -> None:
    from gradline.core.text import wrapped  # noqa: PLC0415 - --help needs it not
    from gradline.model.doctor.findings import explain, known  # noqa: PLC0415

    if as_json:
        out_json({"code": code, **known(code)._asdict()})
        return
    for paragraph in explain(code).split("\n\n"):
        out(wrapped(paragraph, 0) + "\n")


def _examined(selection: Any, bias: bool, lr: float | None) -> Any:
    from gradline.model.doctor.doctor import examine  # noqa: PLC0415 - --help needs no numpy

    progress = Progress()
    try:
        return examine(selection, bias, lr, lambda block: progress.on_rows(block.rows))
    finally:
        progress.clear()


@frozen
class VerifyOptions(Written):
    """The model, and the rows that it is held against."""

    model: Model
    data: Annotated[str, argument("The rows that it was trained on.")]
    memory: Memory | None = None
    as_json: AsJson = False


def verify(options: VerifyOptions) -> None:
    """Check what a model claims against its rows, by an independent computation; exit 3 where a claim fails.

    Example:

      gradline verify crops.safetensors example:crops
    """
    from gradline.model.model import load  # noqa: PLC0415 - --help needs no numpy
    from gradline.model.verify.claims import verify  # noqa: PLC0415

    told = read(options)
    with limited(options.memory):
        rows = options.within(options.data)
        outcome = verify(options.model, rows, read=told and read_as(options, load(options.model)))
    if options.as_json:
        out_json(outcome.to_dict())
    else:
        out(str(outcome))
    if not outcome.agrees:
        raise typer.Exit(DISAGREES)
