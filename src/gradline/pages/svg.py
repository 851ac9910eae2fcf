"""Small charts as SVG: axes with round numbers, dots, lines, bands, and names that never lie over one another.

They are drawn where the page is written, so that they need no script, print as they are and weigh a few kilobytes.
"""

import html
import math
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from gradline.core.text import number, one_line

WIDTH, HEIGHT = 400, 260  # of a chart in its own units: on a telephone a unit is nearly a pixel
_SIZE = 12  # of letters
# How wide a letter is at most in the usual fonts, of which DejaVu and Verdana are the widest; in the size of letters.
_NARROW, _BROAD = frozenset("iljtfrI.,:;'!|()[]{}/\\ -`"), frozenset("mwMW@%<>=+~_#&…→−–—√Ω")
_WIDTHS = {"narrow": 0.43, "broad": 1.0, "usual": 0.64, "capital": 0.76, "east": 1.05}
_LINE = 1.3  # lines of text, in their size
_TOP, _RIGHT = 24, 12
_BEST = (1.0, 2.0, 2.5, 5.0, 10.0)  # steps between round numbers, but for a power of ten


def wide(text: str, size: float = _SIZE) -> float:
    """How wide a text is at most in any usual font."""
    return size * sum(map(_letter, text))


def _letter(c: str) -> float:
    if c in _NARROW:
        return _WIDTHS["narrow"]
    if c in _BROAD or (not c.isalnum() and ord(c) > 0x2000):
        return _WIDTHS["broad"]
    if unicodedata.east_asian_width(c) in "WF":
        return _WIDTHS["east"]
    return _WIDTHS["capital" if c.isupper() else "usual"]


