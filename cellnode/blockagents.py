"""The agents of a host: one process for each block of the grid that the host was given, started, killed and reaped.

An agent that has died by itself is spent: its block does not come again under that number. Knows no coordinator. When
the host's process dies, the kernel kills its agents, and they their cells. May import cellnode.runtime.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from cellnode.runtime import Runtime
from firmware_sim.errors import RunFailed

SWEEP_S = 10.0


class BlockAgents:
    """By placement epoch, in folders below `home`; `words`: what every agent's command line ends with."""

    def __init__(self, home: Path, words: list[str]) -> None:
        self._home, self._words = home, words
        self._agents: dict[int, subprocess.Popen[bytes]] = {}
        self._spent: set[int] = set()

    @property
    def blocks(self) -> list[int]:
        """Those that live."""
        return sorted(self._agents)

    @property
    def spent(self) -> list[int]:
        """Those that have died by themselves."""
        return sorted(self._spent)

    def begin(self, epoch: int, run: str, name: str, address: str) -> None:
        """Start the agent of this block, unless it lives, or has died before."""
        if epoch in self._agents or epoch in self._spent:
            return
        runtime = self._runtime(epoch)
        runtime.create()
        command = [sys.executable, "-m", "cellnode.agent", "--run", run, "--runtime", str(runtime.path)]
        command += ["--name", name, "--address", address, "--parent", str(os.getpid()), "--foreground", *self._words]
        with runtime.log.open("ab") as log:
            self._agents[epoch] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def end(self, epoch: int) -> None:
        """SIGKILL the agent, and so its cells; returns when none is left."""
        agent = self._agents.pop(epoch)
        if agent.returncode is None:
            agent.kill()
            agent.wait()
        self._sweep(epoch)

    def end_all(self) -> None:
        for epoch in self.blocks:
            self.end(epoch)

    def forget(self) -> None:
        """Blocks of any number may come again."""
        self._spent.clear()

    def reap(self, died: Callable[[int, str], None]) -> None:
        """Notice agents that died: `died` is told the block and the last words. As process 1 of a container, reap
        strangers, too."""
        by_pid = {agent.pid: epoch for epoch, agent in self._agents.items()}
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0] != 0:
                epoch = by_pid.get(found[0])
                if epoch is None:
                    continue
                self._agents.pop(epoch).returncode = os.waitstatus_to_exitcode(found[1])
                self._spent.add(epoch)
                died(epoch, self._last_words(epoch))
                self._sweep(epoch)

    def _last_words(self, epoch: int) -> str:
        try:
            lines = self._runtime(epoch).log.read_text(errors="replace").splitlines()
        except OSError:
            lines = []
        return f"its last words: {lines[-1]}" if lines else "it left no word"

    def _sweep(self, epoch: int) -> None:
        runtime = self._runtime(epoch)
        if runtime.path.is_dir():
            runtime.sweep(SWEEP_S)
            shutil.rmtree(runtime.path, ignore_errors=True)

    def _runtime(self, epoch: int) -> Runtime:
        return Runtime(self._home / str(epoch))


def sweep_home(home: Path) -> None:
    """Remove what a porter that was killed has left, once its last cell is gone. Only while holding the lock."""
    for path in sorted(home.iterdir()) if home.is_dir() else ():
        if path.is_dir():
            runtime = Runtime(path)
            with contextlib.suppress(FileNotFoundError):
                runtime.sweep(SWEEP_S)
            shutil.rmtree(path, ignore_errors=True)
    if any(path.is_dir() for path in home.iterdir()):
        raise RunFailed(f"{home} holds blocks of an earlier agent that cannot be removed")
