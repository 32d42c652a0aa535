"""A world of `Cell` objects in virtual time: slow, plain, and the truth that the batch twin is held to.

Events are ordered by (time, cell), a delivery before a wake; a frame reaches its neighbours at the instant it is said,
unless a link fault holds it back. Knows no clock; every draw is keyed by the swarm's seed. May import numpy,
firmware_sim, the cell, its draws and its link faults.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode import harm
from cellnode.cell import REACTION_NS, Cell
from cellnode.clockfault import Intervals, bent
from cellnode.draws import clock
from cellnode.frame import HELLO, decode
from cellnode.heard import Heard, no_words
from cellnode.linkfault import Gate
from cellnode.messages import LinkFault, RulePayload
from cellnode.panel import COUNTERS, Counter
from cellnode.topology import opposite
from firmware_sim.engines import Engine
from firmware_sim.limits import CHANNELS

# (time in ns, cell, life, sequence, hello, next_within, state in the engine's dtype as bytes)
Said = tuple[int, int, int, int, bool, int, bytes]
_DELIVERY, _WAKE = 0, 1


class CellWorld:
    """Cells that are all on at time 0, each in its first life."""

    def __init__(
        self,
        table: NDArray[np.int32],
        engine: Engine,
        tag: int,
        rng_seed: int,
        interval_ns: int,
        epoch: int,
        log: Callable[[Said], None] | None = None,
        others: Sequence[tuple[Sequence[int], Engine]] = (),
    ) -> None:
        count = len(table)
        self._table = table.tolist()
        self._engine_of = {cell: other for cells, other in others for cell in cells}
        self._engine, self._tag, self._rng_seed = engine, tag, rng_seed
        self._interval_ns, self._epoch, self._log = interval_ns, epoch, log
        self._counters = [[0] * COUNTERS for _ in range(count)]
        self._faults: Sequence[LinkFault] = ()
        self._lives = [0] * count
        self._cells: list[Cell | None] = [None] * count
        self._gates = [Gate(cell, tag, interval_ns, self._counters[cell], self._table[cell]) for cell in range(count)]
        self._heap: list[tuple[int, int, int]] = []
        self._frozen: set[int] = set()
        self._thawed_ns = [-1] * count  # before this, nobody who stood still wakes
        self.power(range(count), True, 0)

    @property
    def on(self) -> NDArray[np.bool_]:
        return np.array([cell is not None for cell in self._cells])

    def states(self) -> NDArray[Any]:
        """[cells, 16] in the engine's dtype; cells without power are zeros."""
        grid = np.zeros((len(self._cells), CHANNELS), self._engine.dtype)
        for row, cell in zip(grid, self._cells, strict=True):
            if cell is not None:
                row[:] = cell.state
        return grid

    def counters(self) -> NDArray[np.uint64]:
        return np.array(self._counters, dtype=np.uint64)

    def heard(self) -> Heard:
        """What lies in the mailboxes."""
        found = no_words(len(self._cells))
        for index, cell in enumerate(self._cells):
            if cell is not None:
                box = cell.mailbox
                found.said[index], found.sequences[index] = cell.sequence, box.sequences
                found.incarnations[index] = [box.incarnation(slot) for slot in range(8)]
        return found

    def run(self, until_ns: int) -> None:
        """Everything that happens up to and including `until_ns`."""
        heap = self._heap
        while heap and heap[0][0] <= until_ns:
            now_ns, index, kind = heapq.heappop(heap)
            cell = self._cells[index]
            if cell is None:
                continue
            if kind == _DELIVERY:
                for data in self._gates[index].release(now_ns):
                    self._receive(index, cell, data, now_ns)
                self._expect(index)
            elif index in self._frozen:
                continue
            elif cell.next_wake_ns == now_ns or self._missed(index, cell, now_ns):  # else it was drawn anew
                self._wake(index, cell, now_ns)

    def wake(self, index: int, now_ns: int) -> None:
        """Let one cell wake now, whenever it was due; for replaying a given list of wakes."""
        cell = self._cells[index]
        if cell is not None:
            self._wake(index, cell, now_ns)

    def power(self, cells: Iterable[int], on: bool, now_ns: int) -> None:
        """Cells that get power begin a new life; those that lose it are gone with all that was on its way to them."""
        changed = [index for index in cells if (self._cells[index] is not None) != on]
        for index in changed:
            self._gates[index] = Gate(index, self._tag, self._interval_ns, self._counters[index], self._table[index])
            self._gates[index].set_faults(self._faults, now_ns)
            self._counters[index][Counter.SLEEPING] = 0
            self._frozen.discard(index)
            self._thawed_ns[index] = -1
            self._cells[index] = born = self._born(index, now_ns) if on else None
            if born is not None:
                born.set_faults(self._faults, now_ns)
        for index in changed:
            self._announce(index)
            self._schedule(index)

    @property
    def frozen(self) -> NDArray[np.bool_]:
        return np.array([index in self._frozen for index in range(len(self._cells))])

    def freeze(self, cells: Iterable[int], frozen: bool, now_ns: int) -> None:
        """Nobody wakes a frozen cell; whoever goes on wakes at once if his time has come meanwhile."""
        for index in cells:
            cell = self._cells[index]
            if cell is None or (index in self._frozen) is frozen:
                continue
            if frozen:
                self._frozen.add(index)
                continue
            self._frozen.discard(index)
            self._thawed_ns[index] = now_ns + REACTION_NS
            self._schedule(index)

    def erase(self, cells: Iterable[int], now_ns: int) -> None:
        for index in cells:
            cell = self._cells[index]
            if cell is not None and index not in self._frozen:
                cell.erase(now_ns)
                self._schedule(index)

    def seed(self, cells: Iterable[int], state: bytes, now_ns: int) -> None:
        for index in cells:
            cell = self._cells[index]
            if cell is not None and index not in self._frozen:
                cell.seed(state, now_ns)
                self._schedule(index)

    def harm(self, order: harm.Harm, cells: Iterable[int], rule: RulePayload, now_ns: int) -> None:
        """A hardware fault on those of these cells that are on."""
        for index in cells:
            cell = self._cells[index]
            if cell is not None and index not in self._frozen:
                harm.carry_out(order, cell, rule, now_ns, harm.spare_chip)
                self._schedule(index)

    def set_faults(self, faults: Sequence[LinkFault], now_ns: int) -> None:
        self._faults = faults
        for index, gate in enumerate(self._gates):
            gate.set_faults(faults, now_ns)
            self._expect(index)
            cell = self._cells[index]
            if cell is not None:
                cell.set_clock(self._clock(index))
                cell.set_faults(faults, now_ns)
                self._schedule(index)

    def _clock(self, index: int) -> Intervals:
        life = self._lives[index]
        intervals = clock(self._rng_seed, index, self._epoch, life)
        return bent(intervals, self._faults, index, (self._epoch, life), self._counters[index])

    def _missed(self, index: int, cell: Cell, now_ns: int) -> bool:
        """Whether a cell that has just gone on wakes now because its time came while it stood still."""
        due_ns = cell.next_wake_ns
        return self._thawed_ns[index] == now_ns and due_ns is not None and due_ns < now_ns

    def _born(self, index: int, now_ns: int) -> Cell:
        self._lives[index] += 1
        return Cell(
            index,
            self._table[index],
            self._tag,
            self._epoch,
            self._lives[index],
            self._interval_ns,
            self._engine_of.get(index, self._engine),
            self._clock(index),
            now_ns,
            self._counters[index],
        )

    def _announce(self, index: int) -> None:
        """What an agent does: tell the neighbours who `index` is now, and `index` who they are."""
        mine = self._cells[index]
        for slot, neighbour in enumerate(self._table[index]):
            if neighbour < 0:
                continue
            other = self._cells[neighbour]
            if other is not None:
                other.announce(opposite(slot), self._epoch, self._lives[index], mine is not None)
            if mine is not None:
                mine.announce(slot, self._epoch, self._lives[neighbour], other is not None)

    def _wake(self, index: int, cell: Cell, now_ns: int) -> None:
        data = cell.wake(now_ns)
        self._schedule(index)
        if data is None:
            return
        if self._log is not None:
            frame = decode(data, self._tag)
            assert not isinstance(frame, Counter), "a cell said what is no frame"
            hello = bool(frame.flags & HELLO)
            self._log((now_ns, index, frame.life, frame.sequence, hello, frame.next_within, frame.values))
        for neighbour in self._table[index]:
            other = self._cells[neighbour] if neighbour >= 0 else None
            if other is not None:
                gate = self._gates[neighbour]
                if not gate.active:
                    self._receive(neighbour, other, data, now_ns)
                    continue
                admitted = gate.admit(data, now_ns)
                if admitted is not None:
                    self._receive(neighbour, other, admitted, now_ns)
                self._expect(neighbour)

    def _receive(self, index: int, cell: Cell, data: bytes, now_ns: int) -> None:
        before = cell.next_wake_ns
        cell.receive(data, now_ns)
        if cell.next_wake_ns != before:
            self._schedule(index)

    def _schedule(self, index: int) -> None:
        cell = self._cells[index]
        if cell is not None and cell.next_wake_ns is not None and index not in self._frozen:
            heapq.heappush(self._heap, (max(cell.next_wake_ns, self._thawed_ns[index]), index, _WAKE))

    def _expect(self, index: int) -> None:
        due_ns = self._gates[index].next_due_ns
        if due_ns is not None:
            heapq.heappush(self._heap, (due_ns, index, _DELIVERY))
