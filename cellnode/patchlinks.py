"""The faulty links of a patch as arrays: what `linkfault.Gate` is for one cell, for all of them, to the bit.

Fates are drawn for whole batches of frames; only what is kept (late, doubled or held) and what is damaged is handled
one by one. Knows no clock. May import numpy, the frame, the fates and queues of links, and the patch's frames.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode.frame import HELLO, LIFE_MAX, Frame, encode
from cellnode.linkfate import fates, service_ns
from cellnode.linkfault import ALL_SLOTS, DELAY_MAX, FULL, HELD_MAX, check, damage, queued
from cellnode.mailbox import NEVER_NS
from cellnode.mailboxes import Frames, Indices, Mask, Times
from cellnode.messages import LinkFault
from cellnode.panel import Counter

# due, number of the sender, incarnation, sequence, 1 for a copy, slot, hello, next_within, state
Late = tuple[int, int, int, int, int, int, bool, int, Any]
_BITS = np.arange(8)
_BITS.flags.writeable = False


class PatchLinks:
    """The incoming edges of n cells, and the frames that are on their way there."""

    def __init__(self, numbers: NDArray[np.int64], tag: int, interval_ns: int, counters: NDArray[np.uint64]) -> None:
        self._numbers, cells = numbers, len(numbers)  # what they are called in the grid: draws are keyed by that
        self._cells, self._tag, self.interval_ns, self._counters = cells, tag, interval_ns, counters
        self._faults: list[tuple[LinkFault, Mask]] = []  # with the edges [cells, 8] it lies on
        self._late: list[list[Late]] = [[] for _ in range(cells)]
        self._kept: list[list[tuple[set[int], Late]]] = [[] for _ in range(cells)]
        self._free_ns: dict[int, Times] = {}  # by fault of limited rate: [cells, 8] when the edge is free again
        self.due_ns: Times = np.full(cells + 1, NEVER_NS)

    @property
    def faulty(self) -> bool:
        """Whether frames must be shown to `admit` at all."""
        return bool(self._faults)

    def set_faults(self, faults: Sequence[LinkFault], now_ns: int) -> None:
        """`Gate.set_faults` for all cells."""
        self._faults = []
        for fault in faults:
            edges = np.zeros((self._cells, 8), np.bool_)
            masks = np.array(check(fault).slots or [ALL_SLOTS] * len(fault.cells), np.int64)
            edges[fault.cells] = masks[:, None] >> _BITS & 1 == 1
            self._faults.append((fault, edges))
            if fault.kind == "rate":
                self._free_ns.setdefault(fault.id, np.zeros((self._cells, 8), np.int64))
        holding = {fault.id for fault in faults if fault.kind == "hold"}
        for cell, kept in enumerate(self._kept):
            if kept:
                lying = {fault.id for fault, edges in self._faults if fault.id in holding and edges[cell].any()}
                self._kept[cell] = []
                for ids, late in kept:
                    self._keep_or_release(cell, ids & lying, late, now_ns)

    def forget(self, cells: Indices) -> None:
        """These cells lost or got power: nothing is on its way to them."""
        for cell in cells.tolist():
            self._late[cell], self._kept[cell] = [], []
        for free_ns in self._free_ns.values():
            free_ns[cells] = 0
        self.due_ns[cells] = NEVER_NS

    def take_late(self, cell: int, late: list[Late]) -> None:
        """Frames that somebody else has held back for this cell so far."""
        self._late[cell] = sorted(late, key=lambda frame: frame[:5])
        self._look(cell)

    def admit(self, frames: Frames) -> Frames:
        """`Gate.admit`: those frames that arrive at once; counts and keeps the others."""
        n = len(frames.times)
        lost, late_ns, again_ns = np.zeros(n, np.bool_), np.zeros(n, np.int64), np.zeros(n, np.int64)
        damaged: dict[int, list[LinkFault]] = {}
        holding: dict[int, set[int]] = {}
        epochs, lives = frames.incarnations >> 32, frames.incarnations & LIFE_MAX
        for fault, edges in self._faults:
            hit = np.flatnonzero(edges[frames.receivers, frames.slots])
            senders, receivers = self._numbers[frames.senders[hit]], self._numbers[frames.receivers[hit]]
            sequences = frames.sequences[hit]
            met = fates(fault, senders, receivers, epochs[hit], lives[hit], sequences, self.interval_ns)
            lost[hit] |= met.lost
            late_ns[hit] += met.delay_ns
            again_ns[hit] = np.maximum(again_ns[hit], met.again_ns)
            for k in hit[met.damaged].tolist():
                damaged.setdefault(k, []).append(fault)
            for k in hit[met.held].tolist():
                holding.setdefault(k, set()).add(fault.id)
        self._count(Counter.FAULT_LOST, frames.receivers[lost])
        gone = lost.copy()
        for k, faults in damaged.items():
            if not lost[k]:
                gone[k] = self._damage(frames, k, faults)
        longest_ns = round(DELAY_MAX * self.interval_ns)
        for k, ids in holding.items():
            if not gone[k]:
                gone[k] = True
                self._hold(int(frames.receivers[k]), ids, self._late_of(frames, k, min(int(late_ns[k]), longest_ns)))
        self._queue(frames, gone, late_ns)
        late_ns = np.minimum(late_ns, longest_ns)
        late = ~gone & (late_ns > 0)
        for k in np.flatnonzero(late).tolist():
            due_ns = int(frames.times[k] + late_ns[k])
            if not self._push(frames, k, due_ns, 0, Counter.FAULT_DELAYED):
                gone[k] = True
                self._count(Counter.FAULT_LOST, frames.receivers[k : k + 1])
        for k in np.flatnonzero(~gone & (again_ns > 0)).tolist():
            due_ns = int(frames.times[k] + late_ns[k] + again_ns[k])
            self._push(frames, k, due_ns, 1, Counter.FAULT_DUPLICATED)
        return frames.take(~gone & ~late)

    def release(self, cells: Indices) -> Frames:
        """The earliest late frame of each of these cells."""
        frames = [heapq.heappop(self._late[cell]) for cell in cells.tolist()]
        for cell in cells.tolist():
            self._look(cell)
        due, senders, incarnations, sequences, _, slots, hello, within, states = zip(*frames, strict=True)
        return Frames(
            times=np.array(due, np.int64),
            senders=np.array(senders, np.int64),
            receivers=cells,
            slots=np.array(slots, np.int64),
            incarnations=np.array(incarnations, np.int64),
            sequences=np.array(sequences, np.int64),
            hello=np.array(hello, np.bool_),
            next_within=np.array(within, np.int64),
            states=np.array(states),
        )

    def _damage(self, frames: Frames, k: int, faults: list[LinkFault]) -> bool:
        """Flip bits in a frame; whether the receiver drops it for that."""
        receiver, values = int(frames.receivers[k]), frames.states[k]
        frame = Frame(
            HELLO if frames.hello[k] else 0,
            self._tag,
            int(self._numbers[frames.senders[k]]),
            int(frames.incarnations[k]) >> 32,
            int(frames.incarnations[k]) & LIFE_MAX,
            int(frames.sequences[k]),
            int(frames.next_within[k]),
            values.tobytes(),
        )
        left = damage(encode(frame), frame, faults, int(self._numbers[receiver]))
        self._counters[Counter.FAULT_CORRUPTED, receiver] += np.uint64(1)
        if isinstance(left, Counter):
            self._counters[[Counter.RECEIVED, left], receiver] += np.uint64(1)
            return True
        frames.states[k] = np.frombuffer(left, values.dtype)
        return False

    def _queue(self, frames: Frames, gone: Mask, late_ns: Times) -> None:
        """Let what is left wait before links of limited rate."""
        for fault, edges in self._faults:
            if fault.kind != "rate":
                continue
            free_ns, service = self._free_ns[fault.id], service_ns(fault, self.interval_ns)
            for k in np.flatnonzero(edges[frames.receivers, frames.slots] & ~gone).tolist():
                edge = (int(frames.receivers[k]), int(frames.slots[k]))
                waits_ns, free_ns[edge] = queued(int(free_ns[edge]), int(frames.times[k]), service, fault.places)
                if waits_ns == FULL:
                    gone[k] = True
                    self._count(Counter.FAULT_LOST, frames.receivers[k : k + 1])
                else:
                    late_ns[k] += waits_ns

    def _hold(self, cell: int, faults: set[int], late: Late) -> None:
        if len(self._late[cell]) + len(self._kept[cell]) >= HELD_MAX:
            self._counters[Counter.FAULT_LOST, cell] += np.uint64(1)
        else:
            self._counters[Counter.FAULT_HELD, cell] += np.uint64(1)
            self._kept[cell].append((faults, late))

    def _keep_or_release(self, cell: int, faults: set[int], late: Late, now_ns: int) -> None:
        if faults:
            self._kept[cell].append((faults, late))
        else:
            heapq.heappush(self._late[cell], (now_ns + 1 + late[0], *late[1:]))
            self._look(cell)

    def _push(self, frames: Frames, k: int, due_ns: int, copy: int, counter: Counter) -> bool:
        cell = int(frames.receivers[k])
        if len(self._late[cell]) + len(self._kept[cell]) >= HELD_MAX:
            return False
        heapq.heappush(self._late[cell], self._late_of(frames, k, due_ns, copy))
        self._counters[counter, cell] += np.uint64(1)
        self._look(cell)
        return True

    def _look(self, cell: int) -> None:
        late = self._late[cell]
        self.due_ns[cell] = late[0][0] if late else NEVER_NS

    def _count(self, counter: Counter, cells: Indices) -> None:
        np.add.at(self._counters[counter], cells, np.uint64(1))

    def _late_of(self, frames: Frames, k: int, due_ns: int, copy: int = 0) -> Late:
        return (
            due_ns,
            int(self._numbers[frames.senders[k]]),
            int(frames.incarnations[k]),
            int(frames.sequences[k]),
            copy,
            int(frames.slots[k]),
            bool(frames.hello[k]),
            int(frames.next_within[k]),
            frames.states[k].copy(),
        )
