"""The three words Linux has for "nothing outlives its parent", by ctypes: parent-death signal, child subreaper, and
memory.

A parent-death signal set after the parent died never fires, so the parent is checked again after setting it. This file
never forks or kills anything itself; it may import the standard library only, and works on Linux only.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None, use_errno=True)  # opened once: every cell calls it just after its fork


def _prctl(option: int, argument: int) -> None:
    if _LIBC.prctl(option, ctypes.c_ulong(argument), 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"prctl({option}, {argument}): {os.strerror(error)}")


def die_with_parent(parent: int) -> None:
    """SIGKILL for this process when `parent` dies; leaves at once if it is dead already: no signal would come."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def become_subreaper() -> None:
    """Orphaned descendants become children of this process, which can then wait until the last of them is gone."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def set_process_name(name: str) -> None:
    """What `ps -o comm` and /proc/PID/comm show for this process, at most 15 bytes."""
    _LIBC.prctl(_PR_SET_NAME, ctypes.c_char_p(name.encode()[:15]), 0, 0, 0)


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open files to the hard one; returns the limit now in force."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
