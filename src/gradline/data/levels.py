"""What the levels of a category show: spellings, an order that no coefficient knows, sums, and missing cells."""

import re
from collections.abc import Iterable, Sequence

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
_FEWEST = 3  # levels that make an order: two have none to lose


_SUM = (
    r"(?:grand |sub-?|sous-|over)?total(?:e|s|en|i)?|(?:zwischen|gesamt|end)?summen?|(?:gesamt|teil)?ergebnis"
    r"|gesamt(?:betrag|wert)?|insgesamt|somme|suma|soma|totaal"
)
_MEAN = r"mean|average|avg\.?|moyenne|promedio|durchschnitt|mittel(?:wert)?|median|[ø]|x̄"
# What may stand in a last row, and what follows it, such as 2024, or a colon; elsewhere `all` is a level like others.
_LAST = re.compile(rf"(?:{_SUM}|{_MEAN}|sums?|all|alle|[Σ∑])(?:[\s:=].*)?", re.IGNORECASE)
_NO_VALUE = re.compile(
    r"[-–—?.…]+|n\.? ?d\.?|n/d|s/d|n\.a\.?|n\.b\.?|k\.? ?a\.?|keine angabe|fehlt|missing|no data|not available"
)


def alike(levels: Sequence[str]) -> list[list[str]]:
    """The groups of levels that differ in case or blanks alone, in the order of their first."""
    groups: dict[str, list[str]] = {}
    for level in levels:
        groups.setdefault("".join(level.casefold().split()), []).append(level)
    return [group for group in groups.values() if len(group) > 1]


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


def sums_up(cell: str) -> bool:
    """Whether a cell of a last row is a word for a total or a mean."""
    return _LAST.fullmatch(cell) is not None


def without_value(levels: Sequence[str]) -> list[str]:
    """The levels that say that there is no value: such as n.d., or a mark alone, but for − beside +."""
    if "+" in levels:
        return []
    return [level for level in levels if _NO_VALUE.fullmatch(level.casefold())]
