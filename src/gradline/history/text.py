"""A comparison of versions as text: one block for each thing that differs."""

from collections.abc import Iterator, Sequence
from typing import Any

from gradline.core.text import counted, percent, printable, wrapped
from gradline.history.decomposition import MEANING, PARTS, Movement
from gradline.history.files import FileDifference
from gradline.history.model_diff import Change, Coefficient, ModelDifference, is_same, shown
from gradline.history.version_difference import SideBySide, VersionDifference
from gradline.model.summary import aligned

COEFFICIENTS = 40  # that are shown, the most important first
LINES = 200  # of one file's diff that are shown


def render(found: VersionDifference) -> str:
    """The comparison as text."""
    heads = (printable(found.before), printable(found.after))
    blocks = [" → ".join(heads)]
    for model in found.models:
        blocks += _model(model, heads)
    blocks += _block("Only one has the model", found.alone, heads)
    blocks += _block("Logged", found.logged, heads)
    blocks += _block("Environment", found.environment, heads)
    blocks += _block("Code", found.code, heads)
    for file in found.files:
        blocks.append("\n".join(_file(file)))
    if found.is_empty:
        blocks.append("Nothing differs.")
    return "\n\n".join(blocks)


def render_several(tables: Sequence[SideBySide]) -> str:
    """Several versions side by side."""
    blocks = []
    for table in tables:
        columns = [["", *(printable(row.what) for row in table.rows)]]
        for i, name in enumerate(table.names):
            columns.append([printable(name), *(_cell(row.values[i]) for row in table.rows)])
        path = printable(table.path)
        blocks.append(f"{path}\n{aligned(columns)}" if table.rows else f"{path}: nothing differs.")
    return "\n\n".join(blocks)


def _model(model: ModelDifference, heads: tuple[str, str]) -> Iterator[str]:
    """The blocks of one pair of models."""
    if model.is_empty:
        yield f"{printable(model.name)}: the models do not differ."
        return
    yield printable(model.name)
    if model.coefficients:
        yield _coefficients(model, heads)
    if model.movement is not None and model.coefficients:
        yield _why(model.movement)
    elif model.unexplained:
        yield _prose([f"Why the coefficients moved is not known: {model.unexplained}."])
    yield from _block("Fit", model.fit, heads)
    yield from _losses(model, heads)
    yield from _block("Settings", model.settings, heads)
    if model.same_rows:
        yield "Data: the same rows." + ("" if not model.data else f"\n{_changes(model.data, heads)}")
    else:
        yield from _block("Data", model.data, heads)


def _coefficients(model: ModelDifference, heads: tuple[str, str]) -> str:
    rows = model.coefficients[:COEFFICIENTS]
    several = len({row.target for row in model.coefficients}) > 1
    columns = [
        ["coefficient", *(_name(row, several) for row in rows)],
        [heads[0], *(_cell(row.before) for row in rows)],
        [heads[1], *(_cell(row.after) for row in rows)],
        ["change", *(_signed((row.after or 0.0) - (row.before or 0.0), 4) for row in rows)],
        ["in std. errors", *("–" if row.stderr is None else _signed(row.stderr, 3) for row in rows)],
    ]
    for part in PARTS if model.movement is not None else ():
        columns.append([part, *("–" if row.parts is None else _signed(row.parts[part], 3) for row in rows)])
    more = len(model.coefficients) - len(rows)
    return aligned(columns) + (f"\nand {counted(more, 'coefficient')} more: --json lists all" if more else "")


def _cell(value: Any) -> str:
    return printable(shown(value))


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}g}" if value else "0"


def _name(row: Coefficient, several: bool) -> str:
    feature = "bias" if row.feature is None else '"bias"' if row.feature == "bias" else printable(row.feature)
    return f"{feature} → {printable(row.target)}" if several else feature


def _why(found: Movement) -> str:
    """The sizes and shares of the parts, and how to read them."""
    columns = [["Why", *PARTS]]
    for j, target in enumerate(found.targets):
        columns.append([printable(target), *(f"{part.size[j]:.4g}" for part in found.parts)])
        columns.append(["share", *(percent(float(part.share[j])) for part in found.parts)])
    says = [f"The parts sum to the change: {found.order}. {MEANING}", *found.notes]
    return f"{aligned(columns)}\n{_prose(says)}"


def _prose(sentences: Sequence[str]) -> str:
    return "\n".join(wrapped(printable(sentence)) for sentence in sentences)


def _losses(model: ModelDifference, heads: tuple[str, str]) -> Iterator[str]:
    """The losses at some epochs where they differ, and at both ends."""
    losses = [dict(history) for history in model.histories]
    if not all(losses):
        return
    ends = {max(history) for history in losses}
    both = losses[0].keys() & losses[1].keys()
    round_ones = {digit * 10**power for digit in (1, 2, 5) for power in range(19)}
    differ = {epoch for epoch in both & round_ones if not is_same(losses[0][epoch], losses[1][epoch])}
    kept = sorted(differ | ends)
    columns = [["Loss after epoch", *(f"{epoch:,}" for epoch in kept)]]
    for head, history in zip(heads, losses, strict=True):
        columns.append([head, *(_cell(history.get(epoch)) for epoch in kept)])
    same = "" if differ else f"\nThe same up to epoch {max(both):,}."
    yield aligned(columns) + same


def _block(title: str, found: Sequence[Change], heads: tuple[str, str]) -> list[str]:
    return [_changes(found, heads, title)] if found else []


def _changes(found: Sequence[Change], heads: tuple[str, str], title: str = "") -> str:
    return aligned(
        [
            [title, *(printable(change.what) for change in found)],
            [heads[0], *(_cell(change.before) for change in found)],
            [heads[1], *(_cell(change.after) for change in found)],
        ]
    )


def _file(file: FileDifference) -> Iterator[str]:
    """A file, and the lines or cells of it that differ."""
    yield f"{printable(file.path)}: {file.kind}" + (f"; {file.note}" if file.note else "")
    yield from _cut(file.lines or [])
    for cell in file.cells or []:
        yield f"  {cell.place}"
        yield from _cut(cell.source)
        if cell.outputs:
            yield "  its outputs"
            yield from _cut(cell.outputs)


def _cut(lines: Sequence[str]) -> Iterator[str]:
    for line in lines[:LINES]:
        yield "    " + "".join(c if c.isprintable() else " " for c in line.expandtabs(4))
    if len(lines) > LINES:
        yield f"    and {counted(len(lines) - LINES, 'line')} more: --json has all"
