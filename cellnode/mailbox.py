"""What the links last brought: eight slots of state, incarnation, sequence and age, and the block the core reads.

A frame enters through `receive`, which accepts it or counts one reason for dropping it and changes nothing. A slot
keeps its last frame for every wake to hear, until it is older than its time to live. On a board this part lies on the
link, outside the chip. Knows no socket, clock or random source: times are passed in. May import numpy, firmware_sim,
the frame and the panel's counters.

States are written in place into a block [1, 3, 3, 16], row 0 the north, so that a wake copies nothing; an empty slot is
zeros there. Hot path: about 5 us a frame in CPython.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from math import isfinite
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cellnode.frame import EPOCH_MAX, LIFE_MAX, decode
from cellnode.frame import HELLO as HELLO_FLAG
from cellnode.panel import Counter
from firmware_sim.limits import ALIVE_THRESHOLD, ALIVE_THRESHOLD_INT8, ALPHA, CHANNELS

SLOTS = 8
SILENCE_MAX = 10  # in T: a slot unheard for longer is forgotten ...
SILENCE_FACTOR = 8  # ... or for this many times the interval that its last frame announced, if that is longer
JUMP_MAX = 1 << 16  # a sequence further ahead than this is no successor
NEVER_NS = 1 << 62  # later than any time

# What `receive` found out about an accepted frame, as bits; 0 means dropped.
ACCEPTED = 1
CHANGED = 2  # the slot's 16 values are not what they were
ALIVE = 4  # its alpha is above the threshold
HELLO = 8  # the speaker wants to be answered
NEWER = 16  # the speaker is a newer incarnation than the slot had met
SLOT_SHIFT = 5  # the bits above say in which slot

POSITIONS = (0, 1, 2, 3, 5, 6, 7, 8)  # of a slot in the row-major 3x3; 4 is the cell itself
OWN = 4
_FLOATS = struct.Struct("<16f")
_ALIVE_FLOAT = float(np.float32(ALIVE_THRESHOLD))  # engines compare in float32


class Tally(Protocol):
    """A place for `Counter` values: a list, a uint64 array, or a memoryview of a panel page."""

    def __getitem__(self, index: int, /) -> Any: ...

    def __setitem__(self, index: int, value: Any, /) -> None: ...


def incarnation_of(epoch: int, life: int) -> int:
    """(epoch, life) as one integer that compares in that order."""
    return epoch << 32 | life


def legal_values(values: bytes, size: int) -> bool:
    """16 finite floats (size 64), or 16 int8 without -128 (size 16), which no core produces. Other sizes: floats."""
    if len(values) != size:
        return False
    if size == CHANNELS:
        return 0x80 not in values
    if size != _FLOATS.size:
        return bool(np.isfinite(np.frombuffer(values, "<f4")).all())
    return isfinite(sum(_FLOATS.unpack(values)))  # a sum of 16 float32 in double cannot overflow


def alpha_alive(values: bytes) -> bool:
    """Whether these 16 values are above the living threshold of their family."""
    if len(values) == CHANNELS:
        return ALIVE_THRESHOLD_INT8 < values[ALPHA] < 128
    return bool(_FLOATS.unpack(values)[ALPHA] > _ALIVE_FLOAT)


class Mailbox:
    """Eight slots in the order NW, N, NE, W, E, SW, S, SE; bit `1 << slot` stands for a slot in every mask."""

    __slots__ = (
        "_announced",
        "_bytes",
        "_counters",
        "_expiry_ns",
        "_incarnation",
        "_offsets",
        "_size",
        "_slot_of",
        "_time_to_live_ns",
        "_values",
        "_zero",
        "alive",
        "block",
        "changed",
        "epochs",
        "filled",
        "greeted",
        "heard_at_ns",
        "lives",
        "living",
        "neighbours",
        "next_within",
        "on",
        "sequences",
        "tag",
    )

    def __init__(
        self, neighbours: Sequence[int], tag: int, dtype: np.dtype[Any], interval_ns: int, counters: Tally
    ) -> None:
        self.tag = tag
        self._counters = counters
        self.block: NDArray[Any] = np.zeros((1, 3, 3, CHANNELS), dtype)
        self._bytes = self.block.view(np.uint8).reshape(-1).data
        self._size = CHANNELS * dtype.itemsize
        self._offsets = tuple(position * self._size for position in POSITIONS)
        self._zero = bytes(self._size)
        self._values = [self._zero] * SLOTS
        self.sequences = [0] * SLOTS  # of the last frame; 0: the slot is empty
        self.heard_at_ns = [0] * SLOTS
        self.next_within = [1] * SLOTS
        self.epochs = [0] * SLOTS
        self.lives = [0] * SLOTS
        self._incarnation = [0] * SLOTS  # the newest met; survives forgetting and erasing
        self._announced = [0] * SLOTS
        self.changed = True  # some value in the block differs from when the core last computed
        self.alive = 0  # slots whose alpha is above the threshold
        self.living = 0  # slots whose state is not zero
        self.filled = 0  # slots filled since the last wake
        self.greeted = 0  # slots heard since birth or erasure
        self.on = 0  # slots whose neighbour has power, as far as the agent said
        self._time_to_live_ns: tuple[int, ...] = ()
        self._expiry_ns = 0  # a lower bound of the earliest expiry; 0: look at the next wake
        self.set_interval(interval_ns)
        self.neighbours: tuple[int, ...] = (-1,) * SLOTS
        self._slot_of: dict[int, int] = {}
        self.wire(neighbours)

    def wire(self, neighbours: Sequence[int]) -> None:
        """Say which cell lies in each slot (-1: none). Slots that change hands lose all, also their incarnation."""
        for slot, cell in enumerate(neighbours):
            if cell != self.neighbours[slot]:
                self._empty(slot)
                self._incarnation[slot] = self.epochs[slot] = self.lives[slot] = 0
                self._announced[slot] = 0
                self.greeted &= ~(1 << slot)
                self.on = self.on | 1 << slot if cell >= 0 else self.on & ~(1 << slot)
        self.neighbours = tuple(int(cell) for cell in neighbours)
        self._slot_of = {cell: slot for slot, cell in enumerate(self.neighbours) if cell >= 0}

    def announce(self, slot: int, epoch: int, life: int, on: bool) -> None:
        """The newest incarnation that may speak in `slot`, and whether it has power."""
        if not (0 <= epoch <= EPOCH_MAX and 0 <= life <= LIFE_MAX):
            raise ValueError(f"incarnation ({epoch}, {life}) is out of range")
        self._announced[slot] = incarnation_of(epoch, life)
        self.on = self.on | 1 << slot if on and self.neighbours[slot] >= 0 else self.on & ~(1 << slot)

    def receive(self, data: bytes, now_ns: int) -> int:
        """Take one message. Returns bits (ACCEPTED, ...) or 0; a dropped one is counted once and changes nothing."""
        counters = self._counters
        counters[Counter.RECEIVED] += 1
        frame = decode(data, self.tag)
        if isinstance(frame, Counter):
            counters[frame] += 1
            return 0
        flags, _, cell, epoch, life, sequence, next_within, values = frame
        slot = self._slot_of.get(cell, -1)
        if slot < 0:
            counters[Counter.DROP_CELL] += 1
            return 0
        incarnation = epoch << 32 | life
        met = self._incarnation[slot]
        news = ACCEPTED
        if incarnation != met:
            if incarnation < met:
                counters[Counter.DROP_OLD_INCARNATION] += 1
                return 0
            if incarnation > self._announced[slot]:
                counters[Counter.DROP_FUTURE_INCARNATION] += 1
                return 0
            news |= NEWER
        elif not self._follows(slot, sequence, now_ns):
            counters[Counter.DROP_SEQUENCE] += 1
            return 0
        bit = 1 << slot
        if values != self._values[slot]:
            if not legal_values(values, self._size):
                counters[Counter.DROP_VALUES] += 1
                return 0
            news |= CHANGED
            self._put(slot, bit, values)
        if self.alive & bit:
            news |= ALIVE
        if flags & HELLO_FLAG:
            news |= HELLO
        self._incarnation[slot] = incarnation
        self.epochs[slot], self.lives[slot], self.sequences[slot] = epoch, life, sequence
        self.heard_at_ns[slot], self.next_within[slot] = now_ns, next_within
        self.filled |= bit
        self.greeted |= bit
        expiry = now_ns + self._time_to_live_ns[next_within]
        if expiry < self._expiry_ns:
            self._expiry_ns = expiry
        return news | slot << SLOT_SHIFT

    def forget(self, now_ns: int) -> None:
        """Empty every slot silent beyond its time to live. It forgets its sequence, never its incarnation."""
        if now_ns <= self._expiry_ns:
            return
        earliest = NEVER_NS
        for slot in range(SLOTS):
            if self.sequences[slot]:
                expiry = self._expiry(slot)
                if now_ns > expiry:
                    self._empty(slot)
                    self._counters[Counter.FORGOTTEN] += 1
                elif expiry < earliest:
                    earliest = expiry
        self._expiry_ns = earliest

    def restart_ages(self, now_ns: int) -> None:
        """The listener was not listening: all silence counts from now."""
        self.heard_at_ns = [now_ns] * SLOTS
        self._expiry_ns = 0

    def shift(self, ns: int) -> None:
        """All clocks stood still for `ns`."""
        self.heard_at_ns = [at + ns for at in self.heard_at_ns]
        self._expiry_ns = 0

    def set_interval(self, interval_ns: int) -> None:
        """Change T, in which ages count."""
        self._time_to_live_ns = tuple(max(SILENCE_MAX, SILENCE_FACTOR * n) * interval_ns for n in range(5))
        self._expiry_ns = 0

    def erase(self) -> None:
        """Lose all states, sequences and ages; the link keeps the incarnations."""
        for slot in range(SLOTS):
            self._empty(slot)
        self.greeted = 0

    def put_own(self, values: bytes) -> None:
        """Write the cell's own state into the middle of the block."""
        self._bytes[OWN * self._size : (OWN + 1) * self._size] = values

    def incarnation(self, slot: int) -> int:
        """The newest incarnation met in `slot`, 0 if none."""
        return self._incarnation[slot]

    @property
    def linked(self) -> bool:
        """Whether every neighbour that is on has been heard at least once."""
        return all(self._incarnation[slot] for slot in range(SLOTS) if self.on >> slot & 1)

    def _follows(self, slot: int, sequence: int, now_ns: int) -> bool:
        last = self.sequences[slot]
        if not last:
            return True  # a fresh slot knows no predecessor: any sequence begins
        if sequence <= last:
            return False
        # A sleeper does not wake to forget. If overdue slots still counted, a link cut for 2**16 T would stay deaf.
        return sequence - last <= JUMP_MAX or now_ns > self._expiry(slot)

    def _expiry(self, slot: int) -> int:
        return self.heard_at_ns[slot] + self._time_to_live_ns[self.next_within[slot]]

    def _put(self, slot: int, bit: int, values: bytes) -> None:
        self._values[slot] = values
        offset = self._offsets[slot]
        self._bytes[offset : offset + self._size] = values
        self.changed = True
        self.alive = self.alive | bit if alpha_alive(values) else self.alive & ~bit
        self.living = self.living | bit if values != self._zero else self.living & ~bit

    def _empty(self, slot: int) -> None:
        self.sequences[slot] = 0
        self.filled &= ~(1 << slot)
        if self._values[slot] != self._zero:
            self._put(slot, 1 << slot, self._zero)
