"""The log-log figures of growth, drawn from their JSON: `python benchmarks/figures.py` writes an SVG for each axis."""

import json
import math
from statistics import median
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

from table import RESULTS, ROOT, picture, seconds

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 360, 70, 170, 16, 44
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"]  # told apart by colour-blind eyes: Okabe, Ito 2008
APART = 14  # pixels from one label to the next

Point = tuple[float, float]


class Scale(NamedTuple):
    """From a range of values to pixels, logarithmically."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The pixel of a value."""
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return round(self.start + share * (self.end - self.start), 1)


def figure(axis: str, cases: list[dict[str, Any]]) -> str:
    """The median times of all contestants along one axis."""
    curves: dict[str, list[Point]] = {}
    for case in cases:
        for name, one in case["contestants"].items():
            curves.setdefault(name, []).append((case["size"], median(one["seconds"])))
    xs, ys = zip(*(point for curve in curves.values() for point in curve), strict=True)
    bottom, top = 10.0 ** math.floor(math.log10(min(ys))), 10.0 ** math.ceil(math.log10(max(ys)))
    across = Scale(min(xs), max(xs), LEFT, WIDTH - RIGHT)
    up = Scale(bottom, top, HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="12" role="img">',
        f"<title>Time by {axis}, both axes logarithmic</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        *_grid(sorted(set(xs)), bottom, top, across, up),
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{axis}</text>',
        *_curves(curves, across, up),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _grid(xs: list[float], bottom: float, top: float, across: Scale, up: Scale) -> list[str]:
    """A line for each size that was measured, and for each power of ten of time."""
    parts = []
    for x in xs:
        at = across(x)
        parts.append(f'<path d="M{at} {TOP}V{HEIGHT - BOTTOM}" stroke="#dddddd"/>')
        parts.append(f'<text x="{at}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{x:,}</text>')
    for power in range(round(math.log10(bottom)), round(math.log10(top)) + 1):
        at = up(10.0**power)
        parts.append(f'<path d="M{LEFT} {at}H{WIDTH - RIGHT}" stroke="#dddddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at + 4}" text-anchor="end">{seconds(10.0**power)}</text>')
    return parts


def _curves(curves: dict[str, list[Point]], across: Scale, up: Scale) -> list[str]:
    """The curves, each with its name at its end; names that would meet are moved down."""
    parts, free = [], float(TOP)
    highest_first = sorted(enumerate(curves.items()), key=lambda item: -item[1][1][-1][1])
    for k, (name, curve) in highest_first:
        points = [(across(x), up(y)) for x, y in curve]
        drawn, (_, end) = " ".join(f"{x},{y}" for x, y in points), points[-1]
        free = max(free, end + 4)
        parts.append(f'<polyline points="{drawn}" fill="none" stroke="{COLOURS[k]}" stroke-width="2"/>')
        parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{COLOURS[k]}"/>' for x, y in points]
        parts.append(f'<text x="{WIDTH - RIGHT + 10}" y="{free}" fill="{COLOURS[k]}">{escape(name)}</text>')
        free += APART
    return parts


def main() -> None:
    """Draw every axis."""
    found: dict[str, list[dict[str, Any]]] = {}
    for case in json.loads((RESULTS / "growth.json").read_text())["cases"]:
        found.setdefault(case["axis"], []).append(case)
    for axis, cases in found.items():
        (ROOT / "docs" / "assets" / picture(axis)).write_text(figure(axis, cases))


if __name__ == "__main__":
    main()
