"""Which files the rows of a state are of, as far as that is known: what keeps rows from counting twice."""

from collections.abc import Mapping

from gradline.core.errors import DataError, RequestError
from gradline.core.text import listed

Units = Mapping[str, str]  # the addresses of files, or of parts of them, by a key that hashes their content
_ELSEWHERE = ""  # the key of rows of which nobody knows whence they are, beside those of files


def united(one: Units, other: Units) -> Units:
    """The units of both. Raises `RequestError` where they share one, whose rows would count twice."""
    if shared := sorted({*one} & {*other} - {_ELSEWHERE}):
        raise RequestError(
            "rows-twice",
            f"both states hold the rows of {listed((one[key] for key in shared), 3)}",
            "add states of different files, or take the rows away from one of them first",
        )
    unknown = {_ELSEWHERE: "elsewhere"} if bool(one) != bool(other) else {}
    return {**one, **other, **unknown}


def without(one: Units, other: Units) -> Units:
    """The units that are left. Raises `DataError` for one that is not there, where all are known."""
    foreign = sorted({*other} - {*one} - {_ELSEWHERE}) if one and _ELSEWHERE not in one else []
    if foreign:
        raise DataError(
            "rows-not-contained",
            f"the state does not hold the rows of {listed((other[key] for key in foreign), 3)}",
            "subtract a part of the same rows",
        )
    return {key: uri for key, uri in one.items() if key not in other}
