"""What a page costs while it is watched: CPU of its server and of the coordinator, and how the swarm fares meanwhile.

A camera of its own samples the ages of what cells use, alike whoever watches; its CPU time is taken out. May import
cellnode's panel and runtime, the camera and the API.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from cellnode.panel import Counter
from cellnode.runtime import Runtime
from coordinator import Swarm
from coordinator.bench.registry import Row
from coordinator.camera import Camera

SAMPLE_EVERY_S = 0.25
COUNTED = [Counter.UPDATES, Counter.LATE_NS, Counter.CPU_NS]


class Cost:
    """Measures as long as the `with` lasts; `row` has the numbers afterwards. `server`: its process."""

    def __init__(self, swarm: Swarm, server: int) -> None:
        self._swarm, self._server = swarm, server
        info = swarm.info
        self._camera = Camera(Runtime(Path(info.runtime)).panel, info.height, info.width, info.torus)
        self._ages: list[NDArray[np.float64]] = []
        self._sampling_s = 0.0
        self._over = threading.Event()
        self._sampler = threading.Thread(target=self._sample, name="bench-ages")
        self.row: Row = {}

    def __enter__(self) -> Cost:
        self._camera.look(self._interval_ns)
        self._began, self._before = time.monotonic(), self._used()
        self._sampler.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        after, seconds = self._used(), time.monotonic() - self._began
        self._over.set()
        self._sampler.join()
        self._camera.close()
        mine, server, updates, late_ns, cells_ns = (
            (now - then) / seconds for now, then in zip(after, self._before, strict=True)
        )
        ages = np.concatenate(self._ages) if self._ages else np.zeros(0)
        self.row = {
            "page_cpu": round(server, 4),
            "coordinator_cpu": round(mine - self._sampling_s / seconds, 4),
            "cells_cpu": round(cells_ns / 1e9, 3),
            "updates_per_s": round(updates, 1),
            "late_ms_an_update": round(late_ns / 1e6 / updates, 2) if updates else None,
            "stale_age_p99_T": round(float(np.quantile(ages, 0.99)), 3) if ages.size else None,
            "stale_age_max_T": round(float(ages.max()), 3) if ages.size else None,
        }

    @property
    def _interval_ns(self) -> int:
        return round(self._swarm.interval_s * 1e9)

    def _sample(self) -> None:
        while not self._over.wait(SAMPLE_EVERY_S):
            self._ages.append(self._camera.look(self._interval_ns).ages_intervals)
            self._sampling_s = time.thread_time()

    def _used(self) -> tuple[float, ...]:
        """CPU seconds of this process and of the server; updates, lateness and CPU ns of all cells."""
        counters = self._swarm.look().counters[:, COUNTED].sum(axis=0)
        return (time.process_time(), cpu_s(self._server), *(float(value) for value in counters))


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far, of all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
