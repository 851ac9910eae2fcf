"""What is asked of a database: its tables, and the rows of a SELECT as frames."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl

from gradline.core.errors import FileError
from gradline.data.schema import Column


class Rows(NamedTuple):
    """Frames of one schema, and the columns of which more is known than their types tell."""

    frames: Iterator[pl.DataFrame]
    declared: dict[str, Column]


class Connection(ABC):
    """An open database: its tables, and the rows of a SELECT."""

    @abstractmethod
    def tables(self) -> dict[str, str]:
        """The tables and views by the names that people give them, each as SQL writes it."""

    @abstractmethod
    def rows(self, select: str) -> Rows:
        """What a SELECT gives."""


def quoted(*parts: str) -> str:
    """A name as SQL writes it."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def file_of(rest: str) -> Path:
    """The file of `sqlite:///homes.db`, `sqlite:////data/homes.db` or `sqlite:homes.db`."""
    path = Path(rest.removeprefix("//").removeprefix("/") if rest.startswith("//") else rest)
    if not path.is_file():
        raise FileError("file-not-found", f"there is no file {path}", "check the name and the folder")
    return path
