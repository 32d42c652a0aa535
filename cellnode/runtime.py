"""The runtime directory of one run on one host: which file is where, who holds which lock, and the sweep of what is
left.

    agent.lock    held by the agent while it lives          panel      the shared memory
    cells.lock    held by every cell and the zygote         c/<cell>   a cell's PUB (ipc)
    coordinator.sock, coordinator.lock                      k/<cell>   a cell's control socket (Unix datagrams)
    c/<a>-<b>     a patch's PUB for another patch           k/<patch>  a patch's control socket
    agent.log                                               rings      black boxes, where a run is recorded
    board-<cell>.lock   held by a bridge (leases.py)

Locks are `flock`s, so the kernel lets go of them when their holders die, however they die. Nothing here starts or kills
a process; it may import the standard library and `firmware_sim.errors`.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from firmware_sim.errors import BadInput, RunFailed

MAX_PATH = 99  # bytes; a Unix socket's address holds 107 and libzmq adds nothing, the rest is reserve
MAX_CELL = 16_777_215  # the longest cell number a path is checked for (topology.CELLS_MAX - 1)
_RUN = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def root() -> Path:
    """Where runs live: $PLANARIA_RUNTIME_DIR, or a private folder in the first writable of /dev/shm, XDG, /tmp."""
    given = os.environ.get("PLANARIA_RUNTIME_DIR")
    if given:
        return Path(given)
    name = f"planaria-{os.getuid()}"
    for base in ("/dev/shm", os.environ.get("XDG_RUNTIME_DIR", ""), "/tmp"):
        if base and Path(base).is_dir() and os.access(base, os.W_OK | os.X_OK):
            return Path(base) / name
    raise BadInput("no writable /dev/shm, $XDG_RUNTIME_DIR or /tmp; set PLANARIA_RUNTIME_DIR to a short private folder")


@dataclass(frozen=True, slots=True)
class Runtime:
    """The paths of one run's directory; makes and removes nothing by itself."""

    path: Path

    @staticmethod
    def of_run(run: str) -> Runtime:
        """The directory of run `run` below `root()`; raises BadInput for a name that is no plain file name."""
        if not _RUN.fullmatch(run) or run in (".", ".."):
            raise BadInput(f"run {run!r} is no valid name; expected letters, digits, '_', '.' and '-', at most 64")
        return Runtime(root() / run)

    @property
    def agent_lock(self) -> Path:
        return self.path / "agent.lock"

    @property
    def cells_lock(self) -> Path:
        return self.path / "cells.lock"

    @property
    def coordinator_lock(self) -> Path:
        return self.path / "coordinator.lock"

    def board_lock(self, cell: int) -> Path:
        """Held by the bridge that has put a board in this cell's place."""
        return self.path / f"board-{cell}.lock"

    @property
    def panel(self) -> Path:
        return self.path / "panel"

    @property
    def rings(self) -> Path:
        return self.path / "rings"

    @property
    def log(self) -> Path:
        return self.path / "agent.log"

    @property
    def coordinator_endpoint(self) -> str:
        return f"ipc://{self.path}/coordinator.sock"

    def publisher_path(self, cell: int) -> Path:
        return self.path / "c" / str(cell)

    def endpoint(self, cell: int) -> str:
        """Where the PUB of this cell is bound, as libzmq wants it."""
        return f"ipc://{self.path}/c/{cell}"

    def edge_endpoint(self, patch: int, peer: int) -> str:
        """Where the PUB is bound on which this patch speaks to that one."""
        return f"ipc://{self.path}/c/{patch}-{peer}"

    def control_path(self, cell: int) -> str:
        return f"{self.path}/k/{cell}"

    def create(self) -> None:
        """Make the directory (0700) and its parts; raises BadInput when it is another's, or its path is too long."""
        names = (self.control_path(MAX_CELL), f"{self.path}/coordinator.sock", f"{self.path}/c/{MAX_CELL}-{MAX_CELL}")
        longest = max(len(os.fsencode(name)) for name in names)
        if longest > MAX_PATH:
            raise BadInput(
                f"runtime directory {self.path} is too long for Unix sockets ({longest} bytes with a cell's name, "
                f"at most {MAX_PATH}); set PLANARIA_RUNTIME_DIR to a shorter one"
            )
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.mkdir(mode=0o700, exist_ok=True)
            status = self.path.lstat()
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
                raise BadInput(f"runtime directory {self.path} is not a directory of this user; choose another")
            self.path.chmod(0o700)
            for part in ("c", "k"):
                (self.path / part).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise BadInput(f"runtime directory {self.path} cannot be made: {error.strerror}") from error

    def forget_cell(self, cell: int) -> None:
        """Remove the socket files of a dead cell."""
        for path in (self.publisher_path(cell), Path(self.control_path(cell))):
            path.unlink(missing_ok=True)

    def forget_patch(self, patch: int, peers: Iterable[int]) -> None:
        """Remove the socket files of a dead patch."""
        Path(self.control_path(patch)).unlink(missing_ok=True)
        for peer in peers:
            (self.path / "c" / f"{patch}-{peer}").unlink(missing_ok=True)

    def sweep(self, wait_s: float = 10.0) -> None:
        """Remove what a dead predecessor left, once its last cell is gone. Only while holding the agent's lock."""
        wait_until_unheld(self.cells_lock, wait_s)
        self.panel.unlink(missing_ok=True)
        self.rings.unlink(missing_ok=True)
        for part in ("c", "k"):
            shutil.rmtree(self.path / part, ignore_errors=True)
            (self.path / part).mkdir(mode=0o700, exist_ok=True)

    def remove(self) -> None:
        """Remove the whole directory, and the folder of runs if this was the last one."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self.path.parent == root():
            try:
                self.path.parent.rmdir()
            except OSError:
                return  # other runs live there


def try_lock(path: Path, *, shared: bool = False) -> int | None:
    """An open descriptor that holds the flock on `path`, or None while another holds it. Closing it lets go."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def claim(path: Path) -> int | None:
    """As `try_lock`, and the file says who holds it."""
    descriptor = try_lock(path)
    if descriptor is not None:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def wait_until_unheld(path: Path, wait_s: float) -> None:
    """Wait until nobody holds the lock on `path`; raises RunFailed when somebody still does after `wait_s`."""
    deadline = time.monotonic() + wait_s
    while True:
        descriptor = try_lock(path)
        if descriptor is not None:
            os.close(descriptor)
            return
        if time.monotonic() > deadline:
            raise RunFailed(f"cells of an earlier agent still hold {path} after {wait_s:g} s; look for them with fuser")
        time.sleep(0.02)
