/* The loop of `sgd.c` for numbers of type REAL. */

#define REALS OF_TYPE(reals)
typedef REAL REALS __attribute__((vector_size(BYTES)));
#define WIDTH ((int64_t)(BYTES / sizeof(REAL)))
#define LOAD(from) OF_TYPE(load)(from)
#define STORE(to, v) memcpy(to, &(v), sizeof(REALS))

INLINE REALS LOAD(const REAL *from) {
    REALS v;
    memcpy(&v, from, sizeof v);
    return v;
}

INLINE REAL OF_TYPE(total)(REALS v) {
    REAL sum = 0;
    for (int64_t l = 0; l < WIDTH; l++) sum += v[l];
    return sum;
}

/* Rows, what they are scaled by, and parameters: rows of `columns` numbers, which begin with the p features, then 1 for
   the bias where there is one, then zeros. */
typedef struct {
    const REAL *X, *Y, *w, *center, *inverse;
    REAL *weight, *speed;
    int64_t p, q, m, columns;
    double lr, updates, momentum;
} OF_TYPE(descent);

/* Room for rows side by side, with their targets and weights, and for the gradient. */
typedef struct {
    REAL *A, *B, *u, *gradient;
} OF_TYPE(gathered);

/* Rows of X, scaled, with their targets and weights, side by side; those that come next are sent for. */
INLINE void OF_TYPE(gather)(const OF_TYPE(descent) *d, const order *o, int64_t held, OF_TYPE(gathered) *g) {
    for (int64_t i = 0; i < held; i++) {
        /* Beyond the row numbers that are known stand old ones, which cost nothing. */
        int64_t row = o->numbers[o->first + i], next = o->numbers[o->first + GATHERED + i];
        const REAL *x = d->X + row * d->p, *following = d->X + next * d->p;
        REAL *a = g->A + i * d->columns;
        for (int64_t j = 0; j < d->p; j += 64 / (int64_t)sizeof(REAL)) __builtin_prefetch(following + j);
        __builtin_prefetch(following + d->p - 1);
        __builtin_prefetch(d->Y + next * d->m);
        int64_t j = 0;
        for (; j + WIDTH <= d->p; j += WIDTH) {
            REALS z = (LOAD(x + j) - LOAD(d->center + j)) * LOAD(d->inverse + j);
            STORE(a + j, z);
        }
        for (; j < d->p; j++) a[j] = (x[j] - d->center[j]) * d->inverse[j];
        for (int64_t t = 0; t < d->m; t++) g->B[t * GATHERED + i] = d->Y[row * d->m + t];
        if (d->w) g->u[i] = d->w[row];
    }
}

/* Add each row's u·(ŷ − y)·a to the gradient of each target, steps 1 to 3, from row `first` on up to `last`: four rows
   at a time as far as there are as many. Returns Σu. */
INLINE REAL OF_TYPE(add_gradients)(const OF_TYPE(descent) *d, OF_TYPE(gathered) *g, int64_t first, int64_t last,
                                   int64_t step) {
    REAL taken = 0;
    for (int64_t i = first; i + step <= last; i += step) {
        const REAL *a[4];
        for (int64_t s = 0; s < step; s++) {
            a[s] = g->A + (i + s) * d->columns;
            taken += g->u[i + s];
        }
        for (int64_t t = 0; t < d->m; t++) {
            const REAL *weight = d->weight + t * d->columns;
            REAL *gradient = g->gradient + t * d->columns;
            REALS sums[4] = {0}, residuals[4];
            for (int64_t j = 0; j < d->columns; j += WIDTH) {
                REALS v = LOAD(weight + j);
                for (int64_t s = 0; s < step; s++) sums[s] += v * LOAD(a[s] + j);
            }
            for (int64_t s = 0; s < step; s++) {
                REAL residual = OF_TYPE(total)(sums[s]) - g->B[t * GATHERED + i + s];
                residuals[s] = (REALS){} + g->u[i + s] * residual;
            }
            for (int64_t j = 0; j < d->columns; j += WIDTH) {
                REALS sum = LOAD(gradient + j);
                for (int64_t s = 0; s < step; s++) sum += residuals[s] * LOAD(a[s] + j);
                STORE(gradient + j, sum);
            }
        }
    }
    return taken;
}

/* Step 4, update, and step 5, reset; `share` is what turns the sums into the gradient of the mean. */
INLINE void OF_TYPE(update)(const OF_TYPE(descent) *d, REAL *gradient, REAL share, REAL lr) {
    for (int64_t j = 0; j < d->m * d->columns; j += WIDTH) {
        REALS speed = (REAL)d->momentum * LOAD(d->speed + j) + share * LOAD(gradient + j);
        REALS weight = LOAD(d->weight + j) - lr * speed, zero = {0};
        STORE(d->speed + j, speed);
        STORE(d->weight + j, weight);
        STORE(gradient + j, zero);
    }
}

