"""Records of CSV text that are regular beyond doubt, told by the rhythm of their separators and line ends."""

import numpy as np

_NEWLINE, _RETURN = ord("\n"), ord("\r")


def regular_rows(data: bytes, fields: int, separator: str) -> int | None:
    """The number of records, if each has this many fields and every quote opens or closes a field.

    Then separators and newlines outside quotes come in the fixed rhythm of `fields − 1` separators and
    one newline, which two vectorised comparisons can tell.
    """
    codes = np.frombuffer(data, np.uint8)
    mark = ord(separator)
    ends = (codes == mark) | (codes == _NEWLINE)
    inside = None
    if b'"' in data:
        quotes = codes == ord('"')
        inside = np.logical_xor.accumulate(quotes)
        if inside[-1] or not _quotes_are_regular(codes, quotes, inside, mark):
            return None
        ends &= ~inside
    if b"\r" in data and not _returns_are_regular(codes, inside):
        return None
    positions = np.flatnonzero(ends)
    if len(positions) % fields:
        return None
    is_newline = (codes[positions] == _NEWLINE).reshape(-1, fields)
    rhythmic = is_newline[:, -1].all() and int(is_newline.sum()) == len(is_newline)
    return len(is_newline) if rhythmic else None


def _quotes_are_regular(codes: np.ndarray, quotes: np.ndarray, inside: np.ndarray, mark: int) -> bool:
    at = np.flatnonzero(quotes)
    opening, closing = at[inside[at]], at[~inside[at]]
    before = codes[opening - 1][opening > 0]
    after = codes[closing + 1]  # a block ends with a newline, so there is always one
    border = np.array([mark, _NEWLINE, ord('"')], np.uint8)
    return bool(np.isin(before, border).all() and np.isin(after, np.append(border, _RETURN)).all())


def _returns_are_regular(codes: np.ndarray, inside: np.ndarray | None) -> bool:
    """Whether every carriage return outside quotes is followed by a newline."""
    at = np.flatnonzero(codes == _RETURN)
    if inside is not None:
        at = at[~inside[at]]
    return bool((codes[at + 1] == _NEWLINE).all())
