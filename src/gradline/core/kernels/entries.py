"""The loops as C functions of plain pointers and numbers; their signatures are in `gradline.core.kernels`."""

import numba
from numba import carray  # pyright: ignore[reportPrivateImportUsage]

from gradline.core.kernels import AHEAD, DRAWN, GATHERED, SIDE, csv_numbers, hashes, sgd
from gradline.core.kernels import gram as products
from gradline.core.kernels.registers import LANES, beyond, like, numbers, words


def lanes():
    """How many numbers of float64 a register holds."""
    return LANES


@numba.njit(error_model="numpy")
def _rooms(pieces, k, tile):
    """Where in the room of `gram` each of its arrays ends, the last one at the end of it all."""
    blocks = (k + SIDE - 1) // SIDE
    strips = pieces * k * LANES
    factors = strips + (k + 8) // 8 * 8  # so that what follows begins with a line of memory
    sums = factors + 3 * k * LANES
    G = sums + blocks * blocks * SIDE * SIDE
    panel = G + (blocks * SIDE + LANES) * tile
    roots = panel + tile
    hashes = roots + tile
    return strips, factors, sums, G, panel, roots, hashes, hashes + k


def gram_room(pieces, k, tile):
    """How many numbers the room of `gram` holds."""
    return _rooms(pieces, k, tile)[-1]


def gram(addresses, lengths, w, found, room, pieces, n, weighted, p, k, tile, step, other_step):
    """See `gram.gram`; `weighted` is n, or 0 for weights of one; the steps are in bytes."""
    blocks, ends = (k + SIDE - 1) // SIDE, _rooms(pieces, k, tile)
    return products.gram(
        carray(addresses, (pieces, k)),
        carray(lengths, (pieces,)),
        (step, other_step),
        carray(w, (weighted,)),
        n,
        p,
        k,
        carray(found, (4 + k, k)),
        carray(room, (pieces, k, LANES)),
        carray(words(room, ends[0]), (k + 1,)),
        carray(numbers(room, ends[1]), (3, k, LANES)),
        carray(numbers(room, ends[2]), (blocks, blocks, SIDE, SIDE)),
        carray(numbers(room, ends[3]), (blocks * SIDE + LANES, tile)),
        carray(words(room, ends[6]), (k,)),
        carray(numbers(room, ends[4]), (tile,)),
        carray(words(room, ends[5]), (tile,)),
    )


def hashed(X, Y, w, multipliers, n, weighted, p, m):
    """See `hashes.hashed`."""
    factors = carray(multipliers, (p + m + 1,))
    return hashes.hashed(carray(X, (n, p)), carray(Y, (n, m)), carray(w, (weighted,)), factors)


def read_numbers(data, places, values, length, fields, k, rows, separator):
    """See `csv_numbers.read_numbers`."""
    text, room = carray(data, (length,)), carray(values, (k, rows))
    return csv_numbers.read_numbers(text, separator, carray(places, (fields,)), room)


@numba.njit(error_model="numpy")
def _epoch_rooms(m, columns):
    """The same for an epoch."""
    order = AHEAD + DRAWN + GATHERED
    drawn = order + DRAWN
    gradient = drawn + m * columns
    A = gradient + (GATHERED + 3) * columns
    B = A + m * (GATHERED + 3)
    return order, drawn, gradient, A, B, B + GATHERED + 3


def epoch_room(m, columns):
    """How many numbers of float64 the room of an epoch holds, whatever the type of its own."""
    return _epoch_rooms(m, columns)[-1]


def _descend(
    X,
    Y,
    w,
    keys,
    state,
    room,
    n,
    weighted,
    p,
    q,
    m,
    columns,
    rounds,
    bits,
    batch_size,
    lr,
    done,
    updates,
    momentum,
):
    """See `sgd.sgd_epoch`; the rows of `state` (2 + 2·m, columns) are its frame, weight and speed."""
    ends = _epoch_rooms(m, columns)
    sgd.sgd_epoch(
        carray(X, (n, p)),
        carray(Y, (n, m)),
        carray(w, (weighted,)),
        carray(state, (2, columns)),
        carray(keys, (rounds, 2)),
        bits,
        carray(beyond(state, 2 * columns), (m, columns)),
        carray(beyond(state, (2 + m) * columns), (m, columns)),
        q,
        carray(words(room, 0), (ends[0],)),
        carray(like(room, ends[0], keys), (DRAWN,)),
        carray(like(room, ends[1], X), (m, columns)),
        carray(like(room, ends[2], X), (GATHERED + 3, columns)),
        carray(like(room, ends[3], X), (m, GATHERED + 3)),
        carray(like(room, ends[4], X), (GATHERED + 3,)),
        lr,
        done,
        updates,
        momentum,
        batch_size,
    )


sgd_epoch_float64 = sgd_epoch_float32 = _descend  # the loop is compiled for the type that it is given
