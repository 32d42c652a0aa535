"""How fast this machine moves a frame: CPU time of a message over an ipc PUB/SUB pair, most of what an update costs.

Used to scale the known cost of an update where the cells themselves said too little to measure it. Takes some 50 ms and
leaves nothing behind. May import zmq.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import zmq

MESSAGES = 400
SIZE = 90  # bytes, about a frame
REFERENCE_US = 24.0  # on the machine (2 cores) where an update of a swarm of 1,600 cost 420-480 us
PATIENCE_MS = 2000


def message_us() -> float | None:
    """CPU microseconds of sending and receiving one message one at a time, both ends; None if it did not work."""
    with tempfile.TemporaryDirectory(prefix="pl-", dir="/tmp") as folder:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context(io_threads=1)
        try:
            speaker, listener = context.socket(zmq.PUB), context.socket(zmq.SUB)
            speaker.bind(f"ipc://{Path(folder) / 's'}")
            listener.connect(f"ipc://{Path(folder) / 's'}")
            listener.setsockopt(zmq.SUBSCRIBE, b"")
            return _measure(speaker, listener)
        except zmq.ZMQError:
            return None
        finally:
            context.destroy(linger=0)


def machine_factor() -> float:
    """How much slower than the reference machine this one is (1 = the same), kept within 1/4 and 4."""
    found = message_us()
    return 1.0 if found is None else min(4.0, max(0.25, found / REFERENCE_US))


def _measure(speaker: zmq.Socket[bytes], listener: zmq.Socket[bytes]) -> float | None:
    data = bytes(SIZE)
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while True:  # until the subscription has arrived
        speaker.send(data)
        if listener.poll(20):
            break
        if time.monotonic() > deadline:
            return None
    while listener.poll(20):
        listener.recv()
    before = time.process_time_ns()
    for _ in range(MESSAGES):
        speaker.send(data)
        if not listener.poll(PATIENCE_MS):
            return None
        listener.recv()
    return (time.process_time_ns() - before) / MESSAGES / 1000
