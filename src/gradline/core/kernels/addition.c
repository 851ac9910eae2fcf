/* Sums of numbers that are unevaluated sums of two; the twin is `core.linalg.double_double.Doubled.plus`. */

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
