"""A stranger that listens to what cells say to each other, so that tests can see a swarm without its panel."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import zmq
from numpy.typing import NDArray

from cellnode.frame import Frame, decode


class Wiretap:
    """Subscribes to every cell's socket below `endpoints`; `states` keeps the last int8 state said by each."""

    def __init__(self, endpoints: Path, height: int, width: int, tag: int) -> None:
        self._tag, self._width = tag, width
        self.states: NDArray[np.int8] = np.zeros((height, width, 16), np.int8)
        self.frames = 0
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.RCVHWM, 0)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.SUBSCRIBE, b"")
        for path in endpoints.iterdir():
            self._socket.connect(f"ipc://{path}")

    def listen(self, seconds: float) -> None:
        """Take what is said for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._socket.poll(int(left * 1000) + 1):
                frame = decode(self._socket.recv(), self._tag)
                if isinstance(frame, Frame):
                    self.frames += 1
                    values = np.frombuffer(frame.values, np.int8)
                    self.states[frame.cell // self._width, frame.cell % self._width] = values

    def close(self) -> None:
        self._context.destroy(linger=0)
