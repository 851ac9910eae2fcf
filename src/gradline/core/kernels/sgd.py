"""Compiled mini-batch descent: an epoch over rows in memory, in float64 or float32; the twin is `solvers.sgd`.

Sums may be reordered here, but nowhere may NaN or an infinity be lost from one.
"""

import numba
import numpy as np

from gradline.core.kernels import AHEAD, DRAWN, GATHERED
from gradline.core.kernels.vectors import (
    eight,
    fetch,
    four,
    lanes,
    one,
    plus_times,
    put,
    scaled,
    spread,
    times,
    totals,
    two,
    width,
)

_SUMS = {"reassoc", "contract"}


@numba.njit(error_model="numpy", fastmath=_SUMS)
def sgd_epoch(
    X,
    Y,
    w,
    frame,
    keys,
    bits,
    weight,
    speed,
    q,
    order,
    x,
    gradient,
    A,
    B,
    u,
    lr,
    done,
    updates,
    momentum,
    batch_size,
):
    """Descend over all rows once, in batches; `weight` and `speed` (m, columns) change in place.

    Rows come in the order of `shuffling.permutation(n, keys)` of `bits` bits, as (X − frame[0])·frame[1], with weights
    `w` or, where it is empty, of one. The rate of update k is lr·(1 − k/updates), the first k being `done`. The columns
    are the p features, then one for a bias where there is one, q in all, then zeros up to whole vectors. Room to work
    in, zeros: `order` and `x` for row numbers, `gradient` (m, columns), and for gathered rows `A` (GATHERED + 3,
    columns), `B` (m, GATHERED + 3) and `u` (GATHERED + 3,). All but the keys and numbers are of one type, and
    so is the arithmetic. Twin: `solvers.sgd._update` for each batch.
    """
    n, m = len(X), len(weight)
    for i in range(len(A)):
        u[i] = 1.0
        for j in range(X.shape[1], q):
            A[i, j] = 1.0
    counter, known, first, at, held, left = 0, 0, 0, 0, 0, n
    while left > 0:
        size, taken = min(batch_size, left), 0.0
        while size > 0:
            if at == held:
                first += held
                if known - first < AHEAD:
                    for i in range(first, known):
                        order[i - first] = order[i]
                    counter, known = _draw(keys, bits, n, counter, x, order, known - first)
                    first = 0
                at, held = 0, min(GATHERED, known - first)
                _gather(X, Y, w, frame, order, first, held, A, B, u)
                # The last rows are left to what follows, which leaves their velocity too.
                while batch_size == 1 and momentum == 0 and at + 4 <= held and left > 4:
                    _four_updates(A, B, at, weight, lr, done, updates)
                    at, done, left = at + 4, done + 4, left - 4
            run = min(size, held - at)
            taken += _add_gradients(A, B, u, at, at + run, weight, gradient)
            at, size, left = at + run, size - run, left - run
        _update(weight, speed, gradient, 2.0 / (m * taken), lr * (1.0 - done / updates), momentum)
        done += 1


