"""How each database quotes names and words, writes a float64, and reads a cell as a number or as text."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gradline.core.errors import RequestError, UsageError

_NUMBER = "^ *[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)? *$"


# As PostgreSQL and DuckDB have them.
_PARTS = {
    "year": "CAST(EXTRACT(YEAR FROM CAST({} AS timestamp)) AS double precision)",
    "month": "CAST(EXTRACT(MONTH FROM CAST({} AS timestamp)) AS double precision)",
    "days": "(CAST(EXTRACT(EPOCH FROM CAST({} AS timestamp)) AS double precision) / 86400)",
}


@dataclass(frozen=True)
class Dialect:
    """One database's SQL.

    - `name` (a column or a table) and `text` (a level): how it is quoted, whatever characters it holds.
    - `double`: a literal of type double that reads back as the same float64.
    - `number`, `word`: a cell `{}` as a double, and as text without the spaces around it, compared byte by
      byte. A cell that is no number is an error or NULL, never 0.
    - `same`: what of a name the database looks at; two columns with the same one are a single column to it.
    - `dates`: a cell `{}` that holds a date or a time as its year, its month, or its days since 1970-01-01, in double.
    - `booleans`: whether it has them, rather than 1 and 0.
    """

    title: str
    name: Callable[[str], str]
    text: Callable[[str], str]
    double: Callable[[float], str]
    number: str
    word: str
    same: Callable[[str], str]
    booleans: bool = True
    dates: Mapping[str, str] = field(default_factory=lambda: _PARTS)


def _quoted(mark: str) -> Callable[[str], str]:
    def quote(word: str) -> str:
        if "\0" in word:
            raise RequestError(
                "nul-in-name", f"{word!r} holds the character U+0000, which no SQL can hold", "rename it"
            )
        return f"{mark}{word.replace(mark, mark * 2)}{mark}"

    return quote


def _with_exponent(value: float) -> str:
    """Without an exponent 0.1 would be an exact decimal to DuckDB and MySQL, and the arithmetic another."""
    digits = repr(float(value))
    return digits if "e" in digits else f"{digits}e0"


def _with_17_digits(value: float) -> str:
    """SQLite before 3.47 may read the shortest digits that tell a float64 from all others one unit off."""
    digits = f"{value:.17g}"
    return digits if "." in digits or "e" in digits else f"{digits}.0"


def _typed(value: float) -> str:
    """PostgreSQL takes every bare literal with a point or an exponent for NUMERIC."""
    return f"float8 '{float(value)!r}'"


def _utf8(word: str) -> str:
    """In hexadecimal digits where a setting says what a backslash means, or MySQL's client eats a carriage return."""
    quoted = _quoted("'")(word)
    if "\\" in word or not word.isprintable():
        return f"_utf8mb4 0x{word.encode().hex()}"
    return f"_utf8mb4 {quoted}"


def _escaped(word: str) -> str:
    """PostgreSQL reads a backslash as its settings say, but for E'…', where two of them are one."""
    quoted = _quoted("'")(word)
    return "E" + quoted.replace("\\", "\\\\") if "\\" in word else quoted


def _stored(name: str) -> str:
    """PostgreSQL cuts names after 63 bytes."""
    return name.encode()[:63].decode(errors="ignore")


DIALECTS = {
    "duckdb": Dialect(
        "DuckDB",
        _quoted('"'),
        _quoted("'"),
        _with_exponent,
        "CAST({} AS DOUBLE)",
        "TRIM(CAST({} AS VARCHAR))",
        str.casefold,
    ),
    "postgres": Dialect(
        "PostgreSQL",
        _quoted('"'),
        _escaped,
        _typed,
        "CAST({} AS double precision)",
        'TRIM(CAST({} AS text)) COLLATE "C"',
        _stored,
    ),
    # A cast in SQLite makes 0 of a word; a number equals its cast, and a word does not.
    "sqlite": Dialect(
        "SQLite",
        _quoted('"'),
        _quoted("'"),
        _with_17_digits,
        "CASE CAST({0} AS REAL) WHEN {0} THEN {0} END",
        "TRIM(CAST({} AS TEXT))",
        str.casefold,
        booleans=False,
        dates={
            "year": "CAST(STRFTIME('%Y', {}) AS REAL)",
            "month": "CAST(STRFTIME('%m', {}) AS REAL)",
            "days": "(STRFTIME('%s', {}) / 86400.0)",
        },
    ),
    # So does MySQL, which knows no such trick.
    "mysql": Dialect(
        "MySQL",
        _quoted("`"),
        _utf8,
        _with_exponent,
        f"CASE WHEN CONVERT({{0}} USING utf8mb4) REGEXP '{_NUMBER}' THEN {{0}} END",
        "TRIM(CONVERT({} USING utf8mb4)) COLLATE utf8mb4_bin",
        str.casefold,
        booleans=False,
        dates={
            "year": "(YEAR({}) + 0e0)",
            "month": "(MONTH({}) + 0e0)",
            "days": "(TIMESTAMPDIFF(SECOND, '1970-01-01', {}) / 86400e0)",
        },
    ),
}


def dialect_named(name: str) -> Dialect:
    """The dialect of this name. Raises `UsageError` for one that is not in `DIALECTS`."""
    if name not in DIALECTS:
        raise UsageError("dialect-invalid", f"the dialect is {name!r}", f"use {', '.join(DIALECTS)}")
    return DIALECTS[name]
