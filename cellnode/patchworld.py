"""Virtual time over a patch: the fast world, equal to `oracle.CellWorld` event for event.

It runs the patch in batches of independent wakes, hands frames on through link faults, and keeps those that are late.
It knows no clock; every draw is keyed by the swarm's seed. May import numpy, firmware_sim, the patch, its schedule and
the link faults.
"""

from __future__ import annotations

import copy
import heapq
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode import clockfault, harm
from cellnode.frame import LIFE_MAX
from cellnode.linkfault import DELAY_MAX, HELD_MAX, check, fates
from cellnode.mailbox import NEVER_NS
from cellnode.mailboxes import Frames, Indices, Times
from cellnode.messages import LinkFault, RulePayload
from cellnode.oracle import Said
from cellnode.panel import Counter
from cellnode.patch import Patch
from cellnode.schedule import independent, levels
from firmware_sim.engines import Engine

Held = tuple[int, int, int, int, int, bool, int, Any]  # due, sender, incarnation, sequence, slot, hello, within, state


class _Victim:
    """One cell of a patch, as a harm sees it."""

    def __init__(self, patch: Patch, cell: int) -> None:
        self._patch, self.cell = patch, cell
        self.interval_ns = patch.interval_ns
        self.counters: Any = patch.counters[:, cell]

    @property
    def state_bytes(self) -> bytes:
        return bytes(self._patch.states[self.cell].tobytes())

    @property
    def engine(self) -> Engine:
        return self._patch.engine_of(self.cell)

    def corrupt(self, values: bytes, now_ns: int) -> None:
        self._patch.corrupt(np.array([self.cell]), np.frombuffer(values, self._patch.engine.dtype), now_ns)

    def refit(self, engine: Engine, now_ns: int) -> None:
        self._patch.refit(self.cell, engine, now_ns)

    def jump(self, ns: int, now_ns: int) -> None:
        self._patch.jump(np.array([self.cell]), ns, now_ns)


