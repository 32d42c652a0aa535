"""What an agent knows of each of its cells, as arrays with one entry a cell, and its hand on the whole panel.

Indices are positions in the placement, and pages of the panel; cell numbers are positions in the grid. It decides
nothing and signals no one. May import numpy, `cellnode.panel`, topology, messages and runtime.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode import panel, topology
from cellnode.messages import Placement, RulePayload
from cellnode.panel import Phase
from cellnode.runtime import Runtime
from firmware_sim.engines import FAMILIES
from firmware_sim.errors import BadInput
from firmware_sim.limits import CHANNELS

Indices = NDArray[np.intp]
Mask = NDArray[np.bool_]


def check(placement: Placement) -> None:
    """Raises BadInput when a placement cannot be meant: empty, doubled or foreign cells, no epoch, no such engine."""
    table = topology.neighbours(placement.height, placement.width, placement.torus)
    cells = placement.cells
    if not cells:
        raise BadInput("placement has no cells, expected at least one")
    if len(set(cells)) != len(cells) or min(cells) < 0 or max(cells) >= len(table):
        raise BadInput(f"placement names a cell twice, or one outside its {placement.height}x{placement.width} grid")
    if not 1 <= placement.epoch < 1 << 31:
        raise BadInput(f"placement epoch is {placement.epoch}, expected 1 or more")
    if placement.rule.engine not in FAMILIES:
        raise BadInput(f"engine {placement.rule.engine!r} is unknown, expected one of {', '.join(FAMILIES)}")
    _check_others(placement)
    if placement.interval_ns < 1:
        raise BadInput(f"interval is {placement.interval_ns} ns, expected at least 1")


def _check_others(placement: Placement) -> None:
    seen = set[int]()
    for other in placement.others:
        check_family(placement, other.rule)
        if not seen.isdisjoint(other.cells) or not set(other.cells) <= set(placement.cells):
            raise BadInput(f"placement gives {other.rule.engine} to a cell that it does not have, or has given already")
        seen.update(other.cells)


def check_family(placement: Placement, rule: RulePayload) -> None:
    """Raises BadInput unless cells on this engine can live among the placement's."""
    family = FAMILIES[placement.rule.engine]
    if FAMILIES.get(rule.engine) != family:
        raise BadInput(f"cells on {rule.engine} cannot live among cells on {placement.rule.engine} ({family})")


