/* Newton's steps over rows in memory to the least-squares answer, with bounds on how far it may still be off.

   The formulas are those of `moments.newton`, whose `_by_steps` is the twin; what stands there is derived there. */

#include "gradient.h"

#define PASSES 12
#define LARGEST_CONTRACTION 0.3
#define UNIT 0x1p-53
#define ROUNDING 0x1p-106 /* of pairs */
#define ZERO 1e-15        /* of what the targets could make a coefficient, which is rounding */
#define TINY 0x1p-1021    /* below it float64 holds numbers to less than 53 bits, in steps of LEAST */
#define LEAST 0x1p-1074

/* Sizes: p features, m targets, q = p + 1 rows of θ, s = p + bias coefficients. From Python: the `inverse` (s, s) of the
   factor, `lengths` (s,), `sizes` (p + m,), `variation` (m,), `center` (p + m,), the `exponents` (p + m,) of the units,
   and coefficients `raw` (s, m) as the start. To Python: those at the end, θ (q, m) there in two parts, `bound` and
   `squares` (m,), and by how much the squares at the start are above these, `gap` (m,); and the `answer`. On the way: sums (q, m) in two parts and squares (m,) of the
   gradient, those at the `first` step with θ there, corrections `along` (s, m), how far they go and their noise (m,), and
   numbers to be added up. */
typedef struct {
    int64_t p, m, q, s, rows;
    const double *inverse, *lengths, *sizes, *variation, *center, *exponents;
    double weight_sum, smallest, share;
    double *theta, *raw, *bound, *squares, *gap, *answer, *first, *start, *gradient, *along, *moves, *noise, *terms;
    int passes;
} state;

INLINE double plus(double a, double b, double *rest) {
    double s = a + b, part = s - a;
    *rest = (a - (s - part)) + (b - part);
    return s;
}

/* The sum of numbers, rounded once (Shewchuk 1997), as `math.fsum` has it; behind them is room for one more than there
   are. */
static double summed(double *numbers, int64_t count) {
    double *parts = numbers + count;
    int64_t held = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t kept = 0;
        double sum = numbers[i];
        for (int64_t j = 0; j < held; j++) {
            double rest;
            sum = plus(sum, parts[j], &rest);
            if (rest != 0) parts[kept++] = rest;
        }
        parts[kept++] = sum;
        held = kept;
    }
    double rest = 0, sum = parts[--held];
    while (held > 0 && rest == 0) sum = plus(sum, parts[--held], &rest);
    if (held > 0 && rest != 0 && (rest < 0) == (parts[held - 1] < 0)) { /* beyond half way to the next number, or not */
        double next = sum + 2 * rest;
        if (next - sum == 2 * rest) sum = next;
    }
    return sum;
}

/* Coefficients of A from those of [1 X] or X: what these predict at the center, less the targets' own, as a pair. */
static void take_theta(state *n, int64_t t) {
    int64_t m = n->m, above = n->s - n->p;
    double *high = n->theta + t, *low = high + n->q * m, *term = n->terms;
    const double *from = n->raw + t;
    for (int64_t j = 1; j < n->q; j++) {
        double slope = from[(j - 1 + above) * m], at = n->center[j - 1], product = slope * at;
        high[j * m] = slope;
        low[j * m] = 0;
        *term++ = product;
        *term++ = fma(slope, at, -product);
    }
    high[0] = low[0] = 0;
    if (!above) return;
    *term++ = from[0];
    *term++ = -n->center[n->p + t];
    high[0] = summed(n->terms, term - n->terms);
    *term++ = -high[0];
    low[0] = summed(n->terms, term - n->terms);
}

/* Coefficients of [1 X] or X from those of A: the bias is what is left at the origin. */
static void take_raw(state *n, int64_t t) {
    const double *high = n->theta + t, *low = high + n->q * n->m;
    double *to = n->raw + t;
    if (n->s == n->q) {
        double *term = n->terms;
        for (int64_t j = 1; j < n->q; j++) {
            double slope = high[j * n->m], away = -n->center[j - 1], product = slope * away;
            *term++ = product;
            *term++ = fma(slope, away, -product);
            *term++ = low[j * n->m] * away;
        }
        *term++ = n->center[n->p + t];
        *term++ = high[0];
        *term++ = low[0];
        *to = summed(n->terms, term - n->terms);
        to += n->m;
    }
    for (int64_t j = 1; j < n->q; j++, to += n->m) *to = high[j * n->m];
}

