/* What faults do: the fate of a frame (cellnode/linkfate.py) and a bent wake interval (cellnode/clockfault.py).  Pure
 * functions of who, when and which; nothing is remembered. */
#include "world.h"

#define UNIFORM_MAX_NS (((int64_t)1 << 43) - 1)
#define MEAN_MAX_NS (((int64_t)1 << 37) - 1)

/* What all faults on an edge do to one frame. */
typedef struct {
    bool lost;
    int64_t delay_ns;
    int64_t again_ns; /* above 0: it comes a second time, so much later than the first */
} world_fate;

static bool hits(uint64_t key, int64_t counter, uint64_t chance)
{
    return (chain(key, (uint64_t)counter) >> 11) < chance;
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* How late (cellnode/delays.py). */
static int64_t lateness(const world_fault *fault, uint64_t bits)
{
    if (fault->constant) {
        return least(fault->limit_ns, UNIFORM_MAX_NS);
    }
    if (fault->table == NULL) {
        return share(bits, least(fault->limit_ns, UNIFORM_MAX_NS));
    }
    const uint64_t index = bits >> 54;
    const uint64_t fraction = (bits >> 34) & 0xFFFFF;
    const uint64_t low = fault->table[index];
    const uint64_t value = low + (((fault->table[index + 1] - low) * fraction) >> 20);
    return (int64_t)((value * (uint64_t)least(fault->limit_ns, MEAN_MAX_NS)) >> 20);
}

/* Whether the chain of burst loss is in a burst at this frame (cellnode/bursts.py): the last step before it that
 * decides, decides; at the latest the draw at the start of the block of 1,024 before its own. */
static bool in_burst(const world_fault *fault, uint64_t steps, uint64_t starts, int64_t sequence)
{
    const int64_t block = (sequence >> 10) - 1;
    const int64_t start = block > 0 ? block << 10 : 0;
    for (int64_t at = sequence; at > start; at--) {
        const uint64_t bits = chain(steps, (uint64_t)at) >> 11;
        if (bits < fault->enter) {
            return true;
        }
        if (bits >= fault->stay) {
            return false;
        }
    }
    return hits(starts, start, fault->stationary);
}

/* The fate of frame `sequence` of one life of `sender`, a number, on its way into `slot` of a cell with faults. */
static world_fate fate_of(const world *w, const world_cell *cell, int64_t sender, int32_t slot, int64_t incarnation,
                          int64_t sequence)
{
    world_fate met = {false, 0, 0};
    for (int32_t k = 0; k < cell->fault_count; k++) {
        const world_edges *const edges = &w->edges[cell->fault_first + k];
        if (!(edges->slots >> slot & 1)) {
            continue;
        }
        const world_fault *const fault = &w->faults[edges->fault];
        uint64_t who = chain(chain(fault->id_key, (uint64_t)sender), (uint64_t)cell->number);
        who = chain(chain(who, (uint64_t)(incarnation >> 32)), (uint64_t)(incarnation & LIFE_MASK));
        const uint64_t key = chain(fault->key, who);
        switch (fault->kind) {
        case LOSS:
            met.lost |= hits(key, sequence, fault->chance);
            break;
        case BURST: {
            const bool bad = in_burst(fault, key, chain(fault->second_key, who), sequence);
            met.lost |= hits(chain(fault->third_key, who), sequence, bad ? fault->chance : fault->chance_between);
            break;
        }
        case DELAY:
            met.delay_ns += lateness(fault, chain(key, (uint64_t)sequence));
            break;
        case REORDER:
            met.delay_ns += hits(key, sequence, fault->chance) ? fault->limit_ns : 0;
            break;
        default: /* DUPLICATE */
            if (hits(key, sequence, fault->chance)) {
                const uint64_t bits = chain(chain(fault->second_key, who), (uint64_t)sequence);
                const int64_t again_ns = 1 + lateness(fault, bits);
                met.again_ns = again_ns > met.again_ns ? again_ns : met.again_ns;
            }
        }
    }
    met.delay_ns = least(met.delay_ns, w->delay_max_ns);
    return met;
}

/* A wake interval as a bad clock makes it; `counter` numbers the draw. */
static int64_t bend(const world *w, world_cell *cell, int64_t interval, uint64_t counter)
{
    for (int32_t k = 0; k < cell->clock_count; k++) {
        const world_fault *const fault = &w->faults[w->edges[cell->clock_first + k].fault];
        uint64_t who = chain(fault->id_key, (uint64_t)cell->number);
        if (fault->kind == JITTER) {
            who = chain(chain(who, (uint64_t)(cell->incarnation >> 32)), (uint64_t)(cell->incarnation & LIFE_MASK));
        }
        const uint64_t bits = chain(chain(fault->key, who), fault->kind == JITTER ? counter : 0);
        const int64_t factor = fault->middle - fault->reach + share(bits, 2 * fault->reach);
        interval = (interval >> 20) * factor + (((interval & 0xFFFFF) * factor) >> 20);
        interval = least(interval > 1 ? interval : 1, 64 * w->interval_ns);
    }
    cell->counters[FAULT_CLOCK]++;
    return interval;
}
