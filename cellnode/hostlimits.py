"""How many one-cell processes this machine could hold, and which of its limits says so.

Reads /proc and /sys only; starts nothing. Imports the standard library only.
"""

from __future__ import annotations

import resource
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20
CELL_MIB: dict[str, float] = {  # PSS of a running cell, measured upper bounds
    "numpy": 4,
    "chip": 4,
    "native": 4,
    "onnx": 5,
    "unicorn": 10,
    "rv32imc": 10,
    "rv32ec": 10,
    "avr": 6.5,
    "board": 5,
}
CELL_BYTES = {name: int(mib * MIB) for name, mib in CELL_MIB.items()}
CELL_THREADS = 3  # libzmq's reaper and io thread, and the cell
CELL_FILES = 64  # open files of one cell, against the system-wide limit
RESERVE_TASKS = 512  # for everything else that runs here
MEMORY_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class HostLimit:
    """At most `cells` cells, because of `why`."""

    cells: int
    why: str


def memory_available() -> int:
    """Bytes that could be used now: MemAvailable, or less under a control group's limit."""
    available = _meminfo("MemAvailable")
    for limit, used in _cgroup_pairs(
        "memory.max", "memory.current", "memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"
    ):
        available = min(available, max(0, limit - used))
    return available


def host_limit(engine: str = "numpy") -> HostLimit:
    """The tightest limit for cells with this engine."""
    limits = [HostLimit(int(memory_available() * MEMORY_SHARE) // CELL_BYTES.get(engine, 5 * MIB), "available memory")]
    tasks = [
        (_number("/proc/sys/kernel/pid_max"), "kernel.pid_max"),
        (_number("/proc/sys/kernel/threads-max"), "kernel.threads-max"),
    ]
    soft, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    if soft != resource.RLIM_INFINITY:
        tasks.append((soft, "ulimit -u"))
    tasks += [
        (limit - used, "the control group's pids.max")
        for limit, used in _cgroup_pairs("pids.max", "pids.current", "pids/pids.max", "pids/pids.current")
    ]
    limits += [
        HostLimit(max(0, number - RESERVE_TASKS) // CELL_THREADS, why) for number, why in tasks if number is not None
    ]
    files = _number("/proc/sys/fs/file-max")
    if files is not None:
        limits.append(HostLimit(files // CELL_FILES, "fs.file-max"))
    return min(limits, key=lambda limit: limit.cells)


def _meminfo(key: str) -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    return 0


def _number(path: str) -> int | None:
    """The number in a file, or None where there is no such file or it says "max"."""
    try:
        return int(Path(path).read_text())
    except (OSError, ValueError):
        return None


def _cgroup_pairs(limit_2: str, used_2: str, limit_1: str, used_1: str) -> list[tuple[int, int]]:
    """(limit, used) of this process's control groups, version 2 and 1, where they are set."""
    pairs = []
    folders = [Path("/sys/fs/cgroup")]
    try:
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            if line.startswith("0::"):
                inner = Path("/sys/fs/cgroup") / line[3:].lstrip("/")
                folders += [inner, *list(inner.parents)[: len(inner.relative_to("/sys/fs/cgroup").parts)]]
    except (OSError, ValueError):
        pass
    for folder in dict.fromkeys(folders):
        for limit_name, used_name in ((limit_2, used_2), (limit_1, used_1)):
            limit, used = _number(str(folder / limit_name)), _number(str(folder / used_name))
            if limit is not None and used is not None and limit < 1 << 60:
                pairs.append((limit, used))
    return pairs
