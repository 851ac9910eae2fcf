"""`report`: one page that an analyst sends on: what matters, how sure, what to distrust, how it was made, its proof."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from gradline.core.errors import UsageError
from gradline.core.tensor_file import replacing
from gradline.data.notation import Text
from gradline.model.model import LinearModel
from gradline.model.verify.claims import Verification
from gradline.pages.document import Page
from gradline.pages.labels import Labels, labels
from gradline.pages.report_comparison import compared
from gradline.pages.report_content import Told, told
from gradline.pages.report_markdown import markdown
from gradline.pages.templated import expect_jinja2, report_page

Model = LinearModel | str | Path


@dataclass(frozen=True)
class About:
    """What the author adds: a title, names, a date, notes; each is left out where it is None."""

    title: str | None = None
    author: str | None = None
    date: str | None = None
    notes: str | None = None
    labels: Labels | Mapping[str, Any] | str | Path | None = None


def report(
    model: Model | Sequence[Model],
    data: Any = None,
    *,
    title: str | None = None,
    author: str | None = None,
    date: str | None = None,
    notes: str | None = None,
    labels: Mapping[str, Any] | str | Path | None = None,
) -> Page:
    """A page on a model: what matters, how sure that is, what to distrust; figures, how it was made, its proof.

    Parameters:
    - `model`: a `LinearModel`, or the file of one; several in a list are set side by side first.
    - `data`: the table that it was trained on, from which its claims are derived again, its assumptions are tested,
      and residuals are drawn; None (default) leaves these out, since a model holds no rows.
    - `title`, `author`, `date`, `notes`: stand at the top, as they are; None (default) leaves them out, and the title
      names the targets.
    - `labels`: what columns are called, a TOML file or the same as a mapping: `{"baths": {"label": "Bathrooms", "unit":
      "rooms", "more": "one more bathroom", "about": "full baths", "levels": {…}}}`. None (default): as in the table.

    Row weights are taken as the fit was told. Returns the page, one file that needs no network: `page.save(path)`
    writes it, a notebook shows it. Raises `RequestError` without jinja2, `UsageError` for a label of no column,
    `DataError` where the table lacks a column of the model, and `FileError` where a file cannot be read.

    >>> import gradline
    >>> model = gradline.fit("example:crops", ["apples", "oranges"])
    >>> gradline.report(model, "example:crops", title="The orchard in 2024").save("report.html")
    """
    return made(model, data, About(title, author, date, notes, labels)).page


class Made(NamedTuple):
    """What a report says, and what became of the models' claims: one for each where there were rows."""

    content: dict[str, Any]
    outcomes: tuple[Verification, ...]

    @property
    def page(self) -> Page:
        """As a page."""
        states = {
            f"whatif-{i}": model["whatif"]
            for i, model in enumerate(self.content["models"])
            if model["whatif"] is not None
        }
        return report_page(f"Report: {self.content['title']}", self.content, states)

    def save_markdown(self, path: str | Path) -> None:
        """Write it as Markdown, without figures."""
        with replacing(path) as stream:
            stream.write(markdown(self.content).encode())


def made(
    model: Model | Sequence[Model], data: Any = None, about: About | None = None, read: Text | None = None
) -> Made:
    """What a report says; parameters and errors as in `report`."""
    expect_jinja2("a report")
    about = about or About()
    given = [model] if isinstance(model, (LinearModel, str, Path)) else list(model)
    if not given:
        raise UsageError("models-missing", "no model is given to report on", "give one, or several in a list")
    names = labels(about.labels)
    every = [
        told(one, data, read, names, _name(one, i) if len(given) > 1 else "") for i, one in enumerate(given)
    ]
    content = {
        "title": about.title or _title(every),
        "author": about.author,
        "date": about.date,
        "notes": about.notes,
        "compared": compared(every, names) if len(every) > 1 else None,
        "models": [one.content for one in every],
        "versions": _versions(),
    }
    return Made(content, tuple(one.outcome for one in every if one.outcome is not None))


def _name(model: Model, i: int) -> str:
    return f"model {i + 1}" if isinstance(model, LinearModel) else Path(model).stem


def _title(every: Sequence[Told]) -> str:
    titles = list(dict.fromkeys(one.content["title"] for one in every))
    return titles[0] if len(titles) == 1 else f"{len(every)} models side by side"


def _versions() -> list[tuple[str, str]]:
    own = [("gradline", version("gradline")), ("Python", platform.python_version())]
    return own + [(name, version(name)) for name in ("numpy", "scipy", "polars")]
