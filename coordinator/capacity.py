"""How many one-process cells fit this machine, and what stands in the way; checked before anything is started.

Reads /proc, the cgroup (v1 and v2) and the resource limits, starts and changes nothing. Imports the standard library
only.
"""

from __future__ import annotations

import math
import os
import resource
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from firmware_sim.errors import BadInput

MIB = 1 << 20
# Plan; measured 3.6-3.8, about 1 more with onnxruntime; 8.3-9.3 with Unicorn (it keeps its code), 5.4 with simavr,
# 7.5 with a board at a serial port (its process is forked before it knows how to speak to one).
CELL_MIB = {
    "numpy": 4.0,
    "chip": 4.0,
    "native": 4.0,
    "onnx": 5.0,
    "unicorn": 10.0,
    "rv32imc": 10.0,
    "rv32ec": 10.0,
    "avr": 6.5,
    "board": 8.0,
}
PATCH_MIB = 8.0  # a process that carries a patch, and for each of its cells ...
PATCH_CELL_KIB = 8.0  # ... its page of the panel, its slots and counters, the agent's and the camera's tables
CELL_TASKS = 3  # threads a cell: Python and two of libzmq; each takes a process id
CELL_FILES = 64  # file descriptors a cell, 32-36 measured
MEMORY_SHARE = 0.9  # of what is available: the rest of the machine lives on
SPARE_TASKS = 512  # everything else that runs here
SPARE_FILES = 64
UNLIMITED = 1 << 60


@dataclass(frozen=True, slots=True)
class Machine:
    """What is free here: bytes, tasks, descriptors. `memory_total` is the machine's or the cgroup's limit."""

    memory_total: int
    memory_available: int
    memory_source: str
    tasks_free: int
    tasks_source: str
    files_free: int  # system-wide
    parent_files: int  # hard RLIMIT_NOFILE: the agent watches one descriptor a cell
    cores: float


@dataclass(frozen=True, slots=True)
class Bound:
    """One thing that limits the number of cells."""

    cells: int
    reason: str


