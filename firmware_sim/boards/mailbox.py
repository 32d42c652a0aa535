"""The mailbox at the other end of a board's line: answers each WAKE with what the links last brought.

It holds what a chip has no room for: the eight slots.  A state machine without port or clock: bytes in, bytes and
events out.  Who fills the slots, and what becomes of what the chip says, is the owner's affair.  Imports: numpy, line,
errors, limits.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from firmware_sim.boards.line import Decoder, Kind, LineFrame, encode
from firmware_sim.errors import BadInput
from firmware_sim.limits import CHANNELS

States = NDArray[np.int8]
HELLO_BYTES = 5


@dataclass(frozen=True, slots=True)
class Hello:
    """The chip has begun a new life: its protocol version, which cell it is, its genome's CRC as it lies in ROM."""

    version: int
    cell: int
    genome_crc: int


@dataclass(frozen=True, slots=True)
class Said:
    """The chip's new state."""

    state: States


Event = Hello | Said


@dataclass(slots=True)
class Mailbox:
    """`slots[i]` is what neighbour i last said (NW, N, NE, W, E, SW, S, SE), None while silent.

    `interval_ms` is told to the chip with each answer; `place` (if any) becomes its state at the next wake.
    """

    interval_ms: int = 500
    crc: bool = True
    slots: list[States | None] = field(default_factory=lambda: [None] * 8)
    place: States | None = None
    asked: int = 0  # WAKEs answered, repeated ones too
    _decoder: Decoder = field(init=False)
    _placing: bool = False

    def __post_init__(self) -> None:
        self._decoder = Decoder(self.crc)

    @property
    def dropped(self) -> int:
        """Frames from the chip that were damaged."""
        return self._decoder.dropped

    def receive(self, data: bytes) -> tuple[bytes, list[Event]]:
        """What to send back, and what happened."""
        answer, events = b"", list[Event]()
        for frame in self._decoder.feed(data):
            if frame.kind == Kind.WAKE and not frame.payload:
                self.asked += 1
                answer = self.answer(frame.round)
            elif frame.kind == Kind.SAY and len(frame.payload) == CHANNELS:
                if self._placing:
                    self.place, self._placing = None, False
                events.append(Said(np.frombuffer(frame.payload, np.int8).copy()))
            elif frame.kind == Kind.HELLO and len(frame.payload) == HELLO_BYTES:
                version, low, high, crc_low, crc_high = frame.payload
                events.append(Hello(version, low | high << 8, crc_low | crc_high << 8))
        return answer, events

    def answer(self, round_: int) -> bytes:
        """HEARD for each slot that is not silent, in rising order, PLACE if there is one, END with the count."""
        if not 1 <= self.interval_ms <= 0xFFFF:
            raise BadInput(f"interval {self.interval_ms} ms: a board takes 1..65535")
        heard = [(slot, state) for slot, state in enumerate(self.slots) if state is not None]
        frames = [LineFrame(Kind.HEARD, round_, bytes([slot]) + _bytes(state)) for slot, state in heard]
        if self.place is not None:
            frames.append(LineFrame(Kind.PLACE, round_, _bytes(self.place)))
            self._placing = True
        end = bytes([len(heard)]) + self.interval_ms.to_bytes(2, "little")
        return b"".join(map(encode, [*frames, LineFrame(Kind.END, round_, end)]))


def _bytes(state: States) -> bytes:
    if state.shape != (CHANNELS,) or state.dtype != np.int8:
        raise BadInput(f"a state on a board's line is int8[{CHANNELS}], not {state.dtype}{list(state.shape)}")
    return state.tobytes()
