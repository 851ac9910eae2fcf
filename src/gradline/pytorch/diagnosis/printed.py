"""What a loop printed: its losses and weights with their printing uncertainty, and PyTorch's own messages."""

import itertools
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gradline.core.errors import DataError, FileError
from gradline.core.text import counted
from gradline.pytorch.diagnosis.messages import messages

# A number as Python and PyTorch print it, and, where no comma parts two numbers, as people write it:
# 8,327.10 and 1.234,56 with a mark for thousands, 0,1773 with a decimal comma.
_PLAIN = r"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|nan|inf)"
_GROUPED = r"[-+]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?|[-+]?[1-9]\d{0,2}(?:\.\d{3})+,\d+|[-+]?\d+,\d+"
_BEFORE, _BEHIND = r"(?<![\w.*/])", r"(?![\w.])"
_NUMBER = rf"{_BEFORE}(?:{_PLAIN}){_BEHIND}"
_WRITTEN = rf"{_BEFORE}(?:(?:{_GROUPED})(?![\w.]|,\d)|(?:{_PLAIN}){_BEHIND})"

# The names of a loss, the surest first; a weak name counts only where the number follows it at once.
_NAMES = [
    re.compile(pattern, re.I)
    for pattern in (
        r"[a-z_]*loss[a-z_]*",
        r"\b[a-z_]*(?:mse|cost|sse|rss|mae)[a-z_]*\b",
        r"\b(?:[a-z_]*error|err|objective|criterion|train(?:ing)?)\b|\b[JL]\b(?:\([^)]*\))?",
    )
]
_STRONG = 2
_HELD_OUT = re.compile(r"(?:\b|_)(?:val|test|eval|hold|dev)[a-z]*(?:[\s_./-]|out)*$", re.I)
_HELD_OUT_NAME = re.compile(r"val|test|eval|hold|dev_", re.I)
_AFTER_NAME = [
    re.compile(pattern + rf"({_WRITTEN})", re.I)
    for pattern in (r"^['\"]?\s*[:=]?\s*", r"^[^:=,]*[:=]\s*", r"^[^:=,\d]*\s")
]
_COUNT = r"(\d+(?:,\d{3})*)(?![\d.])"
_EPOCH = re.compile(
    rf"(?:\bep(?:och)?s?|step|iter(?:ation)?|update|\bit)\W{{0,4}}{_COUNT}"
    rf"|{_COUNT}(?:st|nd|rd|th)\s+(?:epoch|step|iteration|update)|%\|[^|]*\|\s*{_COUNT}/",
    re.I,
)
_STEPS = re.compile(r"\d+/\d+ \[|%\||\bstep\W{0,4}\d+\s*/\s*\d+|\bbatch\W{0,4}\d+", re.I)
_ROW = re.compile(rf"^[(\[|]*\s*(\d+)\s*[,;:|\t ]\s*({_NUMBER})\s*[)\]|]*(?:\s*[,;\t|].*)?$", re.I)
_ALONE = re.compile(rf"^({_WRITTEN})$", re.I)
_GROUPS = re.compile(r"^[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?$")
_LIST = re.compile(r"(?:^|\b(?P<name>\w+)['\"]?\s*[:=]\s*)(?:\w+\()?\[(?P<inside>[^\[\]()]*)\]", re.I)
_CELLS = re.compile(r"\s*[,;\t|]\s*|\s+")

# What stands around a number and says nothing about it: colours, types, tensor(…), np.float32(…).
_NOISE = re.compile(
    r"\x1b\[[0-9;?]*[A-Za-z]|,\s*(?:grad_fn=<[^>]*>|dtype=[\w.]+|device='[^']*'|requires_grad=\w+)"
)
_WRAPPED = re.compile(
    rf"\b(?:\w+\.)*(?:\w*tensor|array|float\d*|double)\(\s*\[*\s*({_NUMBER})\s*\]*\s*\)", re.I
)
_TRACEBACK = re.compile(r"^Traceback \(most recent call last\).*?^(?=\S)(?!Traceback).*?$", re.M | re.S)
_RAISED = re.compile(r"^\s*[\w.]*(?:Error|Warning|Exception)\b:|\bUserWarning\b")

_VALUES = rf"\[*\s*({_NUMBER}(?:[\s,\[\]]+{_NUMBER})*)\s*\]*"
_NAMED = r"(?<![\w.]){}['\"]?\s*(?:[:=]|is)\s*(?:tensor\()?" + _VALUES
_BIAS = re.compile(_NAMED.format(r"(?:b|bias|intercept|b_?0|theta_?0|beta_?0)"), re.I)
_WEIGHT = re.compile(
    _NAMED.format(r"(?:w_?\d*|weights?|slope|coef\w*|m|b_?[1-9]|theta_?[1-9]\d*|beta_?[1-9]\d*)"), re.I
)


