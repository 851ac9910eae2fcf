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

/* The same loop for both types. */
#define REAL double
#define OF_TYPE(name) name##_float64
#include "sgd_epoch.h"
#undef REAL
#undef OF_TYPE
#define REAL float
#define OF_TYPE(name) name##_float32
#include "sgd_epoch.h"
