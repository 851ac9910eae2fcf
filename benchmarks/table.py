"""The Markdown tables made from the JSON of the benchmarks: `python benchmarks/table.py` renews them where they are."""

import json
import re
import statistics
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
MARKED = re.compile(r"(<!-- benchmarks -->\n).*?(<!-- /benchmarks -->)", re.DOTALL)

Result = dict[str, Any]


class Figures(NamedTuple):
    """One contestant's: median and quartiles in seconds, ratio of medians to the first one, digits, bytes."""

    name: str
    median: float
    low: float
    high: float
    ratio: float
    digits: float | None
    memory: int | None


def figures(case: Result) -> list[Figures]:
    """The contestants of a case in its order."""
    found, base = [], None
    for name, one in case["contestants"].items():
        median = statistics.median(one["seconds"])
        low, _, high = statistics.quantiles(one["seconds"], n=4, method="inclusive")
        base = base or median
        found.append(Figures(name, median, low, high, median / base, one["digits"], one["memory"]))
    return found


def results(folder: Path = RESULTS) -> list[Result]:
    """What was measured, by name."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def details(result: Result) -> str:
    """Every contestant of every case, one a row."""
    lines = [
        "| work | contestant | median | quartiles | ratio | digits | memory |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for case in result["cases"]:
        for one in figures(case):
            cells = [
                case["title"],
                one.name,
                seconds(one.median),
                f"{seconds(one.low)} to {seconds(one.high)}",
                f"{one.ratio:.2g}" if one.ratio < 10 else f"{one.ratio:,.0f}",
                "" if one.digits is None else f"{one.digits:.1f}",
                "" if one.memory is None else f"{one.memory / 2**20:,.0f} MiB",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", provenance(result)])


def summary(found: list[Result]) -> str:
    """One row a case: gradline's time, and how many times that the others take, the fastest first.

    What takes no time, the harness alone, is left to the details.
    """
    lines = ["| work | gradline | the others, times gradline |", "| --- | ---: | --- |"]
    cases = [case for result in found for case in result["cases"] if not case["axis"]]
    for case in cases:
        ours, *others = figures(case)
        counted = sorted((one for one in others if one.ratio >= 1e-3), key=lambda one: one.ratio)
        ratios = " · ".join(f"{one.name} {one.ratio:,.2g}" for one in counted)
        lines.append(f"| {case['title']} | {seconds(ours.median)} | {ratios} |")
    notes = dict.fromkeys(provenance(result) for result in found)
    return "\n".join([*lines, "", *notes])


def seconds(value: float) -> str:
    """A time with three digits in the unit that suits it."""
    for unit, name in ((1.0, "s"), (1e-3, "ms")):
        if value >= unit:
            return f"{value / unit:.3g} {name}"
    return f"{value / 1e-6:.3g} µs"


def provenance(result: Result) -> str:
    """The machine, the day and the versions."""
    machine = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    return (
        f"Medians on {machine['cores']} cores of {machine['processor']}, {machine['memory'] / 2**30:.0f} GiB, "
        f"{machine['system']}, {result['date'][:10]}; {versions}."
    )


def included(text: str, content: str) -> str:
    """The text with the content between its markers, where it has them."""
    return MARKED.sub(lambda found: f"{found[1]}{content}\n{found[2]}", text)


def pages(found: list[Result]) -> dict[Path, str]:
    """Which page has which table."""
    return {
        ROOT / "README.md": summary(found),
        ROOT / "docs" / "performance.md": "\n\n".join(map(details, found)),
    }


if __name__ == "__main__":
    for path, content in pages(results()).items():
        if path.exists():
            path.write_text(included(path.read_text(), content))
