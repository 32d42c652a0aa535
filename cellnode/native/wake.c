/* One cell's wake, and what a frame does to it (cellnode/cell.py); what a faulty link does to the frame before. */
#include <string.h>

#include "world.h"

static void schedule(const world *w, world_cell *cell, int64_t now_ns)
{
    const uint64_t bits = chain(cell->clock_key, cell->draws++);
    cell->next_wake_ns = now_ns + interval_ns(w->intervals, bits, w->interval_ns) * cell->next_within;
    cell->counters[SLEEPING] = 0;
}

static void rouse(const world *w, world_cell *cell, int64_t now_ns)
{
    cell->next_within = 1;
    schedule(w, cell, now_ns);
}

static void react(world_cell *cell, int64_t now_ns)
{
    cell->next_within = 1;
    cell->next_wake_ns = now_ns + REACTION_NS;
    cell->counters[SLEEPING] = 0;
}

/* A message has come: cheap and silent for an awake cell; it may rouse a sleeping or stretched one. */
static void cell_receive(world *w, int32_t index, int32_t slot, const world_frame *frame, int64_t now_ns)
{
    world_cell *const cell = &w->cells[index];
    const int32_t news = mailbox_receive(w, cell, slot, frame, now_ns);
    const bool asleep = cell->next_wake_ns == NEVER_NS;
    if (news == NEWS_DROPPED || !(asleep || cell->next_within > 1)) {
        return;
    }
    if (asleep) {
        if (cell->alive >> slot & 1) {
            cell->counters[WOKEN]++;
            rouse(w, cell, now_ns);
        } else if ((news & NEWS_CALL) != 0 && cell->answered[slot] != frame->incarnation) {
            cell->answered[slot] = frame->incarnation; /* once, so that a storm of hellos cannot keep it awake */
            react(cell, now_ns);
        }
    } else if ((news & NEWS_CALL) != 0) {
        react(cell, now_ns);
    } else if ((news & NEWS_CHANGED) != 0) {
        rouse(w, cell, now_ns);
    }
    queue_follow(w, index);
}

/* Whether a frame is lost on its way to `receiver`, and how late it comes: pure, whatever came before. */
static bool fate(const world *w, const world_cell *cell, int64_t sender, int64_t receiver, const world_frame *frame,
                 int64_t *late_ns)
{
    bool lost = false;
    for (int32_t k = 0; k < cell->fault_count; k++) {
        const world_fault *const fault = &w->faults[w->fault_of[cell->fault_first + k]];
        uint64_t who = chain(chain(fault->id_key, (uint64_t)sender), (uint64_t)receiver);
        who = chain(chain(who, (uint64_t)(frame->incarnation >> 32)), (uint64_t)(frame->incarnation & LIFE_MASK));
        const uint64_t bits = chain(chain(fault->stream_key, who), (uint64_t)frame->sequence);
        if (fault->is_delay) {
            *late_ns += share(bits, fault->limit_ns);
        } else {
            lost |= (bits >> 11) < fault->chance;
        }
    }
    *late_ns = *late_ns < w->delay_max_ns ? *late_ns : w->delay_max_ns;
    return lost;
}

static void pass(world *w, int32_t sender, int32_t index, int32_t slot, const world_frame *frame, int64_t now_ns)
{
    world_cell *const cell = &w->cells[index];
    int64_t late_ns = 0;
    if (fate(w, cell, sender, index, frame, &late_ns) || (late_ns != 0 && cell->held_count >= HELD_MAX)) {
        cell->counters[FAULT_LOST]++;
        return;
    }
    if (late_ns == 0) {
        cell_receive(w, index, slot, frame, now_ns);
        return;
    }
    world_held held = {now_ns + late_ns, sender, frame->incarnation, frame->sequence, NOBODY, NOBODY, slot,
                       frame->hello,     frame->next_within, {0}};
    memcpy(held.state, frame->state, CHANNELS);
    cell->counters[FAULT_DELAYED]++;
    held_put(w, cell, &held);
    queue_follow(w, index);
}

/* The earliest frame held back for this cell comes through. */
static void release(world *w, int32_t index)
{
    const world_held held = held_take(w, &w->cells[index]);
    const world_frame frame = {held.incarnation, held.sequence, held.state, (uint8_t)held.hello,
                               (uint8_t)held.next_within};
    queue_follow(w, index);
    cell_receive(w, index, held.slot, &frame, held.due_ns);
}

