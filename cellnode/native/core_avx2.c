/* The integer core with 256-bit vectors (x86-64 with AVX2): the sums of core.c, sixteen products an instruction. */
#include "world.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

AVX2 static inline __m256i wide(const int8_t *state)
{
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)state));
}

AVX2 static inline __m256i load(const void *at) { return _mm256_loadu_si256((const __m256i *)at); }

AVX2 static inline int32_t sum_of(__m256i v)
{
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4E));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0xB1));
    return _mm_cvtsi128_si32(half);
}

AVX2 static void core_avx2(const world_rule *rule, const world_cell *cell, int8_t *state)
{
    union {
        __m256i vectors[3];
        int32_t pairs[PAIRS];
    } inputs;
    union {
        __m256i vectors[BLOCKS_MAX * BLOCK / 16];
        int32_t pairs[BLOCKS_MAX * BLOCK / 2];
    } hidden;
    const world_slot *const s = cell->slots;
    const __m256i ones = _mm256_set1_epi16(1);
    const __m256i own = wide(cell->own);
    const __m256i nw = wide(s[0].state), ne = wide(s[2].state), sw = wide(s[5].state), se = wide(s[7].state);
    const __m256i we = _mm256_sub_epi16(wide(s[4].state), wide(s[3].state));
    const __m256i ns = _mm256_sub_epi16(wide(s[6].state), wide(s[1].state));
    const __m256i falling = _mm256_sub_epi16(se, nw), rising = _mm256_sub_epi16(ne, sw);
    inputs.vectors[0] = _mm256_slli_epi16(own, 3);
    inputs.vectors[1] = _mm256_add_epi16(_mm256_add_epi16(falling, rising), _mm256_slli_epi16(we, 1));
    inputs.vectors[2] = _mm256_add_epi16(_mm256_sub_epi16(falling, rising), _mm256_slli_epi16(ns, 1));
    int32_t half = 0;
    if (rule->half1) {
        __m256i sum = _mm256_madd_epi16(inputs.vectors[0], ones);
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(inputs.vectors[1], ones));
        half = sum_of(_mm256_add_epi32(sum, _mm256_madd_epi16(inputs.vectors[2], ones))) >> 1;
    }
    const __m256i halves = _mm256_set1_epi32(half);
    const __m256i top = _mm256_set1_epi16(HIDDEN_STEPS), zero = _mm256_setzero_si256();
    const __m128i shift = _mm_cvtsi32_si128(rule->shift);
    __m256i total = zero;
    for (int32_t block = 0; block < rule->blocks; block++) {
        __m256i sums[BLOCK / 8];
#pragma GCC unroll 8
        for (int32_t k = 0; k < BLOCK / 8; k++) {
            sums[k] = _mm256_add_epi32(load(&rule->b1[block * BLOCK + 8 * k]), halves);
        }
        for (int32_t pair = 0; pair < PAIRS; pair++) {
            const __m256i x = _mm256_set1_epi32(inputs.pairs[pair]);
#pragma GCC unroll 8
            for (int32_t k = 0; k < BLOCK / 8; k++) {
                sums[k] = _mm256_add_epi32(sums[k], _mm256_madd_epi16(load(&rule->w1[block][pair][16 * k]), x));
            }
        }
#pragma GCC unroll 4
        for (int32_t k = 0; k < BLOCK / 16; k++) { /* saturating to 16 bits first changes nothing below 255 */
            const __m256i low = _mm256_sra_epi32(sums[2 * k], shift), high = _mm256_sra_epi32(sums[2 * k + 1], shift);
            const __m256i packed = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xD8);
            const __m256i values = _mm256_min_epi16(_mm256_max_epi16(packed, zero), top);
            hidden.vectors[block * (BLOCK / 16) + k] = values;
            total = _mm256_add_epi32(total, _mm256_madd_epi16(values, ones));
        }
    }
    __m256i low = load(&rule->b2[0]), high = load(&rule->b2[8]);
    __m256i low2 = zero, high2 = zero;
    for (int32_t pair = 0; pair < rule->blocks * BLOCK / 2; pair += 2) {
        const __m256i h = _mm256_set1_epi32(hidden.pairs[pair]), h2 = _mm256_set1_epi32(hidden.pairs[pair + 1]);
        low = _mm256_add_epi32(low, _mm256_madd_epi16(load(&rule->w2[pair][0]), h));
        high = _mm256_add_epi32(high, _mm256_madd_epi16(load(&rule->w2[pair][16]), h));
        low2 = _mm256_add_epi32(low2, _mm256_madd_epi16(load(&rule->w2[pair + 1][0]), h2));
        high2 = _mm256_add_epi32(high2, _mm256_madd_epi16(load(&rule->w2[pair + 1][16]), h2));
    }
    const __m256i half2 = _mm256_set1_epi32(rule->half2 ? sum_of(total) >> 1 : 0);
    const __m256i m = _mm256_set1_epi32(rule->m), rounding = _mm256_set1_epi32(1 << (rule->s - 1));
    const __m128i s_shift = _mm_cvtsi32_si128(rule->s);
    low = _mm256_add_epi32(_mm256_add_epi32(low, low2), half2);
    high = _mm256_add_epi32(_mm256_add_epi32(high, high2), half2);
    low = _mm256_sra_epi32(_mm256_add_epi32(_mm256_mullo_epi32(low, m), rounding), s_shift);
    high = _mm256_sra_epi32(_mm256_add_epi32(_mm256_mullo_epi32(high, m), rounding), s_shift);
    low = _mm256_add_epi32(low, _mm256_cvtepi16_epi32(_mm256_castsi256_si128(own)));
    high = _mm256_add_epi32(high, _mm256_cvtepi16_epi32(_mm256_extracti128_si256(own, 1)));
    const __m256i both = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xD8);
    const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
    _mm_storeu_si128((__m128i *)(void *)state, _mm_max_epi8(bytes, _mm_set1_epi8(-STATE_MAX)));
}

static bool has_avx2(void) { return __builtin_cpu_supports("avx2"); }
#else
static void core_avx2(const world_rule *rule, const world_cell *cell, int8_t *state) { core_plain(rule, cell, state); }

static bool has_avx2(void) { return false; }
#endif
