/* The Gram matrix of rows around a shift, with their ranges and hashes, in one pass of memory.

   A tile of rows is packed into panels, LANES columns each and row after row, which stay in cache; a panel's numbers,
   one by one, times the vectors of three others add up in registers (Goto, van de Geijn 2008). Of many columns the
   products are taken square by square, whose sums stay in cache while all rows pass by. What comes of FLUSH rows
   is added up over TILE rows, and that to what came of those before as an unevaluated sum of two numbers, so rounding does
   not grow with the rows, however often they repeat. The twin is `moments.gram._in_numpy`. */

#include "panels.h"

#define SAMPLE 128 /* rows that say near enough where the mean is: each is a line of memory for every column */
#define MANY 512   /* columns from which on all rows are packed first: their sums of products stay in no cache together */
#define SQUARE 144 /* columns of which the products with as many others do, beside a tile of the rows of both */
#define FLUSH 32   /* rows whose products are added one by one: each passes so many roundings, and TILE / FLUSH after */

/* What is at work on: packed panels tile by tile, products of some as unevaluated sums, and by column the shift, the
   multipliers of hashes, least and greatest value, and the sum in two parts. */
typedef struct {
    double *panels, *high, *low, *shift, *least, *most, *total, *rest, *roots;
    uint64_t *factors, *hashes;
    int64_t count, side, k; /* panels, as many of them as are multiplied with as many together, and columns */
} room;

/* The mean (k,) of rows that are spread evenly. */
static void take_mean(const table *t, double *mean) {
    int64_t apart = (t->rows + SAMPLE - 1) / SAMPLE, many = (t->rows + apart - 1) / apart;
    for (int64_t i = 0, piece = 0, begin = 0; i < many; i++) {
        while (i * apart >= begin + t->lengths[piece]) begin += t->lengths[piece++];
        for (int64_t j = 0; j < t->k; j++) mean[j] += number(cell(t, piece, i * apart - begin, j));
    }
    for (int64_t j = 0; j < t->k; j++) mean[j] /= many;
}

/* Take `rows` rows of LANES cells, FLUSH at the most, `step` bytes apart from `x` on, into a panel from row `first` of
   the tile on, less their shift and times the roots of their weights; see to ranges, sums and hashes on the way. */
INLINE void take(const char *x, int64_t step, double *panel, int64_t first, int64_t rows, int weighted, room *r,
                 int64_t column) {
    vector shift = load(r->shift + column), least = load(r->least + column), most = load(r->most + column);
    vector sum = {0};
    words factors;
    memcpy(&factors, r->factors + column, sizeof factors);
    for (int64_t i = first; i < first + rows; i++, x += step) {
        vector value = load(x), z = value - shift;
        __builtin_prefetch(x + AHEAD * step);
        words bits = (words)(value + 0.0), hash;
        memcpy(&hash, r->hashes + i * LANES, sizeof hash);
        hash += (bits ^ (bits >> 32)) * factors;
        memcpy(r->hashes + i * LANES, &hash, sizeof hash);
        least = smaller(value, least);
        most = larger(value, most);
        if (weighted) {
            vector root = spread(r->roots[i]);
            z *= root;
            sum += z * root;
        } else {
            sum += z;
        }
        store(panel + i * LANES, z);
    }
    store(r->least + column, least);
    store(r->most + column, most);
    add_in_parts(sum, r->total + column, r->rest + column);
}

/* Pack rows that lie one after the other in memory, chunk by chunk of them. */
INLINE void pack_rows(const table *t, int64_t row, int64_t rows, int weighted, room *r) {
    for (int64_t first = 0; first < rows; first += CHUNK) {
        int64_t some = CHUNK < rows - first ? CHUNK : rows - first;
        for (int64_t panel = 0; panel < r->count; panel++) {
            int64_t column = panel * LANES;
            double *packed = r->panels + panel * TILE * LANES;
            if (column + LANES <= t->p || (column >= t->p && column + LANES <= t->k)) {
                int64_t step = column < t->p ? t->step : t->other_step;
                take(cell(t, 0, row + first, column), step, packed, first, some, weighted, r, column);
            } else {
                copy(t, 0, row + first, first, some, column, packed);
                take((const char *)(packed + first * LANES), sizeof(vector), packed, first, some, weighted, r, column);
            }
        }
    }
}

/* Pack rows of columns that lie in several pieces; `piece` and `begin` move on. */
INLINE void pack_columns(const table *t, int64_t row, int64_t rows, int weighted, room *r, int64_t *piece,
                         int64_t *begin) {
    int64_t first = 0;
    while (first < rows) {
        while (row + first >= *begin + t->lengths[*piece]) *begin += t->lengths[(*piece)++];
        int64_t here = row + first - *begin, some = t->lengths[*piece] - here;
        some = some < rows - first ? some : rows - first;
        for (int64_t panel = 0; panel < r->count; panel++)
            copy(t, *piece, here, first, some, panel * LANES, r->panels + panel * TILE * LANES);
        first += some;
    }
    for (int64_t panel = 0; panel < r->count; panel++) {
        double *packed = r->panels + panel * TILE * LANES;
        for (first = 0; first < rows; first += FLUSH) {
            int64_t some = FLUSH < rows - first ? FLUSH : rows - first;
            take((const char *)(packed + first * LANES), sizeof(vector), packed, first, some, weighted, r, panel * LANES);
        }
    }
}

