"""The camera: maps a panel read-only and sees, all at once, every cell's LED, process, counters and the age of what
it used.

It reads pages and nothing else; no cell notices it. May import cellnode's panel, topology and layout of patches,
firmware_sim and numpy.
"""

from __future__ import annotations

import mmap
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode.heard import Heard
from cellnode.panel import LAYOUT_VERSION, MAGIC, PAGE, RING, Phase, map_all
from cellnode.patchlayout import Grid
from cellnode.topology import neighbours
from firmware_sim.errors import RunFailed
from firmware_sim.limits import CHANNELS, OFFSETS, STATE_STEP

SLOTS = len(OFFSETS)
HEAD_WORDS = slice(1, 5)  # of four bytes, in panel.SLOT_DTYPE: pid, epoch, life, phase


@dataclass(frozen=True, slots=True)
class Sight:
    """One look at a swarm. Arrays over cells are row-major; `states` is float32 [H, W, 16] in units of value."""

    at_ns: int
    on: NDArray[np.bool_]  # bool[cells]: has a process (or, on `virtual`, power)
    pids: NDArray[np.uint32]  # 0 = none
    phases: NDArray[np.uint32]  # cellnode.panel.Phase
    lives: NDArray[np.uint64]  # epoch << 32 | life
    counters: NDArray[np.uint64]  # [cells, 32] of the present lives
    states: NDArray[np.float32]
    ages_intervals: NDArray[np.float64]  # stale age of each slot used by each update seen anew, in T
    age_cells: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))  # which cell used it
    heard: Heard | None = None  # what each cell used in its last update; None: nobody asked
    leftover: NDArray[np.bool_] | None = None  # bool[cells]: without a process, and yet its page shows a state

    @property
    def alive(self) -> int:
        """How many cells have a process."""
        return int(self.on.sum())


