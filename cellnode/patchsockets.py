"""A patch's ZeroMQ sockets: a PUB for each patch around it on this host, one more on TCP for those on other hosts, and
what brings the words of all of them.

The messages are those of single cells, one frame each, and name their speaker. A PUB carries only what its one listener
needs; on TCP each listener says by their first bytes which frames it needs (`frame.beginnings`), and the speaker
sends no others. Nothing conflates, for here the latest message of a peer is not the latest of each of its cells:
queues are bounded, and emptied many times an interval. Which frames are good is the realm's business. Imports pyzmq,
`cellnode.curve`, `cellnode.links` and the frame.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence

import zmq

from cellnode import curve
from cellnode.curve import KeyPair
from cellnode.frame import beginnings, decode
from cellnode.links import DEAD_MS, PEERS_MAX, PULSE_MS, RECONNECT_LONGEST_MS, RECONNECT_MS, TCP
from cellnode.panel import Counter
from cellnode.patchcontrol import Peer
from cellnode.quickrecv import MESSAGE_MAX, taker

QUEUE = 4096  # frames that wait for one listener, or of one speaker; more are lost, the newest first
TAKEN_MAX = 16 * QUEUE  # frames of other hosts taken from one socket at a time: whoever floods does not stop the clocks

Context = zmq.Context[zmq.Socket[bytes]]
Socket = zmq.Socket[bytes]


def make_context() -> Context:
    """A context for the sockets of one patch; only ever made after the fork."""
    context: Context = zmq.Context(io_threads=1)
    context.set(zmq.MAX_SOCKETS, 32)  # on a torus, too, no more than 8 patches lie around one
    return context


class Mouths:
    """Everyone who is to hear this patch: `near` at an endpoint each, `far` all at one door on TCP."""

    def __init__(self, context: Context, near: Mapping[int, str], far: Iterable[int] = ()) -> None:
        self._context = context
        self._near = {peer: _publisher(context, endpoint) for peer, endpoint in near.items()}
        self._far = frozenset(far)
        self._door: Socket | None = None
        self._ways: dict[tuple[int, ...], tuple[Socket, ...]] = {}  # peers -> each socket that leads to some of them

    def open_door(self, address: str, port: int, keys: KeyPair | None, admit: curve.Admit) -> int:
        """Bind TCP at this address, at `port` if it is free (0: at any); returns the port. With `keys`, only those in
        whom `admit` knows."""
        if keys is not None:
            curve.Doorkeeper(self._context, admit)
        door = _quiet(self._context)
        if keys is not None:
            curve.serve(door, keys)
        door.setsockopt(zmq.BACKLOG, PEERS_MAX)
        door.setsockopt(zmq.HEARTBEAT_IVL, PULSE_MS)
        door.setsockopt(zmq.HEARTBEAT_TIMEOUT, DEAD_MS)
        try:
            door.bind(f"{TCP}{address}:{port or '*'}")
        except zmq.ZMQError:
            if not port:
                raise
            door.bind(f"{TCP}{address}:*")  # somebody has taken the port since the last process
        self._door = door
        self._ways.clear()
        return _port(door)

    def readmit(self) -> int:
        """Who listens from other hosts is cut and asked for at the door again; returns the port, 0 without a door."""
        if self._door is None:
            return 0
        endpoint = self._door.getsockopt_string(zmq.LAST_ENDPOINT)
        try:
            curve.readmit(self._door, endpoint)
        except zmq.ZMQError:
            self._door.bind(f"{endpoint.rpartition(':')[0]}:*")  # somebody was quicker
        return _port(self._door)

    def say(self, peers: Sequence[int], frame: bytes) -> None:
        for socket in self._ways.get(tuple(peers)) or self._lead(tuple(peers)):
            socket.send(frame, zmq.NOBLOCK)

    def _lead(self, peers: tuple[int, ...]) -> tuple[Socket, ...]:
        sockets = [self._near[peer] for peer in peers if peer in self._near]
        if self._door is not None and not self._far.isdisjoint(peers):
            sockets.append(self._door)
        return self._ways.setdefault(peers, tuple(sockets))

    def close(self) -> None:
        """Let go; end the context with `term`, not `destroy`: its doorkeeper closes its own socket then."""
        for socket in (*self._near.values(), *([self._door] if self._door is not None else [])):
            socket.close(0)


def _publisher(context: Context, endpoint: str) -> Socket:
    socket = _quiet(context)
    socket.bind(endpoint)
    return socket


def _quiet(context: Context) -> Socket:
    socket = context.socket(zmq.PUB)
    socket.setsockopt(zmq.SNDHWM, QUEUE)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.MAXMSGSIZE, MESSAGE_MAX)
    return socket


def _port(socket: Socket) -> int:
    return int(socket.getsockopt_string(zmq.LAST_ENDPOINT).rsplit(":", 1)[1])


class _Ear:
    """One socket: of all patches of this host, or of those of another one, by whose key it is known.

    For other hosts it is an XSUB: which words are needed is told to the speaker alone, so that whatever else comes is
    not lost in libzmq, but counted.
    """

    def __init__(self, context: Context, key: str | None, keys: KeyPair | None) -> None:
        self.far, self.key = key is not None, key or ""
        socket = context.socket(zmq.XSUB if self.far else zmq.SUB)
        if self.key and keys is not None:
            curve.call(socket, keys, self.key)
        socket.setsockopt(zmq.RCVHWM, QUEUE)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.MAXMSGSIZE, MESSAGE_MAX)
        socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
        if self.far:
            socket.setsockopt(zmq.HEARTBEAT_IVL, PULSE_MS)
            socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, DEAD_MS)
        else:
            socket.setsockopt(zmq.SUBSCRIBE, b"")
        self.socket, self.take = socket, taker(socket)
        self.cells: frozenset[int] = frozenset()  # far: who may speak here
        self._peers: dict[str, Peer] = {}

    def wire(self, wanted: dict[str, Peer], longest_ms: int) -> None:
        self.socket.setsockopt(zmq.RECONNECT_IVL_MAX, longest_ms)
        for endpoint, peer in list(self._peers.items()):
            if wanted.get(endpoint) != peer:
                with contextlib.suppress(zmq.ZMQError):  # libzmq has cut it already, for an oversized message
                    self.socket.disconnect(endpoint)
                del self._peers[endpoint]
        for endpoint in wanted.keys() - self._peers.keys():
            self.socket.connect(endpoint)
        self._peers = wanted

    def need(self, cells: frozenset[int], tag: int) -> None:
        """Words of these cells, and of no others."""
        for sign, some in ((b"\0", self.cells - cells), (b"\1", cells - self.cells)):
            for cell in some:
                for beginning in beginnings(tag, cell):
                    self.socket.send(sign + beginning)
        self.cells = cells


class Ears:
    """All that brings words, and to whom it is connected. `hears`: which cells of each peer are needed here;
    `size`: bytes of their states, as `frame.decode` wants it."""

    def __init__(
        self,
        context: Context,
        hears: Mapping[int, Iterable[int]] | None = None,
        tag: int = 0,
        size: int = 0,
        keys: KeyPair | None = None,
    ) -> None:
        self._context, self._tag, self._size, self._keys = context, tag, size, keys
        self._hears = {peer: frozenset(map(int, cells)) for peer, cells in (hears or {}).items()}
        self._near = _Ear(context, None, None)
        self._far: dict[str, _Ear] = {}  # by key of the host
        self.on_spoofed: Callable[[], None] = lambda: None  # a host has spoken for a cell that does not live there

    def wire(self, peers: Iterable[Peer], interval_ns: int) -> None:
        """Make the connections what they should be; those that need no change are left alone."""
        longest_ms = min(RECONNECT_LONGEST_MS, max(RECONNECT_MS, 2 * interval_ns // 1_000_000))
        near, far = dict[str, Peer](), dict[str, dict[str, Peer]]()
        for peer in peers:
            side = far.setdefault(peer.key, {}) if peer.endpoint.startswith(TCP) else near
            side[peer.endpoint] = peer
        self._near.wire(near, longest_ms)
        for key in self._far.keys() - far.keys():
            self._far.pop(key).socket.close(0)
        for key, theirs in far.items():
            if key not in self._far:
                self._far[key] = _Ear(self._context, key, self._keys)
            ear = self._far[key]
            ear.need(frozenset().union(*(self._hears.get(peer.number, ()) for peer in theirs.values())), self._tag)
            ear.wire(theirs, longest_ms)

    def descriptors(self) -> list[int]:
        """Become readable when something may have come; edge-triggered, so drain before waiting for them."""
        return [int(ear.socket.getsockopt(zmq.FD)) for ear in (self._near, *self._far.values())]

    def drain(self) -> list[bytes]:
        """Everything that has come; of other hosts at most `TAKEN_MAX` a socket, the rest waits for the next time."""
        messages, take = list[bytes](), self._near.take
        while (message := take()) is not None:
            messages.append(message)
        for ear in self._far.values():
            for _ in range(TAKEN_MAX):
                if (message := ear.take()) is None:
                    break
                if self._belongs(ear, message):
                    messages.append(message)
                else:
                    self.on_spoofed()
        return messages

    def _belongs(self, ear: _Ear, message: bytes) -> bool:
        """Whether the host at the other end may speak for that cell; what is no frame is the realm's to count."""
        if not ear.key:
            return True
        frame = decode(message, self._tag, self._size)
        return isinstance(frame, Counter) or frame.cell in ear.cells