class Weights(NamedTuple):
    """Weights (m·p,) and bias (m,) as printed together, half a unit of their last digits (m·p + m,), and the epoch."""

    epoch: int | None
    weight: np.ndarray
    bias: np.ndarray
    halves: np.ndarray


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
    weights: tuple[Weights, ...] = ()

    def part(self, chosen: slice) -> "Printed":
        """Some of the losses in a row."""
        return self._replace(
            losses=self.losses[chosen], halves=self.halves[chosen], epochs=self.epochs[chosen]
        )


def read_printed(losses: Any) -> Printed:
    """The losses in what a user gives: text, a file of it, numbers, or pairs of epoch and loss.

    Raises `DataError` when there is neither a loss nor a known message, or a loss is negative.
    """
    if isinstance(losses, (str, os.PathLike)):
        said = _text(losses)
        text = _bare(said)
        found, weights, told = list(_in_text(text)), tuple(_weights(text)), messages(said)
    else:
        items = list(losses)
        if items and all(isinstance(item, str) for item in items):
            return read_printed("\n".join(items))
        found, weights, told = _in_numbers(items), (), ()
    if not found and not weights and not told:
        raise DataError(
            "no-loss-found",
            "no loss was found",
            "give one number a line, lines such as Epoch [10/100], Loss: 818.6476, or a list",
        )
    return _arranged(found, told)._replace(weights=weights)


class _Loss(NamedTuple):
    epoch: int | None
    value: float
    half: float
    again: bool = False  # within an epoch, as progress bars and batches print them


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


def _bare(text: str) -> str:
    """The text with numbers as numbers: no tensor(…), no colours, no tracebacks, one mark for thousands."""
    text = _TRACEBACK.sub("", _NOISE.sub("", text.replace("\u2212", "-").replace("\u00a0", " ")))
    text = re.sub(r"(?<=\d)[_'\u2009\u202f](?=\d{3}(?!\d))", ",", text)
    return _WRAPPED.sub(r"\1", text)


def _in_text(text: str) -> Iterable[_Loss]:
    numbers = _in_list(text)
    if numbers:
        return [_loss(None, number) for number in numbers]
    lines = re.findall(r"\(([^()]*)\)", text) if re.match(r"\s*\[\s*\(", text) else text.splitlines()
    lines = [part for line in lines for part in re.split(r"(?<=\})\s*,\s*(?=\{)", line.strip().strip("[]"))]
    return list(_in_table(lines)) or list(_in_lines([line for line in lines if not _RAISED.search(line)]))


def _loss(epoch: int | None, number: str, again: bool = False) -> _Loss:
    return _Loss(epoch, float(number), half_unit(number), again)


def _in_list(text: str) -> list[str]:
    """The numbers of the one list that is a loss's by its name, or is all that was printed."""
    found = []
    for match in _LIST.finditer(text.strip()):
        whole = match["name"] is None and match[0].strip(" )\n") == text.strip().strip(" )")
        numbers = [number for number in _CELLS.split(match["inside"].strip()) if number]
        is_numbers = bool(numbers) and all(re.fullmatch(_NUMBER, number, re.I) for number in numbers)
        if is_numbers and (whole or (match["name"] and _rank(match["name"]) is not None)):
            found.append(numbers)
    return found[0] if len(found) == 1 else []


def _rank(name: str) -> int | None:
    """How surely a column or list of this name holds the training loss; None where it does not."""
    if _HELD_OUT_NAME.search(name):
        return None
    return next((i for i, pattern in enumerate(_NAMES) if pattern.search(name)), None)


def _in_table(lines: Sequence[str]) -> Iterator[_Loss]:
    """The column of losses below a line of names: CSV, Markdown, or as pandas prints a frame, its index in front."""
    for at, line in enumerate(lines):
        names = [name.strip("'\" ") for name in _CELLS.split(line.strip().strip("|").strip())]
        ranks = [_rank(name) for name in names]
        known = [rank for rank in ranks if rank is not None]
        if not known or re.search(_NUMBER, line) or re.search(r"[=:()]", line):
            continue
        column = ranks.index(min(known))
        label = next(
            (
                i
                for i, name in enumerate(names)
                if re.fullmatch(r"ep(och)?s?|iter(ation)?s?|steps?", name, re.I)
            ),
            None,
        )
        for row in lines[at + 1 :]:
            cells = _CELLS.split(row.strip().strip("|").strip())
            index = len(cells) - len(names)  # 1 with an index
            if index not in (0, 1) or not re.fullmatch(_NUMBER, cells[column + index], re.I):
                continue
            name = cells[label + index] if label is not None else cells[0] if index else ""
            yield _loss(
                int(float(name)) if re.fullmatch(r"\d+(\.0*)?", name) else None, cells[column + index]
            )
        return


