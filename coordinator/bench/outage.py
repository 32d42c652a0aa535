"""What the death of the coordinator does to a swarm: it is SIGKILLed as a process of its own, and another one attaches.

Missed wakes are read from the panel by a camera of this benchmark, in a window before and one of the same length after.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from cellnode.panel import Counter
from coordinator import Swarm
from coordinator.bench.registry import Options, Row
from firmware_sim.errors import RunFailed

GROWN_T = 60
LAUNCH_S = 180


def measure(options: Options) -> Iterator[Row]:
    """One row: missed wakes before and after kill -9, and the seconds until a new coordinator sees every cell."""
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "run"
        height, width = options.grid
        command = [sys.executable, "-m", "coordinator.cli.main", "run", options.rule, "--grid", f"{height}x{width}"]
        command += ["--interval", str(options.interval_s), "--engine", options.engines[-1], "--no-view", "--seed", "1"]
        coordinator = subprocess.Popen([*command, "--out", str(folder)], stderr=subprocess.DEVNULL)
        try:
            _await_seed(folder, coordinator)
            with Swarm.attach(str(folder)) as guest:
                guest.wait(GROWN_T)
                start = _missed(guest)
                time.sleep(options.window_s)
                before = _missed(guest) - start
                lives, last = guest.look().lives.copy(), _missed(guest)
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
                    "missed_wakes_after": _missed(successor) - last,
                    "new_coordinator_sees_all_s": round(seen_s, 2),
                    "cells_reborn": int((sight.lives != lives).sum()),
                    "loss_log10": successor.loss(),
                }
                successor.stop()
            yield row
        finally:
            if coordinator.poll() is None:
                coordinator.send_signal(signal.SIGINT)
                coordinator.wait()


def _missed(swarm: Swarm) -> int:
    return int(swarm.look().counters[:, Counter.MISSED_WAKES].sum())


def _await_seed(folder: Path, coordinator: subprocess.Popen[bytes]) -> None:
    events = folder / "events.jsonl"
    for _ in range(LAUNCH_S * 10):
        if events.exists() and '"event":"seed"' in events.read_text():
            return
        if coordinator.poll() is not None:
            raise RunFailed(f"the coordinator ended with exit code {coordinator.returncode} before it planted the seed")
        time.sleep(0.1)
    raise RunFailed(f"no seed was planted within {LAUNCH_S} s")
