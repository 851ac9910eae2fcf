"""Attributes of a class that another module, in a layer above, provides: named here, loaded when first used.

`gradline/__init__.py`, which lies above all layers, says who provides what, as pandas registers accessors.
"""

import importlib
from collections.abc import Callable, Mapping
from functools import partial
from types import FunctionType
from typing import Any

_PROVIDERS: dict[str, str] = {}


def provide(names: Mapping[str, str]) -> None:
    """Say where what is offered under each name lives: "LinearModel.plot" → "gradline.plots.accessors.ModelPlots"."""
    _PROVIDERS.update(names)


def provided(name: str) -> Any:
    """What lives behind the name."""
    module, _, member = _PROVIDERS[name].rpartition(".")
    return getattr(importlib.import_module(module), member)


def reader_of(data: Any) -> Callable[..., Any] | None:
    """What reads data of this type, provided as "rows of" and the package of the type or of one that it inherits."""
    return _for_type("rows of ", data)


def asker_of(model: Any) -> Callable[..., Any] | None:
    """What asks a model of this type for its values, provided in the same way as "values of"."""
    return _for_type("values of ", model)


def _for_type(what: str, value: Any) -> Callable[..., Any] | None:
    for cls in type(value).__mro__:
        for name in _PROVIDERS:
            if name.startswith(what) and f"{what}{cls.__module__}".startswith(name):
                return provided(name)
    return None


class Provided:
    """An attribute that an upper layer provides under "Class.attribute": a class is made for the owner's instance, a
    function becomes its method (of the class where there is no instance)."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = f"{owner.__name__}.{name}"

    def __get__(self, instance: Any, owner: type) -> Any:
        provider: Callable[..., Any] = provided(self._name)
        if isinstance(provider, FunctionType):
            return partial(provider, owner if instance is None else instance)
        return provider if instance is None else provider(instance)
