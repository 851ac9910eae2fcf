"""A table of six rows that every reader is tried on, and how its rows are read back."""

import io

import polars as pl

from gradline.data.tables import open_table

ROWS = pl.DataFrame(
    {"x": [1.0, 2.5, 3.0, 4.5, 5.0, 6.5], "w": ["a", "b", "a", "b", "a", "b"], "y": [1.0, 3, 2, 5, 4, 7]}
)


def cells(data, names=("x", "w", "y"), read=None):
    """All rows of these columns, in order."""
    source = open_table(data, read)
    schema = source.schema()
    kinds = {name: schema[name].kind for name in names}
    return pl.concat([batch.frame for batch in source.batches(kinds)]).select(names)


def written(write):
    """The bytes that are written to a stream."""
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()
