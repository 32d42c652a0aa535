"""How many cells this machine could hold, and why not more."""

from __future__ import annotations

import resource

import pytest

from cellnode import hostlimits
from cellnode.hostlimits import CELL_BYTES, CELL_THREADS, MEMORY_SHARE, RESERVE_TASKS, host_limit, memory_available


def test_memory_is_what_the_kernel_says_is_available_or_less() -> None:
    assert 0 < memory_available() <= hostlimits._meminfo("MemTotal")


def test_little_memory_is_named_as_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostlimits, "memory_available", lambda: 100 * CELL_BYTES["numpy"])
    limit = host_limit("numpy")
    assert limit.cells == int(100 * MEMORY_SHARE)
    assert "memory" in limit.why
    assert host_limit("onnx").cells < limit.cells, "cells with onnxruntime are larger"


def test_few_processes_are_named_as_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostlimits, "memory_available", lambda: 1 << 50)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (RESERVE_TASKS + 30 * CELL_THREADS, 0))
    limit = host_limit()
    assert limit.cells == 30
    assert "ulimit -u" in limit.why


def test_a_control_group_that_allows_less_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = {"memory.max": (1000, 400), "pids.max": (RESERVE_TASKS + 100 + 6, 100)}
    monkeypatch.setattr(hostlimits, "_cgroup_pairs", lambda name, *_: [allowed[name]])
    assert memory_available() == 600
    monkeypatch.setattr(hostlimits, "memory_available", lambda: 1 << 50)
    limit = host_limit()
    assert limit.cells == 6 // CELL_THREADS
    assert "pids.max" in limit.why
