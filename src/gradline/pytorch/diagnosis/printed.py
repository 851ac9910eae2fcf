"""What a loop printed: its losses with their printing uncertainty, and PyTorch's own messages."""

import os
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gradline.core.errors import DataError, FileError
from gradline.core.text import counted

_NUMBER = r"(?<![\w.])[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|nan|inf)(?![\w.])"
_OPENING = rf"(?:\w+(?:\.\w+)*\(\s*)?({_NUMBER})"  # a number as it is, or inside tensor(…) or np.float32(…)
_LOSS = re.compile(r"[a-z_]*loss[a-z_]*", re.I)
_HELD_OUT = re.compile(r"val|test|eval|hold", re.I)
_AFTER_LOSS = [re.compile(p + _OPENING, re.I) for p in (r"^['\"]?\s*[:=]?\s*", r"^.*?[:=]\s*", r"^.*?")]
_EPOCH = re.compile(r"(?:epoch|step|iter(?:ation)?)\W{0,4}(\d+)", re.I)
_TENSOR = re.compile(rf"^(?:(\d+)\W+)?tensor\(\s*({_NUMBER})", re.I)
_ROW = re.compile(rf"^(\d+)\s*[,;:\t ]\s*({_NUMBER})(?:\s*[,;\t].*)?$", re.I)
_ALONE = re.compile(rf"^({_NUMBER})$", re.I)
_LIST = re.compile(rf"^\[\s*({_NUMBER}(?:\s*,\s*{_NUMBER})*)\s*,?\s*\]$", re.I)


class Message(NamedTuple):
    """A message of PyTorch that names a mistake: its pattern, the cause, the line that mends it."""

    pattern: re.Pattern[str]
    stops: bool  # an error that ends the loop, or a warning
    cause: str
    remedy: str


def _message(pattern: str, stops: bool, cause: str, remedy: str) -> Message:
    return Message(re.compile(pattern, re.I), stops, cause, remedy)


MESSAGES: dict[str, Message] = {
    "no_grad": _message(
        r"unsupported operand type\(s\) for [*/+-]=?: '\w+' and 'NoneType'"
        r"|unsupported operand type\(s\) for [*/+-]=?: 'NoneType' and '\w+'"
        r"|'NoneType' object has no attribute 'zero_'",
        True,
        "a gradient is None: `w = w - lr * w.grad` makes a new tensor that is no leaf, so the next backward() leaves "
        "its .grad empty",
        "with torch.no_grad(): w -= lr * w.grad; b -= lr * b.grad",
    ),
    "in_place": _message(
        r"a leaf Variable that requires grad is being used in an in-place operation",
        True,
        "the update itself is recorded for the gradient: a weight is changed in place outside torch.no_grad()",
        "with torch.no_grad(): w -= lr * w.grad; b -= lr * b.grad",
    ),
    "flat": _message(
        r"mat1 and mat2 shapes cannot be multiplied|size mismatch, got input|inconsistent tensor size"
        r"|mat1 dim 1 must match mat2 dim 0",
        True,
        "the inputs do not have one row per observation and one column per feature, or the weight is not transposed",
        "inputs = inputs.reshape(-1, 1) for a single feature; preds = inputs @ w.t() + b",
    ),
    "dtype": _message(
        r"must have the same dtype|expected m1 and m2 to have the same dtype|expected scalar type",
        True,
        "inputs and weights have different types: NumPy makes float64, PyTorch's weights are float32",
        "inputs, targets = inputs.float(), targets.float()",
    ),
    "detach": _message(
        r"does not require grad and does not have a grad_fn",
        True,
        "the loss does not depend on any weight that wants a gradient: requires_grad is missing, or the predictions "
        "were detached",
        "w = torch.randn(2, 3, requires_grad=True), and no .detach(), .item() or no_grad() before loss.backward()",
    ),
    "twice": _message(
        r"backward through the graph a second time",
        True,
        "backward() was called twice on one loss: predictions and loss were not computed anew",
        "preds = model(inputs); loss = mse(preds, targets); loss.backward(), all three in every epoch",
    ),
    "shape": _message(
        r"Using a target size \(torch\.Size\(\[[\d, ]*\]\)\) that is different to the input size",
        False,
        "predictions and targets have different shapes, so that every prediction is compared with every target",
        "targets = targets.reshape(-1, 1)",
    ),
    "not_leaf": _message(
        r"\.grad attribute of a Tensor that is not a leaf Tensor is being accessed",
        False,
        "a weight was replaced by the result of a computation and no longer collects gradients",
        "with torch.no_grad(): w -= lr * w.grad; b -= lr * b.grad",
    ),
}


class Printed(NamedTuple):
    """The losses (K,) as printed, how far each may be off for its digits, its epoch, and what else was said.

    `epochs` counts 0, 1, 2, … where none is printed, and `labelled` says whether they were; the first loss
    is `before` the loop when it alone has no label. `messages` are keys of `MESSAGES`.
    """

    losses: np.ndarray
    halves: np.ndarray
    epochs: np.ndarray
    labelled: bool
    before: bool
    messages: tuple[str, ...]
    notes: tuple[str, ...]


def read_printed(losses: Any) -> Printed:
    """The losses in what a user gives: text, a file of it, numbers, or pairs of epoch and loss.

    Raises `DataError` when there is neither a loss nor a known message, or a loss is negative.
    """
    if isinstance(losses, (str, os.PathLike)):
        text = _text(losses)
        found, messages = list(_in_text(text)), _messages(text)
    else:
        items = list(losses)
        if items and all(isinstance(item, str) for item in items):
            return read_printed("\n".join(items))
        found, messages = _in_numbers(items), ()
    if not found and not messages:
        raise DataError(
            "no-loss-found",
            "no loss was found",
            "give one number a line, lines such as Epoch [10/100], Loss: 818.6476, or a list",
        )
    return _arranged(found, messages)


