"""Files, or rows that follow one another, in which a column is in another unit than elsewhere."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from gradline.core.errors import Notice
from gradline.core.text import listed, shell
from gradline.model.seen_rows import FileRows

_FEWEST = 3  # files that tell which unit is the usual one
_RUN = 5  # rows that a block has at least

_POWERS = {
    -3: "a thousandth of",
    -2: "a hundredth of",
    -1: "a tenth of",
    1: "10 times",
    2: "100 times",
    3: "1,000 times",
}
_POWERS |= {-6: "a millionth of", 6: "a million times"}
_UNITS = (
    7.0,
    12.0,
    24.0,
    60.0,
    3600.0,
    2.54,
    25.4,
    3.28084,
    1.609344,
    2.204623,
    3.785412,
)  # others that are mixed up
# What is found in place of what, as slope and start of the line from the one to the other.
_TEMPERATURES = {
    "in °F and elsewhere in °C": (1.8, 32.0),
    "in °C and elsewhere in °F": (1 / 1.8, -32 / 1.8),
    "in K and elsewhere in °C": (1.0, 273.15),
    "in °C and elsewhere in K": (1.0, -273.15),
}


def other_units(parts: Sequence[FileRows]) -> Iterator[Notice]:
    """Columns that some files, or some rows that follow one another, hold in another unit."""
    by_file = list(_of_files([part for part in parts if len(part.values)]))
    told = {one.name for one in by_file}
    for one in [*by_file, *(one for one in _of_a_run(parts[0].whole.together) if one.name not in told)]:
        cause = f"{one.name} is {one.unit} {one.where}, as if its unit changed"
        yield Notice("unit-jump", cause, True, f"bring all rows to one unit{one.without}", one.name)


class _Block(NamedTuple):
    """Rows in which a column is in another unit: where they are, their values (n,) and those of the others."""

    name: str
    where: str
    unit: str
    values: np.ndarray
    others: np.ndarray

    @property
    def without(self) -> str:
        """The option that leaves them out; empty where no bound is between them and the others."""
        if self.others.max() < self.values.min():
            bound = f"<= {self.others.max().item()!r}"
        elif self.values.max() < self.others.min():
            bound = f">= {self.others.min().item()!r}"
        else:
            return ""
        return f", or leave these out: {shell(['--where', f'{self.name} {bound}'])}"


def _of_files(parts: Sequence[FileRows]) -> Iterator[_Block]:
    """The files that another unit tells from the others: more than half agree, and each that does not is explained."""
    if len(parts) < _FEWEST:
        return
    low, middle, high = np.stack([_ranges(part.values) for part in parts], axis=1)  # of (files, k)
    usual = np.argsort(middle, axis=0, kind="stable")[len(parts) // 2]
    for j, name in enumerate(parts[0].numbers):
        apart = (low[:, j] > high[usual[j], j]) | (high[:, j] < low[usual[j], j])
        if not apart.any() or 2 * apart.sum() >= len(parts):
            continue
        odd = [part for part, is_apart in zip(parts, apart, strict=True) if is_apart]
        others = np.concatenate(
            [part.values[:, j] for part, is_apart in zip(parts, apart, strict=True) if not is_apart]
        )
        units = {another_unit(part.values[:, j], others) for part in odd}
        unit = units.pop()
        if unit and not units:
            where = f"in {listed([part.source.name for part in odd], 3)}"
            yield _Block(name, where, unit, np.concatenate([part.values[:, j] for part in odd]), others)


def _of_a_run(part: FileRows) -> Iterator[_Block]:
    """The same of rows that follow one another, by their size and as they are."""
    for j in _may_have_runs(part.values):
        found = (_in_a_run(part, j, scale) for scale in _scales(part.values[:, j]))
        if told := next(filter(None, found), None):
            yield told


def _in_a_run(part: FileRows, j: int, scale: np.ndarray) -> _Block | None:
    """The rows that one of the scales of a column shows to be in another unit."""
    rows = _run(scale)
    if rows is None:
        return None
    column = part.values[:, j]
    others = np.concatenate([column[: rows.start], column[rows.stop :]])
    unit = another_unit(column[rows], others)
    where = f"from {part.place(rows.start)} to {part.place(rows.stop - 1)}" if unit else ""
    return _Block(part.numbers[j], where, unit, column[rows], others) if unit else None


def _scales(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers by their size, on which a factor is a distance, and as they are."""
    with np.errstate(divide="ignore"):
        sizes = np.log10(np.abs(columns))
    return np.where(np.isfinite(sizes), sizes, -300.0), columns


