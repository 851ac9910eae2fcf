"""What objects that never change find out when they are first asked for it, and keep, but not in their pickles."""

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from functools import cached_property
else:

    class cached_property(functools.cached_property):  # noqa: N801 - as in functools
        """That of `functools` without its lock, which takes longer than most of what is kept; Python 3.12 has none.

        Two threads that ask at once both compute, and find the same.
        """

        def __get__(self, instance: Any, owner: type | None = None) -> Any:
            """The value; it then stands in the object, where it is found without this."""
            if instance is None:
                return self
            value = instance.__dict__[self.attrname] = self.func(instance)
            return value


class Derived:
    """An object whose pickle is the same whether or not it was asked for what it keeps."""

    _kept = frozenset[str]()  # names of the object that hold what it found out by other ways

    def __getstate__(self) -> dict[str, Any]:
        """What it was made of."""
        kind = type(self)
        return {
            name: value
            for name, value in self.__dict__.items()
            if name not in kind._kept and not isinstance(getattr(kind, name, None), cached_property)
        }
