/* The counter-based draws of cellnode/draws.py: the same bits. */
#include "world.h"

static inline uint64_t mix(uint64_t word)
{
    word = (word ^ (word >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    word = (word ^ (word >> 27)) * UINT64_C(0x94D049BB133111EB);
    return word ^ (word >> 31);
}

static inline uint64_t chain(uint64_t key, uint64_t word) { return mix((key ^ word) + UINT64_C(0x9E3779B97F4A7C15)); }

/* An exponential interval of mean `mean_ns`, cut at 7.75 means; the table comes from Python. */
static inline int64_t interval_ns(const uint64_t *table, uint64_t bits, int64_t mean_ns)
{
    const uint64_t index = bits >> 52;
    const uint64_t fraction = (bits >> 32) & 0xFFFFF;
    const uint64_t low = table[index];
    const uint64_t value = low + (((table[index + 1] - low) * fraction) >> 20);
    const uint64_t scaled = (value * (uint64_t)mean_ns) >> 20;
    return scaled > 1 ? (int64_t)scaled : 1;
}

/* A uniform integer in [0, limit]. */
static inline int64_t share(uint64_t bits, int64_t limit) { return (int64_t)(((bits >> 44) * ((uint64_t)limit + 1)) >> 20); }