def _in_lines(lines: Sequence[str]) -> Iterator[_Loss]:
    """The loss in each line, with the epoch in front of it or on a line of its own before it."""
    pending, grouped = None, _is_grouped(lines)
    for line in (line.strip() for line in lines):
        label, again = _epoch(line), bool(_STEPS.search(line))
        epoch, number = _in_line(line, grouped)
        if label is not None:
            epoch = label
        if number is None:
            pending = epoch if label is not None else pending
            continue
        yield _loss(pending if epoch is None else epoch, number, again)
        pending = pending if again else None


def _epoch(line: str) -> int | None:
    found = _EPOCH.search(line)
    return int(next(group for group in found.groups() if group).replace(",", "")) if found else None


def _is_grouped(lines: Sequence[str]) -> bool:
    """Whether 8,327.10 is one number and not the epoch 8 with its loss: the first parts of the lines do not ascend."""
    firsts = [float(line.split(",")[0]) for line in map(str.strip, lines) if _GROUPS.match(line)]
    return bool(firsts) and not (len(firsts) > 1 and all(a < b for a, b in itertools.pairwise(firsts)))


def _in_line(line: str, grouped: bool) -> tuple[int | None, str | None]:
    """The epoch in front of a loss, where there is one, and the loss as printed."""
    for rank, names in enumerate(_NAMES):
        for name in names.finditer(line):
            if _HELD_OUT_NAME.match(name[0]) or _HELD_OUT.search(line[: name.start()]):
                continue
            rest = line[name.end() :]
            patterns = _AFTER_NAME if rank < _STRONG else _AFTER_NAME[:1]
            found = next((match for match in (p.match(rest) for p in patterns) if match), None)
            if found:
                return None, _point(found[1])
    if not (grouped and _GROUPS.match(line)) and (found := _ROW.match(line)):
        return int(found[1]), found[2]
    if alone := _ALONE.match(line):
        return None, _point(alone[1])
    label = _EPOCH.search(line)
    rest = line[label.end() :] if label else ""
    numbers = [] if re.search(r"[a-z]{2}", rest, re.I) else re.findall(_WRITTEN, rest, re.I)
    return None, _point(numbers[0]) if len(numbers) == 1 else None


def _point(number: str) -> str:
    """The number with a decimal point and no mark for thousands."""
    comma, point = number.rfind(","), number.rfind(".")
    if comma < 0:
        return number
    if point > comma or (point < 0 and re.fullmatch(r"[-+]?[1-9]\d{0,2}(?:,\d{3})+", number)):
        return number.replace(",", "")
    return number.replace(".", "").replace(",", ".")


def _weights(text: str) -> Iterator[Weights]:
    """Weights and bias where a line names both, as `1th update: b = 0.8038, w = 0.2507` does."""
    for line in text.splitlines():
        bias, weights = _BIAS.search(line), list(_WEIGHT.finditer(line))
        if bias and weights and "grad" not in line:
            parts = [_CELLS.split(re.sub(r"[\[\]]", " ", match[1]).strip()) for match in (*weights, bias)]
            numbers = [number for part in parts for number in part if number]
            values, count = np.array(numbers, float), len(parts[-1])
            halves = np.array([half_unit(number) for number in numbers])
            yield Weights(_epoch(line), values[:-count], values[-count:], halves)


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


def _last_of_each_epoch(found: list[_Loss]) -> tuple[list[_Loss], list[str]]:
    """The losses without those that a bar or a batch printed while its epoch was still running."""
    kept = [
        loss
        for loss, after in itertools.zip_longest(found, found[1:])
        if loss.epoch is None or after is None or not after.again or after.epoch != loss.epoch
    ]
    if len(kept) == len(found):
        return found, []
    return kept, ["Several losses were printed in an epoch: the last one of each epoch counts."]


def _arranged(found: list[_Loss], messages: tuple[str, ...]) -> Printed:
    found, notes = _last_of_each_epoch(found)
    labels = [loss.epoch for loss in found]
    before = len(labels) > 1 and labels[0] is None and labels[1] is not None
    labelled = any(label is not None for label in labels)
    if labelled:
        if before:
            found = [found[0]._replace(epoch=0), *found[1:]]
        kept = [loss for loss in found if loss.epoch is not None]
        if len(kept) < len(found):
            notes.append(
                f"Left out: {counted(len(found) - len(kept), 'loss')} without an epoch, beside others with one."
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
