"""The table of the tutorials: every cell has its row, every row runs, and the page shows what it printed."""

import math
import re

import pytest
import tutorials

# The cells that the notebooks number; 002 and 003 number none.
CELLS = {
    "000": [*range(1, 19), 20, *range(22, 29), 30, *range(32, 35)],
    "001": [*range(1, 7), 12, 13, 14, *range(22, 40), 46, 47, 48, 50],
    "004": range(2736, 2783),
}
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?")


def named(rows):
    """The numbers of cells that rows name: `4, 5` and `11 to 13`."""
    found = set()
    for row in rows:
        for part in row.cells.split(", "):
            ends = [int(word) for word in part.split(" to ") if word.isdecimal()]
            found |= set(range(ends[0], ends[-1] + 1)) if ends else set()
    return found


@pytest.mark.parametrize("number", CELLS)
def test_every_cell_has_its_row(number):
    (document,) = (one for one in tutorials.DOCUMENTS if one.title.startswith(number))
    assert set(CELLS[number]) <= named(document.rows)


def test_every_row_says_what_does_it():
    for document in tutorials.DOCUMENTS:
        for row in document.rows:
            assert row.cells
            assert row.does
            assert row.here not in ("", "no", "partial")


@pytest.mark.slow
def test_the_page_is_what_the_rows_print():
    """Words as they stand; numbers to the digits that float32 and the order of additions leave."""
    shown, printed = tutorials.PAGE.read_text(), tutorials.page()
    assert NUMBER.sub("#", shown) == NUMBER.sub("#", printed)
    for before, after in zip(NUMBER.findall(shown), NUMBER.findall(printed), strict=True):
        values = float(before.replace(",", "")), float(after.replace(",", ""))
        assert math.isclose(*values, rel_tol=1e-3, abs_tol=2e-3), (before, after)
