/* Hear one neighbour's last state: add it to the Sobel sums and keep the largest alpha.
 *
 * The coefficients are outer([1, 2, 1], [-1, 0, 1]) and its transpose, derived from the slot instead of stored: slot
 * 0..7 is place 0..8 of the 3x3 without its centre. */
#include "planaria.h"

void planaria_hear(planaria_core *core, uint8_t slot, const int8_t *state)
{
    uint8_t column = slot < 4 ? slot : (uint8_t)(slot + 1);
    int8_t y = -1;
    while (column >= 3) {
        column = (uint8_t)(column - 3);
        y++;
    }
    const int8_t x = (int8_t)(column - 1);
    const int8_t cx = (int8_t)(y == 0 ? 2 * x : x);
    const int8_t cy = (int8_t)(x == 0 ? 2 * y : y);

    int16_t *sum = core->sobel;
    for (uint8_t i = 0; i < PLANARIA_CHANNELS; i++) {
        const int8_t value = state[i];
        sum[0] = (int16_t)(sum[0] + cx * value);
        sum[PLANARIA_CHANNELS] = (int16_t)(sum[PLANARIA_CHANNELS] + cy * value);
        sum++;
    }
    if (state[PLANARIA_ALPHA] > core->alpha_heard) {
        core->alpha_heard = state[PLANARIA_ALPHA];
    }
}
