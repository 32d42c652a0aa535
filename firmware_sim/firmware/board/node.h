/* One cell on a board: the core, its link and its clock.  All the RAM there is besides the stack. */
#ifndef PLANARIA_NODE_H
#define PLANARIA_NODE_H

#include "../core/planaria.h"

enum {
    NODE_VERSION = 1,    /* of the link's protocol */
    NODE_ASKS = 4,       /* asked, and asked again three times; then the wake is skipped */
    NODE_FRAMES_MAX = 32 /* in one answer, late frames of an earlier one included */
};

/* What differs from cell to cell; begins as a copy from ROM. */
typedef struct {
    uint32_t lfsr;        /* clock_seed(cell) at first: a chip need not hash */
    uint16_t interval_ms; /* the mean; every END says it anew */
    uint8_t round;        /* numbers the asks: an answer to an earlier one is not believed */
} planaria_clock;

#ifndef PLANARIA_MAILBOX
#define PLANARIA_MAILBOX 0 /* 1: the eight slots live on the chip, in RAM it must have besides */
#endif

#if PLANARIA_MAILBOX
enum { NODE_AGE_MAX = 32 }; /* own wakes after which a silent neighbour is forgotten */

/* What a neighbour last said, and how many wakes ago; an age of 0 is an empty slot. */
typedef struct {
    uint8_t age;
    uint8_t state[PLANARIA_CHANNELS];
} planaria_slot;
#endif

typedef struct {
    planaria_core core;
    planaria_clock clock;
#if PLANARIA_MAILBOX
    planaria_slot slots[PLANARIA_SLOTS];
#endif
} planaria_node;

/* In ROM, beside the rule: which cell this is.  Written by the build, patched for a swarm. */
typedef struct {
    uint8_t clock[6]; /* the beginning of planaria_clock, little endian */
    uint8_t hello[3]; /* NODE_VERSION, cell (low byte first) */
} planaria_place;

extern const uint8_t planaria_genome[];
extern const uint8_t planaria_genome_end[];
extern const planaria_place planaria_where;

void node_boot(planaria_node *node);
void node_sleep(planaria_node *node);
void node_wake(planaria_node *node);

#endif
