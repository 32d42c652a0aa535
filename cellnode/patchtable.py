"""What an agent knows of its patches beside their cells: arrays with one entry a patch, each the process of many cells.

A cell's entries are those of `CellTable`; its process is its patch's. A cell may be without power in a patch that goes
on. It decides nothing and signals no one. May import numpy, the layout and the table of cells.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cellnode.celltable import CellTable, Indices, Mask
from cellnode.messages import Placement
from cellnode.panel import Phase
from cellnode.patchlayout import grid, layout
from cellnode.runtime import Runtime
from firmware_sim.errors import BadInput


class PatchTable(CellTable):
    """The cells of one placement, and the patches they lie in. Patches, too, are told by their index here."""

    def __init__(self, placement: Placement, runtime: Runtime, agent_pid: int) -> None:
        cut = grid(placement.height, placement.width, placement.torus, placement.patch)
        cells = np.array(placement.cells, np.int64)
        if (np.diff(cells) <= 0).any():
            raise BadInput("a placement of patches names its cells in rising order, each once")
        numbers, unit_of = np.unique(cut.patch_of(cells), return_inverse=True)
        sizes = [len(cut.cells_of(int(number))) for number in numbers]
        if np.bincount(unit_of).tolist() != sizes:
            raise BadInput("a placement of patches has whole patches only")
        super().__init__(placement, runtime, agent_pid)
        self.numbers_of_patches: NDArray[np.int64] = numbers
        self.patches = len(numbers)
        self.unit_of: NDArray[np.intp] = unit_of.astype(np.intp)
        order = np.argsort(unit_of, kind="stable")
        self.members: list[Indices] = np.split(order, np.cumsum(np.bincount(unit_of))[:-1])
        plans = [layout(cut, int(number)) for number in numbers]
        self.strangers = [it.around for it in plans]  # numbers of the cells around each patch
        self.peers = [it.peers for it in plans]  # numbers of the patches around each
        self._cut = cut
        self._unit_index = {int(number): index for index, number in enumerate(numbers)}
        self.still = np.zeros(self.count, np.bool_)  # wanted to stand still
        self.unit_border: Mask = np.bincount(self.unit_of[self.border], minlength=self.patches) > 0
        self.unit_port = np.zeros(self.patches, np.int64)  # where its last process was bound for other hosts
        self.process = np.zeros(self.patches, np.int64)  # how many each has had
        self.unit_pid = np.zeros(self.patches, np.int64)
        self.unit_forking = np.zeros(self.patches, np.bool_)
        self.unit_dying = np.zeros(self.patches, np.bool_)
        self.unit_wired = np.zeros(self.patches, np.bool_)
        self.unit_started = np.zeros(self.patches, np.bool_)
        self.unit_up = np.zeros(self.patches, np.bool_)

    @property
    def unit_on(self) -> Mask:
        """[patches]: some cell of it is wanted on, so there is to be a process."""
        on: Mask = np.bincount(self.unit_of[self.on], minlength=self.patches) > 0
        return on

    @property
    def unit_alive(self) -> Mask:
        return (self.unit_pid > 0) | self.unit_forking

    @property
    def alive(self) -> Mask:
        """Its patch has a process, and it is meant to have power there, or still has."""
        lit = self.pages["phase"] != Phase.OFF
        alive: Mask = self.unit_alive[self.unit_of] & (self.on | lit)
        return alive

    def unit_phases(self) -> NDArray[np.uint32]:
        """How far each patch is; LINKED when all its cells are that have power."""
        shown = self.pages["phase"]
        best, worst = np.zeros(self.patches, np.uint32), np.full(self.patches, Phase.LINKED, np.uint32)
        np.maximum.at(best, self.unit_of, shown)
        lit = shown != Phase.OFF
        np.minimum.at(worst, self.unit_of[lit], shown[lit])
        phases = np.where(worst == Phase.LINKED, best, np.minimum(best, np.uint32(Phase.WIRED)))
        phases[(self.unit_pid == 0) | self.unit_dying | (best >= Phase.FAILED)] = Phase.OFF
        return phases.astype(np.uint32)

    def note_ports(self) -> None:
        """Where patches with neighbours on other hosts are bound by now; it is on each one's first page."""
        first = np.array([members[0] for members in self.members], np.intp)
        shown = self.unit_up & self.unit_border
        self.unit_port[shown] = self.pages["port"][first[shown]]

    def units(self, cells: Indices) -> Indices:
        """The patches that these cells lie in."""
        return np.unique(self.unit_of[cells])

    def around_units(self, units: Indices) -> Indices:
        """These patches and those around them, as far as they are of this host."""
        found = set(units.tolist())
        for unit in units.tolist():
            found.update(self._unit_index[peer] for peer in self.peers[unit] if peer in self._unit_index)
        return np.array(sorted(found), np.intp)

    def patch_of(self, cell: int) -> int:
        """The number of the patch that this cell lies in, on whatever host."""
        return int(self._cut.patch_of(np.array([cell]))[0])

    def unit(self, number: int) -> int:
        """The index of this patch; -1: it is not of this host."""
        return self._unit_index.get(number, -1)

    def known_of(self, cells: NDArray[np.int64]) -> tuple[NDArray[np.int64], Mask]:
        """Of these cells, by number: the newest life each was given here, and whether it runs; 0: not of this host."""
        at = np.minimum(np.searchsorted(self.cells, cells), self.count - 1)
        here = self.cells[at] == cells
        lives = np.where(here, self.life[at], 0)
        return lives, here & self.on[at] & (self.life[at] > 0) & self.unit_up[self.unit_of[at]]

    def begin_process(self, unit: int) -> int:
        """Clear the pages of its cells; those wanted on begin their next lives. Which process of this patch it is."""
        self.process[unit] += 1
        members = self.members[unit]
        self.life[members[self.on[members]]] += 1
        self.clear(members)
        self.unit_forking[unit] = self.forking[members] = True
        return int(self.process[unit])

    def born(self, unit: int, pid: int) -> None:
        """Its process exists."""
        members = self.members[unit]
        self.unit_pid[unit] = pid
        self.pid[members] = np.where(self.on[members], pid, 0)
        self.unit_forking[unit] = self.forking[members] = False

    def end_process(self, unit: int) -> None:
        """Its process is reaped: the LEDs go dark, and no socket file stays behind."""
        members = self.members[unit]
        self.unit_pid[unit] = self.pid[members] = 0
        self.forking[members] = self.dying[members] = False
        for flags in (self.unit_forking, self.unit_dying, self.unit_wired, self.unit_started, self.unit_up):
            flags[unit] = False
        self.clear(members)
        self.still[members] = False
        self.runtime.forget_patch(int(self.numbers_of_patches[unit]), self.peers[unit])
