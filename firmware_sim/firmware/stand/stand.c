/* A test stand around an image: many updates in one run of an emulator.
 *
 * Linked apart, against the addresses of the finished image, whose bytes stay as they are: it calls the image's own
 * begin, hear and step, and uses its RAM.  `in` is int8[n][3][3][16], `out` int8[n][16]. */
#include "../board/node.h"

extern planaria_node planaria_cell;

void stand_run(const int8_t *in, int8_t *out, uint32_t n);

void stand_run(const int8_t *in, int8_t *out, uint32_t n)
{
    planaria_core *const core = &planaria_cell.core;
    for (; n != 0; n--) {
        for (uint32_t i = 0; i < PLANARIA_CHANNELS; i++) {
            core->own[i] = in[4 * PLANARIA_CHANNELS + i];
        }
        planaria_begin(core);
        for (uint8_t slot = 0; slot < PLANARIA_SLOTS; slot++) {
            planaria_hear(core, slot, in + (slot < 4 ? slot : slot + 1) * PLANARIA_CHANNELS);
        }
        planaria_step(core, planaria_genome);
        for (uint32_t i = 0; i < PLANARIA_CHANNELS; i++) {
            out[i] = core->own[i];
        }
        in += 9 * PLANARIA_CHANNELS;
        out += PLANARIA_CHANNELS;
    }
}
