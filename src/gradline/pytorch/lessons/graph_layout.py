"""A directed graph without cycles as an SVG drawing: boxes in rows from top to bottom, lines around the boxes.

The layout is that of Sugiyama, Tagawa and Toda (1981): rows by longest path, waypoints where a line passes a
row, barycentre sweeps against crossings, and the positions nearest to straight lines.
"""

import html
import textwrap
import unicodedata
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import NamedTuple

BESIDE = 22.0  # pixels between two boxes of a row
_BETWEEN = 34.0  # pixels between two rows, more where lines run far sideways
_STEEPNESS = 0.06  # so many pixels more for each pixel that a line runs sideways
_MOST_BETWEEN = 110.0
_PORTS = 16.0  # pixels between two lines that arrive at one box
_WAYPOINT = 6.0  # width that a passing line claims in a row
_TRUNK = 8.0  # how much more a line that passes a row pulls than a box there, or trunks would cross at every branch
_SORTING, _STRAIGHTENING = 5, 4  # pairs of a sweep down and a sweep up; more change little


class Box(NamedTuple):
    """Where a node lies, in pixels."""

    left: float
    top: float
    width: float
    height: float


class Curve(NamedTuple):
    """A piece of the line that leaves the node `source`: it bends only inside `gap`, the span between two rows."""

    source: int
    start: tuple[float, float]
    gap: tuple[float, float]
    end: tuple[float, float]
    arrives: bool  # whether it ends at a box, or goes on


class Layout(NamedTuple):
    """Boxes in the order of the nodes, the curves between them, and the size of the whole."""

    boxes: list[Box]
    curves: list[Curve]
    width: float
    height: float


class _Chain(NamedTuple):
    """The graph with waypoints: items 0 … n−1 are the nodes, and links join neighbouring rows only."""

    owners: list[int]  # the node whose line passes at an item, for a node itself
    ranks: list[int]
    links: list[tuple[int, int]]


def layered(sizes: Sequence[tuple[float, float]], edges: Sequence[tuple[int, int]]) -> Layout:
    """Lay out the nodes of these sizes (width, height) so that every edge (from, to) runs downwards.

    The lines of one node to far rows share one trunk, so that a parameter used in every step of a long
    computation costs one line. No curve touches a box but at its own ends. The edges must form no cycle.
    """
    chain = _with_waypoints(_ranks(len(sizes), edges), edges)
    widths = [width for width, _ in sizes] + [_WAYPOINT] * (len(chain.owners) - len(sizes))
    rows: list[list[int]] = [[] for _ in range(max(chain.ranks) + 1)]
    for item, rank in enumerate(chain.ranks):
        rows[rank].append(item)
    centres = _centres(rows, chain, widths, nodes=len(sizes))
    leftmost = min(x - width / 2 for x, width in zip(centres, widths, strict=True))
    centres = [x - leftmost for x in centres]
    bands = _bands(rows, sizes, chain, centres)
    boxes = []
    for item, (width, height) in enumerate(sizes):
        top, bottom = bands[chain.ranks[item]]
        boxes.append(Box(centres[item] - width / 2, (top + bottom - height) / 2, width, height))
    whole = max(x + width / 2 for x, width in zip(centres, widths, strict=True))
    return Layout(boxes, _curves(boxes, bands, chain, centres), whole, bands[-1][1])


