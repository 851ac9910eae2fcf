/* R of few rows around their mean, with their ranges, means and hashes, by Householder QR.

   Rows lie in pieces, each column by column, that stay in cache while they are reduced; the factors of the pieces are
   rows again, and reduced in the same way (Demmel, Grigori, Hoemmen, Langou 2012), so the sums in a reflection have few
   terms, and rounding does not grow with the rows. Columns are in units, powers of two, in which no cell is above one:
   no square leaves float64. The twin is `moments.block_factor._in_numpy`. */

#include "table.h"
#include "hashes.h"

#define FEWEST 128 /* rows of a piece, and four times as many as there are columns of many */
#define TOGETHER 4 /* columns that are reflected side by side */

/* What is at work on: pieces of `length` rows, the weights of all rows and their roots, the rows' hashes and the normal
   vector of a reflection for one piece, a factor, and by column the sum in two parts and the unit. */
typedef struct {
    double *cells, *weights, *roots, *normal, *corner, *high, *low, *units;
    uint64_t *hashes;
    int64_t rows, k, length, count;
} pieces;

static int64_t length_of(int64_t k) { return (4 * k < FEWEST ? FEWEST : 4 * k + LANES - 1) / LANES * LANES; }

static int64_t count_of(int64_t rows, int64_t length) { return (rows + length - 1) / length; }

/* How many numbers the room of `factor` holds. */
int64_t EXPORT(factor_room)(int64_t n, int64_t k) {
    int64_t length = length_of(k);
    return (count_of(n, length) * (k + 2) + 2) * length + k * k + 3 * k;
}

static pieces arranged(double *place, int64_t n, int64_t k) {
    pieces p = {.cells = place, .rows = n, .k = k, .length = length_of(k)};
    p.count = count_of(n, p.length);
    p.weights = place + p.count * p.length * k;
    p.roots = p.weights + p.count * p.length;
    p.normal = p.roots + p.count * p.length;
    p.hashes = (uint64_t *)(p.normal + p.length);
    p.corner = p.normal + 2 * p.length;
    p.high = p.corner + k * k;
    p.low = p.high + k;
    p.units = p.low + k;
    return p;
}

INLINE double *column_of(const pieces *p, int64_t piece, int64_t j) { return p->cells + (piece * p->k + j) * p->length; }

/* How many rows a piece has, and the vectors that hold them. */
INLINE int64_t rows_of(const pieces *p, int64_t piece) {
    int64_t left = p->rows - piece * p->length;
    return left < p->length ? left : p->length;
}

INLINE int64_t filled(int64_t rows) { return (rows + LANES - 1) / LANES * LANES; }

INLINE double added(vector v) {
    double sum = 0;
    for (int l = 0; l < LANES; l++) sum += v[l];
    return sum;
}

/* Fetch a column of a piece, behind its last row that row again; see to its range and the rows' hashes. */
static void fetch(const pieces *p, const table *t, int64_t piece, int64_t j, double *least, double *most) {
    int64_t rows = rows_of(p, piece), step = j < t->p ? t->step : t->other_step;
    double *to = column_of(p, piece, j);
    const char *from = cell(t, 0, piece * p->length, j);
    for (int64_t i = 0; i < rows; i++) to[i] = number(from + i * step);
    for (int64_t i = rows; i < filled(rows); i++) to[i] = to[rows - 1];
    vector low = spread(*least), high = spread(*most);
    words factor = multiplier(j) - (words){0};
    for (int64_t i = 0; i < rows; i += LANES) {
        vector value = load(to + i);
        words bits = (words)(value + 0.0), hash;
        memcpy(&hash, p->hashes + i, sizeof hash);
        hash += (bits ^ (bits >> 32)) * factor;
        memcpy(p->hashes + i, &hash, sizeof hash);
        low = smaller(value, low);
        high = larger(value, high);
    }
    for (int l = 0; l < LANES; l++) {
        if (low[l] < *least) *least = low[l];
        if (high[l] > *most) *most = high[l];
    }
}

