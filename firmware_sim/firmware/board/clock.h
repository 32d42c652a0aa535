/* When a cell wakes: exponential intervals from a 32-bit LFSR that begins at the cell's number.
 *
 * Two cells that drew alike would fire in lockstep, which destroys the pattern. */
#ifndef PLANARIA_CLOCK_H
#define PLANARIA_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum { CLOCK_WHOLE_MAX = 31 }; /* of the mean: longer ones come once in 3e13 draws */

uint32_t clock_seed(uint32_t cell);
uint16_t clock_draw(uint32_t *lfsr);
uint8_t clock_interval(uint32_t *lfsr, uint16_t *part);

#endif
