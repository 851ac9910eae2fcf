"""How a lesson looks: one update with its code and numbers, a mistake beside its mended twin, the final check."""

from collections.abc import Sequence

import numpy as np
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gradline.core.text import listed, number
from gradline.model.certificate import sentences
from gradline.pytorch.lessons.lesson import Lesson
from gradline.pytorch.lessons.mistakes import PairedRuns
from gradline.pytorch.lessons.program import numbers
from gradline.pytorch.lessons.sanity import Sanity
from gradline.pytorch.lessons.steps import Update

FEATURES = 12  # that are shown


def heading(lesson: Lesson) -> Text:
    """What the lesson is about, in two or three lines."""
    names = lesson.names
    batches = f", batches of {lesson.batch_size:,}" if lesson.way.loop else ""
    lines = [
        f"{_cut(names.targets)} from {_cut(names.features)}: {lesson.way.summary}",
        f"{len(lesson.X):,} rows, lr {number(lesson.lr)}, {lesson.epochs:,} epochs{batches}, {lesson.dtype} on "
        f"{lesson.device}",
    ]
    text = Text("\n".join(lines))
    if lesson.mistake:
        text.append(f"\nMistake {lesson.mistake.name}: {lesson.mistake.title}", "bold red")
    return text


def update(lesson: Lesson, step: Update, part: int, rows: int = 5) -> Group:
    """One update, as far as numbered step `part` (0: before the first); what that step changed is marked.

    `rows` of the batch are shown, and with fewer than five only the marked step is explained.
    """
    batch = f", batch {step.batch}" if lesson.way.loop else ""
    title = Text(f"Epoch {step.epoch}{batch}: update {step.update}, {_rows(step)}", "bold")
    shown: list[RenderableType] = [title, _code(step, part, every=part == 5 and rows >= 5)]
    shown += _trouble(step, part)
    shown += [Text(), _parameters(lesson, step, part)]
    if part == 5 and step.epoch_loss is not None:
        shown += [
            Text(),
            Text(f"The loss that the loop reports for epoch {step.epoch}: {step.epoch_loss:.6g}"),
        ]
    return Group(*shown)


def comparison(run: PairedRuns) -> Group:
    """A mistake: what PyTorch says, the cause in numbers, the lines that mend it, both runs side by side."""
    shown: list[RenderableType] = []
    said = dict.fromkeys(text for step in run.wrong for text in step.warnings)
    shown += [Text(f"PyTorch warns: {text}", "yellow") for text in said]
    error = run.wrong[-1].error if run.wrong else None
    if error:
        shown.append(Text(f"PyTorch stops at update {run.wrong[-1].update}: {error}", "red"))
    shown += [Text(), Text(f"Cause: {run.cause}"), Text()]
    if run.lines():
        shown.append(Text("The lines that mend it:"))
        styles = {"−": "red", "+": "green"}
        shown += [Text(f"  {line}", styles[line[0]]) for line in run.lines()]
        shown.append(Text())
    shown.append(_side_by_side(run.wrong_losses, run.right_losses))
    return Group(*shown)


def check(sanity: Sanity) -> Group:
    """The trained coefficients beside the exact ones and scikit-learn's, and where the distance lies."""
    table = _table("", "as trained", "exact", "scikit-learn")
    three = (sanity.trained, sanity.exact, sanity.sklearn)
    for i, target in enumerate(sanity.names.targets):
        table.add_row(*_cells(target, "", "", ""), style="bold")
        table.add_row("  bias", *(f"{found.bias[i]:.6g}" for found in three))
        for j, name in enumerate(sanity.names.features[:FEATURES]):
            table.add_row(*_cells(f"  {name}", *(f"{found.weight[i, j]:.6g}" for found in three)))
    said = [Text(sentence) for sentence in sentences(sanity.certificate)]
    return Group(Text("Sanity check: is this the least-squares answer?", "bold"), table, Text(), *said)


