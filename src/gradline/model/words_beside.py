"""What columns of words beside numbers say of their rows: that some sum up others, or are in another unit."""

from collections import Counter
from collections.abc import Iterator

from gradline.core.errors import Notice
from gradline.core.text import counted, joined, shell
from gradline.data.cells import PLAIN
from gradline.data.conditions import without
from gradline.data.infer_design import MOST_LEVELS, told_of_sums
from gradline.data.levels import names_units, sums
from gradline.model.seen_rows import SeenRows


def words_beside(seen: SeenRows) -> Iterator[Notice]:
    """The notices of the columns of words that have no term, or hold units, as far as they have few words."""
    found: dict[str, Counter[str]] = {}
    for name in seen.words:
        if name not in seen.design.columns or names_units(name):
            cells = seen.batch.frame[name].alias(PLAIN).drop_nulls()
            if 0 < cells.n_unique() <= MOST_LEVELS:
                found[name] = Counter(dict(cells.value_counts(sort=True).iter_rows()))
    for name, counts in found.items():
        others = [word for other, words in found.items() if other != name for word in words]
        if name not in seen.design.columns:  # of which the design has told
            yield from told_of_sums(name, sums(sorted(counts), others))
        if len(counts) > 1 and names_units(name):
            yield _units(name, counts)


def _units(name: str, counts: Counter[str]) -> Notice:
    """The warning of a column that names units, when these are several."""
    usual, *others = counts
    rows = joined([f"{word!r} in {counted(counts[word], 'row')}" for word in (usual, *others[:3])])
    more = f", and {len(others) - 3} more" if len(others) > 3 else ""
    text = f"{name} is {rows}{more}: numbers beside it seem to be in several units, and the fit takes them as they are"
    remedy = (
        f"bring all rows to one unit, or leave the others out: {shell(['--where', without(name, others)])}"
    )
    return Notice("units-differ", text, True, remedy, name)
