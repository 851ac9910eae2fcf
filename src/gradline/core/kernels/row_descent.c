/* Stochastic gradient descent row by row, as scikit-learn's SGDRegressor goes; the twin is in `solvers.row_descent`. */

#include "vectors.h"

/* Losses of a row, by their number: half the square, Huber, |r| beyond epsilon, and the square of that. */
enum { SQUARED, HUBER, INSENSITIVE, SQUARED_INSENSITIVE };

/* The derivative by the prediction; r = prediction − target. */
INLINE double slope_of(int64_t loss, double epsilon, double r) {
    double size = r < 0 ? -r : r, side = r < 0 ? -1 : 1;
    if (loss == SQUARED) return r;
    if (loss == HUBER) return size <= epsilon ? r : side * epsilon;
    if (!(size > epsilon)) return r == r ? 0 : r;
    return loss == INSENSITIVE ? side : side * 2 * (size - epsilon);
}

INLINE double loss_of(int64_t loss, double epsilon, double r) {
    double size = r < 0 ? -r : r, beyond = size > epsilon ? size - epsilon : r == r ? 0 : r;
    if (loss == SQUARED) return r * r / 2;
    if (loss == HUBER) return size <= epsilon ? r * r / 2 : epsilon * (size - epsilon / 2);
    return loss == INSENSITIVE ? beyond : beyond * beyond;
}

/* One pass over `count` rows of X (·, p), whose numbers are in `order`, with targets y and weights u.

   `state` holds the weights (p,), what l1 has taken of each (p,), their mean (p,), and then the intercept, its mean, the
   number t of the coming row, what l1 may have taken of each, and the sums of the squares and of the sizes of the
   weights, as scikit-learn keeps them: without what l1 took last. `set` holds eta, the power of t that it is divided by,
   or, where that is negative, alpha and the t at which eta = 1/(alpha·t) begins; then l1 and curvature of the penalty,
   epsilon, whether there is an intercept, and from which t on the mean counts, 0 for none. Returns the sum of losses and penalties. */
double EXPORT(row_descent)(const double *X, const double *y, const double *u, const int64_t *order, double *state,
                           const double *set, int64_t count, int64_t p, int64_t loss) {
    double *w = state, *taken = w + p, *mean = taken + p, *last = mean + p, total = 0;
    double power = set[1], alpha = set[2], first = set[3], l1 = set[4], curvature = set[5], epsilon = set[6];
    for (int64_t i = 0; i < count; i++) {
        const double *x = X + order[i] * p;
        double r = dot(x, w, p) + last[0] - y[order[i]], sizes = 0, t = last[2];
        total += loss_of(loss, epsilon, r) + curvature / 2 * last[4] + l1 * last[5];
        double eta = power < 0 ? 1 / (alpha * (first + t - 1)) : power > 0 ? set[0] / pow(t, power) : set[0];
        double slope = slope_of(loss, epsilon, r);
        slope = slope > 1e12 ? 1e12 : slope < -1e12 ? -1e12 : slope; /* as in scikit-learn */
        double step = -eta * slope * u[order[i]], kept = 1 - eta * curvature;
        kept = kept < 0 ? 0 : kept;
        for (int64_t j = 0; j < p; j++) w[j] = kept * w[j] + step * x[j];
        if (curvature > 0) last[4] = step == 0 ? kept * kept * last[4] : dot(w, w, p);
        if (l1 > 0) {
            for (int64_t j = 0; j < p; j++) sizes += w[j] < 0 ? -w[j] : w[j];
            last[5] = step == 0 ? kept * last[5] : sizes;
        }
        if (set[7] != 0) last[0] += step;
        if (l1 > 0) {
            last[3] += eta * l1;
            for (int64_t j = 0; j < p; j++) {
                double before = w[j];
                if (before > 0) {
                    w[j] = before - (last[3] + taken[j]);
                    w[j] = w[j] < 0 ? 0 : w[j];
                } else if (before < 0) {
                    w[j] = before + (last[3] - taken[j]);
                    w[j] = w[j] > 0 ? 0 : w[j];
                }
                taken[j] += w[j] - before;
            }
        }
        if (set[8] > 0 && set[8] <= t) {
            double share = 1 / (t - set[8] + 1);
            for (int64_t j = 0; j < p; j++) mean[j] += (w[j] - mean[j]) * share;
            last[1] += (last[0] - last[1]) * share;
        }
        last[2] += 1;
    }
    return total;
}
