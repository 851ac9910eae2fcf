"""The compiled loops as Python calls them: those that were built for this processor, or none."""

import ctypes
import os
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from gradline.core.errors import GradlineWarning, UsageError
from gradline.core.kernels.build import TARGETS, digest, library, machine

CHOICE = "GRADLINE_KERNELS"  # the variable of the environment that names a build, or "numpy" for none
LINE = 64  # bytes of a line of memory, and of the widest register


class _Array:
    """Takes an array as a pointer to its first number, and None as null; what NumPy offers takes ten times as long."""

    @classmethod
    def from_param(cls, array: Any) -> Any:
        """What ctypes hands on: of an array that may be written to its buffer, which comes sooner than its address."""
        if array is None:
            return None
        if array.flags.carray and array.size:
            return ctypes.byref(ctypes.c_char.from_buffer(array.data))
        return ctypes.c_void_p(array.ctypes.data)


_P, _I, _D = _Array, ctypes.c_int64, ctypes.c_double
_EPOCH = (_P,) * 7 + (_I,) * 8
# What each function returns and takes; see the C.
_SIGNATURES = {
    "add_pairs": (None, (_P,) * 6 + (_I,)),
    "add_outer": (None, (_P,) * 4 + (_I,) * 2),
    "descend": (_D, (_P,) * 6 + (_I,) * 4 + (_D,)),
    "slopes": (None, (_P,) * 4 + (_I,) * 2),
    "row_descent": (_D, (_P,) * 6 + (_I,) * 3),
    "gram_room": (_I, (_I, _I)),
    "gram": (ctypes.c_uint64, (_P,) * 5 + (_I,) * 6),
    "exact_room": (_I, (_I,)),
    "exact": (ctypes.c_uint64, (_P,) * 6 + (_I,) * 7),
    "factor_room": (_I, (_I, _I)),
    "factor": (ctypes.c_uint64, (_P,) * 4 + (_I,) * 5 + (_D,)),
    "hashed": (ctypes.c_uint64, (_P,) * 4 + (_I,) * 3),
    "gradient_room": (_I, (_I, _I)),
    "gradient": (None, (_P,) * 9 + (_I,) * 6),
    "newton_room": (_I, (_I, _I)),
    "newton": (_I, (_P,) * 7 + (_I,) * 7 + (_D,) * 3),
    "epoch_room_float64": (_I, (_I, _I)),
    "epoch_room_float32": (_I, (_I, _I)),
    "sgd_epoch_float64": (None, _EPOCH),
    "sgd_epoch_float32": (None, _EPOCH),
}


class Kernels(NamedTuple):
    """The functions of the C files, of one build.

    Where they take a pointer an array goes in, whose numbers lie without gaps and have the type of the C, or None.
    """

    add_pairs: Callable[..., None]
    add_outer: Callable[..., None]
    descend: Callable[..., float]
    slopes: Callable[..., None]
    row_descent: Callable[..., float]
    gram_room: Callable[..., int]
    gram: Callable[..., int]
    exact_room: Callable[..., int]
    exact: Callable[..., int]
    factor_room: Callable[..., int]
    factor: Callable[..., int]
    hashed: Callable[..., int]
    gradient_room: Callable[..., int]
    gradient: Callable[..., None]
    newton_room: Callable[..., int]
    newton: Callable[..., int]
    epoch_room_float64: Callable[..., int]
    epoch_room_float32: Callable[..., int]
    sgd_epoch_float64: Callable[..., None]
    sgd_epoch_float32: Callable[..., None]


@cache
def kernels() -> Kernels | None:
    """The best build that this processor can run, or the one that `GRADLINE_KERNELS` names; None for NumPy.

    Where the library is missing or cannot be loaded, a `GradlineWarning` says so, once, and NumPy computes the same.
    Raises `UsageError` for a name that is none, or that the processor cannot run.
    """
    wanted, known = os.environ.get(CHOICE, ""), _known()
    if wanted == "numpy":
        return None
    runnable = builds()
    if wanted and wanted not in (runnable or known):
        raise UsageError(
            "kernels-invalid",
            f"{CHOICE} is {wanted}, and this processor runs {', '.join(runnable or known)}",
            f"name one of these, or numpy, or take {CHOICE} away",
        )
    return build(wanted or runnable[-1]) if runnable else None


def _known() -> list[str]:
    return list(TARGETS.get(machine(), TARGETS["aarch64"]))


def builds() -> list[str]:
    """The names of the builds that this processor can run, the best one last; none without a library."""
    loaded = _library()
    return [] if loaded is None else _known()[: loaded.best_target() + 1]


def build(name: str) -> Kernels:
    """The functions of one of `builds()`, with their types."""
    found = {}
    for function_name, (result, arguments) in _SIGNATURES.items():
        function = getattr(_library(), f"{function_name}_{name}")
        function.restype, function.argtypes = result, arguments
        found[function_name] = function
    return Kernels(**found)


@cache
def _library() -> Any:
    """The library, unless it is missing, damaged, or made of other sources than those that lie here."""
    try:
        loaded = ctypes.CDLL(str(library()))
        loaded.sources.restype = ctypes.c_uint64
        if digest() in (None, loaded.sources()):
            return loaded
        fault = f"{library()} is older or newer than its sources"
    except (OSError, AttributeError) as error:
        fault = str(error)
    warnings.warn(
        GradlineWarning(
            "kernels-missing",
            f"the compiled loops cannot be used ({fault}), so NumPy computes, up to ten times slower: "
            "install gradline again where there is a C compiler, or the package ziglang",
        ),
        stacklevel=2,
    )
    return None


def room(count: int, dtype: np.dtype | type = np.float64) -> np.ndarray:
    """So many zeros from the beginning of a line of memory on: a register's worth then comes from one line, not two."""
    dtype = np.dtype(dtype)
    whole = LINE // dtype.itemsize
    zeros = np.zeros(count + whole, dtype)
    first = -(zeros.__array_interface__["data"][0] // dtype.itemsize) % whole
    return zeros[first : first + count]
