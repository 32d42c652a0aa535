"""One part of a native world: the cells of one range, what a fault holds back from them, and their queue of events.

A part is what one thread runs. It owns its buffers and tells C where they are; the cells it shares with the world.
Knows no clock and no random source. May import numpy and the library's layouts.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cellnode import nativelib
from cellnode.nativelib import HELD, World

DONE, LOG_FULL, HELD_FULL, ENGINE_FAILED = range(4)
HELD_ROOM = 64  # frames held back that there is room for at first; doubled when it is full
EVENTS_A_BUCKET = 2  # about; if all cells are awake
BUCKETS_A_CELL = 4  # so that most events are of the calendar's present round: 8 T


class EngineFailed(Exception):  # noqa: N818 - reads as a sentence
    """An engine outside could not compute a cell; who asked it knows why."""


class Part:
    """Cells `first` to `end - 1`, which have no neighbour among the others."""

    def __init__(self, library: ctypes.CDLL, first: int, end: int, interval_ns: int) -> None:
        self._library = library
        self.first, self.end = first, end
        self.world = World(interval_ns=interval_ns, held_free=-1)
        self.held = np.zeros(0, HELD)
        self._buckets = self._calendar(interval_ns)
        self._grow(HELD_ROOM)

    @property
    def nbytes(self) -> int:
        """Memory of its own buffers."""
        return int(self.held.nbytes + self._buckets.nbytes)

    def copy(self) -> Part:
        """The same, on its own buffers; the cells are still those of the original."""
        twin = Part(self._library, self.first, self.end, self.world.interval_ns)
        own = twin.world.buckets
        twin.world = World.from_buffer_copy(self.world)
        twin.world.buckets = own
        twin.held = self.held.copy()
        twin.world.held = twin.held.ctypes.data
        return twin

    def run(self, until_ns: int, drain: Callable[[World], None]) -> None:
        """Everything up to and including `until_ns`; `drain` empties the log whenever it has filled."""
        while True:
            status = self._library.planaria_world_run(self.world, self.first, self.end, until_ns)
            if self.world.log:
                drain(self.world)
            if status == DONE:
                return
            if status == HELD_FULL:
                self._grow(2 * len(self.held))
            elif status == ENGINE_FAILED:
                self.world.failed = 0
                raise EngineFailed

    def hear(self, heard: NDArray[np.void], now_ns: int) -> None:
        """Frames said elsewhere come to cells of this part."""
        done = 0
        while done < len(heard):
            left = np.ascontiguousarray(heard[done:])
            done += self._library.planaria_world_hear(
                self.world, self.first, self.end, left.ctypes.data, len(left), now_ns
            )
            if done < len(heard):
                self._grow(2 * len(self.held))

    def set_interval(self, interval_ns: int) -> None:
        """T is another one, and with it what a bucket of the calendar holds."""
        self.world.interval_ns = interval_ns
        self._buckets = self._calendar(interval_ns)

    def held_of(self, root: int) -> NDArray[np.void]:
        """The frames of the heap under `root`, in no order."""
        nodes, ahead = [], [root]
        while ahead:
            node = ahead.pop()
            if node >= 0:
                nodes.append(node)
                ahead += [int(self.held["left"][node]), int(self.held["right"][node])]
        return self.held[nodes]

    def _grow(self, room: int) -> None:
        """More room for held frames; the new nodes stand first in the list of the free."""
        before = len(self.held)
        larger = np.zeros(room, HELD)
        larger[:before] = self.held
        larger["left"][before:] = np.arange(before + 1, room + 1)
        larger["left"][-1] = self.world.held_free
        self.held = larger
        self.world.held = larger.ctypes.data
        self.world.held_free = before
        self.world.held_room += room - before

    def _calendar(self, interval_ns: int) -> NDArray[np.int32]:
        count = max(self.end - self.first, 16)
        self.world.bucket_shift = max(0, (EVENTS_A_BUCKET * interval_ns // count).bit_length() - 1)
        buckets = nativelib.aligned(1 << (BUCKETS_A_CELL * count).bit_length(), np.dtype(np.int32))
        self.world.bucket_mask = len(buckets) - 1
        self.world.buckets = buckets.ctypes.data
        return buckets
