"""Levels of a category that are, or may be, one word: what is said of them, and the option that joins them."""

from collections import Counter
from collections.abc import Iterator, Sequence

from gradline.core.errors import Notice
from gradline.core.text import listed
from gradline.data.cells import PLAIN
from gradline.data.levels import alike, similar
from gradline.data.same_words import joining
from gradline.data.schema import Kind
from gradline.data.source import Source

_RARER = 2  # times that a word has the rows of what may be a slip of it


def one_word(source: Source, name: str, levels: Sequence[str]) -> Iterator[Notice]:
    """The notices of a column with these levels; where there are any, the word of most rows stays."""
    groups, pairs = alike(levels), similar(levels)
    if not groups and not pairs:
        return
    counts = _counts(source, name)
    groups = [
        # Of as many rows: neither all capitals nor none, as a name is written.
        sorted(group, key=lambda level: (-counts[level], level.isupper() or level.islower()))
        for group in groups
    ]
    if groups:
        told = "; ".join(", ".join(map(repr, group)) for group in groups[:3])
        more = f" and {len(groups) - 3} more" if len(groups) > 3 else ""
        text = f"{name} has levels that differ in case, blanks, marks or leading zeros alone: {told}{more}"
        yield Notice("levels-alike", text, True, f"to make one of each: {joining(name, groups)}", name)
    joined = {level for group in groups for level in group[1:]}
    rare = [pair for pair in pairs if not {*pair} & joined and _RARER * counts[pair[0]] <= counts[pair[1]]]
    if rare:
        told = listed(
            (f"{odd!r} ({counts[odd]:,}) and {word!r} ({counts[word]:,} rows)" for odd, word in rare), 4
        )
        text = f"{name} has levels that may be one word: {told}"
        kept = {word: [odd for odd, other in rare if other == word] for _, word in rare}
        remedy = f"if they are: {joining(name, [[word, *odd] for word, odd in kept.items()])}"
        yield Notice("levels-similar", text, remedy=remedy, about=name)


def _counts(source: Source, name: str) -> Counter[str]:
    """The rows with each level of a column, by one more pass."""
    found: Counter[str] = Counter()
    for batch in source.batches({name: Kind.TEXT}):
        cells = batch.frame[name].alias(PLAIN).drop_nulls()
        found.update(dict(cells.value_counts().iter_rows()))
    return found
