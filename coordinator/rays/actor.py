"""What Ray starts on a machine: an actor with one child process, the porter of a host. It never forks a cell itself.

When the child ends by itself in any way but a good one, so does the actor, and Ray starts it again, here or elsewhere;
when the actor ends, the kernel ends the child. Imports the standard library alone: it is carried to other machines.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading


class Host:
    """One host; `words`: the options of its porter, but where it lives, `home` below the runtime root there."""

    def __init__(self, words: list[str], home: str) -> None:
        from cellnode.runtime import root

        command = [sys.executable, "-m", "cellnode.porterdoor", *words, "--runtime", str(root() / home)]
        self._child = subprocess.Popen([*command, "--parent", str(os.getpid())], stdin=subprocess.DEVNULL)
        threading.Thread(target=self._watch, name="planaria-child", daemon=True).start()

    def _watch(self) -> None:
        code = self._child.wait()
        if code != 0:  # 0: its run is over
            os._exit(1)

    def pid(self) -> int:
        """Of the child; 0: it has ended."""
        return self._child.pid if self._child.poll() is None else 0
