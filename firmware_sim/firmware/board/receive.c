/* Receives one frame: hunts for a flag, takes what its length says, and believes it only if the checksum agrees.
 *
 * The two bytes of the checksum pass through the CRC like all others, which leaves zero. */
#include "../core/whole.h"
#include "hal.h"
#include "link.h"

PLANARIA_WHOLE bool link_receive(link_frame *frame)
{
    uint8_t *const to = &frame->length;
    uint8_t at = LINK_OUTSIDE;
    uint8_t flip = 0;
    uint16_t crc = 0;
    for (uint16_t patience = LINK_PATIENCE; patience != 0; patience--) {
        const int16_t got = hal_get();
        if (got < 0) {
            break;
        }
        uint8_t byte = (uint8_t)got;
        if (byte == LINK_FLAG) {
            at = 0;
            flip = 0;
            crc = 0xFFFF;
            continue;
        }
        if (byte == LINK_ESCAPE) {
            flip = LINK_FLIP;
            continue;
        }
        if (at == LINK_OUTSIDE) {
            continue;
        }
        byte ^= flip;
        flip = 0;
        to[at] = byte;
        crc = link_crc(crc, byte);
        if (frame->length > LINK_BODY_MAX) {
            at = LINK_OUTSIDE;
            continue;
        }
        if (at == (uint8_t)(frame->length + 2U)) {
            if (crc == 0 || !PLANARIA_CRC) {
                return true;
            }
            at = LINK_OUTSIDE;
            continue;
        }
        at++;
    }
    return false;
}