/* All steps for four batches of one row a, whose weight cancels, without momentum, after `done` updates.

   No row waits for the update before it: all are predicted by the weights before the first, and a residual is corrected
   by what the updates e[l]·a[l] since then have changed, a·w' = a·w + Σ e[l]·a·a[l]. */
INLINE void OF_TYPE(four_updates)(const OF_TYPE(descent) *d, OF_TYPE(gathered) *g, int64_t i, double done) {
    const REAL *a[4];
    for (int s = 0; s < 4; s++) a[s] = g->A + (i + s) * d->columns;
    for (int64_t t = 0; t < d->m; t++) {
        REAL *weight = d->weight + t * d->columns, e[4];
        REALS sums[4] = {0}, between[4][4] = {0};
        for (int64_t j = 0; j < d->columns; j += WIDTH) {
            REALS v = LOAD(weight + j), rows[4];
            for (int s = 0; s < 4; s++) rows[s] = LOAD(a[s] + j);
            for (int s = 0; s < 4; s++) {
                sums[s] += v * rows[s];
                for (int l = 0; l < s; l++) between[s][l] += rows[s] * rows[l];
            }
        }
        for (int s = 0; s < 4; s++) {
            REAL share = (REAL)(-2.0 / d->m * d->lr * (1.0 - (done + s) / d->updates));
            /* Of each product with an earlier e only the last step has to wait for it. */
            e[s] = share * (OF_TYPE(total)(sums[s]) - g->B[t * GATHERED + i + s]);
            for (int l = 0; l < s; l++) e[s] += e[l] * (share * OF_TYPE(total)(between[s][l]));
        }
        for (int64_t j = 0; j < d->columns; j += WIDTH) {
            REALS v = LOAD(weight + j);
            for (int s = 0; s < 4; s++) v += e[s] * LOAD(a[s] + j);
            STORE(weight + j, v);
        }
    }
}

/* How many numbers the room of an epoch holds. */
int64_t EXPORT(OF_TYPE(epoch_room))(int64_t m, int64_t columns) {
    return (GATHERED + m) * columns + (m + 1) * GATHERED;
}

/* Descend over all rows once, in batches; `weight` and `speed`, the last 2m rows of `state` (2 + 2m, columns), change in
   place, and the first two are the center and the inverse scale of X.

   Rows come in the order of `core.permutation.permutation(n, keys)` of `bits` bits, as (X − center)·inverse, with
   weights w, or of one where it is null. The rate of update k is lr·(1 − k/updates), the first k being `done`. `columns`
   are whole lines of memory. `place` has the zeros that `epoch_room` counts. Sums may be reordered here, but nowhere may
   NaN or an infinity be lost from one. */
void EXPORT(OF_TYPE(sgd_epoch))(const REAL *X, const REAL *Y, const REAL *w, const uint32_t *keys, REAL *state,
                                REAL *place, int64_t n, int64_t p, int64_t q, int64_t m, int64_t columns,
                                int64_t rounds, int64_t bits, int64_t batch_size, double lr, double done,
                                double updates, double momentum) {
    OF_TYPE(descent) d = {X, Y, w, state, state + columns, state + 2 * columns, state + (2 + m) * columns,
                          p, q, m, columns, lr, updates, momentum};
    OF_TYPE(gathered) g = {place, place + (GATHERED + m) * columns, 0, place + GATHERED * columns};
    g.u = g.B + m * GATHERED;
    order o = {.keys = keys, .rounds = rounds, .bits = bits, .n = n};
    for (int64_t i = 0; i < GATHERED; i++) {
        g.u[i] = 1;
        for (int64_t j = p; j < q; j++) g.A[i * columns + j] = 1;
    }
    int64_t at = 0, held = 0, left = n;
    while (left > 0) {
        int64_t size = batch_size < left ? batch_size : left;
        REAL taken = 0;
        while (size > 0) {
            if (at == held) {
                o.first += held;
                if (o.known - o.first < AHEAD) draw(&o);
                at = 0;
                held = GATHERED < o.known - o.first ? GATHERED : o.known - o.first;
                OF_TYPE(gather)(&d, &o, held, &g);
            }
            /* The last rows are left to what follows, which leaves their velocity too. */
            while (batch_size == 1 && momentum == 0 && at + 4 <= held && left > 4) {
                OF_TYPE(four_updates)(&d, &g, at, done);
                at += 4, done += 4, left -= 4;
            }
            if (at == held) continue;
            int64_t run = size < held - at ? size : held - at, whole = run / 4 * 4;
            taken += OF_TYPE(add_gradients)(&d, &g, at, at + whole, 4);
            taken += OF_TYPE(add_gradients)(&d, &g, at + whole, at + run, 1);
            at += run, size -= run, left -= run;
        }
        REAL share = (REAL)(2.0 / (m * (double)taken));
        OF_TYPE(update)(&d, g.gradient, share, (REAL)(lr * (1.0 - done / updates)));
        done += 1;
    }
}

#undef REALS
#undef WIDTH
#undef LOAD
#undef STORE
