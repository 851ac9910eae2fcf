"""PyTorch modules as functions that can be asked, without a trace of it left in them."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from gradline.core.coefficients import Coefficients
from gradline.core.errors import RequestError
from gradline.model.foreign import state
from gradline.model.probing import Asked, first_line, mismatch
from gradline.moments.state import Moments

_ROUNDING = {torch.float64: 2.0**-53, torch.float32: 2.0**-24, torch.bfloat16: 2.0**-8}  # else float16's


def asked(module: nn.Module, moments: Moments, row_shape: tuple[int, ...]) -> Asked | Coefficients:
    """The module as it stands, in its mode, as a function of rows of that shape.

    What is asked is a copy in float64, on the CPU where it runs there, else in its own precision: the module keeps its
    mode, buffers, gradients and random numbers. Its parameters are candidates for weight and bias, and it has a bias
    if some parameter moves its value at 0, which nothing that is zero does otherwise.
    """
    inner = unwrapped(module)
    if (
        getattr(type(inner), "forward", None) is nn.Module.forward
    ):  # it computes nothing, and only holds parameters
        return state(inner.state_dict(), moments)
    name, own = type(inner).__name__, home(inner)
    rows = np.zeros((2, moments.p))
    twin, error = None, None
    for dtype, device in ((torch.float64, torch.device("cpu")), (torch.float64, own[1]), own):
        made = _twin(inner, dtype, device)
        try:
            _called(made, row_shape, dtype, device)(rows)
        except Exception as raised:  # whatever a forward pass may raise
            error = error or raised
            continue
        twin = (made, dtype, device)
        break
    if twin is None:
        raise _misfit(inner, row_shape, moments, error) from error
    arrays = [_double(tensor) for tensor in _tensors(twin[0])]
    m, p = moments.m, moments.p
    return Asked(
        name,
        _called(twin[0], row_shape, *twin[1:]),
        list(weights_among(arrays, m, p)),
        [array.reshape(m) for array in arrays if array.size == m],
        _has_bias(*twin, row_shape, rows),
        None if own == twin[1:] else _called(_twin(inner, *own), row_shape, *own),
        rounding(*own),
    )


def _misfit(
    module: nn.Module, row_shape: tuple[int, ...], moments: Moments, error: Exception | None
) -> RequestError:
    """Why it fails for two rows of these columns."""
    layer = first_linear(module)
    wanted = (moments.m, moments.p)
    if layer is not None and layer.in_features != moments.p:
        own = (layer.out_features, layer.in_features)
        text = f"the model's weight has shape {own}, and the data want {wanted}"
    else:
        said = "" if error is None else f": {first_line(error)}"
        text = f"{type(module).__name__} fails for inputs of shape {(2, *row_shape)}{said}"
    return mismatch(text)


def first_linear(module: nn.Module) -> nn.Linear | None:
    """The first of its linear layers whose size is known."""
    layers = (part for part in module.modules() if isinstance(part, nn.Linear) and part.in_features)
    return next(layers, None)


def unwrapped(module: Any) -> nn.Module:
    """The module inside of what runs it in parallel or compiled."""
    parallel = (nn.parallel.DistributedDataParallel, nn.DataParallel)
    while True:
        if isinstance(module, parallel):
            module = module.module
        elif hasattr(module, "_orig_mod"):
            module = module._orig_mod
        else:
            return module


def weights_among(arrays: list[np.ndarray], m: int, p: int) -> Iterator[np.ndarray]:
    """Those that may be a weight (m, p), as it is or transposed."""
    for array in arrays:
        if array.size == m * p:
            if m == 1 or array.shape == (m, p):
                yield array.reshape(m, p)
            if array.shape == (p, m):
                yield array.T


def home(module: nn.Module) -> tuple[torch.dtype, torch.device]:
    """The type and the device of its numbers."""
    first = next((tensor for tensor in _tensors(module) if tensor.is_floating_point()), torch.zeros(0))
    return first.dtype, first.device


def _tensors(module: nn.Module) -> list[torch.Tensor]:
    """Parameters, buffers, and tensors that are attributes."""
    held = [value for part in module.modules() for value in vars(part).values()]
    plain = [value for value in held if isinstance(value, torch.Tensor)]
    return [*module.parameters(), *module.buffers(), *plain]


def _double(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().double().numpy()


def _twin(module: nn.Module, dtype: torch.dtype, device: torch.device) -> nn.Module:
    """A copy in that type on that device; where it cannot be copied, the module itself."""
    try:
        made = copy.deepcopy(module)
    except Exception:  # such as tensors that are not leaves
        return module
    if (dtype, device) == home(module):
        return made
    try:
        return made.to(device=device, dtype=dtype)
    except Exception:  # such as a device without float64
        return made


def tried(module: nn.Module, inputs: torch.Tensor) -> Any:
    """What the module gives for a batch as it is, of which a copy is asked. Raises what its forward pass raises."""
    inner = unwrapped(module)
    own = home(inner)
    with _untouched(inner, own[1]), torch.no_grad():
        return _twin(inner, *own)(inputs)


def _called(
    module: nn.Module, row_shape: tuple[int, ...], dtype: torch.dtype, device: torch.device
) -> Callable[[np.ndarray], Any]:
    def call(X: np.ndarray) -> Any:
        inputs = torch.from_numpy(X).reshape(len(X), *row_shape).to(device=device, dtype=dtype)
        with _untouched(module, device), torch.no_grad():
            return module(inputs)

    return call


@contextmanager
def _untouched(module: nn.Module, device: torch.device) -> Iterator[None]:
    """Buffers, parameters and random numbers as they were, afterwards."""
    tensors = [*module.parameters(), *module.buffers()]
    kept = [tensor.detach().clone() for tensor in tensors]
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        yield
    with torch.no_grad():
        for tensor, before in zip(tensors, kept, strict=True):
            if not torch.equal(tensor, before):
                tensor.copy_(before)


def _has_bias(
    module: nn.Module,
    dtype: torch.dtype,
    device: torch.device,
    row_shape: tuple[int, ...],
    rows: np.ndarray,
) -> bool:
    """Whether some parameter moves the values at 0."""
    made = _twin(module, dtype, device)
    parameters = [parameter for parameter in made.parameters() if parameter.is_floating_point()]
    if made is module or not parameters:
        return False
    try:
        inputs = torch.from_numpy(rows).reshape(len(rows), *row_shape).to(device=device, dtype=dtype)
        with _untouched(made, device), torch.enable_grad():
            output = made.requires_grad_(True)(inputs).sum()
            slopes = torch.autograd.grad(output, parameters, allow_unused=True)
    except Exception:  # what cannot be differentiated has shown at 0 what it has
        return False
    return any(slope is not None and bool(slope.any()) for slope in slopes)


def rounding(dtype: torch.dtype, device: torch.device) -> float:
    """The rounding unit; accelerators may multiply float32 in ten bits."""
    if dtype == torch.float32 and device.type != "cpu":
        return 2.0**-11
    return _ROUNDING.get(dtype, 2.0**-11)
