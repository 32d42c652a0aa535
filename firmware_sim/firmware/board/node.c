/* A cell's life on a board: boot and hello, sleep, wake = ask, hear, step, show, say.
 *
 * A core never computes on a partial neighbourhood: where the count or a checksum is wrong the chip asks again, at most
 * three times, then skips the wake; with the mailbox on the chip it goes on with what it holds.  Buffers lie over the
 * core's output sums, which are alive only within a step. */
#include "node.h"

#include "../core/rom.h"
#include "clock.h"
#include "hal.h"
#include "link.h"

typedef enum { NOTHING, HEARD, PLACED } node_answer;

static void copy(uint8_t *to, const uint8_t *from, uint8_t bytes)
{
    while (bytes != 0) {
        *to++ = *from++;
        bytes--;
    }
}

static void copy_rom(uint8_t *to, const uint8_t *from, uint8_t bytes)
{
    while (bytes != 0) {
        *to++ = rom_byte(from++);
        bytes--;
    }
}

static link_frame *frame_of(planaria_node *node) { return (link_frame *)node->core.shared.link; }

static void send(planaria_node *node, uint8_t kind, uint8_t bytes)
{
    link_frame *const frame = frame_of(node);
    frame->length = (uint8_t)(LINK_HEAD + bytes);
    frame->kind = kind;
    frame->round = node->clock.round;
    link_send(frame);
}

#if PLANARIA_MAILBOX
/* The slots are here: keep what came, and hear all of it once the answer is over. */
static void heard(planaria_node *node, uint8_t slot, const uint8_t *state)
{
    node->slots[slot].age = 1;
    copy(node->slots[slot].state, state, PLANARIA_CHANNELS);
}

static void hear_slots(planaria_node *node)
{
    for (uint8_t i = 0; i < PLANARIA_SLOTS; i++) {
        planaria_slot *const slot = &node->slots[i];
        if (slot->age != 0) {
            planaria_hear(&node->core, i, (const int8_t *)slot->state);
            slot->age = (uint8_t)(slot->age < NODE_AGE_MAX ? slot->age + 1 : 0);
        }
    }
}
#else
/* The slots are at the other end of the line: hear what came at once, it is not kept. */
static void heard(planaria_node *node, uint8_t slot, const uint8_t *state)
{
    planaria_hear(&node->core, slot, (const int8_t *)state);
}
#endif

/* One ask and its whole answer. */
PLANARIA_WHOLE static node_answer ask(planaria_node *node)
{
    link_frame *const frame = frame_of(node);
    uint8_t next = 0; /* the lowest slot that may follow */
    uint8_t count = 0;
    node_answer answer = HEARD;
    planaria_begin(&node->core);
    node->clock.round++;
    send(node, KIND_WAKE, 0);
    for (uint8_t frames = 0; frames < NODE_FRAMES_MAX; frames++) {
        if (!link_receive(frame)) {
            break;
        }
        if (frame->round != node->clock.round) {
            continue;
        }
        if (frame->kind == KIND_HEARD && frame->length == LINK_HEAD + 1 + PLANARIA_CHANNELS) {
            const uint8_t slot = frame->payload[0];
            if (slot < next || slot >= PLANARIA_SLOTS) {
                break;
            }
            next = (uint8_t)(slot + 1U);
            count++;
            heard(node, slot, frame->payload + 1);
        } else if (frame->kind == KIND_PLACE && frame->length == LINK_HEAD + PLANARIA_CHANNELS) {
            copy((uint8_t *)node->core.own, frame->payload, PLANARIA_CHANNELS);
            answer = PLACED;
        } else if (frame->kind == KIND_END && frame->length == LINK_HEAD + 3) {
            if (frame->payload[0] != count) {
                break;
            }
            uint8_t *const interval = (uint8_t *)&node->clock.interval_ms; /* little endian, as all our chips */
            interval[0] = frame->payload[1];
            interval[1] = frame->payload[2];
            return answer;
        }
    }
    return NOTHING;
}

void node_boot(planaria_node *node)
{
    uint8_t *const payload = frame_of(node)->payload;
    uint16_t crc = 0xFFFF;
    hal_start();
    for (const uint8_t *at = planaria_genome; at != planaria_genome_end; at++) {
        crc = link_crc(crc, rom_byte(at));
    }
    copy_rom((uint8_t *)&node->clock, planaria_where.clock, sizeof planaria_where.clock);
    copy_rom(payload, planaria_where.hello, sizeof planaria_where.hello);
    payload[3] = (uint8_t)(crc & 0xFFU);
    payload[4] = (uint8_t)(crc >> 8);
    send(node, KIND_HELLO, 5);
}

PLANARIA_WHOLE void node_sleep(planaria_node *node)
{
    uint16_t part;
    for (uint8_t whole = clock_interval(&node->clock.lfsr, &part); whole != 0; whole--) {
        hal_wait(node->clock.interval_ms);
    }
    hal_wait((uint16_t)(((uint32_t)node->clock.interval_ms * part) >> 16));
}

void node_wake(planaria_node *node)
{
    for (uint8_t asks = 0; asks < NODE_ASKS; asks++) {
        node_answer answer = ask(node);
#if PLANARIA_MAILBOX
        if (answer == HEARD || (answer == NOTHING && asks == NODE_ASKS - 1)) {
            hear_slots(node);
            answer = HEARD; /* what a lost frame would have brought is held from before */
        }
#endif
        if (answer == NOTHING) {
            continue;
        }
        if (answer == HEARD) {
            planaria_step(&node->core, planaria_genome);
        }
        hal_lamp(node->core.own);
        copy(frame_of(node)->payload, (const uint8_t *)node->core.own, PLANARIA_CHANNELS);
        send(node, KIND_SAY, PLANARIA_CHANNELS);
        return;
    }
}
