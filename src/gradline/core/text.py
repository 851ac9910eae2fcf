"""Numbers and lists in words, the same way in every message."""

import difflib
import math
import re
import shlex
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence

WIDTH = 80  # of a line of prose, on every terminal the same
JUST_BELOW = "just below"  # a number that few digits do not tell from another


def listed(words: Iterable[object], limit: int = 12) -> str:
    """The words, each on one line and printable, as one comma-separated line, cut after `limit` of them."""
    shown = [one_line(str(word)) for word in words]
    rest = len(shown) - limit
    return ", ".join(shown[:limit]) + (f" and {rest} more" if rest > 0 else "")


def joined(words: Sequence[str]) -> str:
    """The words as in a sentence: a, b and c."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def nearest(name: str, known: Sequence[str], introduction: str = "the columns are") -> str:
    """A remedy for an unknown name: the nearest known ones, then all of them."""
    everything = f"{introduction} {listed(known)}"
    if twin := next((other for other in known if other != name and _looks(other) == _looks(str(name))), None):
        return f"rename one of two that look alike: {twin!a} is there, and not {name!a}. T{everything[1:]}"
    folded = [other for other in known if other.casefold() == str(name).casefold()]
    close = difflib.get_close_matches(str(name), known, n=3, cutoff=0.5)
    best = list(dict.fromkeys(folded + close))
    if not best:
        return everything
    return f"did you mean {' or '.join(best)}? {everything[0].upper()}{everything[1:]}"


def _looks(name: str) -> str:
    """What a reader sees of it: letters with their accents in one, blanks of one kind, nothing that takes no room."""
    seen = unicodedata.normalize("NFKC", name)
    return " ".join("".join(c for c in seen if unicodedata.category(c) != "Cf").split())


def number(value: float, digits: int = 3) -> str:
    """A number to so many significant digits, such as 1.12e-4, 0.483, 84.3, 1,480 or 3.2e+9."""
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e6:
        decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
        text = f"{value:,.{decimals}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}e{int(exponent):+d}".replace("e+", "e")


def rate(lr: float) -> str:
    """A learning rate as it was typed, up to 9 digits; one that was computed, and so has more, to 7.

    Seven hold a rate that is a millionth or more below its limit below it, as the best ones for some epochs are.
    """
    digits = len(f"{lr!r}".split("e")[0].replace(".", "").strip("0"))
    return number(lr, digits if digits <= 9 else 7)


def told_apart(below: float, above: float) -> tuple[str, str]:
    """A number and one above it with as many digits as tell them apart, from 3 to 9: 1.115512e-4 and 1.115513e-4.

    What is typed from the first text is below the second number: had it been rounded up beyond that, both would be
    rounded to the same. Where 9 digits are too few, which nobody types, the first text is "just below".
    """
    pairs = ((number(below, digits), number(above, digits)) for digits in range(3, 10))
    return next((pair for pair in pairs if pair[0] != pair[1]), (JUST_BELOW, number(above)))


def big(count: float) -> str:
    """A count in words where it is large: 0.3, 109, 12,300, 8.5 million; from 10^15 on no word helps: 2.76e27."""
    if count >= 1e15:
        return number(count)
    for size, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if count >= size:
            return f"{number(count / size)} {word}"
    return number(count) if count < 1 else f"{round(count):,}"


def ratio(value: float) -> str:
    """A ratio, such as a condition number, in words where it is large: 6.95, 1,023, 2.19 million, 3.4e25."""
    return big(value) if 1e6 <= value < 1e15 else number(value)


def epochs(count: float) -> str:
    """A number of epochs with its noun: 1 epoch, 84.3 million epochs."""
    text = big(count)
    return f"{text} epoch{'' if text == '1' else 's'}"


def percent(share: float) -> str:
    """A share in per cent, to two digits below one, such as 77 % or 0.0071 %."""
    return f"{share * 100:.0f} %" if share >= 0.01 else f"{number(share * 100, 2)} %"


def counted(count: int, word: str) -> str:
    """A count with its noun: 1 row, 1,200 rows."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def one_line(text: str) -> str:
    """The text, as long as it is, with a space for all that would break a line, steer a terminal or turn its writing.

    Names and levels are a file's, and may hold anything: what is shown of them is data, and must not look like ours.
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def lowered(sentence: str) -> str:
    """The sentence as a clause, after a colon or a code: its first letter small."""
    return sentence[:1].lower() + sentence[1:]


def raised(clause: str) -> str:
    """The clause as the beginning of a sentence; an option stays as it is typed."""
    return clause[:1].upper() + clause[1:]


def grown(factor: float) -> str:
    """A factor of growth, with as many digits as tell it from 1: 16.9×, 1.01×, 1.00002×."""
    digits = 3 if not 1 < factor < 1.05 else 1 + math.ceil(-math.log10(factor - 1))
    return f"{number(factor, digits)}×"


def wrapped(line: str, indent: int = 2) -> str:
    """A line of prose in lines of `WIDTH`; those after the first are indented, beside its own margin."""
    whole = line.replace(" %", "\N{NO-BREAK SPACE}%")  # a number stays with its unit
    margin = " " * (indent + len(line) - len(line.lstrip()))
    filled = textwrap.fill(whole, WIDTH, subsequent_indent=margin, break_on_hyphens=False)
    return filled.replace("\N{NO-BREAK SPACE}%", " %")


def aligned(columns: Sequence[Sequence[str]]) -> str:
    """Columns of text side by side: the first to the left, the others to the right."""
    padded: list[list[str]] = []
    for i, column in enumerate([one_line(cell) for cell in column] for column in columns):
        width = max(len(cell) for cell in column)
        padded.append([cell.ljust(width) if i == 0 else cell.rjust(width) for cell in column])
    return "\n".join("  ".join(row).rstrip() for row in zip(*padded, strict=True))


def shell(words: Iterable[str]) -> str:
    """The words as a shell reads them back, on one printable line: $'…' says the other characters by their codes."""
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    if word.isprintable():
        return shlex.quote(word)
    marks = {c: f"\\U{ord(c):08x}" for c in word if not c.isprintable()} | {"\\": "\\\\", "'": "\\'"}
    return f"$'{word.translate(str.maketrans(marks))}'"


def printable(text: str) -> str:
    """The text on one line, without what would steer a terminal, and words parted by one space."""
    return " ".join(one_line(text).split())


def said(error: object) -> str:
    r"""What another library says of an error and its cause, on one line: neither colours nor the stack that some add.

    >>> said("no such file\n\nThis error occurred with the following context stack:")
    'no such file'
    >>> said("HTTP error\n\nCaused by:\n    operation timed out")
    'HTTP error Caused by: operation timed out'
    """
    words = re.split(r"\n\n(?!Caused by)|\n? +0: <unknown>", _COLOURS.sub("", str(error)))[0].replace(
        "↳", ":"
    )
    return printable(words).replace(" :", ":")


_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
