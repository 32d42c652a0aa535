/* From the output sums to the new state: half steps, scale M / 2**S rounded to nearest, saturation at +-127. */
#include "planaria.h"
#include "rom.h"

void planaria_output(planaria_core *core, const uint8_t *genome, uint16_t half)
{
    const uint16_t m = rom_word(genome + GENOME_M);
    const uint8_t s = rom_byte(genome + GENOME_S);
    const int32_t rounding = (int32_t)1 << (s - 1);
    for (uint8_t i = 0; i < PLANARIA_CHANNELS; i++) {
        const int32_t change = (((int32_t)core->shared.sums[i] + half) * m + rounding) >> s;
        int32_t value = core->own[i] + change;
        if (value > PLANARIA_STATE_MAX) {
            value = PLANARIA_STATE_MAX;
        }
        if (value < -PLANARIA_STATE_MAX) {
            value = -PLANARIA_STATE_MAX;
        }
        core->own[i] = (int8_t)value;
    }
}