def cut(text: str, room: float) -> str:
    """A text on one line, cut in the middle where it is wider than the room."""
    line = one_line(text)
    while wide(line) > room and len(line) > 3:
        half = (len(line) - 2) // 2
        line = f"{line[:half]}…{line[-half:]}" if half else line[:1]
    return line


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers between two ends, no more than `most` of them and, where that can be, no fewer than two."""
    if not (math.isfinite(low) and math.isfinite(high) and high > low):
        return [low] if math.isfinite(low) else []
    rough = (high - low) / max(most, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    for factor in _BEST:
        step = factor * power
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if 1 <= last - first + 1 <= most:
            return [i * step for i in range(first, last + 1)]
    return [low, high][:most]


def tick_text(value: float, step: float) -> str:
    """A round number in as many digits as its step needs."""
    if value and not 1e-4 <= abs(value) < 1e7:
        return number(value, 3).replace("-", "−")
    decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 3
    if decimals and round(step * 10**decimals) != step * 10**decimals and decimals < 6:
        decimals += 1  # of steps such as 0.25
    text = f"{value:,.{decimals}f}"
    return text.replace("-", "−") if any(c in "123456789" for c in text) else "0"


class Box(NamedTuple):
    """A rectangle that something takes."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        """Whether two of them lie over one another."""
        apart = self.right <= other.left or other.right <= self.left
        return not (apart or self.bottom <= other.top or other.bottom <= self.top)


@dataclass(eq=False)
class Chart:
    """A plane with two axes. `x` and `y` are their ends, `names` stand beside the rows of a chart without a y axis."""

    x: tuple[float, float]
    y: tuple[float, float]
    x_title: str = ""
    y_title: str = ""
    height: float = HEIGHT
    names: Sequence[str] = ()
    x_text: Callable[[float], str] | None = None
    _parts: list[str] = field(default_factory=list)
    _taken: list[Box] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.x, self.y = _opened(self.x), _opened(self.y)
        self.top = _TOP if self.y_title else 8.0
        self.bottom = self.height - _SIZE * _LINE * (2.3 if self.x_title else 1.3)
        if self.names:
            self.left = 12 + max(wide(cut(name, 150)) for name in self.names)
        else:
            steps = self._y_ticks()
            texts = [tick_text(value, _step(steps)) for value in steps]
            self.left = 10 + max([wide(text) for text in texts] or [0])
        self.right = WIDTH - _RIGHT
        self._axes()

    def _y_ticks(self) -> list[float]:
        return ticks(*self.y, max(2, int((self.bottom - self.top) / 40)))

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point lies on the picture."""
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return self.left + across * (self.right - self.left), self.bottom - up * (self.bottom - self.top)

    def _axes(self) -> None:
        if self.names:
            for i, name in enumerate(self.names):
                y = self.at(self.x[0], i)[1]
                self.write(cut(name, 150), self.left - 6, y + 4, "end")
        else:
            values = self._y_ticks()
            for value in values:
                y = self.at(self.x[0], value)[1]
                self._add(f'<path class="grid" d="M{self.left:.1f} {y:.1f}H{self.right:.1f}"/>')
                self.write(tick_text(value, _step(values)), self.left - 5, y + 4, "end")
        for most in (6, 5, 4, 3, 2, 1):
            values = ticks(*self.x, most)
            texts = [self.x_text(v) if self.x_text else tick_text(v, _step(values)) for v in values]
            places = [self.at(value, self.y[0])[0] for value in values]
            ends = [
                (place - wide(text) / 2, place + wide(text) / 2)
                for place, text in zip(places, texts, strict=True)
            ]
            if all(before[1] + 6 <= after[0] for before, after in pairwise(ends)):
                break
        for place, text in zip(places, texts, strict=True):
            self._add(f'<path class="grid" d="M{place:.1f} {self.top:.1f}V{self.bottom:.1f}"/>')
            half = wide(text) / 2
            self.write(
                text, min(max(place, half + 1), WIDTH - half - 1), self.bottom + _SIZE * _LINE, "middle"
            )
        if self.x_title:
            title = cut(self.x_title, WIDTH - 16)
            middle = min(max((self.left + self.right) / 2, wide(title) / 2 + 2), WIDTH - wide(title) / 2 - 2)
            self.write(title, middle, self.height - 4, "middle")
        if self.y_title:
            self.write(cut(self.y_title, WIDTH - 16), 2, 13, "start")

    def write(self, text: str, x: float, y: float, anchor: str, kind: str = "") -> None:
        """A text whose `anchor` (start, middle, end) stands at a place."""
        start = x - wide(text) * {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor]
        self._taken.append(Box(start, y - _SIZE, start + wide(text), y + 3))
        place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
        self._add(f"<text{_class(kind)} {place}>{html.escape(text)}</text>")

    def dots(self, x: np.ndarray, y: np.ndarray, kind: str = "dots") -> None:
        """Points, as one path: a line of no length has round ends."""
        known = np.isfinite(x) & np.isfinite(y)
        places = [self.at(float(a), float(b)) for a, b in zip(x[known], y[known], strict=True)]
        self._add(f'<path class="{kind}" d="{"".join(f"M{a:.1f} {b:.1f}h0" for a, b in places)}"/>')

    def line(
        self, x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray, kind: str = "fit"
    ) -> None:
        """A line through points; where one has no value it is broken."""
        parts, open_line = [], False
        for a, b in zip(x, y, strict=True):
            if not (math.isfinite(a) and math.isfinite(b)):
                open_line = False
                continue
            u, v = self.at(float(a), float(b))
            parts.append(f"{'L' if open_line else 'M'}{u:.1f} {v:.1f}")
            open_line = True
        self._add(f'<path class="{kind}" d="{"".join(parts)}"/>')

    def band(self, x: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
        """The area between two lines."""
        there = [self.at(float(a), float(b)) for a, b in zip(x, low, strict=True)]
        back = [self.at(float(a), float(b)) for a, b in zip(x[::-1], high[::-1], strict=True)]
        points = " ".join(f"{u:.1f},{v:.1f}" for u, v in (*there, *back))
        self._add(f'<polygon class="band" points="{points}"/>')

    def whisker(self, low: float, high: float, y: float, kind: str = "whisker") -> None:
        """A bar from low to high."""
        (a, v), (b, _) = self.at(low, y), self.at(high, y)
        self._add(f'<path class="{kind}" d="M{a:.1f} {v:.1f}H{b:.1f}"/>')

    def name(self, text: str, x: float, y: float) -> None:
        """A name beside a point, on the first side where it lies over nothing; left out where there is none."""
        u, v = self.at(x, y)
        half = wide(text) / 2
        sides = (("middle", 0, -8), ("start", 8, 4), ("end", -8, 4), ("middle", 0, 18))
        for anchor, across, down in sides:
            start = u + across - {"start": 0.0, "middle": half, "end": 2 * half}[anchor]
            box = Box(start - 2, v + down - _SIZE, start + 2 * half + 2, v + down + 3)
            inside = (
                box.left >= self.left
                and box.right <= WIDTH
                and box.top >= self.top
                and box.bottom <= self.bottom
            )
            if inside and not any(box.meets(other) for other in self._taken):
                self.write(text, u + across, v + down, anchor, "named")
                return

    def _add(self, part: str) -> None:
        self._parts.append(part)

    def svg(self, title: str) -> str:
        """The picture, called by its title to those who hear it."""
        return (
            f'<svg class="chart" viewBox="0 0 {WIDTH} {self.height:.0f}" role="img" aria-label="{html.escape(title)}">'
            f"{''.join(self._parts)}</svg>"
        )


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _step(values: Sequence[float]) -> float:
    return values[1] - values[0] if len(values) > 1 else abs(values[0]) if values and values[0] else 1.0


def _opened(ends: tuple[float, float]) -> tuple[float, float]:
    """Ends that are apart, with a little room beyond either."""
    low, high = ends
    if not (math.isfinite(low) and math.isfinite(high)):
        return 0.0, 1.0
    room = 0.04 * (high - low) or abs(low) * 0.1 or 1.0
    return low - room, high + room
