"""A cell's ZeroMQ sockets: the PUB it speaks on, and the SUB that brings its neighbours' latest words.

Both conflate (libzmq keeps the latest message of EACH peer), so a slow cell never works through old states. While a
link fault lies on the incoming edges, the SUB is made anew without conflation, with a bounded queue, so that each
message meets its own fate. A cell with neighbours on other hosts has a second PUB, bound to TCP. Which frames are good
is the cell's business. Imports pyzmq, `cellnode.control` and `cellnode.linkfault`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import zmq

from cellnode import curve
from cellnode.control import Link
from cellnode.curve import KeyPair
from cellnode.frame import decode
from cellnode.linkfault import KINDS, Gate
from cellnode.mailbox import Tally
from cellnode.messages import LinkFault
from cellnode.panel import Counter
from cellnode.quickrecv import MESSAGE_MAX, taker

RECONNECT_MS = 100
RECONNECT_LONGEST_MS = 4000
QUEUE = 64  # frames a peer that wait unread while a link fault is on
TCP = "tcp://"
PULSE_MS, DEAD_MS = 1000, 3000  # ZMTP heartbeats over TCP: a host that was cut off says no goodbye
DRAIN_MAX = 1024  # messages taken from one socket at a time, of 8 peers: whoever floods a cell does not stop its clock
PEERS_MAX = 64  # connections that wait to be taken in by a bound TCP socket

Context = zmq.Context[zmq.Socket[bytes]]
Receive = Callable[[bytes, int], None]


def make_context() -> Context:
    """A context for a cell's few sockets; only ever made after the fork."""
    context: Context = zmq.Context(io_threads=1)
    context.set(zmq.MAX_SOCKETS, 24)  # of these a cell within its block uses two
    return context


def bind_publisher(context: Context, endpoint: str) -> zmq.Socket[bytes]:
    """The PUB, bound in place of whatever a predecessor left at `endpoint`."""
    publisher = _publisher(context)
    publisher.bind(endpoint)
    return publisher


def _publisher(context: Context) -> zmq.Socket[bytes]:
    publisher = context.socket(zmq.PUB)
    publisher.setsockopt(zmq.CONFLATE, 1)
    publisher.setsockopt(zmq.LINGER, 0)
    publisher.setsockopt(zmq.MAXMSGSIZE, MESSAGE_MAX)
    return publisher


class Mouth:
    """What is said here goes to every neighbour, on this host and on others."""

    def __init__(self, context: Context, endpoint: str) -> None:
        self._context = context
        self._near = bind_publisher(context, endpoint)
        self._far: zmq.Socket[bytes] | None = None

    def open_door(self, address: str, port: int, keys: KeyPair | None = None, admit: curve.Admit | None = None) -> int:
        """Bind TCP at this address, at `port` if it is free (0: at any); returns the port. With `keys`, only those in
        whom `admit` knows."""
        if keys is not None:
            curve.Doorkeeper(self._context, admit or _nobody)
        far = _publisher(self._context)
        if keys is not None:
            curve.serve(far, keys)
        far.setsockopt(zmq.BACKLOG, PEERS_MAX)
        far.setsockopt(zmq.HEARTBEAT_IVL, PULSE_MS)
        far.setsockopt(zmq.HEARTBEAT_TIMEOUT, DEAD_MS)
        try:
            far.bind(f"{TCP}{address}:{port or '*'}")
        except zmq.ZMQError:
            if not port:
                raise
            far.bind(f"{TCP}{address}:*")  # somebody has taken the port since the last life
        self._far = far
        return int(far.getsockopt_string(zmq.LAST_ENDPOINT).rsplit(":", 1)[1])

    def readmit(self) -> int:
        """Who listens from other hosts is cut and asked for at the door again; returns the port."""
        if self._far is None:
            return 0
        endpoint = self._far.getsockopt_string(zmq.LAST_ENDPOINT)
        try:
            curve.readmit(self._far, endpoint)
        except zmq.ZMQError:
            self._far.bind(f"{endpoint.rpartition(':')[0]}:*")  # somebody was quicker
        return int(self._far.getsockopt_string(zmq.LAST_ENDPOINT).rsplit(":", 1)[1])

    def send(self, frame: bytes) -> None:
        self._near.send(frame, zmq.NOBLOCK)
        if self._far is not None:
            self._far.send(frame, zmq.NOBLOCK)

    def close(self) -> None:
        """Let go; end the context with `term`, not `destroy`: its doorkeeper closes its own socket then."""
        self._near.close(0)
        if self._far is not None:
            self._far.close(0)


def _nobody(_key: str) -> str | None:
    return None


class _Ear:
    """One SUB: of all who need no key, or of one other host, by whose key they are known."""

    def __init__(self, socket: zmq.Socket[bytes], key: str) -> None:
        self.socket, self.key = socket, key
        self.take = taker(socket)
        self.links: dict[str, Link] = {}  # by endpoint
        self.cells: frozenset[int] = frozenset()

    def disconnect(self, endpoint: str) -> None:
        with contextlib.suppress(zmq.ZMQError):  # libzmq has cut it already, for an oversized message
            self.socket.disconnect(endpoint)

    def connect(self, endpoint: str) -> None:
        # The options of a connection are those at its beginning: within a host no heartbeat is needed.
        far = endpoint.startswith(TCP)
        self.socket.setsockopt(zmq.HEARTBEAT_IVL, PULSE_MS if far else 0)
        self.socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, DEAD_MS)
        self.socket.connect(endpoint)

    def wire(self, wanted: dict[str, Link], longest_ms: int) -> None:
        self.socket.setsockopt(zmq.RECONNECT_IVL_MAX, longest_ms)  # for connections made from now on
        for endpoint in self.links.keys() - wanted.keys():
            self.disconnect(endpoint)
        for endpoint, link in wanted.items():
            known = self.links.get(endpoint)
            if known is not None and (known.epoch, known.life) != (link.epoch, link.life):
                self.disconnect(endpoint)  # a new process is bound there: do not wait for the next attempt
                known = None
            if known is None:
                self.connect(endpoint)
        self.links = wanted
        self.cells = frozenset(link.cell for link in wanted.values())


