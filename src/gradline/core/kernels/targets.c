/* Which of the builds in this library the processor can run, and which sources they were made of. */

#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))

#if defined(__x86_64__)
#include <cpuid.h>

/* The kinds of registers that the system keeps when it changes from process to process. */
static unsigned kept_registers(void) {
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}
#endif

/* The digest of the sources that `build.py` compiled. */
EXPORT uint64_t sources(void) { return SOURCES; }

/* 0 for baseline, 1 for AVX2 with FMA, 2 for AVX-512 F and DQ: the best that processor and system have. */
EXPORT int best_target(void) {
#if defined(__x86_64__)
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_FMA)) return 0;
    unsigned kept = kept_registers();
    if ((kept & 0x06) != 0x06 || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & bit_AVX2)) return 0;
    return (kept & 0xe6) == 0xe6 && (b & bit_AVX512F) && (b & bit_AVX512DQ) ? 2 : 1;
#endif
    return 0;
}
