/* Cells in virtual time as plain memory: what the fast world of cellnode/nativeworld.py is made of.
 *
 * The caller owns every buffer; nothing here allocates, keeps or frees memory, reads a clock or draws by chance.  The
 * machine is that of cellnode/cell.py and cellnode/mailbox.py, field for field; read them side by side.  Numbers that
 * Python knows, too, are compared with Python's by the self-test when the library is loaded.
 */
#ifndef PLANARIA_WORLD_H
#define PLANARIA_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CHANNELS = 16,
    ALPHA = 3,
    SLOTS = 8,            /* NW, N, NE, W, E, SW, S, SE */
    COUNTERS = 48,        /* cellnode/panel.py */
    QUIET_WAKES = 3,      /* cellnode/cell.py ... */
    HELLO_MAX = 4,
    REACTION_NS = 1,
    NEXT_WITHIN_MAX = 4,  /* cellnode/frame.py */
    JUMP_MAX = 1 << 16,   /* cellnode/mailbox.py */
    ALIVE_THRESHOLD = 3,  /* firmware_sim/limits.py */
    HELD_MAX = 4096,      /* cellnode/linkfault.py */
    HIDDEN_STEPS = 255,
    STATE_MAX = 127,
    NOBODY = -1
};

/* Who a cell is to this world: without power, living here, or living elsewhere (what it says comes by `hear`). */
enum { OFF = 0, HERE = 1, ELSEWHERE = 2 };
#define NEVER_NS ((int64_t)1 << 62)
#define LIFE_MASK ((int64_t)0xFFFFFFFF)

enum {
    UPDATES = 0, SKIPPED = 1, SAID = 2, HEARD = 3, LIVING_NEIGHBOURS = 4, RECEIVED = 5, MISSED_WAKES = 6, LATE_NS = 7,
    ERASED = 9, SEEDED = 10,
    FORGOTTEN = 11, FAULT_LOST = 12, FAULT_DELAYED = 13, DROP_OLD_INCARNATION = 20, DROP_SEQUENCE = 22, WOKEN = 25,
    SLEEPING = 26, HELLOS = 27, FAULT_CLOCK = 29, FAULT_DUPLICATED = 30
};

/* What a run may stop for; it goes on where it was when called again. */
enum { RUN_DONE = 0, RUN_LOG_FULL = 1, RUN_HELD_FULL = 2, RUN_ENGINE_FAILED = 3 };

/* What one link last brought.  48 bytes. */
typedef struct {
    int64_t incarnation; /* the newest met; survives forgetting and erasing */
    int64_t sequence;    /* of the last frame; 0: the slot is empty */
    int64_t heard_at_ns;
    int64_t next_within;
    int8_t state[CHANNELS];
} world_slot;

/* One of the two copies of what can be seen of a cell (cellnode/panel.py).  240 bytes. */
typedef struct {
    uint64_t begin;
    uint64_t sequence;
    uint64_t said_at_ns;
    uint64_t used_at_ns;
    uint64_t used_sequence[SLOTS];
    uint32_t used_epoch[SLOTS];
    uint32_t used_life[SLOTS];
    uint32_t next_within;
    uint32_t flags;
    int8_t state[64];
    uint64_t end;
} world_copy;

enum { SAY_TIMES = 64 };

/* A cell's page of the panel, as far as a wake writes there. */
typedef struct {
    uint32_t identity[6];
    uint64_t command_id;
    uint64_t counters[COUNTERS];
    uint32_t flip;
    uint32_t gap[7];
    world_copy copies[2];
    uint64_t other_gap[12];
    uint64_t say_times[SAY_TIMES];
} world_page;

/* One cell.  Masks have bit `1 << slot`.  A frame touches the first cache line of its receiver and one slot. */
typedef struct {
    int64_t next_wake_ns; /* NEVER_NS: asleep, or without power */
    int64_t due_ns;       /* of the earliest frame held back, or NEVER_NS */
    int64_t look_at_ns;   /* no slot expires before */
    uint64_t received;    /* the counter RECEIVED, which lies here for speed */
    int8_t own[CHANNELS];
    uint8_t on;           /* OFF, HERE or ELSEWHERE */
    uint8_t fixed;        /* the last computed step gave back the state it began with */
    uint8_t changed;      /* some value differs from when the core last computed */
    uint8_t next_within;
    uint8_t filled;       /* slots filled since the last wake */
    uint8_t greeted;      /* slots heard since birth or erasure */
    uint8_t alive;        /* slots whose alpha is above the threshold */
    uint8_t living;       /* slots whose state is not zero */
    int32_t fault_count;
    int32_t fault_first;  /* of the faults on its links in the world's `edges` */
    /* from here on what only its own wakes and the outside need */
    int32_t neighbours[SLOTS]; /* NOBODY beyond the border */
    int32_t engine;       /* 0: the rule's integer core; above: ask; below: -1 - its place in the world's `struck` */
    int32_t held;         /* root of the frames held back, NOBODY if none */
    int32_t held_count;
    int32_t clock_count;
    int64_t hello_until_ns;
    int64_t incarnation;  /* epoch << 32 | life */
    int64_t sequence;     /* of the last frame said */
    uint64_t clock_key;
    uint64_t draws;
    int64_t quiet;        /* wakes in a row at which zero was said */
    int64_t clock_first;  /* of the faults of its clock in the world's `edges` */
    int64_t number;       /* in the grid: what it is called in frames, and what its draws are keyed by */
    int64_t not_before_ns; /* no wake before, however long it is due; NEVER_NS: it stands still */
    world_page *page;     /* of the panel, null if nobody looks */
    world_slot slots[SLOTS];
    uint64_t counters[COUNTERS];
    int64_t answered[SLOTS]; /* incarnation whose hello was answered out of sleep */
} world_cell;

