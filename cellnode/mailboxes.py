"""Many mailboxes as arrays: the batch twin of `Mailbox`, slot for slot. Read the two files side by side.

Frames here are rows of arrays between cells of one patch: they need no tag, CRC or announcement, but incarnations,
sequences and ages are kept exactly as `Mailbox` keeps them. Index n stands for "no neighbour", so that lookups need no
branch. Knows no clock and no random source. May import numpy, firmware_sim, and constants of the frame, the mailbox and
the panel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode.frame import NEXT_WITHIN_MAX
from cellnode.mailbox import JUMP_MAX, NEVER_NS, OWN, POSITIONS, SILENCE_FACTOR, SILENCE_MAX
from cellnode.panel import Counter
from firmware_sim.limits import ALIVE_THRESHOLD, ALIVE_THRESHOLD_INT8, ALPHA

Indices = NDArray[np.int64]
Times = NDArray[np.int64]
Mask = NDArray[np.bool_]

_POSITIONS = np.array(POSITIONS, dtype=np.int64)
_POSITIONS.flags.writeable = False


def any_slot(mask: Mask) -> Mask:
    """[k, 8] -> [k]: `mask.any(axis=1)`, eight bytes at a time."""
    result: Mask = mask.view(np.uint64)[:, 0] != 0
    return result


def count_slots(mask: Mask) -> NDArray[np.uint64]:
    """[k, 8] -> [k]: `mask.sum(axis=1)`, eight bytes at a time."""
    return (mask.view(np.uint64)[:, 0] * np.uint64(0x0101010101010101)) >> np.uint64(56)


@dataclass(frozen=True, slots=True)
class Frames:
    """n frames on their way: who said what to whom. All arrays [n], `states` [n, C]; times in ns."""

    times: Times
    senders: Indices
    receivers: Indices
    slots: Indices  # where the sender lies, seen from the receiver
    incarnations: NDArray[np.int64]
    sequences: NDArray[np.int64]
    hello: Mask
    next_within: NDArray[np.int64]
    states: NDArray[Any]

    def take(self, which: NDArray[Any]) -> Frames:
        """Those that `which` (mask or indices) picks."""
        return Frames(
            self.times[which],
            self.senders[which],
            self.receivers[which],
            self.slots[which],
            self.incarnations[which],
            self.sequences[which],
            self.hello[which],
            self.next_within[which],
            self.states[which],
        )


@dataclass(frozen=True, slots=True)
class Heard:
    """The frames that were accepted, and what was new about each."""

    frames: Frames
    slots: Indices  # receiver * 8 + slot
    changed: Mask  # the slot's values are not what they were
    newer: Mask  # the sender is a newer incarnation than the slot had met


class Mailboxes:
    """n mailboxes of a grid given by its table of neighbours, all empty."""

    def __init__(
        self,
        table: NDArray[np.int32],
        dtype: np.dtype[Any],
        channels: int,
        interval_ns: int,
        counters: NDArray[np.uint64],
    ) -> None:
        n = len(table)
        self.count = n
        self._counters = counters
        self.neighbours: Indices = np.where(table < 0, n, table).astype(np.int64)
        self.around: Indices = np.ascontiguousarray(self.neighbours.T)  # [8, n]: reductions run along memory
        self.block: NDArray[Any] = np.zeros((n, 9, channels), dtype)  # row-major 3x3, the cell itself in the middle
        size = channels * dtype.itemsize
        self.bits = np.dtype(np.uint64) if size % 8 == 0 else np.dtype(f"u{dtype.itemsize}")  # states compare as bits
        self._threshold = ALIVE_THRESHOLD_INT8 if dtype == np.int8 else np.float32(ALIVE_THRESHOLD)
        self.changed: Mask = np.ones(n, np.bool_)  # a value in the block differs from when the core last computed
        self._look_at_ns: Times = np.zeros(n, np.int64)  # no slot expires before
        self.set_interval(interval_ns)
        self.sequences = np.zeros((n, 8), np.int64)  # 0: the slot is empty
        self.incarnations = np.zeros((n, 8), np.int64)
        self.greeted: Mask = np.zeros((n, 8), np.bool_)
        self.alive: Mask = np.zeros((n, 8), np.bool_)
        self.living: Mask = np.zeros((n, 8), np.bool_)
        self.filled: Mask = np.zeros((n, 8), np.bool_)
        self._heard_at_ns: Times = np.zeros((n, 8), np.int64)
        self._next_within = np.ones((n, 8), np.int64)

    def receive(self, frames: Frames) -> Heard:
        """Take frames, no two for one slot; what is old is counted and changes nothing."""
        self._count(Counter.RECEIVED, frames.receivers)
        slot = frames.receivers * 8 + frames.slots
        met = self.incarnations.reshape(-1)[slot]
        newer = frames.incarnations > met
        good = self._acceptable(frames, slot, met, newer)
        if not good.all():
            frames, slot, newer = frames.take(good), slot[good], newer[good]
        changed = self._put(frames.receivers, frames.slots, frames.states)
        self.incarnations.reshape(-1)[slot] = frames.incarnations
        self.sequences.reshape(-1)[slot] = frames.sequences
        self._heard_at_ns.reshape(-1)[slot] = frames.times
        self._next_within.reshape(-1)[slot] = frames.next_within
        self.filled.reshape(-1)[slot] = True
        self.greeted.reshape(-1)[slot] = True
        return Heard(frames, slot, changed, newer)

    def forget(self, cells: Indices, now_ns: Times) -> None:
        """Empty every slot silent beyond its time to live; each cell at its own time."""
        due = now_ns > self._look_at_ns[cells]
        if not due.any():
            return
        cells, now_ns = cells[due], now_ns[due]
        expiry = self._heard_at_ns[cells] + self._time_to_live_ns[self._next_within[cells]]
        full = self.sequences[cells] > 0
        gone = full & (now_ns[:, None] > expiry)
        which, slots = np.nonzero(gone)
        if len(which):
            self._empty(cells[which], slots)
            self._counters[Counter.FORGOTTEN, cells] += count_slots(gone)
        earliest = np.where(full & ~gone, expiry, NEVER_NS).min(axis=1)
        self._look_at_ns[cells] = np.minimum(
            earliest, now_ns + self._time_to_live_ns[0]
        )  # what comes later lives longer

    def restart_ages(self, cells: Indices, now_ns: Times) -> None:
        """These listeners were not listening: all silence counts from now."""
        self._heard_at_ns[cells] = now_ns[:, None]
        self._look_at_ns[cells] = 0

    def shift(self, cells: Indices, ns: int) -> None:
        """The clocks of these listeners stood still for `ns`."""
        self._heard_at_ns[cells] += ns
        self._look_at_ns[cells] = 0

    def set_interval(self, interval_ns: int) -> None:
        """Change T, in which ages count."""
        ages = [max(SILENCE_MAX, SILENCE_FACTOR * k) * interval_ns for k in range(NEXT_WITHIN_MAX + 1)]
        self._time_to_live_ns: Times = np.array(ages, np.int64)
        self._look_at_ns[:] = 0

    def clear(self, cells: Indices) -> None:
        """Lose own states, slots and greetings; keep incarnations."""
        self.block[cells] = 0
        self.alive[cells] = self.living[cells] = self.filled[cells] = self.greeted[cells] = False
        self.sequences[cells] = 0
        self._look_at_ns[cells] = 0

    def _acceptable(self, frames: Frames, slot: Indices, met: NDArray[np.int64], newer: Mask) -> Mask:
        old = frames.incarnations < met
        last = self.sequences.reshape(-1)[slot]
        jump = frames.sequences - last
        stale = jump <= 0
        far = jump > JUMP_MAX
        if far.any():
            expiry = self._heard_at_ns.reshape(-1)[slot] + self._time_to_live_ns[self._next_within.reshape(-1)[slot]]
            stale |= far & (frames.times <= expiry)
        stale &= (last > 0) & ~newer & ~old
        self._count(Counter.DROP_OLD_INCARNATION, frames.receivers[old])
        self._count(Counter.DROP_SEQUENCE, frames.receivers[stale])
        return ~(old | stale)

    def _put(self, cells: Indices, slots: Indices, states: NDArray[Any]) -> Mask:
        """Write slots of the block; which of them changed."""
        rows = self.block.reshape(-1, self.block.shape[2])  # a view made here: a kept one would not survive a copy
        row = cells * 9 + _POSITIONS[slots]
        changed: Mask = (rows[row].view(self.bits) != states.view(self.bits)).any(axis=1)
        if changed.any():
            cells, slots, states = cells[changed], slots[changed], states[changed]
            rows[row[changed]] = states
            self.changed[cells] = True
            self.alive[cells, slots] = states[:, ALPHA] > self._threshold
            self.living[cells, slots] = states.view(self.bits).any(axis=1)
        return changed

    def _empty(self, cells: Indices, slots: Indices) -> None:
        self.sequences[cells, slots] = 0
        self.filled[cells, slots] = False
        self._put(cells, slots, np.zeros((len(cells), self.block.shape[2]), self.block.dtype))

    def _count(self, counter: Counter, cells: Indices) -> None:
        if len(cells):
            self._counters[counter] += np.bincount(cells, minlength=self.count).astype(np.uint64)


assert OWN == 4, "the cell itself lies in the middle of the block"
