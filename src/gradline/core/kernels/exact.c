/* Sums of products of columns without any rounding, with ranges and hashes of the rows, in one pass of memory.

   A number is cut into slices of 24 bits, h + m + l, from the same place on in all rows of a column. As whole numbers
   they are no larger than 2^23, and sums of two no larger than 2^24, so 128 products of those, and 32 of these, add up to
   no more than 2^53 in a register, exactly. Six symmetric sums give all nine products (Karatsuba, Ofman 1962): h*m' + m*h' is
   (h + m)*(h + m)' - h*h' - m*m', and so on. A cell that is larger than its column's first slice, or has bits below the
   last one, is told, and what was left of it is added by who called. The twin is `moments.exact_sums._in_numpy`. */

#include "panels.h"

#define SLICES 3
#define SETS 6 /* of panels: h, m, l, h + m, h + l, m + l */
#define BITS 24
#define FLUSH 32 /* rows whose sums of two slices are added in a register */

/* What is at work on: the sets of panels, their products as unevaluated sums, cells as they came, and by column the
   largest size that is cut, what rounds to each slice and what makes it whole, ranges, sums of slices, multipliers. */
typedef struct {
    double *panels, *products, *cells, *top, *rounder[SLICES], *scale[SLICES], *least, *most, *sums[SLICES];
    uint64_t *factors, *hashes;
    int64_t count, k; /* of panels, of columns */
    int64_t *odd, capacity;
} room;

INLINE double *panel_of(const room *r, int set, int64_t column, int64_t row) {
    return r->panels + ((set * r->count + column / LANES) * TILE + row) * LANES;
}

/* What three slices leave of a number. */
static double left_of(double z, const room *r, int64_t column) {
    if (!(z <= r->top[column] && z >= -r->top[column])) return z;
    for (int s = 0; s < SLICES; s++) z -= (z + r->rounder[s][column]) - r->rounder[s][column];
    return z;
}

/* Tell which of some cells leave something, by their number in the whole table. */
static void tell(const char *x, int64_t step, int64_t row, int64_t rows, int64_t column, room *r) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t l = 0; l < LANES && column + l < r->k; l++)
            if (left_of(number(x + i * step + l * sizeof(double)), r, column + l) != 0) {
                if (r->odd[0] < r->capacity) r->odd[1 + r->odd[0]] = (row + i) * r->k + column + l;
                r->odd[0]++;
            }
}

/* Cut `rows` rows of LANES cells, `step` bytes apart from `x` on, which are rows from `first` on of a tile that begins
   with row `begin`; see to ranges, sums and hashes on the way. */
INLINE void cut(const char *x, int64_t step, int64_t begin, int64_t first, int64_t rows, int64_t column, room *r) {
    vector top = load(r->top + column), least = load(r->least + column), most = load(r->most + column);
    vector rounder[SLICES], scale[SLICES], sums[SLICES];
    for (int s = 0; s < SLICES; s++) {
        rounder[s] = load(r->rounder[s] + column);
        scale[s] = load(r->scale[s] + column);
        sums[s] = load(r->sums[s] + column);
    }
    mask odd = {0};
    words factors;
    memcpy(&factors, r->factors + column, sizeof factors);
    double *to = panel_of(r, 0, column, first);
    uint64_t *hashes = r->hashes + first * LANES;
    int64_t apart = r->count * TILE * LANES;
    const char *from = x;
    for (int64_t i = 0; i < rows; i++, from += step, to += LANES, hashes += LANES) {
        vector value = load(from), slices[SLICES];
        __builtin_prefetch(from + AHEAD * step);
        words bits = (words)(value + 0.0), hash;
        memcpy(&hash, hashes, sizeof hash);
        hash += (bits ^ (bits >> 32)) * factors;
        memcpy(hashes, &hash, sizeof hash);
        least = smaller(value, least);
        most = larger(value, most);
        mask fits = (value <= top) & (value >= -top);
        vector z = (vector)(fits & (mask)value);
        for (int s = 0; s < SLICES; s++) {
            vector slice = (z + rounder[s]) - rounder[s];
            z -= slice;
            slices[s] = slice * scale[s];
            sums[s] += slices[s];
        }
        odd |= (z != 0) | ~fits;
        vector h = slices[0], m = slices[1], l = slices[2], sets[SETS] = {h, m, l, h + m, h + l, m + l};
        for (int set = 0; set < SETS; set++) store(to + set * apart, sets[set]);
    }
    store(r->least + column, least);
    store(r->most + column, most);
    for (int s = 0; s < SLICES; s++) store(r->sums[s] + column, sums[s]);
    int64_t any = 0;
    for (int l = 0; l < LANES; l++) any |= odd[l];
    if (any) tell(x, step, begin + first, rows, column, r);
}

