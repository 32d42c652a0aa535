/* All hidden units, one at a time in one pass over the genome; answers the sum of the hidden values.
 *
 * `count` 0 means 256. */
#include "planaria.h"
#include "rom.h"

uint16_t planaria_units(planaria_core *core, const uint8_t *units, int16_t half, uint8_t count, uint8_t shift,
                        uint8_t b1_shift)
{
    uint16_t total = 0;
    do {
        const int32_t b1 = (int16_t)rom_word(units);
        const int32_t sum = (b1 * ((int32_t)1 << b1_shift) + half + planaria_first(core, units + 2)) >> shift;
        if (sum > 0) { /* a hidden unit at zero adds nothing */
            const uint8_t hidden = sum > PLANARIA_HIDDEN_MAX ? PLANARIA_HIDDEN_MAX : (uint8_t)sum;
            total = (uint16_t)(total + hidden);
            planaria_second(core, units + 2 + 3 * PLANARIA_CHANNELS, hidden);
        }
        units += GENOME_UNIT_BYTES;
        count = (uint8_t)(count - 1);
    } while (count != 0);
    return total;
}
