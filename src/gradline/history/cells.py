"""Two versions of a notebook: cells brought together by nbdime, what they say and what they gave apart."""

import importlib.util
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from gradline.history.lines import unified


class CellDifference(NamedTuple):
    """A cell that differs: its number from 1 before and after (None where it is not there), its type, both diffs."""

    before: int | None
    after: int | None
    type: str
    source: list[str]
    outputs: list[str]

    @property
    def place(self) -> str:
        """Which cell it is, and whether it came, went or moved."""
        if self.before is None:
            return f"{self.type} cell {self.after}, added"
        if self.after is None:
            return f"{self.type} cell {self.before}, removed"
        return f"{self.type} cell {self.before}" + (
            "" if self.before == self.after else f", now {self.after}"
        )


def cells(before: bytes, after: bytes) -> tuple[list[CellDifference] | None, str]:
    """The cells that differ between two notebooks; or None, and why they cannot be told apart."""
    if importlib.util.find_spec("nbdime") is None:
        return (
            None,
            "its cells are compared by nbdime, which is not installed: pip install 'gradline[notebooks]'",
        )
    from nbdime import diff_notebooks, patch  # noqa: PLC0415 - an extra, and only for notebooks that differ
    from nbformat import from_dict, v4  # noqa: PLC0415

    try:
        # Reading joins the lists of lines that Jupyter writes for texts, which nbdime does not take.
        books: list[Any] = [from_dict(_bare(v4.reads(content.decode()))) for content in (before, after)]
        old, new = books
        edits = next((edit.diff for edit in diff_notebooks(old, new) if edit.key == "cells"), [])
        return list(_cells(old["cells"], edits, patch)), ""
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None, "one of them is no notebook of format 4"


def _bare(notebook: Mapping[str, Any]) -> dict[str, Any]:
    """The notebook without what changes whenever its cells run."""
    left_out = ("id", "execution_count")
    kept = [
        {name: value for name, value in cell.items() if name not in left_out}
        | ({"outputs": [_without_count(output) for output in cell["outputs"]]} if "outputs" in cell else {})
        for cell in notebook["cells"]
    ]
    return {**notebook, "cells": kept}


def _without_count(output: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in output.items() if name != "execution_count"}


def _cells(old: list[Any], edits: Any, patch: Any) -> Iterator[CellDifference]:
    """What nbdime's edits of the list of cells do, cell by cell; numbers after follow from what came and went."""
    moved = 0
    for edit in edits:
        if edit.op == "addrange":
            for i, cell in enumerate(edit.valuelist):
                yield _cell(None, edit.key + moved + i + 1, {}, cell)
            moved += len(edit.valuelist)
        elif edit.op == "removerange":
            for i in range(edit.length):
                yield _cell(edit.key + i + 1, None, old[edit.key + i], {})
            moved -= edit.length
        else:
            found = _cell(edit.key + 1, edit.key + moved + 1, old[edit.key], patch(old[edit.key], edit.diff))
            if found.source or found.outputs:  # else only metadata differ
                yield found


def _cell(
    before: int | None, after: int | None, old: Mapping[str, Any], new: Mapping[str, Any]
) -> CellDifference:
    sources = (_joined(cell.get("source", "")) for cell in (old, new))
    outputs = ("".join(map(_output, cell.get("outputs", []))) for cell in (old, new))
    return CellDifference(before, after, (new or old)["cell_type"], unified(*sources), unified(*outputs))


def _output(output: Mapping[str, Any]) -> str:
    """An output as text, ending in a line break; of what is no text its type alone."""
    if "text" in output:
        text = _joined(output["text"])
    elif "traceback" in output:
        text = f"{output['ename']}: {output['evalue']}"
    else:
        shown = output.get("data", {})
        others = [kind for kind in shown if not kind.startswith("text/")]
        text = "\n".join([_joined(shown.get("text/plain", "")), *(f"({kind})" for kind in others)])
    return text if text.endswith("\n") else f"{text}\n"


def _joined(text: str | list[str]) -> str:
    """The text of a cell, which a file may hold as a list of lines."""
    return text if isinstance(text, str) else "".join(text)