class Ears:
    """The SUBs, their links and the faults on them. One brings all that needs no key; for each other host whose key is
    known there is one more, and what it brings of a cell that does not live there is spoofed."""

    def __init__(
        self, context: Context, cell: int, tag: int, interval_ns: int, counters: Tally, keys: KeyPair | None = None
    ) -> None:
        self._context, self._counters, self._tag, self._keys = context, counters, tag, keys
        self._gate = Gate(cell, tag, interval_ns, counters)
        self._conflating = True
        self._near = self._make("")
        self._ears = {"": self._near}
        self._far: list[_Ear] = []

    def wire(self, links: list[Link], faults: list[LinkFault], interval_ns: int, now_ns: int = 0) -> None:
        """Make the connections what they should be; those that need no change are left alone."""
        self._gate.interval_ns = interval_ns
        around = {link.slot: link.cell for link in links}
        self._gate.wire([around.get(slot, -1) for slot in range(8)])
        self._gate.set_faults(faults, now_ns)
        conflating = not any(fault.kind in KINDS for fault in faults)
        if conflating is not self._conflating:
            self._conflating = conflating
            for ear in self._ears.values():
                ear.socket.close(0)
            self._ears = {"": self._make("")}
        longest_ms = min(RECONNECT_LONGEST_MS, max(RECONNECT_MS, 2 * interval_ns // 1_000_000))
        keys = {link.key for link in links} | {""}
        for key in self._ears.keys() - keys:
            self._ears.pop(key).socket.close(0)
        for key in keys:
            if key not in self._ears:
                self._ears[key] = self._make(key)
            self._ears[key].wire({link.endpoint: link for link in links if link.key == key}, longest_ms)
        self._near = self._ears[""]
        self._far = [ear for key, ear in self._ears.items() if key]

    def _make(self, key: str) -> _Ear:
        socket = self._context.socket(zmq.SUB)
        if key and self._keys is not None:
            curve.call(socket, self._keys, key)
        if self._conflating:
            socket.setsockopt(zmq.CONFLATE, 1)
        else:
            socket.setsockopt(zmq.RCVHWM, QUEUE)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.MAXMSGSIZE, MESSAGE_MAX)
        socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
        socket.setsockopt(zmq.SUBSCRIBE, b"")  # exactly one: conflation would keep only the last
        return _Ear(socket, key)

    def descriptors(self) -> list[int]:
        """Become readable when something may have come; edge-triggered, so drain before waiting for them."""
        return [int(ear.socket.getsockopt(zmq.FD)) for ear in (self._near, *self._far)]

    @property
    def next_due_ns(self) -> int | None:
        """When the next frame held back by a fault is due."""
        return self._gate.next_due_ns

    def shift(self, ns: int) -> None:
        """All clocks stood still for `ns`: so did what is on its way."""
        self._gate.shift(ns)

    def drain(self, receive: Receive, now_ns: int) -> bool:
        """Hand over what has come, until nothing is left, or DRAIN_MAX of a socket were taken; True when more may be
        there."""
        if self._gate.active:
            return self._drain_faulty(receive, now_ns)
        take, more = self._near.take, False
        for _ in range(DRAIN_MAX):
            if (message := take()) is None:
                break
            receive(message, now_ns)
        else:
            more = True
        for ear in self._far:
            for _ in range(DRAIN_MAX):
                if (message := ear.take()) is None:
                    break
                if self._belongs(ear, message):
                    receive(message, now_ns)
            else:
                more = True
        return more

    def _belongs(self, ear: _Ear, message: bytes) -> bool:
        """Whether the host at the other end may speak for that cell; what is no frame is the mailbox's to count."""
        if not ear.key:
            return True
        frame = decode(message, self._tag)
        if isinstance(frame, Counter) or frame.cell in ear.cells:
            return True
        self._counters[Counter.RECEIVED] += 1
        self._counters[Counter.DROP_SPOOFED] += 1
        return False

    def _drain_faulty(self, receive: Receive, now_ns: int) -> bool:
        more = False
        for ear in (self._near, *self._far):
            for _ in range(DRAIN_MAX):
                try:
                    parts = ear.socket.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
                if len(parts) > 1:  # while conflating, libzmq itself keeps only the last part
                    self._counters[Counter.RECEIVED] += 1
                    self._counters[Counter.DROP_SIZE] += 1
                    continue
                if not self._belongs(ear, parts[0]):
                    continue
                passed = self._gate.admit(parts[0], now_ns)
                if passed is not None:
                    receive(passed, now_ns)
            else:
                more = True
        for late in self._gate.release(now_ns):
            receive(late, now_ns)
        return more
