"""How a lesson looks: one update with its code and numbers, a mistake beside its mended twin, the final check."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gradline.core.text import listed, number
from gradline.model.certificate import sentences
from gradline.pytorch import hardware
from gradline.pytorch.lessons.lesson import Lesson, reported
from gradline.pytorch.lessons.mistakes import PairedRuns
from gradline.pytorch.lessons.program import numbers
from gradline.pytorch.lessons.sanity import Sanity
from gradline.pytorch.lessons.steps import Update
from gradline.solvers.spectrum import Spectrum

FEATURES = 12  # whose weights are shown
_INPUTS, _TARGETS = 4, 3  # that fit beside each other


def heading(lesson: Lesson) -> Text:
    """What the lesson is about, in two or three lines."""
    names = lesson.names
    batches = f", batches of {lesson.batch_size:,}" if lesson.way.loop else ""
    lines = [
        f"{_cut(names.targets)} from {_cut(names.features)}: {lesson.way.summary}",
        f"{len(lesson.X):,} rows, lr {number(lesson.lr)}, {lesson.epochs:,} epochs{batches}, {lesson.dtype} on "
        f"{lesson.device}",
    ]
    if lesson.by != "numpy" and lesson.mistake is None:
        lines.append(hardware.said())
    text = Text("\n".join(lines))
    if lesson.mistake:
        text.append(f"\nMistake {lesson.mistake.name}: {lesson.mistake.title}", "bold red")
    return text


def update(lesson: Lesson, step: Update, part: int, rows: int = 5) -> Group:
    """One update, as far as numbered step `part` (0: before the first); what that step changed is marked.

    `rows` of the batch are shown. Where there is room for fewer than five, only the marked step is explained, and of
    the two tables the one that it is about is shown.
    """
    batch = f", batch {step.batch}" if lesson.way.loop else ""
    title = Text(f"Epoch {step.epoch}{batch}: update {step.update}, {_rows(step)}", "bold")
    is_whole = rows >= 5
    shown: list[RenderableType] = [title, _code(step, part, every=part == 5 and is_whole)]
    shown += _trouble(step, part)
    if part == 5 and step.epoch_loss is not None:
        shown += _outcome(lesson, step)
    if is_whole or part < 3:
        shown += [Text(), _data(lesson, step, part, rows)]
    if is_whole or part >= 3:
        shown += [Text(), _parameters(lesson, step, part, _TARGETS if is_whole else 1)]
    return Group(*shown)


def _outcome(lesson: Lesson, step: Update) -> list[Text]:
    """The loss over all rows before and after, and whether it runs away."""
    what = "update" if not lesson.way.loop else "epoch"
    after, before = step.epoch_loss, step.loss_before
    told = "" if before is None else f"{before:.6g} before this {what}, "
    said = [Text(f"Loss: {told}{after:.6g} after it")]
    if step.has_grown:
        said.append(Text(_growth(lesson, step), "bold red"))
    return said


def _growth(lesson: Lesson, step: Update) -> str:
    """What a growing loss means: above the largest stable rate training diverges."""
    limit = Spectrum.of(lesson.moments).lr_limit()
    assert step.epoch_loss is not None
    if not math.isfinite(step.epoch_loss):
        grown = f"the loss is {step.epoch_loss}: the numbers have outgrown {lesson.dtype}"
    elif step.loss_before:
        grown = f"the loss grew {number(step.epoch_loss / step.loss_before)}×"
    else:
        grown = "the loss grew"
    if lesson.lr > limit:
        return (
            f"Diverging: {grown}. lr {number(lesson.lr)} is above {number(limit)}, the largest stable rate."
        )
    return f"{grown[0].upper()}{grown[1:]}."


def comparison(lesson: Lesson, run: PairedRuns) -> Group:
    """A mistake: what PyTorch says, the cause in numbers, the lines that mend it, both runs side by side."""
    shown: list[RenderableType] = []
    said = dict.fromkeys(text for step in run.wrong for text in step.warnings)
    shown += [Text(f"PyTorch warns: {text}", "yellow") for text in said]
    error = run.wrong[-1].error if run.wrong else None
    if error:
        shown.append(Text(f"PyTorch stops at update {run.wrong[-1].update}: {error}", "red"))
    shown += [Text(), Text(f"Cause: {run.cause}"), Text()]
    if run.lines():
        shown.append(Text("The fix:"))
        styles = {"−": "red", "+": "green"}
        shown += [Text(f"  {line}", styles[line[0]]) for line in run.lines()]
        shown.append(Text())
    shown.append(_side_by_side(run.wrong_losses, run.right_losses))
    shown += [Text(f"\n{text}", "bold red") for text in _diverging(lesson, run.wrong)]
    return Group(*shown)


def check(sanity: Sanity) -> Group:
    """The trained coefficients beside the exact ones and scikit-learn's, and where the distance lies."""
    table = _table("", "as trained", "exact", "scikit-learn")
    three = (sanity.trained, sanity.exact, sanity.sklearn)
    for i, target in enumerate(sanity.names.targets):
        table.add_row(*_cells(target, "", "", ""), style="bold")
        table.add_row("  bias", *("–" if found.bias is None else f"{found.bias[i]:.6g}" for found in three))
        for j, name in enumerate(sanity.names.features[:FEATURES]):
            table.add_row(*_cells(f"  {name}", *(f"{found.weight[i, j]:.6g}" for found in three)))
    said = [Text(sentence) for sentence in sentences(sanity.certificate)]
    return Group(Text("Sanity check: is this the least-squares answer?", "bold"), table, Text(), *said)


