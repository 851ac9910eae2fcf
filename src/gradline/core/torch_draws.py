"""The numbers that PyTorch draws after `torch.manual_seed(seed)`, without PyTorch: the starts that tutorials print.

The CPU's generator is the Mersenne Twister (Matsumoto, Nishimura 1998), seeded as NumPy's `RandomState`; a GPU's is
Philox (Salmon et al. 2011). Both turn uniform numbers into normal ones as Box and Muller did in 1958.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

_VECTOR = 16  # from so many numbers on, the CPU fills blocks of as many
_WORD = 2.0**-32


def randn(seed: int, sizes: list[int], device: str = "cpu") -> list[np.ndarray]:
    """What `torch.manual_seed(seed)` and then `torch.randn(size)` for each size give, float32 numbers as float64.

    On the CPU the last bits of 16 numbers and more may differ, as PyTorch's logarithm there is rounded otherwise. With
    device "cuda" the sizes are those that a GPU takes at once, below some ten thousand.

    >>> [round(float(number[0]), 4) for number in randn(42, [1, 1])]
    [0.3367, 0.1288]
    >>> [round(float(number[0]), 4) for number in randn(42, [1, 1], "cuda")]
    [0.194, 0.1391]
    """
    if device == "cuda":
        return [_philox_normals(seed, call, size) for call, size in enumerate(sizes)]
    words = np.random.RandomState(seed % 2**32)
    spare: list[float] = []
    return [_normals(lambda count: _words(words, count), size, spare) for size in sizes]


def start(init: str, seed: int, p: int, m: int, bias: bool) -> np.ndarray:
    """θ (q, m) as a loop draws it after `manual_seed`: the weight (m, p), and the bias (m,) where there is one.

    `init` is "linear", as `nn.Linear(p, m)` begins on the CPU; or "torch", as tutorial 003 draws its start with
    `randn`, the bias first; or "torch-cuda", the same on a GPU, as the tutorial's was.

    >>> start("linear", 1, 3, 2, bias=True).T.round(4).tolist()  # torch.manual_seed(1); nn.Linear(3, 2)
    [[-0.1188, 0.2975, -0.2548, -0.1119], [0.2937, 0.271, -0.5435, 0.3462]]
    """
    if init == "linear":
        weight, *drawn = _linear(np.random.RandomState(seed % 2**32), p, m, bias)
        return np.vstack([*drawn, weight.reshape(m, p).T])
    *drawn, weight = randn(seed, [m, m * p] if bias else [m * p], init.partition("-")[2] or "cpu")
    return np.vstack([*drawn, weight.reshape(m, p).T])


def _linear(random: np.random.RandomState, p: int, m: int, bias: bool) -> list[np.ndarray]:
    """The weight (m·p,), then the bias (m,), uniform on ±1/√p; the weight's bound is that of He et al. 2015, a = √5."""
    he = math.sqrt(3.0) * (math.sqrt(2.0 / (1 + math.sqrt(5.0) ** 2)) / math.sqrt(max(p, 1)))
    bounds = [(m * p, he), (m, 1 / math.sqrt(p) if p else 0.0)][: 1 + bias]
    drawn: list[np.ndarray] = []
    for size, bound in bounds:
        low = float(np.float32(-bound))
        # One fused multiplication and addition: float64 holds the product, and the sum is rounded once.
        drawn.append(_single(_uniform(_words(random, size)) * float(np.float32(bound) * 2) + low))
    return drawn


def _words(random: np.random.RandomState, count: int) -> np.ndarray:
    """The next 32-bit words of the twister."""
    return np.frombuffer(random.bytes(4 * count), "<u4")


def _normals(words: Callable[[int], np.ndarray], size: int, spare: list[float]) -> np.ndarray:
    """A few are drawn in pairs, the second of which waits for the next call; many by the block."""
    if size >= _VECTOR:
        return _blocks(words, size)
    drawn: list[float] = []
    while len(drawn) < size:
        if spare:
            drawn.append(spare.pop())
            continue
        high, low = words(4).reshape(2, 2).astype(np.uint64).T
        first, second = ((high << np.uint64(32) | low) & np.uint64(2**53 - 1)) * 2.0**-53
        radius, angle = np.sqrt(-2 * np.log1p(-second)), 2 * np.pi * first
        drawn.append(float(radius * np.cos(angle)))
        spare.append(float(radius * np.sin(angle)))
    return _single(drawn)


def _blocks(words: Callable[[int], np.ndarray], size: int) -> np.ndarray:
    """Blocks of 16 uniform numbers: eight radii and eight angles; the last block, where one is left over, anew."""
    drawn = _uniform(words(size))
    for first in range(0, size - size % _VECTOR, _VECTOR):
        drawn[first : first + _VECTOR] = _from_block(drawn[first : first + _VECTOR])
    if size % _VECTOR:
        drawn[-_VECTOR:] = _from_block(_uniform(words(_VECTOR)))
    return _single(drawn)


def _single(numbers: Any) -> np.ndarray:
    """Rounded to float32, as float64."""
    return np.asarray(numbers, np.float32).astype(float)


def _uniform(words: np.ndarray) -> np.ndarray:
    """On [0, 1), with the 24 bits that a float32 holds."""
    return (words & (2**24 - 1)) * 2.0**-24


def _from_block(uniform: np.ndarray) -> np.ndarray:
    radius, angle = np.sqrt(-2 * np.log(1 - uniform[:8])), 2 * np.pi * uniform[8:]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])


def _philox_normals(seed: int, call: int, size: int) -> np.ndarray:
    """Each number has a stream of its own, and each call moves all of them on by four words."""
    streams = np.zeros((4, size), np.uint64)
    streams[0], streams[2] = call, np.arange(size)
    first, second = _philox(streams, seed)[:2] * _WORD + _WORD / 2
    return _single(np.sqrt(-2 * np.log(first)) * np.sin(2 * np.pi * second))


def _philox(counter: np.ndarray, seed: int) -> np.ndarray:
    """Philox4x32-10: ten rounds of two multiplications, with a key that steps along."""
    low, half = np.uint64(2**32 - 1), np.uint64(32)
    keys = [seed % 2**32, seed >> 32]
    for step in range(10):
        one, two = counter[0] * np.uint64(0xD2511F53), counter[2] * np.uint64(0xCD9E8D57)
        mine = [
            np.uint64((key + step * move) % 2**32)
            for key, move in zip(keys, (0x9E3779B9, 0xBB67AE85), strict=True)
        ]
        counter = np.stack(
            [two >> half ^ counter[1] ^ mine[0], two & low, one >> half ^ counter[3] ^ mine[1], one & low]
        )
    return counter
