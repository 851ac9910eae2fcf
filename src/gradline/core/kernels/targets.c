/* Which of the builds in this library the processor can run. */

#define EXPORT __attribute__((visibility("default")))

/* 0 for baseline, 1 for AVX2 with FMA, 2 for AVX-512: the best that processor and system have. */
EXPORT int best_target(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd"))
        return 2;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) return 1;
#endif
    return 0;
}
