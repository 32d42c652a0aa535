"""Virtual time over a patch: the fast world, equal to `oracle.CellWorld` event for event.

It runs the patch in batches of independent wakes, and hands frames on through faulty links (`patchlinks.py`). It knows
no clock; every draw is keyed by the swarm's seed. May import numpy, firmware_sim, the patch, its schedule and links.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode import cellfault, clockfault, harm, linkfault
from cellnode.cell import REACTION_NS
from cellnode.frame import LIFE_MAX
from cellnode.heard import Heard
from cellnode.mailbox import NEVER_NS
from cellnode.mailboxes import Frames, Indices, Times
from cellnode.messages import LinkFault, RulePayload
from cellnode.oracle import Said
from cellnode.patch import Patch
from cellnode.patchlinks import PatchLinks
from cellnode.recordedpatch import RecordedPatch, Tell
from cellnode.schedule import independent, levels
from firmware_sim.engines import Engine


class _Victim:
    """One cell of a patch, as a harm sees it."""

    def __init__(self, patch: Patch, cell: int) -> None:
        self._patch, self._index = patch, cell
        self.cell = int(patch.numbers[cell])
        self.interval_ns = patch.interval_ns
        self.counters: Any = patch.counters[:, cell]

    @property
    def state_bytes(self) -> bytes:
        return bytes(self._patch.states[self._index].tobytes())

    @property
    def engine(self) -> Engine:
        return self._patch.engine_of(self._index)

    def corrupt(self, values: bytes, now_ns: int) -> None:
        self._patch.corrupt(np.array([self._index]), np.frombuffer(values, self._patch.engine.dtype), now_ns)

    def refit(self, engine: Engine, now_ns: int) -> None:
        self._patch.refit(self._index, engine, now_ns)

    def jump(self, ns: int, now_ns: int) -> None:
        self._patch.jump(np.array([self._index]), ns, now_ns)


class PatchWorld:
    """Cells that are all on at time 0, each in its first life; the same surface as `CellWorld`.

    `tell` gets every wake as rows of a recording. `numbers`, `elsewhere`: see `Patch`; then nobody has power at first,
    and what cells elsewhere say comes by `hear`.
    """

    def __init__(
        self,
        table: NDArray[np.int32],
        engine: Engine,
        rng_seed: int,
        interval_ns: int,
        epoch: int,
        log: Callable[[Said], None] | None = None,
        others: Sequence[tuple[Sequence[int], Engine]] = (),
        tag: int = 0,
        tell: Tell | None = None,
        numbers: NDArray[np.int64] | None = None,
        elsewhere: int = 0,
    ) -> None:
        swarm = (table, engine, rng_seed, interval_ns, epoch, others)
        self.patch = Patch(*swarm, numbers, elsewhere) if tell is None else RecordedPatch(*swarm, tell)
        self._log = log
        self.on_said: Callable[[Frames], None] | None = None  # gets what was said before anybody hears it
        self.links = PatchLinks(self.patch.numbers, tag, interval_ns, self.patch.counters)
        self._not_before_ns: Times = np.zeros(len(table) + 1, np.int64)  # NEVER_NS: stands still
        self._standing = False  # some cell does, or has only just gone on
        if numbers is None:
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

    def heard(self) -> Heard:
        """What lies in the mailboxes."""
        patch = self.patch
        on = patch.on[:-1]
        mail = patch.mail
        return Heard(
            np.where(on, patch.said, 0),
            np.where(on[:, None], mail.incarnations, 0),
            np.where(on[:, None], mail.sequences, 0),
        )

    def run(self, until_ns: int) -> None:
        """Everything that happens up to and including `until_ns`."""
        patch, links = self.patch, self.links
        while True:
            wakes_ns = patch.next_wake_ns
            if self._standing:
                wakes_ns = np.maximum(wakes_ns, self._not_before_ns)
            events_ns = np.minimum(wakes_ns, links.due_ns)
            cells = independent(patch, events_ns, until_ns)
            if not len(cells):
                return
            receiving = links.due_ns[cells] <= wakes_ns[cells]
            if receiving.any():
                patch.deliver(links.release(cells[receiving]))
                cells = cells[~receiving]
            if len(cells):
                self.wake(cells, wakes_ns[cells])

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
        if self.on_said is not None:
            self.on_said(said)
        if self._log is not None:
            self._record(said)
        frames = self.patch.spread(said)
        if self.links.faulty:
            frames = self.links.admit(frames)
        self.patch.deliver(frames)

    def hear(self, frames: Frames, now_ns: int) -> None:
        """What cells elsewhere have said comes to cells here, at one moment, in this order."""
        frames = frames.take(self.patch.on[frames.receivers])
        if self.links.faulty:
            frames = self.links.admit(frames)
        while len(frames.times):  # a cell takes one at a time
            first = np.zeros(len(frames.times), np.bool_)
            first[np.unique(frames.receivers, return_index=True)[1]] = True
            self.patch.deliver(frames.take(first))
            frames = frames.take(~first)

    def set_interval(self, interval_ns: int, now_ns: int) -> None:
        """Change T; pending wakes are drawn anew."""
        self.patch.set_interval(interval_ns, now_ns)
        self.links.interval_ns = interval_ns

    def power(self, cells: Iterable[int], on: bool, now_ns: int) -> None:
        """Cells that get power begin a new life; those that lose it are gone with all that was on its way to them."""
        wanted = np.array(sorted(set(cells)), np.int64)
        changed = wanted[self.patch.on[wanted] != on]
        self.links.forget(changed)
        self._not_before_ns[changed] = 0
        if on:
            self.patch.born(changed, now_ns)
        else:
            self.patch.off(changed)

    @property
    def frozen(self) -> NDArray[np.bool_]:
        still: NDArray[np.bool_] = self._not_before_ns[:-1] == NEVER_NS
        return still

    def freeze(self, cells: Iterable[int], frozen: bool, now_ns: int) -> None:
        """As in `CellWorld`."""
        wanted = self._powered(cells)
        changed = wanted[self.frozen[wanted] != frozen]
        self._not_before_ns[changed] = NEVER_NS if frozen else now_ns + REACTION_NS
        self._standing = bool((self._not_before_ns > now_ns).any())

    def stand_still(self, not_before_ns: Times) -> None:
        """None of these cells [n] wakes before this, however long it is due; NEVER_NS: it stands still."""
        self._not_before_ns[:-1] = not_before_ns
        self._standing = bool(not_before_ns.any())

    def erase(self, cells: Iterable[int], now_ns: int) -> None:
        self.patch.erase(self._reachable(cells), now_ns)

    def seed(self, cells: Iterable[int], state: bytes, now_ns: int) -> None:
        self.patch.seed(self._reachable(cells), np.frombuffer(state, self.patch.engine.dtype), now_ns)

    def harm(self, order: harm.Harm, cells: Iterable[int], rule: RulePayload, now_ns: int) -> None:
        """A hardware fault on those of these cells that are on."""
        for cell in self._reachable(cells).tolist():
            harm.carry_out(order, _Victim(self.patch, cell), rule, now_ns, harm.spare_chip)

    def set_faults(self, faults: Sequence[LinkFault], now_ns: int) -> None:
        clocks: list[tuple[LinkFault, NDArray[np.bool_]]] = []
        for fault in faults:
            if fault.kind in clockfault.KINDS:
                victims = np.zeros(self.patch.count, np.bool_)
                victims[fault.cells] = True
                clocks.append((fault, victims))
        self.links.set_faults([fault for fault in faults if fault.kind in linkfault.KINDS], now_ns)
        self.patch.set_clock_faults(clocks)
        self.patch.set_cell_faults([fault for fault in faults if fault.kind in cellfault.KINDS], now_ns)

    def _powered(self, cells: Iterable[int]) -> Indices:
        wanted = np.array(sorted(set(cells)), np.int64)
        return wanted[self.patch.on[wanted]]

    def _reachable(self, cells: Iterable[int]) -> Indices:
        """Those with power that do not stand still: who does, misses what is done to him, as a stopped process does."""
        powered = self._powered(cells)
        return powered[~self.frozen[powered]]

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