def losses(reported: Sequence[float]) -> list[str]:
    """Some ten of the losses that a loop reported, in the tutorials' format."""
    epochs = len(reported) - 1
    shown = sorted({*range(0, epochs + 1, max(1, epochs // 10)), epochs})
    return [
        f"Epoch [{epoch}/{epochs}], loss {reported[epoch]:.4f}"
        if epoch
        else f"Before training, loss {reported[0]:.4f}"
        for epoch in shown
    ]


def _code(step: Update, part: int, every: bool) -> Table:
    table = Table.grid(padding=(0, 1))
    for i, one in enumerate(step.parts, 1):
        now, done = i == part, i <= part
        style = "bold" if now else "" if done else "dim"
        head = Text(f"{'▶' if now else ' '} {i} {one.name}", style)
        body: list[RenderableType] = [Text(one.code, f"{style} cyan" if done else style)]
        if (now or every) and step.said(i):
            body.append(Padding(Text(step.said(i), style), (0, 0, 0, 2)))
        table.add_row(head, Group(*body))
    return table


def _trouble(step: Update, part: int) -> list[RenderableType]:
    shown: list[RenderableType] = []
    for one in step.parts[:part]:
        shown += [Text(f"PyTorch warns: {text}", "yellow") for text in one.warnings]
        if one.error:
            shown.append(Text(f"PyTorch stops: {one.error}", "bold red"))
    return shown


def _data(lesson: Lesson, step: Update, part: int, shown: int) -> Table:
    """The first rows of the batch: inputs, targets, and as they come predictions and errors."""
    targets = lesson.names.targets
    X, Y = numbers(step.inputs), numbers(step.targets).reshape(len(step.rows), -1)
    columns = [("row", [f"{row + 1}" for row in step.rows])]
    columns += [(name, X[:, j]) for j, name in enumerate(lesson.names.features[:FEATURES])]
    columns += [(name, Y[:, i]) for i, name in enumerate(targets)]
    if part >= 1 and step.predictions is not None:
        predictions = numbers(step.predictions)
        table_of = predictions.reshape(len(step.rows), -1)
        columns += [(f"ŷ {name}", table_of[:, i]) for i, name in enumerate(targets)]
        if part >= 2:
            columns += _errors(predictions - numbers(step.targets), targets)
    table = _table(*(name for name, _ in columns))
    for row in range(min(shown, len(step.rows))):
        table.add_row(*(v[row] if isinstance(v[row], str) else f"{v[row]:.6g}" for _, v in columns))
    if len(step.rows) > shown:
        table.add_row("…")
    return table


def _errors(errors: np.ndarray, targets: Sequence[str]) -> list[tuple[str, np.ndarray]]:
    """The columns ŷ − y; where shapes broadcast to a matrix of all pairs, its first columns."""
    if errors.shape[1] == len(targets):
        return [(f"ŷ−y {name}", errors[:, i]) for i, name in enumerate(targets)]
    return [(f"ŷ−y[{i + 1}]", errors[:, i]) for i in range(min(5, errors.shape[1]))]


def _parameters(lesson: Lesson, step: Update, part: int) -> Table:
    """Bias and weights by target with their gradients; a ◀ marks what numbered step `part` changed."""
    targets, names = lesson.names.targets, ("bias", *lesson.names.features)
    before = np.column_stack([numbers(step.bias_before), numbers(step.weight_before)])
    after = np.column_stack([numbers(step.bias), numbers(step.weight)])
    table = _table("", *targets, *(f"slope by {name}" for name in targets) if part >= 3 else ())
    gradient = None
    if part >= 3 and step.weight_gradient is not None:
        gradient = np.column_stack([numbers(step.bias_gradient), numbers(step.weight_gradient)])
    for j, name in enumerate(names[: FEATURES + 1]):
        held = after if part >= 4 else before
        cells = [_marked(held[i, j], part == 4 and before[i, j] != after[i, j]) for i in range(len(targets))]
        if gradient is not None:
            cells += [_marked(gradient[i, j], part == 3) for i in range(len(targets))]
        table.add_row(*_cells(name), *cells)
    return table


def _marked(value: float, changed: bool) -> Text:
    return Text(f"{value:.6g} ◀", "bold green") if changed else Text(f"{value:.6g}  ")


def _side_by_side(wrong: Sequence[float], right: Sequence[float]) -> Table:
    table = _table("epoch", "loss with the mistake", "loss mended")
    last = max(len(wrong), len(right)) - 1
    for epoch in sorted({*range(min(4, last + 1)), *range(0, last + 1, max(1, last // 5)), last}):
        table.add_row(
            f"{epoch}", *(f"{run[epoch]:.6g}" if epoch < len(run) else "–" for run in (wrong, right))
        )
    return table


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for i, name in enumerate(names):
        table.add_column(escape(_cut([name])), justify="left" if i == 0 else "right")
    return table


def _cells(*words: str) -> list[str]:
    return [escape(_cut([word])) for word in words]


def _cut(words: Sequence[str]) -> str:
    """Names from the user's table, in one line of printable text."""
    return "".join(letter if letter.isprintable() else " " for letter in listed(words))


def _rows(step: Update) -> str:
    rows = [f"{row + 1:,}" for row in step.rows]
    if len(rows) > 8 and np.array_equal(step.rows, np.arange(len(rows))):
        return f"all {len(rows):,} rows"
    return f"rows {listed(rows, 8)}"
