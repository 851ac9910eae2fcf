"""Choosing alpha: what a penalty comes to at a hundred strengths, before one of them is fitted."""

import shlex
from pathlib import Path
from typing import Annotated, Any

from gradline.cli.options import (
    AsJson,
    Bias,
    Data,
    Exclude,
    Features,
    Memory,
    Missing,
    Output,
    Scale,
    Targets,
    Typed,
    Weights,
    chosen,
    flag,
    frozen,
)
from gradline.cli.share import expect_page
from gradline.cli.terminal import expect_data, expect_targets, out, out_json, say, tell_notices
from gradline.core.errors import UsageError
from gradline.core.memory_limit import limited

_SHOWN = 12  # alphas of the table, beside those that some estimate chooses
_ESTIMATES = ("aic", "bic", "cp", "gcv")


@frozen
class PathOptions(Typed):
    """Which columns, which penalty, and how many alphas."""

    data: Data | None = None
    targets: Targets = ()
    l1_ratio: Annotated[
        float, flag("Share of the penalty that is |w|: 1 the lasso, 0 ridge.", shows_default=True)
    ] = 1.0
    positive: Annotated[bool, flag("Allow no weight below zero.", "--positive")] = False
    alphas: Annotated[int, flag("How many alphas.", shows_default=True)] = 100
    folds: Annotated[
        int, flag("Parts of the rows that are held out in turn; 0 holds none out.", shows_default=True)
    ] = 5
    seed: Annotated[int, flag("Of the parts.", shows_default=True)] = 0
    scale: Scale | None = None
    features: Features = ()
    exclude: Exclude = ()
    bias: Bias = True
    weights: Weights | None = None
    missing: Missing = "error"
    memory: Memory | None = None
    output: Output | None = None
    as_json: AsJson = False


def path(options: PathOptions) -> None:
    """Tell what a penalty comes to at a hundred alphas: weights left, degrees of freedom, errors on rows held out.

    AIC, BIC, Cp and GCV estimate from the training rows alone how well others would be predicted; smaller is better.

    Example:

      gradline path example:longley -t employed --scale standard -o longley.html
    """
    from gradline.data.inputs import keeps_bias  # noqa: PLC0415 - --help needs no numpy

    selection = chosen(options, expect_data(options.data, "path"))
    expect_targets(selection.data, options.targets or options.formula, selection.read)
    if options.folds == 1 or options.folds < 0:
        raise UsageError("folds-invalid", f"folds is {options.folds}", "give a number from 2, or 0 for none")
    if options.output is not None:
        from gradline.pages.templated import expect_jinja2  # noqa: PLC0415

        expect_page(Path(options.output))
        expect_jinja2("the page")
    with limited(options.memory):
        bias = keeps_bias(selection, options.bias)
        found, choice, notices = _found(selection, bias, options)
    tell_notices(notices)
    best, columns = _best(found, choice), _columns(found, choice)
    if options.as_json:
        out_json(_report(found, choice, best))
        return
    said = [*_said(found, choice, best), _to_fit(selection, bias, found, best, options)]
    _print(columns, best, said)
    if options.output is not None:
        from gradline.pages.alphas import alphas_page  # noqa: PLC0415 - --help needs no plotly

        alphas_page(found, choice, columns, said).save(options.output)
        say(f"saved: {options.output}")


def _found(selection: Any, bias: bool, options: PathOptions) -> tuple[Any, Any, list[Any]]:
    """The path, the errors on rows held out, and what reading the rows had to say."""
    from gradline.model.cross_validation import CrossValidated  # noqa: PLC0415 - --help needs no numpy
    from gradline.model.gathered import gather  # noqa: PLC0415
    from gradline.model.path import path_of  # noqa: PLC0415
    from gradline.model.request import Request  # noqa: PLC0415
    from gradline.solvers import ElasticNet, Exact  # noqa: PLC0415

    scale = options.scale or "none"
    if scale not in ("none", "standard"):
        raise UsageError("scale-invalid", f"scale is {scale!r}", "use none or standard")
    penalty = ElasticNet(0.0, options.l1_ratio, options.positive)
    folds = CrossValidated(
        options.l1_ratio, options.positive, options.alphas, options.folds or 5, seed=options.seed
    )
    request = Request(Exact(), bias, penalty=folds if options.folds else penalty)
    gathered = gather(selection, request, lambda _: None)
    found = path_of(gathered.moments, bias, penalty, options.alphas, scale)
    choice = folds.choose(gathered.moments, gathered.rows, bias, scale) if options.folds else None
    return found, choice, gathered.notices


