/* Frames that a link fault holds back: for each cell a heap by (due, sender, incarnation, sequence, copy), all in one pool.
 *
 * The heaps are skew heaps (Sleator and Tarjan 1986): merging is all they need, and no node has a fixed place. */
#include "world.h"

static bool held_less(const world_held *a, const world_held *b)
{
    if (a->due_ns != b->due_ns) {
        return a->due_ns < b->due_ns;
    }
    if (a->sender != b->sender) {
        return a->sender < b->sender;
    }
    if (a->incarnation != b->incarnation) {
        return a->incarnation < b->incarnation;
    }
    if (a->sequence != b->sequence) {
        return a->sequence < b->sequence;
    }
    return a->copy < b->copy;
}

static int32_t held_merge(world_held *pool, int32_t a, int32_t b)
{
    if (a == NOBODY || b == NOBODY) {
        return a == NOBODY ? b : a;
    }
    if (held_less(&pool[b], &pool[a])) {
        const int32_t swapped = a;
        a = b;
        b = swapped;
    }
    const int32_t root = a;
    for (;;) { /* b goes below a: its right side becomes the left, and what was there is merged with b */
        const int32_t right = pool[a].right;
        pool[a].right = pool[a].left;
        if (right == NOBODY) {
            pool[a].left = b;
            return root;
        }
        if (held_less(&pool[b], &pool[right])) {
            pool[a].left = b;
            a = b;
            b = right;
        } else {
            pool[a].left = right;
            a = right;
        }
    }
}

static void held_put(world *w, world_cell *cell, const world_held *frame)
{
    const int32_t node = w->held_free;
    w->held_free = w->held[node].left;
    w->held_room--;
    w->held[node] = *frame;
    w->held[node].left = w->held[node].right = NOBODY;
    cell->held = held_merge(w->held, cell->held, node);
    cell->held_count++;
    cell->due_ns = w->held[cell->held].due_ns;
}

/* Take the earliest frame of a cell that has one. */
static world_held held_take(world *w, world_cell *cell)
{
    const int32_t node = cell->held;
    const world_held frame = w->held[node];
    cell->held = held_merge(w->held, frame.left, frame.right);
    cell->held_count--;
    cell->due_ns = cell->held == NOBODY ? NEVER_NS : w->held[cell->held].due_ns;
    w->held[node].left = w->held_free;
    w->held_free = node;
    w->held_room++;
    return frame;
}

static void held_drop(world *w, world_cell *cell)
{
    while (cell->held != NOBODY) {
        (void)held_take(w, cell);
    }
}
