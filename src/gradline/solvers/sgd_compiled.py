"""An epoch of mini-batch descent by a compiled loop: rows and parameters lent to it in the form that it wants."""

from typing import NamedTuple

import numpy as np

from gradline.core.kernels.library import LINE, Kernels, room
from gradline.core.permutation import bits
from gradline.data.row_block import RowBlock
from gradline.solvers.problem import Scaling


class Course(NamedTuple):
    """What the updates go by: the rate of update k is lr·(1 − k/updates), and `done` were made before."""

    lr: float
    done: float
    updates: float
    momentum: float
    batch_size: int


def descend(
    kernels: Kernels,
    piece: RowBlock,
    scaling: Scaling,
    drawn: np.ndarray,
    theta: np.ndarray,
    velocity: np.ndarray,
    course: Course,
) -> None:
    """Every batch of the rows once, in the order that `drawn` keys; `theta` and `velocity` (q, m) change in place.

    The loop is that of their type, float64 or float32. It has the bias behind the features, and a column of ones for
    it; rows and parameters are filled up with zeros to whole lines of memory.
    """
    dtype, (q, m), p = theta.dtype, theta.shape, piece.X.shape[1]
    parts = (piece.X, piece.Y, piece.w)
    rows = [None if part is None else np.ascontiguousarray(part, dtype) for part in parts]
    whole = LINE // dtype.itemsize
    columns = -(-q // whole) * whole
    state = room((2 + 2 * m) * columns, dtype).reshape(-1, columns)
    state[0, :p], state[1, :p] = scaling.center, 1.0 / scaling.scale
    pairs = ((state[2 : 2 + m], theta), (state[2 + m :], velocity))
    for padded, given in pairs:
        padded[:, :p], padded[:, p:q] = given[q - p :].T, given[: q - p].T
    is_double = dtype == np.float64
    count = (kernels.epoch_room_float64 if is_double else kernels.epoch_room_float32)(m, columns)
    space = room(count, dtype)
    places = (*rows, np.ascontiguousarray(drawn, np.uint32), state, space)
    sizes = (len(piece.Y), p, q, m, columns, len(drawn), bits(len(piece.Y)), course.batch_size)
    loop = kernels.sgd_epoch_float64 if is_double else kernels.sgd_epoch_float32
    loop(*places, *sizes, course.lr, course.done, course.updates, course.momentum)
    for padded, given in pairs:
        given[q - p :], given[: q - p] = padded[:, :p].T, padded[:, p:q].T