/* What a fault may do to frames (cellnode/linkfate.py) or to a clock (cellnode/clockfault.py). */
enum { LOSS = 0, BURST = 1, DELAY = 2, REORDER = 3, DUPLICATE = 4, DRIFT = 5, JITTER = 6 };

/* One fault. Keys stand for (seed, purpose), chances are of 2**53. */
typedef struct {
    uint64_t id_key;         /* chain(0, id) */
    uint64_t key;            /* of what decides: lost, late, hit, the steps of bursts, the factor of a clock */
    uint64_t second_key;     /* burst: the stationary state; duplicate: the lag */
    uint64_t third_key;      /* burst: lost or not */
    uint64_t chance;         /* of a hit; burst: of a loss within */
    uint64_t chance_between; /* burst: of a loss between two */
    uint64_t enter;          /* burst: the law of its chain (cellnode/bursts.py) */
    uint64_t stay;
    uint64_t stationary;
    int64_t limit_ns;        /* delays: the longest, or the mean */
    int64_t middle;          /* clocks: the factor in the middle, in 2**-20, and how far from it a draw may lead */
    int64_t reach;
    const uint64_t *table;   /* delay: quantiles of its shape, 1,025 entries; null: uniform */
    int64_t kind;
    int64_t constant;        /* delay: always the mean */
} world_fault;

/* A fault as it concerns one cell. */
typedef struct {
    int32_t fault;
    int32_t slots; /* the incoming edges it lies on */
} world_edges;

enum { BLOCK = 64, BLOCKS_MAX = 4, PAIRS = 24 };

/* The integer core's weights, laid out for columns of hidden units; see core.c. */
typedef struct {
    int32_t blocks; /* of 64 hidden units, the last filled up with units that are always 0 */
    int32_t shift;
    int32_t m;
    int32_t s;
    int32_t half1;
    int32_t half2;
    int32_t b2[CHANNELS];
    int32_t b1[BLOCKS_MAX * BLOCK];
    int16_t w1[BLOCKS_MAX][PAIRS][2 * BLOCK];       /* [block][pair of inputs][hidden unit, input of the pair] */
    int16_t w2[BLOCKS_MAX * BLOCK / 2][2 * CHANNELS]; /* [pair of hidden units][output, unit of the pair] */
} world_rule;

/* A cell whose chip is not as it was made, or that says what it is not (cellnode/nativestruck.py). */
typedef struct {
    const world_rule *rule; /* the genome it computes by; null: the world's */
    int64_t spared;         /* so many updates more are what that genome makes of them; then it is asked */
    int64_t lying;          /* it is asked what to say, too */
    int8_t said[CHANNELS];
} world_struck;

/* A frame held back: a node of its receiver's heap, or of the list of free nodes (by `left`). */
typedef struct {
    int64_t due_ns;
    int64_t sender;
    int64_t incarnation;
    int64_t sequence;
    int32_t left;
    int32_t right;
    int32_t copy; /* it has come already, and comes once more */
    int32_t slot;
    int32_t hello;
    int32_t next_within;
    int8_t state[CHANNELS];
} world_held;

/* A frame that somebody elsewhere has said, on its way to one cell here. */
typedef struct {
    int64_t sender; /* number */
    int64_t incarnation;
    int64_t sequence;
    int32_t receiver;
    int32_t slot;
    int32_t hello;
    int32_t next_within;
    int8_t state[CHANNELS];
} world_heard;

/* What was said, for the log. */
typedef struct {
    int64_t time_ns;
    int64_t cell;
    int64_t life;
    int64_t sequence;
    int32_t hello;
    int32_t next_within;
    int8_t state[CHANNELS];
} world_said;

/* Where a cell stands in the queue. */
typedef struct {
    int64_t at_ns; /* NEVER_NS: it does not */
    int32_t next;
    int32_t before;
} world_event;

/* Asks for the update of a cell: int8[9][16] in, int8[16] out; without a block, for what it says instead of the state
 * that is given.  Answers not 0 if that failed. */
typedef int32_t (*world_ask)(int32_t index, const int8_t *block, int8_t *state);

typedef struct {
    world_cell *cells;
    const world_rule *rule;
    const uint64_t *intervals; /* the exponential table of cellnode/draws.py, 4,097 entries */
    const world_fault *faults;
    const world_edges *edges;
    world_struck *struck;
    world_held *held;
    world_said *log; /* null: nobody listens */
    world_event *events;
    int32_t *buckets;
    world_ask ask;
    int64_t interval_ns;
    int64_t epoch;
    int64_t delay_max_ns;
    uint64_t wake_key; /* chain(chain(0, seed), WAKE) */
    int64_t log_count;
    int64_t log_room;
    int64_t shown_later_ns; /* what a page shows is so much later than this world's time */
    int32_t held_free; /* first free node */
    int32_t held_room; /* how many are free */
    int32_t bucket_shift; /* a bucket is 1 << shift ns wide */
    int32_t bucket_mask;
    int32_t queued;
    int32_t simd;
    int32_t failed;
    int32_t unused;
} world;

#endif
