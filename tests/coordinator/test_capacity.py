"""How many cells fit, under limits that are made up in files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from coordinator.capacity import MIB, Machine, bounds, check, cores, this_machine
from firmware_sim.errors import BadInput

ROOMY = Machine(
    memory_total=64 << 30,
    memory_available=60 << 30,
    memory_source="available",
    tasks_free=100_000,
    tasks_source="kernel.pid_max",
    files_free=10_000_000,
    parent_files=100_000,
    cores=4,
)


def machine_of(root: Path, **files: str) -> Machine:
    base = {
        "proc/meminfo": "MemTotal:       16000000 kB\nMemAvailable:   12000000 kB\n",
        "proc/self/cgroup": "0::/job\n",
        "proc/loadavg": "0.1 0.1 0.1 1/300 999\n",
        "proc/sys/kernel/pid_max": "32768\n",
        "proc/sys/kernel/threads-max": "100000\n",
        "proc/sys/fs/file-nr": "1000 0 900000\n",
    }
    for name, text in {**base, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return this_machine(root, as_root=True)


def test_a_grid_that_fits_passes() -> None:
    check(1600, "numpy", ROOMY)


@pytest.mark.parametrize(
    ("machine", "reason"),
    [
        (replace(ROOMY, memory_available=400 * MIB), "memory"),
        (replace(ROOMY, tasks_free=900), "processes and threads"),
        (replace(ROOMY, files_free=2_000), "file descriptors"),
        (replace(ROOMY, parent_files=100), "RLIMIT_NOFILE"),
    ],
)
def test_one_line_says_what_is_short_and_how_many_would_fit(machine: Machine, reason: str) -> None:
    with pytest.raises(BadInput, match=reason) as error:
        check(1600, "numpy", machine)
    fits = bounds(machine, "numpy")[0].cells
    side = int(fits**0.5)
    assert f"make {fits:,} cells" in str(error.value) and f"{side}x{side}" in str(error.value)
    assert "\n" not in str(error.value)
    check(side * side, "numpy", machine)


def test_onnx_cells_need_more_memory() -> None:
    assert bounds(replace(ROOMY, memory_available=100 * MIB), "onnx")[0].cells < 20
    assert bounds(replace(ROOMY, memory_available=100 * MIB), "chip")[0].cells > 20


def test_available_memory_is_read(tmp_path: Path) -> None:
    machine = machine_of(tmp_path)
    assert machine.memory_available == 12_000_000 * 1024 and machine.memory_total == 16_000_000 * 1024
    assert machine.tasks_free == 32768 - 300


def test_a_cgroup_v2_limit_counts_without_what_can_be_reclaimed(tmp_path: Path) -> None:
    machine = machine_of(
        tmp_path,
        **{
            "sys/fs/cgroup/job/memory.max": str(2 << 30),
            "sys/fs/cgroup/job/memory.current": str(1 << 30),
            "sys/fs/cgroup/job/memory.stat": f"anon 1\ninactive_file {512 * MIB}\n",
        },
    )
    assert machine.memory_available == (2 << 30) - (1 << 30) + 512 * MIB
    assert machine.memory_total == 2 << 30


def test_a_limit_on_a_parent_group_counts(tmp_path: Path) -> None:
    machine = machine_of(
        tmp_path,
        **{
            "proc/self/cgroup": "0::/outer/inner\n",
            "sys/fs/cgroup/outer/memory.max": str(1 << 30),
            "sys/fs/cgroup/outer/inner/memory.max": "max",
            "sys/fs/cgroup/outer/pids.max": "700",
            "sys/fs/cgroup/outer/pids.current": "100",
        },
    )
    assert machine.memory_total == 1 << 30
    assert machine.tasks_free == 600 and "pids.max" in machine.tasks_source


def test_a_cgroup_v1_limit_counts(tmp_path: Path) -> None:
    machine = machine_of(
        tmp_path,
        **{
            "proc/self/cgroup": "4:memory:/job\n3:cpu,cpuacct:/\n",
            "sys/fs/cgroup/memory/job/memory.limit_in_bytes": str(1 << 30),
            "sys/fs/cgroup/memory/job/memory.usage_in_bytes": str(256 * MIB),
        },
    )
    assert machine.memory_available == (1 << 30) - 256 * MIB


def test_a_container_that_sees_its_own_group_as_top_is_limited_too(tmp_path: Path) -> None:
    machine = machine_of(tmp_path, **{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": str(1 << 30)})
    assert machine.memory_total == 1 << 30


def test_a_processor_quota_counts(tmp_path: Path) -> None:
    machine_of(tmp_path, **{"sys/fs/cgroup/job/cpu.max": "50000 100000"})
    assert cores(tmp_path) == 0.5
