/* Numbers as unevaluated sums of two, some 106 bits: what rounding takes from a sum or a product is kept beside it.

   Knuth 1969, TAOCP vol. 2, section 4.2.2; Dekker 1971; Ogita, Rump, Oishi 2005. The twin is
   `core.linalg.double_double`. */

#include "vectors.h"

/* a + b, and in `rest` what rounding takes from it. */
INLINE vector sum_of(vector a, vector b, vector *rest) {
    vector s = a + b, part = s - a;
    *rest = (a - (s - part)) + (b - part);
    return s;
}

/* The same of numbers of which a is not the smaller. */
INLINE vector sum_of_sorted(vector a, vector b, vector *rest) {
    vector s = a + b;
    *rest = b - (s - a);
    return s;
}

/* a·b + c, rounded once where the target can. */
INLINE vector fused(vector a, vector b, vector c) {
#if defined(__FMA__)
    return (vector)NATIVE(fmadd_pd)((native)a, (native)b, (native)c);
#elif defined(__aarch64__)
    return (vector)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#else
    return a * b + c;
#endif
}

/* The upper half of the bits of a number below 2^996. */
INLINE vector upper_half(vector a) {
    vector c = a * 134217729.0; /* 2^27 + 1 */
    return c - (c - a);
}

/* a·b, and in `rest` what rounding takes from it. */
INLINE vector product_of(vector a, vector b, vector *rest) {
    vector p = a * b;
#if defined(__FMA__) || defined(__aarch64__)
    *rest = fused(a, b, -p);
#else
    vector a_high = upper_half(a), b_high = upper_half(b), a_low = a - a_high, b_low = b - b_high;
    *rest = ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low;
#endif
    return p;
}
