"""Many cells as arrays: the batch twin of `Cell`, bit for bit where the engine gives the same bits for any batch size.

Each array holds for all cells what one field of `Cell` or `Mailbox` holds for one; the two files are read side by side.
`wake` takes cells that may wake in any order (who they are is `schedule.py`'s business) and `deliver` hands what they
said to their neighbours. Frames here are rows of arrays: they need no tag, CRC or announcement. Knows no clock and no
random source; intervals are drawn by key and counter. May import numpy, firmware_sim, draws, frame, mailbox and panel
constants.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode.cell import HELLO_MAX, LATE_DEAF, LATE_MISSED, QUIET_WAKES, REACTION_NS
from cellnode.draws import Purpose, chain_array, interval_ns_array, stream_key, wake_entity
from cellnode.frame import NEXT_WITHIN_MAX
from cellnode.mailbox import JUMP_MAX, NEVER_NS, OWN, POSITIONS, SILENCE_FACTOR, SILENCE_MAX, incarnation_of
from cellnode.panel import COUNTERS, Counter
from firmware_sim.engines import Engine
from firmware_sim.limits import ALIVE_THRESHOLD, ALIVE_THRESHOLD_INT8, ALPHA

Indices = NDArray[np.int64]
Times = NDArray[np.int64]
Mask = NDArray[np.bool_]

_POSITIONS = np.array(POSITIONS, dtype=np.int64)
_SLOTS = np.arange(8, dtype=np.int64)
LIFE_MASK = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Frames:
    """n frames on their way: who said what to whom. All arrays [n], `states` [n, C]; times in ns."""

    times: Times
    senders: Indices
    receivers: Indices
    slots: Indices
    incarnations: NDArray[np.int64]
    sequences: NDArray[np.int64]
    hello: Mask
    next_within: NDArray[np.int64]
    states: NDArray[Any]

    def take(self, which: NDArray[Any]) -> Frames:
        """Those that `which` (mask or indices) picks."""
        return Frames(*(getattr(self, name)[which] for name in self.__slots__))


class Patch:
    """Cells 0 .. n-1 of a grid given by its table of neighbours; nobody has power until `born`.

    Index n stands for "no neighbour": it never wakes and has no power, so that lookups need no branch.
    """

    def __init__(self, table: NDArray[np.int32], engine: Engine, rng_seed: int, interval_ns: int, epoch: int) -> None:
        n, c = len(table), engine.channels
        self.count, self.engine, self.interval_ns = n, engine, interval_ns
        self._rng_seed, self._epoch = rng_seed, epoch
        self._bits = np.dtype(f"u{engine.dtype.itemsize}")  # states are compared as bits, like bytes in `Cell`
        self.neighbours: Indices = np.where(table < 0, n, table).astype(np.int64)
        self.block: NDArray[Any] = np.zeros((n, 9, c), engine.dtype)
        self._cells_of_block = self.block.reshape(n * 9, c)
        ages = np.array([max(SILENCE_MAX, SILENCE_FACTOR * k) * interval_ns for k in range(NEXT_WITHIN_MAX + 1)])
        self._time_to_live_ns: Times = ages.astype(np.int64)
        # cells
        self.on: Mask = np.zeros(n + 1, np.bool_)
        self.next_wake_ns: Times = np.full(n + 1, NEVER_NS)
        self.next_draw_ns: Times = np.full(n, 1, np.int64)  # the interval that the next draw will give
        self.next_within = np.ones(n, np.int64)
        self.hello_until_ns: Times = np.zeros(n + 1, np.int64)
        self.incarnation = np.zeros(n + 1, np.int64)
        self.sequence = np.zeros(n, np.int64)
        self.counters = np.zeros((COUNTERS, n), np.uint64)
        self._lives = np.zeros(n, np.int64)
        self._clock_key = np.zeros(n, np.uint64)
        self._draws = np.zeros(n, np.uint64)
        self._fixed: Mask = np.zeros(n, np.bool_)
        self._changed: Mask = np.ones(n, np.bool_)
        self._quiet = np.zeros(n, np.int64)
        self._look_at_ns: Times = np.zeros(n, np.int64)  # no slot expires before
        # slots
        self.sequences = np.zeros((n, 8), np.int64)
        self.incarnations = np.zeros((n, 8), np.int64)
        self.greeted: Mask = np.zeros((n, 8), np.bool_)
        self.unmet: Mask = np.zeros((n, 8), np.bool_)  # the neighbour is on in an incarnation not yet heard here
        self._heard_at_ns: Times = np.zeros((n, 8), np.int64)
        self._announced_within = np.ones((n, 8), np.int64)
        self._answered = np.zeros((n, 8), np.int64)
        self._alive: Mask = np.zeros((n, 8), np.bool_)
        self._living: Mask = np.zeros((n, 8), np.bool_)
        self._filled: Mask = np.zeros((n, 8), np.bool_)

    @property
    def states(self) -> NDArray[Any]:
        """[n, C] in the engine's dtype, a view; cells without power are zeros."""
        return self.block[:, OWN]

    @property
    def lives(self) -> NDArray[np.int64]:
        return self._lives

    def listening(self) -> Mask:
        """[n]: cells whose next wake a message may move, asleep or stretched."""
        return self.on[:-1] & ((self.next_wake_ns[:-1] == NEVER_NS) | (self.next_within > 1))

    def hello_pending(self, now_ns: Times | np.int64, cells: Indices | slice = slice(None)) -> Mask:
        """Whether these cells still wait to be answered at `now_ns`."""
        on: Mask = self.on[self.neighbours[cells]]
        pending: Mask = (on & ~self.greeted[cells]).any(axis=1) & (now_ns < self.hello_until_ns[:-1][cells])
        return pending

    # ---- power and pokes, at one instant

    def born(self, cells: Indices, now_ns: int) -> None:
        """These cells, now off, begin a new life, empty."""
        self._clear(cells)
        self.incarnations[cells] = 0
        self._answered[cells] = 0
        self._lives[cells] += 1
        self.sequence[cells] = 0
        self.incarnation[cells] = incarnation_of(self._epoch, 0) | self._lives[cells]
        for cell in cells.tolist():
            who = wake_entity(cell, self._epoch, int(self._lives[cell]))
            self._clock_key[cell] = stream_key(self._rng_seed, who, Purpose.WAKE)
        self._draws[cells] = 0
        self._peek(cells)
        self.on[cells] = True
        self._meet_anew(cells)
        self._begin(cells, np.full(len(cells), now_ns))
        self.hello_until_ns[cells] = now_ns + HELLO_MAX * self.interval_ns

    def off(self, cells: Indices) -> None:
        """These cells lose power and all they held."""
        self._clear(cells)
        self.on[cells] = False
        self.next_wake_ns[cells] = NEVER_NS
        self.hello_until_ns[cells] = 0
        self.counters[Counter.SLEEPING, cells] = 0
        self._meet_anew(cells)

    def erase(self, cells: Indices, now_ns: int) -> None:
        """`Cell.erase` for these cells, which are on."""
        self.counters[Counter.ERASED, cells] += np.uint64(1)
        self._clear(cells)
        self._begin(cells, np.full(len(cells), now_ns))
        self.hello_until_ns[cells] = now_ns + HELLO_MAX * self.interval_ns

    def seed(self, cells: Indices, state: NDArray[Any], now_ns: int) -> None:
        """`Cell.seed` for these cells, which are on."""
        self.counters[Counter.SEEDED, cells] += np.uint64(1)
        self.block[cells, OWN] = state
        self._begin(cells, np.full(len(cells), now_ns))

    # ---- wake and deliver

    def wake(self, cells: Indices, now_ns: Times) -> Frames:
        """`Cell.wake` for cells [k] that are awake, none twice, each at its own time; what they say, once each."""
        counters, one = self.counters, np.uint64(1)
        self._count_late(cells, now_ns)
        self._forget(cells, now_ns)
        counters[Counter.HEARD, cells] += self._filled[cells].sum(axis=1, dtype=np.uint64)
        counters[Counter.LIVING_NEIGHBOURS, cells] += self._living[cells].sum(axis=1, dtype=np.uint64)
        self._filled[cells] = False
        hello = now_ns < self.hello_until_ns[cells]
        if hello.any():
            hello = self.hello_pending(now_ns, cells)
            counters[Counter.HELLOS, cells[hello]] += one
        self._step(cells, hello)
        states = self.block[cells, OWN]
        zero = ~states.view(self._bits).any(axis=1)
        quiet = np.where(zero, self._quiet[cells] + 1, 0)
        self._quiet[cells] = quiet
        self.sequence[cells] += 1
        counters[Counter.SAID, cells] += one
        asleep = (quiet >= QUIET_WAKES) & ~hello & ~self._alive[cells].any(axis=1)
        self.next_wake_ns[cells] = NEVER_NS
        counters[Counter.SLEEPING, cells[asleep]] = 1
        awake = ~asleep
        self._schedule(cells[awake], now_ns[awake])
        nobody = np.full(len(cells), self.count)
        return Frames(
            times=now_ns,
            senders=cells,
            receivers=nobody,
            slots=nobody,
            incarnations=self.incarnation[cells],
            sequences=self.sequence[cells],
            hello=hello,
            next_within=self.next_within[cells],
            states=states,
        )

    def spread(self, said: Frames) -> Frames:
        """What was said, once for each neighbour that has power, as it stands in that neighbour's slot."""
        receivers = self.neighbours[said.senders]  # [k, 8]
        which, slots = np.nonzero(self.on[receivers])
        copies = said.take(which)
        return Frames(
            times=copies.times,
            senders=copies.senders,
            receivers=receivers[which, slots],
            slots=7 - slots,
            incarnations=copies.incarnations,
            sequences=copies.sequences,
            hello=copies.hello,
            next_within=copies.next_within,
            states=copies.states,
        )

    def deliver(self, frames: Frames) -> None:
        """`Cell.receive` for frames to cells with power. No slot twice, and no listening cell twice."""
        self._count(Counter.RECEIVED, frames.receivers)
        slot = frames.receivers * 8 + frames.slots
        met = self.incarnations.reshape(-1)[slot]
        newer = frames.incarnations > met
        good = self._accept(frames, slot, met, newer)
        if not good.all():
            frames, slot, newer = frames.take(good), slot[good], newer[good]
        changed = self._put(frames.receivers, frames.slots, frames.states)
        self.incarnations.reshape(-1)[slot] = frames.incarnations
        self.unmet.reshape(-1)[slot] = False
        self.sequences.reshape(-1)[slot] = frames.sequences
        self._heard_at_ns.reshape(-1)[slot] = frames.times
        self._announced_within.reshape(-1)[slot] = frames.next_within
        self._filled.reshape(-1)[slot] = True
        self.greeted.reshape(-1)[slot] = True
        receivers = frames.receivers
        asleep = self.next_wake_ns[receivers] == NEVER_NS
        stretched = self.next_within[receivers] > 1
        if asleep.any() or stretched.any():
            self._rouse_some(frames, slot, asleep, stretched & ~asleep, changed, newer)

    # ---- inside

    def _accept(self, frames: Frames, slot: Indices, met: NDArray[np.int64], newer: Mask) -> Mask:
        old = frames.incarnations < met
        last = self.sequences.reshape(-1)[slot]
        jump = frames.sequences - last
        stale = jump <= 0
        if (jump > JUMP_MAX).any():
            lives = self._time_to_live_ns[self._announced_within.reshape(-1)[slot]]
            stale |= (jump > JUMP_MAX) & (frames.times <= self._heard_at_ns.reshape(-1)[slot] + lives)
        stale &= (last > 0) & ~newer & ~old
        self._count(Counter.DROP_OLD_INCARNATION, frames.receivers[old])
        self._count(Counter.DROP_SEQUENCE, frames.receivers[stale])
        return ~(old | stale)

    def _rouse_some(
        self, frames: Frames, slot: Indices, asleep: Mask, stretched: Mask, changed: Mask, newer: Mask
    ) -> None:
        calls = frames.hello | newer
        alive = self._alive.reshape(-1)[slot]
        unanswered = calls & (self._answered.reshape(-1)[slot] != frames.incarnations)
        woken = asleep & alive
        answering = asleep & ~alive & unanswered
        reacting = answering | (stretched & calls)
        roused = woken | (stretched & changed & ~calls)
        self._answered.reshape(-1)[slot[answering]] = frames.incarnations[answering]
        self.counters[Counter.WOKEN, frames.receivers[woken]] += np.uint64(1)
        self.next_within[frames.receivers[reacting | roused]] = 1
        self._schedule(frames.receivers[roused], frames.times[roused])
        self.next_wake_ns[frames.receivers[reacting]] = frames.times[reacting] + REACTION_NS
        self.counters[Counter.SLEEPING, frames.receivers[reacting]] = 0

    def _step(self, cells: Indices, hello: Mask) -> None:
        counters, one = self.counters, np.uint64(1)
        counters[Counter.UPDATES, cells] += one
        skip = self._fixed[cells] & ~self._changed[cells]
        if skip.any():
            skipping = cells[skip]
            counters[Counter.SKIPPED, skipping] += one
            longer = cells[skip & ~hello]
            self.next_within[longer] = np.minimum(self.next_within[longer] * 2, NEXT_WITHIN_MAX)
            cells = cells[~skip]
            if not len(cells):
                return
        block = self.block[cells]
        new = np.ascontiguousarray(self.engine.update(block.reshape(len(cells), 3, 3, -1)), self.engine.dtype)
        legal = new.min(axis=1) > -128 if new.dtype == np.int8 else np.isfinite(new).all(axis=1)
        if not legal.all():
            new = np.where(legal[:, None], new, 0).astype(new.dtype)
        same = new.view(self._bits) == block[:, OWN].view(self._bits)
        self._fixed[cells] = same.all(axis=1)
        self._changed[cells] = False
        self.next_within[cells] = 1
        self.block[cells, OWN] = new

    def _forget(self, cells: Indices, now_ns: Times) -> None:
        due = now_ns > self._look_at_ns[cells]
        if not due.any():
            return
        cells, now_ns = cells[due], now_ns[due]
        expiry = self._heard_at_ns[cells] + self._time_to_live_ns[self._announced_within[cells]]
        full = self.sequences[cells] > 0
        gone = full & (now_ns[:, None] > expiry)
        which, slots = np.nonzero(gone)
        if len(which):
            self._empty(cells[which], slots)
            self.counters[Counter.FORGOTTEN, cells] += gone.sum(axis=1, dtype=np.uint64)
        earliest = np.where(full & ~gone, expiry, NEVER_NS).min(axis=1)
        self._look_at_ns[cells] = np.minimum(earliest, now_ns + self._time_to_live_ns[0])

    def _count_late(self, cells: Indices, now_ns: Times) -> None:
        late = now_ns - self.next_wake_ns[cells]
        if (late <= 0).all():
            return
        self.counters[Counter.LATE_NS, cells] += np.maximum(late, 0).astype(np.uint64)
        self.counters[Counter.MISSED_WAKES, cells[late > LATE_MISSED * self.interval_ns]] += np.uint64(1)
        deaf = late > LATE_DEAF * self.interval_ns
        self._heard_at_ns[cells[deaf]] = now_ns[deaf, None]
        self._look_at_ns[cells[deaf]] = 0

    def _put(self, cells: Indices, slots: Indices, states: NDArray[Any]) -> Mask:
        """Write slots of the block; which of them changed."""
        row = cells * 9 + _POSITIONS[slots]
        changed: Mask = (self._cells_of_block[row].view(self._bits) != states.view(self._bits)).any(axis=1)
        if changed.any():
            cells, slots, states = cells[changed], slots[changed], states[changed]
            self._cells_of_block[row[changed]] = states
            self._changed[cells] = True
            threshold = ALIVE_THRESHOLD_INT8 if states.dtype == np.int8 else np.float32(ALIVE_THRESHOLD)
            self._alive[cells, slots] = states[:, ALPHA] > threshold
            self._living[cells, slots] = states.view(self._bits).any(axis=1)
        return changed

    def _empty(self, cells: Indices, slots: Indices) -> None:
        self.sequences[cells, slots] = 0
        self._filled[cells, slots] = False
        self._put(cells, slots, np.zeros((len(cells), self.block.shape[2]), self.block.dtype))

    def _clear(self, cells: Indices) -> None:
        """Lose state and slots, keep incarnations."""
        self.block[cells] = 0
        self._alive[cells] = self._living[cells] = self._filled[cells] = self.greeted[cells] = False
        self.sequences[cells] = 0
        self._look_at_ns[cells] = 0

    def _begin(self, cells: Indices, now_ns: Times) -> None:
        """A state given from outside: nothing is proven about it."""
        self._fixed[cells] = False
        self._changed[cells] = True
        self._quiet[cells] = 0
        self.next_within[cells] = 1
        self._schedule(cells, now_ns)

    def _schedule(self, cells: Indices, now_ns: Times) -> None:
        self.next_wake_ns[cells] = now_ns + self.next_draw_ns[cells] * self.next_within[cells]
        self.counters[Counter.SLEEPING, cells] = 0
        self._draws[cells] += np.uint64(1)
        self._peek(cells)

    def _peek(self, cells: Indices) -> None:
        bits = chain_array(self._clock_key[cells], self._draws[cells])
        self.next_draw_ns[cells] = interval_ns_array(bits, self.interval_ns)

    def _meet_anew(self, cells: Indices) -> None:
        """After a change of power: note who has an incarnation that these cells or their neighbours have not heard."""
        around = np.unique(np.append(self.neighbours[cells].reshape(-1), cells))
        around = around[around < self.count]
        neighbours = self.neighbours[around]
        newer = self.incarnation[neighbours] > self.incarnations[around]
        self.unmet[around] = self.on[neighbours] & self.on[around, None] & newer

    def _count(self, counter: Counter, cells: Indices) -> None:
        if len(cells):
            self.counters[counter] += np.bincount(cells, minlength=self.count).astype(np.uint64)
