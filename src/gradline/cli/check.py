"""Check: what training would do, before any training."""

from typing import Annotated, Any

import typer

from gradline.cli import flags
from gradline.cli.terminal import expect_targets, guarded, out, out_json, say, tell_notices
from gradline.core.memory_limit import limited

PANEL = "Check"


def register(app: typer.Typer) -> None:
    """Add this panel's commands."""
    app.command(rich_help_panel=PANEL)(guarded(trajectory))
    app.command(rich_help_panel=PANEL)(guarded(selftest))


def trajectory(
    data: Annotated[str, typer.Argument(help="Data as for fit.", show_default=False)],
    target: flags.Targets = None,
    lr: flags.Lr = None,
    at: Annotated[
        list[int] | None, typer.Option(help="Epoch to look at; may be repeated.", show_default=False)
    ] = None,
    momentum: flags.Momentum = None,
    scale: flags.Scale = None,
    feature: flags.Features = None,
    exclude: flags.Exclude = None,
    bias: flags.Bias = None,
    weights: flags.Weights = None,
    missing: flags.Missing = None,
    memory: flags.Memory = None,
    as_json: flags.AsJson = False,
) -> None:
    """Full-batch gradient descent from zeros at any epoch, 1 or a billion, without running it.

    Example:

      gradline trajectory example:crops -t apples -t oranges --lr 1e-5 --at 100 --at 84000000
    """
    from gradline.cli.options import rate  # noqa: PLC0415 - --help needs no numpy
    from gradline.core.errors import UsageError  # noqa: PLC0415
    from gradline.data.inputs import as_rows  # noqa: PLC0415
    from gradline.moments.state import Moments  # noqa: PLC0415
    from gradline.solvers.problem import Scaling  # noqa: PLC0415
    from gradline.solvers.trajectory import Spectrum, Trajectory  # noqa: PLC0415

    expect_targets(data, target or [])
    chosen, has_bias = rate(lr or "auto"), bias is not False
    scale = scale or ("standard" if chosen == "auto" else "none")
    if scale not in ("none", "standard"):
        raise UsageError("scale-invalid", f"scale is {scale!r}", "use none or standard")
    reading = as_rows(data, target, feature, exclude or [], weights, missing or "error")
    tell_notices(reading.notices)
    with limited(memory):
        moments = Moments.from_rows(reading.rows)
    moments = moments.select(moments.design.drop_unused_levels(moments.has_level))
    scaling = Scaling.standard(moments, has_bias) if scale == "standard" else Scaling.none(moments.p)
    view = scaling.moments(moments)
    step = Spectrum.of(view, has_bias).best_lr(momentum or 0.0) if chosen == "auto" else float(chosen)
    path = Trajectory(view, step, momentum or 0.0, None, has_bias)
    points = [path.at(epoch) for epoch in at or [0, 1, 10, 100, 1000, 10_000]]
    if as_json:
        out_json(_report(path, points, scaling))
    else:
        _print(path, points)


def _print(path: Any, points: list[Any]) -> None:
    from gradline.core.text import number, percent  # noqa: PLC0415
    from gradline.model.summary import aligned, far, near  # noqa: PLC0415 - --help needs no numpy

    columns = [
        ["epoch", *(f"{point.epoch:,}" for point in points)],
        ["loss", *(f"{point.loss:.6g}" for point in points)],
        ["above the optimum", *(f"{point.gap:.3g}" for point in points)],
    ]
    out(aligned(columns))
    growth = path.spectrum.growth(path.lr, path.momentum)
    out("")
    if path.lr > path.lr_limit:
        out(f"lr {number(path.lr)} explodes: the error grows {growth:,.1f}× per epoch.")
    out(f"The largest stable lr is {number(path.lr_limit)}, the best is {number(path.best_lr)}.")
    out(
        f"The columns behind the limit: {', '.join(f'{n} {percent(s)}' for n, s in path.spectrum.shares()[:6])}."
    )
    out(
        f"Optimal loss {number(path.optimal_loss, 6)}: {near(path.epochs_to_loss())}; "
        f"{far(path.epochs_to_weights())}."
    )


def _report(path: Any, points: list[Any], scaling: Any) -> dict[str, Any]:
    from gradline.model.certificate import finite  # noqa: PLC0415 - --help needs no numpy

    rows = []
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


def selftest(as_json: flags.AsJson = False) -> None:
    """NIST's eleven regressions on this machine: correct digits by each way to an answer.

    Exits 3 when the exact solver has fewer than 15 in any coefficient.
    """
    from gradline.model.selftest import EXPECTED  # noqa: PLC0415 - --help needs no numpy
    from gradline.model.selftest import selftest as scores_of_all  # noqa: PLC0415
    from gradline.model.summary import aligned  # noqa: PLC0415

    scores = scores_of_all()
    if as_json:
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
            columns.append([title, *("–" if value is None else f"{value:.1f}" for value in values)])
        out("Correct decimal digits, the fewest over the coefficients of a set (float64 holds 16):\n")
        out(aligned(columns))
    worst = min(score.coefficients for score in scores if score.way == "exact")
    if worst < EXPECTED:
        say(f"gradline: the exact solver has {worst:.1f} digits where it should have {EXPECTED:g}")
        raise typer.Exit(3)
