/* Hear one neighbour's last state: add it to the Sobel sums and keep the largest alpha.
 *
 * The coefficients are outer([1, 2, 1], [-1, 0, 1]) and its transpose, by slot.
 * On AVR hear_avr.S does the same. */
#include "planaria.h"
#include "rom.h"

#if defined(__AVR__) && !defined(PLANARIA_NO_ASSEMBLY)
typedef int planaria_hear_is_assembly;
#else
static const int8_t coefficients[2 * PLANARIA_SLOTS] ROM = {-1, 0, 1, -2, 2, -1, 0, 1, -1, -2, -1, 0, 0, 1, 2, 1};

/* Both sums in one loop would need more registers than a Cortex-M0 has. */
static void add(int16_t *sum, const int8_t *state, int8_t coefficient)
{
    for (uint8_t i = 0; i < PLANARIA_CHANNELS; i++) {
        sum[i] = (int16_t)(sum[i] + coefficient * state[i]);
    }
}

void planaria_hear(planaria_core *core, uint8_t slot, const int8_t *state)
{
    const uint8_t *const at = (const uint8_t *)coefficients + slot;
    if (state[PLANARIA_ALPHA] > core->alpha_heard) {
        core->alpha_heard = state[PLANARIA_ALPHA];
    }
    add(core->sobel, state, rom_signed(at));
    add(core->sobel + PLANARIA_CHANNELS, state, rom_signed(at + PLANARIA_SLOTS));
}
#endif
