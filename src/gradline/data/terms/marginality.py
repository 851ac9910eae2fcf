"""Which categories of a formula need a column for every level: R's rule of marginality, so that no column is twice."""

from collections.abc import Sequence
from itertools import combinations

from gradline.core.errors import RequestError

_MOST_CATEGORIES = 10  # in one product, which has 2^10 margins

Margin = frozenset[str]  # the categories of a part of a term, by their texts
Coding = dict[str, bool]  # of each category in a part of a term: whether every level has a column


class Marginality:
    """What the terms so far span, for each product of numbers apart.

    A term of the categories A, B spans the margins ∅, A, B, AB, each in contrasts. What earlier terms span is left
    out, and what is left is merged: ∅ and A are A with a column for every level. Where all margins but the last are
    spanned already the term has contrasts throughout, and never are there more columns than the term adds
    (Chambers, Hastie 1992, section 2.4.1; Smith's patsy, "Redundancy and categorical factors").
    """

    def __init__(self, bias: bool) -> None:
        self._spanned: dict[frozenset[str], set[Margin]] = {frozenset(): {frozenset()} if bias else set()}

    def parts(self, numbers: frozenset[str], categories: Sequence[str]) -> list[Coding]:
        """The parts that a term comes to: none where earlier terms span it all."""
        if len(categories) > _MOST_CATEGORIES:
            raise RequestError(
                "formula-too-many-categories",
                f"a term of the formula is a product of {len(categories)} categories",
                f"cross up to {_MOST_CATEGORIES}",
            )
        spanned = self._spanned.setdefault(numbers, set())
        sizes = range(len(categories) + 1)
        margins = [frozenset(some) for size in sizes for some in combinations(categories, size)]
        found = [dict.fromkeys(margin, False) for margin in margins if margin not in spanned]
        spanned.update(margins)
        while _merge_two(found):
            pass
        return [{name: part[name] for name in categories if name in part} for part in found]


def _merge_two(parts: list[Coding]) -> bool:
    """Merge the first part with the first that has one category more: that one gets a column for every level."""
    for i, short in enumerate(parts):
        for j in range(i + 1, len(parts)):
            longer = parts[j]
            if len(longer) == len(short) + 1 and short.items() <= longer.items():
                parts[j] = {name: full or name not in short for name, full in longer.items()}
                del parts[i]
                return True
    return False
