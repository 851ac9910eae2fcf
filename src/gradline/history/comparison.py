"""What differs between two versions, or files of models, most important first; several side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gradline.core.text import listed
from gradline.history.files import differences
from gradline.history.model_diff import Change, Fitted, changes, difference, is_same
from gradline.history.store import Store
from gradline.history.text import render
from gradline.history.version import Version
from gradline.history.version_difference import ComparedFigure, SideBySide, VersionDifference

Subject = Version | Path


class Comparison(VersionDifference):
    """What differs between two versions, or files of models: a value that prints itself."""

    def __str__(self) -> str:
        return render(self)


def compare(
    before: Subject, after: Subject, store: Store | None = None, *, average: bool = False
) -> Comparison:
    """What differs between two versions of a store, or two files of models, or one of each.

    Models are paired by their path, or as they are where each side has one. A file of a model has neither environment
    nor code nor other files, so these are compared between versions only. `average` as in `movement`. Raises
    `FileError` where a file or an object of the store cannot be read.
    """
    pairs, alone = _paired(_models(before, store), _models(after, store))
    old, new = _recorded(before, store), _recorded(after, store)
    if old is None or new is None:
        old = new = _Surroundings({}, {}, {}, {})
    return Comparison(
        before=name_of(before),
        after=name_of(after),
        models=[difference(a, b, average) for a, b in pairs],
        alone=alone,
        logged=changes(old.logged, new.logged),
        environment=changes(old.environment, new.environment),
        code=changes(old.code, new.code),
        files=[] if store is None else list(differences(old.files, new.files, store)),
    )


def name_of(subject: Subject) -> str:
    """How a version or a file is called."""
    return subject.name if isinstance(subject, Version) else str(subject)


def _models(subject: Subject, store: Store | None) -> dict[str, Fitted]:
    """The models by their path."""
    if isinstance(subject, Path):
        model = Fitted.of_file(subject)
        return {model.path: model}
    if store is None:
        raise TypeError("a version is compared within its store")
    return {path: Fitted.of_version(store, subject, path) for path in subject.models}


def _paired(
    old: Mapping[str, Fitted], new: Mapping[str, Fitted]
) -> tuple[list[tuple[Fitted, Fitted]], list[Change]]:
    """The models to compare with each other, and the paths of the others."""
    if len(old) == len(new) == 1:
        return list(zip(old.values(), new.values(), strict=True)), []
    pairs = [(old[path], new[path]) for path in old if path in new]
    lost = [Change("model", path, None) for path in old if path not in new]
    return pairs, lost + [Change("model", None, path) for path in new if path not in old]


class _Surroundings(NamedTuple):
    """What a version holds beside its models, each as a plain record."""

    logged: dict[str, Any]
    environment: dict[str, Any]
    code: Mapping[str, Any]
    files: Mapping[str, str]


def _recorded(subject: Subject, store: Store | None) -> _Surroundings | None:
    """The rest of a version; None for a file."""
    if isinstance(subject, Path) or store is None:
        return None
    environment = subject.environment
    packages = store.get(environment["requirements"]).decode().splitlines()
    logged = {
        f"{kind} {name}": value for kind, values in subject.logged.items() for name, value in _named(values)
    }
    return _Surroundings(
        logged=logged,
        environment={
            "Python": environment["python"],
            "platform": environment["platform"],
            **dict(line.split("==", 1) for line in packages),
            **environment["builds"],
        },
        code=subject.code or {},
        files={path: digest for path, digest in subject.files.items() if path not in subject.models},
    )


def _named(values: Any) -> list[tuple[str, Any]]:
    return list(values.items()) if isinstance(values, Mapping) else [("", values)]


def side_by_side(subjects: Sequence[Subject], store: Store | None = None) -> list[SideBySide]:
    """What differs between the models of several versions or files: fit, settings, data, coefficients.

    One table, where each has one model, else one for each path. Raises as `compare` does.
    """
    models = [_models(subject, store) for subject in subjects]
    names = tuple(name_of(subject) for subject in subjects)
    if all(len(found) == 1 for found in models):
        path = listed(dict.fromkeys(path for found in models for path in found))
        return [SideBySide(path, names, _rows([next(iter(found.values())) for found in models]))]
    paths = dict.fromkeys(path for found in models for path in found)
    return [SideBySide(path, names, _rows([found.get(path) for found in models])) for path in paths]


def _rows(models: Sequence[Fitted | None]) -> list[ComparedFigure]:
    """A row for each figure that is not the same in all."""
    records = [{} if model is None else _figures(model) for model in models]
    names = dict.fromkeys(name for record in records for name in record)
    rows = [ComparedFigure(name, tuple(record.get(name) for record in records)) for name in names]
    return [row for row in rows if not all(is_same(row.values[0], value) for value in row.values)]


def _figures(model: Fitted) -> dict[str, Any]:
    """Everything that is told of one model, by name, the most important first."""
    coefficients = {
        f"{'bias' if feature is None else feature} → {target}": value
        for (target, feature), value in model.coefficients.items()
    }
    return {**model.fit, **coefficients, **model.settings, **model.data}
