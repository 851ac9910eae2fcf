/* The gradient of squared loss at given coefficients, Aᵀ·W·(y − A·θ), in numbers of some 106 bits.

   A tile of rows is copied column by column, scaled by powers of two and less a shift, which rounds nothing: each cell
   becomes an unevaluated sum of two numbers. Rows lie in lanes. Ogita, Rump, Oishi 2005 (Dot2): the error of a sum of q
   products is some q²·2^-106 of their sizes. The twin is `core.linalg.gradient._in_numpy`. */

#include "gradient.h"
#include "table.h"

#define TILE 128                /* rows that are worked on together */
#define COLUMN (TILE + LANES)   /* numbers from one column of a tile to the next, so that they share no place in cache */
#define CHAINS 4                /* sums side by side, for each waits on the one before it */

/* Columns of a tile: [1 x y], high parts and low ones; residuals times their weights; by lane the sums of products of
   q = p + 1 columns with m residuals, and of the residuals' squares. */
typedef struct {
    double *high, *low, *residual, *rest, *sums, *rests, *squares;
    int64_t q, m;
} room;

/* How many numbers the room of `gradient` holds. */
int64_t EXPORT(gradient_room)(int64_t p, int64_t m) {
    int64_t q = p + 1;
    return 2 * (q + m + m) * COLUMN + 2 * q * m * LANES + m * LANES;
}

static room arranged(double *place, int64_t p, int64_t m) {
    room r = {.q = p + 1, .m = m};
    double **parts[] = {&r.high, &r.low, &r.residual, &r.rest, &r.sums, &r.rests, &r.squares};
    int64_t cells = (r.q + m) * COLUMN, products = r.q * m * LANES;
    int64_t sizes[] = {cells, cells, m * COLUMN, m * COLUMN, products, products, m * LANES};
    for (int i = 0; i < 7; place += sizes[i++]) *parts[i] = place;
    return r;
}

/* Copy rows from `row` on to the tile's from `first` on, as they lie. */
static void copy(const table *t, int64_t piece, int64_t row, int64_t first, int64_t rows, room *r) {
    if (by_rows(t)) {
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < t->k; j++)
                r->high[(j + 1) * COLUMN + first + i] = number(cell(t, piece, row + i, j));
        return;
    }
    for (int64_t j = 0; j < t->k; j++)
        memcpy(r->high + (j + 1) * COLUMN + first, cell(t, piece, row, j), rows * sizeof(double));
}

/* Cells times `unit` and less `center`, as pairs, times the scales of their rows; exactly, for they are powers of two. */
static void prepare(double *high, double *low, double unit, double center, const double *scales) {
    for (int64_t i = 0; i < TILE; i += LANES) {
        vector rest, moved = sum_of(load(high + i) * unit, spread(-center), &rest);
        vector scale = load(scales + i);
        store(high + i, moved * scale);
        store(low + i, rest * scale);
    }
}

/* y − A·θ of a tile for target t, times the weights of rows where there are some. */
static void take_residuals(const double *theta, const double *theta_low, const double *w, int64_t t, room *r) {
    double *high = r->residual + t * COLUMN, *low = r->rest + t * COLUMN, *squares = r->squares + t * LANES;
    memcpy(high, r->high + (r->q + t) * COLUMN, TILE * sizeof(double));
    memcpy(low, r->low + (r->q + t) * COLUMN, TILE * sizeof(double));
    for (int64_t j = 0; j < r->q; j++) {
        vector by = spread(-theta[j * r->m + t]), by_low = spread(-theta_low[j * r->m + t]);
        const double *x = r->high + j * COLUMN, *x_low = r->low + j * COLUMN;
        for (int64_t i = 0; i < TILE; i += LANES) {
            vector rest, lost, product = product_of(load(x + i), by, &rest);
            rest = fused(load(x + i), by_low, fused(load(x_low + i), by, rest));
            store(high + i, sum_of(load(high + i), product, &lost));
            store(low + i, load(low + i) + (rest + lost));
        }
    }
    vector sum = load(squares);
    for (int64_t i = 0; i < TILE; i += LANES) {
        vector rest, lost, weight = load(w + i), value = sum_of_sorted(load(high + i), load(low + i), &rest);
        vector product = product_of(value, weight, &lost);
        sum += product * value;
        store(high + i, product);
        store(low + i, fused(rest, weight, lost));
    }
    store(squares, sum);
}

