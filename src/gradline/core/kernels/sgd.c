/* An epoch of mini-batch descent over rows in memory, in float64 and in float32; the twin is `solvers.sgd._descend`. */

#include "vectors.h"

/* Rows of mini-batches that are gathered side by side: with as many sent for they stay in the first cache. */
#define GATHERED 32
#define AHEAD (2 * GATHERED) /* row numbers known at least before a gathering: for its rows, and for those to send for */
#define DRAWN 384            /* row numbers drawn together */

/* An order of rows as `core.permutation` draws it, drawn as far as it is needed. */
typedef struct {
    const uint32_t *keys;
    int64_t rounds, bits, n, counter, first, known;
    int64_t numbers[AHEAD + DRAWN + GATHERED];
} order;

/* Drop the numbers that were used, and draw until there are enough or no more. */
static void draw(order *o) {
    uint32_t x[DRAWN], mask = (uint32_t)((1ull << o->bits) - 1), half = (uint32_t)((o->bits + 1) / 2);
    memmove(o->numbers, o->numbers + o->first, (size_t)(o->known - o->first) * sizeof *o->numbers);
    o->known -= o->first;
    o->first = 0;
    while (o->known < AHEAD && o->counter < 1ll << o->bits) {
        int64_t many = (1ll << o->bits) - o->counter;
        many = many < DRAWN ? many : DRAWN;
        for (int64_t i = 0; i < many; i++) x[i] = (uint32_t)(o->counter + i);
        for (int64_t k = 0; k < o->rounds; k++)
            for (int64_t i = 0; i < many; i++) {
                uint32_t y = (x[i] * o->keys[2 * k] + o->keys[2 * k + 1]) & mask;
                x[i] = y ^ (y >> half);
            }
        for (int64_t i = 0; i < many; i++) {
            o->numbers[o->known] = x[i];
            o->known += x[i] < o->n;
        }
        o->counter += many;
    }
}

/* What `Run` and `Rule.numbers` of Python say: `rule` is 0 for heavy balls and 1 for Adam, whose settings are the five
   numbers; `positive` is below 0 without a penalty that has kinks, `average` without a mean of the weights. */
typedef struct {
    double lr, done, updates, clip, average, l1, curvature, positive, rule, first, second, third, fourth, fifth;
    int64_t slots;
} settings;

#define CLIP_EPS 1e-6 /* beside a norm that is divided by, as in PyTorch */

static settings chosen_settings(const double *c) {
    settings s = {c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9], c[10], c[11], c[12], c[13], 1};
    if (s.rule != 0) s.slots = s.fourth != 0 ? 3 : 2;
    return s;
}

/* The same loop for both types. */
#define REAL double
#define OF_TYPE(name) name##_float64
#include "sgd_epoch.h"
#undef REAL
#undef OF_TYPE
#define REAL float
#define OF_TYPE(name) name##_float32
#include "sgd_epoch.h"
