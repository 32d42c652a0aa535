"""A cell's two ZeroMQ sockets: the PUB it speaks on, and the SUB that brings its neighbours' latest words.

Both conflate (libzmq keeps the latest message of EACH peer), so a slow cell never works through old states. While a
link fault lies on the incoming edges, the SUB is made anew without conflation, with a bounded queue, so that each
message meets its own fate. Which frames are good is the cell's business. Imports pyzmq, `cellnode.control` and
`cellnode.linkfault`.
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

Context = zmq.Context[zmq.Socket[bytes]]
Receive = Callable[[bytes, int], None]


def make_context() -> Context:
    """A context for two sockets; only ever made after the fork."""
    context: Context = zmq.Context(io_threads=1)
    context.set(zmq.MAX_SOCKETS, 8)
    return context


def bind_publisher(context: Context, endpoint: str) -> zmq.Socket[bytes]:
    """The PUB, bound in place of whatever a predecessor left at `endpoint`."""
    publisher = context.socket(zmq.PUB)
    publisher.setsockopt(zmq.CONFLATE, 1)
    publisher.setsockopt(zmq.LINGER, 0)
    publisher.setsockopt(zmq.MAXMSGSIZE, MESSAGE_MAX)
    publisher.bind(endpoint)
    return publisher


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
                self._socket.connect(endpoint)
        self._links = wanted

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

    def fileno(self) -> int:
        """Becomes readable when something may have come; edge-triggered, so drain before waiting for it."""
        return int(self._socket.getsockopt(zmq.FD))

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
