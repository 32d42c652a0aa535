"""The bytes on the wire: one frame is one msgpack array with a CRC-32, at most 128 bytes, one cell's whole state.

    [version, flags, tag, cell, epoch, life, sequence, next_within, values (bin), crc (bin of 4 bytes, big endian)]

The CRC-32 (zlib's polynomial) covers every byte before its own four. `decode` never raises: whatever is not a frame of
this swarm comes back as the counter under which to count it. Checks need no state: whether a frame is news is the
mailbox's business. May import msgpack and the panel's counters.
"""

from __future__ import annotations

from typing import NamedTuple
from zlib import crc32

import msgpack

from cellnode.panel import Counter
from cellnode.topology import CELLS_MAX

VERSION = 1
HELLO = 1  # flag: the speaker is new and wants to be answered
FRAME_MAX = 128  # bytes
NEXT_WITHIN_MAX = 4  # in T
LIFE_MAX = (1 << 32) - 1
EPOCH_MAX = (1 << 31) - 1  # an incarnation, epoch << 32 | life, fits a signed 64-bit integer
SEQUENCE_MAX = (1 << 62) - 1


class Frame(NamedTuple):
    """One full state of one cell, and until when (in T) it will speak again."""

    flags: int
    tag: int
    cell: int
    epoch: int
    life: int
    sequence: int  # from 1, rising by 1 with every frame of one life
    next_within: int  # in T: the mean time to the next frame, 1..4
    values: bytes  # 16 int8 or 16 little-endian float32

    @property
    def hello(self) -> bool:
        return bool(self.flags & HELLO)


def encode(frame: Frame) -> bytes:
    """The frame's bytes; at most 105 for legal fields."""
    body: bytes = msgpack.packb((VERSION, *frame, b"\0\0\0\0"))[:-4]
    return body + crc32(body).to_bytes(4, "big")


def beginnings(tag: int, cell: int) -> tuple[bytes, ...]:
    """The first bytes of every frame of this cell, up to its number, and of no other frame."""
    return tuple(b"\x9a" + b"".join(map(msgpack.packb, (VERSION, flags, tag, cell))) for flags in (0, HELLO))


def decode(data: bytes, tag: int, size: int = 0) -> Frame | Counter:
    """The frame in `data`, or the reason why there is none: size, shape, version, CRC, swarm, ranges; in this order.

    `size`: bytes of a state where a swarm's rule has other than 16 channels; wider ones make longer frames.
    """
    if len(data) > FRAME_MAX and len(data) > FRAME_MAX + size - 64:
        return Counter.DROP_SIZE
    try:
        fields = msgpack.unpackb(data, use_list=False)
    except Exception:  # any bytes whatsoever: msgpack raises from several families, and all mean the same here
        return Counter.DROP_GARBLED
    if fields.__class__ is not tuple or not fields or fields[0].__class__ is not int:
        return Counter.DROP_GARBLED
    if fields[0] != VERSION:
        return Counter.DROP_VERSION
    if len(fields) != 10:
        return Counter.DROP_GARBLED
    _, flags, its_tag, cell, epoch, life, sequence, next_within, values, crc = fields
    if not (
        flags.__class__ is int
        and its_tag.__class__ is int
        and cell.__class__ is int
        and epoch.__class__ is int
        and life.__class__ is int
        and sequence.__class__ is int
        and next_within.__class__ is int
        and values.__class__ is bytes
        and crc.__class__ is bytes
        and len(crc) == 4
    ):
        return Counter.DROP_GARBLED
    if crc32(data[:-4]).to_bytes(4, "big") != crc:  # the array ends with these four bytes, or it would not have decoded
        return Counter.DROP_CRC
    if its_tag != tag:
        return Counter.DROP_TAG
    if not (
        0 <= flags <= HELLO
        and 0 <= cell < CELLS_MAX
        and 1 <= epoch <= EPOCH_MAX
        and 1 <= life <= LIFE_MAX
        and 1 <= sequence <= SEQUENCE_MAX
        and 1 <= next_within <= NEXT_WITHIN_MAX
    ):
        return Counter.DROP_GARBLED
    if len(values) not in ((size,) if size else (16, 64)):
        return Counter.DROP_VALUES
    return Frame(flags, its_tag, cell, epoch, life, sequence, next_within, values)
