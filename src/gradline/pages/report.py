"""`report`: one page that an analyst sends to a colleague, with every number, its proof and how to make it again."""

import os
import platform
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from gradline import plots
from gradline.core.errors import GradlineError
from gradline.core.text import joined, listed, shell
from gradline.data.inputs import open_table
from gradline.data.notation import Text
from gradline.data.selection import WEIGHTS_ARE
from gradline.data.source import Source
from gradline.data.table import in_words, named_in, words_of
from gradline.data.tables import WEIGHTS
from gradline.model.certificate import sentences
from gradline.model.inference_text import MEANINGS
from gradline.model.model import LinearModel, load
from gradline.model.summary import heading
from gradline.model.verify.claims import Verification, verify
from gradline.pages.document import Page
from gradline.pages.report_text import MOST_NAMES, Account, checks, fit_command
from gradline.pages.templated import Drawing, drawn, expect_jinja2, written

_INTERVALS = ("Coefficients with 95 % intervals", plots.coefficients)
_FITTED = ("Data and fit", plots.fitted)
_OF_ROWS = (
    ("Predictions against targets", plots.predictions),
    ("Residuals against predictions", plots.residuals),
    ("Quantiles of the residuals", plots.quantiles),
    ("Scale against location", plots.scale_location),
    ("Leverage", plots.leverage),
)


def report(model: LinearModel | str | Path, data: Any = None) -> Page:
    """A page on a model: equation, coefficients, certificate, diagnostic figures, data, and how to make it again.

    Parameters:
    - `model`: a `LinearModel`, or the file of one.
    - `data`: the table that it was trained on, from which its claims are derived again and residuals are drawn;
      None (default) leaves both out, since a model holds no rows.

    Row weights are taken as the fit was told. Returns the page, one file that needs no network: `page.save(path)`
    writes it, a notebook shows it. Raises `RequestError` without jinja2, `DataError` where the table lacks a column
    of the model, and `FileError` where a file cannot be read.

    >>> import gradline
    >>> model = gradline.fit("example:crops", ["apples", "oranges"])
    >>> gradline.report(model, "example:crops").save("report.html")
    """
    return made(model, data).page


class Made(NamedTuple):
    """A report, and what became of the model's claims; None where there were no rows to derive them from."""

    page: Page
    outcome: Verification | None


def made(model: LinearModel | str | Path, data: Any = None, read: Text | None = None) -> Made:
    """The report and the verification in it; parameters and errors as in `report`."""
    expect_jinja2("a report")
    loaded = model if isinstance(model, LinearModel) else load(model)
    source = None if data is None else open_table(data, read or loaded.read)
    outcome = None if source is None else verify(model, source)
    account = Account(loaded)
    targets = [_target(account, source, j) for j in range(len(loaded.targets))]
    intervals = [] if account.inference.estimates is None else [_drawing(*_INTERVALS, loaded)]
    content = _about(account, source) | _again(loaded, model, data)
    content |= {
        "targets": targets,
        "intervals": intervals,
        "outcome": outcome,
        "checks": None if outcome is None else checks(outcome),
    }
    drawings = [drawing for target in targets for drawing in target["drawings"]]
    return Made(
        written(f"Report: {content['title']}", "report.html", content, [*intervals, *drawings]), outcome
    )


def _target(account: Account, source: Source | None, j: int) -> dict[str, Any]:
    """What the page says of target j."""
    return {
        "name": account.model.targets[j],
        "equation": account.equation(j),
        "coefficients": account.coefficients(j),
        "fit": [*account.fit(j), *account.held_out(j)],
        "drawings": [] if source is None else list(_drawings(account.model, source, j)),
    }


def _drawings(model: LinearModel, source: Source, j: int) -> Iterator[Drawing]:
    """The figures of target j that rows are needed for."""
    target = model.targets[j]
    # Two features by themselves: their plane would be drawn by WebGL, which does not come to paper.
    features = model.features if len(model.features) == 2 else (None,)
    fitted = [_drawing(*_FITTED, model, source, target=target, feature=feature) for feature in features]
    others = [_drawing(*figure, model, source, target=target) for figure in _OF_ROWS]
    for i, drawing in enumerate([*fitted, *others]):
        yield drawing._replace(name=f"{drawing.name}-{j}-{i}")


def _drawing(title: str, draw: Callable[..., Any], *given: Any, **options: Any) -> Drawing:
    """A figure, its heading taken out as text of the page, or the reason why it cannot be drawn."""
    try:
        figure = draw(*given, **options)
    except GradlineError as error:
        return Drawing(draw.__name__, title, f"Not drawn: {error}", None)
    return drawn(draw.__name__, figure)


def _about(account: Account, source: Source | None) -> dict[str, Any]:
    """What the page says of the model and its data as a whole."""
    model, inference = account.model, account.inference
    statistics, design = model.moments.statistics, model.design
    columns = [term.label for term in design.terms]
    first_line = f"{listed(model.targets)} from {listed(columns)}\n"
    return {
        "title": f"{listed(model.targets, 5)} from {listed(columns, 5)}",
        "made": heading(model).removeprefix(first_line).splitlines()[0],
        "objective": model.objective,
        "sentences": list(_beside_tables(sentences(model.certificate))),
        "meanings": MEANINGS.items(),
        "certificate": account.certificate(),
        "directions": account.directions(),
        "reason": inference.reason,
        "distances": inference.estimates is None,
        "weights_are": inference.weights_are if inference.weights_are in WEIGHTS_ARE else None,
        "weighted": design.weights,
        "rows": account.number("rows", ",d"),
        "dropped": account.number("dropped", ",d"),
        "unused": None if source is None else listed(design.match(source, targets=True), MOST_NAMES),
        "bases": account.bases,
        "columns": account.columns(),
        "fingerprint": statistics.mark or "unknown",
    }


def _beside_tables(said: list[str]) -> Iterator[str]:
    """The sentences but for a list and what leads to it: the page has a table of that."""
    return (line for line in said if not line.startswith(" ") and not line.endswith(":"))


def _again(model: LinearModel, given: LinearModel | str | Path, data: Any) -> dict[str, Any]:
    """The commands that make the model, its proof and this page again, and what no command can hold."""
    file = "model.safetensors" if isinstance(given, LinearModel) else os.fspath(given)
    rows = words_of(data) or in_words(named_in(model.config)) or ["DATA"]
    trained_here = bool(model.config)
    in_memory = {
        "the rows": "data" not in model.config,
        "the start of training": model.settings.get("init") == "given",
        "the row weights": model.design.weights == WEIGHTS,
    }
    commands = [
        *([[*fit_command(model.config), "-o", file]] if trained_here else []),
        ["gradline", "verify", file, *rows],
        ["gradline", "report", file, *rows, "-o", "report.html"],
    ]
    libraries = ("numpy", "scipy", "polars", "plotly")
    return {
        "trained_here": trained_here,
        "in_memory": joined([what for what, is_in_memory in in_memory.items() if is_in_memory] or [""]),
        "commands": [shell(command) for command in commands],
        "versions": [("gradline", version("gradline")), ("Python", platform.python_version())]
        + [(name, version(name)) for name in libraries],
    }