/* Add the products of column j with the residuals of target t to their sums. */
static void add_products(int64_t j, int64_t t, room *r) {
    const double *x = r->high + j * COLUMN, *x_low = r->low + j * COLUMN;
    const double *g = r->residual + t * COLUMN, *g_low = r->rest + t * COLUMN;
    vector sums[CHAINS] = {0}, rests[CHAINS] = {0};
    for (int64_t i = 0; i < TILE; i += CHAINS * LANES)
        for (int c = 0; c < CHAINS; c++) {
            int64_t at = i + c * LANES;
            vector rest, lost, product = product_of(load(x + at), load(g + at), &rest);
            rest = fused(load(x + at), load(g_low + at), fused(load(x_low + at), load(g + at), rest));
            sums[c] = sum_of(sums[c], product, &lost);
            rests[c] += rest + lost;
        }
    double *whole = r->sums + (j * r->m + t) * LANES, *rest_of_whole = r->rests + (j * r->m + t) * LANES;
    vector sum = load(whole), rest = load(rest_of_whole), lost;
    for (int c = 0; c < CHAINS; c++) {
        sum = sum_of(sum, sums[c], &lost);
        rest += rests[c] + lost;
    }
    store(whole, sum_of_sorted(sum, rest, &lost));
    store(rest_of_whole, lost);
}

/* What lanes hold, added up: the sum, and what rounding takes from it. */
static double over_lanes(const double *sums, const double *rests, double *rest) {
    double sum = 0, low = 0;
    for (int l = 0; l < LANES; l++) {
        double next = sum + sums[l], part = next - sum;
        low += ((sum - (next - part)) + (sums[l] - part)) + rests[l];
        sum = next;
    }
    double whole = sum + low;
    *rest = low - (whole - sum);
    return whole;
}

/* To `found` the sums Σ w·a·r (q, m) of rows with a = [s s·(u·x − c)] and r = s·(u·y − c) − a·θ in two parts, and Σ w·r²
   (m,). θ is (q, m) in two parts; u (k,) and s (n,) are powers of two; s and w are null for ones. `place` has the zeros
   that `gradient_room` counts, from the beginning of a line of memory on. */
void EXPORT(gradient)(const int64_t *addresses, const int64_t *lengths, const double *w, const double *scales,
                      const double *units, const double *center, const double *theta, double *found, double *place,
                      int64_t pieces, int64_t n, int64_t p, int64_t k, int64_t step, int64_t other_step) {
    table t = {addresses, lengths, pieces, n, p, k, step, other_step};
    room r = arranged(place, p, k - p);
    int64_t products = r.q * r.m, piece = 0, begin = 0;
    for (int64_t row = 0; row < n; row += TILE) {
        int64_t rows = TILE < n - row ? TILE : n - row, first = 0;
        double weights[TILE] = {0}, sizes[TILE] = {0};
        for (int64_t i = 0; i < rows; i++) {
            weights[i] = w ? w[row + i] : 1.0;
            sizes[i] = scales ? scales[row + i] : 1.0;
        }
        while (first < rows) {
            while (row + first >= begin + lengths[piece]) begin += lengths[piece++];
            int64_t here = row + first - begin, some = lengths[piece] - here;
            some = some < rows - first ? some : rows - first;
            copy(&t, piece, here, first, some, &r);
            first += some;
        }
        memcpy(r.high, sizes, sizeof sizes);
        for (int64_t j = 0; j < k; j++)
            prepare(r.high + (j + 1) * COLUMN, r.low + (j + 1) * COLUMN, units[j], center[j], sizes);
        for (int64_t target = 0; target < r.m; target++) {
            take_residuals(theta, theta + products, weights, target, &r);
            for (int64_t j = 0; j < r.q; j++) add_products(j, target, &r);
        }
    }
    for (int64_t i = 0; i < products; i++)
        found[i] = over_lanes(r.sums + i * LANES, r.rests + i * LANES, found + products + i);
    for (int64_t target = 0; target < r.m; target++) {
        double sum = 0;
        for (int l = 0; l < LANES; l++) sum += r.squares[target * LANES + l];
        found[2 * products + target] = sum;
    }
}
