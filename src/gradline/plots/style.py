"""How every figure looks: one template, colours that hold in light and dark, and names that stay text."""

import html
import textwrap
import unicodedata
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from gradline.core.errors import RequestError
from gradline.core.text import nearest

# Okabe and Ito 2008, the two brightest darkened: at least 3:1 against white and against near black.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B07A00", "#3A93C9")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
MARKERS = ("circle", "square", "diamond", "triangle-up", "cross", "star")
RED = "#E0282E"  # limits
NEUTRAL = "#757575"  # text and what is not data
GRID = "rgba(128, 128, 128, 0.25)"
LEGEND = 12  # curves that a legend names; the others have their hover text
_LINE, _TITLE = 52, 40  # characters of a sentence and of a title that fit a figure 360 pixels wide

_AXIS = {
    "gridcolor": GRID,
    "linecolor": NEUTRAL,
    "zerolinecolor": GRID,
    "automargin": True,
    "title": {"standoff": 8, "font": {"size": 13}},
}
_DECADES = {"type": "log", "exponentformat": "power"}
_SCENE = {"gridcolor": "#9A9A9A", "linecolor": NEUTRAL, "backgroundcolor": "rgba(0, 0, 0, 0)"}
TEMPLATE = go.layout.Template(
    layout={
        "colorway": COLORS,
        "font": {"color": NEUTRAL, "size": 13, "family": "system-ui, sans-serif"},
        "paper_bgcolor": "rgba(0, 0, 0, 0)",
        "plot_bgcolor": "rgba(0, 0, 0, 0)",
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "scene": {"xaxis": _SCENE, "yaxis": _SCENE, "zaxis": _SCENE},
        "hoverlabel": {"align": "left", "namelength": -1},
        "legend": {"orientation": "h", "yref": "paper", "y": -0.2, "yanchor": "top", "x": 0},
        "margin": {"l": 16, "r": 16, "b": 16},
    }
)


def figure(title: str, said: str, x: str = "", y: str = "", **layout: Any) -> go.Figure:
    """An empty figure: what it shows, a sentence or two below, and titles of its axes, all safe text already."""
    titles, lines = _wrapped(title, _TITLE), _wrapped(said, _LINE)
    heading = {
        "text": f"<b>{'<br>'.join(titles)}</b>",
        "font": {"size": 15},
        "subtitle": {"text": "<br>".join(lines), "font": {"size": 12.5, "color": NEUTRAL}},
        "x": 0,
        "xanchor": "left",
        "xref": "container",
        "pad": {"l": 8, "t": 10 + 19 * (len(titles) - 1)},
        "y": 1,
        "yref": "container",
        "yanchor": "top",
    }
    room = 24 + 20 * len(titles) + 17 * len(lines)
    made = go.Figure(layout={"template": TEMPLATE, "title": heading, "margin": {"t": room}})
    made.update_layout(xaxis_title_text=x, yaxis_title_text=y, **layout)
    return made


def with_legend(curves: int) -> int:
    """The height of a figure whose curves are named below it, each on a line of its own where it is narrow."""
    return 400 + 20 * min(curves, LEGEND)


def label(name: object, limit: int = 40) -> str:
    """A column name or cell as text and nothing else: no tag, no template, no formula, one line, not endless.

    Plotly reads `<b>` and `<a href>` as tags, `%{…}` as a template and `$…$` as TeX. Right-to-left text is isolated, so
    that it does not turn round what stands beside it.
    """
    plain = _one_line(name, limit)
    safe = html.escape(plain, quote=False).replace("{", "&#123;").replace("$", "&#36;")
    turns = any(unicodedata.bidirectional(c) in ("R", "AL", "RLE", "RLO", "LRE", "LRO") for c in plain)
    return f"\u2068{safe}\u2069" if turns else safe


def scene_label(name: object) -> str:
    """A name in a 3-D figure, which knows no `&lt;`: an empty character keeps `<` from opening a tag."""
    return _one_line(name, 24).replace("<", "<\u200b")


def _one_line(name: object, limit: int) -> str:
    plain = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in str(name))
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"


def _wrapped(sentence: str, width: int) -> list[str]:
    """A sentence in lines that fit a narrow figure."""
    return textwrap.wrap(sentence, width, break_long_words=False, break_on_hyphens=False)


def line(i: int) -> dict[str, Any]:
    """The i-th curve: its colour and its dash, so that colour alone tells nothing apart."""
    return {"color": COLORS[i % 6], "dash": DASHES[(i + i // 6) % 6], "width": 2}


def marker(i: int) -> dict[str, Any]:
    """The i-th set of points: its colour and its shape."""
    return {"color": COLORS[i % 6], "symbol": MARKERS[(i + i // 6) % 6], "size": 7}


def epoch_axis(epochs: int) -> dict[str, Any]:
    """Epochs: evenly spaced up to a thousand, then by powers of ten, which leave out epoch 0."""
    return {"title_text": "epoch", **(_DECADES if epochs > 1000 else {})}


def decades(title: str) -> dict[str, Any]:
    """A logarithmic axis."""
    return {"title_text": title, **_DECADES}


def shown(name: str | None, known: Sequence[str], what: str) -> int:
    """The number of the target or feature called `name`, the first for None. Raises `RequestError` if there is none."""
    if name is None:
        return 0
    if name not in known:
        raise RequestError(
            "model-column-unknown", f"there is no {what} {name}", nearest(name, known, f"the {what}s are")
        )
    return list(known).index(name)


def add_diagonal(made: go.Figure, ends: Any, name: str) -> None:
    """The dashed line on which x and y agree."""
    made.add_scatter(
        x=ends,
        y=ends,
        mode="lines",
        line={"color": NEUTRAL, "dash": "dash", "width": 1.5},
        name=name,
        hoverinfo="skip",
    )
