"""Compiled reading of plain numbers in lines of text; the twin is polars' own reading, and both round correctly."""

from typing import Any

import numba.extending
import numpy as np
from llvmlite import ir

_NEWLINE, _RETURN, _MINUS, _PLUS, _POINT, _E = (np.uint8(ord(mark)) for mark in "\n\r-+.e")
_ONE, _EIGHT = np.uint64(1), np.uint64(8)
_ZEROS = np.uint64(0x3030303030303030)  # eight times "0"
_ABOVE_NINE = np.uint64(0x7676767676767676)  # what lifts a byte above 9 over 127
_EACH = np.uint64(0x0101010101010101)
_HIGH = np.uint64(0x8080808080808080)
_COUNTS = np.uint64(0x0001020304050607)  # times 2^(8·count), the highest byte is the count
_LOW_HALVES = np.uint64(0x000000FF000000FF)
_POWERS = np.array([10.0**i for i in range(23)])  # the exact ones
_TENS = np.array([10**i for i in range(9)], np.uint64)
_ROOM = np.array(
    [2**63 // 10**i - 1 for i in range(9)], np.uint64
)  # what may stand before so many digits more
_EXACT = np.uint64(1 << 53)
_DOWN, _UP = 1 - 2.0**-50, 1 + 2.0**-50
_HALVES = 134217729.0  # 2^27 + 1 (Dekker 1971)


@numba.njit(error_model="numpy")
def read_numbers(data, separator, places, values):
    """Fill `values` (k, rows) with the fields of lines; whether all of it was plain.

    `data` (bytes,) are whole lines without a double quote, each ended by a newline, and as many as `values` has room
    for. Field f of a line goes to row `places[f]` of `values`, or nowhere where that is −1. Plain: every line has one
    field for each place, and every field that goes somewhere is a number in digits, correctly rounded here; other
    ways to write a number, and missing cells, are not.
    """
    # Addresses, not arrays: numba would count the references to an array for every number.
    at, row, last = np.uint64(data.ctypes.data), 0, len(places) - 1
    end = at + np.uint64(len(data))
    mark = np.uint8(separator)
    while at < end:
        for field in range(len(places)):
            stop, place = _field_end(at, end, mark), places[field]
            if place >= 0:
                value, after = _number(at, end)
                if after < stop and field == last and _byte(after) == _RETURN:
                    after += _ONE
                if after != stop or stop == at:
                    return False
                values[place, row] = value
            if _byte(stop) != (mark if field < last else _NEWLINE):
                return False
            # Not `after`: so the next field is looked for while the digits of this one are put together.
            at = stop + _ONE
        row += 1
    return True


@numba.njit(error_model="numpy", inline="always")
def _field_end(at, end, mark):
    """Where the field that begins at `at` ends: the next separator or newline."""
    marks, newlines = np.uint64(mark) * _EACH, np.uint64(_NEWLINE) * _EACH
    low, high = _ends(_word(at, end), marks, newlines), _ends(_word(at + _EIGHT, end), marks, newlines)
    if low | high:
        stops = low if low else high
        return at + (np.uint64(0) if low else _EIGHT) + _count(stops)
    at += _EIGHT + _EIGHT
    while _byte(at) != mark and _byte(at) != _NEWLINE:
        at += _ONE
    return at


@numba.njit(error_model="numpy", inline="always")
def _ends(word, marks, newlines):
    """The high bit of the bytes that are a separator or newline; those behind the first may be wrong."""
    x, y = word ^ marks, word ^ newlines
    return (((x - _EACH) & ~x) | ((y - _EACH) & ~y)) & _HIGH


@numba.njit(error_model="numpy", inline="always")
def _count(stops):
    """How many bytes come before the first one whose high bit is set."""
    return (_COUNTS * ((stops & (~stops + _ONE)) >> np.uint64(7))) >> np.uint64(56)


@numba.njit(error_model="numpy", inline="always")
def _number(begin, end):
    """The number that begins at `begin`, and where it ends: `begin` itself when it is not plain."""
    negative = _byte(begin) == _MINUS
    start = begin + np.uint64(negative)
    digits, at = _digits(start, end, np.uint64(0))
    exponent, shortest = 0, _ONE
    if _byte(at) == _POINT:
        first = at + _ONE
        digits, at = _digits(first, end, digits)
        exponent, shortest = -np.int64(at - first), _ONE + _ONE
    if at < start + shortest:
        return 0.0, begin
    if _byte(at) | np.uint8(32) == _E:
        shift, after = _exponent(at + _ONE)
        if after == at + _ONE:
            return 0.0, begin
        exponent, at = exponent + shift, after
    if exponent < -22 or exponent > 22 or (exponent > 0 and digits >= _EXACT):
        return 0.0, begin
    if exponent > 0:
        value = np.float64(np.int64(digits)) * _POWERS[exponent]
    elif digits < _EXACT or exponent == 0:
        value = np.float64(np.int64(digits)) / _POWERS[-exponent]
    else:
        value = _quotient(np.int64(digits), _POWERS[-exponent])
        if value == 0:
            return 0.0, begin
    return -value if negative else value, at


@numba.njit(error_model="numpy", inline="always")
def _digits(at, end, before):
    """The integer `before` with the digits from `at` on written behind it, and where they end.

    That is `at − 1` when the integer would not stay below 2^63.
    """
    first = at
    while True:
        word = _word(at, end) ^ _ZEROS
        stops = ((word + _ABOVE_NINE) | word) & _HIGH
        count = _EIGHT
        if stops:
            count = _count(stops)
            word = (word << _EIGHT) << (np.uint64(56) - (count << np.uint64(3)))
        if before > _ROOM[count]:
            return before, first - _ONE
        pairs = word * np.uint64(10) + (word >> _EIGHT)
        high = (pairs & _LOW_HALVES) * np.uint64(100 + (1000000 << 32))
        low = ((pairs >> np.uint64(16)) & _LOW_HALVES) * np.uint64(1 + (10000 << 32))
        before = before * _TENS[count] + ((high + low) >> np.uint64(32))
        at += count
        if stops:
            return before, at


@numba.njit(error_model="numpy", inline="always")
def _word(at, end):
    """Eight bytes from `at` on, the first of them lowest; newlines beyond the end."""
    if at + _EIGHT <= end:
        return _eight(at)
    word = np.uint64(0)
    for i in range(8):
        byte = _byte(at + np.uint64(i)) if at + np.uint64(i) < end else _NEWLINE
        word |= np.uint64(byte) << np.uint64(8 * i)
    return word


def _load(bits) -> Any:
    """The integer of so many bits that lies at an address, its first byte lowest."""

    @numba.extending.intrinsic
    def load(typing, address):  # noqa: ARG001 - numba's signature
        def code(context, builder, signature, arguments):  # noqa: ARG001
            place = builder.inttoptr(arguments[0], ir.IntType(bits).as_pointer())
            loaded = builder.load(place)
            loaded.align = 1
            return loaded

        return getattr(numba, f"uint{bits}")(numba.uint64), code

    return load


_byte, _eight = _load(8), _load(64)


@numba.njit(error_model="numpy", inline="always")
def _exponent(begin):
    """The exponent that begins at `begin`, of at most three digits, and where it ends: `begin` when there is none."""
    sign = _byte(begin)
    at = begin + np.uint64(sign in (_MINUS, _PLUS))
    first, exponent = at, 0
    while at < first + np.uint64(3) and np.uint8(48) <= _byte(at) <= np.uint8(57):
        exponent = 10 * exponent + np.int64(_byte(at)) - 48
        at += _ONE
    return -exponent if sign == _MINUS else exponent, at if at > first else begin


@numba.njit(error_model="numpy")
def _quotient(digits, power):
    """digits/power, correctly rounded, for 2^53 ≤ digits < 2^63 and an exact power of ten; 0 where that is in doubt.

    The first quotient leaves a remainder that float64 holds exactly, so that the second one has some fifty digits
    more: only a quotient that lies as near to the middle between two floats stays undecided.
    """
    near = np.float64(digits)
    first = near / power
    product = first * power
    a, b = first * _HALVES, power * _HALVES
    a, b = a - (a - first), b - (b - power)
    lost = ((a * b - product) + a * (power - b) + (first - a) * b) + (first - a) * (power - b)
    second = (((near - product) - lost) + np.float64(digits - np.int64(near))) / power
    below, above = first + second * _DOWN, first + second * _UP
    return below if below == above else 0.0
