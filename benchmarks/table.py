"""The Markdown tables made from the JSON of the benchmarks: `python benchmarks/table.py` renews them where they are."""

import json
import re
import statistics
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "performance.md"
ORDER = ["exact", "epochs", "steps", "files", "start", "small", "wide", "extended", "growth"]
HEADER = ["work", "contestant", "median", "quartiles", "ratio", "digits", "excess loss", "memory"]
LONG, SLOWER = 0.02, 1.2  # seconds, and times the rival's, from which a point of a growth curve is listed
MARKED = re.compile(r"(<!-- benchmarks -->\n).*?(<!-- /benchmarks -->)", re.DOTALL)

Result = dict[str, Any]


class Figures(NamedTuple):
    """One contestant's: median and quartiles in seconds, ratio of medians to the first one, and the rest.

    One that was stopped took longer than its seconds say.
    """

    name: str
    median: float
    low: float
    high: float
    ratio: float
    digits: float | None
    excess_loss: float | None
    memory: int | None
    stopped: bool = False

    @property
    def multiple(self) -> str:
        """The ratio, and whether it is more."""
        return f"{'> ' * self.stopped}{times(self.ratio)}"

    def cells(self) -> list[str]:
        """What the details say of it."""
        return [
            self.name,
            f"{'> ' * self.stopped}{seconds(self.median)}",
            "stopped" if self.stopped else f"{seconds(self.low)} to {seconds(self.high)}",
            self.multiple,
            "" if self.digits is None else f"{self.digits:.1f}",
            "" if self.excess_loss is None else f"{self.excess_loss:.1e}",
            "" if self.memory is None else f"{self.memory / 2**20:,.0f} MiB",
        ]


def figures(case: Result) -> list[Figures]:
    """The contestants of a case in its order."""
    found, base = [], None
    for name, one in case["contestants"].items():
        median = statistics.median(one["seconds"])
        low, _, high = statistics.quantiles(one["seconds"], n=4, method="inclusive")
        base = base or median
        rest = one["digits"], one.get("excess_loss"), one["memory"], one.get("stopped", False)
        found.append(Figures(name, median, low, high, median / base, *rest))
    return found


def results(folder: Path = RESULTS) -> list[Result]:
    """What was measured, in the order of the tables."""
    paths = [folder / f"{name}.json" for name in ORDER]
    return [json.loads(path.read_text()) for path in paths if path.exists()]


def details(result: Result) -> str:
    """Every contestant of every case, one a row; a column that nobody fills is left out."""
    rows = [[case["title"], *one.cells()] for case in result["cases"] for one in figures(case)]
    return markdown(HEADER, rows)


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """A table, its first two columns to the left and the others to the right, less the empty columns."""
    kept = [k for k in range(len(header)) if any(row[k] for row in rows)]
    rule = ["---" if k < 2 else "---:" for k in range(len(header))]
    return "\n".join(f"| {' | '.join(row[k] for k in kept)} |" for row in [header, rule, *rows])


def summary(found: list[Result]) -> str:
    """One row a work, of its first case: gradline's time, and how many times that the others take, the fastest first.

    What takes no time, the harness alone, is left to the details, and so are the points of growth curves.
    """
    lines = ["| work | gradline | the others, times gradline |", "| --- | ---: | --- |"]
    for case in (result["cases"][0] for result in found if not _is_growth(result)):
        ours, *others = figures(case)
        counted = sorted((one for one in others if one.ratio >= 1e-3), key=lambda one: one.ratio)
        ratios = " · ".join(f"{one.name} {one.multiple}" for one in counted)
        lines.append(f"| {case['title']} | {seconds(ours.median)} | {ratios} |")
    return "\n".join(lines)


def growth(result: Result) -> str:
    """The figure of each axis, and a table of the points where gradline is slower than the simplest rival."""
    axes = dict.fromkeys(case["axis"] for case in result["cases"])
    pictures = [f"![Time by {axis}, both axes logarithmic](assets/{picture(axis)})" for axis in axes]
    told = f"Points above {seconds(LONG)} where gradline takes more than {SLOWER:g} times the simplest rival's time:"
    rows = [row for case in result["cases"] for row in slower(case)]
    header = ["point", "by", "time", "simplest rival", "its time", "ratio"]
    listed = f"{told}\n\n{markdown(header, rows)}" if rows else f"{told} none of {len(result['cases'])}."
    return "\n\n".join([*pictures, listed])


def slower(case: Result) -> list[list[str]]:
    """A row for each of gradline's ways that is; the simplest rival is the first one in the case."""
    found = figures(case)
    rival = next((one for one in found if not one.name.startswith("gradline")), None)
    return [
        [case["title"], one.name, seconds(one.median), rival.name, seconds(rival.median), times(ratio)]
        for one in found
        if rival and one.name.startswith("gradline") and one.median > LONG
        if (ratio := one.median / rival.median) > SLOWER
    ]


def _is_growth(result: Result) -> bool:
    return any(case["axis"] for case in result["cases"])


def picture(axis: str) -> str:
    """The file of an axis's figure."""
    return f"growth-{axis.replace(' ', '-')}.svg"


def times(ratio: float) -> str:
    """A ratio with two digits, or whole."""
    return f"{ratio:.2g}" if ratio < 10 else f"{ratio:,.0f}"


def seconds(value: float) -> str:
    """A time with three digits in the unit that suits it."""
    for unit, name in ((1.0, "s"), (1e-3, "ms")):
        if value >= unit:
            return f"{value / unit:.3g} {name}"
    return f"{value / 1e-6:.3g} µs"


def provenance(found: list[Result]) -> str:
    """The machine, the day and the versions, once for all works that share them."""
    works: dict[str, list[str]] = {}
    for result in found:
        machine = result["machine"]
        versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
        told = (
            f"{machine['cores']} cores of {machine['processor']}, {machine['memory'] / 2**30:.0f} GiB, "
            f"{machine['system']}, {result['date'][:10]}; {versions}."
        )
        works.setdefault(told, []).append(result["name"])
    return "\n\n".join(f"Medians ({', '.join(names)}) on {told}" for told, names in works.items())


def included(text: str, content: str) -> str:
    """The text with the content between its markers, where it has them."""
    return MARKED.sub(lambda found: f"{found[1]}{content}\n{found[2]}", text)


def page(found: list[Result]) -> str:
    """The summary and every table, for the page that shows them."""
    tables = [growth(result) if _is_growth(result) else details(result) for result in found]
    return "\n\n".join([summary(found), *tables, provenance(found)])


if __name__ == "__main__":
    PAGE.write_text(included(PAGE.read_text(), page(results())))