/* Ask whoever computes this cell: with its 3x3 in rows. */
static void ask(world *w, const world_cell *cell, int8_t *state)
{
    int8_t block[9][CHANNELS];
    for (int32_t slot = 0; slot < SLOTS; slot++) {
        memcpy(block[slot < 4 ? slot : slot + 1], cell->slots[slot].state, CHANNELS);
    }
    memcpy(block[4], cell->own, CHANNELS);
    w->failed |= w->ask(cell->engine, block[0], state);
    for (int32_t c = 0; c < CHANNELS; c++) {
        if (state[c] < -STATE_MAX) { /* no neighbour would accept it */
            memset(state, 0, CHANNELS);
        }
    }
}

static void compute(world *w, const world_cell *cell, int8_t *state)
{
    memset(state, 0, CHANNELS);
    if (w->rule == NULL || cell->engine != 0) {
        ask(w, cell, state);
    } else if (cell->alive != 0 || cell->own[ALPHA] > ALIVE_THRESHOLD) {
        if (w->simd) {
            core_avx2(w->rule, cell, state);
        } else {
            core_plain(w->rule, cell, state);
        }
        if (cell->alive == 0 && state[ALPHA] <= ALIVE_THRESHOLD) {
            memset(state, 0, CHANNELS);
        }
    }
}

static void step(world *w, world_cell *cell, bool hello)
{
    int8_t state[CHANNELS];
    cell->counters[UPDATES]++;
    if (cell->fixed && !cell->changed) {
        cell->counters[SKIPPED]++;
        if (!hello && cell->next_within < NEXT_WITHIN_MAX) {
            cell->next_within = (uint8_t)(cell->next_within * 2);
        }
        return;
    }
    compute(w, cell, state);
    cell->changed = 0;
    cell->fixed = is_same(state, cell->own);
    cell->next_within = 1;
    memcpy(cell->own, state, CHANNELS);
}

/* Whether some neighbour with power has not been heard since birth or erasure. */
static bool waits_for_somebody(const world *w, const world_cell *cell)
{
    for (int32_t slot = 0; slot < SLOTS; slot++) {
        const int32_t neighbour = cell->neighbours[slot];
        if (neighbour != NOBODY && w->cells[neighbour].on && !(cell->greeted >> slot & 1)) {
            return true;
        }
    }
    return false;
}

static void note(world *w, int32_t index, const world_cell *cell, bool hello, int64_t now_ns)
{
    world_said *const said = &w->log[w->log_count++];
    said->time_ns = now_ns;
    said->cell = index;
    said->life = cell->incarnation & LIFE_MASK;
    said->sequence = cell->sequence;
    said->hello = hello;
    said->next_within = cell->next_within;
    memcpy(said->state, cell->own, CHANNELS);
}

static void wake(world *w, int32_t index)
{
    world_cell *const cell = &w->cells[index];
    const int64_t now_ns = cell->next_wake_ns;
    for (int32_t slot = 0; slot < SLOTS; slot++) {
        if (cell->neighbours[slot] != NOBODY) { /* while the core computes, memory may fetch whom it will speak to */
            const world_cell *const other = &w->cells[cell->neighbours[slot]];
            __builtin_prefetch(&other->slots[SLOTS - 1 - slot], 1);
            __builtin_prefetch(other, 1);
        }
    }
    mailbox_forget(w, cell, now_ns);
    cell->counters[HEARD] += count_slots(cell->filled);
    cell->counters[LIVING_NEIGHBOURS] += count_slots(cell->living);
    cell->filled = 0;
    const bool hello = now_ns < cell->hello_until_ns && waits_for_somebody(w, cell);
    step(w, cell, hello);
    cell->quiet = is_zero(cell->own) ? cell->quiet + 1 : 0;
    cell->sequence++;
    cell->counters[SAID]++;
    cell->counters[HELLOS] += hello;
    if (cell->quiet >= QUIET_WAKES && !hello && cell->alive == 0) {
        cell->next_wake_ns = NEVER_NS;
        cell->counters[SLEEPING] = 1;
    } else {
        schedule(w, cell, now_ns);
    }
    queue_follow(w, index);
    if (w->log != NULL) {
        note(w, index, cell, hello, now_ns);
    }
    const world_frame frame = {cell->incarnation, cell->sequence, cell->own, hello, cell->next_within};
    for (int32_t slot = 0; slot < SLOTS; slot++) {
        const int32_t neighbour = cell->neighbours[slot];
        if (neighbour == NOBODY || !w->cells[neighbour].on) {
            continue;
        }
        if (w->cells[neighbour].fault_count != 0) {
            pass(w, index, neighbour, SLOTS - 1 - slot, &frame, now_ns);
        } else {
            cell_receive(w, neighbour, SLOTS - 1 - slot, &frame, now_ns);
        }
    }
}
