"""What rounding may have done to an honest fit of these rows: from the rows and the arithmetic, from no claim."""

import math

UNIT = 2.0**-53
CURVES = 1e-6  # a relative difference that no claim about curvatures may show, beside rounding
ON_A_PATH = 1e-7  # a relative difference that no claim about a path may show, beside rounding
MARGIN = 10.0  # on bounds of rounding, whose constants nobody knows
_PLAIN = 64  # roundings that a product may pass before sums are kept as pairs, and those of its factors
_TOGETHER = (
    128.0  # rows that QR reduces together, at least, and that repeat their roundings where they repeat
)
_MERGED = 32.0  # times the error of one block: of a billion of them, merged as a tree
_ASKED = 1e-10  # what a pass over the rows leaves at the most, or they are read again


def likely_error(columns: int) -> float:
    """The relative error of so many columns that float64 may leave of any rows, whichever way they are summed."""
    return _PLAIN * UNIT * math.sqrt(columns)


def proved_error(rows: int, columns: int, smallest: float, slopes: float, left: float) -> float:
    """The largest relative error of the columns that an honest fit of such rows may have proved, and claim.

    By QR, which adds up plainly what it reduces together, or by cross-products, whose error columns magnify where σmin,
    `smallest` of columns of unit norm, is small; but those are taken only as far as they leave the digits that are
    asked for. `slopes` is the norm of the optimal ones on columns of unit norm, beside that of the target; `left` is
    what they leave of that. Higham 2002, chapters 10 and 19.
    """
    root, of_slopes = math.sqrt(columns), 1 + slopes**2
    by_qr = _MERGED * min(rows, 2 * max(_TOGETHER, 4.0 * columns)) * root * UNIT
    grown = max(1.0, slopes / smallest, of_slopes / max(left, UNIT))
    by_products = (max(_PLAIN, columns / 4) + 12) * columns * UNIT * grown
    asked = 12 * root * _ASKED * max(smallest * root, smallest**2 * columns * of_slopes)
    return max(by_qr, min(by_products, asked))
