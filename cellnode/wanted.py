"""The wanted state of every cell of a host, and its delivery: sent when it changes, repeated until the cell shows it.

What a cell is to be told follows from who is up, the link faults, T and the pause; a change to any of these only marks
the cells concerned, so that many changes cost one datagram. It starts and signals nothing. May import numpy, control,
`cellnode.celltable`.
"""

from __future__ import annotations

import numpy as np

from cellnode.celltable import CellTable, Indices, Mask
from cellnode.control import Link, Post, Wanted, encode
from cellnode.frame import LIFE_MAX
from cellnode.linkfault import for_one
from cellnode.messages import LIVES_AHEAD, Door, LinkFault

SECOND = 1_000_000_000
FIRST_REPEAT_NS = SECOND // 2
LONGEST_REPEAT_NS = 4 * SECOND
SENT_A_TURN = 512  # so that a large host's agent still hears its coordinator in between
BLIND_SENDS = 3  # to a cell that has given its page back: it cannot show what it knows


class WantedStates:
    """Versions, marks and the schedule of repeats; `table` says who is up."""

    def __init__(self, table: CellTable, post: Post) -> None:
        self._table, self._post = table, post
        self.interval_ns = table.placement.interval_ns
        self.paused = False
        self.faults: tuple[LinkFault, ...] = ()
        self._faults_of: dict[int, list[LinkFault]] = {}  # by cell number
        self._doors: dict[int, Door] = {}  # cells of other hosts, by number
        self._version = np.zeros(table.count, np.int64)
        self._marked = np.zeros(table.count, np.bool_)
        self._sends = np.zeros(table.count, np.int64)  # of the present version
        self._due_ns = np.zeros(table.count, np.int64)

    # ---- changes

    def set_interval(self, interval_ns: int) -> None:
        self.interval_ns = interval_ns
        self._marked[:] = True

    def set_paused(self, paused: bool) -> None:
        self.paused = paused
        self._table.header["paused"] = int(paused)
        self._marked[:] = True

    def set_faults(self, faults: list[LinkFault]) -> None:
        """The whole list; only cells whose own faults change are told."""
        before = self._faults_of
        after: dict[int, list[LinkFault]] = {}
        for fault in faults:
            for place, cell in enumerate(fault.cells):
                after.setdefault(cell, []).append(for_one(fault, place))
        self.faults, self._faults_of = tuple(faults), after
        changed = [cell for cell in before.keys() | after.keys() if before.get(cell) != after.get(cell)]
        self._marked |= np.isin(self._table.cells, changed)

    def set_doors(self, doors: list[Door]) -> None:
        """The whole list of neighbours on other hosts; only cells around those that have changed are told."""
        before, self._doors = self._doors, {door.cell: door for door in doors}
        changed = [cell for cell in before.keys() | self._doors.keys() if before.get(cell) != self._doors.get(cell)]
        table = self._table
        self._marked |= (table.foreign & np.isin(table.around, changed)).any(axis=1)

    def mark(self, changed: Mask) -> None:
        """These cells came up or went down, or may start: they and their neighbours are to be told."""
        around = self._table.around_index[changed]
        self._marked |= changed
        self._marked[around[around >= 0]] = True

    def start(self, indices: Indices) -> None:
        """These cells' clocks may tick."""
        self._marked[indices] = True

    def hurry(self, indices: Indices) -> None:
        """These can hear again: do not wait for the next repeat."""
        self._due_ns[indices] = 0

    # ---- delivery

    def behind(self) -> Mask:
        """Cells that are up and have not shown the present version (or may not have heard it)."""
        table = self._table
        shown = table.pages["wanted_version"].astype(np.int64)
        known = np.where(table.unmapped, self._sends >= BLIND_SENDS, shown == self._version)
        return table.up & (self._marked | ~known)

    def deliver(self, now_ns: int) -> None:
        """Send what is due, at most `SENT_A_TURN` datagrams."""
        table = self._table
        fresh = self._marked & table.up
        self._version[fresh] += 1
        self._sends[fresh] = 0
        self._due_ns[fresh] = 0
        self._marked[fresh] = False
        self._marked &= table.up  # whoever is not up is told everything when it comes up
        due = np.flatnonzero(self.behind() & ~table.frozen & (self._due_ns <= now_ns))
        for index in due[:SENT_A_TURN].tolist():
            cell = int(table.cells[index])
            if self._post.send(cell, table.runtime.control_path(cell), encode(self._state_of(index))):
                pause = min(LONGEST_REPEAT_NS, FIRST_REPEAT_NS << min(int(self._sends[index]), 8))
                self._sends[index] += 1
                self._due_ns[index] = now_ns + pause

    def _state_of(self, index: int) -> Wanted:
        table = self._table
        epoch, runtime = table.placement.epoch, table.runtime
        links = []
        cells, indices = table.around[index].tolist(), table.around_index[index].tolist()
        for slot, (cell, neighbour) in enumerate(zip(cells, indices, strict=True)):
            if neighbour >= 0:
                on, life = bool(table.up[neighbour]), int(table.announced[neighbour])
                links.append(Link(slot, cell, runtime.endpoint(cell), on, epoch, life))
            elif (door := self._doors.get(cell)) is not None:
                life = min(LIFE_MAX, door.life + LIVES_AHEAD)
                links.append(Link(slot, cell, door.endpoint, door.on, door.epoch, life, door.key))
        cell = int(table.cells[index])
        return Wanted(
            version=int(self._version[index]),
            interval_ns=self.interval_ns,
            running=bool(table.started[index]),
            paused=self.paused,
            links=links,
            faults=self._faults_of.get(cell, []),
        )
