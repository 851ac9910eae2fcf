"""The course's pictures as plain SVG: axes, lines, points, sticks, boxes and words, in the colours of course.css.

A picture stands in its page, so that it follows the reader's light or dark scheme; the colours written beside the
names serve where there is no such page, as in a notebook.
"""

import html
import math
from collections.abc import Iterable
from typing import Any

COLORS = {
    "ink": "#555",
    "faint": "#bbb",
    "blue": "#2f6db3",
    "orange": "#b85c00",
    "green": "#2c7d4f",
}
WIDTH = 480  # units; a telephone shows them at three quarters of a pixel
LEFT, RIGHT, TOP, BOTTOM = 78, 14, 16, 48
HALO = ' stroke="var(--drawn-page, #fff)" stroke-width="4" paint-order="stroke"'
ROUND = 1e-9  # below this part of a tick's step, a tick is zero


def color(name: str) -> str:
    """A colour by the name that course.css gives it."""
    return f"var(--drawn-{name}, {COLORS[name]})"


def safe(text: object) -> str:
    """Text and nothing else."""
    return html.escape(str(text), quote=False)


class Drawing:
    """Shapes in units of a picture, y growing downwards."""

    def __init__(self, title: str, caption: str, height: int = 300) -> None:
        self.title, self.caption, self.height = title, caption, height
        self.parts: list[str] = []

    def path(
        self,
        points: Iterable[tuple[float, float]],
        ink: str = "ink",
        width: float = 1.0,
        dash: str = "",
        fill: str = "",
        close: bool = False,
    ) -> None:
        """A line through points, or an area where it has a fill."""
        steps = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        style = f'stroke="{color(ink)}" stroke-width="{width:g}"'
        style += f' stroke-dasharray="{dash}"' if dash else ""
        inside = (
            f'fill="{color(fill)}" fill-opacity="0.18"'
            if fill
            else 'fill="none"'
        )
        self.parts.append(
            f'<path d="M{steps}{"z" if close else ""}" {style} {inside} stroke-linejoin="round"/>'
        )

    def box(
        self, x: float, y: float, wide: float, high: float, fill: str = ""
    ) -> None:
        """A box by its upper left corner."""
        corners = [(x, y), (x + wide, y), (x + wide, y + high), (x, y + high)]
        self.path(corners, fill=fill, close=True)

    def dot(
        self, x: float, y: float, ink: str = "blue", size: float = 4.5
    ) -> None:
        """A point, with a rim that parts it from lines below it."""
        self.parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:g}" fill="{color(ink)}"{HALO}/>'
        )

    def words(
        self,
        x: float,
        y: float,
        text: object,
        ink: str = "ink",
        anchor: str = "middle",
        bold: bool = False,
        extra: str = "",
    ) -> None:
        """A line of words, standing on y."""
        weight = ' font-weight="600"' if bold else ""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
            f'fill="{color(ink)}"{weight}{extra}>{safe(text)}</text>'
        )

    def arrow(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        ink: str = "ink",
        width: float = 1.5,
    ) -> None:
        """A line with a head."""
        turn = math.atan2(end[1] - start[1], end[0] - start[0])
        sides = [
            (end[0] - 9 * math.cos(turn + s), end[1] - 9 * math.sin(turn + s))
            for s in (0.45, -0.45)
        ]
        self.path([start, end], ink, width)
        self.path([sides[0], end, sides[1]], ink, width)

    def svg(self) -> str:
        """The drawing as it stands alone."""
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.height}" role="img" '
                f'font-family="system-ui, sans-serif" font-size="14">',
                f"<title>{safe(self.title)}</title>",
                *self.parts,
                "</svg>\n",
            ]
        )


