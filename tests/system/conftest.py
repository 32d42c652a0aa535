"""What system tests share: a private runtime root, swarms that are always stopped, and the proof of clean ends."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coordinator import Swarm

Start = Callable[..., Swarm]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def runtime_root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A runtime root of this test's own; nothing may be left in it at the end, neither file nor process."""
    root = Path(f"/dev/shm/pt-{os.getpid()}")
    monkeypatch.setenv("PLANARIA_RUNTIME_DIR", str(root))
    yield root
    left = sorted(str(path) for path in root.rglob("*")) if root.exists() else []
    for _ in range(50):  # an agent that has removed all its files still needs a moment to end
        processes = subprocess.run(["pgrep", "-af", str(root)], capture_output=True, text=True).stdout
        if not processes:
            break
        time.sleep(0.1)
    subprocess.run(["pkill", "-9", "-f", str(root)], check=False)
    subprocess.run(["rm", "-rf", str(root)], check=True)
    assert left == [], f"left behind: {left[:5]}"
    assert processes == "", f"left running: {processes}"


@pytest.fixture
def start(runtime_root: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts swarms of `dot`, 6x6 at T = 0.1 s unless told otherwise, and stops them."""
    swarms: list[Swarm] = []

    def begin(rule: str = "dot", grid: tuple[int, int] = (8, 8), **settings: object) -> Swarm:
        settings = {"interval_s": 0.1, "seed": 1, "out": tmp_path / f"run{len(swarms)}"} | settings
        swarm = Swarm.start(rule, grid, **settings)  # type: ignore[arg-type]
        swarms.append(swarm)
        return swarm

    yield begin
    for swarm in swarms:
        if not swarm.ended:
            swarm.stop()


@pytest.fixture
def refuse_connect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Cells started from now on cannot connect to Unix sockets whose path contains the given text."""
    library = tmp_path / "refuse_connect.so"
    source = Path(__file__).with_name("refuse_connect.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)

    def refuse(text: str) -> None:
        monkeypatch.setenv("LD_PRELOAD", str(library))
        monkeypatch.setenv("PLANARIA_TEST_REFUSE", text)

    return refuse
