"""A cell's hand on its own page of the panel: it writes what can be seen of it, and can give the page back.

Everything is written into a mapping, or into a private buffer once the page is unmapped; the cell cannot tell the
difference. Visible states go into the idle one of two copies, stamped at both ends, then the index flips. Never maps
another cell's page. Imports the standard library and `cellnode.panel`.
"""

from __future__ import annotations

import mmap
import os
import struct
from array import array
from pathlib import Path
from typing import Any

from cellnode.cell import Cell
from cellnode.panel import COPY_DTYPE, COUNTERS, HEADER_DTYPE, PAGE, RING, SLOT_DTYPE, Phase, map_page

_FIELDS: dict[str, Any] = dict(SLOT_DTYPE.fields or {})
_HEADER: dict[str, Any] = dict(HEADER_DTYPE.fields or {})
_IDENTITY = struct.Struct("<5I")  # cell, pid, epoch, life, phase
_WORD = struct.Struct("<I")
_LONG = struct.Struct("<Q")
_COPY = struct.Struct("<4Q8Q8I8I2I64sQ")
COPY_SIZE = _COPY.size
assert COPY_DTYPE.itemsize == COPY_SIZE, "the packed copy must be the panel's copy"

PHASE_AT: int = _FIELDS["phase"][1]
VERSION_AT: int = _FIELDS["wanted_version"][1]
COMMAND_AT: int = _FIELDS["command_id"][1]
COUNTERS_AT: int = _FIELDS["counters"][1]
COUNTERS_END = COUNTERS_AT + 8 * COUNTERS
FLIP_AT: int = _FIELDS["flip"][1]
PORT_AT: int = _FIELDS["port"][1]
COPIES_AT: int = _FIELDS["copies"][1]
SAY_TIMES_AT: int = _FIELDS["say_times"][1]
PAUSED_AT: int = _HEADER["paused"][1]


class Page:
    """One cell's page, and the header's word that pauses all clocks."""

    __slots__ = ("_buffer", "_copy", "_counter_bytes", "_header", "_identity", "_index", "_path", "counters", "phase")

    def __init__(self, path: Path, index: int, cell: int, epoch: int, life: int) -> None:
        self._path, self._index = path, index
        self._identity = (cell, os.getpid(), epoch, life)
        self.counters = array("Q", bytes(8 * COUNTERS))  # the cell counts here; shown at every wake
        self._counter_bytes = memoryview(self.counters).cast("B")
        self.phase = Phase.BORN
        self._copy = 0
        self._header: mmap.mmap | None = None
        self._buffer: mmap.mmap | bytearray = bytearray(PAGE)
        if index >= 0:
            self.map()

    @property
    def mapped(self) -> bool:
        return self._header is not None

    def map(self) -> None:
        """Map the page (again) and say who lives here."""
        if self._header is not None:
            return
        before = bytes(self._buffer)
        self._buffer, self._header = map_page(self._path, self._index)
        if any(before):
            self._buffer[VERSION_AT:PAGE] = before[VERSION_AT:PAGE]
        _IDENTITY.pack_into(self._buffer, 0, *self._identity, self.phase)

    def unmap(self) -> None:
        """Give the page and the header back, and go on with a private buffer."""
        if self._header is None:
            return
        page, header = self._buffer, self._header
        self._buffer, self._header = bytearray(page), None
        assert isinstance(page, mmap.mmap)
        page.close()
        header.close()

    @property
    def paused(self) -> bool | None:
        """The header's word, or None where it is not mapped."""
        header = self._header
        return None if header is None else header[PAUSED_AT] != 0

    def show_phase(self, phase: Phase) -> None:
        if phase is not self.phase:
            self.phase = phase
            _WORD.pack_into(self._buffer, PHASE_AT, phase)

    def show_version(self, version: int) -> None:
        _WORD.pack_into(self._buffer, VERSION_AT, version)

    def show_command(self, command: int) -> None:
        _LONG.pack_into(self._buffer, COMMAND_AT, command)

    def show_port(self, port: int) -> None:
        """Where neighbours on other hosts find this cell."""
        _WORD.pack_into(self._buffer, PORT_AT, port)

    def show_counters(self) -> None:
        self._buffer[COUNTERS_AT:COUNTERS_END] = self._counter_bytes

    def show_state(self, cell: Cell, said_at_ns: int, used_at_ns: int) -> None:
        """What is about to be said and what it was computed from: counters, one whole copy, and the time of saying."""
        buffer = self._buffer
        sequence = cell.sequence
        copy = self._copy = 1 - self._copy
        _COPY.pack_into(
            buffer,
            COPIES_AT + copy * COPY_SIZE,
            sequence,  # `begin`: with `end`, tells a copy that was written while it was read
            sequence,
            said_at_ns,
            used_at_ns,
            *cell.used_sequences,
            *cell.used_epochs,
            *cell.used_lives,
            cell.next_within,
            0,
            cell.state_bytes,
            sequence,
        )
        _LONG.pack_into(buffer, SAY_TIMES_AT + 8 * (sequence % RING), said_at_ns)
        _WORD.pack_into(buffer, FLIP_AT, copy)
        buffer[COUNTERS_AT:COUNTERS_END] = self._counter_bytes