def bounds(machine: Machine, engine: str, cell_mib: float | None = None) -> list[Bound]:
    """Every bound on the number of cells, tightest first; `cell_mib` where they are not all the same."""
    cell_bytes = int((cell_mib or CELL_MIB.get(engine, 5.0)) * MIB)
    found = [
        Bound(
            int(machine.memory_available * MEMORY_SHARE) // cell_bytes,
            f"{machine.memory_available / MIB:,.0f} MiB of memory ({machine.memory_source}), of which "
            f"{MEMORY_SHARE:.0%} are used, at {cell_bytes / MIB:g} MiB a cell",
        ),
        Bound(
            max(machine.tasks_free - SPARE_TASKS, 0) // CELL_TASKS,
            f"{machine.tasks_free:,} free processes and threads ({machine.tasks_source}) at {CELL_TASKS} a cell",
        ),
        Bound(machine.files_free // CELL_FILES, f"{machine.files_free:,} free file descriptors (fs.file-max)"),
        Bound(
            max(machine.parent_files - SPARE_FILES, 0),
            f"a hard limit of {machine.parent_files:,} open files (RLIMIT_NOFILE) for the agent, one a cell",
        ),
    ]
    return sorted(found, key=lambda bound: bound.cells)


def check(cells: int, engine: str, machine: Machine, others: Mapping[str, int] | None = None) -> None:
    """Raise BadInput, saying how many would fit, if this machine cannot hold `cells` one-process cells.

    `others`: how many of them run another engine.
    """
    counts = dict(others or {})
    counts[engine] = counts.get(engine, 0) + cells - sum(counts.values())
    cell_mib = sum(count * CELL_MIB.get(name, 5.0) for name, count in counts.items()) / max(cells, 1)
    tightest = bounds(machine, engine, round(cell_mib, 2))[0]
    if cells > tightest.cells:
        side = math.isqrt(tightest.cells)
        raise BadInput(
            f"{cells:,} cells do not fit this machine: {tightest.reason} make {tightest.cells:,} cells; "
            f"the largest square grid is {side}x{side} (or use --substrate virtual)"
        )


def check_patches(cells: int, patches: int, machine: Machine) -> None:
    """Raise BadInput, saying what is missing, if this machine cannot hold so many cells in so many processes."""
    needed = patches * PATCH_MIB + cells * PATCH_CELL_KIB / 1024
    room = machine.memory_available / MIB * MEMORY_SHARE
    tasks, files = patches * CELL_TASKS, patches * CELL_FILES
    where = f"{cells:,} cells in {patches:,} patches do not fit this machine: they need "
    if needed > room:
        raise BadInput(
            f"{where}{needed:,.0f} MiB of {room:,.0f} ({machine.memory_source}); use larger patches, or fewer cells"
        )
    if tasks > machine.tasks_free - SPARE_TASKS:
        raise BadInput(
            f"{where}{tasks:,} threads of {machine.tasks_free:,} ({machine.tasks_source}); use larger patches"
        )
    if files > machine.files_free:
        raise BadInput(f"{where}{files:,} file descriptors of {machine.files_free:,}; use larger patches")


def this_machine(root: Path = Path("/"), *, as_root: bool | None = None) -> Machine:
    """Read this machine's limits; `root` and `as_root` are for tests."""
    total, available = _meminfo(root)
    source = "available"
    for limit, used in _cgroup_memory(root):
        total = min(total, limit)
        if limit - used < available:
            available, source = max(limit - used, 0), "the control group's limit"
    tasks, tasks_source = _tasks(root, os.geteuid() == 0 if as_root is None else as_root)
    allocated, _, maximum = [*_integers(root / "proc/sys/fs/file-nr"), 0, 0, UNLIMITED][:3]
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return Machine(
        memory_total=total,
        memory_available=available,
        memory_source=source,
        tasks_free=tasks,
        tasks_source=tasks_source,
        files_free=max(min(maximum, UNLIMITED) - allocated, 0),
        parent_files=UNLIMITED if hard == resource.RLIM_INFINITY else hard,
        cores=cores(root),
    )


def cores(root: Path = Path("/")) -> float:
    """Processor cores this process may use: affinity, capped by the cgroup's quota."""
    count = float(len(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else float(os.cpu_count() or 1)
    for folder in _cgroup_folders(root, "cpu"):
        maximum = _text(folder / "cpu.max").split()
        if len(maximum) == 2 and maximum[0] != "max":
            count = min(count, int(maximum[0]) / int(maximum[1]))
        quota, period = _integers(folder / "cpu.cfs_quota_us"), _integers(folder / "cpu.cfs_period_us")
        if quota and period and quota[0] > 0:
            count = min(count, quota[0] / period[0])
    return max(count, 0.1)


def _meminfo(root: Path) -> tuple[int, int]:
    values = {}
    for line in _text(root / "proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        fields = rest.split()
        if fields and fields[0].isdigit():
            values[name] = int(fields[0]) * 1024
    return values.get("MemTotal", UNLIMITED), values.get("MemAvailable", values.get("MemFree", UNLIMITED))


def _cgroup_folders(root: Path, controller: str) -> Iterator[Path]:
    """This process's folders for a controller, v2 and v1, from its own up to the top (a container sees its own as
    top).
    """
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "":
            base = root / "sys/fs/cgroup"
            base = base / "unified" if (base / "unified").is_dir() else base
        elif controller in controllers.split(","):
            base = root / "sys/fs/cgroup" / controller
        else:
            continue
        folder = base / path.lstrip("/")
        while folder != base and base in folder.parents:
            yield folder
            folder = folder.parent
        yield base


def _cgroup_memory(root: Path) -> Iterator[tuple[int, int]]:
    """(limit, bytes in use that cannot be reclaimed) for every limited level."""
    for folder in _cgroup_folders(root, "memory"):
        for limit_name, used_name, reclaimable in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            limit = _integers(folder / limit_name)
            if not limit or limit[0] >= UNLIMITED:
                continue
            used = (_integers(folder / used_name) or [0])[0]
            for line in _text(folder / "memory.stat").splitlines():
                name, _, value = line.partition(" ")
                if name == reclaimable:
                    used -= int(value)
            yield limit[0], max(used, 0)


def _tasks(root: Path, as_root: bool) -> tuple[int, str]:
    running = int([*_text(root / "proc/loadavg").split(), "", "", "", "0/0"][3].split("/")[1])
    options: list[tuple[int, str]] = []
    for name, label in (("pid_max", "kernel.pid_max"), ("threads-max", "kernel.threads-max")):
        maximum = _integers(root / "proc/sys/kernel" / name)
        if maximum:
            options.append((maximum[0] - running, label))
    for folder in _cgroup_folders(root, "pids"):
        limit, used = _integers(folder / "pids.max"), _integers(folder / "pids.current")
        if limit:
            options.append((limit[0] - (used or [0])[0], "the control group's pids.max"))
    soft = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    if not as_root and soft != resource.RLIM_INFINITY:  # the kernel does not hold root to it
        options.append((soft - _own_tasks(root), "ulimit -u"))
    return min(options, default=(UNLIMITED, "no limit found"))


def _own_tasks(root: Path) -> int:
    uid, count = os.getuid(), 0
    for folder in (root / "proc").glob("[0-9]*"):
        try:
            if folder.stat().st_uid == uid:
                count += len(list((folder / "task").iterdir()))
        except OSError:
            continue  # it ended meanwhile
    return count


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _integers(path: Path) -> list[int]:
    return [int(field) for field in _text(path).split() if field.lstrip("-").isdigit()]