def losses(lesson: Lesson, steps: Sequence[Update]) -> list[str]:
    """Some ten of the losses that a loop reported, in the tutorials' format, and from where on they grow."""
    found = reported(lesson, steps)
    epochs = len(found) - 1
    last = next((epoch for epoch, loss in enumerate(found) if not math.isfinite(loss)), epochs)
    shown = sorted({*range(0, last + 1, max(1, epochs // 10)), last})
    said = [
        f"Epoch [{epoch}/{epochs}], loss {found[epoch]:.4f}"
        if epoch
        else f"Before training, loss {found[0]:.4f}"
        for epoch in shown
    ]
    return said + _diverging(lesson, steps)


def _diverging(lesson: Lesson, steps: Sequence[Update]) -> list[str]:
    """From which epoch on the loss runs away, and why; nothing where it does not."""
    first = next((step for step in steps if step.has_grown), None)
    limit = Spectrum.of(lesson.moments).lr_limit()
    if first is None:
        return []
    if lesson.lr > limit:
        why = f"lr {number(lesson.lr)} is above {number(limit)}, the largest stable rate of these rows"
    elif lesson.mistake and lesson.mistake.climbs:
        why = "every update climbs"
    else:
        return []
    return [f"Diverging from epoch {first.epoch} on: {why}."]


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
    """The first rows of the batch: inputs, and for each target the target, its prediction and the error."""
    names, X = lesson.names, numbers(step.inputs).reshape(len(step.rows), -1)
    Y = numbers(step.targets).reshape(len(step.rows), -1)
    columns: list[tuple[str, Any]] = [("row", [f"{row + 1}" for row in step.rows])]
    if len(names.features) <= _INPUTS:
        columns += [(name, X[:, j]) for j, name in enumerate(names.features)]
    predictions = None
    if part >= 1 and step.predictions is not None:
        predictions = numbers(step.predictions)
    for i, name in enumerate(names.targets[:_TARGETS]):
        columns.append((name, Y[:, i]))
        if predictions is not None:
            columns.append(("predicted", predictions.reshape(len(Y), -1)[:, i]))
            if part >= 2 and predictions.shape == step.targets.shape:
                columns.append(("error", predictions.reshape(len(Y), -1)[:, i] - Y[:, i]))
    if part >= 2 and predictions is not None and predictions.shape != step.targets.shape:
        errors = predictions - numbers(step.targets)  # of all pairs: the first columns of the matrix
        columns += [(f"error[{i + 1}]", errors[:, i]) for i in range(min(5, errors.shape[1]))]
    table = _table(*(name for name, _ in columns))
    for row in range(min(shown, len(step.rows))):
        table.add_row(*(v[row] if isinstance(v[row], str) else f"{v[row]:.6g}" for _, v in columns))
    if len(step.rows) > shown:
        table.add_row("…")
    return table


def _parameters(lesson: Lesson, step: Update, part: int, targets: int) -> Table:
    """Each bias and weight before, its gradient, the value after, and what `.grad` holds after the reset.

    A ◀ marks what numbered step `part` changed.
    """
    before, after = _stacked(step.bias_before, step.weight_before), _stacked(step.bias, step.weight)
    gradient = _stacked(step.bias_gradient, step.weight_gradient)
    left = _stacked(step.bias_left, step.weight_left)
    has_grad = lesson.by != "numpy"
    heads = ["", "before" if part >= 4 else "now"]
    heads += (
        ["gradient"] * (part >= 3)
        + ["after"] * (part >= 4)
        + [".grad after reset"] * (part >= 5 and has_grad)
    )
    table = _table(*heads)
    for i, target in enumerate(lesson.names.targets[:targets]):
        table.add_row(*_cells(target), style="bold")
        for j, name in enumerate(("bias", *lesson.names.features)[: FEATURES + 1]):
            cells = [_marked(before, i, j)]
            cells += [_marked(gradient, i, j, part == 3)] * (part >= 3)
            cells += [_marked(after, i, j, part == 4 and before[i, j] != after[i, j])] * (part >= 4)
            cells += [_marked(left, i, j, part == 5)] * (part >= 5 and has_grad)
            table.add_row(*_cells(f"  {name}"), *cells)
    if len(lesson.names.targets) > targets:
        table.add_row("…")
    return table


def _stacked(bias: Any, weight: Any) -> Any:
    """(m, 1 + p), the bias first; None where PyTorch has None."""
    return None if bias is None or weight is None else np.column_stack([numbers(bias), numbers(weight)])


def _marked(values: Any, i: int, j: int, changed: bool = False) -> Text:
    text = "None" if values is None else f"{values[i, j]:.6g}"
    return Text(f"{text} ◀", "bold green") if changed else Text(f"{text}  ")


def _side_by_side(wrong: Sequence[float], right: Sequence[float]) -> Table:
    table = _table("epoch", "loss with the mistake", "loss after the fix")
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
