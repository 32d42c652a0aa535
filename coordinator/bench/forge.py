"""Frames that are none: every way in which bytes pretend to be a cell's word, each with the counter that says so.

Pure: it makes bytes and sends nothing. May import cellnode's frame and counters.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from random import Random

import msgpack

from cellnode.frame import FRAME_MAX, Frame, encode
from cellnode.panel import Counter

ROOM = 4000  # bytes; beyond 4,096 libzmq itself cuts the line


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to pretend. `parts`: the messages, each of one part or more; `counter`: under which they are counted."""

    name: str
    counter: Counter
    messages: list[list[bytes]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Speaker:
    """Whose word is forged: a cell, the incarnation that neighbours believe, and bytes of a state."""

    cell: int
    epoch: int
    life: int
    tag: int
    size: int


def forge(speaker: Speaker, stranger: int, rng_seed: int, far: bool) -> list[Kind]:
    """All kinds; `stranger`: a cell that does not live where `speaker` does. `far`: it is heard by its host's key, so a
    stranger's word counts as spoofed; else as one of a cell that is no neighbour."""
    random = Random(rng_seed)
    good = Frame(0, speaker.tag, speaker.cell, speaker.epoch, speaker.life, 1, 1, bytes(speaker.size))
    whole = encode(good)
    future = good._replace(life=speaker.life + (1 << 16))
    kinds = [
        Kind("noise", Counter.DROP_GARBLED, [[b"\xc1" + random.randbytes(random.randrange(96))] for _ in range(64)]),
        Kind("empty", Counter.DROP_GARBLED, [[b""]]),
        Kind("cut short", Counter.DROP_GARBLED, [[whole[:at]] for at in range(1, len(whole) - 5)]),
        Kind("nested", Counter.DROP_GARBLED, [[b"\x91" * 127], [b"\x81" * 127]]),
        Kind("huge lengths", Counter.DROP_GARBLED, [[b"\xdd\xff\xff\xff\xff"], [b"\xdf\xff\xff\xff\xff\xc0"]]),
        Kind("too long", Counter.DROP_SIZE, [[random.randbytes(n)] for n in (FRAME_MAX + 1, 1000, ROOM)]),
        Kind("two parts", Counter.DROP_SIZE, [[whole, whole]]),
        Kind("version", Counter.DROP_VERSION, [[_packed([2, *good, b"\0\0\0\0"])]]),
        Kind("types", Counter.DROP_GARBLED, [[_packed([1, *good._replace(cell="x"), b"\0\0\0\0"])]]),  # type: ignore[arg-type]
        Kind("crc", Counter.DROP_CRC, [[_flipped(whole, random)] for _ in range(64)]),
        Kind("other swarm", Counter.DROP_TAG, [[encode(good._replace(tag=speaker.tag ^ 1))]]),
        Kind(
            "ranges", Counter.DROP_GARBLED, [[encode(good._replace(next_within=5))], [encode(good._replace(flags=2))]]
        ),
        Kind("values", Counter.DROP_VALUES, [[encode(good._replace(values=bytes(n)))] for n in (0, 8, 24, 40)]),
        Kind("illegal values", Counter.DROP_VALUES, [[encode(good._replace(values=_illegal(speaker.size)))]]),
        Kind("future life", Counter.DROP_FUTURE_INCARNATION, [[encode(future)]]),
        Kind(
            "another host's cell",
            Counter.DROP_SPOOFED if far else Counter.DROP_CELL,
            [[encode(good._replace(cell=stranger))]],
        ),
    ]
    if speaker.epoch > 1:
        kinds.append(Kind("past life", Counter.DROP_OLD_INCARNATION, [[encode(good._replace(epoch=1))]]))
    return kinds


def _packed(fields: list[object]) -> bytes:
    packed: bytes = msgpack.packb(fields)
    return packed


def _illegal(size: int) -> bytes:
    """No core produces -128, nor what is no number."""
    return b"\x80" * size if size == 16 else struct.pack("<16f", *[float("nan")] * 16)


def _flipped(whole: bytes, random: Random) -> bytes:
    """One bit of the values, which leaves the shape as it is."""
    at = len(whole) - 7 - random.randrange(12)
    return whole[:at] + bytes([whole[at] ^ 1 << random.randrange(8)]) + whole[at + 1 :]
