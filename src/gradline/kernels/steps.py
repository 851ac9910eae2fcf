"""Compiled mini-batch descent: an epoch over rows in memory; the twin is `solvers.sgd`.

Sums may be reordered here, but nowhere may NaN or an infinity be lost from one.
"""

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

_SUMS = {"reassoc", "contract"}
_ROWS = 64  # rows drawn and gathered together: they stay in the first cache
_LANES = 8  # gathered rows are padded with zeros to a multiple of so many columns


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_SUMS)
def sgd_epoch(X, Y, w, center, scale, keys, bits, theta, velocity, lr, done, updates, momentum, batch_size):
    """Descend over all rows once, in batches; `theta` and `velocity` (q, m) change in place.

    Rows come in the order of `shuffling.permutation(n, keys)` of `bits` bits, as (X − center)/scale, with weights `w`
    or, where it is empty, of one. The rate of update k is lr·(1 − k/updates), the first k being `done`. Twin:
    `solvers.sgd._update` for each batch.
    """
    n, p = X.shape
    q, m = theta.shape
    width = -(-q // _LANES) * _LANES
    weight, speed, gradient = np.zeros((m, width)), np.zeros((m, width)), np.zeros((m, width))
    _by_target(theta, p, weight)
    _by_target(velocity, p, speed)
    A, B, u, order = np.zeros((_ROWS, width)), np.empty((_ROWS, m)), np.ones(_ROWS), np.empty(_ROWS, np.int64)
    if q > p:
        A[:, p] = 1.0
    inverse = 1.0 / scale
    at, held, left = 0, 0, n
    counter, ready = _draw(X, Y, keys, bits, 0, order)
    while left > 0 and batch_size == 1:
        held = ready
        _gather(X, Y, w, center, inverse, order, held, A, B, u)
        counter, ready = _draw(X, Y, keys, bits, counter, order)
        _row_by_row(A, B, held, weight, speed, lr, done, updates, momentum)
        left -= held
        done += held
    while left > 0:
        size, total = min(batch_size, left), 0.0
        left -= size
        while size > 0:
            if at == held:
                at, held = 0, ready
                _gather(X, Y, w, center, inverse, order, held, A, B, u)
                counter, ready = _draw(X, Y, keys, bits, counter, order)
            run = min(size, held - at)
            total += _add_gradients(A, B, u, at, at + run, weight, gradient)
            at += run
            size -= run
        _update(weight, speed, gradient, 2.0 / (m * total), lr * (1.0 - done / updates), momentum)
        done += 1
    _as_columns(weight, p, theta)
    _as_columns(speed, p, velocity)


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_SUMS)
def _by_target(theta, p, weight):
    """The columns of θ (q, m) as rows, the bias after the features instead of before them."""
    q, m = theta.shape
    for t in range(m):
        for j in range(p):
            weight[t, j] = theta[q - p + j, t]
        if q > p:
            weight[t, p] = theta[0, t]


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_SUMS)
def _as_columns(weight, p, theta):
    """The way back."""
    q, m = theta.shape
    for t in range(m):
        for j in range(p):
            theta[q - p + j, t] = weight[t, j]
        if q > p:
            theta[0, t] = weight[t, p]


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_SUMS)
def _draw(X, Y, keys, bits, counter, order):
    """Draw the next row numbers, if any are left, and send for their rows. Twin: `shuffling.permutation`.

    Returns how far the counter came and how many they are. The rows come into cache while those before are at work.
    """
    n, p = X.shape
    x = np.empty(_ROWS, np.uint32)
    mask, half = np.uint32((1 << bits) - 1), np.uint32((bits + 1) // 2)
    held = 0
    while held == 0 and counter < 1 << bits:
        many = min(_ROWS, (1 << bits) - counter)
        for i in range(many):
            x[i] = counter + i
        for k in range(len(keys)):
            factor, addend = keys[k, 0], keys[k, 1]
            for i in range(many):
                mixed = np.uint32(x[i] * factor + addend) & mask
                x[i] = mixed ^ (mixed >> half)
        for i in range(many):
            order[held] = x[i]
            held += x[i] < n
        counter += many
    for i in range(held):
        for j in range(0, p, _LANES):
            _prefetch(X, order[i], j)  # pyright: ignore[reportCallIssue] - numba adds an argument
        _prefetch(X, order[i], p - 1)  # pyright: ignore[reportCallIssue]
        _prefetch(Y, order[i], 0)  # pyright: ignore[reportCallIssue]
    return counter, held


@intrinsic
def _prefetch(typing, array, row, column):  # noqa: ARG001 - numba passes it
    """Ask for the cell's line of memory without waiting for it (LLVM's `prefetch`)."""

    def generate(context, builder, signature, arguments):
        kind = signature.args[0]
        table = context.make_array(kind)(context, builder, arguments[0])
        cell = cgutils.get_item_pointer(context, builder, kind, table, list(arguments[1:]))
        number, line = ir.IntType(32), builder.bitcast(cell, cgutils.voidptr_t)
        shape = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, number, number, number])
        call = cgutils.get_or_insert_function(builder.module, shape, "llvm.prefetch.p0")
        builder.call(call, [line, number(0), number(3), number(1)])  # to read, near, data
        return context.get_dummy_value()

    return types.void(array, row, column), generate


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_SUMS)
def _gather(X, Y, w, center, inverse, order, held, A, B, u):
    """Rows of X, scaled, with their targets and weights, side by side."""
    for i in range(held):
        row = order[i]
        for j in range(X.shape[1]):
            A[i, j] = (X[row, j] - center[j]) * inverse[j]
    for i in range(held):
        for t in range(Y.shape[1]):
            B[i, t] = Y[order[i], t]
    if len(w):
        for i in range(held):
            u[i] = w[order[i]]


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_SUMS)
def _add_gradients(A, B, u, first, last, weight, gradient):
    """Add each row's u·(ŷ − y)·a to the gradient of each target: steps 1 to 3. Returns Σu."""
    total = 0.0
    for i in range(first, last):
        total += u[i]
        for t in range(weight.shape[0]):
            residual = -B[i, t]
            for j in range(weight.shape[1]):
                residual += A[i, j] * weight[t, j]
            residual *= u[i]
            for j in range(weight.shape[1]):
                gradient[t, j] += residual * A[i, j]
    return total


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_SUMS)
def _update(weight, speed, gradient, share, lr, momentum):
    """Step 4, update, and step 5, reset; `share` is what turns the sums into the gradient of the mean."""
    for t in range(weight.shape[0]):
        for j in range(weight.shape[1]):
            speed[t, j] = momentum * speed[t, j] + share * gradient[t, j]
            weight[t, j] -= lr * speed[t, j]
            gradient[t, j] = 0.0


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_SUMS)
def _row_by_row(A, B, held, weight, speed, lr, done, updates, momentum):
    """All steps for batches of one row, whose weight cancels; a call for each row would take as long as its work."""
    m, width = weight.shape
    share = 2.0 / m
    for i in range(held):
        rate = lr * (1.0 - (done + i) / updates)
        for t in range(m):
            residual = -B[i, t]
            for j in range(width):
                residual += A[i, j] * weight[t, j]
            residual *= share
            for j in range(width):
                change = momentum * speed[t, j] + residual * A[i, j]
                speed[t, j] = change
                weight[t, j] -= rate * change
