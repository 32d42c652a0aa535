"""The agent's end of its zygote: start one, give it orders, hear its news, and make sure that all of it is gone.

The agent is a child subreaper, so cells whose zygote died become its children; "gone" means that the kernel knows no
child any more, not that a signal was sent. One zygote a `ZygoteLink`; a replacement is a new one. It decides nothing
about cells. May import the standard library and `cellnode.zygote_wire`.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from cellnode.messages import RulePayload
from cellnode.zygote_wire import Birth, Fork, Framed, News, Outfit, Plan, Prepare, Signal, decode_news
from firmware_sim.errors import RunFailed

# One thread and one malloc arena a process: memory that is multiplied by thousands.
ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    "PYTHONHASHSEED": "0",
}
GONE_WITHIN_S = 20.0


class ZygoteLink:
    """A running zygote process."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        command = [
            sys.executable,
            "-m",
            "cellnode.zygote",
            "--socket",
            str(theirs.fileno()),
            "--agent",
            str(os.getpid()),
        ]
        with theirs:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, env={**os.environ, **ENVIRONMENT}, pass_fds=(theirs.fileno(),)
            )
        self._framed = Framed(ours)
        self.ready = False  # the rule is loaded, forking may begin
        self.lost = False
        self._reaped = False

    @property
    def pid(self) -> int:
        return self._process.pid

    def fileno(self) -> int:
        return self._framed.fileno()

    @property
    def poll_events(self) -> int:
        """What to poll its descriptor for."""
        return select.POLLIN | (select.POLLOUT if self._framed.wants_write else 0)

    def prepare(self, plan: Plan) -> None:
        self._send(Prepare(plan))

    def outfit(self, cells: list[int], rule: RulePayload | None) -> None:
        self._send(Outfit(cells, rule))

    def fork(self, births: list[Birth]) -> None:
        self._send(Fork(births))

    def signal(self, id: int, indices: list[int], number: int) -> None:
        self._send(Signal(id, indices, number))

    def _send(self, order: Prepare | Outfit | Fork | Signal) -> None:
        if self.lost:
            return
        try:
            self._framed.send(order)
        except OSError:
            self.lost = True

    def news(self) -> list[News]:
        """Everything it has said since; sets `lost` when it is gone."""
        if self.lost:
            return []
        with contextlib.suppress(OSError):
            self._framed.flush()
        messages, alive = self._framed.receive()
        self.lost = not alive
        return [decode_news(message) for message in messages]

    def reap(self) -> None:
        """Reap whoever has died: the zygote, or a stranger that the kernel gave us (as process 1 of a container)."""
        with contextlib.suppress(ChildProcessError):
            while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
                if pid == self.pid:
                    self._reaped = self.lost = True

    def end(self) -> None:
        """Kill it, and with it (by their parent-death signal) all its cells; returns when the last one is reaped."""
        self.lost = True
        if not self._reaped:
            os.kill(self.pid, signal.SIGKILL)  # our child, not reaped: the id is its own
        self._framed.close()
        reap_all(self._process.pid)
        self._process.returncode = -signal.SIGKILL  # reaped above; keeps Popen from waiting for it again


def reap_all(zygote: int) -> None:
    """Wait until no child is left; after half the time, kill each one that still is by hand. Raises RunFailed."""
    started = time.monotonic()
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid:
            continue
        waited = time.monotonic() - started
        if waited > GONE_WITHIN_S:
            raise RunFailed(f"cells of zygote {zygote} are not gone {GONE_WITHIN_S:g} s after SIGKILL")
        if waited > GONE_WITHIN_S / 2:
            for child in children():
                os.kill(child, signal.SIGKILL)
        time.sleep(0.005)


def children(pid: int | None = None) -> list[int]:
    """Process ids of the children of a process, None: of this one's that are not reaped, and so cannot mean anything
    else."""
    tasks = Path(f"/proc/{pid or 'self'}/task")
    return [int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()]
