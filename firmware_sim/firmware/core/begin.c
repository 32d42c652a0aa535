/* Start an update: forget all that was heard.  The own state stays. */
#include "planaria.h"

void planaria_begin(planaria_core *core)
{
    for (uint8_t i = 0; i < 2 * PLANARIA_CHANNELS; i++) {
        core->sobel[i] = 0;
    }
    core->alpha_heard = PLANARIA_SILENT;
}
