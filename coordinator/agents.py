"""The agent as a process: start it in a session of its own, know for sure whether it lives, and clean up after it.

An agent is addressed by a pidfd, never by a bare process id. Speaks no messages. May import cellnode.runtime.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cellnode
from cellnode.runtime import Runtime, try_lock
from firmware_sim.errors import RunFailed


def start(runtime: Runtime, run: str, name: str) -> subprocess.Popen[bytes]:
    """Start `python -m cellnode.agent` for this run, in a session of its own (so it need not fork): it outlives us."""
    command = [sys.executable, "-m", "cellnode.agent", "--run", run, "--runtime", str(runtime.path)]
    command += ["--connect", runtime.coordinator_endpoint, "--name", name, "--foreground"]
    home = str(Path(cellnode.__file__).resolve().parent.parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))}
    with runtime.log.open("ab") as log:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=environment
        )


class Watched:
    """A process held by its pidfd: whether it lives cannot be mistaken for another of the same number."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        try:
            self._descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            self._descriptor = -1

    def alive(self) -> bool:
        return self._descriptor >= 0 and not self._ended(0)

    def wait(self, timeout_s: float) -> bool:
        """True once it has ended."""
        return self._descriptor < 0 or self._ended(timeout_s)

    def kill(self) -> None:
        if self._descriptor >= 0:
            try:
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
            except ProcessLookupError:
                return  # it ended by itself

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _ended(self, timeout_s: float) -> bool:
        return bool(select.select([self._descriptor], [], [], timeout_s)[0])


def is_held(lock: Path) -> bool:
    """Whether somebody holds this lock (looked at for a moment, then let go)."""
    if not lock.exists():
        return False
    descriptor = try_lock(lock)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def sweep(runtime: Runtime, wait_s: float = 10.0) -> None:
    """Remove all that a run left after its agent died. Raises RunFailed while an agent lives."""
    if not runtime.path.is_dir():
        return
    deadline = time.monotonic() + wait_s
    lock = try_lock(runtime.agent_lock)
    while lock is None:
        if time.monotonic() > deadline:
            raise RunFailed(f"an agent still holds {runtime.agent_lock}; nothing was removed")
        time.sleep(0.05)
        lock = try_lock(runtime.agent_lock)
    try:
        runtime.sweep(wait_s)
        runtime.remove()
    finally:
        os.close(lock)


def await_join(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path, timeout_s: float) -> None:
    """Wait until the agent has said Join; RunFailed tells its last words when it died instead."""
    deadline = time.monotonic() + timeout_s
    while not ready():
        if process.poll() is not None:
            raise RunFailed(f"the agent ended with code {process.returncode}: {last_words(log)}")
        if time.monotonic() > deadline:
            raise RunFailed(f"the agent has not called within {timeout_s:g} s: {last_words(log)}")
        time.sleep(0.01)


def last_words(log: Path) -> str:
    """The last line of the agent's log."""
    try:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    except OSError:
        lines = []
    return lines[-1] if lines else f"it left nothing in {log}"
