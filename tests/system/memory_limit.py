"""A memory limit as a container would have it: a control group of its own, on cgroup v1 or v2. Needs root."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

ROOT = Path("/sys/fs/cgroup")


class MemoryLimit:
    """A control group with `limit_mib`; processes put themselves into it by writing to `procs`."""

    def __init__(self, limit_mib: int) -> None:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        paths = {line.split(":")[1]: line.split(":")[2].lstrip("/") for line in lines}
        old = (ROOT / "memory").is_dir()
        base = ROOT / "memory" / paths.get("memory", "") if old else ROOT / paths.get("", "")
        self._home = base / f"planaria-test-{os.getpid()}"
        try:
            self._home.mkdir()
            (self._home / ("memory.limit_in_bytes" if old else "memory.max")).write_text(str(limit_mib << 20))
        except OSError as error:
            pytest.skip(f"SKIPPED LOUDLY: no memory control group can be made here ({error})")
        self.procs = self._home / "cgroup.procs"
        self._kinds = ("total_rss", "total_shmem") if old else ("anon", "shmem")
        self._most = 0.0
        self._end = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self._sampler.start()

    @property
    def peak_mib(self) -> float:
        """The most that processes held at any second: private and shared memory, without what the kernel could drop
        (the page cache of an installation) and without its own tables."""
        return self._most

    def close(self) -> None:
        self._end.set()
        self._sampler.join()
        self._home.rmdir()

    def _sample(self) -> None:
        while not self._end.wait(1.0):
            stat = dict(line.split() for line in (self._home / "memory.stat").read_text().splitlines())
            self._most = max(self._most, sum(int(stat.get(kind, 0)) for kind in self._kinds) / 2**20)
