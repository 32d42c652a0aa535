"""Signals in a loop that polls: each wakes it, those that ask a process to leave are told, a dead child is not missed.

For the main thread of a process, once. Imports the standard library.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable


class Wakeup:
    """Poll `fileno()` for reading and `drain()` it; `leave` is called at SIGTERM, SIGINT and SIGHUP."""

    def __init__(self, leave: Callable[[], None]) -> None:
        self._read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: leave())
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def fileno(self) -> int:
        return self._read

    def drain(self) -> None:
        """What has been woken for is seen to."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._read, 4096)
