"""The panel: one page of shared memory for each cell, with its LED, counters and the times it spoke.

A cell writes its own page and maps no other; the agent resets pages of the dead; cameras read. Nothing a cell
computes depends on it. A page holds two copies of the visible state and an index: the writer fills the idle copy,
then flips, so a reader always finds one whole copy. Page 0 is the header, with the word that pauses all clocks. May
import numpy only.
"""

from __future__ import annotations

import mmap
import os
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

PAGE = 4096  # one page a cell: the smallest thing a process can map alone
MAGIC = 0x504C4E52  # "PLNR"
LAYOUT_VERSION = 3
RING = 64  # say times kept, a power of two; enough for a neighbour 60 T late


class Phase(IntEnum):
    """How far a cell's process is; set by the cell, reset to OFF by the agent when it has reaped it."""

    OFF = 0
    BORN = 1  # forked, page mapped
    BOUND = 2  # its PUB is bound
    WIRED = 3  # its SUB is connected
    LINKED = 4  # has heard every neighbour that it was told is on
    FAILED = 5  # could not start; the agent counts it as dead


class Counter(IntEnum):
    """Indices into a page's counters (uint64 each, rising within one life)."""

    UPDATES = 0  # wakes on which the core stepped (arithmetic skipped at a fixed point included)
    SKIPPED = 1  # of those, arithmetic skipped at a proven fixed point
    SAID = 2  # frames said
    HEARD = 3  # slots freshly filled since the last wake, summed over wakes
    LIVING_NEIGHBOURS = 4  # living slots (alpha above threshold or state not zero) summed over wakes
    RECEIVED = 5  # frames taken from the sockets, good or bad
    MISSED_WAKES = 6  # wakes more than T late
    LATE_NS = 7  # lateness summed
    CPU_NS = 8  # process CPU time
    ERASED = 9  # erase pokes applied
    SEEDED = 10  # seed pokes applied
    FORGOTTEN = 11  # slots forgotten for silence
    FAULT_LOST = 12  # frames discarded by a link fault
    FAULT_DELAYED = 13  # frames held back by a link fault
    DROP_SIZE = 14  # oversized, or more than one part
    DROP_GARBLED = 15  # not a frame at all (truncated, not msgpack, wrong shape or type)
    DROP_VERSION = 16
    DROP_TAG = 17  # another swarm
    DROP_CRC = 18
    DROP_CELL = 19  # not a neighbour of this cell
    DROP_OLD_INCARNATION = 20
    DROP_FUTURE_INCARNATION = 21  # above what the agent announced
    DROP_SEQUENCE = 22  # older than or equal to the last, or a jump of more than 2**16
    DROP_VALUES = 23  # wrong number of values, NaN or out of range
    CONTROL_BAD = 24  # control datagrams that did not decode
    WOKEN = 25  # times woken from sleep by something alive
    SLEEPING = 26  # 1 while asleep (not rising)
    HELLOS = 27  # frames said with the hello flag
    HARMED = 28  # by a hardware fault: bits flipped or held, restarts, bytes harmed on the line
    FAULT_CLOCK = 29  # wake intervals that a clock fault has bent
    FAULT_DUPLICATED = 30  # frames that a link fault has brought twice
    FAULT_CORRUPTED = 31  # frames in which a link fault has flipped bits
    FAULT_HELD = 32  # frames held until their fault is healed
    STUCK = 33  # updates whose result a stuck channel has changed
    LIES = 34  # frames said that were not the state
    DROP_SPOOFED = 35  # of a cell that does not live on the host at the other end of the connection
    STILL = 36  # 1 while it stands still in a patch that goes on (not rising)


COUNTERS = 48

COPY_DTYPE = np.dtype(
    [
        ("begin", "<u8"),  # equal to `end` in a whole copy
        ("sequence", "<u8"),  # of the frame that said this state
        ("said_at_ns", "<u8"),  # CLOCK_MONOTONIC
        ("used_at_ns", "<u8"),  # when the mailbox was read for this update
        ("used_sequence", "<u8", (8,)),  # sequence of the state used from each slot, 0 = empty
        ("used_epoch", "<u4", (8,)),
        ("used_life", "<u4", (8,)),
        ("next_within", "<u4"),  # in T
        ("flags", "<u4"),
        ("state", "V64"),  # 16 float32, or 16 int8 followed by zeros
        ("end", "<u8"),
    ]
)

SLOT_DTYPE = np.dtype(
    {
        "names": [
            "cell",
            "pid",
            "epoch",
            "life",
            "phase",
            "wanted_version",
            "command_id",
            "counters",
            "flip",
            "port",
            "copies",
            "say_times",
        ],
        "formats": [
            "<u4",
            "<u4",
            "<u4",
            "<u4",
            "<u4",
            "<u4",
            "<u8",
            ("<u8", (COUNTERS,)),
            "<u4",
            "<u4",
            (COPY_DTYPE, (2,)),
            ("<u8", (RING,)),
        ],
        "offsets": [0, 4, 8, 12, 16, 20, 24, 32, 416, 420, 448, 1024],
        "itemsize": PAGE,
    }
)  # `port`: where a cell with neighbours on other hosts has bound TCP, 0 for all others
assert 448 + 2 * COPY_DTYPE.itemsize <= 1024, "the two copies must end before the say times"

HEADER_DTYPE = np.dtype(
    {
        "names": ["magic", "layout", "cells", "paused", "epoch", "agent_pid", "beat_ns", "values"],
        "formats": ["<u4", "<u4", "<u4", "<u4", "<u4", "<u4", "<u8", "<u4"],
        "offsets": [0, 4, 8, 12, 16, 20, 24, 32],
        "itemsize": PAGE,
    }
)  # `values`: bytes of a state, 16 (int8) or 64 (float32)


def create(path: Path, cells: int, epoch: int, values: int) -> None:
    """Make an empty panel file for `cells` cells; the agent's job, once a placement."""
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, PAGE * (1 + cells))  # a full file system says so now, not by SIGBUS later
        header = np.zeros((), HEADER_DTYPE)
        header["magic"], header["layout"], header["cells"] = MAGIC, LAYOUT_VERSION, cells
        header["epoch"], header["values"] = epoch, values
        file.seek(0)
        file.write(header.tobytes())


def map_all(path: Path, *, writable: bool) -> tuple[mmap.mmap, NDArray[Any], NDArray[Any]]:
    """Map the whole panel: (mapping, header as a 0-d record, pages as SLOT_DTYPE[cells]). Agent and camera only."""
    with path.open("r+b" if writable else "rb") as file:
        access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
        mapping = mmap.mmap(file.fileno(), 0, access=access)
    header = np.ndarray((), HEADER_DTYPE, buffer=mapping)
    pages = np.ndarray((len(mapping) // PAGE - 1,), SLOT_DTYPE, buffer=mapping, offset=PAGE)
    return mapping, header, pages


def map_page(path: Path, index: int) -> tuple[mmap.mmap, mmap.mmap]:
    """Map one cell's page for writing and the header for reading: all that a cell may see of the panel."""
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)  # plain: a cell has just been forked, and a file object costs memory
    try:
        page = mmap.mmap(file, PAGE, offset=PAGE * (1 + index))
        header = mmap.mmap(file, PAGE, access=mmap.ACCESS_READ)
    finally:
        os.close(file)
    return page, header
