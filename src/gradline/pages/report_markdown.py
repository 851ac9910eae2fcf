"""A report as Markdown: the same sentences and tables, without figures, for a wiki or a notebook."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gradline.core.text import one_line
from gradline.pages.headlines import Headline
from gradline.pages.report_text import Row, Table

MARK = "<!-- gradline report -->"  # by which a file is known as ours to write over
_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~$])")


def markdown(content: Mapping[str, Any]) -> str:
    """The whole report. Names and notes are text: no mark of theirs is read as Markdown or HTML."""
    blocks = [MARK, f"# {_plain(content['title'])}"]
    by = [part for part in (content["author"], content["date"]) if part]
    blocks += [_plain(", ".join(by))] if by else []
    blocks += [_plain(content["notes"])] if content["notes"] else []
    if content["compared"] is not None:
        blocks += ["## Side by side", *map(_plain, content["compared"]["sentences"])]
        blocks += [_table(table) for table in content["compared"]["tables"]]
    for model in content["models"]:
        blocks += _model(model, content["versions"])
    return "\n\n".join(blocks) + "\n"


def _model(model: Mapping[str, Any], versions: Sequence[tuple[str, str]]) -> Iterator[str]:
    if model["name"]:
        yield f"## {_plain(model['name'])}"
    outcome = model["outcome"]
    if outcome is not None and not outcome.agrees:
        yield f"**The rows do not agree with the model.** {_plain(outcome.verdict)}"
        yield _items(check.sentence for check in outcome.disagreements)
    for target in model["targets"]:
        yield from _answers(model, target)
    yield "## Coefficients"
    for target in model["targets"]:
        yield _table(target["coefficients"])
        yield _list_of(target["fit"])
    yield "## How it was made"
    yield f"{_plain(model['made'])}. Minimised: {_plain(model['objective'])}."
    yield f"Rows used: {model['rows'].text}. Rows left out for missing cells: {model['dropped'].text}."
    if model["dictionary"] is not None:
        yield _table(model["dictionary"])
    yield _table(model["columns"])
    yield "\n".join(["```sh", *model["commands"], "```"])
    written = ", ".join(f"{name} {number}" for name, number in versions)
    yield f"Fingerprint of the rows: `{model['fingerprint']}`. Written with {written}."
    yield "## Proof"
    yield " ".join(map(_plain, model["proof"]))


def _answers(model: Mapping[str, Any], target: Mapping[str, Any]) -> Iterator[str]:
    yield f"## What matters for {_plain(target['name'])}"
    yield _plain(target["fit_sentence"])
    yield "\n".join(_effect(i, effect) for i, effect in enumerate([*target["first"], *target["rest"]], 1))
    bounds = "" if model["distances"] else "; in brackets 95 % intervals"
    yield f"All other columns alike{bounds}. None of it is proof of cause."
    yield "### How well"
    yield _table(target["fit_table"])
    if target["validation"]:
        yield _plain(target["validation"])
    yield "### What to distrust"
    doubts = [*target["doubts"], *target["more_doubts"]]
    if doubts:
        yield _items(f"{doubt.sentence} {doubt.remedy}" for doubt in doubts)
    elif target["findings"]:
        yield "Nothing was found."
    if outcome_missing := model["outcome"] is None:
        yield "No rows were given, so errors, single rows and predictions of left-out rows were not looked at."
    if model["assumed"] and not outcome_missing:
        yield f"Errors were not tested: {_plain(model['assumed'])}."
    if model["reason"] is not None:
        yield f"{'No standard errors' if model['distances'] else 'Left out'}: {_plain(model['reason'])}."
    for one in target["findings"]:
        if one.holds:
            yield f"✓ {_plain(one.sentence)}"


def _effect(i: int, effect: Headline) -> str:
    lines = [
        f"{_plain(one.words)}: **{_plain(one.value.text)}**"
        + (
            f" ({one.low.text} to {one.high.text}){', may be 0' if one.is_sure is False else ''}"
            if one.low.text
            else ""
        )
        for one in effect.sentences
    ]
    lines = lines or [f"{_plain(effect.column)}: {_plain(effect.reason)}"]
    return f"{i}. " + "\n   ".join(f"{line}  " for line in lines).rstrip()


def _items(lines: Any) -> str:
    return "\n".join(f"- {_plain(line)}" for line in lines)


def _table(table: Table) -> str:
    head = [table.head[0] or table.caption, *table.head[1:]]
    rows = [[row.name, *(one.text for one in row.cells)] for row in table.rows]
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    cells = [[cell if i == 1 else _plain(cell) for cell in line] for i, line in enumerate(lines)]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _list_of(rows: Sequence[Row]) -> str:
    return "; ".join(f"{_plain(row.name)} {row.cells[0].text}" for row in rows) + "."


def _plain(text: str) -> str:
    """A text that Markdown shows as it is."""
    return _MARKS.sub(r"\\\1", one_line(str(text)))
