/* Whose event is next: a calendar of buckets, each a short list of cells, ordered by (time, cell).
 *
 * A bucket is a span of time; the buckets go round, so an event of a later round waits in its bucket.  Every event is
 * put in, moved and taken out in constant time, and there are about as many cells to a bucket as fit in one hand. */
#include "world.h"

/* When a cell wakes: when it is due, or as soon as it may. */
static inline int64_t wake_ns(const world_cell *cell)
{
    return cell->next_wake_ns > cell->not_before_ns ? cell->next_wake_ns : cell->not_before_ns;
}

static inline int64_t event_ns(const world_cell *cell)
{
    const int64_t at_ns = wake_ns(cell);
    return cell->due_ns < at_ns ? cell->due_ns : at_ns;
}

static inline int32_t *bucket_of(const world *w, int64_t at_ns)
{
    return &w->buckets[(int32_t)((at_ns >> w->bucket_shift) & w->bucket_mask)];
}

static void queue_remove(world *w, int32_t index)
{
    world_event *const event = &w->events[index];
    if (event->at_ns == NEVER_NS) {
        return;
    }
    if (event->before == NOBODY) {
        *bucket_of(w, event->at_ns) = event->next;
    } else {
        w->events[event->before].next = event->next;
    }
    if (event->next != NOBODY) {
        w->events[event->next].before = event->before;
    }
    event->at_ns = NEVER_NS;
    w->queued--;
}

static void queue_put(world *w, int32_t index, int64_t at_ns)
{
    world_event *const event = &w->events[index];
    int32_t *const bucket = bucket_of(w, at_ns);
    event->at_ns = at_ns;
    event->before = NOBODY;
    event->next = *bucket;
    if (*bucket != NOBODY) {
        w->events[*bucket].before = index;
    }
    *bucket = index;
    w->queued++;
}

/* After whatever may have changed this cell's next event. */
static inline void queue_follow(world *w, int32_t index)
{
    const int64_t at_ns = event_ns(&w->cells[index]);
    if (at_ns == w->events[index].at_ns) {
        return;
    }
    queue_remove(w, index);
    if (at_ns != NEVER_NS) {
        queue_put(w, index, at_ns);
    }
}

/* From nothing: the events of the cells first .. end - 1. Answers the earliest time, NEVER_NS if there is none. */
static int64_t queue_fill(world *w, int32_t first, int32_t end)
{
    int64_t earliest = NEVER_NS;
    for (int32_t i = 0; i <= w->bucket_mask; i++) {
        w->buckets[i] = NOBODY;
    }
    w->queued = 0;
    for (int32_t i = first; i < end; i++) {
        const int64_t at_ns = event_ns(&w->cells[i]);
        w->events[i].at_ns = NEVER_NS;
        if (at_ns != NEVER_NS) {
            queue_put(w, i, at_ns);
            earliest = at_ns < earliest ? at_ns : earliest;
        }
    }
    return earliest;
}

/* The first cell by (time, cell) within bucket number `number`, counted from time 0; NOBODY if it holds none. */
static inline int32_t queue_first(const world *w, int64_t number)
{
    int32_t best = NOBODY;
    int64_t best_ns = NEVER_NS;
    for (int32_t i = w->buckets[(int32_t)(number & w->bucket_mask)]; i != NOBODY; i = w->events[i].next) {
        const int64_t at_ns = w->events[i].at_ns;
        if ((at_ns >> w->bucket_shift) == number && (at_ns < best_ns || (at_ns == best_ns && i < best))) {
            best_ns = at_ns;
            best = i;
        }
    }
    return best;
}
