"""A laid-out graph as SVG: boxes that say what they are, lines between them, notes below."""

import html
import textwrap
import unicodedata
from collections.abc import Collection, Sequence
from typing import NamedTuple

from gradline.pytorch.lessons.graph_layout import Box, Curve, layered


class Caption(NamedTuple):
    """What a box says: `style` is leaf, operation, data or result; the second line, if any, is small."""

    style: str
    lines: tuple[str, ...]


_LARGE, _SMALL = 13, 11  # pixels, as in the style below
_EM = 0.62  # width of a column in a monospaced font: 0.6 in most, 0.602 in DejaVu
_LONGEST = 48  # columns of a line in a box
_MARGIN = 16
_STYLE = """
.gradline-graph{color:#1b1f24;font-family:ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.gradline-graph text{fill:currentColor;text-anchor:middle;font-size:13px}
.gradline-graph text.small,.gradline-graph text.note{font-size:11px}
.gradline-graph text.note{text-anchor:start}
.gradline-graph rect{fill:#fff;stroke:currentColor}
.gradline-graph rect.paper{stroke:none}
.gradline-graph .leaf rect{fill:#d3e5fb}
.gradline-graph .data rect{stroke-dasharray:5 3}
.gradline-graph .result rect{stroke-width:2.5px}
.gradline-graph path{fill:none;stroke:currentColor}
.gradline-graph path.dashed{stroke-dasharray:5 3}
.gradline-graph path.heads{fill:currentColor;stroke:none}
@media (prefers-color-scheme:dark){
.gradline-graph{color:#e8eaed}
.gradline-graph rect{fill:#16191d}
.gradline-graph .leaf rect{fill:#17406e}
}
"""


def drawing(
    captions: Sequence[Caption],
    edges: Sequence[tuple[int, int]],
    dashed: Collection[int],
    title: str,
    description: str,
    notes: Sequence[str],
) -> str:
    """The graph as SVG: one box per caption, a line per edge (dashed from these nodes), and notes below.

    Title and description are what a screen reader says. The drawing brings its own background, dark where
    the reader's scheme is dark, refers to nothing outside, and styles nothing else on a page.
    """
    layout = layered([_size(caption) for caption in captions], edges)
    columns = max(68, int(layout.width / (_EM * _SMALL)))
    below = [line for note in notes for line in textwrap.wrap(note, columns)]
    width = 2 * _MARGIN + max([layout.width, *(_width(line, _SMALL) for line in below)])
    height = 3 * _MARGIN + layout.height + 1.4 * _SMALL * len(below)
    left = (width - layout.width) / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="gradline-graph" role="img" width="{width:.0f}"'
        f' height="{height:.0f}" viewBox="0 0 {width:.1f} {height:.1f}">',
        f"<title>{html.escape(title)}</title>",
        f"<desc>{html.escape(description)}</desc>",
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{width:.1f}" height="{height:.1f}"/>',
        f'<g transform="translate({left:.1f} {_MARGIN})">',
        *(_line(curve, dashed) for curve in layout.curves),
        *(_box(caption, box) for caption, box in zip(captions, layout.boxes, strict=True)),
        "</g>",
    ]
    for place, line in enumerate(below):
        y = 2 * _MARGIN + layout.height + _SMALL * (1 + 1.4 * place)
        parts.append(_text(line, _MARGIN, y, "note"))
    return "\n".join([*parts, "</svg>\n"])


def _width(text: str, size: int) -> float:
    """The width of a line, where East Asian signs and emoji take two columns."""
    return _EM * size * sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def _size(caption: Caption) -> tuple[float, float]:
    first, *rest = (_short(line) for line in caption.lines)
    width = max([_width(first, _LARGE), *(_width(line, _SMALL) for line in rest)])
    return max(width + 24, 48), 28 + 15 * len(rest)


def _short(line: str) -> str:
    """A line without the middle that makes it too long, since names of parameters differ at both ends."""
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST // 2]}…{line[-_LONGEST // 2 + 1 :]}"


def _box(caption: Caption, box: Box) -> str:
    round_ends = box.height / 2 if caption.style == "operation" else 3
    middle = box.left + box.width / 2
    texts = [
        _text(_short(line), middle, box.top + 19 + 15 * place, "small" if place else "")
        for place, line in enumerate(caption.lines)
    ]
    return (
        f'<g class="{caption.style}"><title>{html.escape(", ".join(caption.lines))}</title>'
        f'<rect x="{box.left:.1f}" y="{box.top:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"'
        f' rx="{round_ends:.1f}"/>{"".join(texts)}</g>'
    )


def _text(line: str, x: float, y: float, style: str) -> str:
    kind = f' class="{style}"' if style else ""
    return f'<text{kind} x="{x:.1f}" y="{y:.1f}">{html.escape(line)}</text>'


def _line(curve: Curve, dashed: Collection[int]) -> str:
    (x0, y0), (x1, y1), (above, below) = curve.start, curve.end, curve.gap
    middle = (above + below) / 2
    kind = ' class="dashed"' if curve.source in dashed else ""
    path = (
        f'<path{kind} d="M{x0:.1f} {y0:.1f}V{above:.1f}'
        f'C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {below:.1f}V{y1:.1f}"/>'
    )
    head = f'<path class="heads" d="M{x1 - 3.5:.1f} {y1 - 7:.1f}h7L{x1:.1f} {y1:.1f}z"/>'
    return path + head if curve.arrives else path
