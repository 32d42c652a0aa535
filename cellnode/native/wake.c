/* One cell's wake, and what a frame does to it (cellnode/cell.py); what a faulty link does to the frame before. */
#include <string.h>

#include "world.h"

static void schedule(const world *w, world_cell *cell, int64_t now_ns)
{
    int64_t interval = interval_ns(w->intervals, chain(cell->clock_key, cell->draws), w->interval_ns);
    if (cell->clock_count != 0) {
        interval = bend(w, cell, interval, cell->draws);
    }
    cell->draws++;
    cell->next_wake_ns = now_ns + interval * cell->next_within;
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

/* Keep a frame until it is due; false if too many wait already. */
static bool hold(world *w, world_cell *cell, world_held *held, int64_t due_ns)
{
    if (cell->held_count >= HELD_MAX) {
        return false;
    }
    held->due_ns = due_ns;
    held_put(w, cell, held);
    return true;
}

/* A frame goes over a link with faults (`_meet` of cellnode/linkfault.py). */
static void pass(world *w, int64_t sender, int32_t index, int32_t slot, const world_frame *frame, int64_t now_ns)
{
    world_cell *const cell = &w->cells[index];
    const world_fate met = fate_of(w, cell, sender, slot, frame->incarnation, frame->sequence);
    if (met.lost) {
        cell->counters[FAULT_LOST]++;
        return;
    }
    if (met.delay_ns != 0 || met.again_ns != 0) {
        world_held held = {0, sender, frame->incarnation, frame->sequence, NOBODY, NOBODY, 0, slot,
                           frame->hello, frame->next_within, {0}};
        memcpy(held.state, frame->state, CHANNELS);
        if (met.delay_ns != 0) {
            const bool held_back = hold(w, cell, &held, now_ns + met.delay_ns);
            cell->counters[held_back ? FAULT_DELAYED : FAULT_LOST]++;
            if (!held_back) {
                return;
            }
        }
        held.copy = 1;
        if (met.again_ns != 0 && hold(w, cell, &held, now_ns + met.delay_ns + met.again_ns)) {
            cell->counters[FAULT_DUPLICATED]++;
        }
        queue_follow(w, index);
    }
    if (met.delay_ns == 0) {
        cell_receive(w, index, slot, frame, now_ns);
    }
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

static world_struck *struck_of(const world *w, const world_cell *cell)
{
    return cell->engine < 0 ? &w->struck[-1 - cell->engine] : NULL;
}

/* Ask whoever computes this cell: with its 3x3 in rows. */
static void ask(world *w, const world_cell *cell, int8_t *state)
{
    int8_t block[9][CHANNELS];
    for (int32_t slot = 0; slot < SLOTS; slot++) {
        memcpy(block[slot < 4 ? slot : slot + 1], cell->slots[slot].state, CHANNELS);
    }
    memcpy(block[4], cell->own, CHANNELS);
    w->failed |= w->ask((int32_t)(cell - w->cells), block[0], state);
    for (int32_t c = 0; c < CHANNELS; c++) {
        if (state[c] < -STATE_MAX) { /* no neighbour would accept it */
            memset(state, 0, CHANNELS);
        }
    }
}

static void compute(world *w, const world_cell *cell, int8_t *state)
{
    world_struck *const struck = struck_of(w, cell);
    const world_rule *rule = cell->engine == 0 ? w->rule : NULL;
    memset(state, 0, CHANNELS);
    if (struck != NULL && struck->spared > 0) {
        struck->spared--;
        rule = struck->rule != NULL ? struck->rule : w->rule;
    }
    if (rule == NULL) {
        ask(w, cell, state);
    } else if (cell->alive != 0 || cell->own[ALPHA] > ALIVE_THRESHOLD) {
        if (w->simd) {
            core_avx2(rule, cell, state);
        } else {
            core_plain(rule, cell, state);
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

/* More than T late is missed; after more than 2 T nobody was listening, and silence counts anew. */
static void count_late(const world *w, world_cell *cell, int64_t now_ns)
{
    const int64_t late_ns = now_ns - cell->next_wake_ns;
    if (late_ns <= 0) {
        return;
    }
    cell->counters[LATE_NS] += (uint64_t)late_ns;
    cell->counters[MISSED_WAKES] += late_ns > w->interval_ns;
    if (late_ns > 2 * w->interval_ns) {
        mailbox_restart_ages(cell, now_ns);
    }
}

/* What is about to be said, and what it was computed from, for whoever looks (cellnode/page.py). */
static void show(const world *w, const world_cell *cell, int64_t now_ns)
{
    world_page *const page = cell->page;
    const uint32_t flip = 1 - (page->flip & 1);
    world_copy *const copy = &page->copies[flip];
    const uint64_t sequence = (uint64_t)cell->sequence;
    const uint64_t shown_ns = (uint64_t)(now_ns + w->shown_later_ns);
    __atomic_store_n(&copy->begin, sequence, __ATOMIC_SEQ_CST);
    copy->sequence = sequence;
    copy->said_at_ns = copy->used_at_ns = shown_ns;
    for (int32_t slot = 0; slot < SLOTS; slot++) {
        copy->used_sequence[slot] = (uint64_t)cell->slots[slot].sequence;
        copy->used_epoch[slot] = (uint32_t)(cell->slots[slot].incarnation >> 32);
        copy->used_life[slot] = (uint32_t)cell->slots[slot].incarnation;
    }
    copy->next_within = cell->next_within;
    memcpy(copy->state, cell->own, CHANNELS);
    page->say_times[sequence % SAY_TIMES] = shown_ns;
    memcpy(page->counters, cell->counters, sizeof page->counters);
    page->counters[RECEIVED] = cell->received;
    __atomic_store_n(&copy->end, sequence, __ATOMIC_RELEASE);
    __atomic_store_n(&page->flip, flip, __ATOMIC_RELEASE);
}

static void note(world *w, int32_t index, const world_cell *cell, const int8_t *state, bool hello, int64_t now_ns)
{
    world_said *const said = &w->log[w->log_count++];
    said->time_ns = now_ns;
    said->cell = index;
    said->life = cell->incarnation & LIFE_MASK;
    said->sequence = cell->sequence;
    said->hello = hello;
    said->next_within = cell->next_within;
    memcpy(said->state, state, CHANNELS);
}

/* What a lying cell says. */
static const int8_t *lie(world *w, const world_cell *cell)
{
    world_struck *const struck = struck_of(w, cell);
    memcpy(struck->said, cell->own, CHANNELS);
    w->failed |= w->ask((int32_t)(cell - w->cells), NULL, struck->said);
    return struck->said;
}

static void wake(world *w, int32_t index)
{
    world_cell *const cell = &w->cells[index];
    const int64_t now_ns = wake_ns(cell);
    for (int32_t slot = 0; slot < SLOTS; slot++) {
        if (cell->neighbours[slot] != NOBODY) { /* while the core computes, memory may fetch whom it will speak to */
            const world_cell *const other = &w->cells[cell->neighbours[slot]];
            __builtin_prefetch(&other->slots[SLOTS - 1 - slot], 1);
            __builtin_prefetch(other, 1);
        }
    }
    count_late(w, cell, now_ns);
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
    const bool lying = cell->engine < 0 && struck_of(w, cell)->lying;
    const int8_t *const state = lying ? lie(w, cell) : cell->own;
    if (cell->quiet >= QUIET_WAKES && !hello && cell->alive == 0 && !lying) {
        cell->next_wake_ns = NEVER_NS;
        cell->counters[SLEEPING] = 1;
    } else {
        schedule(w, cell, now_ns);
    }
    queue_follow(w, index);
    if (cell->page != NULL) {
        show(w, cell, now_ns);
    }
    if (w->log != NULL) {
        note(w, index, cell, state, hello, now_ns);
    }
    const world_frame frame = {cell->incarnation, cell->sequence, state, hello, cell->next_within};
    for (int32_t slot = 0; slot < SLOTS; slot++) {
        const int32_t neighbour = cell->neighbours[slot];
        if (neighbour == NOBODY || w->cells[neighbour].on != HERE) {
            continue;
        }
        if (w->cells[neighbour].fault_count != 0) {
            pass(w, cell->number, neighbour, SLOTS - 1 - slot, &frame, now_ns);
        } else {
            cell_receive(w, neighbour, SLOTS - 1 - slot, &frame, now_ns);
        }
    }
}
