"""Where the boxes and lines of a directed graph without cycles lie: boxes in rows, lines from row to row.

The layout is that of Sugiyama, Tagawa and Toda (1981): rows by longest path, waypoints where a line passes a
row, barycentre sweeps against crossings, and the positions nearest to straight lines.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from graphlib import TopologicalSorter
from itertools import accumulate, chain, pairwise
from statistics import fmean
from typing import NamedTuple

BESIDE = 22.0  # pixels between two boxes of a row
_BETWEEN, _MOST_BETWEEN = 34.0, 110.0  # pixels between two rows: more where lines run far sideways
_STEEPNESS = 0.06  # so many pixels more for each pixel that a line runs sideways
_PORTS = 16.0  # pixels between two lines that arrive at one box
_WAYPOINT = 6.0  # width that a passing line claims in a row
_TRUNK = 4.0  # how much more a line that passes a row pulls than a box there, or trunks would cross at every branch
_SORTING, _STRAIGHTENING = 10, 9  # sweeps, down and up in turn; more change little


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


def layered(sizes: Sequence[tuple[float, float]], edges: Sequence[tuple[int, int]]) -> Layout:
    """Lay out the nodes of these sizes (width, height) so that every edge (from, to) runs downwards.

    The lines of one node to far rows share one trunk, so that a parameter used in every step of a long
    computation costs one line. No curve touches a box but at its own ends. The edges must form no cycle.
    """
    items = _Items(sizes, edges)
    items.sweep()
    bands, boxes = items.bands(), []
    for item, (width, height) in enumerate(items.sizes):
        top, bottom = bands[items.ranks[item]]
        middle = (top + bottom - height) / 2 if item < len(sizes) else top
        boxes.append(Box(items.centres[item] - width / 2, middle, width, height))
    curves = []
    for upper, lower, port in items.arrivals():
        start = items.centres[upper], boxes[upper].top + boxes[upper].height
        gap = bands[items.ranks[upper]][1], bands[items.ranks[lower]][0]
        end = port, boxes[lower].top
        curves.append(Curve(items.owners[upper], start, gap, end, arrives=lower < len(sizes)))
    right = max(box.left + box.width for box in boxes)
    return Layout(boxes[: len(sizes)], curves, right, bands[-1][1])


class _Items:
    """The nodes, and after them the waypoints of their lines; links join neighbouring rows."""

    def __init__(self, sizes: Sequence[tuple[float, float]], edges: Sequence[tuple[int, int]]) -> None:
        self.owners, self.sizes = list(range(len(sizes))), list(sizes)
        self.links: list[tuple[int, int]] = []
        below: dict[int, list[int]] = {node: [] for node in self.owners}
        for source, target in edges:
            below[source].append(target)
        heights: dict[int, int] = {}
        for node in TopologicalSorter(below).static_order():  # each after those below it
            heights[node] = max((heights[target] + 1 for target in below[node]), default=0)
        tallest = max(heights.values())
        # As low as the longest way to the bottom allows, so that lines are short.
        self.ranks = [tallest - heights[node] for node in self.owners]
        for source, targets in below.items():
            trunk, first = [source], self.ranks[source]
            for rank in range(first + 1, max((self.ranks[target] for target in targets), default=0)):
                self.links.append((trunk[-1], len(self.owners)))
                trunk.append(len(self.owners))
                self.owners.append(source)
                self.sizes.append((_WAYPOINT, 0.0))
                self.ranks.append(rank)
            self.links += [(trunk[self.ranks[target] - first - 1], target) for target in targets]
        self.rows: list[list[int]] = [[] for _ in range(max(self.ranks) + 1)]
        for item, rank in enumerate(self.ranks):
            self.rows[rank].append(item)
        self.centres = [0.0] * len(self.owners)

    def sweep(self) -> None:
        """Find the horizontal centre of every item; sorts each row from left to right on the way.

        A sweep goes from row to row and moves each item to the barycentre of its neighbours in the row before; the
        first sweeps sort each row by that. An item pulls the more, and yields the less, the more rows lie behind it,
        so the longest way becomes a spine, and trunks are straight.
        """
        above, below = defaultdict[int, list[int]](list), defaultdict[int, list[int]](list)
        for upper, lower in self.links:
            above[lower].append(upper)
            below[upper].append(lower)
        behind = [0] * len(self.owners)
        for item in chain.from_iterable(self.rows):
            is_waypoint, steps = self.owners[item] != item, [behind[upper] + 1 for upper in above[item]]
            behind[item] = len(self.rows) if is_waypoint else max(steps, default=0)
        weights = [1.0 if owner == item else _TRUNK for item, owner in enumerate(self.owners)]
        for sweep in range(_SORTING + _STRAIGHTENING):
            near, order = (above, self.rows) if sweep % 2 == 0 else (below, self.rows[::-1])
            if sweep == _SORTING:
                weights = [(1.0 + 3 * rows) ** 2 for rows in behind]
            for row in order:
                wanted = {item: self.centres[item] for item in row}
                for item in row:
                    if others := near[item]:
                        wanted[item] = fmean([self.centres[i] for i in others], [weights[i] for i in others])
                if sweep < _SORTING:
                    row.sort(key=wanted.__getitem__)
                self._place(row, wanted, weights)
        leftmost = min(x - width / 2 for x, (width, _) in zip(self.centres, self.sizes, strict=True))
        self.centres = [x - leftmost for x in self.centres]

    def _place(self, row: Sequence[int], wanted: dict[int, float], weights: Sequence[float]) -> None:
        """Put a row as near as can be to where its items want to be, in this order and without overlap.

        Nearest in weighted least squares. Without the gaps, which a shift takes out, that is isotonic regression:
        items in the wrong order are pooled at their mean (pool adjacent violators, Ayer et al. 1955).
        """
        gaps = (BESIDE + (self.sizes[a][0] + self.sizes[b][0]) / 2 for a, b in pairwise(row))
        shifts = dict(zip(row, accumulate(gaps, initial=0.0), strict=True))
        pools: list[tuple[float, float, list[int]]] = []  # mean, weight, items
        for item in row:
            mean, weight, items = wanted[item] - shifts[item], weights[item], [item]
            while pools and pools[-1][0] > mean:
                before, more, others = pools.pop()
                mean, items = (before * more + mean * weight) / (more + weight), others + items
                weight += more
            pools.append((mean, weight, items))
        for mean, _, items in pools:
            for item in items:
                self.centres[item] = mean + shifts[item]

    def bands(self) -> list[tuple[float, float]]:
        """Top and bottom of each row."""
        sideways = [0.0] * len(self.rows)
        for upper, lower in self.links:
            rank, run = self.ranks[lower], abs(self.centres[upper] - self.centres[lower])
            sideways[rank] = max(sideways[rank], run)
        bands, bottom = [], -_BETWEEN
        for row, run in zip(self.rows, sideways, strict=True):
            top = bottom + min(_BETWEEN + _STEEPNESS * run, _MOST_BETWEEN)
            bottom = top + max(self.sizes[item][1] for item in row)
            bands.append((top, bottom))
        return bands

    def arrivals(self) -> Iterator[tuple[int, int, float]]:
        """Each link and where it arrives: side by side at one box, from left to right as the lines come."""
        uppers = defaultdict[int, list[int]](list)
        for upper, lower in sorted(self.links, key=lambda link: self.centres[link[0]]):
            uppers[lower].append(upper)
        for lower, ordered in uppers.items():
            step = min(_PORTS, self.sizes[lower][0] * 0.8 / len(ordered))
            first = self.centres[lower] - step * (len(ordered) - 1) / 2
            yield from ((upper, lower, first + step * place) for place, upper in enumerate(ordered))
