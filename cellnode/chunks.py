"""A recording's file: chunks, each sealed by a hash over itself and the seal of the one before.

A file that was cut short anywhere is whole up to its last whole chunk; one in which a byte was changed says in which
chunk. It knows nothing of what the bodies mean beyond their kind. May import the standard library.

    0   magic "PLRC"     16  rows in the body (u64)        40  seal of the chunk before (32), zeros for the first
    4   version (u16)    24  from, in ns (u64)             72  CRC-32 of bytes 0..71
    6   kind (u16)       32  to, in ns (u64)               76  seal: SHA-256 of bytes 0..75 and the body (32)
    8   number (u32)
    12  length of the body (u32)                           108 body
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from firmware_sim.errors import BadInput

MAGIC = b"PLRC"
VERSION = 1
_FIELDS = struct.Struct("<4sHHIIQQQ32s")
_CRC = struct.Struct("<I")
SEAL = 32
HEADER = _FIELDS.size + _CRC.size + SEAL
BODY_MAX = 1 << 28


class Kind(IntEnum):
    """What a body holds."""

    HEAD = 1  # the first: JSON, what was recorded where
    ROWS = 2  # rows and gaps, `cellnode.rows.pack`
    END = 3  # the last: JSON, how it ended


@dataclass(frozen=True, slots=True)
class Chunk:
    """One whole chunk."""

    kind: Kind
    number: int
    rows: int
    from_ns: int
    to_ns: int
    at: int  # in the file
    seal: bytes
    body: bytes


class Damaged(BadInput):
    """A chunk is not what was written."""

    def __init__(self, path: Path, at: int, why: str) -> None:
        super().__init__(f"{path}: the chunk at byte {at} is damaged: {why}")
        self.path, self.at, self.why = path, at, why


class Writer:
    """Appends to a file that must not exist yet; a chunk is one write."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        self._number, self._seal = 0, bytes(SEAL)
        self.size = 0

    def write(self, kind: Kind, body: bytes, rows: int = 0, from_ns: int = 0, to_ns: int = 0) -> None:
        """Raises OSError when the file takes no more."""
        fields = _FIELDS.pack(MAGIC, VERSION, kind, self._number, len(body), rows, from_ns, to_ns, self._seal)
        head = fields + _CRC.pack(zlib.crc32(fields))
        seal = hashlib.sha256(head + body).digest()
        data = memoryview(head + seal + body)
        while data:
            written = os.write(self._file, data)
            self.size += written
            data = data[written:]
        self._number, self._seal = self._number + 1, seal

    def close(self) -> None:
        os.close(self._file)


def last(path: Path) -> tuple[int, bytes] | None:
    """Kind and seal of the last chunk whose header is whole, bodies unread; None when there is none. For the end of a
    run, where the whole file would take seconds."""
    found = None
    with path.open("rb") as file:
        while len(head := file.read(HEADER)) == HEADER:
            fields = _FIELDS.unpack(head[: _FIELDS.size])
            if _CRC.unpack_from(head, _FIELDS.size)[0] != zlib.crc32(head[: _FIELDS.size]):
                return None
            found = fields[2], head[-SEAL:]
            file.seek(fields[4], os.SEEK_CUR)
    return found


def read(path: Path) -> Iterator[Chunk]:
    """The whole chunks of a file, in order. Raises Damaged at the first that was changed; a cut-off end just ends."""
    number, seal, at = 0, bytes(SEAL), 0
    try:
        file = path.open("rb")
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    with file:
        while True:
            head = file.read(HEADER)
            if len(head) < HEADER:
                return
            fields = head[: _FIELDS.size]
            magic, version, kind, found, length, rows, from_ns, to_ns, before = _FIELDS.unpack(fields)
            if _CRC.unpack_from(head, _FIELDS.size)[0] != zlib.crc32(fields) or magic != MAGIC:
                raise Damaged(path, at, "its header is not what was written")
            if version != VERSION:
                raise BadInput(f"{path}: recording of version {version}, this reads {VERSION}")
            if (found, before) != (number, seal):
                raise Damaged(path, at, f"it is chunk {found} of another chain, expected chunk {number}")
            body = file.read(length)
            if len(body) < length:
                return
            seal = head[-SEAL:]
            if hashlib.sha256(head[:-SEAL] + body).digest() != seal:
                raise Damaged(path, at, "it does not match its seal")
            yield Chunk(Kind(kind), number, rows, from_ns, to_ns, at, seal, body)
            number, at = number + 1, at + HEADER + length
