"""A CUDA device: sums over blocks of rows, and arrays for mini-batches, by PyTorch in float64."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from gradline.core.derived import cached_property
from gradline.core.errors import RequestError
from gradline.core.linalg.double_double import Doubled
from gradline.data.extras import expect_extra
from gradline.data.inputs import array_rows, numbers
from gradline.data.row_block import ColumnBlock, LazyBlock, RowBlock
from gradline.data.row_stream import ArrayRows, AssumedFinite
from gradline.data.selection import Selection
from gradline.engines.threads import Threads

_TOGETHER = 256  # products that are added plainly: k² sums of so many are no more numbers than the rows, up to k = 256
_SAMPLE = 128  # rows that say near enough where the mean is
_CELLS = 1 << 24  # of sums that wait to be added as pairs: 128 MB on the device


class DeviceSums(NamedTuple):
    """Over rows z of a block: a shift s near their mean, range, Σ w·(z − s), Σ w·(z − s)(z − s)ᵀ, and the longest sum.

    All arrays are on the host.
    """

    shift: np.ndarray
    low: np.ndarray
    high: np.ndarray
    total: Doubled
    products: Doubled
    chain: int


@dataclass(frozen=True)
class Cuda(Threads):
    """Threads that read and decode, and a device of PyTorch that multiplies: in float64 throughout, TF32 never used.

    `device` is PyTorch's name for it: "cuda", "cuda:1", or "cpu", on which the same code runs. Sums of rows and
    mini-batches of `SGD` are computed there; the certificate is, as everywhere, by code of its own on the CPU.
    """

    device: str = "cuda"

    multiplies = True

    def sums(self, block: RowBlock | ColumnBlock) -> DeviceSums:
        """The sums of rows, at least one, in float64: at most 256 products are added plainly, and these as pairs."""
        torch, rows = self._torch(), block if isinstance(block, DeviceBlock) else block.whole
        X, Y, w = (None if part is None else self.lent(part) for part in (rows.X, rows.Y, rows.w))
        Z = torch.cat([X, Y], dim=1)
        n, k = Z.shape
        shift = Z[:: -(-n // _SAMPLE)].mean(dim=0)
        low, high = torch.aminmax(Z, dim=0)
        Z = Z - shift
        step = _TOGETHER * max(1, _CELLS // (k * k))
        total, products = _zeros(torch, Z, (k,)), _zeros(torch, Z, (k, k))
        for first in range(0, n, step):
            z = Z[first : first + step]
            weighted = z if w is None else z * w[first : first + step, None]
            for left, right in _groups(z, weighted):
                total = _added(torch, total, _by_halves(torch, right.sum(dim=1)))
                products = _added(torch, products, _by_halves(torch, left.transpose(1, 2) @ right))
        back = [self.back(part) for part in (shift, low, high, *total, *products)]
        return DeviceSums(back[0], back[1], back[2], Doubled(*back[3:5]), Doubled(*back[5:7]), _TOGETHER + 8)

    def lent(self, array: Any) -> Any:
        """The array, or a tensor, on the device in float64; one that lies there already is taken as it is."""
        torch = self._torch()
        if not hasattr(array, "detach"):
            array = torch.from_numpy(np.require(array, requirements="W"))
        return array.detach().to(self.device, torch.float64)

    def places(self, order: np.ndarray) -> Any:
        """Numbers of rows on the device."""
        return self._torch().from_numpy(order.astype(np.int64)).to(self.device)

    def back(self, tensor: Any) -> np.ndarray:
        """The tensor as an array on the host."""
        return tensor.detach().cpu().numpy()

    def rows_of(self, selection: Selection) -> "DeviceRows | None":
        """The rows of tensors X and Y where they lie; None of data that are no tensors."""
        X, Y = selection.data, selection.targets
        if not all(hasattr(one, "detach") and one.is_floating_point() for one in (X, Y)):
            return None
        if X.ndim != 2 or Y.ndim not in (1, 2) or not len(X):
            return None
        if selection.weights is not None or selection.missing != "error":
            return None
        whole = Y[:, None] if Y.ndim == 1 else Y
        # Of one row all is checked that does not depend on how many there are.
        design = array_rows(Selection(X[:1], Y[:1], selection.features)).design
        if len(X) != len(Y):
            array_rows(selection)  # which refuses
        return DeviceRows(Fetched(X), Fetched(whole), None, design, device=self)  # type: ignore[arg-type]

    def expect_device(self) -> None:
        """Raise `RequestError` where the device is not there, or PyTorch is not."""
        self._torch()

    def _torch(self) -> Any:
        """PyTorch, once the device is known to be there."""
        expect_extra("torch", "the engine cuda", "torch")
        import torch  # noqa: PLC0415 - only for this engine

        kind = torch.device(self.device).type
        if kind == "cuda" and not torch.cuda.is_available():
            raise RequestError(
                "device-absent",
                f"PyTorch {torch.__version__} finds no CUDA device on this machine",
                "leave out --engine cuda (engine='cuda' in Python): threads give the same answer",
            )
        return torch


@dataclass(frozen=True, eq=False)
class Fetched:
    """A tensor (n, k), whose rows come to the host as they are asked for."""

    tensor: Any

    @property
    def shape(self) -> tuple[int, int]:
        """That of the tensor."""
        return tuple(self.tensor.shape)  # type: ignore[return-value]

    @property
    def ndim(self) -> int:
        """That of the tensor."""
        return self.tensor.ndim

    def __len__(self) -> int:
        return len(self.tensor)

    def __getitem__(self, which: Any) -> np.ndarray:
        return np.asarray(numbers(self.tensor[which], "X"), np.float64)


class DeviceBlock(RowBlock):
    """A block of tensors."""

    @cached_property
    def whole(self) -> RowBlock:  # type: ignore[override]
        """The same as arrays on the host."""
        return RowBlock(Fetched(self.X)[:], Fetched(self.Y)[:])


@dataclass(frozen=True, eq=False)
class DeviceRows(ArrayRows):
    """Rows of tensors X (n, p) and Y (n, m) that stay on their device; where the CPU asks, it gets them in pieces."""

    device: Cuda = Cuda()

    def assume_finite(self) -> "AssumedOnDevice":
        """The same rows, whose blocks are on the device: what they come to says whether a cell is none."""
        return AssumedOnDevice(self, self.design)

    @property
    def csr(self) -> None:
        """See `RowStream`."""
        return None

    @property
    def on_device(self) -> RowBlock:
        """All rows, on the device in float64."""
        X: Any = self.X
        Y: Any = self.Y
        return RowBlock(self.device.lent(X.tensor), self.device.lent(Y.tensor))


@dataclass(frozen=True, eq=False)
class AssumedOnDevice(AssumedFinite):
    """Rows of tensors taken for complete, whose blocks hold tensors until somebody asks for arrays."""

    def lazy_blocks(self, size: int) -> Iterator[LazyBlock]:
        """See `RowStream`."""
        X: Any = self.rows.X
        Y: Any = self.rows.Y
        for first in range(0, len(Y), size):
            part = slice(first, first + size)
            lying = DeviceBlock(X.tensor[part], Y.tensor[part])
            yield LazyBlock(lying.rows, partial(getattr, lying, "whole"), partial(_same, lying))


def _same(block: DeviceBlock) -> DeviceBlock:
    return block


def _groups(z: Any, weighted: Any) -> Iterator[tuple[Any, Any]]:
    """Both in groups of 256 rows (g, 256, k), and then what is left of them as one group."""
    whole = len(z) // _TOGETHER * _TOGETHER
    for part in (slice(0, whole), slice(whole, None)):
        left, right = z[part], weighted[part]
        if len(left):
            length = _TOGETHER if part.stop else len(left)
            yield left.reshape(-1, length, z.shape[1]), right.reshape(-1, length, z.shape[1])


def _zeros(torch: Any, like: Any, shape: tuple[int, ...]) -> tuple[Any, Any]:
    return torch.zeros(shape, dtype=like.dtype, device=like.device), torch.zeros(
        shape, dtype=like.dtype, device=like.device
    )


def _by_halves(torch: Any, parts: Any) -> tuple[Any, Any]:
    """The sum over the first axis as a pair, by halves, so that rounding grows with the logarithm of its length."""
    high, low = parts, torch.zeros_like(parts)
    while len(high) > 1:
        half = len(high) // 2
        summed = _added(torch, (high[:half], low[:half]), (high[half : 2 * half], low[half : 2 * half]))
        rest = slice(2 * half, None)
        high, low = (torch.cat([one, two[rest]]) for one, two in zip(summed, (high, low), strict=True))
    return high[0], low[0]


def _added(torch: Any, one: tuple[Any, Any], other: tuple[Any, Any]) -> tuple[Any, Any]:
    """The sum of two pairs (Knuth 1969; Hida, Li, Bailey 2001): plain operations, which no device contracts."""
    del torch
    s = one[0] + other[0]
    b = s - one[0]
    e = (one[0] - (s - b)) + (other[0] - b) + (one[1] + other[1])
    high = s + e
    return high, e - (high - s)
