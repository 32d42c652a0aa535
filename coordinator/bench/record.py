"""What recording costs: the same swarm with and without, one after the other, and how long it takes to verify."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from coordinator import Swarm
from coordinator.bench.registry import Options, Row
from coordinator.opening import copy_of_rule
from coordinator.runfolder import RunFolder
from coordinator.verify import verify
from firmware_sim.errors import RunFailed

TICKS_S = os.sysconf("SC_CLK_TCK")


def measure(options: Options) -> Iterator[Row]:
    """Two rows an engine. `agent_cpu_percent`: of one core, while the swarm lives."""
    for engine in options.engines:
        for recorded in (False, True):
            with tempfile.TemporaryDirectory() as home:
                yield {"engine": engine, "recorded": recorded} | _row(options, engine, recorded, Path(home) / "run")


def _row(options: Options, engine: str, recorded: bool, folder: Path) -> Row:
    with Swarm.start(
        options.rule,
        options.grid,
        engine=engine,
        interval_s=options.interval_s,
        seed=options.seeds[0],
        record=recorded,
        out=folder,
        on_line=options.say,
    ) as swarm:
        agent = _agent(swarm.run)
        began, before = time.monotonic(), _cpu_s(agent)
        swarm.wait(options.window_s / options.interval_s)
        share = (_cpu_s(agent) - before) / (time.monotonic() - began)
        measured = swarm.measure()
    row: Row = {
        "t": round(measured.intervals),
        "updates": measured.updates,
        "cpu_us_per_update": measured.cpu_us_per_update and round(measured.cpu_us_per_update, 1),
        "agent_cpu_percent": round(100 * share, 1),
        "missed_wakes": measured.missed_wakes,
    }
    if recorded:
        files = RunFolder.open(folder)
        size = sum(path.stat().st_size for path in files.recording.iterdir())
        began = time.monotonic()
        found = verify(files, copy_of_rule(files))
        row |= {
            "recorded_updates": found.updates,
            "bytes_per_update": round(size / max(found.updates, 1), 1),
            "gaps": found.gaps,
            "verdict": found.verdict,
            "verify_s": round(time.monotonic() - began, 1),
        }
    return row


def _agent(run: str) -> int:
    """Process id of the run's agent, by its command line."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"cellnode.agent" in words and run.encode() in words:
            return int(path.parent.name)
    raise RunFailed(f"the agent of run {run} is not to be found")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_S