static uint64_t hashed_rows(const pieces *p, int64_t piece, int weighted) {
    uint64_t total = 0, factor = multiplier(p->k);
    for (int64_t i = 0; i < rows_of(p, piece); i++)
        total += mixed(p->hashes[i] + SEED + (weighted ? bits_of(p->weights[piece * p->length + i]) * factor : 0));
    memset(p->hashes, 0, p->length * sizeof(uint64_t));
    return total;
}

/* Take `shift` from a column of a piece, and tell the weighted sum of what is left. */
static double shifted_sum(const pieces *p, int64_t piece, int64_t j, double shift) {
    double *at = column_of(p, piece, j), *weights = p->weights + piece * p->length;
    vector sum = {0}, by = spread(shift);
    for (int64_t i = 0; i < rows_of(p, piece); i += LANES) {
        vector value = load(at + i) - by;
        store(at + i, value);
        sum += value * load(weights + i);
    }
    return added(sum);
}

/* Bring a column of a piece into its unit, times the roots of the weights. */
static void weigh(const pieces *p, int64_t piece, int64_t j, double rest, double unit) {
    double *at = column_of(p, piece, j), *roots = p->roots + piece * p->length;
    vector by = spread(rest), times = spread(unit);
    for (int64_t i = 0; i < rows_of(p, piece); i += LANES) store(at + i, (load(at + i) - by) * times * load(roots + i));
}

/* Add x to a sum in two parts (Knuth 1969). */
INLINE void add(double x, double *high, double *low) {
    double s = *high + x, part = s - *high;
    *low += (*high - (s - part)) + (x - part);
    *high = s;
}

/* Turn columns from one on against the normal vector of a reflection: c - (v*c)/half*v, from row `from` on. */
INLINE void reflect(double *column, int64_t apart, int many, const double *normal, int64_t from, int64_t rows, double half) {
    vector sums[TOGETHER] = {0};
    for (int64_t i = from; i < rows; i += LANES)
        for (int c = 0; c < many; c++) sums[c] += load(normal + i) * load(column + c * apart + i);
    vector along[TOGETHER];
    for (int c = 0; c < many; c++) along[c] = spread(added(sums[c]) / half);
    for (int64_t i = from; i < rows; i += LANES)
        for (int c = 0; c < many; c++) {
            double *at = column + c * apart + i;
            store(at, load(at) - along[c] * load(normal + i));
        }
}

/* Reduce a piece to R in its first rows; below the diagonal anything is left. */
static void reduce(const pieces *p, int64_t piece) {
    int64_t rows = filled(rows_of(p, piece)), k = p->k, apart = p->length;
    for (int64_t j = 0; j < k && j < rows; j++) {
        double *own = column_of(p, piece, j), *normal = p->normal;
        int64_t from = j / LANES * LANES;
        vector squares = {0};
        for (int64_t i = from; i < j; i++) normal[i] = 0;
        for (int64_t i = j; i < rows; i++) normal[i] = own[i];
        for (int64_t i = from; i < rows; i += LANES) squares += load(normal + i) * load(normal + i);
        double norm = sqrt(added(squares)), first = own[j];
        own[j] = first > 0 ? -norm : norm;
        if (!(norm > 0)) continue;
        normal[j] = first - own[j];
        double half = norm * (norm + fabs(first));
        for (int64_t c = j + 1; c < k; c += TOGETHER) {
            double *others = column_of(p, piece, c);
            if (k - c >= 4) reflect(others, apart, 4, normal, from, rows, half);
            else if (k - c == 3) reflect(others, apart, 3, normal, from, rows, half);
            else if (k - c == 2) reflect(others, apart, 2, normal, from, rows, half);
            else reflect(others, apart, 1, normal, from, rows, half);
        }
    }
}

/* Take R of a piece, its diagonal not negative, to `corner` (k, k). */
static void take_corner(const pieces *p, int64_t piece) {
    int64_t k = p->k, rows = filled(rows_of(p, piece));
    for (int64_t i = 0; i < k; i++)
        for (int64_t j = 0; j < k; j++) {
            int is_inside = i < rows && j >= i;
            double sign = is_inside && column_of(p, piece, i)[i] < 0 ? -1.0 : 1.0;
            p->corner[i * k + j] = is_inside ? sign * column_of(p, piece, j)[i] : 0.0;
        }
}

