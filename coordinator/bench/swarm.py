"""A swarm of real processes from nothing to a grown picture: launch, memory, CPU, freshness, loss. Uses the API."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator

import numpy as np

from coordinator import Swarm
from coordinator.bench.machine import pss_mib
from coordinator.bench.registry import Options, Row

GROWN_T = 100


def measure(options: Options) -> Iterator[Row]:
    """One row an engine. `launch_s`: from the call to all connected, the seed planted right after."""
    for engine in options.engines:
        with tempfile.TemporaryDirectory() as home:
            linked = [0.0]
            begun = time.monotonic()

            def progress(seen: object, begun: float = begun, linked: list[float] = linked) -> None:
                linked[0] = time.monotonic() - begun

            with Swarm.start(
                options.rule,
                options.grid,
                engine=engine,
                interval_s=options.interval_s,
                seed=options.seeds[0],
                out=f"{home}/run",
                on_line=options.say,
                on_progress=progress,
            ) as swarm:
                swarm.wait_until(GROWN_T)
                measured = swarm.measure()
                pids = swarm.look().pids[::16].tolist()
                sizes = pss_mib(pids)
        options.say(measured.line)
        yield {
            "engine": engine,
            "processes": measured.processes,
            "launch_s": round(linked[0], 1),
            "pss_mib_mean": round(float(np.mean(sizes)), 2),
            "pss_mib_max": round(float(np.max(sizes)), 2),
            "interval_s": measured.interval_s,
            "updates_per_s": round(measured.updates_per_s),
            "cpu_us_per_update": measured.cpu_us_per_update and round(measured.cpu_us_per_update),
            "heard_share": measured.heard_share and round(measured.heard_share, 3),
            "stale_age_p99_T": measured.stale_age_p99 and round(measured.stale_age_p99, 3),
            "missed_wakes": measured.missed_wakes,
            "loss_log10_at_100T": measured.loss_log10,
        }
