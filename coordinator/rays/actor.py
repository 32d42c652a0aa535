"""What Ray starts on a machine: an actor with one child process, the porter of a host. It never forks a cell itself.

When the child ends by itself in any way but a good one, so does the actor, and Ray starts it again, here or elsewhere;
when the actor ends, the kernel ends the child. Imports the standard library alone: it is carried to other machines.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading


class Host:
    """One host; `words`: the options of its porter, but where it lives, `home` below the runtime root there.

    With a `token` (a file's text) it makes a key of its own on this machine, and is listed by showing that.
    """

    def __init__(self, words: list[str], home: str, token: str = "") -> None:
        from cellnode.runtime import root

        command = [sys.executable, "-m", "cellnode.porterdoor", *words, "--runtime", str(root() / home)]
        self._keys = root() / f"{home}-keys"
        if token:
            self._keys.mkdir(mode=0o700, parents=True, exist_ok=True)
            shown = self._keys / "join.token"
            shown.touch(mode=0o600)
            shown.write_text(token)
            command += ["--keys", str(self._keys), "--token", str(shown)]
        self._child = subprocess.Popen([*command, "--parent", str(os.getpid())], stdin=subprocess.DEVNULL)
        threading.Thread(target=self._watch, name="planaria-child", daemon=True).start()

    def _watch(self) -> None:
        code = self._child.wait()
        if code != 0:  # 0: its run is over
            os._exit(1)
        shutil.rmtree(self._keys, ignore_errors=True)

    def pid(self) -> int:
        """Of the child; 0: it has ended."""
        return self._child.pid if self._child.poll() is None else 0
