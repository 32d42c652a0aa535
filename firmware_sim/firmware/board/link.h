/* The serial line between a chip and its mailbox: frames that no lost, inserted or flipped byte can shift for long.
 *
 *     flag  length  kind  round  payload[length - 2]  crc high  crc low
 *
 * A flag (0x7E) begins a frame and stands nowhere else: within, 0x7E and 0x7D are sent as 0x7D and the byte ^ 0x20, so
 * whatever came before, the next flag begins anew.  CRC-16 (CCITT, initial value 0xFFFF) over length .. payload.
 * Built with PLANARIA_CRC=0 a receiver believes any checksum, to measure what it is worth. */
#ifndef PLANARIA_LINK_H
#define PLANARIA_LINK_H

#include <stdbool.h>
#include <stdint.h>

#ifndef PLANARIA_CRC
#define PLANARIA_CRC 1
#endif

enum {
    LINK_FLAG = 0x7E,
    LINK_ESCAPE = 0x7D,
    LINK_FLIP = 0x20,
    LINK_HEAD = 2,       /* kind and round */
    LINK_BODY_MAX = 20,  /* kind, round and at most 18 bytes */
    LINK_PATIENCE = 512, /* bytes without a frame before a receiver gives up on a babbling line */
    LINK_OUTSIDE = 0xFF  /* waiting for a flag */
};

/* Chip to mailbox: HELLO, WAKE, SAY.  Mailbox to chip, only when asked: HEARD, PLACE, END. */
enum {
    KIND_HELLO = 1, /* version, cell (2 bytes), CRC over all bytes of the genome as they lie in ROM (2 bytes) */
    KIND_WAKE = 2,  /* nothing: "what did my neighbours last say?" */
    KIND_SAY = 3,   /* state (16 bytes) */
    KIND_HEARD = 4, /* slot, state (16 bytes); slots in rising order */
    KIND_PLACE = 5, /* state (16 bytes): becomes the own state, and no step is made at this wake */
    KIND_END = 6    /* number of HEARD frames, mean interval in ms (2 bytes) */
};

/* A frame: the same bytes as on the line, without the flag. Its home is the core's shared memory. */
typedef struct {
    uint8_t length; /* of kind, round and payload */
    uint8_t kind;
    uint8_t round;
    uint8_t payload[LINK_BODY_MAX - LINK_HEAD];
    uint8_t checksum[2];
} link_frame;

uint16_t link_crc(uint16_t crc, uint8_t byte);
void link_send(link_frame *frame);    /* writes the checksum behind the payload */
bool link_receive(link_frame *frame); /* false: the line was silent, or babbled */

#endif