def _ranks(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The row of each node, 0 at the top: as low as its longest way to the bottom allows, so that lines are short."""
    above: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for source, target in edges:
        above[target].append(source)
        waiting[source] += 1
    heights = [0] * count
    ready = [node for node in range(count) if not waiting[node]]
    while ready:
        node = ready.pop()
        for source in above[node]:
            heights[source] = max(heights[source], heights[node] + 1)
            waiting[source] -= 1
            if not waiting[source]:
                ready.append(source)
    tallest = max(heights)
    return [tallest - height for height in heights]


def _with_waypoints(ranks: Sequence[int], edges: Sequence[tuple[int, int]]) -> _Chain:
    chain = _Chain(list(range(len(ranks))), list(ranks), [])
    trunk: dict[tuple[int, int], int] = {}
    for source, target in edges:
        upper = source
        for rank in range(ranks[source] + 1, ranks[target]):
            waypoint = trunk.get((source, rank))
            if waypoint is None:
                waypoint = trunk[source, rank] = len(chain.owners)
                chain.owners.append(source)
                chain.ranks.append(rank)
                chain.links.append((upper, waypoint))
            upper = waypoint
        chain.links.append((upper, target))
    return chain


def _centres(rows: list[list[int]], chain: _Chain, widths: list[float], nodes: int) -> list[float]:
    """The horizontal centre of every item; sorts each row from left to right on the way.

    A sweep goes from row to row and moves each item to the barycentre of its neighbours in the row before.
    The first sweeps sort each row by that. The later ones keep the order and straighten: an item pulls the
    more, and yields the less, the more rows lie behind it, so the longest way becomes a spine.
    """
    above: list[list[int]] = [[] for _ in widths]
    below: list[list[int]] = [[] for _ in widths]
    for upper, lower in chain.links:
        above[lower].append(upper)
        below[upper].append(lower)
    weights = [1.0] * nodes + [_TRUNK] * (len(widths) - nodes)
    centres = [0.0] * len(widths)
    for sweep in range(2 * (_SORTING + _STRAIGHTENING) + 1):
        downwards = sweep % 2 == 0
        near = above if downwards else below
        if sweep == 2 * _SORTING:
            weights = _weights(rows, above, nodes)
        for row in rows if downwards else reversed(rows):
            wanted = {item: _barycentre(near[item], centres, weights, centres[item]) for item in row}
            if sweep < 2 * _SORTING:
                row.sort(key=wanted.__getitem__)
            _place(row, wanted, widths, weights, centres)
    return centres


def _weights(rows: list[list[int]], above: list[list[int]], nodes: int) -> list[float]:
    behind = [0] * len(above)
    for row in rows:
        for item in row:
            behind[item] = max((behind[upper] + 1 for upper in above[item]), default=0)
    return [(1.0 + 3 * (count if item < nodes else len(rows))) ** 2 for item, count in enumerate(behind)]


def _barycentre(near: list[int], centres: list[float], weights: list[float], otherwise: float) -> float:
    if len(near) < 2:
        return centres[near[0]] if near else otherwise
    return sum(weights[item] * centres[item] for item in near) / sum(weights[item] for item in near)


def _place(
    row: list[int], wanted: dict[int, float], widths: list[float], weights: list[float], centres: list[float]
) -> None:
    """Put a row as near as can be to where its items want to be, in this order and without overlap.

    Nearest in weighted least squares. Without the gaps, which a shift takes out, that is isotonic regression:
    items in the wrong order are pooled at their mean (pool adjacent violators, Ayer et al. 1955).
    """
    shifts = [0.0]
    for a, b in pairwise(row):
        shifts.append(shifts[-1] + BESIDE + (widths[a] + widths[b]) / 2)
    pools: list[tuple[float, float, int]] = []  # mean, weight, members
    for item, shift in zip(row, shifts, strict=True):
        mean, weight, members = wanted[item] - shift, weights[item], 1
        while pools and pools[-1][0] > mean:
            before, more, others = pools.pop()
            mean = (before * more + mean * weight) / (more + weight)
            weight, members = more + weight, members + others
        pools.append((mean, weight, members))
    means = [mean for mean, _, members in pools for _ in range(members)]
    for item, mean, shift in zip(row, means, shifts, strict=True):
        centres[item] = mean + shift


def _bands(
    rows: list[list[int]], sizes: Sequence[tuple[float, float]], chain: _Chain, centres: list[float]
) -> list[tuple[float, float]]:
    """Top and bottom of each row."""
    sideways = [0.0] * len(rows)
    for upper, lower in chain.links:
        rank = chain.ranks[lower]
        sideways[rank] = max(sideways[rank], abs(centres[upper] - centres[lower]))
    bands: list[tuple[float, float]] = []
    bottom = 0.0
    for rank, row in enumerate(rows):
        gap = min(_BETWEEN + _STEEPNESS * sideways[rank], _MOST_BETWEEN) if rank else 0.0
        top = bottom + gap
        bottom = top + max(sizes[item][1] for item in row if item < len(sizes))
        bands.append((top, bottom))
    return bands


def _curves(
    boxes: list[Box], bands: list[tuple[float, float]], chain: _Chain, centres: list[float]
) -> list[Curve]:
    arrivals: dict[int, list[int]] = {}  # the links that end at a node, from left to right
    for number, (_, lower) in enumerate(chain.links):
        if lower < len(boxes):
            arrivals.setdefault(lower, []).append(number)
    ports = {}
    for node, numbers in arrivals.items():
        numbers.sort(key=lambda number: centres[chain.links[number][0]])
        step = min(_PORTS, boxes[node].width * 0.8 / len(numbers))
        for place, number in enumerate(numbers):
            ports[number] = centres[node] + step * (place - (len(numbers) - 1) / 2)
    curves = []
    for number, (upper, lower) in enumerate(chain.links):
        above, below = bands[chain.ranks[upper]], bands[chain.ranks[lower]]
        leaves = boxes[upper].top + boxes[upper].height if upper < len(boxes) else above[0]
        arrives = lower < len(boxes)
        end = (ports[number], boxes[lower].top) if arrives else (centres[lower], below[0])
        curves.append(
            Curve(chain.owners[upper], (centres[upper], leaves), (above[1], below[0]), end, arrives)
        )
    return curves


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