static int64_t side_of(int64_t k) { return k < MANY ? panels_of(k) : SQUARE / LANES; }

/* How many rows are packed before their products are added up. */
static int64_t packed_of(int64_t n, int64_t k) { return k < MANY ? TILE : (n + TILE - 1) / TILE * TILE; }

/* How many numbers the room of `gram` holds. */
int64_t EXPORT(gram_room)(int64_t n, int64_t k) {
    int64_t columns = panels_of(k) * LANES, side = side_of(k) * LANES;
    return columns * packed_of(n, k) + 2 * side * side + 6 * columns + TILE + TILE * LANES;
}

static room arranged(double *place, int64_t n, int64_t k) {
    room r = {.count = panels_of(k), .side = side_of(k), .k = k};
    int64_t columns = r.count * LANES, products = r.side * r.side * LANES * LANES;
    double **parts[] = {&r.panels, &r.high, &r.low, &r.shift, &r.least, &r.most, &r.total, &r.rest};
    int64_t sizes[] = {columns * packed_of(n, k), products, products, columns, columns, columns, columns, columns};
    for (int i = 0; i < 8; place += sizes[i++]) *parts[i] = place;
    r.factors = (uint64_t *)place;
    r.hashes = (uint64_t *)(place + columns);
    r.roots = place + columns + TILE * LANES;
    for (int64_t j = 0; j < columns; j++) {
        r.least[j] = INFINITY;
        r.most[j] = -INFINITY;
        r.factors[j] = j < k ? multiplier(j) : 0;
    }
    return r;
}

/* Add up the products of packed rows, square by square; those of all rows go to `found` and make room for the next
   square. Where the rows are packed tile by tile there is one square. */
static void multiply_squares(room *r, int64_t rows, int last, double *found) {
    int64_t size = r->side * r->side * LANES * LANES * sizeof(double);
    for (int64_t right = 0; right < r->count; right += r->side)
        for (int64_t left = 0; left <= right; left += r->side) {
            products of = {r->count, left, right, r->side};
            for (int64_t first = 0; first < rows; first += TILE) {
                int64_t some = TILE < rows - first ? TILE : rows - first;
                multiply_all(r->panels + first * r->count * LANES, of, some, FLUSH, 0, r->high, r->low);
            }
            if (!last) continue;
            unpack(of, r->k, r->high, found + 5 * r->k);
            unpack(of, r->k, r->low, found + (5 + r->k) * r->k);
            memset(r->high, 0, size);
            memset(r->low, 0, size);
        }
}

/* Sum up rows z = [x y] with weights w, or of one each where w is null, to `found` (5 + 2k, k): a shift near their
   mean, least z, greatest z, Σ w·(z − shift) in two parts, and Σ w·(z − shift)(z − shift)ᵀ in two parts; return the sum
   of the rows' hashes. What is not finite in z is not finite in the sum. `place` has the zeros that `gram_room` counts,
   from the beginning of a line of memory on. */
uint64_t EXPORT(gram)(const int64_t *addresses, const int64_t *lengths, const double *w, double *found, double *place,
                      int64_t pieces, int64_t n, int64_t p, int64_t k, int64_t step, int64_t other_step) {
    table t = {addresses, lengths, pieces, n, p, k, step, other_step};
    room r = arranged(place, n, k);
    uint64_t total = 0, weight_factor = multiplier(k);
    int64_t piece = 0, begin = 0, packed = packed_of(n, k);
    double *panels = r.panels;
    take_mean(&t, r.shift);
    for (int64_t row = 0; row < n; row += TILE) {
        int64_t rows = TILE < n - row ? TILE : n - row, before = row % packed;
        r.panels = panels + before * r.count * LANES;
        if (w)
            for (int64_t i = 0; i < rows; i++) r.roots[i] = sqrt(w[row + i]);
        if (by_rows(&t) && w) pack_rows(&t, row, rows, 1, &r);
        else if (by_rows(&t)) pack_rows(&t, row, rows, 0, &r);
        else if (w) pack_columns(&t, row, rows, 1, &r, &piece, &begin);
        else pack_columns(&t, row, rows, 0, &r, &piece, &begin);
        total += hashed_tile(rows, w ? w + row : 0, weight_factor, r.hashes);
        r.panels = panels;
        if (before + TILE == packed || row + rows == n) multiply_squares(&r, before + rows, row + rows == n, found);
    }
    double *of_columns[] = {r.shift, r.least, r.most, r.total, r.rest};
    for (int i = 0; i < 5; i++) memcpy(found + i * k, of_columns[i], k * sizeof(double));
    return total;
}

/* The sum modulo 2^64 of the hashes of rows X (n, p), Y (n, m) and, unless null, w (n,); `factors` is room for as many
   numbers as there are columns. */
uint64_t EXPORT(hashed)(const double *X, const double *Y, const double *w, uint64_t *factors, int64_t n, int64_t p,
                        int64_t m) {
    uint64_t total = 0;
    for (int64_t j = 0; j <= p + m; j++) factors[j] = multiplier(j);
    for (int64_t i = 0; i < n; i++) {
        uint64_t bits = SEED;
        for (int64_t j = 0; j < p; j++) bits += bits_of(X[i * p + j]) * factors[j];
        for (int64_t t = 0; t < m; t++) bits += bits_of(Y[i * m + t]) * factors[p + t];
        if (w) bits += bits_of(w[i]) * factors[p + m];
        total += mixed(bits);
    }
    return total;
}
