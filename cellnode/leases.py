"""A board's place among the cells is a lease: whoever bridges holds a lock, and when he is gone the cell is given back.

The holder writes a word into the lock file, so that "nobody holds it" differs from "nobody ever did": a board that was
bridged without a lease stays until it is given back by command. The kernel lets go of a lock however its holder dies.
Starts and kills nothing. May import the standard library, `cellnode.runtime` and `firmware_sim.errors`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable

from cellnode.runtime import Runtime, claim, try_lock
from firmware_sim.errors import BadInput

LOOK_NS = 500_000_000  # between two looks
TAKE_S = 2.0  # the agent holds a lock for a moment when it looks


class Lease:
    """The bridge's end, a context: held until it ends, or until this process does in any way."""

    def __init__(self, runtime: Runtime, cell: int) -> None:
        deadline = time.monotonic() + TAKE_S
        path = runtime.board_lock(cell)
        while (held := claim(path)) is None:
            if time.monotonic() > deadline:
                raise BadInput(f"cell {cell} is bridged by another process already (it holds {path})")
            time.sleep(0.05)
        self._file = held

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, *exc: object) -> None:
        os.ftruncate(self._file, 0)  # the cell has been given back
        os.close(self._file)


class Leases:
    """The agent's end."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._looked_ns = 0

    def lapsed(self, cells: Iterable[int], now_ns: int) -> list[int]:
        """Those of these cells on boards whose bridge is gone; each is told once. Looks twice a second."""
        if now_ns - self._looked_ns < LOOK_NS:
            return []
        self._looked_ns = now_ns
        return [cell for cell in cells if self._is_lapsed(cell)]

    def _is_lapsed(self, cell: int) -> bool:
        path = self._runtime.board_lock(cell)
        if not path.exists() or not path.stat().st_size:
            return False
        file = try_lock(path)
        if file is None:
            return False
        os.ftruncate(file, 0)
        os.close(file)
        return True
