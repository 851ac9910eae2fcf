"""Jovian's words for what a run is about: data set, hyper-parameters and metrics, kept until the next commit."""

from collections.abc import Mapping
from typing import Any

from gradline.core.errors import UsageError

_project: dict[str, str] = {}
_pending: dict[str, dict[str, Any]] = {}


def log_dataset(data: Mapping[str, Any] | None = None, **more: Any) -> None:
    """Note what the data are, such as `path="crops.csv"` or `description="…"`; rows are not taken.

    Parameters: names and values, as a mapping or as keywords; values are numbers, texts, truth values, None, or
    lists of these. Of a name noted twice the later value is kept. Raises `UsageError` for another value.

    >>> import gradline
    >>> from gradline import history
    >>> history.log_dataset(path="crops.csv", rows=15)
    >>> model = gradline.fit("example:crops", ["apples", "oranges"])
    >>> gradline.commit("a run", model=model, notebook=None).logged
    {'dataset': {'path': 'crops.csv', 'rows': 15}}
    """
    _note("dataset", data, more)


def log_hyperparams(data: Mapping[str, Any] | None = None, **more: Any) -> None:
    """Note the choices of a run, such as `lr=1e-5, epochs=100`; parameters and errors as in `log_dataset`.

    >>> import gradline
    >>> from gradline import history
    >>> history.log_hyperparams(lr=1e-5, epochs=100)
    >>> model = gradline.fit("example:crops", ["apples", "oranges"])
    >>> gradline.commit("a run", model=model, notebook=None).logged
    {'hyperparams': {'lr': 1e-05, 'epochs': 100}}
    """
    _note("hyperparams", data, more)


def log_metrics(data: Mapping[str, Any] | None = None, **more: Any) -> None:
    """Note results of a run, such as `loss=0.91`; parameters and errors as in `log_dataset`.

    >>> import gradline
    >>> from gradline import history
    >>> history.log_metrics(loss=0.91)
    >>> model = gradline.fit("example:crops", ["apples", "oranges"])
    >>> gradline.commit("a run", model=model, notebook=None).logged
    {'metrics': {'loss': 0.91}}
    """
    _note("metrics", data, more)


def set_project(name: str) -> None:
    """Name the project that all further commits of this process belong to.

    >>> import gradline
    >>> from gradline import history
    >>> history.set_project("crops")
    >>> model = gradline.fit("example:crops", ["apples", "oranges"])
    >>> gradline.commit("a run", model=model, notebook=None).logged
    {'project': 'crops'}
    >>> history.reset()
    """
    _project["project"] = name


def reset() -> None:
    """Forget what was noted since the last commit.

    >>> import gradline
    >>> from gradline import history
    >>> history.log_metrics(loss=0.91)
    >>> history.reset()
    >>> model = gradline.fit("example:crops", ["apples", "oranges"])
    >>> gradline.commit("a run", model=model, notebook=None).logged
    {}
    """
    _pending.clear()


def noted() -> dict[str, Any]:
    """What was noted since the last commit, and the project."""
    return {**_project, **_pending}


def _note(kind: str, data: Mapping[str, Any] | None, more: Mapping[str, Any]) -> None:
    given = {**(data or {}), **more}
    plain = {str(name): _plain(name, value) for name, value in given.items()}
    _pending.setdefault(kind, {}).update(plain)


def _plain(name: Any, value: Any) -> Any:
    """The value as JSON knows it; a number of NumPy or torch as Python's."""
    if getattr(value, "ndim", None) == 0:
        value = value.item()
    if isinstance(value, (list, tuple)):
        return [_plain(name, part) for part in value]
    if isinstance(value, float) and value - value != 0:  # NaN and infinity, which JSON has no word for
        return str(value)
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise UsageError(
        "logged-value-invalid",
        f"{name} is a {type(value).__name__}",
        "give numbers, texts, truth values, None, or lists of these",
    )
