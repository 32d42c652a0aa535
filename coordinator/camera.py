"""The camera: maps a panel read-only and sees, all at once, every cell's LED, process, counters and the age of what
it used.

It reads pages and nothing else; no cell notices it. May import cellnode.panel, cellnode.topology, firmware_sim and
numpy.
"""

from __future__ import annotations

import mmap
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode.heard import Heard
from cellnode.panel import LAYOUT_VERSION, MAGIC, PAGE, RING, Phase, map_all
from cellnode.topology import neighbours
from firmware_sim.errors import RunFailed
from firmware_sim.limits import CHANNELS, STATE_STEP


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
    """Reads one host's panel; keeps the last good copy of every cell."""

    def __init__(self, path: Path, height: int, width: int, torus: bool) -> None:
        self._path, self._height, self._width = path, height, width
        self._neighbours = neighbours(height, width, torus)
        self._mapping: mmap.mmap | None = None
        self._inode = 0
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
        self._seen = np.zeros(cells, np.uint64)  # sequence at the last look, for ages
        self._seen_lives = np.zeros(cells, np.uint64)

    def look(self, interval_ns: int = 0) -> Sight:
        """See every cell now. Ages are in units of `interval_ns` (none are computed when it is 0)."""
        self._reopen_if_replaced()
        pages = self._pages[: self._height * self._width]
        at_ns = time.monotonic_ns()
        lives, phases, pids = _lives(pages), pages["phase"].copy(), pages["pid"].copy()
        fresh = self._take_copies(pages)
        leftover = phases == Phase.OFF
        left = np.ascontiguousarray(pages["copies"]["state"][leftover])
        leftover[leftover] = left.view(np.uint8).reshape(len(left), left[:1].nbytes or 1).any(axis=1)
        self._copies[phases == Phase.OFF] = np.zeros((), self._copies.dtype)
        counters = pages["counters"].copy()
        on = (pids != 0) & (phases != Phase.OFF) & (phases != Phase.FAILED)
        ages, of = self._ages(pages, lives, fresh & on, interval_ns) if interval_ns else (np.zeros(0), np.zeros(0, int))
        heard = self._heard(on) if interval_ns else None
        return Sight(at_ns, on, pids, phases, lives, counters, self._states(), ages, of, heard, leftover)

    def _heard(self, on: NDArray[np.bool_]) -> Heard:
        copies, slots = self._copies, on[:, None]
        used = copies["used_epoch"].astype(np.int64) << np.int64(32) | copies["used_life"].astype(np.int64)
        said = np.where(on, copies["sequence"].astype(np.int64), 0)
        return Heard(said, np.where(slots, used, 0), np.where(slots, copies["used_sequence"].astype(np.int64), 0))

    def _take_copies(self, pages: NDArray[Any]) -> NDArray[np.bool_]:
        """Refresh the kept copies; returns which cells gave a whole one."""
        left = np.arange(len(pages))
        flip = pages["flip"].astype(np.intp) & 1
        taken = np.zeros(len(pages), np.bool_)
        for choice in (flip, 1 - flip):  # the shown copy, else (writer just turned it over) the other
            copies = pages["copies"][left, choice[left]]
            good = (copies["begin"] == copies["end"]) & (copies["begin"] != 0)
            self._copies[left[good]] = copies[good]
            taken[left[good]] = True
            left = left[~good]
        return taken

    def _states(self) -> NDArray[np.float32]:
        raw = np.ascontiguousarray(self._copies["state"]).view(np.uint8).reshape(-1, 64)
        if int(self._header["values"]) == CHANNELS:
            flat = raw[:, :CHANNELS].copy().view(np.int8).astype(np.float32) * np.float32(STATE_STEP)
        else:
            flat = raw.copy().view("<f4").astype(np.float32)
        return flat.reshape(self._height, self._width, CHANNELS)

    def _ages(
        self, pages: NDArray[Any], lives: NDArray[np.uint64], readable: NDArray[np.bool_], interval_ns: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """How long each used state had been superseded at its sender when it was used, in T, and the cell that used
        it; only updates not seen before.
        """
        anew = readable & ((self._copies["sequence"] != self._seen) | (lives != self._seen_lives))
        self._seen, self._seen_lives = self._copies["sequence"].copy(), lives
        cells = np.flatnonzero(anew & (self._copies["used_at_ns"] > 0))
        copies, senders = self._copies[cells], self._neighbours[cells]
        used = copies["used_sequence"]
        valid = (senders >= 0) & (used > 0)
        senders = np.where(valid, senders, 0)
        said = pages["say_times"][senders, (used & np.uint64(RING - 1)).astype(np.intp)]
        following = used + np.uint64(1)
        next_said = pages["say_times"][senders, (following & np.uint64(RING - 1)).astype(np.intp)]
        newest = np.maximum(pages["copies"]["sequence"][:, 0], pages["copies"]["sequence"][:, 1])[senders]
        used_life = copies["used_epoch"].astype(np.uint64) << np.uint64(32) | copies["used_life"].astype(np.uint64)
        valid &= _lives(pages)[senders] == used_life  # a sender reborn meanwhile says nothing of its former life
        used_at = np.broadcast_to(copies["used_at_ns"][:, None], used.shape)
        overrun = newest > used + np.uint64(RING - 1)  # the ring has lost it: at least as old as the oldest entry
        next_said = np.where(overrun, pages["say_times"].min(axis=1)[senders], next_said)
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
        if self._mapping is not None:
            del self._header, self._pages
            self._mapping.close()
            self._mapping = None


def running_pids(sight: Sight, endpoints: Path) -> list[int]:
    """Distinct process ids of cells that have bound an endpoint of their own (a socket file each)."""
    bound = {int(path.name) for path in endpoints.glob("[0-9]*")}
    cells = np.flatnonzero(sight.on & (sight.phases >= Phase.BOUND))
    return sorted({int(sight.pids[cell]) for cell in cells if int(cell) in bound})


def _lives(pages: NDArray[Any]) -> NDArray[np.uint64]:
    lives: NDArray[np.uint64] = pages["epoch"].astype(np.uint64) << np.uint64(32) | pages["life"].astype(np.uint64)
    return lives