@numba.njit(error_model="numpy", fastmath=_SUMS)
def _draw(keys, bits, n, counter, x, order, held):
    """Draw row numbers behind those that are held until there are enough or no more. Twin: `shuffling.permutation`.

    Returns how far the counter came, and how many row numbers `order` holds.
    """
    mask, half = np.uint32((1 << bits) - 1), np.uint32((bits + 1) // 2)
    while held < AHEAD and counter < 1 << bits:
        many = min(DRAWN, (1 << bits) - counter)
        for i in range(many):
            x[i] = counter + i
        for k in range(len(keys)):
            factor, addend = keys[k, 0], keys[k, 1]
            for i in range(many):
                mixed = np.uint32(x[i] * factor + addend) & mask
                x[i] = mixed ^ (mixed >> half)
        for i in range(many):
            order[np.uintp(held)] = x[i]  # unsigned, so that no sign has to be looked at
            held += x[i] < n
        counter += many
    return counter, held


@numba.njit(error_model="numpy", fastmath=_SUMS, forceinline=True)
def _gather(X, Y, w, frame, order, first, held, A, B, u):
    """Rows of X, scaled, with their targets and weights, side by side; those that come next are sent for."""
    p = X.shape[1]
    for i in range(held):
        # Beyond the row numbers that are known stand old ones, which cost nothing.
        row, following = order[np.uintp(first + i)], order[np.uintp(first + GATHERED + i)]
        for j in range(0, p - width(X) + 1, width(X)):
            fetch(X, following, j)
            put(A, i, j, scaled(lanes(X, row, j), lanes(frame, 0, j), lanes(frame, 1, j)))
        fetch(X, following, (p - 1) // width(X) * width(X))
        fetch(X, following, p - 1)
        fetch(Y, following, 0)
        _gather_rest(X, row, frame, A, i)
        for t in range(len(B)):
            put(B, t, i, one(Y, row, t))
    if len(w):
        for i in range(held):
            u[i] = w[order[first + i]]


@numba.njit(error_model="numpy", fastmath=_SUMS, forceinline=True)
def _gather_rest(X, row, frame, A, i):
    """The columns after the last whole vector, without touching memory beyond them, which nobody has sent for."""
    p = X.shape[1]
    j = p // width(X) * width(X)
    if p - j >= 8:
        put(A, i, j, scaled(eight(X, row, j), eight(frame, 0, j), eight(frame, 1, j)))
        j += 8
    if p - j >= 4:
        put(A, i, j, scaled(four(X, row, j), four(frame, 0, j), four(frame, 1, j)))
        j += 4
    if p - j >= 2:
        put(A, i, j, scaled(two(X, row, j), two(frame, 0, j), two(frame, 1, j)))
        j += 2
    if p - j >= 1:
        put(A, i, j, scaled(one(X, row, j), one(frame, 0, j), one(frame, 1, j)))


@numba.njit(error_model="numpy", fastmath=_SUMS, forceinline=True)
def _add_gradients(A, B, u, first, last, weight, gradient):
    """Add each row's u·(ŷ − y)·a to the gradient of each target: steps 1 to 3, for four rows at a time. Returns Σu."""
    taken = 0.0
    for i in range(first, last):
        taken += u[i]
    for i in range(first, last, 4):
        # After the last row stand rows of other batches, which count nothing here.
        u0, u1 = u[i], u[i + 1] if i + 1 < last else 0.0
        u2, u3 = u[i + 2] if i + 2 < last else 0.0, u[i + 3] if i + 3 < last else 0.0
        for t in range(len(weight)):
            s0, s1, s2, s3 = spread(A, 0.0), spread(A, 0.0), spread(A, 0.0), spread(A, 0.0)
            for j in range(0, A.shape[1], width(A)):
                v = lanes(weight, t, j)
                s0, s1 = plus_times(s0, v, lanes(A, i, j)), plus_times(s1, v, lanes(A, i + 1, j))
                s2, s3 = plus_times(s2, v, lanes(A, i + 2, j)), plus_times(s3, v, lanes(A, i + 3, j))
            p0, p1, p2, p3 = totals(s0, s1, s2, s3)
            r0, r1 = spread(A, u0 * (p0 - B[t, i])), spread(A, u1 * (p1 - B[t, i + 1]))
            r2, r3 = spread(A, u2 * (p2 - B[t, i + 2])), spread(A, u3 * (p3 - B[t, i + 3]))
            for j in range(0, A.shape[1], width(A)):
                g = plus_times(lanes(gradient, t, j), r0, lanes(A, i, j))
                g = plus_times(g, r1, lanes(A, i + 1, j))
                g = plus_times(g, r2, lanes(A, i + 2, j))
                put(gradient, t, j, plus_times(g, r3, lanes(A, i + 3, j)))
    return taken


@numba.njit(error_model="numpy", fastmath=_SUMS, forceinline=True)
def _update(weight, speed, gradient, share, lr, momentum):
    """Step 4, update, and step 5, reset; `share` is what turns the sums into the gradient of the mean."""
    share, back, kept = spread(weight, share), spread(weight, -lr), spread(weight, momentum)
    for t in range(len(weight)):
        for j in range(0, weight.shape[1], width(weight)):
            v = plus_times(times(kept, lanes(speed, t, j)), share, lanes(gradient, t, j))
            put(speed, t, j, v)
            put(weight, t, j, plus_times(lanes(weight, t, j), back, v))
            put(gradient, t, j, spread(weight, 0.0))


@numba.njit(error_model="numpy", fastmath=_SUMS, forceinline=True)
def _four_updates(A, B, i, weight, lr, done, updates):
    """All steps for four batches of one row a, whose weight cancels, without momentum.

    No row waits for the update before it: all are predicted by the weights before the first, and a residual is
    corrected by what the updates eₗ·aₗ since then have changed, a·w' = a·w + Σ eₗ·a·aₗ.
    """
    zero, share = spread(A, 0.0), -2.0 / len(weight) * lr
    for t in range(len(weight)):
        s0, s1, s2, s3 = zero, zero, zero, zero
        g10, g20, g21, g30, g31, g32 = zero, zero, zero, zero, zero, zero
        for j in range(0, A.shape[1], width(A)):
            v = lanes(weight, t, j)
            a0, a1, a2, a3 = lanes(A, i, j), lanes(A, i + 1, j), lanes(A, i + 2, j), lanes(A, i + 3, j)
            s0, s1, s2, s3 = (
                plus_times(s0, v, a0),
                plus_times(s1, v, a1),
                plus_times(s2, v, a2),
                plus_times(s3, v, a3),
            )
            g10, g20, g21 = plus_times(g10, a1, a0), plus_times(g20, a2, a0), plus_times(g21, a2, a1)
            g30, g31, g32 = plus_times(g30, a3, a0), plus_times(g31, a3, a1), plus_times(g32, a3, a2)
        p0, p1, p2, p3 = totals(s0, s1, s2, s3)
        p10, p20, p21, p30 = totals(g10, g20, g21, g30)
        p31, p32, _, _ = totals(g31, g32, zero, zero)
        c0, c1 = share * (1.0 - done / updates), share * (1.0 - (done + 1) / updates)
        c2, c3 = share * (1.0 - (done + 2) / updates), share * (1.0 - (done + 3) / updates)
        # Of each product with an earlier e only the last step has to wait for it.
        e0 = c0 * (p0 - B[t, i])
        e1 = c1 * (p1 - B[t, i + 1]) + e0 * (c1 * p10)
        e2 = c2 * (p2 - B[t, i + 2]) + e0 * (c2 * p20) + e1 * (c2 * p21)
        e3 = c3 * (p3 - B[t, i + 3]) + e0 * (c3 * p30) + e1 * (c3 * p31) + e2 * (c3 * p32)
        x0, x1, x2, x3 = spread(A, e0), spread(A, e1), spread(A, e2), spread(A, e3)
        for j in range(0, A.shape[1], width(A)):
            v = plus_times(lanes(weight, t, j), x0, lanes(A, i, j))
            v = plus_times(v, x1, lanes(A, i + 1, j))
            v = plus_times(v, x2, lanes(A, i + 2, j))
            put(weight, t, j, plus_times(v, x3, lanes(A, i + 3, j)))
