"""How dates are written: which spellings fit the cells of a column, and cells in a spelling that is told."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import polars as pl

from gradline.core.text import shell
from gradline.data.months import in_english
from gradline.data.notation import SERIAL

ISO = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M")
_DAYS = (
    *("%d{0}%m{0}%Y", "%m{0}%d{0}%Y", "%Y{0}%m{0}%d", "%d{0}%m{0}%y", "%m{0}%d{0}%y", "%y{0}%m{0}%d"),
    *("%d{0}%b{0}%Y", "%d{0}%B{0}%Y", "%d{0}%b{0}%y", "%Y{0}%b{0}%d", "%Y{0}%m", "%m{0}%Y", "%b{0}%Y", "%B{0}%Y"),
)  # fmt: skip
_OTHERS = (
    "%b %d, %Y",
    "%B %d, %Y",
    "%b %d %Y",
    "%B %d %Y",
    "%d. %b %Y",
    "%d. %B %Y",
    "%d. %m. %Y",
    "%d de %B de %Y",
)
_CLOCKS = (" %H:%M", " %H:%M:%S", "T%H:%M:%S", "T%H:%M", ", %H:%M", " %I:%M %p", " %I:%M:%S %p")
_TRIED = 3  # cells that tell which forms there may be, as one may be a slip
_LEAST, _MOST = 1000, 2999  # years of four digits; %Y would take 24 for the year 24
_FIRST_SERIAL, _LAST_SERIAL = 10_000, 80_000  # the years 1927 to 2119: other numbers are hardly meant as days


def parsed(text: pl.Series, form: str) -> pl.Series:
    """The cells as moments, null where they are not of this form; months may be named in several languages."""
    if form == SERIAL:
        days = text.cast(pl.Float64, strict=False)
        days = days.set(~days.is_between(1, 2_958_465).fill_null(False), None)  # to 9999-12-31
        return ((days - 25_569) * 86_400e6).round().cast(pl.Int64).cast(pl.Datetime("us"))
    found = in_english(text, form).str.to_datetime(form, time_unit="us", strict=False)
    return found.set((found.dt.year() < _LEAST).fill_null(False), None) if "%Y" in form else found


def moments(text: pl.Series, told: Sequence[str]) -> pl.Series:
    """The cells as moments: in the forms that are told, in their order, and as ISO 8601 writes them.

    Where a form begins as ISO 8601 does, that is what the file means by it, and nothing else is tried.
    """
    forms = told if any(form.startswith("%Y-") for form in told) else (*told, *ISO)
    found = pl.Series([None] * len(text), dtype=pl.Datetime("us"))
    plain = text.str.strip_suffix("Z").str.replace(r"^(\d{4}-\d{1,2}-\d{1,2}) ", "${1}T")
    for form in forms:
        found = found.zip_with(found.is_not_null(), parsed(plain if form in ISO else text, form))
    return found


class Spellings(NamedTuple):
    """The forms in which most of the cells are dates, those that read the most of them, with other days each."""

    forms: tuple[str, ...]
    example: str  # which they read differently, where there are several

    @property
    def what(self) -> str:
        """What is wrong."""
        if len(self.forms) > 1:
            return f"a date that can be read in {len(self.forms)} ways"
        if self.forms == (SERIAL,):
            day = parsed(pl.Series([self.example]), SERIAL)[0]
            return f"no date, but spreadsheets count days so, and this would be {day:%Y-%m-%d}"
        return "a date in another spelling"

    @property
    def remedy(self) -> str:
        """What may be told."""
        return "add " + " or ".join(map(option, self.forms))


def option(form: str) -> str:
    """The option that tells a form."""
    return f"{shell(['--dates', form])} (read=gradline.Text(dates={form!r}) in Python)"


def spellings(cells: pl.Series) -> Spellings | None:
    """The forms in which the cells are dates; None where most are none, or are as ISO 8601 writes them.

    Two forms or more say that nobody can tell by the cells alone: 03/04/2024 is in April here and in March there.
    """
    cells = cells.drop_nulls().unique(maintain_order=True).head(1000)
    if not len(cells):
        return None
    days: dict[str, pl.Series] = {}
    most = len(cells) // 2
    for form in dict.fromkeys(form for cell in cells[:_TRIED] for form in _candidates(cell)):
        read = parsed(cells, form)
        known = len(read) - read.null_count()
        is_plausible = read.dt.year().max() is not None and read.dt.year().max() <= _MOST  # type: ignore[operator]
        if not is_plausible or known < most or 2 * known <= len(cells):
            continue
        days, most = ({} if known > most else days), known
        if not any(read.equals(other) for other in days.values()):
            days[form] = read
    if (
        not days
        and cells.cast(pl.Float64, strict=False)
        .is_between(_FIRST_SERIAL, _LAST_SERIAL)
        .fill_null(False)
        .all()
    ):
        return Spellings((SERIAL,), cells[0])
    if not days:
        return None
    readings = list(days.values())
    differs = [len({read[i] for read in readings}) > 1 for i in range(len(cells))]
    return Spellings(tuple(days), cells[differs.index(True) if any(differs) else 0])


def _candidates(cell: str) -> Iterator[str]:
    """The forms that read one cell: with the mark that stands in it, and a time of the day where it has a colon."""
    first, mark = pl.Series([cell]), re.search(r"[./ -]", cell)
    days = [form.format(mark[0] if mark else "") for form in _DAYS]
    for day in (*days, *_OTHERS):
        forms = [day + clock for clock in _CLOCKS] if ":" in cell else [day]
        yield from (form for form in forms if not parsed(first, form).null_count())
