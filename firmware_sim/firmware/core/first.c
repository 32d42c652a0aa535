/* First layer, one hidden unit: 8 * sum(w * own) + sum(w * sobel) over 16 + 32 weights.  Below 2**23 for any weights. */
#include "multiply.h"
#include "planaria.h"
#include "rom.h"

int32_t planaria_first(const planaria_core *core, const uint8_t *weights)
{
    int32_t sum = 0;
    for (uint8_t i = 0; i < PLANARIA_CHANNELS; i++) {
        sum += planaria_multiply(rom_signed(weights++), core->own[i]);
    }
    sum *= 8;
    for (uint8_t i = 0; i < 2 * PLANARIA_CHANNELS; i++) {
        sum += planaria_multiply(rom_signed(weights++), core->sobel[i]);
    }
    return sum;
}
