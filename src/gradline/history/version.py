"""Version: what one commit recorded, with the notes, tags and marks that came later."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

RECORDED = ("when", "message", "files", "models", "environment", "code", "notebook", "logged")


@dataclass(frozen=True, repr=False)
class Version:
    """One recorded version; contents are named by their digest, the sha256 in hex, and lie in the store.

    - `number`: 1, 2, … in the order of recording; `when`: ISO 8601 in UTC; `message`: the committer's words.
    - `files`: path, relative to the project and with forward slashes, → digest.
    - `models`: path → what is known of a model without opening it: solver, settings, targets, features, loss,
      rmse, r2, rows, status, lr, epochs, objective and more (see `models.described`).
    - `environment`: python, platform, `requirements` (digest of a list `name==version`, a line each) and
      `builds` (the full version of those whose local part no index offers, such as 2.13.0+cpu).
    - `code`: the Git commit, branch and whether the tree was clean; None outside a repository.
    - `notebook`: its path in `files`, None without one.
    - `logged`: dataset, hyperparams, metrics and project, as `log_dataset` and its kin left them.
    - `tags`, `note`, `archived`: from later records, since a version itself never changes.

    >>> import gradline
    >>> model = gradline.fit("example:crops", ["apples", "oranges"])
    >>> version = gradline.commit("least squares", model=model, notebook=None)
    >>> round(version.models["model.safetensors"]["loss"], 4)
    0.9094
    """

    number: int
    when: str
    message: str
    files: Mapping[str, str]
    models: Mapping[str, Mapping[str, Any]]
    environment: Mapping[str, Any]
    code: Mapping[str, Any] | None
    notebook: str | None
    logged: Mapping[str, Any]
    tags: tuple[str, ...] = ()
    note: str = ""
    archived: bool = False

    @property
    def name(self) -> str:
        """How commands call it: v1, v2, …"""
        return f"v{self.number}"

    @property
    def digests(self) -> dict[str, str]:
        """What it needs of the store: its files and the list of requirements, each with its digest."""
        return {**self.files, "the list of requirements": self.environment["requirements"]}

    def __repr__(self) -> str:
        return f"<{self.name}{': ' if self.message else ''}{self.message}>"

    def record(self) -> dict[str, Any]:
        """The version as plain JSON, without its number, which is the name that it is kept under."""
        return {name: getattr(self, name) for name in RECORDED}

    def annotated(self, annotations: Iterable[Mapping[str, Any]]) -> "Version":
        """The version with the annotations that speak of it, the oldest first; the last one wins."""
        version = self
        for mark in annotations:
            apply = _APPLY.get(mark["kind"], lambda *_: {})  # a newer gradline may know more kinds
            version = replace(version, **apply(version, mark["text"]))
        return version


_APPLY = {
    "note": lambda _, text: {"note": text},
    "tag": lambda version, text: {"tags": (*version.tags, text)},
    "untag": lambda version, text: {"tags": tuple(tag for tag in version.tags if tag != text)},
    "archive": lambda _version, _text: {"archived": True},
    "unarchive": lambda _version, _text: {"archived": False},
}
