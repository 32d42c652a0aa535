/* The board layer as a library of this machine: the chip's own node, link and clock, with a line and a time that the
 * caller holds.  For tests: whatever may happen to a byte on the line can be made to happen here, thousands of times. */
#include "../board/clock.h"
#include "../board/hal.h"
#include "../board/link.h"
#include "../board/node.h"

#include "../board/clock.c"
#include "../board/crc.c"
#include "../board/lamp.c"
#include "../board/node.c"
#include "../board/receive.c"
#include "../board/seed.c"
#include "../board/send.c"
#include "../core/begin.c"
#include "../core/first.c"
#include "../core/hear.c"
#include "../core/output.c"
#include "../core/second.c"
#include "../core/step.c"
#include "../core/units.c"

typedef void (*board_put)(uint8_t byte);
typedef int16_t (*board_get)(void);

/* -DPLANARIA_HOST_GENOME names the file of the rule. */
__asm__(".pushsection .rodata\n"
        ".global planaria_genome, planaria_genome_end\n"
        "planaria_genome: .incbin \"" PLANARIA_HOST_GENOME "\"\n"
        "planaria_genome_end:\n"
        ".popsection\n");
const planaria_place planaria_where = {{0}, {0}};

static planaria_node board_node;
static board_put board_said;
static board_get board_heard;
static uint32_t board_slept_ms;
static uint8_t board_rgb[3];

void hal_start(void) {}

void hal_put(uint8_t byte) { board_said(byte); }

int16_t hal_get(void) { return board_heard(); }

void hal_wait(uint16_t ms) { board_slept_ms += ms; }

void hal_lamp(const int8_t *rgb)
{
    for (uint8_t i = 0; i < 3; i++) {
        board_rgb[i] = lamp_width(rgb[i]);
    }
}

void planaria_board_start(uint32_t cell, uint16_t interval_ms, board_put put, board_get get);
void planaria_board_wake(const int8_t *own);
uint32_t planaria_board_sleep(void);
const int8_t *planaria_board_own(void);
const uint8_t *planaria_board_rgb(void);
void planaria_board_intervals(uint32_t cell, uint32_t *out, uint32_t n);

void planaria_board_start(uint32_t cell, uint16_t interval_ms, board_put put, board_get get)
{
    static const planaria_node fresh = {0};
    board_node = fresh;
    board_node.clock.lfsr = clock_seed(cell);
    board_node.clock.interval_ms = interval_ms;
    board_said = put;
    board_heard = get;
}

/* `own` replaces the state first unless it is null. */
void planaria_board_wake(const int8_t *own)
{
    for (uint8_t i = 0; own != 0 && i < PLANARIA_CHANNELS; i++) {
        board_node.core.own[i] = own[i];
    }
    node_wake(&board_node);
}

uint32_t planaria_board_sleep(void)
{
    board_slept_ms = 0;
    node_sleep(&board_node);
    return board_slept_ms;
}

const int8_t *planaria_board_own(void) { return board_node.core.own; }

const uint8_t *planaria_board_rgb(void) { return board_rgb; }

/* Intervals of one cell from its birth, in 1/65536 of the mean. */
void planaria_board_intervals(uint32_t cell, uint32_t *out, uint32_t n)
{
    uint32_t lfsr = clock_seed(cell);
    for (uint32_t i = 0; i < n; i++) {
        uint16_t part = 0;
        const uint32_t whole = clock_interval(&lfsr, &part);
        out[i] = whole << 16 | part;
    }
}
