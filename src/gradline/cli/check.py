"""Check: what training would do, before any training."""

from typing import Annotated, Any

import typer

from gradline.cli.terminal import guarded, out, out_json, tell_notices

PANEL = "Check"


def register(app: typer.Typer) -> None:
    """Add this panel's commands."""
    app.command(rich_help_panel=PANEL)(guarded(trajectory))


def trajectory(
    data: Annotated[str, typer.Argument(help="Data as for fit.", show_default=False)],
    target: Annotated[
        list[str] | None, typer.Option("-t", "--target", help="Column to predict; may be repeated.")
    ] = None,
    lr: Annotated[str, typer.Option(help="Learning rate, or auto for the best one.")] = "auto",
    at: Annotated[list[int] | None, typer.Option(help="Epoch to look at; may be repeated.", min=0)] = None,
    momentum: Annotated[float, typer.Option(help="0 to 1, PyTorch's.")] = 0.0,
    scale: Annotated[str, typer.Option(help="Columns to train on: none or standard.")] = "none",
    feature: Annotated[
        list[str] | None, typer.Option("-f", "--feature", help="Column to predict from.")
    ] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Column to leave out.")] = None,
    bias: Annotated[
        bool, typer.Option("--bias/--no-bias", help="Whether the model has one.", show_default=False)
    ] = True,
    missing: Annotated[str, typer.Option(help="Rows with missing cells: error or drop.")] = "error",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Full-batch gradient descent from zeros at any epoch, 1 or a billion, without running it.

    Example:

      gradline trajectory example:crops -t apples -t oranges --lr 1e-5 --at 100 --at 84000000
    """
    from gradline.cli.options import rate  # noqa: PLC0415 - --help needs no numpy
    from gradline.errors import UsageError  # noqa: PLC0415
    from gradline.moments import Moments  # noqa: PLC0415
    from gradline.objectives import Scaling  # noqa: PLC0415
    from gradline.reading import read  # noqa: PLC0415
    from gradline.trajectory import Spectrum, Trajectory  # noqa: PLC0415

    if scale not in ("none", "standard"):
        raise UsageError(f"scale is {scale!r}", "use none or standard")
    reading = read(data, target, feature, exclude or [], None, missing)
    tell_notices(reading.notices)
    moments = Moments.from_rows(reading.rows)
    moments = moments.select(moments.recipe.present(moments.has_level))
    scaling = Scaling.standard(moments, bias) if scale == "standard" else Scaling.none(moments.p)
    view = scaling.moments(moments)
    chosen = rate(lr)
    step = Spectrum.of(view, bias).best_lr(momentum) if chosen == "auto" else float(chosen)
    path = Trajectory(view, step, momentum, None, bias)
    points = [path.at(epoch) for epoch in at or [0, 1, 10, 100, 1000, 10_000]]
    if as_json:
        out_json(_report(path, points, scaling))
        return
    _print(path, points)


def _print(path: Any, points: list[Any]) -> None:
    from gradline.summary import aligned  # noqa: PLC0415 - --help needs no numpy
    from gradline.wording import epochs, number, percent  # noqa: PLC0415

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
        f"Optimal loss {number(path.optimal_loss, 6)}; within 1 % of it in {epochs(path.epochs_to_loss())} epochs; "
        f"the slowest error shrinks a thousandfold in {epochs(path.epochs_to_weights())} epochs."
    )


def _report(path: Any, points: list[Any], scaling: Any) -> dict[str, Any]:
    from gradline.certificate import finite  # noqa: PLC0415 - --help needs no numpy

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
