/* What a board must give: a serial line, a clock in milliseconds, a lamp.  One file a board, under hal/. */
#ifndef PLANARIA_HAL_H
#define PLANARIA_HAL_H

#include <stdint.h>

enum { HAL_SILENCE_MS = 50 }; /* longer than what a USB serial adapter holds bytes back */

void hal_start(void);               /* clocks, pins, line, lamp off */
void hal_put(uint8_t byte);         /* send one byte, waiting for room */
int16_t hal_get(void);              /* the next byte; -1 after HAL_SILENCE_MS without one */
void hal_wait(uint16_t ms);         /* sleep; what arrives meanwhile is lost, nobody speaks unasked */
void hal_lamp(const int8_t *rgb);   /* three states, see lamp_width */

/* Pulse width of 0 (dark) to 255 for a state: premultiplied colour as stored, clamped to 0..1; dark when dead. */
uint8_t lamp_width(int8_t state);

#endif
