/* Where a cell's LFSR begins.  Runs where images are built, not on the chip. */
#include "clock.h"

/* Numbers next to each other must begin far apart: a hash that is not linear over bits, as the LFSR is. Never 0. */
uint32_t clock_seed(uint32_t cell)
{
    uint32_t x = (cell + 1U) * 0x9E3779B1U;
    x ^= x >> 15;
    x *= 0x85EBCA6BU;
    x ^= x >> 13;
    return x != 0 ? x : 1U;
}
