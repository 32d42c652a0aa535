/* How bright a state shines. */
#include "hal.h"

__attribute__((noinline)) uint8_t lamp_width(int8_t state)
{
    if (state <= 0) {
        return 0;
    }
    if (state >= 32) {
        return 255;
    }
    return (uint8_t)(state << 3);
}
