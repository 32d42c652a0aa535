"""What the death of the coordinator does to a swarm: it is SIGKILLed as a process of its own, and another one attaches.

Missed wakes are read from the panel by a camera of this benchmark, in a window before and one of the same length after.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from cellnode.panel import Counter
from coordinator import Swarm
from coordinator.bench.apart import coordinator_of
from coordinator.bench.registry import Options, Row

GROWN_T = 60


def measure(options: Options) -> Iterator[Row]:
    """One row: missed wakes before and after kill -9, and the seconds until a new coordinator sees every cell."""
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "run"
        with coordinator_of(options, folder) as coordinator:
            with Swarm.attach(str(folder)) as guest:
                guest.wait(GROWN_T)
                start = missed(guest)
                time.sleep(options.window_s)
                before = missed(guest) - start
                lives, last = guest.look().lives.copy(), missed(guest)
            os.kill(coordinator.pid, signal.SIGKILL)
            coordinator.wait()
            time.sleep(options.window_s)
            begun = time.monotonic()
            with Swarm.attach(str(folder)) as successor:
                sight = successor.look()
                seen_s = time.monotonic() - begun
                row: Row = {
                    "processes": sight.alive,
                    "window_s": options.window_s,
                    "missed_wakes_before": before,
                    "missed_wakes_after": missed(successor) - last,
                    "new_coordinator_sees_all_s": round(seen_s, 2),
                    "cells_reborn": int((sight.lives != lives).sum()),
                    "loss_log10": successor.loss(),
                }
                successor.stop()
            yield row


def missed(swarm: Swarm) -> int:
    """Wakes that came too late, of all cells so far."""
    return int(swarm.look().counters[:, Counter.MISSED_WAKES].sum())
