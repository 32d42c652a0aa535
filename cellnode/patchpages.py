"""A patch's hand on the panel: the pages of its own cells, each as a process of its own would write it.

It maps its own cells' pages and the header, nothing else. Where C computes, C writes the pages at every wake; this
writes who lives there, how far it is, and what arrays have computed. Imports numpy, `cellnode.panel` and `page`.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellnode.frame import LIFE_MAX
from cellnode.mailboxes import Frames
from cellnode.page import PAUSED_AT
from cellnode.panel import PAGE, RING, SLOT_DTYPE, Phase
from cellnode.patchworld import PatchWorld

_STATE = 64  # bytes of a state that a page has room for: of wider rules the first channels
_BLANK = np.zeros((), SLOT_DTYPE)


class PatchPages:
    """Pages `indices` of the panel, one for each own cell in order; `cells` are their numbers in the grid."""

    def __init__(self, path: Path, indices: NDArray[np.int64], cells: NDArray[np.int64], epoch: int) -> None:
        self.addresses = np.zeros(len(indices), np.uint64)
        self._pages: list[NDArray[np.void]] = []
        self._maps: list[mmap.mmap] = []
        self.phase = Phase.BORN
        self.later_ns = 0  # what is shown is so much later than a realm's time
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            self._header = mmap.mmap(file, PAGE, access=mmap.ACCESS_READ)
            cuts = np.flatnonzero(np.diff(indices) != 1) + 1
            for run in np.split(indices, cuts):
                mapped = mmap.mmap(file, PAGE * len(run), offset=PAGE * (1 + int(run[0])))
                rows = np.ndarray((len(run),), SLOT_DTYPE, buffer=mapped)
                first = len(self._pages)
                self.addresses[first : first + len(run)] = rows.ctypes.data + PAGE * np.arange(len(run))
                self._pages += [rows[k : k + 1] for k in range(len(run))]
                self._maps.append(mapped)
        finally:
            os.close(file)
        for page, cell in zip(self._pages, cells.tolist(), strict=True):
            page["cell"], page["pid"], page["epoch"] = cell, os.getpid(), epoch

    @property
    def paused(self) -> bool:
        """The header's word."""
        return self._header[PAUSED_AT] != 0

    def show_phases(self, phase: Phase, linked: NDArray[np.bool_], powered: NDArray[np.bool_]) -> None:
        """How far the process is, and those of its cells that have met all their neighbours."""
        self.phase = phase
        for k, page in enumerate(self._pages):
            if powered[k]:
                page["phase"] = Phase.LINKED if linked[k] else phase

    def show_birth(self, cells: Iterable[int], lives: NDArray[np.int64]) -> None:
        """These cells have begun a life."""
        for k in cells:
            page = self._pages[k]
            self.show_dark([k])  # whatever a life before has left there
            page["life"], page["pid"], page["phase"] = lives[k], os.getpid(), self.phase

    def show_dark(self, cells: Iterable[int]) -> None:
        """These cells have lost power: no LED, no counters, no process to speak of."""
        for k in cells:
            page = self._pages[k]
            for name in ("phase", "pid", "command_id", "counters", "copies", "say_times"):
                page[name] = _BLANK[name]

    def show_version(self, version: int) -> None:
        """On the first page, whoever lives there: it is the patch that is told."""
        self._pages[0]["wanted_version"] = version

    def show_port(self, port: int) -> None:
        """Where the patch is bound for other hosts, on the first page, too."""
        self._pages[0]["port"] = port

    def show_command(self, cells: Iterable[int], command: int) -> None:
        for k in cells:
            self._pages[k]["command_id"] = command

    def show_counters(self, counters: NDArray[np.uint64], cells: Iterable[int]) -> None:
        for k in cells:
            self._pages[k]["counters"] = counters[k]

    def show_said(self, world: PatchWorld, said: Frames) -> None:
        """What arrays have computed, and from what; before anybody hears it."""
        patch = world.patch
        states = np.ascontiguousarray(patch.states[said.senders]).view(np.uint8).reshape(len(said.senders), -1)
        incarnations = patch.mail.incarnations[said.senders]
        used = patch.mail.sequences[said.senders]
        for row, k in enumerate(said.senders.tolist()):
            page, sequence = self._pages[k], int(said.sequences[row])
            flip = 1 - int(page["flip"][0] & 1)
            copy = page["copies"][:, flip]
            copy["begin"] = copy["sequence"] = sequence
            copy["said_at_ns"] = copy["used_at_ns"] = at_ns = int(said.times[row]) + self.later_ns
            copy["used_sequence"], copy["used_epoch"] = used[row], incarnations[row] >> 32
            copy["used_life"], copy["next_within"] = incarnations[row] & LIFE_MAX, said.next_within[row]
            state = np.zeros(_STATE, np.uint8)
            state[: states.shape[1]] = states[row, :_STATE]
            copy["state"] = state.view("V64")[0]
            page["say_times"][0, sequence % RING] = at_ns
            page["counters"][0] = patch.counters[:, k]
            copy["end"] = sequence
            page["flip"] = flip

    def close(self) -> None:
        self._pages.clear()
        for mapped in self._maps:
            mapped.close()
        self._header.close()