class Plot(Drawing):
    """A drawing with two axes; what it is given is in the units of the data."""

    def __init__(
        self,
        title: str,
        caption: str,
        x: tuple[str, float, float],
        y: tuple[str, float, float],
        logs: str = "",
        height: int = 300,
    ) -> None:
        super().__init__(title, caption, height)
        self.logs = logs
        self.x, self.y = x, y
        self._axes()

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the data lies, kept just inside of the frame."""
        along = self._part(x, self.x, "x" in self.logs)
        up = self._part(y, self.y, "y" in self.logs)
        return (
            LEFT + along * (WIDTH - LEFT - RIGHT),
            self.height - BOTTOM - up * (self.height - TOP - BOTTOM),
        )

    def _part(
        self, value: float, axis: tuple[str, float, float], log: bool
    ) -> float:
        low, high = axis[1:]
        if log:
            value, low, high = math.log(value), math.log(low), math.log(high)
        return min(max((value - low) / (high - low), -0.02), 1.02)

    def _axes(self) -> None:
        left, bottom = LEFT, self.height - BOTTOM
        for value in ticks(*self.y[1:], "y" in self.logs, 5):
            _, y = self.at(self.x[1], value)
            self.path([(left, y), (WIDTH - RIGHT, y)], "faint", 0.5)
            self.words(left - 7, y + 5, short(value), anchor="end")
        for value in ticks(*self.x[1:], "x" in self.logs, 6):
            x, _ = self.at(value, self.y[1])
            self.path([(x, bottom), (x, bottom + 4)])
            wide = 4 * len(short(value))  # half a word, roughly
            self.words(min(x, WIDTH - wide), bottom + 19, short(value))
        self.path([(left, TOP), (left, bottom), (WIDTH - RIGHT, bottom)])
        self.words((left + WIDTH - RIGHT) / 2, self.height - 9, self.x[0])
        middle = (TOP + bottom) / 2
        turned = f' transform="rotate(-90 14 {middle:.0f})"'
        self.words(14, middle, self.y[0], extra=turned)

    def line(
        self,
        xs: Iterable[Any],
        ys: Iterable[Any],
        ink: str = "blue",
        dash: str = "",
        width: float = 2.2,
    ) -> None:
        """A curve through points of the data."""
        self.path(
            [self.at(x, y) for x, y in zip(xs, ys, strict=True)],
            ink,
            width,
            dash,
        )

    def dots(
        self,
        xs: Iterable[Any],
        ys: Iterable[Any],
        ink: str = "blue",
        size: float = 4.5,
    ) -> None:
        """Points of the data."""
        for x, y in zip(xs, ys, strict=True):
            self.dot(*self.at(x, y), ink, size)

    def said(
        self,
        x: float,
        y: float,
        text: str,
        ink: str = "ink",
        anchor: str = "start",
        dx: float = 7,
        dy: float = 5,
    ) -> None:
        """Words beside a point of the data."""
        place = self.at(x, y)
        self.words(
            place[0] + dx,
            place[1] + dy,
            text,
            ink,
            anchor,
            ink != "ink",
            HALO,
        )


def ticks(low: float, high: float, log: bool, most: int) -> list[float]:
    """Round values between two ends, no more than asked."""
    if log:
        first, last = (
            math.ceil(math.log10(low) - ROUND),
            math.floor(math.log10(high) + ROUND),
        )
        every = max(1, math.ceil((last - first + 1) / most))
        return [10.0**k for k in range(first, last + 1, every)]
    rough = (high - low) / most
    unit = 10 ** math.floor(math.log10(rough))
    step = next(m * unit for m in (1, 2, 5, 10) if m * unit >= rough)
    first = math.ceil(low / step - ROUND)
    count = math.floor(high / step + ROUND) - first + 1
    return [(first + i) * step for i in range(count)]


def short(value: float) -> str:
    """A tick as it is written."""
    power = round(math.log10(value)) if value > 0 else 0
    if power >= 5 and value == 10**power:
        return "10" + str(power).translate(
            str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
        )
    return f"{value:,.10g}".replace("-", "−")
