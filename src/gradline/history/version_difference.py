"""What differs between two versions, as a record, and the models of several versions side by side."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from gradline.history.files import FileDifference
from gradline.history.model_diff import Change, ModelDifference, cards
from gradline.model.certificate import finite


@dataclass(frozen=True, eq=False)
class VersionDifference:
    """What differs between A (`before`) and B (`after`), each the name of a version or of a model's file.

    `models` that both have; `alone`: files of models that one has; `logged`: what `log_metrics` and its kin noted;
    `environment`: Python, platform, and packages added, removed and changed; `code`: Git; `files`, with notebooks.
    """

    before: str
    after: str
    models: list[ModelDifference]
    alone: list[Change]
    logged: list[Change]
    environment: list[Change]
    code: list[Change]
    files: list[FileDifference]

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        rest = self.alone or self.logged or self.environment or self.code or self.files
        return not rest and all(model.is_empty for model in self.models)

    def to_dict(self) -> dict[str, Any]:
        """The comparison as plain JSON."""
        rest = {name: cards(getattr(self, name)) for name in ("alone", "logged", "environment", "code")}
        models, files = [model.to_dict() for model in self.models], [file.to_dict() for file in self.files]
        return finite({"before": self.before, "after": self.after, "models": models, **rest, "files": files})


class ComparedFigure(NamedTuple):
    """A figure of several models side by side; None where one has none."""

    what: str
    values: tuple[Any, ...]


class SideBySide(NamedTuple):
    """Models of one path side by side: what differs, and the versions or files that they are of."""

    path: str
    names: tuple[str, ...]
    rows: list[ComparedFigure]

    def to_dict(self) -> dict[str, Any]:
        """The table as plain JSON."""
        return {"model": self.path, "names": list(self.names), "rows": [row._asdict() for row in self.rows]}
