/* Second layer, one hidden unit: add its 16 contributions to the output sums. */
#include "multiply.h"
#include "planaria.h"
#include "rom.h"

void planaria_second(planaria_core *core, const uint8_t *weights, uint8_t hidden)
{
    for (uint8_t i = 0; i < PLANARIA_CHANNELS; i++) {
        core->shared.sums[i] = (planaria_sum)(core->shared.sums[i] + planaria_multiply(rom_signed(weights++), hidden));
    }
}
