"""What an agent tells a cell: its wanted state, with a version, and one-shot pokes, with an id; one datagram each.

There is no answer on the socket. The cell shows the version it has applied and the id of its last poke in its page, and
the agent repeats until it does, so a datagram may be lost, doubled or late without harm: an older version and a known
id change nothing. Endpoints are given explicitly, so a neighbour may live anywhere. Imports msgspec and
`cellnode.messages`.
"""

from __future__ import annotations

import contextlib
import os
import socket
from typing import Annotated

import msgspec

from cellnode.draws import MEAN_MAX_NS
from cellnode.messages import LinkFault, strictly

MAX_DATAGRAM = 1 << 16


class Link(msgspec.Struct, frozen=True, array_like=True):
    """What lies at one of the cell's eight slots, and which incarnation of it may be believed."""

    slot: Annotated[int, msgspec.Meta(ge=0, le=7)]  # order NW N NE W E SW S SE
    cell: Annotated[int, msgspec.Meta(ge=0)]
    endpoint: str  # where its PUB is bound
    on: bool  # it runs: wait to hear it before calling oneself linked
    epoch: int
    life: int  # highest life that was started; 0: never yet
    key: str = ""  # public key of the host at the other end (CURVE, Z85); "": no key is needed


class Wanted(msgspec.Struct, frozen=True, tag_field="t", tag="wanted"):
    """The whole wanted state of one cell: what is not in it is not wanted."""

    version: int
    interval_ns: Annotated[int, msgspec.Meta(ge=1, le=MEAN_MAX_NS)]
    running: bool  # False: connect, but let no clock tick yet (the launch waits for the others)
    paused: bool  # as the word in the panel's header, for a cell that has given its panel back
    links: list[Link]
    faults: list[LinkFault]  # those on this cell's incoming edges; `cells` names this cell alone


class CellPoke(msgspec.Struct, frozen=True, tag_field="t", tag="poke"):
    """A one-shot: "erase", "seed" (with the values), "unmap" or "map" (the panel page), "harm" (with a `harm.Harm`)."""

    id: int
    kind: str
    state: bytes = b""


POKES = ("erase", "seed", "unmap", "map", "harm")

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Wanted | CellPoke] = msgspec.msgpack.Decoder(Wanted | CellPoke)


def encode(message: Wanted | CellPoke) -> bytes:
    """The datagram."""
    return _encoder.encode(message)


def decode(data: bytes) -> Wanted | CellPoke | None:
    """The message, or None for anything that is none: the cell counts it."""
    try:
        return strictly(_decoder, data)
    except msgspec.DecodeError:  # a ValidationError is one
        return None


def bind(path: str) -> socket.socket:
    """The cell's end: a non-blocking datagram socket at `path`, in place of whatever a predecessor left there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108 - runs in every cell; pathlib would cost memory pages for nothing
    end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    end.setblocking(False)
    end.bind(path)
    return end


class Post:
    """The agent's end: sends to any cell, and takes a full or missing letter box for a "not now".

    What a cell has not read yet is charged to the socket that sent it, so the cells share a few sockets: stopped cells
    can fill theirs, and no other.
    """

    SOCKETS = 64

    def __init__(self) -> None:
        self._sockets = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(self.SOCKETS)]
        for end in self._sockets:
            end.setblocking(False)

    def send(self, cell: int, path: str, datagram: bytes) -> bool:
        """True when the kernel took it; False when nobody listens there now or the box is full."""
        try:
            self._sockets[cell % self.SOCKETS].sendto(datagram, path)
        except OSError:
            return False
        return True

    def close(self) -> None:
        for end in self._sockets:
            end.close()
