/* Rows in panels of LANES columns, row after row, and the products of panels (Goto, van de Geijn 2008). */

#include "table.h"
#include "hashes.h"

#define TILE 128   /* rows that are packed together: three panels of them stay in the first cache */
#define SIDE 3     /* panels whose products with one number are summed together: LANES * SIDE registers hold them */
#define CHUNK 16   /* rows that are read side by side, panel after panel */
#define AHEAD 32   /* rows between sending for a line of memory and reading it, where rows lie one after the other */
#define AHEAD_IN_COLUMNS 128 /* and where every column has a line on its way */

/* Copy cells that do not lie side by side into a panel as they are: rows from `row` of a piece on, to the panel's from
   `first` on; zeros behind the last column. */
INLINE void copy(const table *t, int64_t piece, int64_t row, int64_t first, int64_t rows, int64_t column,
                 double *panel) {
    static const double zero = 0.0;
    const char *from[LANES];
    int64_t steps[LANES];
    for (int64_t l = 0; l < LANES; l++) {
        int64_t j = column + l;
        from[l] = j < t->k ? cell(t, piece, row, j) : (const char *)&zero;
        steps[l] = j >= t->k ? 0 : j < t->p ? t->step : t->other_step;
    }
    for (int64_t i = first; i < first + rows; i++) {
        for (int64_t l = 0; l < LANES; l++) {
            panel[i * LANES + l] = number(from[l]);
            from[l] += steps[l];
            if (i % 8 == 0) __builtin_prefetch(from[l] + AHEAD_IN_COLUMNS * sizeof(double));
        }
    }
}

INLINE int64_t panels_of(int64_t k) { return (k + LANES - 1) / LANES; }

/* Add the products of panel `left` with `many` panels from `right` on, `apart` numbers apart, over some rows, to sums in
   two parts: those of `flush` rows are added in registers, and what comes of them beside each other, before they go to
   the parts; of whole numbers they go there at once, without any rounding. */
INLINE void multiply(const double *left, const double *right, int64_t apart, int64_t rows, int64_t flush, int many,
                     int whole, double *high, double *low) {
    vector met[SIDE][LANES] = {0};
    for (int64_t first = 0; first < rows; first += flush) {
        vector sums[LANES][SIDE] = {0};
        int64_t end = flush < rows - first ? first + flush : rows;
        for (int64_t i = first; i < end; i++) {
            vector others[SIDE];
            for (int c = 0; c < many; c++) others[c] = load(right + c * apart + i * LANES);
            for (int l = 0; l < LANES; l++) {
                vector own = spread(left[i * LANES + l]);
                for (int c = 0; c < many; c++) sums[l][c] += own * others[c];
            }
        }
        for (int c = 0; c < many; c++)
            for (int l = 0; l < LANES; l++) {
                int64_t place = (c * LANES + l) * LANES;
                if (whole) add_whole(sums[l][c], high + place, low + place);
                else met[c][l] += sums[l][c];
            }
    }
    for (int c = 0; c < many && !whole; c++)
        for (int l = 0; l < LANES; l++) {
            int64_t place = (c * LANES + l) * LANES;
            add_in_parts(met[c][l], high + place, low + place);
        }
}

/* Some of the products of `count` panels with each other: those of `size` panels from `left` on with as many from `right`
   on, which are the same ones or come after them. */
typedef struct {
    int64_t count, left, right, size;
} products;

INLINE products all_of(int64_t count) { return (products){count, 0, 0, count}; }

/* Add them over some rows, TILE at the most, to blocks of LANES times LANES in rows of `size` blocks: three panels stay
   near while those before them pass by. */
INLINE void multiply_all(const double *panels, products of, int64_t rows, int64_t flush, int whole, double *high,
                         double *low) {
    int64_t apart = TILE * LANES, end = of.right + of.size < of.count ? of.right + of.size : of.count;
    for (int64_t right = of.right; right < end; right += SIDE)
        for (int64_t left = of.left; left < of.left + of.size && left < right + SIDE && left < end; left++) {
            int64_t from = left < right ? right : left, many = (right + SIDE < end ? right + SIDE : end) - from;
            const double *own = panels + left * apart, *others = panels + from * apart;
            int64_t place = ((left - of.left) * of.size + from - of.right) * LANES * LANES;
            double *h = high + place, *l = low + place;
            if (many == 1) multiply(own, others, apart, rows, flush, 1, whole, h, l);
            if (many == 2) multiply(own, others, apart, rows, flush, 2, whole, h, l);
            if (many == 3) multiply(own, others, apart, rows, flush, 3, whole, h, l);
        }
}

/* Write sums in such blocks to both halves of a matrix (k, k). */
INLINE void unpack(products of, int64_t k, const double *blocks, double *matrix) {
    for (int64_t left = 0; left < of.size; left++)
        for (int64_t right = 0; right < of.size; right++) {
            int64_t i = (of.left + left) * LANES, j = (of.right + right) * LANES;
            const double *block = blocks + (left * of.size + right) * LANES * LANES;
            for (int64_t a = i; a < i + LANES && a < k; a++)
                for (int64_t b = a < j ? j : a; b < j + LANES && b < k; b++)
                    matrix[a * k + b] = matrix[b * k + a] = block[(a - i) * LANES + b - j];
        }
}

/* Put the hashes of a tile's rows together, and make room for the next. */
INLINE uint64_t hashed_tile(int64_t rows, const double *w, uint64_t weight_factor, uint64_t *hashes) {
    uint64_t total = 0;
    for (int64_t i = 0; i < rows; i++) {
        uint64_t bits = SEED;
        for (int l = 0; l < LANES; l++) bits += hashes[i * LANES + l];
        if (w) bits += bits_of(w[i]) * weight_factor;
        total += mixed(bits);
    }
    memset(hashes, 0, TILE * sizeof(words));
    return total;
}