class Camera:
    """Reads one host's panel; keeps the last good copy of every cell. Threads may share it: they look in turn."""

    def __init__(self, path: Path, height: int, width: int, torus: bool) -> None:
        self._path, self._height, self._width = path, height, width
        self._neighbours = neighbours(height, width, torus)
        self._mapping: mmap.mmap | None = None
        self._inode = 0
        self._one_look = threading.RLock()
        self._open()

    def _open(self) -> None:
        cells = self._height * self._width
        try:
            self._inode = self._path.stat().st_ino
            self._mapping, self._header, self._pages = map_all(self._path, writable=False)
        except (OSError, ValueError) as error:
            raise RunFailed(f"the panel {self._path} cannot be read: {error}") from error
        if self._header["magic"] != MAGIC or self._header["layout"] != LAYOUT_VERSION or len(self._pages) < cells:
            raise RunFailed(f"{self._path} is not a panel of layout {LAYOUT_VERSION} with {cells} cells")
        self._copies = np.zeros(cells, self._pages["copies"].dtype)  # last good copy of each
        self._stamps = np.zeros((2, cells), np.uint64)  # life and sequence of that copy; sequence 0: there is none
        self._unaged = np.zeros(cells, np.bool_)  # its age was not told yet
        self._values = np.zeros((cells, CHANNELS), np.float32)
        self._said = np.zeros(cells, np.int64)
        self._used_lives, self._used = np.zeros((2, cells, SLOTS), np.int64)

    def look(self, interval_ns: int = 0) -> Sight:
        """See every cell now. Ages are in units of `interval_ns` (none are computed when it is 0)."""
        with self._one_look:
            return self._look(interval_ns)

    def _look(self, interval_ns: int) -> Sight:
        self._reopen_if_replaced()
        pages = self._pages[: self._height * self._width]
        at_ns = time.monotonic_ns()
        pids, epochs, born, phases = _heads(pages)
        lives = epochs.astype(np.uint64) << np.uint64(32) | born
        self._take_copies(pages, lives)
        leftover = phases == Phase.OFF
        left = np.ascontiguousarray(pages["copies"]["state"][leftover])
        leftover[leftover] = left.view(np.uint8).reshape(len(left), left[:1].nbytes or 1).any(axis=1)
        self._forget(np.flatnonzero((phases == Phase.OFF) & (self._stamps[1] != 0)))
        counters = pages["counters"].copy()
        on = (pids != 0) & (phases != Phase.OFF) & (phases != Phase.FAILED)
        ages, of = self._ages(pages, on, interval_ns) if interval_ns else (np.zeros(0), np.zeros(0, int))
        heard = self._heard(on) if interval_ns else None
        states = self._values.reshape(self._height, self._width, CHANNELS).copy()
        return Sight(at_ns, on, pids, phases, lives, counters, states, ages, of, heard, leftover)

    def _heard(self, on: NDArray[np.bool_]) -> Heard:
        slots = on[:, None]
        return Heard(np.where(on, self._said, 0), np.where(slots, self._used_lives, 0), np.where(slots, self._used, 0))

    def _take_copies(self, pages: NDArray[Any], lives: NDArray[np.uint64]) -> None:
        """Refresh the kept copies of cells that have shown another since. A copy begins with its sequence, which never
        comes twice in a life: so most of a large panel need not be read.
        """
        flip = pages["flip"].astype(np.intp) & 1
        begins = pages["copies"]["begin"].copy()
        shown = np.where(flip == 1, begins[:, 1], begins[:, 0])
        left = np.flatnonzero(
            ((shown != self._stamps[1]) | (lives != self._stamps[0])) & (begins[:, 0] | begins[:, 1] != 0)
        )
        for choice in (flip, 1 - flip):  # the shown copy, else (writer just turned it over) the other
            copies = pages["copies"][left, choice[left]]
            good = (copies["begin"] == copies["end"]) & (copies["begin"] != 0)
            self._keep(left[good], copies[good], lives)
            left = left[~good]

    def _keep(self, cells: NDArray[np.intp], copies: NDArray[Any], lives: NDArray[np.uint64]) -> None:
        stamps = np.stack([lives[cells], copies["begin"]])
        self._unaged[cells] |= (stamps != self._stamps[:, cells]).any(axis=0)
        self._copies[cells], self._stamps[:, cells] = copies, stamps
        self._values[cells] = self._read(copies)
        self._said[cells] = copies["sequence"]
        self._used_lives[cells] = copies["used_epoch"].astype(np.int64) << np.int64(32) | copies["used_life"]
        self._used[cells] = copies["used_sequence"]

    def _forget(self, cells: NDArray[np.intp]) -> None:
        for kept in (self._copies, self._values, self._said, self._used_lives, self._used):
            kept[cells] = np.zeros((), kept.dtype)
        self._stamps[:, cells], self._unaged[cells] = 0, False

    def _read(self, copies: NDArray[Any]) -> NDArray[np.float32]:
        raw = np.ascontiguousarray(copies["state"]).view(np.uint8).reshape(-1, 64)
        if int(self._header["values"]) == CHANNELS:
            return raw[:, :CHANNELS].copy().view(np.int8).astype(np.float32) * np.float32(STATE_STEP)
        return raw.copy().view("<f4").astype(np.float32)

    def _ages(
        self, pages: NDArray[Any], on: NDArray[np.bool_], interval_ns: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """How long each used state had been superseded at its sender when it was used, in T, and the cell that used
        it; only updates not seen before.
        """
        cells = np.flatnonzero(self._unaged & on)
        self._unaged[:] = False
        cells = cells[self._copies["used_at_ns"][cells] > 0]
        copies, senders = self._copies[cells], self._neighbours[cells]
        used = copies["used_sequence"]
        valid = (senders >= 0) & (used > 0)
        senders = np.where(valid, senders, 0)
        said = pages["say_times"][senders, (used & np.uint64(RING - 1)).astype(np.intp)]
        following = used + np.uint64(1)
        next_said = pages["say_times"][senders, (following & np.uint64(RING - 1)).astype(np.intp)]
        newest = pages["copies"]["sequence"][senders].max(axis=2)
        used_life = copies["used_epoch"].astype(np.uint64) << np.uint64(32) | copies["used_life"].astype(np.uint64)
        valid &= _lives(pages, senders) == used_life  # a sender reborn meanwhile says nothing of its former life
        used_at = np.broadcast_to(copies["used_at_ns"][:, None], used.shape)
        overrun = newest > used + np.uint64(RING - 1)  # the ring has lost it: at least as old as the oldest entry
        if overrun.any():
            next_said[overrun] = pages["say_times"][senders[overrun]].min(axis=1)
        superseded = valid & (newest >= following) & (next_said < used_at) & (overrun | (next_said > said))
        ages = np.where(superseded, (used_at - np.minimum(next_said, used_at)).astype(np.float64) / interval_ns, 0.0)
        return ages[valid], np.broadcast_to(cells[:, None], used.shape)[valid]

    def _reopen_if_replaced(self) -> None:
        try:
            inode = self._path.stat().st_ino
        except FileNotFoundError:
            return  # the agent is gone: keep showing the last picture
        if inode != self._inode and self._path.stat().st_size >= PAGE * (1 + self._height * self._width):
            self.close()
            self._open()

    def close(self) -> None:
        """Give the mapping back (arrays handed out are copies and stay valid)."""
        with self._one_look:
            if self._mapping is not None:
                del self._header, self._pages
                self._mapping.close()
                self._mapping = None


def running_pids(sight: Sight, endpoints: Path) -> list[int]:
    """Distinct process ids of cells that have bound an endpoint of their own (a socket file each)."""
    bound = {int(path.name) for path in endpoints.glob("[0-9]*")}
    cells = np.flatnonzero(sight.on & (sight.phases >= Phase.BOUND))
    return sorted({int(sight.pids[cell]) for cell in cells if int(cell) in bound})


def bound(sight: Sight, layout: Grid | None) -> int:
    """Processes that are bound, by what their hosts show: one a cell, or one a patch of `layout`."""
    cells = np.flatnonzero(sight.on & (sight.phases >= Phase.BOUND))
    return len(cells if layout is None else np.unique(layout.patch_of(cells)))


def patch_pids(sight: Sight, layout: Grid, controls: Path) -> list[int]:
    """Distinct process ids of patches that have bound a control socket of their own (a file each)."""
    bound = [int(path.name) for path in controls.glob("[0-9]*")]
    cells = np.flatnonzero(sight.on & (sight.phases >= Phase.BOUND))
    return sorted(set(sight.pids[cells[np.isin(layout.patch_of(cells), bound)]].tolist()))


def _heads(pages: NDArray[Any]) -> NDArray[np.uint32]:
    """What each page begins with, in one pass: [4, cells] of pid, epoch, life, phase."""
    words = pages.view(np.uint32).reshape(len(pages), PAGE // 4)[:, HEAD_WORDS]
    return np.ascontiguousarray(words.copy().T)  # the copy reads each page once


def _lives(pages: NDArray[Any], of: NDArray[Any]) -> NDArray[np.uint64]:
    lives: NDArray[np.uint64] = pages["epoch"][of].astype(np.uint64) << np.uint64(32) | pages["life"][of]
    return lives
