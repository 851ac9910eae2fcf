/* Hashes of rows: multilinear in the bits of their cells, finished by the mixer of splitmix64 (Steele, Lea, Flood 2014).
   The twin is `moments.statistics.fingerprint`. */

#define SEED 0x9E3779B97F4A7C15u

/* The bits of a float64 with their upper half brought into the lower, -0 as 0. */
INLINE uint64_t bits_of(double value) {
    uint64_t bits;
    value += 0.0;
    memcpy(&bits, &value, sizeof bits);
    return bits ^ (bits >> 32);
}

INLINE uint64_t mixed(uint64_t bits) {
    bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9u;
    bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EBu;
    return bits ^ (bits >> 31);
}

/* The multiplier of a column: odd, and unlike the others. */
INLINE uint64_t multiplier(int64_t column) { return mixed((uint64_t)(column + 1) * SEED) | 1; }
