"""An epoch of mini-batch descent by a compiled loop: rows and parameters lent to it in the form that it wants."""

import numpy as np

from gradline.core.kernels.library import LINE, Kernels, room
from gradline.core.permutation import bits
from gradline.data.row_block import RowBlock
from gradline.solvers.course import Run
from gradline.solvers.loop import State
from gradline.solvers.penalties import Penalty
from gradline.solvers.problem import Scaling

_ROWS = 3  # of the state that stand before the parameters: center, inverse scale, curvature of ridge


def is_known(penalty: Penalty) -> bool:
    """Whether the loop knows this penalty: ridge, of any factors, or an elastic net alike for all weights."""
    return penalty.quadratic or (penalty.threshold is not None and penalty.threshold.is_alike)


def descend(
    kernels: Kernels,
    penalty: Penalty,
    piece: RowBlock,
    scaling: Scaling,
    drawn: np.ndarray,
    state: State,
    run: Run,
    done: int,
    batch_size: int,
) -> None:
    """Every batch of the rows once, in the order that `drawn` keys; θ (q, m) and what is remembered change in place.

    The loop is that of their type, float64 or float32. It has the bias behind the features, and a column of ones for
    it; rows and parameters are filled up with zeros to whole lines of memory.
    """
    theta, memory = state.theta, state.memory
    dtype, (q, m), p = theta.dtype, theta.shape, piece.X.shape[1]
    parts = (piece.X, piece.Y, piece.w)
    rows = [None if part is None else np.ascontiguousarray(part, dtype) for part in parts]
    whole = LINE // dtype.itemsize
    columns = -(-q // whole) * whole
    net = penalty.threshold
    lent = room((_ROWS + (1 + len(memory)) * m) * columns, dtype).reshape(-1, columns)
    lent[0, :p], lent[1, :p] = scaling.center, 1.0 / scaling.scale
    lent[2, :p] = penalty.curvature if penalty.quadratic else 0.0
    # Where the mean of the weights is what is found, those that step are the last of what is remembered.
    given = (memory[-1], *memory[:-1], theta) if run.average >= 0 else (theta, *memory)
    pairs = list(zip(lent[_ROWS:].reshape(-1, m, columns), given, strict=True))
    for padded, one in pairs:
        padded[:, :p], padded[:, p:q] = one[q - p :].T, one[: q - p].T
    is_double = dtype == np.float64
    count = (kernels.epoch_room_float64 if is_double else kernels.epoch_room_float32)(m, columns)
    kinks = (
        (0.0, 0.0, -1.0) if penalty.quadratic or net is None else (net.l1, net.curvature, float(net.low == 0))
    )
    settings = (run.lr, float(done), run.updates, run.clip, float(run.average), *kinks, *run.rule.numbers())
    arrays = (*rows, np.ascontiguousarray(drawn, np.uint32), lent, room(count, dtype), np.array(settings))
    loop = kernels.sgd_epoch_float64 if is_double else kernels.sgd_epoch_float32
    loop(*arrays, len(piece.Y), p, q, m, columns, len(drawn), bits(len(piece.Y)), batch_size)
    for padded, one in pairs:
        one[q - p :], one[: q - p] = padded[:, :p].T, padded[:, p:q].T
