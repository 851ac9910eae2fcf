/* Coordinate descent for ½‖b − A·w‖² + Σ l1·|w| + curvature/2·w², low ≤ w ≤ high; the twin is in `solvers.descent`. */

#include "vectors.h"

/* Up to `sweeps` of them over `count` coordinates, whose numbers are in `order`, until one moves no coordinate's
   (‖aⱼ‖·step)² by more than `least`. The columns (k, n) of A lie one after another with their `squares` (k,); `residual`
   (n,) is b − A·w. What is told of each of `p` weights stands in the rows of `told` (4, p): l1, curvature, low, high.
   Returns the largest (‖aⱼ‖·step)² of the last sweep. */
double EXPORT(descend)(const double *columns, const double *squares, double *w, double *residual, const int64_t *order,
                       const double *told, int64_t count, int64_t n, int64_t p, int64_t sweeps, double least) {
    const double *l1 = told, *curvature = told + p, *low = told + 2 * p, *high = told + 3 * p;
    double largest = 0.0;
    for (int64_t sweep = 0; sweep < sweeps; sweep++) {
        largest = 0.0;
        for (int64_t i = 0; i < count; i++) {
            int64_t j = order[i];
            const double *column = columns + j * n;
            if (squares[j] == 0.0)
                continue;
            double slope = squares[j] * w[j] + dot(column, residual, n), size = slope < 0.0 ? -slope : slope;
            double next = size > l1[j] ? (size - l1[j]) / (squares[j] + curvature[j]) : 0.0;
            if (slope < 0.0 && next != 0.0)
                next = -next;
            next = next < low[j] ? low[j] : next > high[j] ? high[j] : next;
            double step = next - w[j];
            if (step == 0.0)
                continue;
            w[j] = next;
            for (int64_t r = 0; r < n; r++)
                residual[r] -= step * column[r];
            double moved = step * step * squares[j];
            largest = moved > largest ? moved : largest;
        }
        if (largest <= least)
            break;
    }
    return largest;
}

/* The slopes of `count` of the columns, by their numbers: slope[j] = aⱼ·residual. */
void EXPORT(slopes)(const double *columns, const double *residual, const int64_t *order, double *slope, int64_t count,
                    int64_t n) {
    for (int64_t i = 0; i < count; i++)
        slope[order[i]] = dot(columns + order[i] * n, residual, n);
}
