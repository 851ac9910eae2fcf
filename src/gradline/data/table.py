"""Where in a workbook or a database the rows stand: what the name of the data does not say."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any

PLACE = ("sheet", "table", "query")  # what says where, each an option


@dataclass(frozen=True)
class Table:
    """A table within a file or a database; give it wherever data are asked for.

    - `data`: the workbook's path, or the database's URL, such as `sqlite:///homes.db`.
    - `sheet`: a sheet's name, its number, counted from 1, or a pattern: "*" reads all sheets with rows as one table.
    - `table`: a table's name.
    - `query`: a SELECT, which is run once, on a connection that cannot write.

    >>> import gradline
    >>> gradline.Table("sqlite:///homes.db", table="sales").place
    {'table': 'sales'}
    """

    data: str | PathLike[str]
    sheet: str | int | None = None
    table: str | None = None
    query: str | None = None

    @property
    def place(self) -> dict[str, str]:
        """What is said of the place, by the names of the options."""
        return {name: str(value) for name in PLACE if (value := getattr(self, name)) is not None}


def options_of(data: Any) -> dict[str, str]:
    """The options of the command line that name the data; none for what has no name, such as a frame."""
    if isinstance(data, Table):
        return {"data": without_password(os.fspath(data.data)), **data.place}
    return {"data": without_password(os.fspath(data))} if isinstance(data, (str, PathLike)) else {}


def without_password(url: str) -> str:
    """A database's URL as it may be shown and recorded: the password is the user's own, or PGPASSWORD's."""
    url = re.sub(r"^(postgres(?:ql)?://[^/@:]*):[^/@]*@", r"\1@", url)
    return re.sub(r"([?&])password=[^&]*&?", r"\1", url).rstrip("?&") if "://" in url else url


def named_in(config: Mapping[str, Any]) -> dict[str, str]:
    """The same of the options that a model records."""
    return {name: config[name] for name in ("data", *PLACE) if name in config}


def words_of(data: Any) -> list[str]:
    """The same as words of a command."""
    return in_words(options_of(data))


def in_words(options: Mapping[str, str]) -> list[str]:
    """The options as words of a command, the data's name without a flag."""
    return [
        word
        for name, value in options.items()
        for word in ([value] if name == "data" else [f"--{name}", value])
    ]
