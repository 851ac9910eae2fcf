"""The files of two versions: which came, which went, and what changed in the others."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from gradline.history.cells import CellDifference, cells
from gradline.history.lines import unified
from gradline.history.store import Store


class FileDifference(NamedTuple):
    """A file that was added, removed or changed: its lines as a unified diff, or its cells, or why neither."""

    path: str
    kind: str
    lines: list[str] | None = None
    cells: list[CellDifference] | None = None
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The difference as plain JSON."""
        shown = None if self.cells is None else [cell._asdict() for cell in self.cells]
        return {**self._asdict(), "cells": shown}


def differences(
    before: Mapping[str, str], after: Mapping[str, str], store: Store
) -> Iterator[FileDifference]:
    """The files, path → digest, that differ; notebooks by their cells, other text by its lines."""
    for path in sorted({*before, *after}):
        if path not in after:
            yield FileDifference(path, "removed")
        elif path not in before:
            yield FileDifference(path, "added")
        elif before[path] != after[path]:
            yield _changed(path, store.get(before[path]), store.get(after[path]))


def _changed(path: str, before: bytes, after: bytes) -> FileDifference:
    if path.endswith(".ipynb"):
        found, note = cells(before, after)
        return FileDifference(path, "changed", cells=found, note=note)
    texts = [_text(content) for content in (before, after)]
    if texts[0] is None or texts[1] is None:
        return FileDifference(path, "changed", note=f"no text: {len(before):,} bytes, then {len(after):,}")
    return FileDifference(path, "changed", unified(texts[0], texts[1]))


def _text(content: bytes) -> str | None:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
