"""What a report says of one model, in the order in which readers ask: answers, figures, how it was made, its proof."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gradline.core.text import joined, listed, shell
from gradline.data.inputs import open_table, rows_by
from gradline.data.notation import Text
from gradline.data.selection import WEIGHTS_ARE
from gradline.data.source import Source
from gradline.data.table import in_words, named_in, words_of
from gradline.data.tables import WEIGHTS
from gradline.model.certificate import sentences
from gradline.model.inference_text import MEANINGS
from gradline.model.model import LinearModel, load
from gradline.model.status import Status
from gradline.model.summary import heading
from gradline.model.verify.claims import Verification, verify
from gradline.pages.distrust import doubts, findings
from gradline.pages.effects import effects, logarithm_of
from gradline.pages.headlines import FIRST, headlines, how_well, validation
from gradline.pages.labels import Labels
from gradline.pages.report_figures import effect_figures, row_figures
from gradline.pages.report_text import MOST_NAMES, MOST_TERMS, Account, checks, fit_command
from gradline.pages.shown_rows import ShownRows, shown_rows
from gradline.pages.variables import Variable, variables
from gradline.pages.whatif import whatif

_FIRST_DOUBTS = 4  # that are told at once
_TITLED = 4  # targets that a title names


class Told(NamedTuple):
    """A model as a page tells of it: what templates read, and what became of its claims (None without rows)."""

    content: dict[str, Any]
    outcome: Verification | None
    account: Account
    rows: ShownRows | None


def told(
    given: LinearModel | str | Path, data: Any, read: Text | None, labels: Labels, name: str = ""
) -> Told:
    """All that a report says of a model, from its file and, where `data` are given, from the rows."""
    model = given if isinstance(given, LinearModel) else load(given)
    labels.expect_columns([*model.design.columns, *model.features, *model.targets])
    source = None if data is None else open_table(data, read or model.read)
    outcome = None if source is None else verify(model, source)
    account = Account(model, labels)
    rows, found, reason = None, (), None
    if source is not None:
        rows = shown_rows(model, source)
        found, reason = findings(model, source)
    stream = None if source is None else rows_by(model.design.without_weights_beyond(source), source, "drop")
    known = variables(model, stream)
    targets = [
        _target(account, known, labels, j, rows, found[j] if found else ()) for j in range(len(model.targets))
    ]
    content = {
        "name": name,
        "title": _title([labels.of(target) for target in model.targets]),
        "made": _made(model),
        "targets": targets,
        "whatif": whatif(model, known, labels),
        "outcome": outcome,
        "assumed": reason,
        **_estimates(account),
        **_data(account, source),
        **_proof(account, outcome),
        **_again(model, given, data),
    }
    return Told(content, outcome, account, rows)


def _title(targets: Sequence[str]) -> str:
    """The question of the page."""
    names = [*targets[:_TITLED], *(["others"] if len(targets) > _TITLED else [])]
    return f"What {joined(names)} {'depends' if len(names) == 1 else 'depend'} on"


def _made(model: LinearModel) -> str:
    """What was done with how many rows: the second line of the summary, whose own lines are broken and indented."""
    return " ".join(re.split(r"\n(?! )", heading(model))[1].split())


def _target(
    account: Account,
    known: Mapping[str, Variable],
    labels: Labels,
    j: int,
    rows: ShownRows | None,
    found: tuple[Any, ...],
) -> dict[str, Any]:
    """What the page says of target j."""
    model, target = account.model, account.model.targets[j]
    column = model.design.target_columns[j]
    every = effects(model, known, labels, j)
    base = logarithm_of(model, j)
    spoken = headlines(every, labels, labels.unit(target))
    fit_sentence, fit_table = how_well(account, rows, labels, j, base)
    doubtful = doubts(model, labels, j, found, rows)
    return {
        "name": labels.of(target),
        "share_of": labels.of(column) if base is not None else None,
        "first": spoken[:FIRST],
        "rest": spoken[FIRST:],
        "columns": len(known),
        "fit_sentence": fit_sentence,
        "fit_table": fit_table,
        "doubts": doubtful[:_FIRST_DOUBTS],
        "more_doubts": doubtful[_FIRST_DOUBTS:],
        "validation": validation(rows, j),
        "equation": account.equation(j),
        "more_terms": max(0, model.has_bias + len(model.features) - MOST_TERMS),
        "coefficients": account.coefficients(j, None if rows is None else rows.robust),
        "fit": [*account.fit(j), *account.held_out(j)],
        "effect_figures": effect_figures(model, known, labels, j, every),
        "row_figures": [] if rows is None else list(row_figures(model, labels, j, rows, found)),
        "sample": None
        if rows is None or rows.are_all
        else f"{len(rows.points[j].number):,} of {rows.rows:,} rows",
        "findings": found,
    }


def _estimates(account: Account) -> dict[str, Any]:
    """What stands beside the coefficients."""
    inference = account.inference
    return {
        "meanings": MEANINGS.items(),
        "reason": inference.reason,
        "distances": inference.estimates is None,
        "weights_are": inference.weights_are if inference.weights_are in WEIGHTS_ARE else None,
    }


def _data(account: Account, source: Source | None) -> dict[str, Any]:
    """What the page says of rows and columns."""
    model = account.model
    return {
        "objective": model.objective,
        "weighted": model.design.weights,
        "rows": account.number("rows", ",d"),
        "dropped": account.number("dropped", ",d"),
        "unused": None if source is None else listed(model.design.match(source, targets=True), MOST_NAMES),
        "bases": account.bases,
        "columns": account.columns(),
        "dictionary": account.dictionary(),
        "fingerprint": model.moments.statistics.mark or "unknown",
    }


def _proof(account: Account, outcome: Verification | None) -> dict[str, Any]:
    """The certificate in two sentences, and its details."""
    certificate = account.model.certificate
    said = [line for line in sentences(certificate) if not line.startswith(" ") and not line.endswith(":")]
    second = "No rows were given, so its claims were not derived again from rows."
    if outcome is not None:
        second = f"Each claim was derived again from the rows, by arithmetic of its own. {outcome.verdict}"
    return {
        "proof": [said[0], second],
        "sentences": said[1:],
        "is_proven": certificate.status is Status.CERTIFIED,
        "certificate": account.certificate(),
        "directions": account.directions(),
        "checks": None if outcome is None else checks(outcome),
    }


def _again(model: LinearModel, given: LinearModel | str | Path, data: Any) -> dict[str, Any]:
    """The commands that make the model, its proof and this page again, and what no command can hold."""
    file = "model.safetensors" if isinstance(given, LinearModel) else os.fspath(given)
    rows = words_of(data) or in_words(named_in(model.config)) or ["DATA"]
    trained_here = bool(model.config)
    in_memory = {
        "the rows": "data" not in model.config,
        "the start of training": model.settings.get("init") == "given",
        "the row weights": model.design.weights == WEIGHTS,
    }
    commands = [
        *([[*fit_command(model.config), "-o", file]] if trained_here else []),
        ["gradline", "verify", file, *rows],
        ["gradline", "report", file, *rows, "-o", "report.html"],
    ]
    return {
        "trained_here": trained_here,
        "in_memory": joined([what for what, is_in_memory in in_memory.items() if is_in_memory] or [""]),
        "commands": [shell(command) for command in commands],
    }
