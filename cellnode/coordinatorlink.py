"""The agent's line to whoever coordinates: one DEALER that reconnects for ever and never blocks or hoards.

What cannot be sent now is dropped: a coordinator that was away asks anew or sees the next beat. It understands no
message. May import pyzmq, `cellnode.curve` and `cellnode.messages`.
"""

from __future__ import annotations

import zmq
from zmq.utils.monitor import recv_monitor_message

from cellnode import curve
from cellnode.curve import HostKeys
from cellnode.messages import Report, encode

MAX_MESSAGE = 8 << 20  # a rule of 1 MiB and a placement of the largest host fit
HIGH_WATER = 1000
LINGER_MS = 1000  # for the last answer
PULSE_MS, DEAD_MS = 500, 2000  # ZMTP heartbeats over TCP: a machine that was cut off says no goodbye


class CoordinatorLink:
    """Connects at once, or whenever somebody binds the endpoint."""

    def __init__(self, endpoint: str, keys: HostKeys | None = None) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context(io_threads=1)
        self._endpoint = endpoint
        self._connect(keys)

    def _connect(self, keys: HostKeys | None) -> None:
        endpoint = self._endpoint
        dealer = self._context.socket(zmq.DEALER)
        dealer.setsockopt(zmq.IMMEDIATE, 1)  # queue nothing for a coordinator that is not there
        dealer.setsockopt(zmq.LINGER, LINGER_MS)
        dealer.setsockopt(zmq.SNDHWM, HIGH_WATER)
        dealer.setsockopt(zmq.RCVHWM, HIGH_WATER)
        dealer.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE)
        dealer.setsockopt(zmq.RECONNECT_IVL, 100)
        dealer.setsockopt(zmq.RECONNECT_IVL_MAX, 400)
        if endpoint.startswith("tcp://"):
            dealer.setsockopt(zmq.HEARTBEAT_IVL, PULSE_MS)
            dealer.setsockopt(zmq.HEARTBEAT_TIMEOUT, DEAD_MS)
        if keys is not None:
            curve.call(dealer, keys.own, keys.coordinator)
        self._monitor = dealer.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        dealer.connect(endpoint)
        self._dealer = dealer
        self._poller = zmq.Poller()
        self._poller.register(dealer, zmq.POLLIN)
        self._poller.register(self._monitor, zmq.POLLIN)

    def poll(self, descriptors: dict[int, int], timeout_ms: int) -> set[int]:
        """Wait until something has come here, or at one of `descriptors` (with what to wait for); which of those."""
        for descriptor, events in descriptors.items():
            self._poller.register(descriptor, events)
        try:
            ready = dict(self._poller.poll(timeout_ms))
        finally:
            for descriptor in descriptors:
                self._poller.unregister(descriptor)
        return {descriptor for descriptor in descriptors if descriptor in ready}

    def connected_anew(self) -> bool:
        """A connection was made since last asked: perhaps to a new coordinator, who knows nothing."""
        anew = False
        while self._monitor.poll(0):
            recv_monitor_message(self._monitor)
            anew = True
        return anew

    def receive(self) -> list[bytes]:
        """Single-part messages that have come."""
        messages: list[bytes] = []
        while True:
            try:
                parts = self._dealer.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return messages
            if len(parts) == 1:
                messages.append(parts[0])

    def send(self, report: Report) -> bool:
        """True when it is on its way; False when nobody is there or the queue is full."""
        return self.send_bytes(encode(report))

    def send_bytes(self, data: bytes) -> bool:
        """The same for a message of another kind."""
        try:
            self._dealer.send(data, zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def renew(self, keys: HostKeys) -> None:
        """Let go, and call anew with these keys."""
        self._let_go()
        self._connect(keys)

    def close(self) -> None:
        """Give the last answer its time, then let go."""
        self._let_go()
        self._context.term()

    def _let_go(self) -> None:
        self._dealer.disable_monitor()
        self._monitor.close(0)
        self._dealer.close()
