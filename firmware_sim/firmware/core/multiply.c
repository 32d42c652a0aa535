/* A weight times a number by shifts and adds, for chips without a multiplier; see multiply.h.
 *
 * -128 <= weight <= 127; at most eight rounds, fewer for small weights. */
#include "multiply.h"

#if defined(__riscv) && !defined(__riscv_mul)
int32_t planaria_multiply(int32_t weight, int32_t value)
{
    uint32_t bits = (uint32_t)weight;
    uint32_t shifted = (uint32_t)value;
    uint32_t product = 0;
    if (weight < 0) {
        bits = 0U - bits;
        shifted = 0U - shifted;
    }
    while (bits != 0) {
        if ((bits & 1U) != 0) {
            product += shifted;
        }
        shifted <<= 1;
        bits >>= 1;
    }
    return (int32_t)product;
}

/* What the compiler calls for every other product. */
__attribute__((used)) uint32_t __mulsi3(uint32_t a, uint32_t b);
uint32_t __mulsi3(uint32_t a, uint32_t b)
{
    uint32_t product = 0;
    while (b != 0) {
        if ((b & 1U) != 0) {
            product += a;
        }
        a <<= 1;
        b >>= 1;
    }
    return product;
}
#else
typedef int planaria_multiply_is_inline;
#endif
