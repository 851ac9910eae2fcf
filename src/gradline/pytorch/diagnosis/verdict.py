"""The verdict on a hand-written loop: from the losses that it printed, what it really did."""

import re
import sys
import textwrap
from dataclasses import asdict, dataclass, replace
from typing import Any, Unpack

import numpy as np

from gradline.data.inputs import as_rows
from gradline.data.row_stream import ArrayRows
from gradline.data.selection import Choice, Selection, unweighted
from gradline.model.certificate import finite
from gradline.moments.state import Moments
from gradline.pytorch.diagnosis.advice import beside_right, far_below
from gradline.pytorch.diagnosis.beforehand import CANNOT_TELL, NONE_FITS, told_beforehand
from gradline.pytorch.diagnosis.judge import Judge, mended
from gradline.pytorch.diagnosis.loops import Loop
from gradline.pytorch.diagnosis.messages import MESSAGES
from gradline.pytorch.diagnosis.printed import read_printed
from gradline.pytorch.diagnosis.question import MEND, Question, Said
from gradline.pytorch.diagnosis.starts import from_batches, from_first_loss
from gradline.pytorch.diagnosis.stated import case_of, check, from_weights
from gradline.pytorch.diagnosis.trials import Candidate, tried

WIDTH = 100  # of a line of prose


@dataclass(frozen=True)
class Diagnosis:
    """What a loop did. `verdict` is the name of a hypothesis or of a message, "cannot tell" or "none fits".

    `sentences` say it in plain words, with the line that mends it; `candidates` are the hypotheses, best first;
    `findings` are what else deserves to be known. Where no verdict is sure, `likely` is the name of the cause that
    explains the losses best, and "" where several do.
    """

    verdict: str
    sentences: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    findings: tuple[str, ...]
    likely: str = ""

    def __str__(self) -> str:
        lines = [f"{self.verdict}: {self.sentences[0]}", *self.sentences[1:], *self.findings]
        return "\n".join(_of_code(line) if line.startswith(MEND) else _wrapped(line) for line in lines)

    def to_dict(self) -> dict[str, Any]:
        """The diagnosis as plain JSON."""
        return finite(asdict(self) | {"candidates": [candidate._asdict() for candidate in self.candidates]})


def diagnose(
    losses: Any,
    data: Any,
    targets: Any = None,
    *,
    lr: float,
    init: Any = None,
    batch_size: int | None = None,
    momentum: float = 0.0,
    seed: int = 0,
    **choice: Unpack[Choice],
) -> Diagnosis:
    """What a hand-written training loop really did, judged by the losses that it printed.

    Each hypothesis predicts the losses; it fits when they agree to the printed digits and float32's rounding. A
    verdict falls only where one cause alone fits.

    Parameters: `losses` are numbers, pairs (epoch, loss), or what the loop printed, as text or a file of it;
    `data`, `targets`, `features`, `exclude`, `missing` as in `gradline.fit`; `lr`, `batch_size` (None: all rows
    at once) and `momentum` as the loop was meant to have them; `init` is its start as in `gradline.GradientDescent`, a
    pair weight (m, p), bias (m,) or a word such as "zeros" or "torch" (with `seed`); None when unknown. Start values
    with few decimals count as printed, half a unit either way.

    Raises `UsageError` for a setting outside its range, `DataError` where there is no loss, and what `gradline.fit`
    raises for the data.

    >>> from gradline.pytorch import diagnose
    >>> printed = [8310.667, 5754.632, 4031.070, 2868.257]
    >>> diagnose(printed, "example:crops", ["apples", "oranges"], lr=1e-5, init="zeros").verdict
    'right'
    """
    check(lr, batch_size, momentum, init, seed)
    printed = read_printed(losses)
    rows = as_rows(unweighted(Selection(data, targets, **choice))).rows
    block = next(rows.blocks(sys.maxsize))
    moments = Moments.from_rows(ArrayRows(block.X, block.Y, None, rows.design))
    case = case_of(block, moments, lr, momentum, init, seed)
    base = Loop(batch=batch_size if batch_size and batch_size < len(case.A) else None)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # many a hypothesis runs away
        case, printed, known = from_weights(case, printed, init is not None)
        given = init if isinstance(init, str) else ""
        case, printed, known = from_first_loss(case, moments, printed, base, given, known, seed)
        asked = Question(case, moments, printed, base, known)
        candidates, told = [], told_beforehand(asked)
        if told is None and np.isfinite(printed.losses).any():
            if base.batch and known:
                case, printed = from_batches(case, moments, printed, base, given, seed)
                asked = replace(asked, case=case, printed=printed)
            candidates = tried(case, printed, base, known)
        return _with_messages(Judge(asked, candidates), told)


def _with_messages(judge: Judge, told_before: Said | None) -> Diagnosis:
    """The verdict on the losses, unless a message of PyTorch says more."""
    asked, rivals = judge.asked, judge.rivals
    verdict, sentences = told_before or judge.said()
    told = sorted(asked.printed.messages, key=lambda name: not MESSAGES[name].stops)
    chosen = next((c for c in rivals if c.name in told), None)
    if verdict in (CANNOT_TELL, NONE_FITS) and chosen is not None:
        verdict, sentences = chosen.name, mended(chosen)
    elif told and (not rivals or (verdict in ("right", CANNOT_TELL) and MESSAGES[told[0]].stops)):
        message = MESSAGES[told[0]]
        verdict, sentences = told[0], (f"{message.cause}.", MEND + message.remedy)
    findings = [f"PyTorch also said: {MESSAGES[name].cause}." for name in told if name != verdict]
    likely = judge.likely if verdict == CANNOT_TELL else ""
    if verdict in ("right", "lr"):
        findings += beside_right(asked)
    elif likely == "right":
        findings += far_below(asked)
    return Diagnosis(verdict, sentences, tuple(judge.candidates), (*findings, *asked.printed.notes), likely)


def _wrapped(line: str) -> str:
    return textwrap.fill(line, WIDTH, subsequent_indent="  ")


def _of_code(line: str) -> str:
    """A fix, broken only between its parts: each stays whole, to be copied."""
    lines = [""]
    for part in re.split(r"(?<=;) |(?<=,) (?=and )", line):
        joined = f"{lines[-1]} {part}".strip() if len(lines) == 1 else f"{lines[-1]} {part}"
        if lines[-1] and len(joined) > WIDTH:
            lines.append(f"  {part}")
        else:
            lines[-1] = joined
    return "\n".join(lines)
