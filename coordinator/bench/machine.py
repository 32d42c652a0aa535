"""What a figure was measured on, so that no number stands alone. May import the standard library only."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """Processor, cores, memory and load of this machine now."""
    model = next((line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "?")
    memory_kib = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    return {
        "processor": model or platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory_kib / 2**20, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
        "measured": time.strftime("%Y-%m-%d"),
    }


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def own_memory_mib(pids: list[int]) -> float:
    """Of these processes together: what each has for itself, and its part of what they share; panels left out."""
    kib = {"Pss_Anon:": 0, "Pss_File:": 0}
    for pid in pids:
        for line in _lines(f"/proc/{pid}/smaps_rollup"):
            name, _, size = line.partition(" ")
            if name in kib:
                kib[name] += int(size.split()[0])
    return sum(kib.values()) / 1024


def pss_mib(pids: list[int]) -> list[float]:
    """Proportional set size of each process still there, MiB, from smaps_rollup."""
    sizes = []
    for pid in pids:
        for line in _lines(f"/proc/{pid}/smaps_rollup"):
            if line.startswith("Pss:"):
                sizes.append(int(line.split()[1]) / 1024)
                break
    return sizes