def lasting_change(values: np.ndarray) -> tuple[int, float] | None:
    """The row from which a column is a change of unit larger or smaller, and how many times; None where there is none.

    All values before it are smaller than all after it, or larger, by half again at least and by a gap of more than half
    of what either part spans as a ratio; and a factor between units that people mix up makes the two parts alike.
    """
    if len(values) < 2 * _RUN or not (values > 0).all():
        return None
    logs = np.log10(values)
    at = next((at for at in map(_split, (logs, -logs)) if at is not None), None)
    if at is None:
        return None
    before, after = logs[:at], logs[at:]
    gap = max(after.min() - before.max(), before.min() - after.max())
    if gap <= max(np.ptp(before) / 2, np.ptp(after) / 2, math.log10(1.5)):
        return None
    ours, theirs = (_ranges(part[:, None])[:, 0] for part in (after, before))
    sign = math.copysign(1.0, ours[1] - theirs[1])
    for factor in (*_UNITS, *(10.0**power for power in _POWERS if power > 0)):
        if _are_alike(ours - sign * math.log10(factor), theirs, 2.0, min(at, len(after))):
            return at, 10 ** (ours[1] - theirs[1])
    return None


def is_another_group(columns: np.ndarray, at: int) -> bool:
    """Whether rows from one on are of another group: some column of (n, k) is parted there by its values, and not as
    one that rises or falls all the time, such as a year."""
    before, after = columns[:at], columns[at:]
    parted = (before.max(axis=0) < after.min(axis=0)) | (before.min(axis=0) > after.max(axis=0))
    steps = np.diff(columns, axis=0)
    return bool((parted & (steps > 0).any(axis=0) & (steps < 0).any(axis=0)).any())


def _split(values: np.ndarray) -> int | None:
    """The first row with all values before it below all from it on, and enough rows on both sides."""
    highest = np.maximum.accumulate(values)[_RUN - 1 : -_RUN]
    lowest = np.minimum.accumulate(values[::-1])[::-1][_RUN : len(values) - _RUN + 1]
    gaps = lowest - highest
    best = int(np.argmax(gaps))
    return best + _RUN if gaps[best] > 0 else None


