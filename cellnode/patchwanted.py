"""The wanted state of every patch of a host, and its delivery: `wanted.py` for processes that carry many cells.

A change only marks the patches concerned; what each is told follows from the table. It starts and signals nothing. May
import numpy, the patches' table and their control messages.
"""

from __future__ import annotations

import msgspec
import numpy as np

from cellnode import patchcontrol
from cellnode.celltable import Indices, Mask
from cellnode.messages import Door, LinkFault
from cellnode.patchcontrol import PatchWanted, Peer, Post
from cellnode.patchtable import PatchTable
from cellnode.wanted import FIRST_REPEAT_NS, LONGEST_REPEAT_NS
from firmware_sim.errors import BadInput

SENT_A_TURN = 64  # so that a large host's agent still hears its coordinator in between


class PatchWantedStates:
    """Versions, marks and the schedule of repeats, each by patch; answers by cell."""

    def __init__(self, table: PatchTable, post: Post) -> None:
        self._table, self._post = table, post
        self.interval_ns = table.placement.interval_ns
        self.paused = False
        self.faults: tuple[LinkFault, ...] = ()
        self._version = np.zeros(table.patches, np.int64)
        self._marked = np.zeros(table.patches, np.bool_)
        self._sends = np.zeros(table.patches, np.int64)
        self._due_ns = np.zeros(table.patches, np.int64)
        self._faults_of: dict[int, list[LinkFault]] = {}
        self._first = np.array([members[0] for members in table.members], np.intp)
        self._doors: dict[int, Door] = {}  # cells of other hosts, by number

    # ---- changes

    def set_interval(self, interval_ns: int) -> None:
        self.interval_ns = interval_ns
        self._marked[:] = True

    def set_paused(self, paused: bool) -> None:
        self.paused = paused
        self._table.header["paused"] = int(paused)
        self._marked[:] = True

    def set_doors(self, doors: list[Door]) -> None:
        """The whole list of neighbours on other hosts; only patches beside those that have changed are told."""
        before, self._doors = self._doors, {door.cell: door for door in doors}
        changed = [cell for cell in before.keys() | self._doors.keys() if before.get(cell) != self._doors.get(cell)]
        table = self._table
        beside = (table.foreign & np.isin(table.around, changed)).any(axis=1)
        self._marked[table.units(np.flatnonzero(beside))] = True

    def set_faults(self, faults: list[LinkFault]) -> None:
        """The whole list; only patches whose own faults change are told. Raises BadInput if they are too many."""
        table, after = self._table, dict[int, list[LinkFault]]()
        for fault in faults:
            cells = np.array(fault.cells, np.int64)
            index = np.minimum(np.searchsorted(table.cells, cells), table.count - 1)
            here = np.flatnonzero(table.cells[index] == cells)
            units = table.unit_of[index[here]]
            order = np.argsort(units, kind="stable")
            for some in np.split(here[order], np.flatnonzero(np.diff(units[order])) + 1) if len(here) else []:
                slots = np.array(fault.slots, np.int64)[some].tolist() if fault.slots else []
                mine = msgspec.structs.replace(fault, cells=cells[some].tolist(), slots=slots)
                after.setdefault(int(table.unit_of[index[some[0]]]), []).append(mine)
        before, self._faults_of = self._faults_of, after
        changed = [unit for unit in before.keys() | after.keys() if before.get(unit) != after.get(unit)]
        if any(len(patchcontrol.encode(self._state_of(unit))) > patchcontrol.MAX_DATAGRAM for unit in changed):
            self._faults_of = before
            raise BadInput("faults on so many cells of a patch do not fit one message; use smaller patches, or fewer")
        self.faults = tuple(faults)
        self._marked[changed] = True

    def mark(self, units: Indices) -> None:
        """These are to be told."""
        self._marked[units] = True

    # ---- delivery

    def shown_by(self, units: Indices) -> Mask:
        """Which of these show that they know all; those without a process have nothing to know."""
        return ~self._behind()[units]

    def behind(self) -> Mask:
        """[cells]: those in patches that are up and have not shown the present version."""
        mask: Mask = self._behind()[self._table.unit_of]
        return mask

    def _behind(self) -> Mask:
        table = self._table
        shown = table.pages["wanted_version"][self._first].astype(np.int64)
        mask: Mask = table.unit_up & (self._marked | (shown != self._version))
        return mask

    def deliver(self, now_ns: int) -> None:
        """Send what is due."""
        table = self._table
        fresh = self._marked & table.unit_up
        self._version[fresh] += 1
        self._sends[fresh] = self._due_ns[fresh] = 0
        self._marked &= ~fresh & table.unit_up  # whoever is not up is told everything when it comes up
        due = np.flatnonzero(self._behind() & (self._due_ns <= now_ns))
        for unit in due[:SENT_A_TURN].tolist():
            path = table.runtime.control_path(int(table.numbers_of_patches[unit]))
            if self._post.send(path, self._state_of(unit)):
                pause_ns = min(LONGEST_REPEAT_NS, FIRST_REPEAT_NS << min(int(self._sends[unit]), 8))
                self._sends[unit] += 1
                self._due_ns[unit] = now_ns + pause_ns

    def _state_of(self, unit: int) -> PatchWanted:
        table = self._table
        members, number = table.members[unit], int(table.numbers_of_patches[unit])
        strangers = table.strangers[unit]
        lives, on = table.known_of(strangers)
        epochs = np.full(len(strangers), table.placement.epoch)
        peers, far = [], dict[int, Peer]()
        for peer in table.peers[unit]:
            index = table.unit(peer)
            if index >= 0:
                peers.append(Peer(peer, table.runtime.edge_endpoint(peer, number), int(table.process[index])))
        for place, cell in enumerate(strangers.tolist() if table.unit_border[unit] else ()):
            if (door := self._doors.get(cell)) is not None:
                lives[place], on[place], epochs[place] = door.life, door.on, door.epoch
                peer = table.patch_of(cell)
                far[peer] = Peer(peer, door.endpoint, door.epoch, door.key)
        peers += far.values()
        return PatchWanted(
            version=int(self._version[unit]),
            interval_ns=self.interval_ns,
            running=bool(table.unit_started[unit]),
            paused=self.paused,
            lives=patchcontrol.words(np.where(table.on[members], table.life[members], 0)),
            still=table.still[members].tobytes(),
            around=patchcontrol.words(lives),
            around_on=on.tobytes(),
            peers=peers,
            faults=self._faults_of.get(unit, []),
            around_epochs=patchcontrol.words(epochs) if far else b"",
        )
