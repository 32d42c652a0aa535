"""A coordinator as a process of its own, for benchmarks that kill it: `planaria run` with the benchmark's options."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coordinator.bench.registry import Options
from firmware_sim.errors import RunFailed

LAUNCH_S = 180


@contextmanager
def coordinator_of(options: Options, folder: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """It has planted the seed; whatever of it still lives at the end is interrupted, and ends its run."""
    height, width = options.grid
    command = [sys.executable, "-m", "coordinator.cli.main", "run", options.rule, "--grid", f"{height}x{width}"]
    command += ["--interval", str(options.interval_s), "--engine", options.engines[-1], "--no-view", *words]
    process = subprocess.Popen(
        [*command, "--seed", str(options.seeds[0]), "--out", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await_seed(folder, process)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait()


def _await_seed(folder: Path, process: subprocess.Popen[bytes]) -> None:
    events = folder / "events.jsonl"
    for _ in range(LAUNCH_S * 10):
        if events.exists() and '"event":"seed"' in events.read_text():
            return
        if process.poll() is not None:
            raise RunFailed(f"the coordinator ended with exit code {process.returncode} before it planted the seed")
        time.sleep(0.1)
    raise RunFailed(f"no seed was planted within {LAUNCH_S} s")
