"""The loops as C functions of plain pointers and numbers; their signatures are in `gradline.kernels`."""

from numba import carray  # pyright: ignore[reportPrivateImportUsage]

from gradline.kernels import AHEAD, DRAWN, GATHERED, SIDE, hashes, lines, steps
from gradline.kernels import gram as products
from gradline.kernels.registers import LANES


def lanes():
    """How many numbers of float64 a register holds."""
    return LANES


def gram(
    addresses,
    lengths,
    step,
    strips,
    w,
    shift,
    factors,
    sums,
    G,
    panel,
    sources,
    roots,
    room,
    pieces,
    n,
    weighted,
    p,
    k,
    tile,
):
    """See `gram.gram`; `weighted` is n, or 0 for weights of one."""
    blocks = (k + SIDE - 1) // SIDE
    return products.gram(
        carray(addresses, (pieces, k)),
        carray(lengths, (pieces,)),
        carray(step, (2,)),
        carray(strips, (pieces, k, LANES)),
        carray(w, (weighted,)),
        n,
        p,
        k,
        carray(shift, (k,)),
        carray(factors, (k + 1,)),
        carray(sums, (3, k, LANES)),
        carray(G, (blocks, blocks, SIDE, SIDE)),
        carray(panel, (blocks * SIDE + LANES, tile)),
        carray(sources, (k,)),
        carray(roots, (tile,)),
        carray(room, (tile,)),
    )


def hashed(X, Y, w, multipliers, n, weighted, p, m):
    """See `hashes.hashed`."""
    factors = carray(multipliers, (p + m + 1,))
    return hashes.hashed(carray(X, (n, p)), carray(Y, (n, m)), carray(w, (weighted,)), factors)


def read_numbers(data, places, values, length, fields, k, rows, separator):
    """See `lines.read_numbers`."""
    text, room = carray(data, (length,)), carray(values, (k, rows))
    return lines.read_numbers(text, separator, carray(places, (fields,)), room)


def _descend(
    X,
    Y,
    w,
    frame,
    keys,
    weight,
    speed,
    gradient,
    A,
    B,
    u,
    order,
    drawn,
    n,
    weighted,
    p,
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
    """See `steps.sgd_epoch`."""
    steps.sgd_epoch(
        carray(X, (n, p)),
        carray(Y, (n, m)),
        carray(w, (weighted,)),
        carray(frame, (2, columns)),
        carray(keys, (rounds, 2)),
        bits,
        carray(weight, (m, columns)),
        carray(speed, (m, columns)),
        carray(gradient, (m, columns)),
        carray(A, (GATHERED + 3, columns)),
        carray(B, (m, GATHERED + 3)),
        carray(u, (GATHERED + 3,)),
        carray(order, (AHEAD + DRAWN + GATHERED,)),
        carray(drawn, (DRAWN,)),
        lr,
        done,
        updates,
        momentum,
        batch_size,
    )


sgd_epoch_float64 = sgd_epoch_float32 = _descend  # the loop is compiled for the type that it is given
