"""The runtime directory: private, short enough for sockets, swept under a lock, and gone at the end."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cellnode.runtime import MAX_PATH, Runtime, claim, root, try_lock
from firmware_sim.errors import BadInput, RunFailed


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    with tempfile.TemporaryDirectory(prefix="pt-", dir="/dev/shm") as folder:
        runtime = Runtime(Path(folder) / "r")
        runtime.create()
        yield runtime


def test_the_root_is_the_given_folder_or_a_private_one_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANARIA_RUNTIME_DIR", "/some/where")
    assert root() == Path("/some/where")
    monkeypatch.delenv("PLANARIA_RUNTIME_DIR")
    assert root() == Path(f"/dev/shm/planaria-{os.getuid()}")


def test_only_the_owner_may_look_into_it(runtime: Runtime) -> None:
    for path in (runtime.path, runtime.path / "c", runtime.path / "k"):
        assert path.stat().st_mode & 0o777 == 0o700


def test_every_path_is_short_enough_for_a_unix_socket(runtime: Runtime) -> None:
    for path in (runtime.control_path(16_777_215), str(runtime.publisher_path(16_777_215))):
        assert len(path) <= MAX_PATH
    assert runtime.endpoint(7) == f"ipc://{runtime.publisher_path(7)}"


def test_a_directory_too_deep_for_sockets_is_refused_and_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="PLANARIA_RUNTIME_DIR"):
        Runtime(tmp_path / ("x" * 80)).create()
    assert not (tmp_path / ("x" * 80)).exists()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../up", "x" * 65, "with space"])
def test_a_run_whose_name_is_no_plain_file_name_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="no valid name"):
        Runtime.of_run(name)


def test_a_claim_says_who_holds_it_and_leaves_nothing_of_who_held_it_before(runtime: Runtime) -> None:
    runtime.coordinator_lock.write_text("4194304 and more\n")
    held = claim(runtime.coordinator_lock)
    assert held is not None and runtime.coordinator_lock.read_text() == f"{os.getpid()}\n"
    assert claim(runtime.coordinator_lock) is None
    assert runtime.coordinator_lock.read_text() == f"{os.getpid()}\n"
    os.close(held)


def test_a_lock_is_held_by_one_and_free_when_its_holder_lets_go(runtime: Runtime) -> None:
    first = try_lock(runtime.agent_lock)
    assert first is not None
    assert try_lock(runtime.agent_lock) is None
    os.close(first)
    second = try_lock(runtime.agent_lock)
    assert second is not None
    os.close(second)


def test_a_sweep_removes_panel_and_sockets_and_keeps_the_log(runtime: Runtime) -> None:
    for name in ("panel", "c/0", "k/0", "agent.log"):
        (runtime.path / name).write_text("left over")
    runtime.sweep()
    left = {str(path.relative_to(runtime.path)) for path in runtime.path.rglob("*") if path.is_file()}
    assert left == {"agent.log", "cells.lock"}


def test_a_sweep_waits_for_the_last_cell_and_gives_up_loudly(runtime: Runtime) -> None:
    cell = try_lock(runtime.cells_lock, shared=True)
    assert cell is not None
    runtime.panel.write_text("in use")
    with pytest.raises(RunFailed, match="still hold"):
        runtime.sweep(wait_s=0.05)
    assert runtime.panel.exists(), "nothing is taken from a cell that lives"
    os.close(cell)
    runtime.sweep(wait_s=0.05)
    assert not runtime.panel.exists()


def test_removing_it_leaves_nothing(runtime: Runtime) -> None:
    runtime.remove()
    assert not runtime.path.exists()
