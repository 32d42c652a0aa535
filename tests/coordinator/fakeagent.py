"""A fake agent: a DEALER that says what a test tells it to say, and keeps what it hears."""

from __future__ import annotations

import zmq

from cellnode.messages import PROTOCOL_VERSION, Beat, Command, Done, Join, Report, Welcome, decode_command, encode

PATIENCE_MS = 5000


class FakeAgent:
    """Speaks only on order; `hear` returns the next command, welcomes left out."""

    def __init__(self, endpoint: str, name: str = "host0", epoch: int = 0) -> None:
        self._context = zmq.Context()
        self.socket = self._context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(endpoint)
        self.name, self.epoch, self.welcomes = name, epoch, 0

    def say(self, report: Report) -> None:
        self.socket.send(encode(report))

    def join(self, pid: int = 1) -> None:
        self.say(
            Join(
                version=PROTOCOL_VERSION,
                agent=self.name,
                pid=pid,
                run="00c0ffee",
                coordinator_epoch=self.epoch,
                placement_epoch=0,
                runtime="/nowhere",
                panel="",
                max_cells=100,
                interval_ns=0,
                off=[],
                faults=[],
            )
        )

    def beat(self, phase: str = "running") -> None:
        self.say(Beat(self.name, phase, 1, 4, 4, 4, 4, 0, 0, 99, 0))

    def hear(self) -> Command:
        while self.socket.poll(PATIENCE_MS):
            message = decode_command(self.socket.recv())
            if not isinstance(message, Welcome):
                return message
            self.welcomes += 1
        raise AssertionError("no command came")

    def done(self, command: Command, *, missing: list[int] | None = None, error: str = "") -> None:
        self.say(Done(command.id, not (error or missing), error, missing or [], self.name))

    def close(self) -> None:
        self._context.destroy(linger=0)
