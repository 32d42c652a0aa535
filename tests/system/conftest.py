"""What system tests share: swarms that are always stopped, a browser, and a shim that refuses connections."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browsing import Visit, chromium, visiting
from playwright.sync_api import Browser
from starting import Start

from coordinator import Swarm

ROOT = Path(__file__).parents[2]


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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser; a test that wants one is skipped where there is none."""
    with chromium() as found:
        yield found


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Opens pages in it (browsing.visiting)."""
    with visiting(browser) as go:
        yield go
