/* Sums of numbers that are unevaluated sums of two; the twins are in `core.linalg.double_double.Doubled`. */

#include "pairs.h"

/* The sums (n,) of pairs a and b, operation by operation as the twin takes them; b's low parts may be null for zeros. */
void EXPORT(add_pairs)(const double *a, const double *a_low, const double *b, const double *b_low, double *sum,
                       double *sum_low, int64_t n) {
    double last[6][LANES] = {0};
    int64_t whole = n / LANES * LANES;
    for (int64_t i = 0; i < n; i += LANES) {
        const double *from[] = {a + i, a_low + i, b + i, b_low ? b_low + i : last[3]};
        double *to[] = {sum + i, sum_low + i};
        if (i == whole) {
            for (int j = 0; j < 4; j++) {
                memcpy(last[j], from[j], (n - i) * sizeof(double));
                from[j] = last[j];
            }
            to[0] = last[4];
            to[1] = last[5];
        }
        vector rest, low_rest, high = sum_of(load(from[0]), load(from[2]), &rest);
        vector low = sum_of(load(from[1]), load(from[3]), &low_rest);
        high = sum_of_sorted(high, rest + low, &rest);
        store(to[0], sum_of_sorted(high, rest + low_rest, &rest));
        store(to[1], rest);
    }
    memcpy(sum + whole, last[4], (n - whole) * sizeof(double));
    memcpy(sum_low + whole, last[5], (n - whole) * sizeof(double));
}

/* Add x·v to LANES pairs. */
INLINE void add_product(double *sum, double *sum_low, double x, const double *v) {
    vector lost, rest, product = product_of(spread(x), load(v), &lost), high = sum_of(load(sum), product, &rest);
    store(sum, sum_of_sorted(high, load(sum_low) + (rest + lost), &rest));
    store(sum_low, rest);
}

/* Add u·vᵀ to pairs (rows, columns), where they lie. */
void EXPORT(add_outer)(double *sum, double *sum_low, const double *u, const double *v, int64_t rows, int64_t columns) {
    for (int64_t i = 0; i < rows; i++, sum += columns, sum_low += columns)
        for (int64_t j = 0; j < columns; j += LANES) {
            if (j + LANES <= columns) {
                add_product(sum + j, sum_low + j, u[i], v + j);
                continue;
            }
            double last[3][LANES] = {0};
            size_t left = (columns - j) * sizeof(double);
            memcpy(last[0], sum + j, left);
            memcpy(last[1], sum_low + j, left);
            memcpy(last[2], v + j, left);
            add_product(last[0], last[1], u[i], last[2]);
            memcpy(sum + j, last[0], left);
            memcpy(sum_low + j, last[1], left);
        }
}
