"""The page beside a run: its server as a process of its own, which ends with the command that started it.

The socket is bound here, before anything is launched, so that an address that cannot be had is told at once; the server
inherits it. The token goes through a pipe, never on a command line; when the pipe closes, however we ended, so does the
server. May import cellnode's path and serve's address only.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import coordinator
from coordinator.serve import address
from coordinator.serve.address import Address

END_S = 5.0


class Page:
    """Bind with `Page(address)`; `open` starts the server of a run, in the place of an earlier one; `close` ends it and
    gives the address back. `begins`: the run's owner puts another pattern in its place when asked."""

    pace: None = None  # real time passes by itself

    def __init__(self, where: Address, begins: bool = False) -> None:
        self._begins = begins
        self._names, self._token = where.names, address.new_token()
        self._listening = where.bind()
        self.url = address.url(self._listening, self._token)
        self._process: subprocess.Popen[bytes] | None = None

    def open(self, folder: Path) -> None:
        """Serve this run from now on; what the server has to say goes to page.log in the run folder. Whoever comes
        before it is up waits at the socket."""
        self._end()
        descriptor = self._listening.fileno()
        home = str(Path(coordinator.__file__).resolve().parent.parent)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))}
        command = [sys.executable, "-m", "coordinator.serve", str(folder.resolve())]
        with (folder / "page.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=[descriptor],
                start_new_session=True,
                env=environment,
            )
        assert self._process.stdin is not None
        wish = {"descriptor": descriptor, "token": self._token, "names": list(self._names), "begins": self._begins}
        self._process.stdin.write(json.dumps(wish).encode() + b"\n")
        self._process.stdin.flush()

    @property
    def pid(self) -> int:
        """The server's process; 0 when there is none."""
        return 0 if self._process is None else self._process.pid

    def close(self) -> None:
        """End the server, by force if it does not hear."""
        self._listening.close()
        self._end()

    def _end(self) -> None:
        if self._process is None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