class PatchWorld:
    """Cells that are all on at time 0, each in its first life; the same surface as `CellWorld`."""

    def __init__(
        self,
        table: NDArray[np.int32],
        engine: Engine,
        rng_seed: int,
        interval_ns: int,
        epoch: int,
        log: Callable[[Said], None] | None = None,
        others: Sequence[tuple[Sequence[int], Engine]] = (),
    ) -> None:
        self.patch = Patch(table, engine, rng_seed, interval_ns, epoch, others)
        self._log = log
        self._faults: list[tuple[LinkFault, NDArray[np.bool_]]] = []
        self._held: list[list[Held]] = [[] for _ in range(len(table))]
        self._due_ns: Times = np.full(len(table) + 1, NEVER_NS)
        self.power(range(len(table)), True, 0)

    @property
    def engine(self) -> Engine:
        return self.patch.engine

    @property
    def on(self) -> NDArray[np.bool_]:
        return self.patch.on[:-1].copy()

    def states(self) -> NDArray[Any]:
        """[cells, C] in the engine's dtype; cells without power are zeros."""
        return self.patch.states.copy()

    def counters(self) -> NDArray[np.uint64]:
        return self.patch.counters.T.copy()

    def run(self, until_ns: int) -> None:
        """Everything that happens up to and including `until_ns`."""
        patch = self.patch
        while True:
            events_ns = np.minimum(patch.next_wake_ns, self._due_ns)
            cells = independent(patch, events_ns, until_ns)
            if not len(cells):
                return
            receiving = self._due_ns[cells] <= patch.next_wake_ns[cells]
            if receiving.any():
                self._release(cells[receiving])
                cells = cells[~receiving]
            if len(cells):
                self.wake(cells, patch.next_wake_ns[cells])

    def twin(self, engine: Engine) -> PatchWorld:
        """A copy that lives on by itself, on `engine`, which is of the same family."""
        # The engine keeps no state and may hold what cannot be copied (compiled code).
        return copy.deepcopy(self, {id(self.patch.engine): engine})

    def replay(self, cells: Indices, times_ns: Times) -> None:
        """Let these cells wake at these times, whenever they were due, in the given order (times must not fall)."""
        level = levels(self.patch.mail.neighbours, cells)
        for number in range(1, int(level.max(initial=0)) + 1):
            batch = level == number
            awake = self.patch.next_wake_ns[cells[batch]] != NEVER_NS
            if awake.any():
                self.wake(cells[batch][awake], times_ns[batch][awake])

    def wake(self, cells: Indices, now_ns: Times) -> None:
        """One batch of independent wakes, and the delivery of what they say."""
        said = self.patch.wake(cells, now_ns)
        if self._log is not None:
            self._record(said)
        frames = self.patch.spread(said)
        if self._faults:
            frames = self._pass(frames)
        self.patch.deliver(frames)

    def power(self, cells: Iterable[int], on: bool, now_ns: int) -> None:
        """Cells that get power begin a new life; those that lose it are gone with all that was on its way to them."""
        wanted = np.array(sorted(set(cells)), np.int64)
        changed = wanted[self.patch.on[wanted] != on]
        for cell in changed.tolist():
            self._held[cell] = []
        self._due_ns[changed] = NEVER_NS
        if on:
            self.patch.born(changed, now_ns)
        else:
            self.patch.off(changed)

    def erase(self, cells: Iterable[int], now_ns: int) -> None:
        self.patch.erase(self._powered(cells), now_ns)

    def seed(self, cells: Iterable[int], state: bytes, now_ns: int) -> None:
        self.patch.seed(self._powered(cells), np.frombuffer(state, self.patch.engine.dtype), now_ns)

    def harm(self, order: harm.Harm, cells: Iterable[int], rule: RulePayload, now_ns: int) -> None:
        """A hardware fault on those of these cells that are on."""
        for cell in self._powered(cells).tolist():
            harm.carry_out(order, _Victim(self.patch, cell), rule, now_ns, harm.spare_chip)

    def set_faults(self, faults: Sequence[LinkFault]) -> None:
        self._faults = []
        clocks: list[tuple[LinkFault, NDArray[np.bool_]]] = []
        for fault in faults:
            victims = np.zeros(self.patch.count, np.bool_)
            victims[check(fault).cells] = True
            (clocks if fault.kind in clockfault.KINDS else self._faults).append((fault, victims))
        self.patch.set_clock_faults(clocks)

    def _powered(self, cells: Iterable[int]) -> Indices:
        wanted = np.array(sorted(set(cells)), np.int64)
        return wanted[self.patch.on[wanted]]

    def _pass(self, frames: Frames) -> Frames:
        """Those frames that arrive at once; counts the lost and keeps the late."""
        lost = np.zeros(len(frames.times), np.bool_)
        late_ns = np.zeros(len(frames.times), np.int64)
        interval_ns = self.patch.interval_ns
        for fault, victims in self._faults:
            hit = np.flatnonzero(victims[frames.receivers])
            some = frames.take(hit)
            epochs, lives = some.incarnations >> 32, some.incarnations & LIFE_MAX
            gone, late = fates(fault, some.senders, some.receivers, epochs, lives, some.sequences, interval_ns)
            lost[hit] |= gone
            late_ns[hit] += late
        late_ns = np.minimum(late_ns, round(DELAY_MAX * interval_ns))
        self._count(Counter.FAULT_LOST, frames.receivers[lost])
        held = np.flatnonzero(~lost & (late_ns > 0))
        for k in held.tolist():
            self._hold(frames, k, int(late_ns[k]))
        return frames.take(~lost & (late_ns == 0))

    def _hold(self, frames: Frames, k: int, late_ns: int) -> None:
        receiver = int(frames.receivers[k])
        queue = self._held[receiver]
        if len(queue) >= HELD_MAX:
            self.patch.counters[Counter.FAULT_LOST, receiver] += np.uint64(1)
            return
        self.patch.counters[Counter.FAULT_DELAYED, receiver] += np.uint64(1)
        frame = (
            int(frames.times[k]) + late_ns,
            int(frames.senders[k]),
            int(frames.incarnations[k]),
            int(frames.sequences[k]),
            int(frames.slots[k]),
            bool(frames.hello[k]),
            int(frames.next_within[k]),
            frames.states[k],
        )
        heapq.heappush(queue, frame)
        self._due_ns[receiver] = queue[0][0]

    def _release(self, cells: Indices) -> None:
        """Deliver the earliest late frame of each of these cells."""
        frames = [heapq.heappop(self._held[cell]) for cell in cells.tolist()]
        for cell in cells.tolist():
            queue = self._held[cell]
            self._due_ns[cell] = queue[0][0] if queue else NEVER_NS
        due, senders, incarnations, sequences, slots, hello, within, states = zip(*frames, strict=True)
        self.patch.deliver(
            Frames(
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
        )

    def _record(self, said: Frames) -> None:
        assert self._log is not None
        columns = (
            said.times,
            said.senders,
            said.incarnations & LIFE_MAX,
            said.sequences,
            said.hello,
            said.next_within,
        )
        for row, state in zip(zip(*(c.tolist() for c in columns), strict=True), said.states, strict=True):
            self._log((*row, state.tobytes()))

    def _count(self, counter: Counter, cells: Indices) -> None:
        np.add.at(self.patch.counters[counter], cells, np.uint64(1))