class CellTable:
    """The cells of one placement, and a freshly made panel."""

    def __init__(self, placement: Placement, runtime: Runtime, agent_pid: int) -> None:
        count = len(placement.cells)
        self.placement, self.runtime, self.count = placement, runtime, count
        self.cells = np.array(placement.cells, np.int64)
        around = topology.neighbours(placement.height, placement.width, placement.torus)[self.cells]
        self.around: NDArray[np.int64] = around.astype(np.int64)  # [cells, 8] cell numbers, -1 beyond the border
        # By number; the last one stands for what is beyond the border.
        index_of = np.full(placement.height * placement.width + 1, -1, np.int64)
        index_of[self.cells] = np.arange(count)
        self._index_of: NDArray[np.int64] = index_of
        self.around_index: NDArray[np.int64] = index_of[around]  # [cells, 8], -1 where no cell of this host is
        self.foreign: Mask = (around >= 0) & (self.around_index < 0)  # [cells, 8], a cell of another host is there
        self.border: Mask = np.asarray(self.foreign.any(axis=1))
        self.port = np.zeros(count, np.int64)  # where the last life of a border cell was bound for the others
        self.on = np.ones(count, np.bool_)  # wanted on
        self.life = np.zeros(count, np.int64)  # of the process there is or was; 0: none yet
        self.announced = np.zeros(count, np.int64)  # newest life that neighbours may believe
        self.pid = np.zeros(count, np.int64)  # 0: no process
        self.forking = np.zeros(count, np.bool_)  # asked for, not yet born
        self.dying = np.zeros(count, np.bool_)  # killed on purpose, not yet reaped
        self.frozen = np.zeros(count, np.bool_)
        self.unmapped = np.zeros(count, np.bool_)  # has given its page back: shows nothing any more
        self.wired = np.zeros(count, np.bool_)  # may be told its links: the others of its launch are bound
        self.started = np.zeros(count, np.bool_)  # its clock may tick
        self.up = np.zeros(count, np.bool_)  # bound and wired: its neighbours are told to expect it
        values = 16 if FAMILIES[placement.rule.engine] == "int8" else 64
        self.state_size = values * placement.rule.channels // CHANNELS  # bytes; a page shows no more than 16 channels
        runtime.panel.unlink(missing_ok=True)  # never truncate what somebody may still map
        try:
            panel.create(runtime.panel, count, placement.epoch, values)
        except OSError as error:
            size = panel.PAGE * (1 + count)
            raise BadInput(f"panel {runtime.panel} needs {size} bytes of shared memory: {error.strerror}") from error
        self._mapping: mmap.mmap
        self._mapping, self.header, self.pages = panel.map_all(runtime.panel, writable=True)
        self.header["agent_pid"] = agent_pid
        self.pages["cell"] = self.cells
        self.pages["epoch"] = placement.epoch

    def indices(self, cells: Iterable[int]) -> Indices:
        """Indices of these cells, in order, without doubles. Raises BadInput naming those that live elsewhere."""
        asked = list(cells)
        try:
            numbers = np.array(asked, np.int64)
        except OverflowError:
            numbers = np.array([min(max(cell, -1), len(self._index_of)) for cell in asked], np.int64)
        placed = (numbers >= 0) & (numbers < len(self._index_of))
        found = self._index_of[np.where(placed, numbers, -1)]
        if (found < 0).any():
            strangers = [asked[place] for place in np.flatnonzero(found < 0).tolist()]
            raise BadInput(f"cells {name_some(strangers)} are not placed on this host")
        return np.unique(found).astype(np.intp)

    def numbers(self, indices: Indices | list[int]) -> list[int]:
        """Cell numbers of these indices."""
        numbers: list[int] = self.cells[indices].tolist() if len(indices) else []
        return numbers

    @property
    def alive(self) -> Mask:
        """A process exists, or was asked for."""
        return (self.pid > 0) | self.forking

    def phases(self) -> NDArray[np.uint32]:
        """How far each cell is; OFF without a process that is meant to live."""
        phases: NDArray[np.uint32] = self.pages["phase"].copy()
        phases[(self.pid == 0) | self.dying | (phases >= Phase.FAILED)] = Phase.OFF
        return phases

    def begin_life(self, index: int) -> int:
        """Clear the page for the next life, which is returned; before the fork, so nobody else writes there."""
        self.life[index] += 1
        self.clear(index)
        self.forking[index] = True
        return int(self.life[index])

    def end_life(self, index: int) -> None:
        """Its process is reaped: the LED goes dark, and neither socket file stays behind."""
        self.pid[index] = 0
        for flags in (self.forking, self.dying, self.frozen, self.unmapped, self.wired, self.started):
            flags[index] = False
        self.clear(index)
        self.runtime.forget_cell(int(self.cells[index]))

    def clear(self, which: int | Indices) -> None:
        """Their pages show who is to live there, and nothing else."""
        fresh = np.zeros(self.cells[which].shape, panel.SLOT_DTYPE)
        fresh["cell"], fresh["epoch"], fresh["life"] = self.cells[which], self.placement.epoch, self.life[which]
        self.pages[which] = fresh

    def close(self) -> None:
        """Give the panel back; the file is the runtime directory's to remove."""
        del self.header, self.pages
        self._mapping.close()


def name_some(cells: list[int] | NDArray[Any], most: int = 8) -> str:
    """ "3, 4, 5 and 12 more" """
    shown = ", ".join(str(int(cell)) for cell in cells[:most])
    return shown if len(cells) <= most else f"{shown} and {len(cells) - most} more"
