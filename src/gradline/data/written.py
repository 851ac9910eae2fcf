"""Rows of results as CSV, batch by batch."""

from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any

import polars as pl


def write_csv(
    stream: IO[bytes], names: Sequence[str], batches: Iterable[Mapping[str, Any] | Sequence[Any]]
) -> None:
    """Write the columns of each batch under one header, which stands there without any row, too."""
    stream.write(pl.DataFrame(schema=list(names)).write_csv().encode())
    for batch in batches:
        stream.write(pl.DataFrame(batch, schema=list(names)).write_csv(include_header=False).encode())
