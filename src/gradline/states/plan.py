"""What an update would read, from listings and the ends of files alone: `EXPLAIN` for passes over rows."""

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, Unpack

from gradline.core.memory_limit import MATRICES, STREAMING, in_bytes
from gradline.core.parallel import ordered_map
from gradline.core.text import counted, listed, number
from gradline.data.parquet_footer import read_footer
from gradline.data.selection import Choice, Selection
from gradline.states.ledger import States
from gradline.states.recipe import Recipe
from gradline.states.units import File

_RATE = "100MB"  # of used columns a second: Parquet from a disk, on one core, 20 columns
_LOOK = 1 << 16  # bytes of a text file that tell how long its rows are
_SHOWN = 16  # text files that are looked at


@dataclass(frozen=True)
class Plan:
    """What an update would do; nothing was read but names, sizes and ends of files, and first rows of a few.

    - `files`: all that the data name; `new`, `changed`, `known`: those that are not in the ledger, are there as they
      were, and as they are; `gone`: files of the ledger that the data named do not hold any more.
    - `rows`: of files that would be read; `is_estimate` where text files tell them by the length of their first ones.
    - `bytes`: of those files; `used`: of the columns that take part, where a file tells (Parquet), else of it all.
    - `passes`: what each pass over them is for.
    - `columns`: of X and Y, with the levels that are known; `state`: bytes of one state of so many.
    - `memory`: bytes that one process may take while rows stream.
    - `seconds`: at `rate` bytes of used columns a second.

    >>> import gradline
    >>> plan = gradline.plan("example:crops", ["apples", "oranges"])
    >>> plan.new, plan.columns, len(plan.passes)
    (1, 5, 1)
    """

    files: int
    new: int
    changed: int
    known: int
    gone: int
    rows: int
    is_estimate: bool
    bytes: int
    used: int
    passes: tuple[str, ...]
    columns: int
    state: int
    memory: int
    rate: int

    @property
    def seconds(self) -> float:
        """How long the passes take at the rate."""
        return len(self.passes) * self.used / self.rate

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain JSON."""
        return asdict(self) | {"passes": list(self.passes), "seconds": self.seconds}

    def __str__(self) -> str:
        about = "about " if self.is_estimate else ""
        counts = f"{self.new:,} new, {self.changed:,} changed, {self.known:,} known, {self.gone:,} gone"
        lines = [
            f"Files: {self.files:,} ({counts}).",
            f"To read: {about}{counted(self.rows, 'row')}, {_size(self.used)} of columns in use "
            f"out of {_size(self.bytes)}.",
            *(f"Pass {i}: {text}." for i, text in enumerate(self.passes, 1)),
            f"State: {counted(self.columns, 'column')}, {_size(self.state)}. "
            f"Memory: up to {_size(self.memory)} a process.",
            f"Time: {number(self.seconds)} s at {_size(self.rate)} a second, on one core.",
        ]
        return "\n".join(lines)


class _Bulk(NamedTuple):
    """Rows, None where nobody says, bytes, and bytes of columns in use."""

    rows: int | None
    bytes: int
    used: int


def plan(
    data: Any,
    targets: Any = None,
    *,
    states: States | str | os.PathLike[str] | None = None,
    exact: bool = False,
    rate: int | str = _RATE,
    **choice: Unpack[Choice],
) -> Plan:
    """What `States.update`, or a fit of these files, would read.

    Parameters:
    - `data`, `targets` and the others: as in `States.update`.
    - `states`: the ledger, or its folder; what is in it is not read again. None (default): all is read.
    - `rate`: bytes of used columns a second, such as "100MB" (default), or a number; measure your own storage.

    Returns a `Plan`. Raises what `States.update` raises before it reads.

    >>> import gradline
    >>> states = gradline.States("ledger")
    >>> receipt = states.update("example:crops", ["apples", "oranges"])
    >>> gradline.plan("example:crops", states=states).known
    1
    """
    ledger = States(os.devnull if states is None else states) if not isinstance(states, States) else states
    news = ledger.news(Selection(data, targets, **choice), exact)
    recipe, columns = news.recipe, {*news.recipe.design.columns}
    bulks = list(ordered_map(news.files, lambda file: _bulk(file, columns)))
    length = _length(file for file, bulk in zip(news.files, bulks, strict=True) if bulk.rows is None)
    rows = sum(bulk.rows if bulk.rows is not None else int(bulk.bytes / length) for bulk in bulks)
    wide = recipe.wide(recipe.known)
    k = len(wide.features) + len(wide.targets)
    return Plan(
        files=news.named,
        new=len(news.files) - news.changed,
        changed=news.changed,
        known=news.named - len(news.files),
        gone=len(news.gone),
        rows=rows,
        is_estimate=any(bulk.rows is None for bulk in bulks),
        bytes=sum(bulk.bytes for bulk in bulks),
        used=sum(bulk.used for bulk in bulks),
        passes=_passes(recipe, states is not None) if bulks else (),
        columns=k,
        # Pairs of the upper triangle and six vectors; exact sums have some four digits of 48 bits and an exponent.
        state=(5 if exact else 2) * 8 * (k + 1) * (k + 2) // 2 + 6 * 8 * k,
        memory=STREAMING + 8 * MATRICES * k**2,
        rate=in_bytes(rate),
    )


def _passes(recipe: Recipe, has_ledger: bool) -> tuple[str, ...]:
    sums = "sums over the rows" + (f" and the levels of {listed(recipe.open)}" if recipe.open else "")
    if "formula" in recipe.asked and not has_ledger:
        return ("what the formula learns from all rows", "sums over the rows")
    if recipe.open and not has_ledger:
        return (f"the levels of {listed(recipe.open)}", "sums over the rows")
    return (sums,)


def _bulk(file: File, columns: set[str]) -> _Bulk:
    size = int(file.stamp.split("-")[0])
    footer = read_footer(Path(file.uri))
    if footer is None:
        return _Bulk(None, size, size)
    used = sum(count for group in footer.groups for name, count in group.sizes.items() if name in columns)
    return _Bulk(footer.rows, size, used)


def _length(files: Iterable[File]) -> float:
    """The bytes of a row of text files, by the first ones of a few."""
    count = size = 0
    for file in list(files)[:_SHOWN]:
        with open(file.uri, "rb") as stream:
            head = stream.read(_LOOK)
        lines = max(1, head.count(b"\n") - 1)  # without that of the names
        count, size = count + lines, size + len(head)
    return size / count if count else 1.0


def _size(count: int) -> str:
    """Bytes in words."""
    for unit, word in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= unit:
            return f"{number(count / unit)} {word}"
    return f"{count} bytes"
