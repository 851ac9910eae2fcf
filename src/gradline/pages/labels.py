"""What columns are called on a page for people: their labels, units, levels and meanings, as a TOML file has them."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from gradline.core.errors import FileError, UsageError
from gradline.core.text import nearest, one_line


@dataclass(frozen=True)
class Label:
    """How one column is told: `more` is how a sentence says that it grows by one, such as "one more bathroom"."""

    label: str = ""
    unit: str = ""
    more: str = ""
    about: str = ""
    levels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Labels:
    """The labels of columns by name; a column without one is called by its name."""

    entries: Mapping[str, Label] = field(default_factory=dict)

    def of(self, column: str) -> str:
        """What the column is called."""
        return one_line(self._entry(column).label or column)

    def unit(self, column: str) -> str:
        """Its unit; empty where none is told."""
        return one_line(self._entry(column).unit)

    def with_unit(self, column: str) -> str:
        """Its name and unit, as an axis has them."""
        unit = self.unit(column)
        return f"{self.of(column)} ({unit})" if unit else self.of(column)

    def more(self, column: str) -> str:
        """How it is said that the column grows by one; empty where nothing is told."""
        return one_line(self._entry(column).more)

    def about(self, column: str) -> str:
        """What it means; empty where nothing is told."""
        return one_line(self._entry(column).about)

    def level(self, column: str, level: str) -> str:
        """What one of its levels is called."""
        return one_line(self._entry(column).levels.get(level, level))

    def _entry(self, column: str) -> Label:
        return self.entries.get(column, _NONE)

    def expect_columns(self, columns: Iterable[str]) -> None:
        """Refuse a label of a column that is not there: it would be told nowhere."""
        known = list(columns)
        for name in self.entries:
            if name not in known:
                raise UsageError(
                    "label-of-no-column", f"there is no column {name} to label", nearest(name, known)
                )


_NONE = Label()
_KEYS = tuple(one.name for one in fields(Label))


def labels(given: Labels | Mapping[str, Any] | str | Path | None) -> Labels:
    """Labels from a TOML file, or from a mapping of the same shape: a column's label, or a table of what is told of it.

    Raises `FileError` for a file that cannot be read, `UsageError` for what is no label.

    >>> labels({"baths": {"label": "Bathrooms", "more": "one more bathroom"}, "price": "Price"}).of("baths")
    'Bathrooms'
    """
    if given is None or isinstance(given, Labels):
        return given or Labels()
    table = given if isinstance(given, Mapping) else _read(Path(given))
    return Labels({str(name): _label(str(name), entry) for name, entry in table.items()})


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        cause = f"cannot read {path}: {error.strerror or error}"
        raise FileError("labels-unreadable", cause, "give the path of a TOML file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        cause = f"{path} is no TOML: {error}"
        raise FileError("labels-unreadable", cause, 'write lines such as baths = "Bathrooms"') from error


def _label(name: str, entry: Any) -> Label:
    if isinstance(entry, str):
        return Label(entry)
    if not isinstance(entry, Mapping):
        raise _refused(name, f"is {entry!r}")
    for key, value in entry.items():
        if key not in _KEYS:
            raise _refused(
                name, f"has {key}, which is no part of one; {nearest(str(key), _KEYS, 'the parts are')}"
            )
        texts = value.values() if key == "levels" and isinstance(value, Mapping) else [value]
        if (key == "levels") != isinstance(value, Mapping) or not all(
            isinstance(text, str) for text in texts
        ):
            raise _refused(name, f"has {value!r} as its {key}")
    return Label(**entry)


def _refused(name: str, what: str) -> UsageError:
    remedy = (
        f'write {name} = "Label", or a table [{name}] with label, unit, more, about, or levels = {{a = "A"}}'
    )
    return UsageError("label-invalid", f"the label of {name} {what}", remedy)
