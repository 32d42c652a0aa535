/* The core of one cell: 16 bytes of state and the arithmetic of an update, in C99 for any chip.
 *
 *     planaria_begin(core);                      forget what was heard
 *     planaria_hear(core, slot, state);          once for each neighbour that is not silent, in any order
 *     planaria_step(core, genome);               core->own is the new state
 *
 * The caller owns all memory.  No heap, no float, no recursion, no static data, no division.  The bytes it gives are
 * those of firmware_sim/chip.py; the genome's layout is that of firmware_sim/genome.py, whose loader has proved that
 * no sum can overflow.  Right shifts of negative numbers floor, as every compiler we build with does (asserted below).
 */
#ifndef PLANARIA_H
#define PLANARIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "whole.h"

enum {
    PLANARIA_CHANNELS = 16,
    PLANARIA_ALPHA = 3,
    PLANARIA_SLOTS = 8,      /* NW, N, NE, W, E, SW, S, SE */
    PLANARIA_STATE_MAX = 127,
    PLANARIA_SILENT = -128,  /* below every threshold: nothing heard yet */
    PLANARIA_HIDDEN_MAX = 255,
    PLANARIA_LINK_BYTES = 3 * PLANARIA_CHANNELS
};

/* Where a genome keeps what; see firmware_sim/genome.py. */
enum {
    GENOME_HIDDEN = 4,
    GENOME_M = 6,
    GENOME_SHIFT = 9,
    GENOME_ALIVE = 10,
    GENOME_S = 11,
    GENOME_FLAGS = 12,
    GENOME_B1_SHIFT = 13,
    GENOME_CRC = 14,
    GENOME_B2 = 16,
    GENOME_UNITS = 48,
    GENOME_UNIT_BYTES = 66,
    GENOME_HALF1 = 1,
    GENOME_HALF2 = 2
};

#if defined(__AVR__)
__extension__ typedef __int24 planaria_sum; /* three bytes are enough for any genome, and 16 bytes of RAM less */
#else
typedef int32_t planaria_sum;
#endif

/* 129 bytes on AVR, 148 on 32-bit chips.  The assembly kernel relies on the order: change both or none. */
typedef struct {
    int8_t alpha_heard; /* the largest alpha heard, PLANARIA_SILENT if none */
    int8_t own[PLANARIA_CHANNELS];
    int16_t sobel[2 * PLANARIA_CHANNELS]; /* sums of what was heard: dx of 16 channels, then dy; not divided by 8 */
    union {
        planaria_sum sums[PLANARIA_CHANNELS]; /* the output layer; alive only within planaria_step */
        uint8_t link[PLANARIA_LINK_BYTES];    /* free for the link's buffers between steps */
    } shared;
} planaria_core;

#if defined(__AVR__)
typedef char planaria_layout_is_that_of_the_assembly
    [offsetof(planaria_core, own) == 1 && offsetof(planaria_core, sobel) == 17 &&
             offsetof(planaria_core, shared) == 81 && sizeof(planaria_core) == 129
         ? 1
         : -1];
#endif

PLANARIA_ENTRY PLANARIA_WHOLE void planaria_begin(planaria_core *core);
PLANARIA_ENTRY PLANARIA_WHOLE void planaria_hear(planaria_core *core, uint8_t slot, const int8_t *state);
#if defined(__AVR__) && !defined(PLANARIA_NO_ASSEMBLY)
/* The kernel saves no register: to name those it uses costs its only caller nothing, to save them cost 36 bytes of flash
 * and ten of RAM. */
__attribute__((always_inline)) static inline void planaria_step(planaria_core *core, const uint8_t *genome)
{
    register planaria_core *at_core __asm__("r24") = core;
    register const uint8_t *at_genome __asm__("r22") = genome;
    __asm__ volatile("%~call planaria_step"
                     : "+r"(at_core), "+r"(at_genome)
                     :
                     : "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "r16",
                       "r17", "r18", "r19", "r20", "r21", "r26", "r27", "r28", "r29", "r30", "r31", "memory");
}
#else
PLANARIA_ENTRY PLANARIA_WHOLE void planaria_step(planaria_core *core, const uint8_t *genome);
#endif

/* The kernels behind planaria_step, one a file. */
int32_t planaria_first(const planaria_core *core, const uint8_t *weights);
void planaria_second(planaria_core *core, const uint8_t *weights, uint8_t hidden);
uint16_t planaria_units(planaria_core *core, const uint8_t *units, int16_t half, uint8_t count, uint8_t shift,
                        uint8_t b1_shift);
void planaria_output(planaria_core *core, const uint8_t *genome, uint16_t half);

/* Fails to compile where >> of a negative number does not floor. */
typedef char planaria_shift_floors[(-3 >> 1) == -2 ? 1 : -1];

#endif
