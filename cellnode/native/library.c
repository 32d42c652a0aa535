/* The fast world of virtual time as a library of this machine: one translation unit, so that the compiler sees it all.
 *
 * cellnode/nativelib.py builds, checks and calls it. */
#include "world.h"

#include "draws.c"
#include "queue.c"
#include "held.c"
#include "mailbox.c"
#include "core.c"
#include "core_avx2.c"
#include "faults.c"
#include "wake.c"
#include "power.c"

void planaria_world_sizes(int64_t *sizes);
int32_t planaria_world_has_simd(void);
void planaria_world_rule(world_rule *rule, const uint8_t *genome);
void planaria_world_update(const world_rule *rule, int32_t simd, const world_cell *cells, int8_t *states, int32_t n);
void planaria_world_power(world *w, const int64_t *cells, int64_t n, int32_t on, int64_t now_ns);
void planaria_world_erase(world *w, const int64_t *cells, int64_t n, int64_t now_ns);
void planaria_world_seed(world *w, const int64_t *cells, int64_t n, const int8_t *state, int64_t now_ns);
void planaria_world_corrupt(world *w, int64_t cell, const int8_t *state, int64_t now_ns);
void planaria_world_refit(world *w, int64_t cell, int64_t now_ns);
void planaria_world_jump(world *w, int64_t cell, int64_t ns, int64_t now_ns);
int32_t planaria_world_run(world *w, int32_t first, int32_t end, int64_t until_ns);
int64_t planaria_world_hear(world *w, int32_t first, int32_t end, const world_heard *heard, int64_t n, int64_t now_ns);
void planaria_world_set_interval(world *w, int32_t first, int32_t end, int64_t now_ns);

/* How large the caller's buffers are here: both sides must mean the same. */
void planaria_world_sizes(int64_t *sizes)
{
    const int64_t all[] = {sizeof(world),       sizeof(world_cell), sizeof(world_fault), sizeof(world_held),
                           sizeof(world_said), sizeof(world_event), sizeof(world_rule),  sizeof(world_edges),
                           sizeof(world_heard), sizeof(world_struck), sizeof(world_copy), offsetof(world_page, counters),
                           offsetof(world_page, flip), offsetof(world_page, copies), offsetof(world_page, say_times)};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        sizes[i] = all[i];
    }
}

int32_t planaria_world_has_simd(void) { return has_avx2(); }

void planaria_world_rule(world_rule *rule, const uint8_t *genome) { rule_read(rule, genome); }

/* The core alone, for the self-test. */
void planaria_world_update(const world_rule *rule, int32_t simd, const world_cell *cells, int8_t *states, int32_t n)
{
    world w = {0};
    w.rule = rule;
    w.simd = simd;
    for (int32_t i = 0; i < n; i++) {
        compute(&w, &cells[i], states + (size_t)i * CHANNELS);
    }
}

/* Cells that get power begin a new life; those that lose it are gone with all that was on its way to them. */
void planaria_world_power(world *w, const int64_t *cells, int64_t n, int32_t on, int64_t now_ns)
{
    for (int64_t k = 0; k < n; k++) {
        world_cell *const cell = &w->cells[cells[k]];
        if (cell->on == (on != 0)) { /* OFF and HERE are 0 and 1 */
            continue;
        }
        held_drop(w, cell);
        if (on != 0) {
            born(w, cell, now_ns);
        } else {
            off(cell);
        }
    }
}

void planaria_world_erase(world *w, const int64_t *cells, int64_t n, int64_t now_ns)
{
    for (int64_t k = 0; k < n; k++) {
        world_cell *const cell = &w->cells[cells[k]];
        if (cell->on) {
            cell->counters[ERASED]++;
            start_over(w, cell, now_ns);
        }
    }
}

void planaria_world_seed(world *w, const int64_t *cells, int64_t n, const int8_t *state, int64_t now_ns)
{
    for (int64_t k = 0; k < n; k++) {
        world_cell *const cell = &w->cells[cells[k]];
        if (cell->on) {
            cell->counters[SEEDED]++;
            memcpy(cell->own, state, CHANNELS);
            begin(w, cell, now_ns);
        }
    }
}

/* One cell that is on: its memory holds another state now, through no act of anybody's. */
void planaria_world_corrupt(world *w, int64_t cell, const int8_t *state, int64_t now_ns)
{
    memcpy(w->cells[cell].own, state, CHANNELS);
    begin(w, &w->cells[cell], now_ns);
}

void planaria_world_refit(world *w, int64_t cell, int64_t now_ns) { refit(w, &w->cells[cell], now_ns); }

void planaria_world_jump(world *w, int64_t cell, int64_t ns, int64_t now_ns) { leap(w, &w->cells[cell], ns, now_ns); }

/* Everything that happens to the cells first .. end - 1 up to and including `until_ns`, in the order (time, cell), what
 * was held back before a wake.  These cells must have no neighbours among the others. */
int32_t planaria_world_run(world *w, int32_t first, int32_t end, int64_t until_ns)
{
    const int64_t earliest = queue_fill(w, first, end);
    for (int64_t bucket = earliest >> w->bucket_shift; w->queued != 0 && bucket <= until_ns >> w->bucket_shift;) {
        const int32_t index = queue_first(w, bucket);
        if (index == NOBODY) {
            bucket++;
            continue;
        }
        const world_cell *const cell = &w->cells[index];
        if (w->events[index].at_ns > until_ns) {
            return RUN_DONE;
        }
        if (w->log != NULL && w->log_count == w->log_room) {
            return RUN_LOG_FULL;
        }
        if (w->faults != NULL && w->held_room < 2 * SLOTS) {
            return RUN_HELD_FULL;
        }
        if (cell->due_ns <= wake_ns(cell)) {
            release(w, index);
        } else {
            wake(w, index);
        }
        if (w->failed) {
            return RUN_ENGINE_FAILED;
        }
    }
    return RUN_DONE;
}

/* What was said elsewhere comes to cells here, at one moment, in this order.  Answers how many frames came: fewer than n
 * if there is no more room to hold frames back. */
int64_t planaria_world_hear(world *w, int32_t first, int32_t end, const world_heard *heard, int64_t n, int64_t now_ns)
{
    (void)queue_fill(w, first, end); /* whoever is roused is moved in the queue */
    for (int64_t k = 0; k < n; k++) {
        const world_cell *const cell = &w->cells[heard[k].receiver];
        const world_frame frame = {heard[k].incarnation, heard[k].sequence, heard[k].state, (uint8_t)heard[k].hello,
                                   (uint8_t)heard[k].next_within};
        if (cell->on != HERE) {
            continue;
        }
        if (cell->fault_count == 0) {
            cell_receive(w, heard[k].receiver, heard[k].slot, &frame, now_ns);
        } else if (w->held_room < 2) {
            return k;
        } else {
            pass(w, heard[k].sender, heard[k].receiver, heard[k].slot, &frame, now_ns);
        }
    }
    return n;
}

/* T is another one now: what is pending is drawn anew. */
void planaria_world_set_interval(world *w, int32_t first, int32_t end, int64_t now_ns)
{
    for (int32_t i = first; i < end; i++) {
        if (w->cells[i].on == HERE && w->cells[i].next_wake_ns != NEVER_NS) {
            schedule(w, &w->cells[i], now_ns);
        }
        w->cells[i].look_at_ns = 0;
    }
}
