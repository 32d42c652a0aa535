"""The hatch of a porter: a socket in its private directory at which others on this machine may ask how it is.

Whoever connects is answered with one line of JSON and let go; nothing is read, so nothing can be commanded. Imports the
standard library only: a health check asks every few seconds.
"""

from __future__ import annotations

import contextlib
import json
import socket
import time
from pathlib import Path
from typing import Any

NAME = "ask"  # in the host's home
WAIT_S = 5.0
ANSWER_MAX = 4096  # bytes


class Hatch:
    """Bound below `home`, which only this user can enter."""

    def __init__(self, home: Path) -> None:
        path = home / NAME
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        self._socket.bind(str(path))
        self._socket.listen(8)

    def fileno(self) -> int:
        return self._socket.fileno()

    def answer(self, facts: dict[str, Any]) -> None:
        """Whoever waits there; who does not read at once gets nothing."""
        line = json.dumps(facts).encode() + b"\n"
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                with connection, contextlib.suppress(OSError):
                    connection.setblocking(False)
                    connection.send(line)

    def close(self) -> None:
        self._socket.close()


def ask(home: Path) -> dict[str, Any]:
    """What the porter there answers. Raises OSError or ValueError when it does not."""
    end_s = time.monotonic() + WAIT_S
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(WAIT_S)
        while True:
            try:
                connection.connect(str(home / NAME))
                break
            except BlockingIOError:  # others stand there already
                if time.monotonic() > end_s:
                    raise
                time.sleep(0.05)
        found = json.loads(connection.recv(ANSWER_MAX))
    if not isinstance(found, dict):
        raise ValueError("no answer of a porter")
    return found
