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
   the bias where there is one, then zeros. `bend` is the curvature of ridge, `memory` what the rule remembers, each part
   as large as `weight`, and `set` its settings. */
typedef struct {
    const REAL *X, *Y, *w, *center, *inverse, *bend;
    REAL *weight, *memory;
    int64_t p, q, m, columns;
    settings set;
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

/* The gradient of the mean from the sums, with that of ridge, at the numbers from j on of target t. */
INLINE REALS OF_TYPE(of_mean)(const OF_TYPE(descent) *d, const REAL *gradient, REAL share, int64_t t, int64_t j) {
    int64_t at = t * d->columns + j;
    return share * LOAD(gradient + at) + LOAD(d->bend + j) * LOAD(d->weight + at);
}

/* What a gradient is multiplied by to be no longer than is allowed. */
INLINE REAL OF_TYPE(clipped)(const OF_TYPE(descent) *d, const REAL *gradient, REAL share) {
    double squares = 0;
    if (d->set.clip == 0) return 1;
    for (int64_t t = 0; t < d->m; t++)
        for (int64_t j = 0; j < d->columns; j += WIDTH) {
            REALS g = OF_TYPE(of_mean)(d, gradient, share, t, j);
            for (int64_t l = 0; l < WIDTH; l++) squares += (double)g[l] * (double)g[l];
        }
    double length = d->set.clip / (sqrt(squares) + CLIP_EPS);
    return length >= 1 ? 1 : (REAL)length;
}

/* Steps 4 and 5 of heavy balls, after `done` updates; where `simple`, nothing but momentum is asked of them. */
INLINE void OF_TYPE(heavy_ball)(const OF_TYPE(descent) *d, REAL *gradient, REAL share, REAL lr, double done,
                                int simple) {
    const settings *s = &d->set;
    REAL momentum = (REAL)s->first, kept = (REAL)(done == 0 || momentum == 0 ? 1.0 : 1.0 - s->second);
    REAL cut = simple ? 1 : OF_TYPE(clipped)(d, gradient, share);
    int looks_ahead = !simple && s->third != 0;
    for (int64_t t = 0; t < d->m; t++)
        for (int64_t j = 0; j < d->columns; j += WIDTH) {
            int64_t at = t * d->columns + j;
            REALS g = simple ? share * LOAD(gradient + at) : cut * OF_TYPE(of_mean)(d, gradient, share, t, j);
            REALS speed = momentum * LOAD(d->memory + at) + (simple ? g : kept * g), zero = {0};
            REALS weight = LOAD(d->weight + at) - lr * (looks_ahead ? g + momentum * speed : speed);
            STORE(d->memory + at, speed);
            STORE(d->weight + at, weight);
            STORE(gradient + at, zero);
        }
}

/* Steps 4 and 5 of Adam, after `done` updates: the settings are β₁, β₂, ε, whether the largest s counts, and the decay. */
INLINE void OF_TYPE(adaptive)(const OF_TYPE(descent) *d, REAL *gradient, REAL share, REAL lr, double done) {
    const settings *s = &d->set;
    int64_t size = d->m * d->columns;
    REAL *mean = d->memory, *square = mean + size, *most = square + size;
    REAL new = (REAL)(1 - s->first), old = (REAL)s->second, newer = (REAL)(1 - s->second);
    REAL root = (REAL)sqrt(1 - pow(s->second, done + 1)), step = (REAL)(lr / (1 - pow(s->first, done + 1)));
    REAL shrunk = (REAL)(1 - lr * s->fifth), eps = (REAL)s->third;
    REAL cut = OF_TYPE(clipped)(d, gradient, share);
    for (int64_t i = 0; i < size; i++) {
        REAL g = cut * (share * gradient[i] + d->bend[i % d->columns] * d->weight[i]);
        mean[i] += new * (g - mean[i]);
        square[i] = old * square[i] + newer * g * g;
        REAL at = square[i];
        if (s->fourth != 0) at = most[i] = at > most[i] || at != at ? at : most[i];
        d->weight[i] = d->weight[i] * shrunk - step * (mean[i] / ((REAL)sqrt((double)at) / root + eps));
        gradient[i] = 0;
    }
}

/* The prox of a penalty with kinks, and the speed as the weights really moved. */
INLINE void OF_TYPE(take_back)(const OF_TYPE(descent) *d, REAL lr) {
    const settings *s = &d->set;
    REAL edge = (REAL)(lr * s->l1), shrink = (REAL)(1 / (1 + lr * s->curvature));
    for (int64_t t = 0; t < d->m; t++)
        for (int64_t j = 0; j < d->p; j++) {
            REAL *w = d->weight + t * d->columns + j, there = *w, size = there < 0 ? -there : there;
            if (there != there) continue;
            REAL next = size > edge ? (size - edge) * shrink : 0;
            *w = there < 0 ? (s->positive > 0 ? 0 : -next) : next;
            if (s->first != 0 && lr != 0) d->memory[t * d->columns + j] += (there - *w) / lr;
        }
}

/* The mean of the weights after each update since the first that counts; it is the last of what is remembered. */
INLINE void OF_TYPE(average)(const OF_TYPE(descent) *d, double done) {
    REAL *mean = d->memory + d->set.slots * d->m * d->columns, count = (REAL)(done + 1 - d->set.average);
    REAL share = 1 / (count < 1 ? 1 : count);
    for (int64_t j = 0; j < d->m * d->columns; j++) mean[j] += (d->weight[j] - mean[j]) * share;
}

/* Step 4, update, and step 5, reset; `share` is what turns the sums into the gradient of the mean. */
INLINE void OF_TYPE(update)(const OF_TYPE(descent) *d, REAL *gradient, REAL share, double done, int simple) {
    const settings *s = &d->set;
    REAL lr = (REAL)(s->lr * (1.0 - done / s->updates));
    if (simple) {
        OF_TYPE(heavy_ball)(d, gradient, share, lr, done, 1);
        return;
    }
    if (s->rule == 0)
        OF_TYPE(heavy_ball)(d, gradient, share, lr, done, 0);
    else
        OF_TYPE(adaptive)(d, gradient, share, lr, done);
    if (s->positive >= 0) OF_TYPE(take_back)(d, lr);
    if (s->average >= 0) OF_TYPE(average)(d, done);
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
            REAL share = (REAL)(-2.0 / d->m * d->set.lr * (1.0 - (done + s) / d->set.updates));
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

/* Descend over all rows once, in batches; the rows of `state` (3 + m·(1 + parts remembered), columns) are the center and
   the inverse scale of X, the curvature of ridge, and then the weights and what is remembered, which change in place.

   Rows come in the order of `core.permutation.permutation(n, keys)` of `bits` bits, as (X − center)·inverse, with
   weights w, or of one where it is null. `chosen` is what `settings` holds; the rate of update k is lr·(1 − k/updates),
   the first k being `done`. `columns` are whole lines of memory. `place` has the zeros that `epoch_room` counts. Sums may
   be reordered here, but nowhere may NaN or an infinity be lost from one. */
void EXPORT(OF_TYPE(sgd_epoch))(const REAL *X, const REAL *Y, const REAL *w, const uint32_t *keys, REAL *state,
                                REAL *place, const double *chosen, int64_t n, int64_t p, int64_t q, int64_t m,
                                int64_t columns, int64_t rounds, int64_t bits, int64_t batch_size) {
    settings set = chosen_settings(chosen);
    OF_TYPE(descent) d = {X, Y, w, state, state + columns, state + 2 * columns, state + 3 * columns,
                          state + (3 + m) * columns, p, q, m, columns, set};
    OF_TYPE(gathered) g = {place, place + (GATHERED + m) * columns, 0, place + GATHERED * columns};
    g.u = g.B + m * GATHERED;
    order o = {.keys = keys, .rounds = rounds, .bits = bits, .n = n};
    for (int64_t i = 0; i < GATHERED; i++) {
        g.u[i] = 1;
        for (int64_t j = p; j < q; j++) g.A[i * columns + j] = 1;
    }
    int simple = set.rule == 0 && set.second == 0 && set.third == 0;
    simple &= set.clip == 0 && set.positive < 0 && set.average < 0;
    for (int64_t j = 0; j < columns; j++) simple &= d.bend[j] == 0;
    int64_t at = 0, held = 0, left = n;
    double done = set.done;
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
            while (batch_size == 1 && simple && set.first == 0 && at + 4 <= held && left > 4) {
                OF_TYPE(four_updates)(&d, &g, at, done);
                at += 4, done += 4, left -= 4;
            }
            if (at == held) continue;
            int64_t run = size < held - at ? size : held - at, whole = run / 4 * 4;
            taken += OF_TYPE(add_gradients)(&d, &g, at, at + whole, 4);
            taken += OF_TYPE(add_gradients)(&d, &g, at + whole, at + run, 1);
            at += run, size -= run, left -= run;
        }
        OF_TYPE(update)(&d, g.gradient, (REAL)(2.0 / (m * (double)taken)), done, simple);
        done += 1;
    }
}

#undef REALS
#undef WIDTH
#undef LOAD
#undef STORE
