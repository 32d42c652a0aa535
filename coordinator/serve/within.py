"""The page of a run in virtual time: its server as a thread of the command that lives it, on a socket bound before.

Real processes have beside.Page instead, a process of its own. May import serve's address, app, inside and pace.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from coordinator.serve import address, app
from coordinator.serve.address import Address
from coordinator.serve.inside import Inside
from coordinator.serve.pace import Pace
from coordinator.swarm import Swarm

END_S = 5.0


class Page:
    """Bind with `Page(address, t_per_s)`; `show` serves a swarm, `close` gives the address back."""

    def __init__(self, where: Address, t_per_s: float, begins: bool = False) -> None:
        self._begins = begins
        self.pace: Pace = Pace(t_per_s)
        self._names, self._token = where.names, address.new_token()
        self._listening = where.bind()
        self.url = address.url(self._listening, self._token)
        self._thread: threading.Thread | None = None
        self._servers: list[Any] = []

    def open(self, folder: Path) -> None:
        """There is nothing to see before the swarm is up."""

    def show(self, swarm: Swarm) -> None:
        """Serve this swarm from now on, instead of the one before."""
        self._end()
        source, listening = Inside(swarm, self.pace, self._begins), self._listening.dup()
        arguments = (source, listening, self._token, self._names, self._servers.append)
        self._thread = threading.Thread(target=app.serve, args=arguments, name="planaria-page", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the server and give the address back."""
        self._end()
        self._listening.close()

    def _end(self) -> None:
        deadline = time.monotonic() + END_S
        while self._thread is not None and self._thread.is_alive() and time.monotonic() < deadline:
            for server in self._servers:  # none yet, when it has only just begun
                server.should_exit = True
            self._thread.join(0.05)
        self._thread = None
        self._servers.clear()
