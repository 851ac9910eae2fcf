"""Where an array lives, such as PyTorch on a device, for scikit-learn's array API dispatch: there and back."""

from typing import Any, NamedTuple

import numpy as np
from sklearn import get_config
from sklearn.utils._array_api import (  # scikit-learn offers no public names for them
    _convert_to_numpy,
    get_namespace_and_device,
)


class Namespace(NamedTuple):
    """A library of arrays that are not NumPy's, and the device that they are on."""

    xp: Any
    device: Any

    @classmethod
    def of(cls, X: Any) -> "Namespace | None":
        """That of X where `sklearn.set_config(array_api_dispatch=True)` asks to keep to it; None for NumPy's."""
        if not get_config()["array_api_dispatch"] or isinstance(X, np.ndarray):
            return None
        xp, told, device = get_namespace_and_device(X)
        return cls(xp, device) if told and not xp.__name__.endswith("numpy") else None

    @property
    def kinds(self) -> tuple[Any, ...]:
        """The numbers that are taken as they are; others become the first."""
        return self.xp.float64, self.xp.float32

    def leave(self, array: Any) -> Any:
        """The array in NumPy; what is none of this library's is left as it is."""
        return array if Namespace.of(array) is None else _convert_to_numpy(array, self.xp)

    def enter(self, array: Any) -> Any:
        """NumPy's array here."""
        return self.xp.asarray(array, device=self.device)