/* Move θ of target t as the gradient asks for, and say how far that is, and how far the sums may be off. */
static void correct(state *n, int64_t t) {
    int64_t m = n->m, s = n->s, first = n->q - s, products = n->q * m;
    const double *sums = n->gradient + first * m + t, *rests = sums + products;
    double *high = n->theta + t, *low = high + products, square = 0, made_of = 0;
    for (int64_t i = 0; i < s; i++) {
        double sum = 0;
        for (int64_t j = 0; j < s; j++) sum += n->inverse[j * s + i] * (sums[j * m] + rests[j * m]);
        n->along[i] = sum;
        square += sum * sum;
    }
    for (int64_t j = 1; j < n->q; j++) made_of += n->sizes[j - 1] * fabs(high[j * m]);
    made_of += n->sizes[n->p + t] + fabs(high[0]);
    for (int64_t i = 0; i < s; i++) {
        double change = 0, lost, *at = high + (first + i) * m, *rest = low + (first + i) * m;
        for (int64_t j = 0; j < s; j++) change += n->inverse[i * s + j] * n->along[j];
        double sum = plus(*at, change, &lost), whole = sum + (lost + *rest);
        *rest = (lost + *rest) - (whole - sum);
        *at = whole;
    }
    double found = n->gradient[2 * products + t], left = found - square;
    double residuals = (n->q * n->q + 16) * made_of * sqrt(n->weight_sum);
    double rounded = (256 + n->rows / 8.0) * sqrt(found) * sqrt(n->q) / n->smallest;
    n->noise[t] = ROUNDING * (residuals + rounded);
    n->moves[n->passes * m + t] = sqrt(square);
    n->squares[t] = left < 0 ? 0 : left;
    take_raw(n, t);
}

/* The slowest shrinking from one correction to the next, but for what is noise. */
static double measured(const state *n) {
    double slowest = n->passes ? 0 : 0.99;
    for (int64_t i = 0; i < n->passes * n->m; i++) {
        double before = n->moves[i], ratio = before > 8 * n->noise[i % n->m] ? n->moves[i + n->m] / before : 0;
        if (!(ratio <= slowest)) slowest = ratio <= 0.99 ? ratio : 0.99;
    }
    return slowest;
}

/* Whether corrections have come to their end: none has halved. */
static int is_stuck(const state *n) {
    const double *last = n->moves + n->passes * n->m;
    for (int64_t t = 0; t < n->m && n->passes; t++)
        if (last[t] < last[t - n->m] / 2) return 0;
    return n->passes > 0;
}

/* Whether bounds are those of rounding the answer, and squares those of the optimum. */
static int is_enough(const state *n) {
    for (int64_t t = 0; t < n->m; t++) {
        double move = n->moves[n->passes * n->m + t];
        if (!(move * move <= UNIT * n->squares[t])) return 0;
        for (int64_t i = 0; i < n->s; i++) {
            double size = fabs(n->raw[i * n->m + t]), least = ZERO * (n->lengths[i] * n->variation[t]);
            if (!(n->lengths[i] * n->bound[t] <= UNIT / 8 * (size < least ? least : size))) return 0;
        }
    }
    return 1;
}

/* What the squares at the start are above the least: the gradient there times the way from there, as pairs. */
static void take_gap(state *n, int64_t t) {
    int64_t products = n->q * n->m;
    double *term = n->terms;
    for (int64_t i = t; i < products; i += n->m) {
        double sum = n->first[i], rest = n->first[products + i], lost;
        double way = plus(n->theta[i], -n->start[i], &lost), product = sum * way;
        lost += n->theta[products + i] - n->start[products + i];
        *term++ = product;
        *term++ = fma(sum, way, -product) + (sum * lost + rest * way);
    }
    double gap = summed(n->terms, term - n->terms);
    n->gap[t] = gap < 0 ? 0 : gap;
}

/* The answer in raw units: coefficients (s, m), how far they may be off, and squares (m,); whether float64 can hold it.
   See `Newton.reached`. */
