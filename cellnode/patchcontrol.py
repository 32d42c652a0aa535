"""What an agent tells a patch: the wanted state of all its cells, with a version, and one-shot pokes, with an id.

As in `control.py`: one datagram each, repeated until the patch shows the version, or the id, in its cells' pages. Lists
over cells are bytes, in the order of the patch's layout: its own cells, or those around it. Imports msgspec, numpy and
`cellnode.control`.
"""

from __future__ import annotations

import socket
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from cellnode.draws import MEAN_MAX_NS
from cellnode.messages import LinkFault, strictly

MAX_DATAGRAM = 1 << 17  # a patch of 4,096 cells needs 22 KiB, and each fault on all of them about as much again


class Peer(msgspec.Struct, frozen=True, array_like=True):
    """A patch that this one is to hear: where it speaks to us, and which process that is by now."""

    number: Annotated[int, msgspec.Meta(ge=0)]
    endpoint: str
    process: int  # rises with each: a new one is bound where the last was
    key: str = ""  # public key of the host it lives on (CURVE, Z85); "": none is needed


class PatchWanted(msgspec.Struct, frozen=True, tag_field="t", tag="wanted"):
    """The whole wanted state of one patch: what is not in it is not wanted."""

    version: int
    interval_ns: Annotated[int, msgspec.Meta(ge=1, le=MEAN_MAX_NS)]
    running: bool  # False: connect, but let no clock tick yet
    paused: bool
    lives: bytes  # uint32 for each own cell: the life it is to be in, 0: without power
    still: bytes  # one byte for each own cell: 1: it is to stand still
    around: bytes  # uint32 for each cell around: the newest life that it was given
    around_on: bytes  # one byte for each cell around: 1: it runs
    peers: list[Peer]
    faults: list[LinkFault]  # `cells` names cells of this patch alone
    around_epochs: bytes = b""  # uint32 for each cell around: the placement epoch of its life; empty: ours, all here


class PatchPoke(msgspec.Struct, frozen=True, tag_field="t", tag="poke"):
    """A one-shot for some cells: "erase", "seed" (with the values), "harm" (with a `harm.Harm`)."""

    id: int
    kind: str
    cells: list[int]  # places among the patch's own
    state: bytes = b""


POKES = ("erase", "seed", "harm")

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[PatchWanted | PatchPoke] = msgspec.msgpack.Decoder(PatchWanted | PatchPoke)


def encode(message: PatchWanted | PatchPoke) -> bytes:
    """The datagram."""
    return _encoder.encode(message)


def decode(data: bytes) -> PatchWanted | PatchPoke | None:
    """The message, or None for anything that is none."""
    try:
        return strictly(_decoder, data)
    except msgspec.DecodeError:
        return None


def words(values: NDArray[np.int64]) -> bytes:
    """Lives as they are sent."""
    return values.astype("<u4").tobytes()


def lives_of(data: bytes, count: int) -> NDArray[np.int64]:
    """The lives of so many cells; ValueError if they are not as many."""
    values = np.frombuffer(data, "<u4").astype(np.int64)
    if len(values) != count:
        raise ValueError(f"{len(values)} lives for {count} cells")
    return values


def flags_of(data: bytes, count: int) -> NDArray[np.bool_]:
    """One flag a cell; ValueError if they are not as many."""
    flags: NDArray[np.bool_] = np.frombuffer(data, np.uint8) != 0
    if len(flags) != count:
        raise ValueError(f"{len(flags)} flags for {count} cells")
    return flags


class Post:
    """The agent's end: sends to any patch, and takes a full or missing letter box for a "not now"."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def send(self, path: str, message: PatchWanted | PatchPoke) -> bool:
        """True when the kernel took it."""
        try:
            self._socket.sendto(encode(message), path)
        except OSError:
            return False
        return True

    def close(self) -> None:
        self._socket.close()
