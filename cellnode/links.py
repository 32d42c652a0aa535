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

from cellnode.control import Link
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
PEERS_MAX = 64  # connections that wait to be taken in by a bound TCP socket

Context = zmq.Context[zmq.Socket[bytes]]
Receive = Callable[[bytes, int], None]


def make_context() -> Context:
    """A context for a cell's few sockets; only ever made after the fork."""
    context: Context = zmq.Context(io_threads=1)
    context.set(zmq.MAX_SOCKETS, 8)
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

    def open_door(self, address: str, port: int) -> int:
        """Bind TCP at this address, at `port` if it is free (0: at any); returns the port."""
        far = _publisher(self._context)
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

    def send(self, frame: bytes) -> None:
        self._near.send(frame, zmq.NOBLOCK)
        if self._far is not None:
            self._far.send(frame, zmq.NOBLOCK)


class Ears:
    """The SUB, its links and the faults on them."""

    def __init__(self, context: Context, cell: int, tag: int, interval_ns: int, counters: Tally) -> None:
        self._context, self._counters = context, counters
        self._gate = Gate(cell, tag, interval_ns, counters)
        self._links: dict[str, Link] = {}
        self._conflating = True
        self._socket = self._make()
        self._take = taker(self._socket)

    def wire(self, links: list[Link], faults: list[LinkFault], interval_ns: int, now_ns: int = 0) -> None:
        """Make the connections what they should be; those that need no change are left alone."""
        self._gate.interval_ns = interval_ns
        around = {link.slot: link.cell for link in links}
        self._gate.wire([around.get(slot, -1) for slot in range(8)])
        self._gate.set_faults(faults, now_ns)
        conflating = not any(fault.kind in KINDS for fault in faults)
        if conflating is not self._conflating:
            self._conflating = conflating
            self._socket.close(0)
            self._links = {}
            self._socket = self._make()
            self._take = taker(self._socket)
        longest_ms = min(RECONNECT_LONGEST_MS, max(RECONNECT_MS, 2 * interval_ns // 1_000_000))
        self._socket.setsockopt(zmq.RECONNECT_IVL_MAX, longest_ms)  # for connections made from now on
        wanted = {link.endpoint: link for link in links}
        for endpoint in self._links.keys() - wanted.keys():
            self._disconnect(endpoint)
        for endpoint, link in wanted.items():
            known = self._links.get(endpoint)
            if known is not None and (known.epoch, known.life) != (link.epoch, link.life):
                self._disconnect(endpoint)  # a new process is bound there: do not wait for the next attempt
                known = None
            if known is None:
                self._connect(endpoint)
        self._links = wanted

    def _connect(self, endpoint: str) -> None:
        # The options of a connection are those at its beginning: within a host no heartbeat is needed.
        far = endpoint.startswith(TCP)
        self._socket.setsockopt(zmq.HEARTBEAT_IVL, PULSE_MS if far else 0)
        self._socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, DEAD_MS)
        self._socket.connect(endpoint)

    def _disconnect(self, endpoint: str) -> None:
        with contextlib.suppress(zmq.ZMQError):  # libzmq has cut it already, for an oversized message
            self._socket.disconnect(endpoint)

    def _make(self) -> zmq.Socket[bytes]:
        socket = self._context.socket(zmq.SUB)
        if self._conflating:
            socket.setsockopt(zmq.CONFLATE, 1)
        else:
            socket.setsockopt(zmq.RCVHWM, QUEUE)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.MAXMSGSIZE, MESSAGE_MAX)
        socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
        socket.setsockopt(zmq.SUBSCRIBE, b"")  # exactly one: conflation would keep only the last
        return socket

    def descriptors(self) -> list[int]:
        """Become readable when something may have come; edge-triggered, so drain before waiting for them."""
        return [int(self._socket.getsockopt(zmq.FD))]

    @property
    def next_due_ns(self) -> int | None:
        """When the next frame held back by a fault is due."""
        return self._gate.next_due_ns

    def shift(self, ns: int) -> None:
        """All clocks stood still for `ns`: so did what is on its way."""
        self._gate.shift(ns)

    def drain(self, receive: Receive, now_ns: int) -> None:
        """Hand over everything that has come, until nothing is left."""
        if self._gate.active:
            self._drain_faulty(receive, now_ns)
            return
        take = self._take
        while (message := take()) is not None:
            receive(message, now_ns)

    def _drain_faulty(self, receive: Receive, now_ns: int) -> None:
        while True:
            try:
                parts = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            if len(parts) > 1:  # while conflating, libzmq itself keeps only the last part
                self._counters[Counter.RECEIVED] += 1
                self._counters[Counter.DROP_SIZE] += 1
                continue
            passed = self._gate.admit(parts[0], now_ns)
            if passed is not None:
                receive(passed, now_ns)
        for late in self._gate.release(now_ns):
            receive(late, now_ns)
