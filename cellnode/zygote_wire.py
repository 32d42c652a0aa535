"""What agent and zygote say to each other over their socketpair: the messages, and frames of a length and a msgpack
map.

Neither side ever blocks on the other: what cannot be written now waits in a buffer, so a stopped zygote cannot stop its
agent. It knows nothing of what the messages cause; it may import msgspec and `cellnode.messages`.
"""

from __future__ import annotations

import socket
import struct

import msgspec

from cellnode.messages import OtherEngine, RulePayload

_LENGTH = struct.Struct("<I")
MAX_MESSAGE = 16 << 20  # a rule is at most 1 MiB; anything larger is a broken stream
CHUNK = 1 << 16


class Plan(msgspec.Struct, frozen=True):
    """What is the same for all cells of a placement; read by the zygote before it forks the first."""

    runtime: str
    panel: str
    epoch: int
    tag: int
    rng_seed: int
    rule: RulePayload
    others: list[OtherEngine] = []
    rings: str = ""  # path of the file of black boxes; "": nothing is recorded
    keys: tuple[str, str] | None = None  # the host's, public and secret (CURVE, Z85); None: TCP stays on this machine
    address: str = ""  # where cells (or patches) with neighbours on other hosts bind TCP; "": there are none
    cut: tuple[int, int, bool, tuple[int, int]] | None = None  # patches: height, width, torus and the size of one
    cells: bytes = b""  # patches: int64 for each page of the panel, the cell it belongs to, rising


class Birth(msgspec.Struct, frozen=True, array_like=True):
    """One cell to fork: its number in the grid, the index of its page, and the life it begins. Or one patch."""

    cell: int
    index: int
    life: int
    port: int = -1  # TCP port for neighbours on other hosts: 0 any, -1 none are there


# ---- agent -> zygote


class Prepare(msgspec.Struct, frozen=True, tag_field="t", tag="prepare"):
    plan: Plan


class Outfit(msgspec.Struct, frozen=True, tag_field="t", tag="outfit"):
    """These cells are forked with this engine from now on; None: with the plan's own."""

    cells: list[int]
    rule: RulePayload | None


class Fork(msgspec.Struct, frozen=True, tag_field="t", tag="fork"):
    births: list[Birth]


class Signal(msgspec.Struct, frozen=True, tag_field="t", tag="signal"):
    """Send `number` to these cells, by index; a cell that is no child (any more) is passed over. `id` comes back."""

    id: int
    indices: list[int]
    number: int


Order = Prepare | Outfit | Fork | Signal


# ---- zygote -> agent


class Ready(msgspec.Struct, frozen=True, tag_field="t", tag="ready"):
    """The rule is loaded and warm: forking may begin. `error` is one line when it could not be loaded."""

    error: str = ""


class Born(msgspec.Struct, frozen=True, tag_field="t", tag="born"):
    """Pairs (index, pid) of cells just forked."""

    cells: list[tuple[int, int]]


class Reaped(msgspec.Struct, frozen=True, tag_field="t", tag="reaped"):
    """Pairs (index, wait status) of cells that are dead and gone; a status of -1 means that the fork itself failed."""

    cells: list[tuple[int, int]]


class Signalled(msgspec.Struct, frozen=True, tag_field="t", tag="signalled"):
    id: int


News = Ready | Born | Reaped | Signalled

_encoder = msgspec.msgpack.Encoder()
_orders: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)
_news: msgspec.msgpack.Decoder[News] = msgspec.msgpack.Decoder(News)


def decode_order(data: bytes) -> Order:
    return _orders.decode(data)


def decode_news(data: bytes) -> News:
    return _news.decode(data)


class Framed:
    """A non-blocking stream socket that carries whole messages both ways."""

    def __init__(self, stream: socket.socket) -> None:
        stream.setblocking(False)
        self._stream = stream
        self._inbox = bytearray()
        self._outbox = bytearray()

    def fileno(self) -> int:
        return self._stream.fileno()

    @property
    def wants_write(self) -> bool:
        """Something is left to write: call `flush` when the socket is writable."""
        return bool(self._outbox)

    def send(self, message: Order | News) -> None:
        """Write the message, or as much of it as goes now. Raises OSError when the other side is gone."""
        body = _encoder.encode(message)
        self._outbox += _LENGTH.pack(len(body)) + body
        self.flush()

    def flush(self) -> None:
        while self._outbox:
            try:
                sent = self._stream.send(memoryview(self._outbox)[:CHUNK])
            except BlockingIOError:
                return
            del self._outbox[:sent]

    def receive(self) -> tuple[list[bytes], bool]:
        """Whole messages that have come, and whether the other side is still there."""
        alive = True
        while True:
            try:
                data = self._stream.recv(CHUNK)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                alive = False
                break
            self._inbox += data
        messages: list[bytes] = []
        while len(self._inbox) >= _LENGTH.size:
            (size,) = _LENGTH.unpack_from(self._inbox)
            if size > MAX_MESSAGE:
                return messages, False
            if len(self._inbox) < _LENGTH.size + size:
                break
            messages.append(bytes(self._inbox[_LENGTH.size : _LENGTH.size + size]))
            del self._inbox[: _LENGTH.size + size]
        return messages, alive

    def close(self) -> None:
        self._stream.close()
