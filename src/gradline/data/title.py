"""Where a table begins below a title: the row that has its names, told by how many cells the rows have."""

import re
from collections import Counter
from collections.abc import Sequence

NUMBER = re.compile(r"[+\-−]?(?:\d[\d.,]*|[.,]\d+)(?:[eE][+-]?\d+)?")


def filled(row: Sequence[str]) -> int:
    """How many cells are not empty."""
    return sum(map(bool, row))


def header_at(rows: Sequence[Sequence[str]]) -> int:
    """The row of names below a title; 0 where the first row has them, or nobody can tell.

    A title has a value in at most half as many cells as the table has columns, and so have all rows above the names;
    a header with an empty cell or two, such as that of row names, is none. The names are different words with a letter
    each, in as many cells as most rows have, and some row stands below them.
    """
    counts = [filled(row) for row in rows]
    width = Counter(count for count in counts if count).most_common(1)[0][0] if any(counts) else 0
    at = next((i for i, count in enumerate(counts) if count >= width), 0)
    names = [cell for cell in rows[at] if cell] if rows else []
    is_title = all(2 * count <= width for count in counts[:at])
    is_header = len(set(names)) == len(names) and all(map(_is_word, names))
    return at if is_title and is_header and any(counts[at + 1 :]) else 0


def _is_word(cell: str) -> bool:
    return any(map(str.isalpha, cell)) and NUMBER.fullmatch(cell) is None
