"""A page written from a template: a comparison with figures that are drawn when they come in sight, or a report."""

import html
import importlib.util
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gradline.core.errors import RequestError
from gradline.pages.document import (
    Page,
    Style,
    assembled,
    joined_modules,
    plotly_scripts,
    plotly_styles,
)

if TYPE_CHECKING:  # a report draws its figures itself
    import plotly.graph_objects as go

TEMPLATES = Path(__file__).parent / "templates"
_TAG = re.compile("<br>|</?b>")  # the only ones in the headings of our figures; names are escaped in them

_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*(?: (?:HC\d|cv|0\.2))?")


class Drawing(NamedTuple):
    """A figure's place on the page, its title, what is said of it, and the figure as plain data; None was refused."""

    name: str
    title: str
    says: str
    figure: dict[str, Any] | None


def expect_jinja2(what: str) -> None:
    """Refuse, before any work, to write `what` without the library that writes it. Raises `RequestError`."""
    if importlib.util.find_spec("jinja2") is None:
        raise RequestError(
            "extra-not-installed",
            f"{what} is written with jinja2, which is not installed",
            "pip install 'gradline[report]'",
        )


def drawn(name: str, figure: "go.Figure") -> Drawing:
    """A figure with its heading taken out as text of the page."""
    heading: Any = figure.layout["title"]
    title, says = (html.unescape(_TAG.sub(" ", text or "")) for text in (heading.text, heading.subtitle.text))
    figure.update_layout(title=None, margin={"t": 36})
    return Drawing(name, title.strip(), says, json.loads(figure.to_json() or "null"))


def written(
    title: str, template: str, content: Mapping[str, Any], drawings: Sequence[Drawing], style: str = ""
) -> Page:
    """The page of a template, its text escaped, with Plotly's figures; `style` is added to that of reports."""
    strict, plotly = plotly_scripts()
    figures = {drawing.name: drawing.figure for drawing in drawings if drawing.figure}
    return assembled(
        title,
        _rendered(template, content),
        styles=[*plotly_styles(), Style(_text("report.css") + style)],
        scripts=[strict],
        module=_text("figures.js"),
        data={"figures": figures},
        later={"plotly": plotly} if figures else {},
    )


def report_page(title: str, content: Mapping[str, Any], states: Mapping[str, Any]) -> Page:
    """The page of a report, whose figures are drawn already; `states` are those of its what-if panels, by their ids."""
    return assembled(
        title,
        _rendered("report.html", content),
        styles=[Style(_text("report.css"))],
        scripts=[],
        module=joined_modules("whatif.js") if states else "",
        data={"whatif": states} if states else {},
    )


def _text(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _rendered(template: str, content: Mapping[str, Any]) -> str:
    import jinja2  # noqa: PLC0415 - an extra, and only for such pages

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["options"] = _with_options
    return environment.get_template(template).render(content)


def _with_options(text: str) -> Any:
    """A sentence, escaped, in which options of the command line stand as code, so that no line ends within one."""
    from markupsafe import Markup, escape  # noqa: PLC0415 - jinja2's own

    return Markup(_OPTION.sub(r"<code>\g<0></code>", str(escape(text))))