/* Cut some rows of a piece, `row` the first of them there and `first` in the tile, chunk by chunk. */
INLINE void cut_rows(const table *t, int64_t piece, int64_t row, int64_t begin, int64_t first, int64_t rows, room *r) {
    for (int64_t done = 0; done < rows; done += CHUNK) {
        int64_t some = CHUNK < rows - done ? CHUNK : rows - done;
        for (int64_t column = 0; column < r->count * LANES; column += LANES) {
            int in_x = column + LANES <= t->p, in_y = column >= t->p && column + LANES <= t->k;
            if (by_rows(t) && (in_x || in_y)) {
                int64_t step = in_x ? t->step : t->other_step;
                cut(cell(t, piece, row + done, column), step, begin, first + done, some, column, r);
            } else {
                copy(t, piece, row + done, 0, some, column, r->cells);
                cut((const char *)r->cells, sizeof(vector), begin, first + done, some, column, r);
            }
        }
    }
}

/* How many numbers the room of `exact` holds. */
int64_t EXPORT(exact_room)(int64_t k) {
    int64_t columns = panels_of(k) * LANES;
    return SETS * columns * (TILE + 2 * columns) + CHUNK * LANES + (4 + 3 * SLICES) * columns + TILE * LANES;
}

static room arranged(double *place, const double *top, int64_t k, int64_t *odd, int64_t capacity) {
    room r = {.count = panels_of(k), .k = k, .odd = odd, .capacity = capacity};
    int64_t columns = r.count * LANES;
    r.panels = place;
    r.products = r.panels + SETS * columns * TILE;
    r.cells = r.products + 2 * SETS * columns * columns;
    r.hashes = (uint64_t *)(r.cells + CHUNK * LANES);
    r.factors = r.hashes + TILE * LANES;
    r.top = (double *)(r.factors + columns);
    r.least = r.top + columns;
    r.most = r.least + columns;
    for (int s = 0; s < SLICES; s++) {
        r.rounder[s] = r.most + (1 + 3 * s) * columns;
        r.scale[s] = r.rounder[s] + columns;
        r.sums[s] = r.scale[s] + columns;
    }
    for (int64_t j = 0; j < columns; j++) {
        r.least[j] = INFINITY;
        r.most[j] = -INFINITY;
        r.factors[j] = j < k ? multiplier(j) : 0;
        r.top[j] = j < k ? top[j] : 0.0;
        for (int s = 0; s < SLICES; s++) {
            double unit = ldexp(r.top[j], 1 - BITS * (s + 1));
            r.rounder[s][j] = ldexp(1.5 * unit, 52); /* beside it, whole units are all that float64 holds */
            r.scale[s][j] = unit > 0 ? 1 / unit : 0.0;
        }
    }
    return r;
}

/* Where the product of columns i and j, no smaller than i, is in blocks of LANES times LANES in rows of `count`. */
INLINE int64_t product_at(int64_t count, int64_t i, int64_t j) {
    return ((i / LANES * count + j / LANES) * LANES + i % LANES) * LANES + j % LANES;
}

/* Sum up rows z = [x y] to `found`: least z, greatest z, Σ h, Σ m, Σ l (k,) and, of each set, Σ z·zᵀ of its whole numbers
   in two parts (k·(k + 1)/2,), multiples of 2^24 and the rest, the upper triangle row by row; return the sum of the rows' hashes. `top` (k,) has powers of
   two, in units of 2^-23, 2^-47 and 2^-71 of which the slices are. `odd` says how many cells left something, and which,
   row·k + column, as far as `capacity` goes. `place` has the zeros that `exact_room` counts, from the beginning of a line
   of memory on. n is below 2^28. */
uint64_t EXPORT(exact)(const int64_t *addresses, const int64_t *lengths, const double *top, double *found, int64_t *odd,
                       double *place, int64_t pieces, int64_t n, int64_t p, int64_t k, int64_t step, int64_t other_step,
                       int64_t capacity) {
    table t = {addresses, lengths, pieces, n, p, k, step, other_step};
    room r = arranged(place, top, k, odd, capacity);
    int64_t piece = 0, begin = 0, block = r.count * r.count * LANES * LANES;
    uint64_t total = 0;
    for (int64_t row = 0; row < n; row += TILE) {
        int64_t rows = TILE < n - row ? TILE : n - row;
        for (int64_t first = 0, some; first < rows; first += some) {
            while (row + first >= begin + lengths[piece]) begin += lengths[piece++];
            int64_t here = row + first - begin;
            some = lengths[piece] - here < rows - first ? lengths[piece] - here : rows - first;
            cut_rows(&t, piece, here, row, first, some, &r);
        }
        for (int set = 0; set < SETS; set++) {
            double *high = r.products + 2 * set * block;
            multiply_all(panel_of(&r, set, 0, 0), all_of(r.count), rows, set < SLICES ? TILE : FLUSH, 1, high, high + block);
        }
        total += hashed_tile(rows, 0, 0, r.hashes);
    }
    double *rows[] = {r.least, r.most, r.sums[0], r.sums[1], r.sums[2]};
    for (int i = 0; i < 5; i++, found += k) memcpy(found, rows[i], k * sizeof(double));
    for (int part = 0; part < 2 * SETS; part++)
        for (int64_t i = 0; i < k; i++)
            for (int64_t j = i; j < k; j++) *found++ = r.products[part * block + product_at(r.count, i, j)];
    return total;
}
