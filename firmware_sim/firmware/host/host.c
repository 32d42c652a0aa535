/* The core as a library of this machine: many cells after one another, for the engine `native`.
 *
 * One translation unit, so that the compiler sees all of it.  `in` is int8[n][3][3][16] (row 0 is the north), `out`
 * int8[n][16].  A silent neighbour and a neighbour of zeros give the same update, so all eight are heard. */
#include "../core/planaria.h"

#include "../core/begin.c"
#include "../core/first.c"
#include "../core/hear.c"
#include "../core/output.c"
#include "../core/second.c"
#include "../core/step.c"
#include "../core/units.c"

void planaria_host_update(const uint8_t *genome, const int8_t *in, int8_t *out, uint32_t n);
uint32_t planaria_host_core_bytes(void);

void planaria_host_update(const uint8_t *genome, const int8_t *in, int8_t *out, uint32_t n)
{
    planaria_core core;
    for (uint32_t cell = 0; cell < n; cell++) {
        for (uint8_t i = 0; i < PLANARIA_CHANNELS; i++) {
            core.own[i] = in[4 * PLANARIA_CHANNELS + i];
        }
        planaria_begin(&core);
        for (uint8_t slot = 0; slot < PLANARIA_SLOTS; slot++) {
            planaria_hear(&core, slot, in + (slot < 4 ? slot : slot + 1) * PLANARIA_CHANNELS);
        }
        planaria_step(&core, genome);
        for (uint8_t i = 0; i < PLANARIA_CHANNELS; i++) {
            out[i] = core.own[i];
        }
        in += 9 * PLANARIA_CHANNELS;
        out += PLANARIA_CHANNELS;
    }
}

uint32_t planaria_host_core_bytes(void) { return (uint32_t)sizeof(planaria_core); }
