/* Sends one frame: adds the checksum behind the payload as it goes, so that one loop escapes everything. */
#include "hal.h"
#include "link.h"

void link_send(link_frame *frame)
{
    uint8_t *at = &frame->length;
    uint8_t left = (uint8_t)(frame->length + 1U); /* before the checksum */
    uint16_t crc = 0xFFFF;
    hal_put(LINK_FLAG);
    do {
        uint8_t byte = *at++;
        crc = link_crc(crc, byte);
        if (byte == LINK_FLAG || byte == LINK_ESCAPE) {
            hal_put(LINK_ESCAPE);
            byte ^= LINK_FLIP;
        }
        hal_put(byte);
        left = (uint8_t)(left - 1U);
        if (left == 0) {
            at[0] = (uint8_t)(crc >> 8);
            at[1] = (uint8_t)(crc & 0xFFU);
        }
    } while (left != (uint8_t)-2);
}
