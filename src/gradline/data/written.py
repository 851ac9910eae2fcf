"""Rows of results as CSV, batch by batch."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import polars as pl


class Stream(Protocol):
    """What takes bytes."""

    def write(self, content: bytes, /) -> int:
        """Take the whole of it."""
        ...


def write_csv(
    stream: Stream, names: Sequence[str], batches: Iterable[Mapping[str, Any] | Sequence[Any]]
) -> None:
    """Write the columns of each batch under one header, which stands there without any row, too."""
    stream.write(pl.DataFrame(schema=list(names)).write_csv().encode())
    for batch in batches:
        stream.write(pl.DataFrame(batch, schema=list(names)).write_csv(include_header=False).encode())