/* Reduce all pieces, and put what comes of them where the first of them lay, as the rows of fewer pieces. */
static void reduce_all(pieces *p) {
    int64_t k = p->k, rows = p->count * k, count = count_of(rows, p->length);
    for (int64_t piece = 0; piece < p->count; piece++) {
        reduce(p, piece);
        take_corner(p, piece);
        for (int64_t i = 0; i < k; i++)
            for (int64_t j = 0, row = piece * k + i; j < k; j++)
                column_of(p, row / p->length, j)[row % p->length] = p->corner[i * k + j];
    }
    for (int64_t row = rows; row < count * p->length; row++)
        for (int64_t j = 0; j < k; j++) column_of(p, row / p->length, j)[row % p->length] = 0;
    p->rows = rows;
    p->count = count;
}

/* Take rows and their weights from where they lie, with ranges, sums and hashes of theirs. */
static uint64_t take(const pieces *p, const table *t, const double *w, double *least, double *most, double *sum) {
    uint64_t total = 0;
    for (int64_t i = 0; i < p->rows; i++) p->weights[i] = w ? w[i] : 1.0;
    for (int64_t i = 0; i < p->rows; i++) p->roots[i] = w ? sqrt(w[i]) : 1.0;
    for (int64_t j = 0; j < p->k; j++) {
        least[j] = INFINITY;
        most[j] = -INFINITY;
    }
    for (int64_t piece = 0; piece < p->count; piece++) {
        for (int64_t j = 0; j < p->k; j++) {
            fetch(p, t, piece, j, least + j, most + j);
            sum[j] += shifted_sum(p, piece, j, 0.0);
        }
        total += hashed_rows(p, piece, w != 0);
    }
    return total;
}

/* The unit of a column whose cells are up to `size` from their mean; a constant column becomes zeros. */
static double unit_of(double size) {
    int exponent;
    frexp(size, &exponent);
    return size > 0 ? ldexp(1.0, exponent < -1000 ? 1000 : -exponent) : 0.0;
}

/* Sum up rows z = [x y], which lie in one piece, more than there are columns, with weights w that add up to
   `weight_sum`, or of one each where w is null, to `found` (4 + k, k): least z, greatest z, mean in two parts, and R of
   the rows around it times the roots of their weights; return the sum of the rows' hashes. What is not finite in z is not
   finite in the mean. `place` has the zeros that `factor_room` counts, from the beginning of a line of memory on. */
uint64_t EXPORT(factor)(const int64_t *addresses, const double *w, double *found, double *place, int64_t n, int64_t p,
                        int64_t k, int64_t step, int64_t other_step, double weight_sum) {
    table t = {.addresses = addresses, .rows = n, .p = p, .k = k, .step = step, .other_step = other_step};
    pieces all = arranged(place, n, k);
    double *least = found, *most = found + k, *mean = found + 2 * k, *rest = found + 3 * k;
    uint64_t hashes = take(&all, &t, w, least, most, mean);
    for (int64_t j = 0; j < k; j++) mean[j] = least[j] == most[j] ? least[j] : mean[j] / weight_sum;
    for (int64_t piece = 0; piece < all.count; piece++)
        for (int64_t j = 0; j < k; j++) add(shifted_sum(&all, piece, j, mean[j]), all.high + j, all.low + j);
    for (int64_t j = 0; j < k; j++) {
        rest[j] = (all.high[j] + all.low[j]) / weight_sum;
        double up = most[j] - mean[j], down = mean[j] - least[j];
        all.units[j] = unit_of(least[j] == most[j] ? 0.0 : up > down ? up : down);
    }
    for (int64_t piece = 0; piece < all.count; piece++)
        for (int64_t j = 0; j < k; j++) weigh(&all, piece, j, rest[j], all.units[j]);
    for (int64_t before = 2; before > 1;) {
        before = all.count;
        reduce_all(&all);
    }
    for (int64_t i = 0; i < k; i++)
        for (int64_t j = i; j < k; j++)
            found[(4 + i) * k + j] = all.units[j] > 0 ? column_of(&all, 0, j)[i] / all.units[j] : 0.0;
    for (int64_t j = 0; j < k; j++) {
        double step = rest[j];
        rest[j] = 0;
        add(step, mean + j, rest + j);
    }
    return hashes;
}