static int take_answer(const state *n) {
    int64_t m = n->m, above = n->s - n->p, held = 1;
    double root = sqrt(n->weight_sum), *bounds = n->answer + n->s * m, *squares = bounds + n->s * m;
    for (int64_t t = 0; t < m; t++) {
        int64_t idle = 0, own = (int64_t)n->exponents[n->p + t];
        int is_rounding = n->bound[t] <= UNIT * n->variation[t];
        for (int64_t i = t; i < n->s * m; i += m) idle += is_rounding && fabs(n->raw[i]) * root <= n->bound[t];
        double off = (1 + idle) * n->bound[t];
        for (int64_t i = 0; i < n->s; i++) {
            double found = n->raw[i * m + t];
            if (is_rounding && fabs(found) * root <= n->bound[t]) found = 0;
            int unit = own - (i < above ? 0 : (int64_t)n->exponents[i - above]);
            double value = ldexp(found, unit), bound = ldexp(n->lengths[i] * off + UNIT * fabs(found), unit);
            if (!(fabs(value) < INFINITY)) held = 0;
            n->answer[i * m + t] = value + 0.0; /* of zeros none is negative */
            bounds[i * m + t] = fabs(value) < TINY && found != 0 ? bound + LEAST : bound;
        }
        squares[t] = ldexp(n->squares[t], 2 * own);
    }
    return held;
}

static int64_t taken(int64_t *place, int64_t count) {
    int64_t first = *place;
    *place += count;
    return first;
}

/* How many numbers the room of `newton` holds. */
int64_t EXPORT(newton_room)(int64_t p, int64_t m) {
    int64_t q = p + 1;
    return OF_TARGET(gradient_room)(p, m) + 4 * q * m + m + q + PASSES * m + m + 2 * (3 * p + 3) + 1;
}

/* Take steps from `raw`, and say whether corrections shrink fast enough to be a proof, by 1, and whether float64 can
   hold the answer, by 2 more.

   `constants` are inverse, lengths, sizes, variation, center, the units' exponents and the units (p + m,) turned over;
   `found` is raw, θ in two parts, bound, squares, gap, the answer, and of the gradient at the start the sums in two
   parts and the squares. The rest is as in `gradient`. */
int64_t EXPORT(newton)(const int64_t *addresses, const int64_t *lengths, const double *w, const double *scales,
                       const double *constants, double *found, double *place, int64_t pieces, int64_t rows, int64_t p,
                       int64_t k, int64_t step, int64_t other_step, int64_t bias, double weight_sum, double smallest,
                       double share) {
    state n = {.p = p, .m = k - p, .q = p + 1, .s = p + bias, .rows = rows, .weight_sum = weight_sum,
               .smallest = smallest, .share = share};
    int64_t c = 0, f = 0, r = 0, room = OF_TARGET(gradient_room)(p, n.m), whole = 2 * n.q * n.m + n.m;
    n.inverse = constants + taken(&c, n.s * n.s);
    n.lengths = constants + taken(&c, n.s);
    n.sizes = constants + taken(&c, k);
    n.variation = constants + taken(&c, n.m);
    n.center = constants + taken(&c, k);
    n.exponents = constants + taken(&c, k);
    n.raw = found + taken(&f, n.s * n.m);
    n.theta = found + taken(&f, 2 * n.q * n.m);
    n.bound = found + taken(&f, n.m);
    n.squares = found + taken(&f, n.m);
    n.gap = found + taken(&f, n.m);
    n.answer = found + taken(&f, (2 * n.s + 1) * n.m);
    n.first = found + f;
    double *space = place + taken(&r, room);
    n.gradient = place + taken(&r, whole);
    n.along = place + taken(&r, n.s);
    n.moves = place + taken(&r, PASSES * n.m);
    n.noise = place + taken(&r, n.m);
    n.start = place + taken(&r, 2 * n.q * n.m);
    n.terms = place + r;
    for (int64_t t = 0; t < n.m; t++) take_theta(&n, t);
    memcpy(n.start, n.theta, 2 * n.q * n.m * sizeof(double));
    for (;; n.passes++) {
        memset(space, 0, room * sizeof(double));
        OF_TARGET(gradient)(addresses, lengths, w, scales, constants + c, n.center, n.theta, n.gradient, space, pieces,
                         rows, p, k, step, other_step);
        if (!n.passes) memcpy(n.first, n.gradient, whole * sizeof(double));
        for (int64_t t = 0; t < n.m; t++) correct(&n, t);
        double left = share >= LARGEST_CONTRACTION ? measured(&n) : share;
        if (n.passes && measured(&n) > left) left = measured(&n);
        for (int64_t t = 0; t < n.m; t++)
            n.bound[t] = n.noise[t] + n.moves[n.passes * n.m + t] * left / (1 - left);
        if (is_stuck(&n) || n.passes == PASSES - 1 || is_enough(&n)) {
            for (int64_t t = 0; t < n.m; t++) take_gap(&n, t);
            return left < LARGEST_CONTRACTION ? 1 + 2 * take_answer(&n) : 0;
        }
    }
}
