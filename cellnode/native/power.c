/* What is done to cells from outside, between runs: power, erasure, a state, another chip, a clock that jumps
 * (cellnode/cell.py, cellnode/patch.py). */
#include <string.h>

#include "world.h"

/* A state given from outside: nothing is proven about it. */
static void begin(const world *w, world_cell *cell, int64_t now_ns)
{
    cell->fixed = 0;
    cell->changed = 1;
    cell->quiet = 0;
    rouse(w, cell, now_ns);
}

static void start_over(const world *w, world_cell *cell, int64_t now_ns)
{
    mailbox_clear(cell);
    begin(w, cell, now_ns);
    cell->hello_until_ns = now_ns + HELLO_MAX * w->interval_ns;
}

static void born(const world *w, world_cell *cell, int64_t now_ns)
{
    const int64_t life = (cell->incarnation & LIFE_MASK) + 1;
    for (int32_t slot = 0; slot < SLOTS; slot++) {
        cell->slots[slot].incarnation = cell->answered[slot] = 0;
    }
    cell->sequence = 0;
    cell->incarnation = w->epoch << 32 | life;
    cell->clock_key = chain(w->wake_key, chain(chain(chain(0, (uint64_t)cell->number), (uint64_t)w->epoch), (uint64_t)life));
    cell->draws = 0;
    cell->on = HERE;
    cell->not_before_ns = 0;
    start_over(w, cell, now_ns);
}

static void off(world_cell *cell)
{
    mailbox_clear(cell);
    cell->on = OFF;
    cell->not_before_ns = 0;
    cell->next_wake_ns = NEVER_NS;
    cell->hello_until_ns = 0;
    cell->counters[SLEEPING] = 0;
}

/* Another chip from now on: what was proven of a fixed point is not. */
static void refit(const world *w, world_cell *cell, int64_t now_ns)
{
    cell->fixed = 0;
    rouse(w, cell, now_ns);
}

/* Its clock says `ns` more than a moment ago. */
static void leap(const world *w, world_cell *cell, int64_t ns, int64_t now_ns)
{
    for (int32_t slot = 0; slot < SLOTS; slot++) {
        cell->slots[slot].heard_at_ns -= ns;
    }
    cell->look_at_ns = 0;
    cell->hello_until_ns -= ns;
    if (cell->next_wake_ns == NEVER_NS) {
        return;
    }
    cell->next_wake_ns -= ns;
    if (cell->next_wake_ns <= now_ns) {
        count_late(w, cell, now_ns);
        cell->next_wake_ns = now_ns + REACTION_NS;
    }
}
