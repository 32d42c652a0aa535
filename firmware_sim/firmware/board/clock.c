/* The LFSR, and exponential intervals from it without a logarithm. */
#include "clock.h"

/* 16 fresh bits: 16 steps of a Galois LFSR of full length 2**32 - 1 (taps 32, 7, 5, 3, 2, 1).
 * On AVR draw_avr.S does the same. */
#if defined(__AVR__) && !defined(PLANARIA_NO_ASSEMBLY)
typedef int clock_draw_is_assembly;
#else
uint16_t clock_draw(uint32_t *lfsr)
{
    uint32_t x = *lfsr;
    for (uint8_t i = 0; i < 16; i++) {
        const bool low = (x & 1U) != 0;
        x >>= 1;
        if (low) {
            x ^= 0x80000057U;
        }
    }
    *lfsr = x;
    return (uint16_t)(x & 0xFFFFU);
}
#endif

/* Means to wait: answers the whole ones, *part / 65536 is the rest.
 *
 * Von Neumann 1951: draw a falling run of numbers; if it has an odd length, its first number is the fraction of an
 * exponential variate, otherwise one more whole mean has passed. Needs comparisons only. */
uint8_t clock_interval(uint32_t *lfsr, uint16_t *part)
{
    uint8_t whole = 0;
    while (whole < CLOCK_WHOLE_MAX) {
        const uint16_t first = clock_draw(lfsr);
        uint16_t last = first;
        bool odd = true;
        for (uint16_t next = clock_draw(lfsr); next < last; next = clock_draw(lfsr)) {
            last = next;
            odd = !odd;
        }
        if (odd) {
            *part = first;
            return whole;
        }
        whole++;
    }
    *part = 0;
    return whole;
}
