"""An order of the rows that NumPy and compiled loops draw alike: a permutation computed row by row from a key."""

import numpy as np

_ROUNDS = 8  # with fewer, some orders of five rows come more often than others
_CHUNK = 1 << 15  # counters mixed together: they stay in cache
IN_ORDER = np.empty((0, 2), np.uint32)  # the keys that change nothing


def keys(seed: int, epoch: int, piece: int = 0) -> np.ndarray:
    """The factors (odd) and addends of all rounds (rounds, 2), another draw for every seed, epoch and piece."""
    drawn = np.random.SeedSequence([seed, epoch, piece]).generate_state(2 * _ROUNDS)
    drawn[::2] |= 1
    return drawn.reshape(_ROUNDS, 2)


def bits(n: int) -> int:
    """The b of the smallest 2^b that is at least n."""
    return (n - 1).bit_length()


def permutation(n: int, keys: np.ndarray) -> np.ndarray:
    """The numbers 0 … n − 1, n ≥ 1, in the order that the keys draw; with `IN_ORDER` as they are.

    Each round x ← factor·x + addend mod 2^b, x ← x xor ⌊x / 2^⌈b/2⌉⌋ is a bijection of [0, 2^b), and so are all of
    them together. They are applied to 0, 1, 2, …, and what comes out at n or above is skipped.
    """
    b = bits(n)
    mask, half = np.uint32((1 << b) - 1), np.uint32((b + 1) // 2)
    order, held = np.empty(n, np.intp), 0
    for first in range(0, 1 << b, _CHUNK):
        x = np.arange(first, min(first + _CHUNK, 1 << b), dtype=np.uint32)
        for factor, addend in keys:
            x *= factor
            x += addend
            x &= mask
            x ^= x >> half
        kept = x[x < n]
        order[held : held + len(kept)] = kept
        held += len(kept)
    return order
