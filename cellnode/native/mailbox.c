/* What the links last brought (cellnode/mailbox.py): frames accepted or dropped, slots forgotten and emptied. */
#include <string.h>

#include "world.h"

/* A frame on its way; `state` is the sender's own, or that of a frame held back. */
typedef struct {
    int64_t incarnation;
    int64_t sequence;
    const int8_t *state;
    uint8_t hello;
    uint8_t next_within;
} world_frame;

enum { NEWS_CHANGED = 1, NEWS_CALL = 2, NEWS_NONE = 0, NEWS_DROPPED = -1 };

static bool is_zero(const int8_t *state)
{
    uint64_t words[2];
    memcpy(words, state, sizeof words);
    return (words[0] | words[1]) == 0;
}

/* How many slots are in a mask; plain processors have no instruction for it. */
static uint64_t count_slots(uint8_t mask)
{
    static const uint8_t bits[16] = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};
    return (uint64_t)(bits[mask & 15] + bits[mask >> 4]);
}

static bool is_same(const int8_t *a, const int8_t *b) { return memcmp(a, b, CHANNELS) == 0; }

/* A silence longer than this empties a slot; `next_within` is what its last frame announced. */
static inline int64_t time_to_live_ns(const world *w, int64_t next_within)
{
    const int64_t intervals = 8 * next_within;
    return (intervals > 10 ? intervals : 10) * w->interval_ns;
}

static void slot_put(world_cell *cell, int32_t slot, const int8_t *state)
{
    const uint8_t bit = (uint8_t)(1U << slot);
    memcpy(cell->slots[slot].state, state, CHANNELS);
    cell->changed = 1;
    cell->alive = (uint8_t)(state[ALPHA] > ALIVE_THRESHOLD ? cell->alive | bit : cell->alive & ~bit);
    cell->living = (uint8_t)(is_zero(state) ? cell->living & ~bit : cell->living | bit);
}

/* Take a frame from the neighbour in `slot`: NEWS_DROPPED, or what was new about it. */
static int32_t mailbox_receive(const world *w, world_cell *cell, int32_t slot, const world_frame *frame, int64_t now_ns)
{
    world_slot *const at = &cell->slots[slot];
    int32_t news = frame->hello ? NEWS_CALL : NEWS_NONE;
    cell->received++;
    if (frame->incarnation != at->incarnation) {
        if (frame->incarnation < at->incarnation) {
            cell->counters[DROP_OLD_INCARNATION]++;
            return NEWS_DROPPED;
        }
        at->incarnation = frame->incarnation;
        news = NEWS_CALL;
    } else if (at->sequence != 0) {
        const int64_t jump = frame->sequence - at->sequence;
        if (jump <= 0 || (jump > JUMP_MAX && now_ns <= at->heard_at_ns + time_to_live_ns(w, at->next_within))) {
            cell->counters[DROP_SEQUENCE]++;
            return NEWS_DROPPED;
        }
    }
    if (!is_same(frame->state, at->state)) {
        slot_put(cell, slot, frame->state);
        news |= NEWS_CHANGED;
    }
    at->sequence = frame->sequence;
    at->heard_at_ns = now_ns;
    at->next_within = frame->next_within;
    const uint8_t bit = (uint8_t)(1U << slot);
    cell->filled |= bit;
    cell->greeted |= bit;
    return news;
}

static void slot_empty(world_cell *cell, int32_t slot)
{
    static const int8_t zero[CHANNELS];
    cell->slots[slot].sequence = 0;
    cell->filled = (uint8_t)(cell->filled & ~(1U << slot));
    if (!is_zero(cell->slots[slot].state)) {
        slot_put(cell, slot, zero);
    }
}

/* Empty every slot silent beyond its time to live. */
static void mailbox_forget(const world *w, world_cell *cell, int64_t now_ns)
{
    if (now_ns <= cell->look_at_ns) {
        return;
    }
    int64_t earliest = now_ns + time_to_live_ns(w, 0); /* what comes later lives longer */
    for (int32_t slot = 0; slot < SLOTS; slot++) {
        const world_slot *const at = &cell->slots[slot];
        if (at->sequence == 0) {
            continue;
        }
        const int64_t expiry = at->heard_at_ns + time_to_live_ns(w, at->next_within);
        if (now_ns > expiry) {
            slot_empty(cell, slot);
            cell->counters[FORGOTTEN]++;
        } else if (expiry < earliest) {
            earliest = expiry;
        }
    }
    cell->look_at_ns = earliest;
}

/* The listener was not listening: all silence counts from now. */
static void mailbox_restart_ages(world_cell *cell, int64_t now_ns)
{
    for (int32_t slot = 0; slot < SLOTS; slot++) {
        cell->slots[slot].heard_at_ns = now_ns;
    }
    cell->look_at_ns = 0;
}

/* Lose the own state, slots and greetings; keep incarnations. */
static void mailbox_clear(world_cell *cell)
{
    memset(cell->own, 0, CHANNELS);
    for (int32_t slot = 0; slot < SLOTS; slot++) {
        memset(cell->slots[slot].state, 0, CHANNELS);
        cell->slots[slot].sequence = 0;
    }
    cell->alive = cell->living = cell->filled = cell->greeted = 0;
    cell->look_at_ns = 0;
}
