"""Frames on a board's serial line: the other end of firmware/board/send.c and receive.c, byte by byte the same.

    flag  length  kind  round  payload  crc high  crc low        flag 0x7E, escape 0x7D (then the byte ^ 0x20)

Nothing here knows a port, a clock or what a frame is for.  Bad bytes are counted, never raised.  Imports: the standard
library.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from enum import IntEnum

FLAG, ESCAPE, FLIP = 0x7E, 0x7D, 0x20
HEAD, BODY_MAX = 2, 20


class Kind(IntEnum):
    """Chip to mailbox: HELLO, WAKE, SAY.  Mailbox to chip, when asked: HEARD, PLACE, END."""

    HELLO = 1
    WAKE = 2
    SAY = 3
    HEARD = 4
    PLACE = 5
    END = 6


@dataclass(frozen=True, slots=True)
class LineFrame:
    """One frame: `round` numbers the chip's asks, `payload` is at most 18 bytes."""

    kind: int
    round: int
    payload: bytes = b""


def encode(frame: LineFrame) -> bytes:
    """The bytes on the line."""
    body = bytes([HEAD + len(frame.payload), frame.kind, frame.round]) + frame.payload
    body += binascii.crc_hqx(body, 0xFFFF).to_bytes(2, "big")
    out = bytearray([FLAG])
    for byte in body:
        out += bytes([ESCAPE, byte ^ FLIP]) if byte in (FLAG, ESCAPE) else bytes([byte])
    return bytes(out)


class Decoder:
    """Bytes in, frames out; begins anew at each flag.  `crc=False` believes any checksum, to measure its worth."""

    def __init__(self, crc: bool = True) -> None:
        self._crc = crc
        self._body: bytearray | None = None
        self._flip = 0
        self.dropped = 0

    def feed(self, data: bytes) -> list[LineFrame]:
        frames = []
        for byte in data:
            frame = self._take(byte)
            if frame is not None:
                frames.append(frame)
        return frames

    def _take(self, byte: int) -> LineFrame | None:
        if byte == FLAG:
            self.dropped += bool(self._body)
            self._body, self._flip = bytearray(), 0
            return None
        if byte == ESCAPE:
            self._flip = FLIP
            return None
        if self._body is None:
            return None
        self._body.append(byte ^ self._flip)
        self._flip = 0
        body = self._body
        if body[0] > BODY_MAX or body[0] < HEAD:
            self._drop()
            return None
        if len(body) < body[0] + 3:
            return None
        if self._crc and binascii.crc_hqx(bytes(body), 0xFFFF) != 0:
            self._drop()
            return None
        self._body = None
        return LineFrame(body[1], body[2], bytes(body[3:-2]))

    def _drop(self) -> None:
        self._body = None
        self.dropped += 1
