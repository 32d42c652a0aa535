"""A memory limit as a container would have it: a control group of its own, on cgroup v1 or v2. Needs root."""

from __future__ import annotations

import os
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
            names = ("memory.limit_in_bytes", "memory.max_usage_in_bytes") if old else ("memory.max", "memory.peak")
            (self._home / names[0]).write_text(str(limit_mib << 20))
        except OSError as error:
            pytest.skip(f"SKIPPED LOUDLY: no memory control group can be made here ({error})")
        self.procs = self._home / "cgroup.procs"
        self._peak = self._home / names[1]

    @property
    def peak_mib(self) -> float:
        """The most that was ever in use, kernel memory and page cache included."""
        return int(self._peak.read_text()) / 2**20

    def close(self) -> None:
        self._home.rmdir()
