/* One multiplication of a weight with a number of at most 16 bits, for chips with and without a multiplier.
 *
 * Without one (RV32E), the compiler's library would run through all 32 bits of a negative weight; eight are enough. */
#ifndef PLANARIA_MULTIPLY_H
#define PLANARIA_MULTIPLY_H

#include <stdint.h>

#if defined(__riscv) && !defined(__riscv_mul)
int32_t planaria_multiply(int32_t weight, int32_t value);
#else
static inline int32_t planaria_multiply(int32_t weight, int32_t value) { return weight * value; }
#endif

#endif