def _estimates(found: Any) -> dict[str, Any]:
    """AIC, BIC, Cp and GCV (K,), those of all targets together."""
    return {name: getattr(found, name).sum(axis=1) for name in _ESTIMATES}


def _best(found: Any, choice: Any) -> dict[str, int]:
    """Which alpha is best, by the errors on rows held out and by each estimate that there is."""
    import numpy as np  # noqa: PLC0415 - --help needs no numpy

    best = {} if choice is None else {"error": choice.best, "1se": _simplest(choice)}
    for name, values in _estimates(found).items():
        if np.isfinite(values).any():
            best[name] = int(np.nanargmin(values))
    return best


def _simplest(choice: Any) -> int:
    """The number of the largest alpha within one standard error of the best."""
    from dataclasses import replace  # noqa: PLC0415

    return replace(choice, rule="1se").chosen


def _columns(found: Any, choice: Any) -> list[list[str]]:
    """The table, a column a list, its title first."""
    from gradline.core.text import number  # noqa: PLC0415 - --help needs no numpy

    def cells(values: Any, digits: int = 4) -> list[str]:
        return [number(float(value), digits) if value == value else "–" for value in values]

    left = [f"{int(count)}" for count in (found.weight != 0).sum(axis=(1, 2))]
    columns = [
        ["alpha", *cells(found.alphas)],
        ["weights left", *left],
        ["degrees of freedom", *cells(found.freedom.sum(axis=1), 3)],
        ["loss", *cells(found.loss)],
    ]
    if choice is not None:
        columns += [["error held out", *cells(choice.error)], ["± standard error", *cells(choice.stderr, 2)]]
    return columns + [
        [name.upper() if name != "cp" else "Cp", *cells(v)] for name, v in _estimates(found).items()
    ]


def _print(columns: list[list[str]], best: dict[str, int], said: list[str]) -> None:
    from gradline.core.text import wrapped  # noqa: PLC0415 - --help needs no numpy
    from gradline.model.summary import aligned  # noqa: PLC0415

    count = len(columns[0]) - 1
    step = max(1, (count - 1) // (_SHOWN - 1))
    rows = sorted({*range(0, count, step), count - 1, *best.values()})
    out(aligned([[column[0], *(column[1 + k] for k in rows)] for column in columns]))
    out("\n".join(["", *map(wrapped, said)]))


def _said(found: Any, choice: Any, best: dict[str, int]) -> list[str]:
    """What each estimate takes."""
    from gradline.core.text import number  # noqa: PLC0415 - --help needs no numpy

    at = {name: number(float(found.alphas[k])) for name, k in best.items()}
    said = []
    if choice is not None:
        said.append(
            f"The error on rows held out, by {choice.held_out}, is least at alpha {at['error']}; the largest alpha "
            f"that is no worse by one standard error is {at['1se']}."
        )
    named = {"aic": "AIC", "bic": "BIC", "cp": "Cp", "gcv": "GCV"}
    told = [f"{named[name]} at {at[name]}" for name in _ESTIMATES if name in at]
    if told:
        said.append(f"Least by the training rows alone: {', '.join(told)}.")
    return said


def _to_fit(selection: Any, bias: bool, found: Any, best: dict[str, int], options: PathOptions) -> str:
    """The command that fits at the best alpha: by rows held out, else by GCV."""
    from gradline.model.request import command  # noqa: PLC0415 - --help needs no numpy

    k = next((best[name] for name in ("error", "gcv", "aic") if name in best), 0)
    words = [*command(selection, bias), "--alpha", f"{float(found.alphas[k]):.6g}"]
    words += ["--l1-ratio", f"{options.l1_ratio:g}"] + ["--positive"] * options.positive
    words += ["--scale", options.scale] if options.scale else []
    return f"To fit it: {shlex.join(words)}"


def _report(found: Any, choice: Any, best: dict[str, int]) -> dict[str, Any]:
    from gradline.model.certificate import finite  # noqa: PLC0415 - --help needs no numpy

    estimates = {name: getattr(found, name).tolist() for name in _ESTIMATES}
    return finite(
        {
            "targets": list(found.moments.targets),
            "features": list(found.moments.features),
            "alphas": found.alphas.tolist(),
            "weight": found.weight.tolist(),
            "bias": found.bias.tolist(),
            "loss": found.loss.tolist(),
            "gap": found.gap.tolist(),
            "freedom": found.freedom.tolist(),
            **estimates,
            "choice": None if choice is None else choice.to_dict(),
            "best": {name: float(found.alphas[k]) for name, k in best.items()},
        }
    )
