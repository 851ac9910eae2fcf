/* Vectors of as many numbers as a register of the target holds, by the extensions of GCC and clang. */

#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif
#include <math.h>
#include <stdint.h>
#include <string.h>

/* The bytes of a register, and what the compiler calls an instruction of it and what it holds. */
#if defined(__AVX512F__)
#define BYTES 64
#define NATIVE(name) _mm512_##name
typedef __m512d native;
#elif defined(__AVX2__)
#define BYTES 32
#define NATIVE(name) _mm256_##name
typedef __m256d native;
#elif defined(__x86_64__)
#define BYTES 16
#define NATIVE(name) _mm_##name
typedef __m128d native;
#else
#define BYTES 16 /* NEON */
#endif

#define JOIN_(name, target) name##_##target
#define JOIN(name, target) JOIN_(name, target)
/* A function that Python calls: its name carries the target, so that those of all targets stand in one library. */
#define OF_TARGET(name) JOIN(name, TARGET)
#define EXPORT(name) __attribute__((visibility("default"))) OF_TARGET(name)
#define INLINE static inline __attribute__((always_inline))

#define LANES (BYTES / 8) /* numbers of float64 in a register */
typedef double vector __attribute__((vector_size(BYTES)));
typedef uint64_t words __attribute__((vector_size(BYTES)));
typedef int64_t mask __attribute__((vector_size(BYTES)));

INLINE vector load(const void *from) {
    vector v;
    memcpy(&v, from, sizeof v); /* one instruction, aligned or not */
    return v;
}

/* A number, aligned or not. */
INLINE double number(const void *from) {
    double x;
    memcpy(&x, from, sizeof x);
    return x;
}

INLINE void store(void *to, vector v) { memcpy(to, &v, sizeof v); }

INLINE vector spread(double x) { return x - (vector){0}; } /* + would make 0 of -0, and cost an addition */

/* The smaller of each two and the larger one, the second where one is no number. */
#if defined(__x86_64__)
INLINE vector smaller(vector a, vector b) { return (vector)NATIVE(min_pd)((native)a, (native)b); }
INLINE vector larger(vector a, vector b) { return (vector)NATIVE(max_pd)((native)a, (native)b); }
#else
INLINE vector smaller(vector a, vector b) {
    mask which = a < b;
    return (vector)((which & (mask)a) | (~which & (mask)b));
}

INLINE vector larger(vector a, vector b) { return -smaller(-a, -b); }
#endif

/* Add x to the unevaluated sum high + low: what rounding takes from high goes to low (Dekker 1971). That is exact where
   x is no larger than high, and off by one rounding of x where it is. */
INLINE void add_in_parts(vector x, double *high, double *low) {
    vector h = load(high), s = h + x;
    store(low, load(low) + (x - (s - h)));
    store(high, s);
}

/* Add whole numbers no larger than 2^53 to two sums without any rounding: what is a multiple of 2^24 to high, the rest to
   low; 2^24 of them at the most. */
INLINE void add_whole(vector x, double *high, double *low) {
    vector large = spread(0x1.8p76), upper = (x + large) - large;
    store(high, load(high) + upper);
    store(low, load(low) + (x - upper));
}

/* a·b over n numbers, in LANES sums. */
INLINE double dot(const double *a, const double *b, int64_t n) {
    vector sum = spread(0.0), other = sum;
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        sum += load(a + i) * load(b + i);
        other += load(a + i + LANES) * load(b + i + LANES);
    }
    sum += other;
    double total = 0.0;
    for (int lane = 0; lane < LANES; lane++)
        total += sum[lane];
    for (; i < n; i++)
        total += a[i] * b[i];
    return total;
}
