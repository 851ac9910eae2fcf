"""What the levels of a category show: spellings, an order that no coefficient knows, sums, and missing cells."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations

# Orders that people write in words, each from one end to the other; a level is looked up in lower case.
_ORDERS = [
    "very low,low,medium low,mid,middle,medium,moderate,average,normal,medium high,high,very high",
    "xxs,xs,s,m,l,xl,xxl,xxxl",
    "tiny,very small,small,medium,mid,large,big,very large,huge",
    "never,rarely,seldom,sometimes,often,usually,always",
    "strongly disagree,disagree,neutral,neither,agree,strongly agree",
    "very poor,poor,bad,fair,ok,satisfactory,good,very good,excellent,outstanding",
    "none,mild,moderate,severe,critical",
    "fair,good,very good,premium,ideal",
    "first,second,third,fourth,fifth",
    "monday,tuesday,wednesday,thursday,friday,saturday,sunday",
    "mon,tue,wed,thu,fri,sat,sun",
    "january,february,march,april,may,june,july,august,september,october,november,december",
    "jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec",
]
_MOST = 200  # levels of which each pair is looked at: as many countries as there are
_LETTERS = 5  # of words that differ in one: shorter ones often do
_SHORT = 4  # letters of a word cut off without a point
_FEWEST = 3  # levels that make an order: two have none to lose


_SUM = (
    r"(?:grand |sub-?|sous-|over)?total(?:e|s|en|i)?|(?:zwischen|gesamt|end)?summen?|(?:gesamt|teil)?ergebnis"
    r"|gesamt(?:betrag|wert)?|insgesamt|somme|suma|soma|totaal"
)
_MEAN = r"mean|average|avg\.?|moyenne|promedio|durchschnitt|mittel(?:wert)?|median|[ø]|x̄"
# What may stand in a last row, and what follows it, such as 2024, or a colon; elsewhere `all` is a level like others.
_LAST = re.compile(rf"(?:{_SUM}|{_MEAN}|sums?|all|alle|[Σ∑])(?:[\s:=].*)?", re.IGNORECASE)
_UNITS = re.compile(
    r"(?:.*[\W_])?(?:units?|uom|currency|einheit|währung|unité|devise|unidad|moneda)(?:[\W_].*)?",
    re.IGNORECASE,
)
_NO_VALUE = re.compile(
    r"[-–—?.…]+|n\.? ?d\.?|n/d|s/d|n\.a\.?|n\.b\.?|k\.? ?a\.?|keine angabe|fehlt|missing|no data|not available"
)


def alike(levels: Sequence[str]) -> list[list[str]]:
    """The groups of levels that differ in case, blanks, marks or leading zeros alone, in the order of their first."""
    groups: dict[str, list[str]] = {}
    for level in levels:
        groups.setdefault(_bare(level), []).append(level)
    return [group for group in groups.values() if len(group) > 1]


def _bare(level: str) -> str:
    """A level without case and blanks, without marks but those between digits, and without zeros before a number."""
    folded = "".join(level.casefold().split())
    words = re.sub(r"(?<!\d)[-_./\\'’(),:;](?!\d)|(?<=[^\W\d])[-_./](?=\d)", "", folded) or folded
    return re.sub(r"(?<![\d.,])0+(?=\d)", "", words)


def similar(levels: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of levels that may be one word, the one that may be wrong or short first.

    They differ in one letter, or in two that changed places, of five and more (Damerau 1964: four of five slips in
    writing are such); or one is how the other begins, with a point or of four letters at most, or its initials.
    """
    if len(levels) > _MOST:
        return []
    folded = {level: level.casefold() for level in levels}
    slips = {pair for pair in _near(folded) if _is_slip(folded[pair[0]], folded[pair[1]])}
    return [
        (one, other)
        for one, other in permutations(levels, 2)
        if (one, other) in slips or (len(one) < len(other) and _is_short_for(one, other, folded))
    ]


def _near(folded: Mapping[str, str]) -> set[tuple[str, str]]:
    """The pairs of levels that are one with a letter less of either: all that may be slips, and few others."""
    forms: dict[str, list[str]] = {}
    for level, word in folded.items():
        for form in {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}:
            forms.setdefault(form, []).append(level)
    return {pair for levels in forms.values() for pair in permutations(levels, 2)}


def _is_slip(one: str, other: str) -> bool:
    """Whether a letter is another, missing or there too often, or two changed places."""
    if min(len(one), len(other)) < _LETTERS or not (one + other).replace(" ", "").isalpha():
        return False
    if len(one) == len(other):
        differ = [i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
        swapped = len(differ) == 2 and differ[1] == differ[0] + 1
        return len(differ) == 1 or (
            swapped and one[differ[0]] + one[differ[1]] == other[differ[1]] + other[differ[0]]
        )
    short, long = sorted((one, other), key=len)
    return len(long) == len(short) + 1 and any(long[:i] + long[i + 1 :] == short for i in range(len(long)))


def _is_short_for(short: str, word: str, folded: Mapping[str, str]) -> bool:
    """Whether it is how this level alone begins, or its initials; `folded` has all levels without case."""
    start = folded[short].removesuffix(".")
    if not start.isalpha():
        return False
    if short.isupper() and len(short) > 1 and short == "".join(part[0] for part in word.split()):
        return True
    rest, is_short = word[len(start) :], short.endswith(".") or len(start) <= _SHORT
    if not (is_short and folded[word].startswith(start) and rest.isalpha() and rest.islower()):
        return False
    return not any(one not in (short, word) and other.startswith(start) for one, other in folded.items())


def ordered(levels: Sequence[str]) -> list[str] | None:
    """The levels in the order that their words have, None where they have none."""
    words = {level.casefold(): level for level in levels}
    if len(words) < max(_FEWEST, len(levels)):
        return None
    for order in _ORDERS:
        known = order.split(",")
        if set(words) <= set(known):
            return [words[word] for word in known if word in words]
    return None


def sums(levels: Sequence[str], others: Iterable[str] = ()) -> list[str]:
    """The levels that name sums of rows: such as Subtotal, or North Total where North is a level, too.

    It may be one of `others`, those of other columns.
    """
    words = {level: " ".join(level.casefold().split()) for level in levels}
    known = {*words.values(), *(" ".join(level.casefold().split()) for level in others)}

    def is_sum(word: str) -> bool:
        rest = re.sub(rf"^(?:{_SUM})[ :]+|[ :]+(?:{_SUM})$", "", word)
        return bool(re.fullmatch(rf"(?:{_SUM}):?", word)) or (rest != word and rest in known)

    return [level for level, word in words.items() if is_sum(word)]


def names_units(column: str) -> bool:
    """Whether a column is called as one that says in which unit the numbers beside it are."""
    return _UNITS.fullmatch(column) is not None


def sums_up(cell: str) -> bool:
    """Whether a cell of a last row is a word for a total or a mean."""
    return _LAST.fullmatch(cell) is not None


def without_value(levels: Sequence[str]) -> list[str]:
    """The levels that say that there is no value: such as n.d., or a mark alone, but for − beside +."""
    if "+" in levels:
        return []
    return [level for level in levels if _NO_VALUE.fullmatch(level.casefold())]
