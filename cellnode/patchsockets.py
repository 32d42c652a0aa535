"""A patch's ZeroMQ sockets: a PUB for each patch around it, and one SUB that brings what those say to it.

The messages are those of single cells, one frame each, and name their speaker. A PUB carries only what its one listener
needs. Nothing conflates, for here the latest message of a peer is not the latest of each of its cells: queues are
bounded, and emptied many times an interval. Which frames are good is the realm's business. Imports pyzmq and
`cellnode.links`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence

import zmq

from cellnode.links import RECONNECT_LONGEST_MS, RECONNECT_MS
from cellnode.patchcontrol import Peer
from cellnode.quickrecv import MESSAGE_MAX, taker

QUEUE = 4096  # frames that wait for one listener, or of one speaker; more are lost, the newest first

Context = zmq.Context[zmq.Socket[bytes]]


def make_context() -> Context:
    """A context for the sockets of one patch; only ever made after the fork."""
    context: Context = zmq.Context(io_threads=1)
    context.set(zmq.MAX_SOCKETS, 16)  # on a torus, too, no more than 8 patches lie around one
    return context


class Mouths:
    """Everyone who is to hear this patch, each at an endpoint of its own."""

    def __init__(self, context: Context, endpoints: dict[int, str]) -> None:
        self._sockets = {peer: _publisher(context, endpoint) for peer, endpoint in endpoints.items()}

    def say(self, peers: Sequence[int], frame: bytes) -> None:
        for peer in peers:
            self._sockets[peer].send(frame, zmq.NOBLOCK)


def _publisher(context: Context, endpoint: str) -> zmq.Socket[bytes]:
    socket = context.socket(zmq.PUB)
    socket.setsockopt(zmq.SNDHWM, QUEUE)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.MAXMSGSIZE, MESSAGE_MAX)
    socket.bind(endpoint)
    return socket


class Ears:
    """The SUB, and to whom it is connected."""

    def __init__(self, context: Context) -> None:
        self._socket = context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.RCVHWM, QUEUE)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, MESSAGE_MAX)
        self._socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
        self._socket.setsockopt(zmq.SUBSCRIBE, b"")
        self._take = taker(self._socket)
        self._peers: dict[str, Peer] = {}

    def wire(self, peers: Iterable[Peer], interval_ns: int) -> None:
        """Make the connections what they should be; those that need no change are left alone."""
        longest_ms = min(RECONNECT_LONGEST_MS, max(RECONNECT_MS, 2 * interval_ns // 1_000_000))
        self._socket.setsockopt(zmq.RECONNECT_IVL_MAX, longest_ms)
        wanted = {peer.endpoint: peer for peer in peers}
        for endpoint, peer in list(self._peers.items()):
            if wanted.get(endpoint) != peer:
                with contextlib.suppress(zmq.ZMQError):  # libzmq has cut it already, for an oversized message
                    self._socket.disconnect(endpoint)
                del self._peers[endpoint]
        for endpoint in wanted.keys() - self._peers.keys():
            self._socket.connect(endpoint)
        self._peers = wanted

    def fileno(self) -> int:
        """Becomes readable when something may have come; edge-triggered, so drain before waiting for it."""
        return int(self._socket.getsockopt(zmq.FD))

    def drain(self) -> list[bytes]:
        """Everything that has come."""
        messages, take = list[bytes](), self._take
        while (message := take()) is not None:
            messages.append(message)
        return messages