def _may_have_runs(values: np.ndarray) -> list[int]:
    """The columns of (n, k) that may have what `_run` finds, which looks closer.

    A running median lies as far away as `_run` asks for where most values of its window do.
    """
    n, k = values.shape
    if n < 3 * _RUN or not k:
        return []
    scales = np.concatenate(_scales(values), axis=1)
    ordered = np.sort(scales, axis=0)
    centre = (ordered[(n - 1) // 2] + ordered[n // 2]) / 2
    usual = np.sort(np.abs(scales[1:] - scales[:-1]), axis=0)[
        (n - 2) // 2
    ]  # or less, between two in the middle
    away, reach = scales - centre, _RUN - 1
    far = np.concatenate([away > 2 * usual, away < -2 * usual], axis=1)
    if np.add.reduce(far, axis=0).max() < _RUN // 2 + 1:  # in a mirror the others count twice
        return []
    whole = np.concatenate(
        [far[reach:0:-1], far, far[-2 : -reach - 2 : -1]]
    )  # as seen in mirrors at both ends
    counts = np.add.accumulate(whole, axis=0, dtype=np.int32)
    window = 2 * _RUN - 1
    most = np.maximum(counts[window - 1], (counts[window:] - counts[:-window]).max(axis=0))
    return np.flatnonzero((most.reshape(-1, k) >= _RUN).any(axis=0)).tolist()


def _run(values: np.ndarray) -> slice | None:
    """The only rows that follow one another, at most half of all, and lie elsewhere than the others as a whole.

    Their running median lies twice as far from the median as half of the values do from the next one (about 2σ of
    independent rows, however long the run). They begin and end where most values on this side are nearer to theirs, and
    on that side to the others'.
    """
    if len(values) < 3 * _RUN:
        return None
    centre = np.median(values)
    usual = np.median(np.abs(np.diff(values)))
    window = 2 * _RUN - 1
    windows = sliding_window_view(np.pad(values, _RUN - 1, mode="reflect"), window)
    running = np.partition(windows, _RUN - 1, axis=1)[
        :, _RUN - 1
    ]  # the middle one, without the sorting of a median
    away = running - centre
    away *= np.sign(away[np.argmax(np.abs(away))])
    far = np.flatnonzero(away > 2 * usual)
    if (
        usual == 0
        or away.min() < -3 * usual
        or not 1 <= len(far) <= len(values) // 2
        or far[-1] - far[0] + 1 > len(far)
    ):
        return None
    own = np.median(values[far[0] : far[-1] + 1])
    nearer = np.where(np.abs(values - own) < np.abs(values - centre), 1, -1)
    middle = int(far[len(far) // 2])
    start = middle - int(np.argmax(np.cumsum(nearer[middle::-1])))
    stop = middle + 1 + int(np.argmax(np.cumsum(nearer[middle:])))
    return slice(start, stop)


def _ranges(values: np.ndarray) -> np.ndarray:
    """Of each column of (n, k) all but a twentieth at each end, and the median: (3, k)."""
    ordered, places = np.sort(values, axis=0), np.array([[0.05], [0.5], [0.95]]) * (len(values) - 1)
    before = places.astype(int)
    first, last = ordered[before[:, 0]], ordered[-(-places // 1).astype(int)[:, 0]]
    return first + (places - before) * (last - first)


def another_unit(block: np.ndarray, others: np.ndarray) -> str:
    """How a block (n,) is to the others (k,), where they are alike but for their unit; empty where they are not.

    A power of ten, or the line between two scales of temperature, takes the others to the block, and the two lie apart
    by half of their widths, or a fifth for temperatures, which no slow change leaves between its parts.
    """
    if min(len(block), len(others)) < _RUN:
        return ""
    ours, theirs = (_ranges(column[:, None])[:, 0] for column in (block, others))
    if ours[0] > 0 and theirs[0] > 0:
        logs, usual = np.log10(ours), np.log10(theirs)
        power = round(logs[1] - usual[1])
        if (
            power in _POWERS
            and _are_apart(logs, usual, 0.5)
            and _are_alike(logs - power, usual, 2.0, len(block))
        ):
            return f"about {_POWERS[power]} what it is elsewhere"
    for what, (slope, start) in _TEMPERATURES.items():
        celsius = ours if "°C and" in what else theirs
        is_weather = celsius[0] > -90 and celsius[2] < 60  # as far as the weather goes
        in_theirs = (ours - start) / slope
        if is_weather and _are_apart(ours, theirs, 0.2) and _are_alike(in_theirs, theirs, 4 / 3, len(block)):
            return what
    return ""


def _are_apart(ours: np.ndarray, theirs: np.ndarray, share: float) -> bool:
    """Whether a gap of this share of the wider one lies between two ranges."""
    gap = max(ours[0] - theirs[2], theirs[0] - ours[2])
    return gap > share * max(ours[2] - ours[0], theirs[2] - theirs[0])


def _are_alike(ours: np.ndarray, theirs: np.ndarray, most: float, count: int) -> bool:
    """Whether two ranges have one width, the larger at most so many times the other, and one middle.

    The medians of `count` rows of a normal column, whose range is 3.3σ wide, scatter by 1.25σ/√count; four times that
    is allowed, and a third of the width at most.
    """
    width, usual = ours[2] - ours[0], theirs[2] - theirs[0]
    near = usual * min(1 / 3, 1.5 / math.sqrt(count))
    return 0 < usual <= most * width <= most**2 * usual and bool(abs(ours[1] - theirs[1]) <= near)