class _Loss(NamedTuple):
    epoch: int | None
    value: float
    half: float


def _text(losses: str | os.PathLike[str]) -> str:
    is_path = isinstance(losses, os.PathLike) or ("\n" not in losses and os.path.isfile(losses))
    if not is_path:
        return str(losses)
    try:
        return Path(losses).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise FileError(
            "file-unreadable", f"{losses} cannot be read: {error.strerror}", "check the path"
        ) from error


def _messages(text: str) -> tuple[str, ...]:
    return tuple(name for name, message in MESSAGES.items() if message.pattern.search(text))


def _in_text(text: str) -> Iterable[_Loss]:
    whole = _LIST.match(text.strip())
    lines = re.split(r"\s*,\s*", whole[1]) if whole else text.splitlines()
    pending = None  # an epoch whose loss follows on a line of its own
    for line in (line.strip() for line in lines):
        label = _EPOCH.search(line)
        epoch, number = _in_line(line)
        if label:
            epoch = int(label[1])
        if number is None:
            pending = epoch if label else pending
            continue
        yield _Loss(pending if epoch is None else epoch, float(number), half_unit(number))
        pending = None


def _in_line(line: str) -> tuple[int | None, str | None]:
    """The epoch in front of a loss, where there is one, and the loss as printed."""
    for word in _LOSS.finditer(line):
        if not _HELD_OUT.match(word[0]):
            rest = line[word.end() :]
            found = next((match for match in (p.match(rest) for p in _AFTER_LOSS) if match), None)
            if found:
                return None, found[1]
    for pattern in (_TENSOR, _ROW):
        if found := pattern.match(line):
            return None if found[1] is None else int(found[1]), found[2]
    alone = _ALONE.match(line)
    return None, alone[1] if alone else None


def half_unit(number: str) -> float:
    """Half a unit of the last digit of a number as printed, such as 5e-5 for 818.6476 and 50 for 1.2e3.

    None for `tensor(3.)`: PyTorch ends a number in its point only where nothing follows it.
    """
    mantissa, _, exponent = number.lower().partition("e")
    if "n" in mantissa or mantissa.endswith("."):  # nan, inf, 3.
        return 0.0
    return 0.5 * 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


def half_units(values: Sequence[Any], exact: int = -1) -> np.ndarray:
    """How far numbers may be off that were typed or copied with few digits, by the digits of all of them.

    All have the decimals of the one with most, since a list of numbers loses trailing zeros; or as many
    significant digits, where five of them and no more say so. Numbers with more digits are as they are, and those
    with up to `exact` decimals were not printed but chosen.
    """
    numbers = [
        Decimal(repr(float(str(v)) if getattr(v, "dtype", None) == np.float32 else float(v))) for v in values
    ]
    finite = [number.normalize() for number in numbers if number.is_finite()]
    sizes = np.abs(np.nan_to_num(np.array(numbers, float), posinf=0.0, neginf=0.0))
    decimals = max([0, *(-int(number.as_tuple().exponent) for number in finite)])
    digits = max([0, *(len(number.as_tuple().digits) for number in finite)])
    if decimals > 4 and digits <= 5:
        leading = np.floor(np.log10(np.where(sizes > 0, sizes, 1.0)))
        return np.where(sizes > 0, 0.5 * 10.0 ** (leading - digits + 1), 0.0)
    known = decimals > 6 or decimals <= exact
    return np.full(len(sizes), 0.0 if known else 0.5 * 10.0**-decimals)


def _in_numbers(items: Sequence[Any]) -> list[_Loss]:
    pairs = [np.ndim(plain(item)) == 1 and len(item) == 2 for item in items]
    try:
        if items and all(pairs):
            values = [plain(loss) for _, loss in items]
            epochs = [int(epoch) for epoch, _ in items]
        else:
            values, epochs = [plain(item) for item in items], [None] * len(items)
        halves = half_units(values)
    except (TypeError, ValueError) as error:
        raise DataError(
            "losses-not-numbers",
            f"the losses are not numbers: {error}",
            "give numbers, or pairs of epoch and loss",
        ) from error
    return [_Loss(e, float(v), float(h)) for e, v, h in zip(epochs, values, halves, strict=True)]


def plain(item: Any) -> Any:
    """A number or a pair without PyTorch's wrapping."""
    return item.detach().cpu().numpy()[()] if hasattr(item, "detach") else item


def _arranged(found: list[_Loss], messages: tuple[str, ...]) -> Printed:
    labels, notes = [loss.epoch for loss in found], []
    before = len(labels) > 1 and labels[0] is None and labels[1] is not None
    labelled = any(label is not None for label in labels)
    if labelled:
        if before:
            found = [found[0]._replace(epoch=0), *found[1:]]
        kept = [loss for loss in found if loss.epoch is not None]
        if len(kept) < len(found):
            notes.append(
                f"{counted(len(found) - len(kept), 'loss')} without an epoch beside others with one: left out"
            )
        found = kept
    values = np.array([loss.value for loss in found], float)
    if (values < 0).any():
        raise DataError(
            "loss-negative",
            f"a loss is {values.min():g}, and no mean of squares is negative",
            "give the losses",
        )
    halves = np.array([loss.half for loss in found], float)
    epochs = np.array([loss.epoch if labelled else i for i, loss in enumerate(found)], int)
    return Printed(values, halves, epochs, labelled, before, messages, tuple(notes))
