"""A cell's black box: a bounded ring in a shared page beside its panel page, written before each word is said.

The page begins with the number of rows ever written; row n lies in place n % RING_ROWS, stamped with n + 1 at both
ends. Writing waits for nobody: what the agent has not fetched in time is overwritten, and missing there. It is no part
of the panel: a cell that gives its page back goes on recording. May import the standard library, numpy, the page, the
cell and the rows.
"""

from __future__ import annotations

import mmap
import os
import struct
from operator import itemgetter
from pathlib import Path

import numpy as np

from cellnode.cell import Cell
from cellnode.page import Page
from cellnode.panel import PAGE, Counter
from cellnode.rows import WITHIN_SHIFT, Flag, row_dtype

RING_DTYPE = np.dtype(
    [("begin", "<u4"), *((name, row_dtype(64)[name]) for name in row_dtype(64).names or ()), ("end", "<u4")]
)
FIRST_AT = 64
RING_ROWS = (PAGE - FIRST_AT) // RING_DTYPE.itemsize
_ROW = struct.Struct("<5IQ8I8I8I64sI")
_HEAD = struct.Struct("<Q")
_WORD = 0xFFFF_FFFF
assert _ROW.size == RING_DTYPE.itemsize, "the packed row must be the ring's row"

# Counters that tell what has happened since the last wake, and their flags.
_MARKS = {
    int(Counter.SKIPPED): int(Flag.SKIPPED),
    int(Counter.HELLOS): int(Flag.HELLO),
    int(Counter.ERASED): int(Flag.ERASED),
    int(Counter.SEEDED): int(Flag.SEEDED),
    int(Counter.HARMED): int(Flag.HARMED),
    int(Counter.FORGOTTEN): int(Flag.FORGOT),
}
_marks = itemgetter(*_MARKS)
_BEGUN, _LIED, _CLIPPED = (
    int(Flag.BEGUN),
    int(Flag.LIED),
    int(Flag.CLIPPED),
)  # an enum's arithmetic costs more than all the rest


class RecordedPage(Page):
    """A page whose cell is recorded: each state goes into the ring before it is shown and said.

    `values`: bytes of a state.
    """

    __slots__ = ("_head", "_marks", "_ring", "_state")

    def __init__(self, path: Path, index: int, cell: int, epoch: int, life: int, rings: Path, values: int) -> None:
        super().__init__(path, index, cell, epoch, life)
        file = os.open(rings, os.O_RDWR | os.O_CLOEXEC)
        try:
            self._ring = mmap.mmap(file, PAGE, offset=PAGE * index)
        finally:
            os.close(file)
        self._head: int = _HEAD.unpack_from(self._ring)[0]
        self._marks = _marks(self.counters)
        self._state = bytes(values)  # as the last row has it; a newborn is empty

    def show_state(self, cell: Cell, said_at_ns: int, used_at_ns: int) -> None:
        """Record, then show; the caller says it after that."""
        flags = cell.next_within << WITHIN_SHIFT
        marks = _marks(self.counters)
        if marks != self._marks:
            for flag, count, before in zip(_MARKS.values(), marks, self._marks, strict=True):
                if count != before:
                    flags |= flag
            self._marks = marks
        if cell.used_state != self._state:
            self._write(cell, cell.sequence - 1, _BEGUN, said_at_ns, cell.used_state)
        self._state = cell.state_bytes
        self._write(cell, cell.sequence, flags, said_at_ns, self._state)
        if cell.said_bytes != self._state:
            self._write(cell, cell.sequence, _LIED, said_at_ns, cell.said_bytes)
        super().show_state(cell, said_at_ns, used_at_ns)

    def _write(self, cell: Cell, sequence: int, flags: int, at_ns: int, state: bytes) -> None:
        head = self._head
        stamp = head + 1 & _WORD
        at = FIRST_AT + head % RING_ROWS * _ROW.size
        who = (stamp, cell.cell, cell.life, sequence & _WORD, flags, at_ns)
        try:
            _ROW.pack_into(
                self._ring, at, *who, *cell.used_sequences, *cell.used_epochs, *cell.used_lives, state, stamp
            )
        except struct.error:  # no honest neighbour has said so much
            who = (stamp, cell.cell, cell.life, sequence & _WORD, flags | _CLIPPED, at_ns)
            _ROW.pack_into(self._ring, at, *who, *[0] * 24, state, stamp)
        self._head = head + 1
        _HEAD.pack_into(self._ring, 0, head + 1)
